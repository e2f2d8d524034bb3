import { readPerson } from '../core/ldap/read-person.ts'
import { attributesOf } from '../core/ldap/attribute-map.ts'
import { hasAddress, namesSomebody, termFilter } from '../core/ldap/filter.ts'
import type { DirectorySource, FoundPerson } from '../core/model/directory-search.ts'
import type { FedPerson } from '../core/model/directory-feed.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { LdapClient } from './ldap-client.ts'
import { withUserFilter } from './ldap-filter.ts'
import { findOurs, type LdapRules } from './ldap-rules.ts'

const pick = ({ user, displayName, properties: { title, office, phone, company, city, state, country, email } }: FedPerson): FoundPerson => ({
  user, displayName,
  ...Object.fromEntries(Object.entries({ title, office, phone, company, city, state, country, email }).filter(([, value]) => value !== undefined)),
})

/**
 * Looks for users in LDAP (3.1.5.2): those who meet all conditions and the operator's filter, and have an address in an enterprise domain. By an attribute that
 * people are not searched by nobody is found, and the server is not asked.
 */
export const createLdapSource = (client: LdapClient, rules: LdapRules): DirectorySource => {
  const attributes = attributesOf(rules.map)
  return {
    search: async ({ terms, limit }) => {
      const filters = terms.flatMap((term) => (namesSomebody(term) ? termFilter(term, rules) ?? [] : []))
      if (filters.length < terms.length) return { people: [], more: false }
      const { entries, more } = await client.search({ filter: withUserFilter(rules.userFilter, [hasAddress(rules.map), ...filters]), attributes }, limit)
      const people = new Map<UserKey, FoundPerson>()
      for (const entry of entries) {
        const user = await findOurs(entry, rules)
        if (user !== undefined && !people.has(user)) people.set(user, pick(readPerson(entry, rules.map, user)))
      }
      return { people: [...people.values()], more }
    },
  }
}
