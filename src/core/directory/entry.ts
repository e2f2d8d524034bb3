import type { UserKey } from '../sip/uri.ts'
import { foldAddress, foldPhone, foldText } from './fold.ts'

/** What a user can be found by, folded; each is a column of the index of the same name. */
export const searchColumns = ['address', 'display_name', 'given_name', 'surname', 'mail', 'phone', 'mobile', 'title', 'office', 'company', 'department', 'city', 'state', 'country'] as const
export type SearchColumn = (typeof searchColumns)[number]

/** The index entry of a user; what is not known is missing. */
export type SearchEntry = { readonly user: UserKey } & Readonly<Record<'address' | 'display_name', string>> & Readonly<Partial<Record<SearchColumn, string | undefined>>>

/**
 * Given name and surname of a folded display name, where the operator names none: what stands before and behind a comma the other way round, otherwise the
 * last word is the surname. One word alone may be either.
 */
const namesOf = (displayName: string): { readonly given: string; readonly surname: string } => {
  const comma = displayName.indexOf(',')
  if (comma >= 0) return { given: displayName.slice(comma + 1).trim(), surname: displayName.slice(0, comma).trim() }
  const last = displayName.lastIndexOf(' ')
  return { given: last < 0 ? displayName : displayName.slice(0, last), surname: displayName.slice(last + 1) }
}

/** What a user can be found by (3.1.5.2), from what the operator says of it. */
export const searchEntry = (user: UserKey, displayName: string, properties: Readonly<Record<string, string>>): SearchEntry => {
  const read = (name: string, fold = foldText): string | undefined => {
    const text = Object.hasOwn(properties, name) ? properties[name] : undefined
    return text === undefined ? undefined : fold(text) || undefined
  }
  const folded = foldText(displayName)
  const { given, surname } = namesOf(folded)
  return {
    user, address: foldAddress(user), display_name: folded, given_name: read('givenName') ?? (given || undefined), surname: read('surname') ?? (surname || undefined),
    mail: read('email', foldAddress), phone: read('phone', foldPhone), mobile: read('mobile', foldPhone), title: read('title'), office: read('office'), company: read('company'),
    department: read('department'), city: read('city'), state: read('state'), country: read('country'),
  }
}
