import type { UserKey } from '../sip/uri.ts'

/** First letter of rights, about presence: allow, deny, prompt the owner, polite block (MS-SIP 2.2.3). */
export const accessLetters = ['A', 'D', 'P', 'B'] as const
export type AccessLetter = (typeof accessLetters)[number]

/** Second letter, about incoming sessions; kept for the clients, who enforce it (MS-SIP 2.2.3). */
export const sessionLetters = ['A', 'D'] as const

/** Both letters, presence first. */
export type AccessRights = `${AccessLetter}${(typeof sessionLetters)[number]}`

/** Whom an entry is about, the least specific first. */
export const aceTypes = ['ALL', 'DOMAIN', 'USER'] as const
export type AceType = (typeof aceTypes)[number]

/** Whom an entry is about: everybody, the users of a domain and its subdomains, or one user. */
export interface AceKey {
  readonly type: AceType
  /** A domain in small letters or a user key; empty for ALL. */
  readonly mask: string
}

/** An entry of an access list (MS-SIP 2.2.3). */
export interface Ace extends AceKey {
  readonly rights: AccessRights
}

/** The access list of one user under a number that every change moves by one (MS-SIP 3.7). */
export interface AccessList {
  readonly deltaNum: number
  readonly entries: readonly Ace[]
}

/** What a user starts with: nothing is said of anybody, and the number is never zero, which clients pass over. */
export const newAccessList: AccessList = { deltaNum: 1, entries: [] }

/** What holds where a list says nothing (MS-SIP 2.2.3). */
export const DEFAULT_RIGHTS: AccessRights = 'AA'

/** Somebody who reads presence documents of a publisher, and what was last decided of its access. */
export interface LegacyWatcher {
  readonly user: UserKey
  readonly access: AccessLetter
}

/** What decisions about access read of a publisher: the list as it is stored, and whom it concerns. */
export interface AccessState {
  readonly list: AccessList
  readonly watchers: readonly LegacyWatcher[]
}

/** A watcher that waits for its publisher's word (presence.wpending). */
export interface PendingWatcher {
  readonly user: UserKey
  readonly displayName: string
}

export const aceKeyText = ({ type, mask }: AceKey): string => `${type} ${mask}`

const letters: Readonly<Record<AccessRights, AccessLetter>> = { AA: 'A', AD: 'A', DA: 'D', DD: 'D', PA: 'P', PD: 'P', BA: 'B', BD: 'B' }

/** Every combination of the letters. */
export const accessRights = Object.keys(letters) as readonly AccessRights[]

/** What rights say about presence. */
export const letterOf = (rights: AccessRights): AccessLetter => letters[rights]

/** Those of whom nothing is to be seen. */
export const isBlocking = ({ rights }: Pick<Ace, 'rights'>): boolean => letterOf(rights) === 'B' || letterOf(rights) === 'D'
