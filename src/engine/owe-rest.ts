import type { Instant } from '../core/base/instant.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { defer } from '../store/deferred.ts'
import type { DialogRef } from '../store/dialogs.ts'
import { transact } from '../store/session.ts'
import type { EngineDeps } from './deps.ts'

/** Owes a dialog what an answer had no room for; it is told right after. */
export const oweRest = async ({ store }: Pick<EngineDeps, 'store'>, { subscriber, localTag }: DialogRef, publishers: readonly UserKey[], now: Instant): Promise<void> => {
  if (publishers.length === 0) return
  await transact(store.pool, async (tx) => {
    void defer(tx, publishers.map((publisher) => ({ subscriber, localTag, publisher, attempts: 0, dueAt: now })), 'did not fit into the answer')
  })
}
