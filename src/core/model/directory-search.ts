import type { UserKey } from '../sip/uri.ts'

/** One condition of a search: an attribute of a directory by its LDAP name, in small letters, `anr` for ambiguous name resolution. */
export interface SearchTerm {
  readonly attribute: string
  /** Matched from its beginning, without regard to case; never empty. */
  readonly value: string
}

/** What is looked for: everybody who meets all conditions (3.1.5.2), at most so many. */
export interface DirectorySearch {
  readonly terms: readonly SearchTerm[]
  readonly limit: number
}

/** Somebody who was found (8.2); what is not known is missing. */
export interface FoundPerson {
  readonly user: UserKey
  readonly displayName: string
  readonly title?: string
  readonly office?: string
  readonly phone?: string
  readonly company?: string
  readonly city?: string
  readonly state?: string
  readonly country?: string
  readonly email?: string
}

/** What came of a search; `more` says that others would have been found, too. */
export interface DirectoryResults {
  readonly people: readonly FoundPerson[]
  readonly more: boolean
}

/** Why a directory did not answer (3.1.5.4): it is away or has too much to do, it does not let us search, or anything else. */
export class DirectoryError extends Error {
  readonly why: 'busy' | 'forbidden' | 'failed'
  constructor(why: DirectoryError['why'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.why = why
  }
}

/** Where users are looked for. Rejects with a DirectoryError. */
export interface DirectorySource {
  readonly search: (search: DirectorySearch) => Promise<DirectoryResults>
}
