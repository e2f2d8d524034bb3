import { pauseAfter } from '../core/contacts/contact-store.ts'
import { decideContactImport } from '../core/contacts/import-contacts.ts'
import type { ContactList } from '../core/model/contact.ts'
import type { ContactMove, ContactStore, StoredContacts } from '../core/model/contact-store.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { forgetOwedChanges, isListWatched, loadMove, loadOwedChanges, putLooked } from '../store/contact-store.ts'
import { loadContactList } from '../store/contacts.ts'
import { applyContacts, lockForContacts } from '../store/publisher.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import type { EngineDeps } from './deps.ts'
import { reasonOf } from './reason-of.ts'

/** What looking at the store elsewhere needs. */
export interface LookDeps extends Pick<EngineDeps, 'store' | 'now'> {
  readonly contacts: ContactStore
  /** How old the copy of a list may be that is kept elsewhere and watched here, in milliseconds. */
  readonly refreshMs: number
}

/** Changes handed over at a time. */
const PAY_BATCH = 200

/** Hands the store the changes that it has not taken yet; throws when it does not take them. */
const payChanges = async ({ store, contacts }: LookDeps, { user, epoch }: ContactMove): Promise<void> => {
  const session = poolSession(store.pool)
  for (;;) {
    const owed = await loadOwedChanges(session, user, PAY_BATCH)
    const last = owed.at(-1)
    if (last === undefined) return
    await contacts.applyChanges(user, epoch, owed)
    await forgetOwedChanges(session, user, last.deltaNum)
  }
}

/** What the store holds, and the number of the copy before it was asked. */
export interface ReadThere {
  readonly stored: StoredContacts
  readonly before: number
}

/** Reads the list of a user in the store, with all that was changed here; throws when the store cannot say. */
export const readThere = async (deps: LookDeps, move: ContactMove): Promise<ReadThere> => {
  const { deltaNum } = await loadContactList(poolSession(deps.store.pool), move.user)
  await payChanges(deps, move)
  const stored = await deps.contacts.readList(move.user)
  if (stored === undefined) throw new Error('the store has no list of this user')
  if (stored.epoch !== move.epoch) throw new Error('the store has a list of another move')
  return { stored, before: deltaNum }
}

/** The list as it is here, unless it has been changed since the store was read: what was read is then too old. */
export const loadUnchanged = async (tx: Transaction, user: UserKey, before: number): Promise<ContactList | undefined> => {
  const [list, owed] = await Promise.all([loadContactList(tx, user), loadOwedChanges(tx, user, 1)])
  return list.deltaNum === before && owed.length === 0 ? list : undefined
}

/** The store may hold more than a user may have here. */
const NO_LIMITS = { maxContacts: Infinity, maxGroups: Infinity }

/** Makes the copy what the store holds; true when somebody must be told, undefined when the copy has been changed meanwhile. */
const takeOver = (deps: LookDeps, claimed: ContactMove, { stored, before }: ReadThere): Promise<boolean | undefined> =>
  transact(deps.store.pool, async (tx) => {
    const { user, epoch } = claimed
    const [known, move, list] = await Promise.all([lockForContacts(tx, user), loadMove(tx, user), loadUnchanged(tx, user, before)])
    if (!known || move.mode !== 'migrated' || move.epoch !== epoch) return false
    if (list === undefined) return undefined
    const decided = decideContactImport(stored, list, NO_LIMITS)
    if (!decided.ok) throw new Error(`what the store holds is no contact list: ${decided.failure.name}${decided.failure.detail === undefined ? '' : `, ${decided.failure.detail}`}`)
    applyContacts(tx, user, decided.value.deltas, 'contact store', deps.now())
    return decided.value.deltas.length > 0
  })

/** What came of a look: why it failed, if it did, and whether somebody must be told. */
export interface Looked {
  readonly failed?: string
  readonly touched: boolean
}

/**
 * Looks at a list that is kept elsewhere: hands over what was changed here, and, while somebody watches it here, takes over what was changed there (3.10.4: clients that cannot
 * reach the store are served by us). Requests never wait for the store: they are answered from the copy.
 */
export const lookAtStore = async (deps: LookDeps, claimed: ContactMove): Promise<Looked> => {
  const session = poolSession(deps.store.pool)
  try {
    const isWatched = await isListWatched(session, claimed.user, deps.now())
    if (!isWatched) await payChanges(deps, claimed)
    const touched = isWatched ? await takeOver(deps, claimed, await readThere(deps, claimed)) : false
    const dueAt = touched === undefined ? deps.now() : isWatched ? deps.now() + deps.refreshMs : undefined
    await putLooked(session, claimed, { dueAt, attempts: 0, reason: undefined })
    return { touched: touched === true }
  } catch (error) {
    const failed = reasonOf(error)
    await putLooked(session, claimed, { dueAt: deps.now() + pauseAfter(claimed.attempts + 1), attempts: claimed.attempts + 1, reason: failed })
    return { failed, touched: false }
  }
}
