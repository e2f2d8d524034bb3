import type { Instant } from '../base/instant.ts'
import type { UserKey } from '../sip/uri.ts'

/** Somebody in an outside directory who is, or is to become, a user of this server. */
export interface FedPerson {
  readonly user: UserKey
  readonly displayName: string
  /** What the directory says beyond the name, under the names of the admin API; what it does not say is missing. */
  readonly properties: Readonly<Record<string, string>>
}

/** Some entries of the directory, as many as it hands out at a time. */
export interface FeedPage {
  readonly people: readonly FedPerson[]
  /** Entries that name no user of ours. */
  readonly passedOver: number
  /** When the latest of these entries changed; undefined when the directory does not say so of one of them. */
  readonly latest: Instant | undefined
}

/** An outside directory whose people are users of this server. What fails is a DirectoryError. */
export interface FeedSource {
  /** Says all that decides whom it reads and what of them; when it differs from the last time, what has not changed must be read as well. */
  readonly how: string
  /** The properties that the directory has the say in; what it does not say of them a user does not have. */
  readonly properties: ReadonlySet<string>
  /** Everybody, or those who may have changed since then, page by page. A reader that stops early must `return` the generator. */
  readonly readPages: (since: Instant | undefined) => AsyncGenerator<FeedPage, void, undefined>
  /** Which of these are in the directory now. */
  readonly findPresent: (users: readonly UserKey[]) => Promise<ReadonlySet<UserKey>>
}
