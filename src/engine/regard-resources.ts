import type { AccessLetter } from '../core/model/access-list.ts'
import { noTouch } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { putAccess } from '../store/access-lists.ts'
import type { DialogRef } from '../store/dialogs.ts'
import { applyOutcome } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { lockPublisher } from '../store/users.ts'
import type { Asking, EngineDeps } from './deps.ts'
import { accessTo, findAccess, type AccessOf } from './watchable.ts'

/** What access lists decide of those that a list watches, and whose clients are to be told that somebody waits. */
export interface Regarded {
  readonly access: AccessOf
  readonly touched: readonly UserKey[]
}

/**
 * Writes to the edges of a list, once they are stored, what the access lists of those that it begins to watch decide. Whoever is allowed is so already; all others are looked at once
 * more behind the publisher's lock, each by itself, so that no change of their list is missed.
 */
export const regardResources = async (deps: EngineDeps, call: Asking, dialog: DialogRef, publishers: readonly UserKey[]): Promise<Regarded> => {
  const { arrival, now } = call
  const access = new Map(publishers.length === 0 ? [] : await findAccess(poolSession(deps.store.pool), publishers, call, deps.features))
  const touched: UserKey[] = []
  for (const publisher of publishers.filter((one) => accessTo(access, one) !== 'A')) {
    await transact(deps.store.pool, async (tx) => {
      const [, again] = await Promise.all([lockPublisher(tx, publisher), findAccess(tx, [publisher], call, deps.features)])
      const letter: AccessLetter = accessTo(again, publisher)
      void putAccess(tx, publisher, dialog, letter, now)
      for (const [one, decision] of again) access.set(one, decision)
      if (letter !== 'P') return
      touched.push(publisher)
      await applyOutcome(tx, publisher, { changes: [], touch: { ...noTouch, pendingWatchers: true } }, arrival.trace, now)
    })
  }
  return { access, touched }
}
