import type { AggregationPlan } from '../aggregation/plan.ts'
import { failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { CategoryRegistry } from '../categories/registry.ts'
import type { Change } from '../model/change.ts'
import { isEventState, type Endpoint } from '../model/endpoint.ts'
import type { Outcome } from '../model/outcome.ts'
import { instanceKeyText, isAlive, weighInstances, type CategoryInstance, type InstanceKey } from '../model/publication.ts'
import type { PublisherState } from '../model/publisher.ts'
import { noTouch } from '../model/touch.ts'
import type { PidfDocument } from '../requests/pidf.ts'
import { endpointIdOfEpid, type EndpointId } from '../sip/endpoint-id.ts'
import type { EventStateLimits, EventStateRequest } from './event-state.ts'
import { decideDeregistration } from './expire.ts'
import { phoneInstances, type PhoneInstance } from './pidf-instances.ts'
import { refuseServerPublication } from './server-publish.ts'
import { withAggregates } from './with-aggregates.ts'

export interface EventStateContext {
  readonly now: Instant
  /** The tag that the request names, and the one that its answer will give. */
  readonly tag: string | undefined
  readonly newTag: string
  readonly limits: Pick<EventStateLimits, 'maxPerUser'>
  readonly registry: CategoryRegistry
  readonly plan: AggregationPlan
  /** What all instances of the publisher may weigh (see weighInstances). */
  readonly maxWeight: number
}

/** The living endpoint that has a tag now. */
export const findEventState = (endpoints: readonly Endpoint[], tag: string, now: Instant): Endpoint | undefined =>
  endpoints.find(({ entityTag, expiresAt }) => entityTag === tag && expiresAt > now)

/** What is published under a tag is an endpoint of its own. Its id comes of the first tag, which nobody can guess, in a form that no epid and no Contact has. */
const newEndpoint = (tag: string, now: Instant): Omit<Endpoint, 'expiresAt' | 'entityTag'> => {
  const contact = `event-state:${tag}`
  const endpointId = endpointIdOfEpid(contact)
  return { endpointId, instanceId: endpointId, epid: undefined, proxy: '', flow: '', contact: `event-state:${endpointId}`, callId: '', cseq: 0, registeredAt: now }
}

/** The places of an instance: under its own number, or the next one that nobody else has in any of its containers. */
const findPlaces = ({ category, instance, payloads }: PhoneInstance, endpointId: EndpointId, stored: ReadonlyMap<string, CategoryInstance>): readonly (InstanceKey & { readonly payload: string })[] => {
  const places = (number: number) => [...payloads].map(([container, payload]) => ({ category, container, instance: number, payload }))
  const isTaken = (key: InstanceKey): boolean => {
    const there = stored.get(instanceKeyText(key))
    return there !== undefined && there.endpointId !== endpointId
  }
  let number = instance
  while (places(number).some(isTaken)) number += 1
  return places(number)
}

/** Brings the instances of one endpoint to what a document says: new and changed ones are put, those that it says no more go, the others are left alone. */
const decideDocument = (document: PidfDocument, endpoint: Endpoint, state: PublisherState, { now, registry, plan, maxWeight }: EventStateContext): Result<Outcome> => {
  const { endpointId } = endpoint
  const before = state.instances.filter((instance) => isAlive(instance, now))
  const after = new Map(before.map((instance) => [instanceKeyText(instance), instance]))
  const wanted = phoneInstances(state.publisher, endpointId, document, now).flatMap((instance) => findPlaces(instance, endpointId, after))
    // What the operator has taken away, or bounds more narrowly, is left out; the rest is published all the same.
    .filter((place) => refuseServerPublication({ ...place, expiresAt: undefined }, registry) === undefined)
  const kept = new Set(wanted.map(instanceKeyText))
  const gone = before.filter((instance) => instance.expireType === 'endpoint' && instance.endpointId === endpointId && !kept.has(instanceKeyText(instance)))
  const changed = wanted.filter((place) => {
    const current = after.get(instanceKeyText(place))
    return current === undefined || current.payload !== place.payload || current.expireType !== 'endpoint'
  })
  // Clocks of several engines may differ: what replaces an instance is never older than it (1.3.1.6.4).
  const publishTime = changed.reduce((latest, place) => Math.max(latest, (after.get(instanceKeyText(place))?.publishTime ?? 0) + 1), now)
  const changes: Change[] = [{ kind: 'putEndpoint', endpoint }]
  for (const key of gone) {
    after.delete(instanceKeyText(key))
    changes.push({ kind: 'deleteInstance', key })
  }
  for (const { category, container, instance: number, payload } of changed) {
    const key = { category, container, instance: number }
    const instanceVersion = (after.get(instanceKeyText(key))?.instanceVersion ?? 0) + 1
    const instance: CategoryInstance = { ...key, instanceVersion, expireType: 'endpoint', expiresAt: undefined, endpointId, publishTime, payload }
    after.set(instanceKeyText(key), instance)
    changes.push({ kind: 'putInstance', instance })
  }
  const instances = [...after.values()]
  const weight = weighInstances(state.instances)
  if (weighInstances(instances) > Math.max(weight, maxWeight)) return refuse(failure('categoryQuotaExceeded', `all publications together: at most ${maxWeight} bytes`))
  const endpoints = [...state.endpoints.filter((other) => other.endpointId !== endpointId), endpoint]
  const completed = withAggregates(plan, { publisher: state.publisher, before, after: instances, changes, changed: [...gone, ...changed], endpoints }, now)
  return ok({ changes: completed.changes, touch: completed.touch })
}

/**
 * Decides a PUBLISH from the check of its tag on (RFC 3903 6): 412 for a tag that is not current, then what `asked` was refused for, then the operation. A refresh
 * moves the life of what is published and nothing else, a removal is the departure of its endpoint (3.2.5.5). `state` must hold all endpoints, and all instances
 * unless `asked` only refreshes.
 */
export const decideEventState = (asked: Result<EventStateRequest>, state: PublisherState, context: EventStateContext): Result<Outcome> => {
  const { now, tag, newTag, limits, plan } = context
  const current = tag === undefined ? undefined : findEventState(state.endpoints, tag, now)
  if (tag !== undefined && current === undefined) return refuse(failure('conditionFailed'))
  if (!asked.ok) return asked
  const { expires, document } = asked.value
  if (expires === 0) return ok(current === undefined ? { changes: [], touch: noTouch } : decideDeregistration(plan, state, [current.endpointId], now))
  if (current === undefined && state.endpoints.filter((endpoint) => isEventState(endpoint) && endpoint.expiresAt > now).length >= limits.maxPerUser) return refuse(failure('eventStatesExceeded', `at most ${limits.maxPerUser}`))
  const endpoint: Endpoint = { ...(current ?? newEndpoint(newTag, now)), entityTag: newTag, expiresAt: now + expires * 1000 }
  return document === undefined ? ok({ changes: [{ kind: 'putEndpoint', endpoint }], touch: noTouch }) : decideDocument(document, endpoint, state, context)
}
