import { activity, device, DELIMITER, END, state } from '../core/aggregation-kit.ts'
import type { PublicationText } from './bodies.ts'
import type { Heard } from './heard.ts'
import type { Infoset } from './infoset.ts'

/** What clients publish about a user's state, and what they read of what the server makes of it. */

/** Both input containers of the state category (3.8.5.1.2.7). */
export const INPUTS = [2, 3] as const

/** Instance numbers as clients choose them: manual states without and with an end, a meeting. */
export const MANUAL = 0x20000000
export const TIMED = 0x24000000
export const MEETING = 0x40000001

/** A state of an endpoint or a user, in both input containers unless told otherwise. */
export interface StateText {
  readonly instance: number
  readonly version?: number
  readonly containers?: readonly number[]
  readonly expireType?: string
  readonly expires?: number
  readonly attributes?: string
  /** What stands behind the availability. */
  readonly more?: string
}

const availabilityElement = (availability: number): string => `<availability>${availability}</availability>`

export const states = (type: string, availability: number, { instance, version = 0, containers = INPUTS, expireType = 'static', expires, attributes = '', more = '' }: StateText): readonly PublicationText[] =>
  containers.map((container) => ({ category: 'state', container, instance, version, expireType, ...(expires === undefined ? {} : { expires }), data: state(type, availabilityElement(availability) + more, attributes).replace('manual="false"', `manual="${type === 'userState'}"`) }))

/** The user says so, by hand. */
export const userState = (availability: number, text: Partial<StateText> = {}): readonly PublicationText[] => states('userState', availability, { instance: MANUAL, ...text })

/** A meeting, as the calendar says. */
export const meeting = (availability: number, text: Partial<StateText> & { readonly subject?: string; readonly place?: string } = {}): readonly PublicationText[] => {
  const { subject = 'Kundentermin', place = 'Raum 12', ...rest } = text
  return states('calendarState', availability, { instance: MEETING, more: `${activity('in-a-meeting', 6500, 8999)}<meetingSubject>${subject}</meetingSubject><meetingLocation>${place}</meetingLocation>`, ...rest })
}

/** An endpoint of a user as its client presents it: where it stands, what it is, what it can do. */
export interface Machine {
  readonly number: number
  readonly location: string
  readonly kind: string
  /** Elements of capabilities under the user's own URI. */
  readonly can: string
}

const flags = (render: boolean, capture: boolean): string => ` capture="${capture}" render="${render}" publish="false"`
export const TEXT = `<text${flags(true, true)}/>`
export const VOICE = `<voice${flags(true, true)}/>`

export const DESK: Machine = { number: 0x30000001, location: 'Werk 2', kind: 'computer', can: TEXT + VOICE }
export const MOBILE: Machine = { number: 0x30000002, location: 'Am Deich', kind: 'mobile', can: TEXT }

export const machineState = ({ number, location, kind }: Machine, availability: number, version = 0, containers: readonly number[] = INPUTS): readonly PublicationText[] =>
  states('machineState', availability, { instance: number, version, containers, expireType: 'endpoint', more: `<endpointLocation>${location}</endpointLocation>${DELIMITER}<timeZoneAbbreviation>MEZ</timeZoneAbbreviation><device>${kind}</device>${END}` })

export const deviceOf = ({ number, can }: Machine, user: string, version = 0): PublicationText =>
  ({ category: 'device', container: 2, instance: number, version, expireType: 'endpoint', data: device('0', [`sip:${user}`, can]) })

/** What a client publishes first: its device, and its machineState in both input containers. */
export const arrival = (machine: Machine, user: string, availability = 3500): readonly PublicationText[] => [deviceOf(machine, user), ...machineState(machine, availability)]

const local = ({ name }: Infoset): string => name.replace(/^\{[^}]*\}/, '')
const attribute = ({ attributes }: Infoset, name: string): string => Object.entries(attributes).find(([candidate]) => candidate.replace(/^\{[^}]*\}/, '') === name)?.[1] ?? ''
const textOf = (infoset: Infoset): string => infoset.text + infoset.children.map(textOf).join('')
const child = (infoset: Infoset, name: string): Infoset | undefined => infoset.children.find((candidate) => local(candidate) === name)

const briefState = (infoset: Infoset): string => {
  const part = (name: string, form: (text: string) => string): string => {
    const found = child(infoset, name)
    return found === undefined ? '' : form(textOf(found).trim())
  }
  const acting = child(infoset, 'activity')
  return [
    attribute(infoset, 'type').replace(/State$/, ''), part('availability', (text) => text) || 'no availability',
    acting === undefined ? '' : attribute(acting, 'token') || `'${textOf(acting).trim()}'`,
    attribute(infoset, 'lastActive') && `since ${attribute(infoset, 'lastActive').slice(11)}`,
    part('endpointLocation', (text) => `at ${text}`), part('meetingSubject', (text) => `for ${text}`), part('meetingLocation', (text) => `in ${text}`),
    part('timeZoneAbbreviation', (text) => `(${text})`), part('device', (text) => `on ${text}`),
  ].filter((text) => text !== '').join(' ')
}

/** Each winner with its availability; for the user's own endpoints also which one is preferred, by the first characters of its id. */
const briefServices = (infoset: Infoset): string => infoset.children.map((service) => `${attribute(service, 'uri')} ${service.children.flatMap(({ children }) => children).map((capability) => {
  const preferred = attribute(capability, 'preferredEndpointId').slice(0, 8)
  return `${local(capability)}${preferred === '' ? '' : ` by ${preferred}`} ${attribute(capability, 'deviceAvailability') || '-'}`
}).join(', ')}`).join('; ')

const brief = (payload: Infoset): string => {
  switch (local(payload)) {
    case 'state': return briefState(payload)
    case 'services': return briefServices(payload)
    case 'legacyInterop': return [attribute(payload, 'availability'), attribute(payload, 'token')].filter((text) => text !== '').join(' ')
    case 'device': return attribute(payload, 'endpointId')
    default: return `"${textOf(payload).trim()}"`
  }
}

const tellInstance = (category: Infoset): string => {
  const { name, instance, container, version, expireType } = category.attributes
  const place = container === undefined ? '' : ` in ${container}`
  if (instance === undefined) return `${name}${place} (none)`
  const number = Number(instance) > 1 ? `0x${Number(instance).toString(16)}` : instance
  const [payload] = category.children
  return `${name}#${number}${place}${version === undefined ? '' : ` v${version} ${expireType}`}${payload === undefined ? '' : `: ${brief(payload)}`}`
}

const categoriesOf = (infoset: Infoset): readonly Infoset[] => (local(infoset) === 'categories' ? infoset.children : local(infoset) === 'roamingData' ? infoset.children.flatMap(categoriesOf) : [])

/** The categories of an answer or a notification, a line an instance: `state#1 in 2 v1 user: aggregate 3500 at Werk 2 (MEZ) on computer`. */
export const presence = ({ documents }: Pick<Heard, 'documents'>): readonly string[] => documents.flatMap(categoriesOf).map(tellInstance)

/** The publishTime of each instance of an answer or a notification, by category, container and number. */
export const publishTimes = ({ documents }: Heard): ReadonlyMap<string, string> =>
  new Map(documents.flatMap(categoriesOf).map(({ attributes }) => [`${attributes['name']} ${attributes['container']}/${attributes['instance']}`, attributes['publishTime'] ?? '']))
