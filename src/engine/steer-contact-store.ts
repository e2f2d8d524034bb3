import type { Failure } from '../core/base/failure.ts'
import { decideMove, isPermitted } from '../core/contacts/contact-store.ts'
import { decideContactImport } from '../core/contacts/import-contacts.ts'
import type { ContactDelta } from '../core/model/contact.ts'
import type { ContactMove } from '../core/model/contact-store.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { forgetOwedChanges, hastenMoves, loadMove, loadPermitted, putMove } from '../store/contact-store.ts'
import { putSetting } from '../store/deployment-settings.ts'
import { applyContactMode, lockForContacts } from '../store/publisher.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { loadContactLimits, type ContactDeps } from './contact-actions.ts'
import { loadUnchanged, readThere, type LookDeps, type ReadThere } from './look-at-contact-store.ts'
import { reasonOf } from './reason-of.ts'

/** Why a list cannot be steered so: it is not where it would have to be; the store did not answer; what it holds is not what a user may have here. */
export class NotSteered extends Error {
  readonly kind: 'place' | 'store' | Failure
  constructor(kind: NotSteered['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** Works on a user's list behind its lock. */
const withMove = (deps: Pick<ContactDeps, 'store'>, user: UserKey, work: (tx: Transaction, move: ContactMove, byDefault: boolean) => Promise<ContactMove> | ContactMove): Promise<ContactMove> =>
  transact(deps.store.pool, async (tx) => {
    const [known, move, byDefault] = await Promise.all([lockForContacts(tx, user), loadMove(tx, user), loadPermitted(tx)])
    if (!known) throw new NotSteered('place', 'the user is not served here')
    return work(tx, move, byDefault)
  })

/** Says for everybody of whom nothing else is said whether lists may move. Those that wait are looked at anew. */
export const permitAll = async ({ store }: Pick<ContactDeps, 'store'>, allowed: boolean, now: number): Promise<void> => {
  await putSetting(poolSession(store.pool), 'contactStore', { allowed }, now)
  await hastenMoves(poolSession(store.pool), now)
}

/** Says of one user whether its list may move, or that it is as for everybody. What waits or is on its way, and may not any more, stays here. */
export const permitUser = (deps: Pick<ContactDeps, 'store'>, user: UserKey, permitted: boolean | undefined, now: number): Promise<ContactMove> =>
  withMove(deps, user, (tx, move, byDefault) => {
    const said = { ...move, permitted }
    const withdrawn = isPermitted(said, byDefault) ? undefined : decideMove(said, 'withdrawn', now, 'its operator does not let it move')
    if (withdrawn === undefined) void putMove(tx, said)
    else applyContactMode(tx, withdrawn, [], 'operator', now)
    return withdrawn ?? said
  })

/** Has a list moved without waiting for its client to ask; one that waits is taken up at once. */
export const startMove = (deps: Pick<ContactDeps, 'store'>, user: UserKey, now: number): Promise<ContactMove> =>
  withMove(deps, user, (tx, move, byDefault) => {
    if (!isPermitted(move, byDefault)) throw new NotSteered('place', 'the list of this user may not move; allow it first')
    if (move.mode === 'allowed') {
      const hastened = { ...move, dueAt: now }
      void putMove(tx, hastened)
      return hastened
    }
    const asked = decideMove(move, 'asked', now)
    if (asked === undefined) throw new NotSteered('place', `the list is ${move.mode}`)
    applyContactMode(tx, asked, [], 'operator', now)
    return asked
  })

/** Whether a list comes back as it is in the store, or as its copy here is. */
export const returnSources = ['store', 'copy'] as const
export type ReturnSource = (typeof returnSources)[number]

const readForReturn = async (deps: LookDeps, move: ContactMove): Promise<ReadThere> => {
  try {
    return await readThere(deps, move)
  } catch (error) {
    throw new NotSteered('store', reasonOf(error))
  }
}

/** Takes a list back that has moved. It stays here until its operator lets it move again, whatever its clients ask for. */
export const returnList = async (deps: ContactDeps & LookDeps, user: UserKey, source: ReturnSource, now: number): Promise<ContactMove> => {
  const seen = await loadMove(poolSession(deps.store.pool), user)
  if (seen.mode !== 'migrated') throw new NotSteered('place', `the list is ${seen.mode}`)
  const read = source === 'store' ? await readForReturn(deps, seen) : undefined
  const decideDeltas = async (tx: Transaction): Promise<readonly ContactDelta[]> => {
    if (read === undefined) return []
    const [list, limits] = await Promise.all([loadUnchanged(tx, user, read.before), loadContactLimits(tx, deps, user)])
    if (list === undefined) throw new NotSteered('place', 'the list was changed at the same time; try again')
    const decided = decideContactImport(read.stored, list, limits)
    if (!decided.ok) throw new NotSteered(decided.failure, 'what the store holds cannot be taken back')
    return decided.value.deltas
  }
  return withMove(deps, user, async (tx, move) => {
    const returned = move.epoch === seen.epoch ? decideMove(move, 'returned', now) : undefined
    if (returned === undefined) throw new NotSteered('place', `the list is ${move.mode}`)
    const next = { ...returned, permitted: false }
    applyContactMode(tx, next, await decideDeltas(tx), 'operator', now)
    void forgetOwedChanges(tx, user)
    return next
  })
}
