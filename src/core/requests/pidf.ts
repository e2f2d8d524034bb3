import { failure } from '../base/failure.ts'
import { readIsoInstant, type Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { attribute, childrenNamed, firstChild, type XmlDocument, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeVerbatim } from '../xml/write.ts'
import {
  readActivities, readBasic, readNotes, readPlace, readTimeOffset, readUserInput, readWillingness, restOf,
  type PidfActivity, type PidfNote, type TimeOffset, type UserInput,
} from './pidf-parts.ts'
import { notValid, readBody, readRequired } from './reading.ts'

/** What any part of a document may say (RFC 3863 4.1, RFC 4479 3, RFC 4480 3). Extensions are whole elements, verbatim and self-contained. */
interface Part {
  readonly id: string
  readonly notes: readonly PidfNote[]
  readonly timestamp: Instant | undefined
  readonly userInput: UserInput | undefined
  /** Everything inside that is no note and no timestamp, what this reader understands included: it is shown to others as it came. */
  readonly extensions: readonly string[]
}

/** Where a service is reached. */
export interface PidfContact {
  readonly uri: string
  /** From 0 to 1 with up to three digits, as written; undefined where it is missing or no such number. */
  readonly priority: string | undefined
}

/** A service (RFC 3863 4.1.2, RFC 4479 3.1). */
export interface PidfTuple extends Part {
  readonly basic: 'open' | 'closed' | undefined
  readonly contact: PidfContact | undefined
  /** What OMA's willingness says. */
  readonly willingness: 'open' | 'closed' | undefined
  readonly activities: readonly PidfActivity[]
  /** What stands in status besides basic. */
  readonly statusExtensions: readonly string[]
}

/** The human being (RFC 4479 3.2). */
export interface PidfPerson extends Part {
  readonly activities: readonly PidfActivity[]
  readonly timeOffset: TimeOffset | undefined
  readonly place: string | undefined
  /** OMA: closed means not to be disturbed through any service. */
  readonly overridingWillingness: 'open' | 'closed' | undefined
}

export type PidfDevice = Part

/** A presence document as a phone publishes it. */
export interface PidfDocument {
  readonly tuples: readonly PidfTuple[]
  readonly persons: readonly PidfPerson[]
  readonly devices: readonly PidfDevice[]
  /** Those that belong to no part. */
  readonly notes: readonly PidfNote[]
  /** Elements beside tuples, persons, devices and notes, verbatim and self-contained. */
  readonly extensions: readonly string[]
  /** The whole document, verbatim and self-contained. */
  readonly source: string
}

/** A phone has a handful of services; a document with more parts than these would be told to every watcher. */
export const MAX_PARTS = 32

const { pidf, dataModel } = namespaces

const PRIORITY = /^(0(\.\d{1,3})?|1(\.0{1,3})?)$/
// What others are told to call must be a URI and nothing else.
const CONTACT = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"]{1,500}$/

const readContact = (tuple: XmlElement): PidfContact | undefined => {
  const element = firstChild(tuple, pidf, 'contact')
  const uri = element?.text.trim() ?? ''
  if (element === undefined || !CONTACT.test(uri)) return undefined
  const priority = attribute(element, 'priority')?.trim() ?? ''
  return { uri, priority: PRIORITY.test(priority) ? priority : undefined }
}

type Verbatim = (elements: readonly XmlElement[]) => readonly string[]

const isNoteOrTime = ({ local, namespace }: XmlElement): boolean => (local === 'note' || local === 'timestamp') && (namespace === pidf || namespace === dataModel)

const readPart = (element: XmlElement, id: string, verbatim: Verbatim): Part => {
  const timestamp = firstChild(element, pidf, 'timestamp') ?? firstChild(element, dataModel, 'timestamp')
  return {
    id, notes: readNotes(element), timestamp: readIsoInstant(timestamp?.text.trim() ?? ''), userInput: readUserInput(element),
    extensions: verbatim(restOf(element, (child) => isNoteOrTime(child) || (child.namespace === pidf && ['status', 'contact'].includes(child.local)))),
  }
}

const readTuple = (element: XmlElement, id: string, verbatim: Verbatim): Result<PidfTuple> => {
  const status = firstChild(element, pidf, 'status')
  if (status === undefined) return notValid(element, 'status is missing')
  const basic = readBasic(status, pidf)
  if (basic !== undefined && basic !== 'open' && basic !== 'closed') return notValid(status, `basic "${basic.slice(0, 40)}" is neither open nor closed`)
  const part = readPart(element, id, verbatim)
  // RPID of before the data model stands in the status (RFC 4480 names the older drafts), or in the tuple itself.
  const said = [readActivities(element), readActivities(status)]
  return ok({
    ...part, basic, contact: readContact(element), willingness: readWillingness(element, 'willingness') ?? readWillingness(status, 'willingness'),
    notes: [...part.notes, ...said.flatMap(({ notes }) => notes)], userInput: part.userInput ?? readUserInput(status), activities: said.flatMap(({ activities }) => activities),
    statusExtensions: verbatim(restOf(status, ({ local, namespace }) => local === 'basic' && namespace === pidf)),
  })
}

const readPerson = (element: XmlElement, id: string, verbatim: Verbatim): Result<PidfPerson> => {
  const part = readPart(element, id, verbatim)
  const { activities, notes } = readActivities(element)
  return ok({
    ...part, activities, notes: [...part.notes, ...notes], timeOffset: readTimeOffset(element), place: readPlace(element),
    overridingWillingness: readWillingness(element, 'overriding-willingness'),
  })
}

const readDevice = (element: XmlElement, id: string, verbatim: Verbatim): Result<PidfDevice> => ok(readPart(element, id, verbatim))

/** Reads the parts of one kind, each with an id of its own (RFC 3863 4.1.2, RFC 4479 3). */
const readParts = <T>(elements: readonly XmlElement[], read: (element: XmlElement, id: string, verbatim: Verbatim) => Result<T>, verbatim: Verbatim): Result<readonly T[]> => {
  const parts: T[] = []
  const seen = new Set<string>()
  for (const element of elements) {
    const id = readRequired(element, 'id')
    if (!id.ok) return id
    const name = id.value.trim()
    if (name === '' || name.length > 128) return notValid(element, 'attribute id must have 1 to 128 characters')
    if (seen.has(name)) return notValid(element, `the id "${name.slice(0, 40)}" is given twice`)
    seen.add(name)
    const part = read(element, name, verbatim)
    if (!part.ok) return part
    parts.push(part.value)
  }
  return ok(parts)
}

const readDocument = ({ root, source }: XmlDocument): Result<PidfDocument> => {
  const [tupleElements, personElements, deviceElements] = [childrenNamed(root, pidf, 'tuple'), childrenNamed(root, dataModel, 'person'), childrenNamed(root, dataModel, 'device')]
  const parts = [...tupleElements, ...personElements, ...deviceElements]
  if (parts.length > MAX_PARTS) return notValid(root, `has ${parts.length} tuples, persons and devices, ${MAX_PARTS} are accepted`)
  const verbatim: Verbatim = (elements) => elements.map((element) => writeVerbatim(source, element))
  const tuples = readParts(tupleElements, readTuple, verbatim)
  if (!tuples.ok) return tuples
  const persons = readParts(personElements, readPerson, verbatim)
  if (!persons.ok) return persons
  const devices = readParts(deviceElements, readDevice, verbatim)
  if (!devices.ok) return devices
  return ok({
    tuples: tuples.value, persons: persons.value, devices: devices.value, notes: readNotes(root),
    extensions: verbatim(restOf(root, (child) => parts.includes(child) || isNoteOrTime(child))), source: writeVerbatim(source, root),
  })
}

/** pres: and sip: name the same people (RFC 3859); some phones leave the entity empty, and then it can only be the publisher. */
const isEntity = (entity: string, publisher: UserKey): boolean => {
  if (entity === '') return true
  const named = readUserKey(entity.replace(/^pres:/i, 'sip:'))
  return named.ok && named.value === publisher
}

/**
 * Reads the document of a PUBLISH (RFC 3863 with RFC 4479, RFC 4480 and what OMA adds). 413 when it is larger than `maxBytes`, 400 when it is not PIDF, speaks of
 * somebody else, lacks an id or a status, gives an id twice or has too many parts. What is not known is passed over (RFC 3863 4.2.3).
 */
export const readPidf = (body: Uint8Array, publisher: UserKey, maxBytes: number): Result<PidfDocument> => {
  if (body.length > maxBytes) return refuse(failure('inputTooLarge', `the document has ${body.length} bytes, ${maxBytes} are accepted`))
  const document = readBody(body, pidf, 'presence')
  if (!document.ok) return document
  const entity = attribute(document.value.root, 'entity')?.trim() ?? ''
  if (!isEntity(entity, publisher)) return notValid(document.value.root, `entity "${entity.slice(0, 80)}" is not the publisher`)
  return readDocument(document.value)
}

/**
 * Reads an instance of the category in which such documents are kept (see KEPT_PIDF): tuples with contact and extensions, persons with everything they say, for
 * those who write documents for ordinary watchers. Undefined when it holds none. Never throws.
 */
export const readKeptPidf = (payload: string): PidfDocument | undefined => {
  const document = readBody(Buffer.from(payload), pidf, 'presence')
  if (!document.ok) return undefined
  const read = readDocument(document.value)
  return read.ok ? read.value : undefined
}
