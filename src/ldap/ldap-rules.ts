import type { SearchRules } from '../core/ldap/filter.ts'
import { readAddresses, type LdapEntry } from '../core/ldap/read-person.ts'
import type { UserKey } from '../core/sip/uri.ts'

/** How entries of LDAP are found and read. */
export interface LdapRules extends SearchRules {
  /** The server and the place below which it is searched. */
  readonly where: string
  /** Which entries are people at all, as text (RFC 4515). */
  readonly userFilter: string
  /** Is it an address of an enterprise domain? */
  readonly isOurs: (user: UserKey) => Promise<boolean>
}

/** The first address of an entry that is in an enterprise domain; an entry without one is no user. */
export const findOurs = async (entry: LdapEntry, { map, isOurs }: LdapRules): Promise<UserKey | undefined> => {
  for (const user of readAddresses(entry, map)) if (await isOurs(user)) return user
  return undefined
}
