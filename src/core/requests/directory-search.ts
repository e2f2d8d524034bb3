import { ok, type Result } from '../base/result.ts'
import type { SearchTerm } from '../model/directory-search.ts'
import { childrenNamed, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { notValid } from './reading.ts'
import type { SoapRequest } from './soap.ts'

/** What a client looks for, before the administrator's bound is applied. */
export interface AskedSearch {
  readonly terms: readonly SearchTerm[]
  readonly maxResults: number
}

/** A search by more conditions than a form has fields is none that a client would make. */
const MAX_ROWS = 16
const MAX_VALUE = 256

/** An attribute of an LDAP directory (RFC 4512 2.5, without options); the macros and `anr` look the same. */
const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9-]{0,63}$/

/** The examples put all attributes into the namespace (4.1), the schema none (8.1). */
const read = (element: XmlElement, name: string): string | undefined =>
  element.attributes.find(({ namespace, local }) => local === name && (namespace === '' || namespace === namespaces.soapActions))?.value

const only = (elements: readonly XmlElement[], within: XmlElement, name: string): Result<XmlElement> => {
  const [first, another] = elements
  if (first === undefined) return notValid(within, `${name} is missing`)
  return another === undefined ? ok(first) : notValid(within, `has more than one ${name}`)
}

const readMaxResults = (action: XmlElement): Result<number> => {
  const element = only(childrenNamed(action, namespaces.soapActions, 'maxResults'), action, 'maxResults')
  if (!element.ok) return element
  const text = element.value.text.trim()
  // Any size is allowed; beyond what numbers hold exactly it only means very many.
  return /^\+?\d+$/.test(text) ? ok(Math.min(Number(text), Number.MAX_SAFE_INTEGER)) : notValid(element.value, 'is not a number from 0')
}

/** The array that the filter points at, or the only one where it points nowhere, which the schema allows. */
const findArray = ({ action, beside }: SoapRequest): Result<XmlElement> => {
  const filter = only(childrenNamed(action, namespaces.soapActions, 'filter'), action, 'filter')
  if (!filter.ok) return filter
  const arrays = beside.filter(({ namespace, local }) => namespace === namespaces.soapActions && local === 'Array')
  const href = read(filter.value, 'href')?.trim().replace(/^#/, '')
  return only(href === undefined ? arrays : arrays.filter((array) => read(array, 'id')?.trim() === href), filter.value, href === undefined ? 'the Array' : 'the Array that href names')
}

const readRow = (row: XmlElement): Result<SearchTerm> => {
  const [attribute, value] = [read(row, 'attrib')?.trim(), read(row, 'value')?.trim()]
  if (attribute === undefined || !ATTRIBUTE.test(attribute)) return notValid(row, `attrib "${(attribute ?? '').slice(0, 40)}" is no attribute of a directory`)
  if (value === undefined || value === '') return notValid(row, 'value is missing or empty')
  if (value.length > MAX_VALUE) return notValid(row, `value is longer than ${MAX_VALUE} characters`)
  return ok({ attribute: attribute.toLowerCase(), value })
}

/** Reads a directorySearch with the Array of its filters beside it (2.2.1, 8.1); 400 when it is not one, or filters by nothing. */
export const readDirectorySearch = (soap: SoapRequest): Result<AskedSearch> => {
  const maxResults = readMaxResults(soap.action)
  if (!maxResults.ok) return maxResults
  const array = findArray(soap)
  if (!array.ok) return array
  const rows = childrenNamed(array.value, namespaces.soapActions, 'row')
  if (rows.length === 0) return notValid(array.value, 'holds no row: a search needs a filter')
  if (rows.length > MAX_ROWS) return notValid(array.value, `holds ${rows.length} rows, ${MAX_ROWS} are accepted`)
  const terms: SearchTerm[] = []
  for (const row of rows) {
    const term = readRow(row)
    if (!term.ok) return term
    terms.push(term.value)
  }
  return ok({ terms, maxResults: maxResults.value })
}
