import { decideMove, isPermitted, MOVE_LEASE_MS } from '../core/contacts/contact-store.ts'
import type { ContactMove } from '../core/model/contact-store.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { claimMove, loadMove, loadPermitted, lockUcsDialogs } from '../store/contact-store.ts'
import { loadContactList } from '../store/contacts.ts'
import { expireDialogs } from '../store/dialogs.ts'
import { applyContactMode, lockForContacts } from '../store/publisher.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { lookAtStore, type LookDeps } from './look-at-contact-store.ts'
import { reasonOf } from './reason-of.ts'

/** What moving contact lists needs besides the database. */
export interface MoveDeps extends LookDeps {
  /** Says that a list has a change to tell. */
  readonly wake: (users: readonly UserKey[]) => void
  /** Tells dialogs that have ended so. */
  readonly endExpired: () => Promise<unknown>
}

/** A user whose list could not be moved or looked at, and why. */
export interface MoveFailure {
  readonly user: UserKey
  readonly reason: string
}

/** Users looked at in one run of the timer. */
const RUN_BATCH = 50

/** After so many failures in one run the store is left alone until the next one. */
const RUN_FAILURES = 3

/** Changes the mode of a list under its user's lock, if it still is where it was expected; the move after it. */
const changeMode = async (deps: MoveDeps, user: UserKey, trace: string, decide: (tx: Transaction, move: ContactMove, now: number) => Promise<ContactMove | undefined>): Promise<ContactMove | undefined> => {
  const changed = await transact(deps.store.pool, async (tx) => {
    const [known, move] = await Promise.all([lockForContacts(tx, user), loadMove(tx, user)])
    const now = deps.now()
    const next = known ? await decide(tx, move, now) : undefined
    if (next !== undefined) applyContactMode(tx, next, [], trace, now)
    return next
  })
  if (changed !== undefined) deps.wake([user])
  return changed
}

/** Takes up a list that waits: from here on nobody changes it. One that its operator no longer lets move waits no more. */
const take = (deps: MoveDeps, user: UserKey): Promise<ContactMove | undefined> =>
  changeMode(deps, user, 'contact list is moved', async (tx, move, now) => (isPermitted(move, await loadPermitted(tx)) ? decideMove(move, 'taken', now) : decideMove(move, 'withdrawn', now, 'it may not move any more')))

const isStill = (move: ContactMove, taken: ContactMove): boolean => move.mode === 'migrating' && move.epoch === taken.epoch

/**
 * The list is in the store: those who read it there are told that their subscriptions are over, the others that it has moved (4.14.2). The endings are rows that the timer for
 * expired dialogs pays, whoever dies here.
 */
const arrive = async (deps: MoveDeps, taken: ContactMove): Promise<void> => {
  const arrived = await changeMode(deps, taken.user, 'contact list has moved', async (tx, move, now) => {
    const next = isStill(move, taken) ? decideMove(move, 'arrived', now) : undefined
    if (next === undefined) return undefined
    const reading = await lockUcsDialogs(tx, taken.user, now)
    if (reading.length > 0) void expireDialogs(tx, reading, now, 'migrated')
    return { ...next, dueAt: now + deps.refreshMs }
  })
  if (arrived !== undefined) await deps.endExpired()
}

/** Hands a list that nobody changes to the store. An engine that dies on the way leaves it to the next one, which hands it over again. */
const carry = async (deps: MoveDeps, taken: ContactMove): Promise<MoveFailure | undefined> => {
  const { user, epoch } = taken
  const list = await loadContactList(poolSession(deps.store.pool), user)
  try {
    await deps.contacts.putList(user, { epoch, ...list })
  } catch (error) {
    const reason = reasonOf(error)
    await changeMode(deps, user, 'contact list was not moved', async (_tx, move, now) => (isStill(move, taken) ? decideMove(move, 'failed', now, reason) : undefined))
    return { user, reason }
  }
  await arrive(deps, taken)
  return undefined
}

const step = async (deps: MoveDeps, claimed: ContactMove): Promise<MoveFailure | undefined> => {
  if (claimed.mode === 'migrated') {
    const { failed, touched } = await lookAtStore(deps, claimed)
    if (touched) deps.wake([claimed.user])
    return failed === undefined ? undefined : { user: claimed.user, reason: failed }
  }
  const taken = claimed.mode === 'allowed' ? await take(deps, claimed.user) : claimed
  return taken?.mode === 'migrating' ? carry(deps, taken) : undefined
}

/** One run of the timer that moves contact lists to the store elsewhere (3.10.4), and keeps the copies of those fresh that are watched here; says what failed. Any engine may run it. */
export const moveContactLists = async (deps: MoveDeps): Promise<readonly MoveFailure[]> => {
  const failures: MoveFailure[] = []
  for (let done = 0; done < RUN_BATCH && failures.length < RUN_FAILURES; done += 1) {
    const now = deps.now()
    const claimed = await claimMove(poolSession(deps.store.pool), now, now + MOVE_LEASE_MS)
    if (claimed === undefined) break
    const failed = await step(deps, claimed)
    if (failed !== undefined) failures.push(failed)
  }
  return failures
}
