import type { PidfNote } from '../requests/pidf-parts.ts'
import type { PidfContact, PidfDocument, PidfTuple } from '../requests/pidf.ts'
import type { XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { parseXml } from '../xml/parse.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'

/** What a phone has published in its own words (RFC 3903), as others may see it. */
export interface PhoneSeen {
  /** Tells it from the other phones of its user for as long as it publishes; may begin an id. */
  readonly key: string
  readonly document: PidfDocument
  /** Where its user is, is not for the watcher. */
  readonly hidesPlace?: true
  /** Nor what it says in notes. */
  readonly hidesNotes?: true
}

/** Pieces of a document for ordinary watchers, each empty where phones say nothing of the kind. */
export interface PhoneParts {
  readonly tuples: string
  /** Notes that belong to no part. */
  readonly notes: string
  /** What the person says that has no place in enhanced presence. */
  readonly person: string
  readonly devices: string
  readonly extensions: string
}

export const noPhoneParts: PhoneParts = { tuples: '', notes: '', person: '', devices: '', extensions: '' }

const { pidf, dataModel, rpid, draftRpidStatus, cipid, geopriv } = namespaces

interface Extension {
  readonly text: string
  readonly namespace: string
  readonly local: string
  /** Those of its attributes that are ids for the whole document (RFC 4480 6). */
  readonly ids: readonly string[]
}

const idsOf = ({ namespace, attributes, children }: XmlElement): readonly string[] => [
  ...(namespace === rpid ? attributes.filter((attribute) => attribute.namespace === '' && attribute.local === 'id').map(({ value }) => value.trim()) : []),
  ...children.flatMap(idsOf),
]

/** What may stand among the extensions of PIDF and of the data model: elements of other namespaces (RFC 3863 4.4, RFC 4479 5). */
const describe = (texts: readonly string[]): readonly Extension[] => texts.flatMap((text) => {
  const read = parseXml(Buffer.from(text))
  if (!read.ok || ['', pidf, dataModel].includes(read.value.root.namespace)) return []
  const { root } = read.value
  return [{ text, namespace: root.namespace, local: root.local, ids: idsOf(root) }]
})

type Told = (extension: Extension) => boolean

const isRpid = ({ namespace }: Extension): boolean => namespace === rpid || namespace === draftRpidStatus

/** The server says itself what the user does, from all its endpoints together, and where it is from UTC, to whom that is shown. */
const isToldElsewhere: Told = (extension) => isRpid(extension) && ['activities', 'time-offset'].includes(extension.local)

/** What kind of place it is, and which (RFC 4480 3.7, 3.8, RFC 4119). */
const isPlace: Told = (extension) => extension.namespace === geopriv || (isRpid(extension) && ['place-is', 'place-type'].includes(extension.local))

const isName: Told = ({ namespace, local }) => namespace === cipid && local === 'display-name'

/** Of the person it also says how its devices are used and its name. */
const isOfPerson: Told = (extension) => isToldElsewhere(extension) || isName(extension) || (isRpid(extension) && extension.local === 'user-input')

/** Ids stand once in a document. */
type Ids = Set<string>

const takeIds = (ids: Ids, wanted: readonly string[]): boolean => {
  if (new Set(wanted).size < wanted.length || wanted.some((id) => ids.has(id))) return false
  for (const id of wanted) ids.add(id)
  return true
}

const write = (extensions: readonly Extension[], isTold: Told, ids: Ids): string =>
  extensions.filter((extension) => !isTold(extension) && takeIds(ids, extension.ids)).map(({ text }) => text).join('')

/** What several phones say in elements of the same name is told in the words of the first of them: nothing that there is once stands there twice. */
const writeOnce = (sources: readonly (readonly string[])[], isTold: Told, ids: Ids): string => {
  const named = new Set<string>()
  return sources.map((texts) => {
    const fresh = describe(texts).filter(({ namespace, local }) => !named.has(`${namespace} ${local}`))
    for (const { namespace, local } of fresh) named.add(`${namespace} ${local}`)
    return write(fresh, isTold, ids)
  }).join('')
}

const newId = (ids: Ids, key: string, written: string): string => {
  const wanted = `${key}-${written.replace(/[^A-Za-z0-9_.-]/g, '_')}`
  let id = wanted
  for (let at = 2; ids.has(id); at += 1) id = `${wanted}.${at}`
  ids.add(id)
  return id
}

const LANGUAGE = /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/

const writeNotes = (notes: readonly PidfNote[], prefix: '' | 'dm:', told: string | undefined): string =>
  notes.filter(({ text }) => text !== told).map(({ lang, text }) => `<${prefix}note${lang !== undefined && LANGUAGE.test(lang) ? writeAttribute('xml:lang', lang) : ''}>${escapeXml(text)}</${prefix}note>`).join('')

const writeContact = (contact: PidfContact | undefined): string =>
  contact === undefined ? '' : `<contact${writeAttribute('priority', contact.priority)}>${escapeXml(contact.uri)}</contact>`

const writeTime = (timestamp: number | undefined, prefix: '' | 'dm:'): string => (timestamp === undefined ? '' : `<${prefix}timestamp>${new Date(timestamp).toISOString()}</${prefix}timestamp>`)

const writeTuple = (tuple: PidfTuple, key: string, told: string | undefined, ids: Ids): string => {
  const id = newId(ids, key, tuple.id)
  const status = (tuple.basic === undefined ? '' : `<basic>${tuple.basic}</basic>`) + write(describe(tuple.statusExtensions), isToldElsewhere, ids)
  return `<tuple id="${id}"><status>${status}</status>${write(describe(tuple.extensions), isToldElsewhere, ids)}${writeContact(tuple.contact)}${writeNotes(tuple.notes, '', told)}${writeTime(tuple.timestamp, '')}</tuple>`
}

const DEVICE_ID = /^[^\s<>"]{1,300}$/

/** RFC 4479 5: a device without deviceID is none. */
const writeDevice = ({ id, extensions, notes, timestamp }: PidfDocument['devices'][number], key: string, ids: Ids): string => {
  const deviceId = extensions.flatMap((text) => {
    const read = parseXml(Buffer.from(text))
    return read.ok && read.value.root.namespace === dataModel && read.value.root.local === 'deviceID' ? [read.value.root.text.trim()] : []
  }).find((text) => DEVICE_ID.test(text))
  if (deviceId === undefined) return ''
  return `<dm:device id="${newId(ids, key, id)}">${write(describe(extensions), isToldElsewhere, ids)}<dm:deviceID>${escapeXml(deviceId)}</dm:deviceID>${writeNotes(notes, 'dm:', undefined)}${writeTime(timestamp, 'dm:')}</dm:device>`
}

const withoutPlaces = (document: PidfDocument): PidfDocument => {
  const keep = (texts: readonly string[]): readonly string[] => texts.filter((text) => !describe([text]).some(isPlace))
  const keepIn = <T extends { readonly extensions: readonly string[] }>(part: T): T => ({ ...part, extensions: keep(part.extensions) })
  return { ...document, tuples: document.tuples.map((tuple) => ({ ...keepIn(tuple), statusExtensions: keep(tuple.statusExtensions) })), persons: document.persons.map(keepIn), devices: document.devices.map(keepIn), extensions: keep(document.extensions) }
}

const withoutNotes = (document: PidfDocument): PidfDocument => {
  const empty = <T extends { readonly notes: readonly PidfNote[] }>(part: T): T => ({ ...part, notes: [] })
  return { ...document, notes: [], tuples: document.tuples.map(empty), persons: document.persons.map(empty), devices: document.devices.map(empty) }
}

const forWatcher = ({ key, document, hidesPlace, hidesNotes }: PhoneSeen): PhoneSeen => {
  const placed = hidesPlace === true ? withoutPlaces(document) : document
  return { key, document: hidesNotes === true ? withoutNotes(placed) : placed }
}

/** Characters of what all phones say together, beyond which the older ones are left out: a notification must fit into what carries it. */
const MAX_CHARACTERS = 24_000

/** What a document may come to here: each extension takes the namespaces along that were declared once around all of them, so that it may weigh far more than it was sent with. */
const weigh = ({ source, extensions, tuples, persons, devices }: PidfDocument): number => {
  const parts = [...extensions, ...[...tuples, ...persons, ...devices].flatMap((part) => part.extensions), ...tuples.flatMap((tuple) => tuple.statusExtensions)]
  return Math.max(source.length, parts.reduce((sum, text) => sum + text.length, 0))
}

/**
 * What phones say of themselves, the newest first, for a document that has tuple and person of its own: their services as they were published, devices, and everything that this server
 * does not understand or has no place for, as it came. What the server tells itself, the note `told` included, is left out, and ids are made unique.
 */
export const writePhoneParts = (phones: readonly PhoneSeen[], told: string | undefined, reserved: readonly string[]): PhoneParts => {
  const ids: Ids = new Set(reserved)
  let characters = 0
  const shown = phones.filter(({ document }) => {
    characters += weigh(document)
    return characters <= MAX_CHARACTERS
  }).map(forWatcher)
  if (shown.length === 0) return noPhoneParts
  const documents = shown.map(({ document }) => document)
  return {
    tuples: shown.map(({ key, document }) => document.tuples.map((tuple) => writeTuple(tuple, key, told, ids)).join('')).join(''),
    notes: writeNotes([...new Map(documents.flatMap(({ notes }) => notes).map((note) => [note.text, note])).values()], '', told),
    person: writeOnce(documents.flatMap(({ persons }) => persons).map(({ extensions }) => extensions), isOfPerson, ids),
    devices: shown.map(({ key, document }) => document.devices.map((device) => writeDevice(device, key, ids)).join('')).join(''),
    extensions: writeOnce(documents.map(({ extensions }) => extensions), isOfPerson, ids),
  }
}
