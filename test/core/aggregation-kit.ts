import { aggregate, type AggregationInput, type Touched } from '../../src/core/aggregation/aggregate.ts'
import { defaultPlan, type AggregationPlan } from '../../src/core/aggregation/plan.ts'
import type { Change } from '../../src/core/model/change.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import { anna, applyChanges, endpoint, instance, now, state as publisherState } from './support.ts'

export const MS = 'http://schemas.microsoft.com/2006/09/sip'
export const XSI = 'http://www.w3.org/2001/XMLSchema-instance'
/** What the server puts into the start tag of every state that it writes. */
export const OWN = `xmlns:xsi="${XSI}" xmlns="${MS}/state"`
export const DELIMITER = `<delimiter xmlns="${MS}/commontypes"/>`
export const END = `<end xmlns="${MS}/commontypes"/>`
export const ZONE = '<timeZoneBias>-60</timeZoneBias><timeZoneName>Mitteleurop\u00e4ische Zeit</timeZoneName><timeZoneAbbreviation>MEZ</timeZoneAbbreviation>'
export const DEVICE = '<device>computer</device>'

/** A point in time of the day of these tests, UTC. */
export const clock = (time: string): number => Date.parse(`2031-03-04T${time}Z`)

/** A state as a client writes it. */
export const state = (type: string, content = '', attributes = ''): string => `<state xmlns="${MS}/state" xmlns:xsi="${XSI}" manual="false" xsi:type="${type}"${attributes}>${content}</state>`

export const deskId = 'B1F5A0C2-1111-5222-8333-00000000000A'
export const laptopId = '0C44D1E7-4444-5555-8666-00000000000B'

interface Said {
  readonly container?: number
  readonly number?: number
  readonly at?: number
  readonly start?: string
  readonly manual?: boolean
  /** What stands behind the availability. */
  readonly more?: string
  readonly expireType?: CategoryInstance['expireType']
  readonly endpointId?: string
}

/** A state instance of any kind, with or without an availability. */
export const says = (type: string, availability: number | undefined, { container = 2, number = 0x20000000, at = now - 60_000, start, manual = false, more = '', expireType = 'static', endpointId }: Said = {}): CategoryInstance => instance({
  category: 'state', container, instance: number, expireType, endpointId, publishTime: at,
  payload: state(type, (availability === undefined ? '' : `<availability>${availability}</availability>`) + more, start === undefined ? '' : ` startTime="${start}"`).replace('manual="false"', `manual="${manual}"`),
})

/** The machineState of an endpoint. */
export const machine = (availability: number | undefined, said: Said = {}): CategoryInstance => says('machineState', availability, { number: 0x30000001, expireType: 'endpoint', endpointId: deskId, ...said })

export const activity = (token: string, min?: number | string, max?: number | string, inside = ''): string =>
  `<activity${token === '' ? '' : ` token="${token}"`}${min === undefined ? '' : ` minAvailability="${min}"`}${max === undefined ? '' : ` maxAvailability="${max}"`}>${inside}</activity>`

/** The instances in both input containers of the state category. */
export const inBoth = (...instances: readonly CategoryInstance[]): readonly CategoryInstance[] => [2, 3].flatMap((container) => instances.map((one) => ({ ...one, container })))

interface Run {
  readonly plan?: AggregationPlan
  readonly touched?: Touched
  readonly at?: number
  readonly endpoints?: AggregationInput['endpoints']
}

export interface Ran {
  readonly changes: readonly Change[]
  readonly after: readonly CategoryInstance[]
}

/** Aggregates, and writes the changes as a store would. */
export const run = (instances: readonly CategoryInstance[], { plan = defaultPlan, touched = 'all', at = now, endpoints = [endpoint()] }: Run = {}): Ran => {
  const changes = aggregate(plan, { publisher: anna, instances, endpoints }, at, touched)
  return { changes, after: applyChanges(publisherState({ instances }), changes).instances }
}

/** Replaces instances by key, or adds them. */
export const withInstances = (instances: readonly CategoryInstance[], ...more: readonly CategoryInstance[]): readonly CategoryInstance[] =>
  applyChanges(publisherState({ instances }), more.map((one) => ({ kind: 'putInstance', instance: one }))).instances

export const find = (instances: readonly CategoryInstance[], category: string, container: number, number?: number): CategoryInstance | undefined =>
  instances.find((one) => one.category === category && one.container === container && (number === undefined ? one.instance <= 1 : one.instance === number))

/** The payload of the computed instance of a category in a container, or nothing. */
export const shown = (instances: readonly CategoryInstance[], category: string, container: number): string => find(instances, category, container)?.payload ?? ''

/** The payload without what all states have in common. */
export const inside = (payload: string): string => payload.replace(` ${OWN}`, '')

const describe = (kind: string, { category, container, instance: number }: { category: string; container: number; instance: number }): string => `${kind} ${category} ${container}/${number}`

/** `put state 2/1 v6` and so on: which instances change, without their data. */
export const summary = (changes: readonly Change[]): readonly string[] => changes.map((change) =>
  change.kind === 'putInstance' ? `${describe('put', change.instance)} v${change.instance.instanceVersion} ${change.instance.expireType}` : change.kind === 'deleteInstance' ? describe('delete', change.key) : change.kind)

export const device = (id: string, ...services: readonly (readonly [uri: string, capabilities: string])[]): string =>
  `<device xmlns="${MS}/device" endpointId="${id}">${services.map(([uri, capabilities]) => `<capabilities preferred="false" uri="${uri}">${capabilities}</capabilities>`).join('')}<timezone>00:00:00-00:00</timezone><machineName>${id.slice(0, 4)}</machineName></device>`

export const deviceInstance = (id: string, number: number, at: number, ...services: readonly (readonly [uri: string, capabilities: string])[]): CategoryInstance =>
  instance({ category: 'device', container: 2, instance: number, expireType: 'endpoint', endpointId: id, publishTime: at, payload: device(id, ...services) })
