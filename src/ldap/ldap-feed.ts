import { attributesOf, mappedProperties } from '../core/ldap/attribute-map.ts'
import { changedSince, changeTimeAttribute, readChangeTime } from '../core/ldap/change-time.ts'
import { hasAddress, hasAddressOf } from '../core/ldap/filter.ts'
import { readPerson, type LdapEntry } from '../core/ldap/read-person.ts'
import type { FedPerson, FeedPage, FeedSource } from '../core/model/directory-feed.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { LdapClient } from './ldap-client.ts'
import { withUserFilter } from './ldap-filter.ts'
import { findOurs, type LdapRules } from './ldap-rules.ts'

/** Entries asked for at a time; below what servers hand out at most (Active Directory: 1,000). */
const PAGE = 500

/** Users asked about by name at a time: each is several conditions of one filter. */
const ASKED = 50

/** The people of LDAP, as those who are users here; `pageSize` entries at a time. */
export const createLdapFeed = (client: LdapClient, rules: LdapRules, pageSize = PAGE): FeedSource => {
  const attributes = [...attributesOf(rules.map), changeTimeAttribute(rules.kind)]

  const readPage = async (entries: readonly LdapEntry[]): Promise<FeedPage> => {
    const people: FedPerson[] = []
    let latest: number | undefined = -Infinity
    for (const entry of entries) {
      const changed = readChangeTime(entry, rules.kind)
      latest = latest === undefined || changed === undefined ? undefined : Math.max(latest, changed)
      const user = await findOurs(entry, rules)
      if (user !== undefined) people.push(readPerson(entry, rules.map, user))
    }
    return { people, passedOver: entries.length - people.length, latest }
  }

  return {
    how: JSON.stringify([rules.where, rules.kind, rules.userFilter, rules.map]),
    properties: mappedProperties(rules.map),
    async* readPages(since) {
      const filter = withUserFilter(rules.userFilter, [hasAddress(rules.map), ...(since === undefined ? [] : [changedSince(since, rules.kind)])])
      for await (const entries of client.pages({ filter, attributes }, pageSize)) if (entries.length > 0) yield await readPage(entries)
    },
    findPresent: async (users) => {
      const present = new Set<UserKey>()
      for (let at = 0; at < users.length; at += ASKED) {
        const filter = withUserFilter(rules.userFilter, [hasAddressOf(users.slice(at, at + ASKED), rules.map)])
        for await (const entries of client.pages({ filter, attributes: rules.map.address }, pageSize)) {
          for (const entry of entries) {
            const user = await findOurs(entry, rules)
            if (user !== undefined) present.add(user)
          }
        }
      }
      return present
    },
  }
}
