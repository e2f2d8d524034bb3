import { writeAvailability, writeState } from '../aggregation/write-state.ts'
import type { AggregationPlan } from '../aggregation/plan.ts'
import { failure, type Failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { legacyDevice, legacyUserInfo, LEGACY_CONTAINER, writeLegacyDevice, writeLegacyUserInfo } from '../categories/legacy-presence.ts'
import { findCategory, type CategoryRegistry } from '../categories/registry.ts'
import type { Change } from '../model/change.ts'
import type { Endpoint } from '../model/endpoint.ts'
import type { SetPresence } from '../model/legacy-presence.ts'
import type { Outcome } from '../model/outcome.ts'
import { instanceKeyText, isAlive, weighInstances, type CategoryInstance, type InstanceKey } from '../model/publication.ts'
import type { PublisherState } from '../model/publisher.ts'
import { writeAttribute } from '../xml/write.ts'
import { statesOfLegacy, type LegacyState } from './legacy-states.ts'
import { withAggregates } from './with-aggregates.ts'

/** What a decision on setPresence goes by. */
export interface SetPresenceContext {
  readonly now: Instant
  readonly registry: CategoryRegistry
  readonly plan: AggregationPlan
  /** The registered endpoint that sent it; undefined is refused. */
  readonly endpoint: Endpoint | undefined
  /** What From says, where it differs from what was registered. */
  readonly epid: string | undefined
  /** What all instances of the publisher may weigh together. */
  readonly maxWeight: number
}

/** The containers into which clients publish their states (3.8.5.1.2.7). */
const INPUTS = [2, 3] as const

/** The first hexadecimal digit of the instance numbers of each type, as newer clients choose them. */
const digits: Readonly<Record<LegacyState['type'], number>> = { userState: 0x2, machineState: 0x3, phoneState: 0x8 }

/** Newer clients number the states of an endpoint by 28 bits of a hash of it; the endpoint id is one. */
const numberOf = ({ endpointId }: Endpoint, digit: number): number => digit * 0x10000000 + Number.parseInt(endpointId.slice(0, 7), 16)

type Wanted = Pick<CategoryInstance, 'category' | 'container' | 'instance' | 'expireType' | 'payload'>

const writeLegacyState = ({ type, availability, activity }: LegacyState): string =>
  writeState(type, ' manual="false"', writeAvailability(availability) +
    (activity === undefined ? '' : `<activity${writeAttribute('token', activity.token)} minAvailability="${activity.from}" maxAvailability="${activity.to}"/>`))

/** All that an endpoint shall have published after its setPresence. */
const wantedOf = (request: SetPresence, endpoint: Endpoint, epid: string | undefined): readonly Wanted[] => {
  const states = statesOfLegacy(request.availability.aggregate, request.activity.aggregate).flatMap((state) =>
    INPUTS.map((container): Wanted => ({ category: 'state', container, instance: numberOf(endpoint, digits[state.type]), expireType: 'endpoint', payload: writeLegacyState(state) })))
  const device: Wanted = { category: legacyDevice, container: LEGACY_CONTAINER, instance: numberOf(endpoint, digits.machineState), expireType: 'endpoint', payload: writeLegacyDevice(epid, request) }
  const info: readonly Wanted[] = request.userInfo === undefined || request.userInfo === '' ? []
    : [{ category: legacyUserInfo, container: LEGACY_CONTAINER, instance: 0, expireType: 'static', payload: writeLegacyUserInfo(request.userInfo) }]
  return [...states, device, ...info]
}

/** What may be there of an earlier setPresence of the same endpoint, and is not wanted any more. */
const isLeftOver = (instance: CategoryInstance, endpoint: Endpoint, clearsInfo: boolean): boolean =>
  (instance.category === legacyUserInfo && clearsInfo) ||
  (instance.category === 'state' && INPUTS.some((container) => container === instance.container) && instance.expireType === 'endpoint' &&
    instance.endpointId?.toLowerCase() === endpoint.endpointId && Object.values(digits).some((digit) => instance.instance === numberOf(endpoint, digit)))

const checkWanted = ({ category, container, payload }: Wanted, registry: CategoryRegistry): Failure | undefined => {
  const rule = findCategory(registry, category)
  if (rule === undefined) return failure('categoryNotRegistered', category)
  if (rule.readOnlyContainers.includes(container)) return failure('categoryReadOnly', `${category} in container ${container}`)
  return Buffer.byteLength(payload) > rule.maxBytes ? failure('publicationTooLarge', `${category}: at most ${rule.maxBytes} bytes`) : undefined
}

/**
 * Decides setPresence (MS-SIP 3.2.4.2): the state of the endpoint where newer clients publish theirs, so that all watchers see it alike, and what else it says
 * for documents of its own kind. It is the whole truth about the endpoint: what an earlier one left goes. Legacy clients know no versions, the server counts them;
 * what is there already is not published again, but for the time at which the device was last heard of. `state` must hold all instances and endpoints.
 */
export const decideSetPresence = (request: SetPresence, state: PublisherState, { now, registry, plan, endpoint, epid, maxWeight }: SetPresenceContext): Result<Outcome> => {
  if (endpoint === undefined) return refuse(failure('publishingEndpointNotRegistered'))
  const wanted = wantedOf(request, endpoint, epid ?? endpoint.epid)
  for (const one of wanted) {
    const refused = checkWanted(one, registry)
    if (refused !== undefined) return refuse(refused)
  }
  const living = new Map(state.instances.filter((instance) => isAlive(instance, now)).map((instance) => [instanceKeyText(instance), instance]))
  const kept = new Set(wanted.map(instanceKeyText))
  const gone = state.instances.filter((instance) => !kept.has(instanceKeyText(instance)) && (!isAlive(instance, now) || isLeftOver(instance, endpoint, request.userInfo === '')))
  const put: CategoryInstance[] = []
  const changed: InstanceKey[] = [...gone]
  for (const one of wanted) {
    const current = living.get(instanceKeyText(one))
    const endpointId = one.expireType === 'endpoint' ? endpoint.instanceId : undefined
    const isSame = current !== undefined && current.payload === one.payload && current.expireType === one.expireType && current.endpointId === endpointId
    const again = { ...one, expiresAt: undefined, endpointId, publishTime: Math.max(now, (current?.publishTime ?? 0) + 1) }
    if (!isSame) {
      put.push({ ...again, instanceVersion: (current?.instanceVersion ?? 0) + 1 })
      changed.push(one)
    // Nobody hears that a device has said the same once more; but its age counts from now.
    } else if (one.category === legacyDevice) put.push({ ...again, instanceVersion: current.instanceVersion })
  }
  const replaced = new Map(put.map((instance) => [instanceKeyText(instance), instance]))
  const after = [...state.instances.filter((instance) => !gone.includes(instance) && !replaced.has(instanceKeyText(instance))), ...put]
  if (weighInstances(after) > Math.max(maxWeight, weighInstances(state.instances))) return refuse(failure('categoryQuotaExceeded', `all publications together: at most ${maxWeight} bytes`))
  const changes: readonly Change[] = [...put.map((instance) => ({ kind: 'putInstance', instance }) as const), ...gone.map((key) => ({ kind: 'deleteInstance', key }) as const)]
  const completed = withAggregates(plan, { publisher: state.publisher, before: state.instances, after, changes, changed, endpoints: state.endpoints }, now)
  return ok({ changes: completed.changes, touch: completed.touch })
}
