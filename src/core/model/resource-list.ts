import type { UserKey } from '../sip/uri.ts'

/** A user on a list, with the name by which the list knows it. */
export interface ListEntry {
  readonly user: UserKey
  readonly name?: string
}

/** A user on the list of a dialog. */
export interface WatchedEntry extends ListEntry {
  /** Why it is not watched (RFC 6665 4.1.3); undefined for those that are. */
  readonly refused?: string
}

/** A list that the operator keeps under a URI of its own. */
export interface ResourceList {
  readonly uri: UserKey
  readonly name: string | undefined
  readonly owner: UserKey | undefined
  /** Who may subscribe besides the owner; where neither is named, every user of the enterprise. */
  readonly subscribers: readonly UserKey[]
  readonly entries: readonly ListEntry[]
  /** Rises with every change. */
  readonly revision: number
}

/** What the client of a dialog takes its list to be. */
export interface DialogList {
  /** The URI of the list document: that to which the SUBSCRIBE was sent (RFC 4662 5.2). */
  readonly uri: UserKey
  readonly name: string | undefined
  readonly entries: readonly WatchedEntry[]
  /** Of a stored list the revision; undefined for a list that came in the SUBSCRIBE (RFC 5367). */
  readonly revision: number | undefined
}
