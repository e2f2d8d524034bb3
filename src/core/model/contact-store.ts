import type { UserKey } from '../sip/uri.ts'
import type { Contact, ContactDelta, ContactGroup } from './contact.ts'

/** Where a contact list is kept, as its subscribers are told (MS-PRES 10): here; here, and to be moved; on its way, and read-only; elsewhere. */
export const ucsModes = ['disabled', 'allowed', 'migrating', 'migrated'] as const
export type UcsMode = (typeof ucsModes)[number]

/** What the outside store holds of one user. */
export interface StoredContacts {
  /** Which move of the list it came by; a later one has a higher number. */
  readonly epoch: number
  /** The number of the last change that came from here. What others change in the store does not move it. */
  readonly deltaNum: number
  readonly groups: readonly ContactGroup[]
  readonly contacts: readonly Contact[]
}

/**
 * The store elsewhere. Whatever it cannot do it throws, with a reason for the operator. Everything may be asked for twice, and late: a list of an earlier epoch, or of
 * the same one with a number that the store has, is left aside, and so are changes by their numbers.
 */
export interface ContactStore {
  readonly putList: (user: UserKey, list: StoredContacts) => Promise<void>
  /** Undefined when the store has no list of that user. */
  readonly readList: (user: UserKey) => Promise<StoredContacts | undefined>
  /** Applies changes in their order; throws when the store holds no list of that epoch. */
  readonly applyChanges: (user: UserKey, epoch: number, deltas: readonly ContactDelta[]) => Promise<void>
  readonly close: () => void
}

/** How a user's list stands between here and there. */
export interface ContactMove {
  readonly user: UserKey
  /** What the operator says of this user; undefined is as for everybody. */
  readonly permitted: boolean | undefined
  readonly mode: UcsMode
  readonly epoch: number
  /** Failed attempts in a row, and why the last one failed. */
  readonly attempts: number
  readonly reason: string | undefined
  /** When there is something to do next. */
  readonly dueAt: number | undefined
  readonly changedAt: number
}

/** A user of whom nobody has asked for anything. */
export const noMove = (user: UserKey): ContactMove =>
  ({ user, permitted: undefined, mode: 'disabled', epoch: 0, attempts: 0, reason: undefined, dueAt: undefined, changedAt: 0 })
