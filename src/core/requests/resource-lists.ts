import { ok, type Result } from '../base/result.ts'
import type { ListEntry } from '../model/resource-list.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { firstChild, isElement, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { notValid, readBody, readRequired } from './reading.ts'

/** The list that a SUBSCRIBE carries (RFC 5367). */
export interface RequestedList {
  /** What the list calls itself; undefined where there is more than one, or none has a name. */
  readonly name: string | undefined
  /** Each user once, in the order of the request, those of lists inside of lists among them. */
  readonly entries: readonly ListEntry[]
}

/** Longer names are cut: they are kept with the dialog, and stand in every notification beside what has changed. */
const MAX_NAME = 256

const nameOf = (element: XmlElement): string | undefined => {
  const text = firstChild(element, namespaces.resourceLists, 'display-name')?.text.trim() ?? ''
  return text === '' ? undefined : [...text].slice(0, MAX_NAME).join('')
}

/** Of these a server would have to look elsewhere for what the list holds (RFC 4826 3.4); a list in a request shall not need that (RFC 5363 3). */
const REFERENCES: readonly string[] = ['entry-ref', 'external']

const readEntries = (list: XmlElement, entries: Map<UserKey, ListEntry>): Result<ReadonlyMap<UserKey, ListEntry>> => {
  for (const child of list.children.filter(({ namespace }) => namespace === namespaces.resourceLists)) {
    if (REFERENCES.includes(child.local)) return notValid(child, 'refers to a list that is kept elsewhere; every resource must be named here')
    if (child.local === 'list') {
      const inner = readEntries(child, entries)
      if (!inner.ok) return inner
    }
    if (child.local !== 'entry') continue
    const uri = readRequired(child, 'uri')
    if (!uri.ok) return uri
    // A presentity may be named by its pres: URI (RFC 3859), which names the same user here.
    const text = uri.value.trim().replace(/^pres:/i, 'sip:')
    const user = readUserKey(text)
    if (!user.ok || !/^sips?:/i.test(text)) return notValid(child, `uri="${uri.value.slice(0, 80)}" is not the SIP URI of a user`)
    const name = nameOf(child)
    if (!entries.has(user.value)) entries.set(user.value, { user: user.value, ...(name === undefined ? {} : { name }) })
  }
  return ok(entries)
}

/** Reads a resource-lists document (RFC 4826 3); 400 when it is missing or not valid, names nobody, or refers to lists elsewhere. What extensions add, copyControl among it, is passed over. */
export const readResourceLists = (body: Uint8Array, limits?: XmlLimits): Result<RequestedList> => {
  const document = readBody(body, namespaces.resourceLists, 'resource-lists', limits)
  if (!document.ok) return document
  const { root } = document.value
  const lists = root.children.filter((child) => isElement(child, namespaces.resourceLists, 'list'))
  const entries = new Map<UserKey, ListEntry>()
  for (const list of lists) {
    const read = readEntries(list, entries)
    if (!read.ok) return read
  }
  const [only, ...more] = lists
  if (entries.size === 0) return notValid(root, 'holds no list with an entry')
  return ok({ name: only === undefined || more.length > 0 ? undefined : nameOf(only), entries: [...entries.values()] })
}
