import { readIsoInstant, type Instant } from '../base/instant.ts'
import { attribute, childrenNamed, firstChild, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'

/** A note with its language, where it says which (RFC 3863 4.1.6). */
export interface PidfNote {
  readonly lang: string | undefined
  readonly text: string
}

/** One activity of RPID (RFC 4480 3.2): the name of its element, and for `other` and `busy` the text inside. */
export interface PidfActivity {
  readonly name: string
  readonly text: string
}

/** Whether a device or a person does anything (RFC 4480 3.14). */
export interface UserInput {
  readonly state: 'active' | 'idle'
  readonly lastInput: Instant | undefined
}

/** Where a person is from UTC (RFC 4480 3.13): minutes to the east, and a name for it. */
export interface TimeOffset {
  readonly minutes: number
  readonly description: string | undefined
}

/** Longer texts of a phone are cut: they end up in notifications to everybody. */
const MAX_TEXT = 512

const shorten = (text: string): string => [...text.trim()].slice(0, MAX_TEXT).join('')

const { pidf, dataModel, rpid } = namespaces

/** The namespace as the specification of OMA has it, and as softphones were seen to write it. */
const OMA: readonly string[] = [namespaces.omaPresence, 'urn:ietf:params:xml:ns:pidf:oma-pres']

const isMandatory = (element: XmlElement): boolean =>
  element.attributes.some(({ namespace, local, value }) => namespace === pidf && local === 'mustUnderstand' && ['1', 'true'].includes(value.trim()))

/**
 * Is everything understood that must be (RFC 3863 4.2.3)? `known` are the names that the reader knows inside. An element that holds something mandatory
 * nobody knows is passed over whole; what is mandatory deeper within something unknown does not matter.
 */
const isUnderstood = (element: XmlElement, known: (child: XmlElement) => boolean): boolean => element.children.every((child) => known(child) || !isMandatory(child))

const isOf = (...uris: readonly string[]) => ({ namespace }: XmlElement): boolean => uris.includes(namespace)

const NOTED: readonly string[] = [pidf, dataModel, rpid]

/** The notes directly inside, of whichever of the three namespaces; empty ones are none. */
export const readNotes = (parent: XmlElement): readonly PidfNote[] =>
  parent.children.filter(({ local, namespace }) => local === 'note' && NOTED.includes(namespace)).flatMap((note) => {
    const text = shorten(note.text)
    return text === '' ? [] : [{ lang: note.attributes.find(({ namespace, local }) => namespace === namespaces.xml && local === 'lang')?.value, text }]
  })

/** The children of RPID of one name, in both namespaces that phones use; those that hold what must be understood and is not are left out. */
const rpidChildren = (parent: XmlElement, local: string): readonly XmlElement[] =>
  [rpid, namespaces.draftRpidStatus].flatMap((namespace) => childrenNamed(parent, namespace, local)).filter((element) => isUnderstood(element, isOf(rpid, namespaces.draftRpidStatus)))

/** Activities with a text inside: `other` by its nature, `busy` where a softphone says with it that it is not to be disturbed. */
const WITH_TEXT: ReadonlySet<string> = new Set(['other', 'busy'])

/** The draft writes `activity` with the name as text (2.2.2.8.1). */
const readActivity = (element: XmlElement): readonly PidfActivity[] => {
  if (element.local === 'note') return []
  if (element.local === 'activity') return [{ name: shorten(element.text).toLowerCase(), text: '' }]
  return [{ name: shorten(element.local), text: WITH_TEXT.has(element.local) ? shorten(element.text) : '' }]
}

/** All activities of a part, in their order, and the notes on them. */
export const readActivities = (parent: XmlElement): { readonly activities: readonly PidfActivity[]; readonly notes: readonly PidfNote[] } => {
  const found = rpidChildren(parent, 'activities')
  return { activities: found.flatMap(({ children }) => children.filter(isOf(rpid, namespaces.draftRpidStatus)).flatMap(readActivity)), notes: found.flatMap(readNotes) }
}

export const readUserInput = (parent: XmlElement): UserInput | undefined => {
  const [element] = rpidChildren(parent, 'user-input')
  const state = element?.text.trim()
  if (element === undefined || (state !== 'active' && state !== 'idle')) return undefined
  return { state, lastInput: readIsoInstant((attribute(element, 'last-input') ?? '').trim()) }
}

/** More than a day from UTC is nowhere. */
const MAX_OFFSET = 24 * 60

export const readTimeOffset = (parent: XmlElement): TimeOffset | undefined => {
  const [element] = rpidChildren(parent, 'time-offset')
  const text = element?.text.trim() ?? ''
  if (element === undefined || !/^[+-]?\d{1,4}$/.test(text) || Math.abs(Number(text)) > MAX_OFFSET) return undefined
  const description = shorten(attribute(element, 'description') ?? '')
  return { minutes: Number(text), description: description === '' ? undefined : description }
}

/** What a person says about the place in words; the types of RFC 4480 3.7 say how it is there, not where. */
export const readPlace = (parent: XmlElement): string | undefined => rpidChildren(parent, 'place-is').flatMap(readNotes)[0]?.text

/** open or closed of PIDF's and OMA's elements; undefined where there is none, or another word, for the reader to judge. */
export const readBasic = (parent: XmlElement | undefined, namespace: string): string | undefined => (parent === undefined ? undefined : firstChild(parent, namespace, 'basic'))?.text.trim()

/** willingness of a tuple, overriding-willingness of a person (OMA): open, closed, or nothing that can be read. */
export const readWillingness = (parent: XmlElement, local: 'willingness' | 'overriding-willingness'): 'open' | 'closed' | undefined => {
  for (const namespace of OMA) {
    const basic = readBasic(firstChild(parent, namespace, local), namespace)
    if (basic === 'open' || basic === 'closed') return basic
  }
  return undefined
}

/** Of an element's children those that stand for nothing the caller reads itself. */
export const restOf = (parent: XmlElement, isRead: (child: XmlElement) => boolean): readonly XmlElement[] => parent.children.filter((child) => !isRead(child))
