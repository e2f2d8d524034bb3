import { directoryText } from '../model/directory.ts'
import type { FedPerson } from '../model/directory-feed.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { fedProperties, type AttributeMap } from './attribute-map.ts'

/** An entry of LDAP: the texts of each attribute, by its name in small letters. */
export type LdapEntry = ReadonlyMap<string, readonly string[]>

/** As long as the admin API takes them. */
const MAX_NAME = 256
const MAX_TEXT = 512

const valuesOf = (entry: LdapEntry, attributes: readonly string[]): readonly string[] => attributes.flatMap((attribute) => entry.get(attribute.toLowerCase()) ?? [])

const firstText = (entry: LdapEntry, attributes: readonly string[], longest: number): string | undefined => {
  for (const value of valuesOf(entry, attributes)) {
    const text = directoryText(value)
    if (text !== undefined) return text.length <= longest ? text : [...text].slice(0, longest).join('')
  }
  return undefined
}

/** A labeledURI is a URI with a label behind it (RFC 2079). */
const withoutLabel = (uri: string): string => uri.split(' ', 1)[0] ?? uri

/**
 * Every address of an entry under which it could be a user, the best one first. LDAP compares addresses without regard to case, so they are users in small letters,
 * whoever wrote them how.
 */
export const readAddresses = (entry: LdapEntry, map: AttributeMap): readonly UserKey[] =>
  [...new Set(valuesOf(entry, map.address).flatMap((value) => {
    const key = readUserKey(value.trim().toLowerCase())
    return key.ok ? [key.value] : []
  }))]

/** What an entry says of the user whom one of its addresses names. */
export const readPerson = (entry: LdapEntry, map: AttributeMap, user: UserKey): FedPerson => ({
  user,
  displayName: firstText(entry, map.displayName, MAX_NAME) ?? user,
  properties: Object.fromEntries(fedProperties.flatMap((property) => {
    const text = firstText(entry, map[property], MAX_TEXT)
    return text === undefined ? [] : [[property, property === 'url' ? withoutLabel(text) : text]]
  })),
})
