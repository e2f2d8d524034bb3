import type { SearchTerm } from '../model/directory-search.ts'
import type { SearchColumn } from './entry.ts'
import { foldAddress, foldPhone, foldText } from './fold.ts'

/** A column that begins with a folded text. */
export interface Condition {
  readonly column: SearchColumn
  readonly prefix: string
}

/** One way of meeting a term: all of these. */
export type Alternative = readonly Condition[]

type Reader = (value: string) => readonly Alternative[]

/** Nothing is left of a value such as a number without digits: it would be met by everybody, and so is met by nobody. */
const of = (column: SearchColumn, fold: (value: string) => string = foldText): Reader => (value) => {
  const prefix = fold(value)
  return prefix === '' ? [] : [[{ column, prefix }]]
}

const address = of('address', foldAddress)
const mail = of('mail', foldAddress)

/** proxyAddresses holds addresses of several kinds, told by their scheme. */
const proxyAddress: Reader = (value) => (/^smtp:/i.test(value.trim()) ? mail(value) : /^sips?:/i.test(value.trim()) ? address(value) : [])

/**
 * Ambiguous name resolution: one of the names, the addresses or the office; of several words also the first as the beginning of the one name and the rest as that of
 * the other, as directories do it.
 */
const anyName: Reader = (value) => {
  const [folded, plain] = [foldText(value), foldAddress(value)]
  if (folded === '') return []
  const columns = (['display_name', 'given_name', 'surname', 'office'] as const).map((column) => [{ column, prefix: folded }])
  const addresses = plain === '' ? [] : (['mail', 'address'] as const).map((column) => [{ column, prefix: plain }])
  const [, first, rest] = /^(\S+?),? (.+)$/.exec(folded) ?? []
  if (first === undefined || rest === undefined) return [...columns, ...addresses]
  const pair = (given: string, surname: string): Alternative => [{ column: 'given_name', prefix: given }, { column: 'surname', prefix: surname }]
  return [...columns, ...addresses, pair(first, rest), pair(rest, first)]
}

/** LDAP name of an attribute in small letters, or macro (8.3), to what stands for it here; a new one is one more row. */
const attributes: ReadonlyMap<string, Reader> = new Map([
  ['anr', anyName],
  // The macros stand for the two kinds of SIP address and of mail address that a directory has; here a user has one of each.
  ['msrtcuri', address], ['msrtcmail', mail],
  ['msrtcsip-primaryuseraddress', address], ['userprincipalname', address], ['samaccountname', address], ['uid', address], ['proxyaddresses', proxyAddress], ['mail', mail],
  ['displayname', of('display_name')], ['cn', of('display_name')], ['name', of('display_name')], ['givenname', of('given_name')], ['sn', of('surname')],
  ['telephonenumber', of('phone', foldPhone)], ['mobile', of('mobile', foldPhone)], ['title', of('title')], ['physicaldeliveryofficename', of('office')],
  ['company', of('company')], ['o', of('company')], ['department', of('department')], ['ou', of('department')], ['l', of('city')], ['st', of('state')], ['c', of('country')], ['co', of('country')],
])

/** In which ways a user may meet a term; none when it is of an attribute that users do not have here, which nobody meets. */
export const alternativesOf = ({ attribute, value }: SearchTerm): readonly Alternative[] => attributes.get(attribute)?.(value) ?? []
