import { writeAvailability, writeState } from '../aggregation/write-state.ts'
import type { Instant } from '../base/instant.ts'
import { KEPT_PIDF, KEPT_PIDF_CONTAINER } from '../categories/registry.ts'
import type { PidfDocument } from '../requests/pidf.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'
import { writeUserUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'
import { customRow, readStates, statePrefixes, stateRows, type StateRow } from './pidf-table.ts'

/** One instance that comes of a document, under the same number in all its containers. */
export interface PhoneInstance {
  readonly category: string
  /** The number under which it belongs; the next free one where somebody else has it. */
  readonly instance: number
  readonly payloads: ReadonlyMap<number, string>
}

/** Containers of the input to the state category (3.8.5.1.2.7), of devices (3.8.5.2.2), and those in which clients put a personal note. */
const STATE_CONTAINERS = [2, 3] as const
const DEVICE_CONTAINER = 2
const NOTE_CONTAINERS = [200, 300, 400] as const

/** What enhanced presence calls the thing on the desk. */
const DEVICE_TYPE = 'deskphone'

/** United States English, for texts of no known language (2.2.2.7.1). */
const LCID = 1033

/**
 * The number from which the instances of an endpoint are derived, like those of clients from their endpoint: device takes it whole, states the upper 28 of its bits
 * behind the digit of their kind. Never one of the small numbers that clients and server have for what there is once.
 */
const hashOf = (endpointId: EndpointId): number => (Number.parseInt(endpointId.slice(0, 8), 16) | 0x80000000) >>> 0

const stateNumber = (hash: number, kind: StateRow['kind'], at: number): number => statePrefixes[kind] * 0x10000000 + (((hash >>> 4) + at) & 0x0fffffff)

const writeRowState = ({ kind, availability, manual, activity }: StateRow, container: 2 | 3, more = ''): string => {
  const shown = activity === undefined || (activity.only !== undefined && activity.only !== container) ? ''
    : `<activity${writeAttribute('token', activity.token)}${writeAttribute('minAvailability', activity.min)}${writeAttribute('maxAvailability', activity.max)}/>`
  return writeState(kind === 'outOfOffice' ? 'calendarState' : kind, writeAttribute('manual', String(manual)), (availability === undefined ? '' : writeAvailability(availability[container])) + shown + more)
}

const stateOf = (row: StateRow, instance: number, more = ''): PhoneInstance =>
  ({ category: 'state', instance, payloads: new Map(STATE_CONTAINERS.map((container) => [container, writeRowState(row, container, more)])) })

const writeCustom = (text: string): string => `<activity><custom LCID="${LCID}">${escapeXml(text)}</custom></activity>`

/** Place, time zone and kind of the phone, in the order of 7.2. RPID counts minutes to the east, timeZoneBias those to add to local time (2.2.2.7.1). */
const writeWhereabouts = ({ persons }: PidfDocument): string => {
  const place = persons.find((person) => person.place !== undefined)?.place
  const offset = persons.find(({ timeOffset }) => timeOffset !== undefined)?.timeOffset
  const zone = offset === undefined ? '' : `<timeZoneBias>${0 - offset.minutes}</timeZoneBias>${offset.description === undefined ? '' : `<timeZoneName>${escapeXml(offset.description)}</timeZoneName>`}`
  return (place === undefined ? '' : `<endpointLocation>${escapeXml(place)}</endpointLocation>`) +
    `<delimiter xmlns="${namespaces.commonTypes}"/>${zone}<device>${DEVICE_TYPE}</device><end xmlns="${namespaces.commonTypes}"/>`
}

/** A phone is there to speak; what else it can do stands in extensions that are shown to phones only. */
const writeDevice = (publisher: UserKey, endpointId: EndpointId): string =>
  `<device xmlns="${namespaces.device}"${writeAttribute('endpointId', endpointId)}><capabilities preferred="false"${writeAttribute('uri', writeUserUri(publisher))}>` +
  '<voice capture="true" render="true" publish="false"/></capabilities><machineName>SIP phone</machineName></device>'

const writeNote = (text: string): string => `<note xmlns="${namespaces.note}"><body type="personal" uri="">${escapeXml(text)}</body></note>`

/** The person's words first, then those that belong to nothing, then those on a service. */
const findNote = ({ persons, notes, tuples }: PidfDocument): string | undefined => [...persons.flatMap((person) => person.notes), ...notes, ...tuples.flatMap((tuple) => tuple.notes)][0]?.text

/** The availability from which on nobody is reached, so that the phone offers no service. */
const CLOSED = 18000

/**
 * What a document of a phone is in enhanced presence, all of it bound to the endpoint: states by the table, a device while the phone can be reached, a note, and the
 * document itself. Names and addresses (RFC 4482) are not taken for a contactCard: the directory knows them, and a card in 200 to 400 would hide the one it
 * publishes for everybody.
 */
export const phoneInstances = (publisher: UserKey, endpointId: EndpointId, document: PidfDocument, now: Instant): readonly PhoneInstance[] => {
  const hash = hashOf(endpointId)
  const { machine, states, customs } = readStates(document, now)
  const isReachable = (machine.availability?.[2] ?? 0) < CLOSED
  const note = findNote(document)
  return [
    stateOf(machine, stateNumber(hash, 'machineState', 0), writeWhereabouts(document)),
    // By its place in the table: what a phone goes on saying keeps its instance.
    ...states.map((row) => stateOf(row, stateNumber(hash, row.kind, stateRows.indexOf(row)))),
    ...customs.map((text, at) => stateOf(customRow, stateNumber(hash, customRow.kind, stateRows.length + at), writeCustom(text))),
    ...(isReachable ? [{ category: 'device', instance: hash, payloads: new Map([[DEVICE_CONTAINER, writeDevice(publisher, endpointId)]]) }] : []),
    ...(note === undefined ? [] : [{ category: 'note', instance: hash, payloads: new Map(NOTE_CONTAINERS.map((container) => [container, writeNote(note)])) }]),
    { category: KEPT_PIDF, instance: hash, payloads: new Map([[KEPT_PIDF_CONTAINER, document.source]]) },
  ]
}
