import { AndFilter, EqualityFilter, FilterParser, GreaterThanEqualsFilter, OrFilter, PresenceFilter, SubstringFilter, type Filter } from 'ldapts'
import type { LdapFilter } from '../core/ldap/filter.ts'

/** A filter as it goes over the wire (RFC 4511 4.5.1.7): in BER, where values have a length and nothing in them means anything. */
export const encodeFilter = (filter: LdapFilter): Filter => {
  if ('all' in filter) return new AndFilter({ filters: filter.all.map(encodeFilter) })
  if ('any' in filter) return new OrFilter({ filters: filter.any.map(encodeFilter) })
  if ('prefix' in filter) return new SubstringFilter({ attribute: filter.prefix, initial: filter.value })
  if ('equal' in filter) return new EqualityFilter({ attribute: filter.equal, value: filter.value })
  if ('atLeast' in filter) return new GreaterThanEqualsFilter({ attribute: filter.atLeast, value: filter.value })
  return new PresenceFilter({ attribute: filter.present })
}

/** The operator's own filter, as text (RFC 4515), and with it what else must hold. Throws when the text is no filter. */
export const withUserFilter = (userFilter: string, more: readonly LdapFilter[]): Filter => new AndFilter({ filters: [FilterParser.parseString(userFilter), ...more.map(encodeFilter)] })
