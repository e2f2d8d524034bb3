import type { UserKey } from '../sip/uri.ts'

/** A group of a contact list (MS-SIP 2.2.4.1). */
export interface ContactGroup {
  /** 1 to MAX_GROUP, chosen by the server. */
  readonly id: number
  readonly name: string
  /** Names a group kept elsewhere; passed through. */
  readonly externalUri: string
}

/** A contact of a contact list (MS-SIP 2.2.4.1). */
export interface Contact {
  readonly user: UserKey
  /** Empty: no name of the owner's own, clients show that of the directory. */
  readonly displayName: string
  /** Ids of its groups, ascending, each once, never none. */
  readonly groups: readonly number[]
  /** The owner wants this contact's presence; clients act on it, the server does not. */
  readonly subscribed: boolean
  readonly externalUri: string
  /** Content of contactExtension, verbatim and self-contained where no namespace is in scope, or empty. */
  readonly extension: string
}

/** Contacts and groups of one user under one number, which every change moves by one (MS-SIP 3.7.1). */
export interface ContactList {
  readonly deltaNum: number
  /** Ascending by id; the default group is always there. */
  readonly groups: readonly ContactGroup[]
  readonly contacts: readonly Contact[]
}

/** One change of a contact list, as clients are told and as the store must write it. */
export type ContactChange =
  | { readonly kind: 'addedGroup' | 'modifiedGroup'; readonly group: ContactGroup }
  | { readonly kind: 'deletedGroup'; readonly id: number }
  | { readonly kind: 'addedContact' | 'modifiedContact'; readonly contact: Contact }
  | { readonly kind: 'deletedContact'; readonly user: UserKey }

/** One change with the number before and after it; one document each, as the schema has it (MS-SIP 9.1). */
export interface ContactDelta {
  readonly prevDeltaNum: number
  readonly deltaNum: number
  readonly change: ContactChange
}

/** A decision on a contact list. */
export interface ContactOutcome {
  /** The list after all changes. */
  readonly list: ContactList
  /** What to write, and to tell every subscriber, in this order. */
  readonly deltas: readonly ContactDelta[]
  /** Body of the 200, with its media type; a 200 without body otherwise. */
  readonly answer?: { readonly type: string; readonly text: string }
}

/** The default group: it comes with the user, and every contact that is in no other group is in it (MS-SIP 3.7.4.4). */
export const defaultGroup: ContactGroup = { id: 1, name: '~', externalUri: '' }

/** Groups are numbered 1 to 63 (MS-SIP 3.7.4.4). The schema of 9.1 would also have 0 and 64; what both allow is safe with every client. */
export const MAX_GROUP = 63

/** What a user starts with. The number is never zero, which clients pass over (MS-SIP 2.2.3). */
export const newContactList: ContactList = { deltaNum: 1, groups: [defaultGroup], contacts: [] }

/** Group ids as a contact holds them: ascending, each once, the default group where there is none. */
export const contactGroups = (ids: Iterable<number>): readonly number[] => {
  const sorted = [...new Set(ids)].sort((a, b) => a - b)
  return sorted.length === 0 ? [defaultGroup.id] : sorted
}
