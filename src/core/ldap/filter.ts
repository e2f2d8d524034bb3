import type { SearchTerm } from '../model/directory-search.ts'
import type { UserKey } from '../sip/uri.ts'
import { attributesOf, defaultMaps, fedProperties, type AttributeMap, type LdapKind } from './attribute-map.ts'

/** A filter of LDAP (RFC 4511 4.5.1.7) as a tree: values stay values, whatever they contain. */
export type LdapFilter =
  | { readonly all: readonly LdapFilter[] }
  | { readonly any: readonly LdapFilter[] }
  | { readonly prefix: string; readonly value: string }
  | { readonly equal: string; readonly value: string }
  | { readonly atLeast: string; readonly value: string }
  | { readonly present: string }

/** By what a directory is searched. */
export interface SearchRules {
  readonly kind: LdapKind
  readonly map: AttributeMap
}

/** An attribute as RFC 4512 1.4 spells it, without options and numbers. */
const ATTRIBUTE = /^[a-z][a-z0-9-]{0,63}$/i

/** Beside what is mapped: what people are found by. Nothing else, so that nobody can guess what entries hold, letter by letter. */
const ALSO_SEARCHABLE = ['cn', 'uid', 'name', 'initials', 'sAMAccountName', 'userPrincipalName', 'mailNickname', 'proxyAddresses', 'msRTCSIP-PrimaryUserAddress', 'msRTCSIP-SecondaryUserAddress']

/** What an ambiguous name may be the beginning of, where the server does not resolve it by itself. */
const AMBIGUOUS = ['cn', 'displayName', 'givenName', 'sn', 'mail', 'uid']

const lower = (names: readonly string[]): readonly string[] => names.map((name) => name.toLowerCase())

const unique = (names: readonly string[]): readonly string[] => names.filter((name, at) => lower(names).indexOf(name.toLowerCase()) === at)

/** One of several; without the shell around a single one. */
const anyOf = (filters: readonly LdapFilter[]): LdapFilter => (filters.length === 1 && filters[0] !== undefined ? filters[0] : { any: filters })

// An empty beginning is none in the protocol; everybody who has the attribute has it.
const startsWith = (attribute: string, value: string): LdapFilter => (value === '' ? { present: attribute } : { prefix: attribute, value })

const startOfAny = (attributes: readonly string[], value: string): LdapFilter => anyOf(unique(attributes).map((attribute) => startsWith(attribute, value)))

const withoutScheme = (address: string): string => address.replace(/^sips?:/i, '')

/** Some servers keep SIP URIs, others bare addresses. */
const addressForms = (address: string): readonly string[] => [withoutScheme(address), `sip:${withoutScheme(address)}`]

const startOfAddress = (attributes: readonly string[], value: string): LdapFilter => anyOf(unique(attributes).flatMap((attribute) => addressForms(value).map((form) => startsWith(attribute, form))))

/** The beginnings of names, or given name and family name in either order, as Active Directory does it (MS-ADTS 3.1.1.3.1.3.4). */
const ambiguous = (value: string): LdapFilter => {
  const [, first, rest] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(value) ?? []
  const both = (given: string, family: string): LdapFilter => ({ all: [startsWith('givenName', given), startsWith('sn', family)] })
  return { any: [...AMBIGUOUS.map((attribute) => startsWith(attribute, value)), ...(first === undefined || rest === undefined ? [] : [both(first, rest), both(rest, first)])] }
}

/** What this server calls the attribute that clients know by the name of Active Directory, if it is one of ours. */
const attributesFor = (attribute: string, map: AttributeMap): readonly string[] =>
  [...(['displayName', ...fedProperties] as const).filter((field) => lower(defaultMaps.activeDirectory[field]).includes(attribute.toLowerCase())).flatMap((field) => map[field]), attribute]

/**
 * Does the value name anybody at all? Servers prepare texts before they compare them (RFC 4518) and drop what is not seen; of what is only that nothing is left, which
 * everybody begins with. Some end a text at a null character, with the same effect.
 */
export const namesSomebody = ({ value }: SearchTerm): boolean => !/\p{Cc}/u.test(value) && /[^\p{C}\p{Z}\p{M}]/u.test(value)

/** One condition as a filter; undefined when the attribute is none that people are searched by. The macros are those of section 8. */
export const termFilter = ({ attribute, value }: SearchTerm, { kind, map }: SearchRules): LdapFilter | undefined => {
  const name = attribute.toLowerCase()
  if (name === 'anr') return kind === 'activeDirectory' ? { equal: 'anr', value } : ambiguous(value)
  if (name === 'msrtcuri' || name === 'msrtcsip-primaryuseraddress') return startOfAddress([...map.address, ...(kind === 'activeDirectory' ? ['msRTCSIP-PrimaryUserAddress', 'msRTCSIP-SecondaryUserAddress'] : [])], value)
  if (name === 'msrtcmail') return anyOf([startOfAny([...map.email, 'mail'], value), ...(kind === 'activeDirectory' ? [startsWith('proxyAddresses', `smtp:${value}`)] : [])])
  const searchable = lower([...attributesOf(map), ...attributesOf(defaultMaps.activeDirectory), ...ALSO_SEARCHABLE])
  if (!ATTRIBUTE.test(attribute) || !searchable.includes(name)) return undefined
  return startOfAny(attributesFor(attribute, map), value)
}

/** Those who have an address; nobody else can be a user. */
export const hasAddress = (map: AttributeMap): LdapFilter => anyOf(map.address.map((attribute) => ({ present: attribute })))

/** Those who have one of these addresses. */
export const hasAddressOf = (users: readonly UserKey[], map: AttributeMap): LdapFilter =>
  ({ any: users.flatMap((user) => map.address.flatMap((attribute) => addressForms(user).map((value) => ({ equal: attribute, value })))) })
