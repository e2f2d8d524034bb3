import { failure, type Failure } from '../base/failure.ts'
import type { AggregationPlan } from '../aggregation/plan.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { findCategory, type CategoryRegistry } from '../categories/registry.ts'
import { writeSelfCategories, type ClearedCategory } from '../documents/categories.ts'
import { writeWrongDelta, type StaleOperation } from '../documents/fault.ts'
import { writeRoamingData } from '../documents/roaming-self.ts'
import type { Change } from '../model/change.ts'
import type { Endpoint } from '../model/endpoint.ts'
import type { Outcome } from '../model/outcome.ts'
import { instanceKeyText, isAlive, weighInstances, type CategoryInstance, type InstanceKey } from '../model/publication.ts'
import type { PublisherState } from '../model/publisher.ts'
import type { Touch } from '../model/touch.ts'
import type { Publication, PublishRequest } from '../requests/publish.ts'
import { mediaTypes } from '../sip/media-types.ts'
import { withAggregates } from './with-aggregates.ts'

export interface PublishContext {
  readonly now: Instant
  readonly registry: CategoryRegistry
  /** The registered endpoint that sent the request, if there is one. */
  readonly endpoint: Endpoint | undefined
  /** What all instances of the publisher weigh now, and may weigh (see weighInstances). */
  readonly weight: number
  readonly maxWeight: number
  /** What the server computes from publications. */
  readonly plan: AggregationPlan
}

const place = (publication: Publication, index: number): string =>
  `publication ${index + 1} (${publication.category}, instance ${publication.instance}, container ${publication.container})`

const isRemoval = ({ expires }: Publication, now: Instant): boolean =>
  expires !== undefined && ('seconds' in expires ? expires.seconds === 0 : expires.at <= now)

/** The rules that need no stored state (2.2.2.2.1, 3.2.5.1.2, 3.2.5.4). */
const checkPublication = (publication: Publication, index: number, context: PublishContext): Failure | undefined => {
  const { expires, expireType, container, category } = publication
  if (expireType === 'time' && expires === undefined) return failure('expiryMissing', place(publication, index))
  if (expireType !== 'time' && expires !== undefined && !isRemoval(publication, context.now)) return failure('expiryForbidden', place(publication, index))
  const rule = findCategory(context.registry, category)
  if (rule === undefined) return failure('categoryNotRegistered', place(publication, index))
  if (rule.serverOnly === true || rule.readOnlyContainers.includes(container)) return failure('categoryReadOnly', place(publication, index))
  if (Buffer.byteLength(publication.payload) > rule.maxBytes) return failure('publicationTooLarge', `${place(publication, index)}: at most ${rule.maxBytes} bytes`)
  // The agreed-upon schema interprets the body (3.2.5.1.2); what is removed carries none that matters.
  const wrong = publication.payload === '' || isRemoval(publication, context.now) ? undefined : rule.check?.(publication.payload)
  if (wrong !== undefined) return failure('payloadNotValid', `${place(publication, index)}: ${wrong}`)
  if (expireType === 'endpoint' && context.endpoint === undefined && !isRemoval(publication, context.now)) return failure('publishingEndpointNotRegistered', place(publication, index))
  return undefined
}

const checkAll = (request: PublishRequest, context: PublishContext): Failure | undefined => {
  const seen = new Set<string>()
  for (const [index, publication] of request.publications.entries()) {
    const key = instanceKeyText(publication)
    if (seen.has(key)) return failure('duplicatePublication', place(publication, index))
    seen.add(key)
    const refused = checkPublication(publication, index, context)
    if (refused !== undefined) return refused
  }
  return undefined
}

/** Every publication whose version is not the stored one; zero stands for a missing instance (3.2.5.1.2, rules 2 and 3). */
export const findStale = (request: PublishRequest, stored: ReadonlyMap<string, CategoryInstance>): readonly StaleOperation[] =>
  request.publications.flatMap((publication, at) => {
    const current = stored.get(instanceKeyText(publication))
    const curVersion = current?.instanceVersion ?? 0
    return publication.version === curVersion ? [] : [{ index: at + 1, version: publication.version, curVersion, data: current?.payload ?? '' }]
  })

const expiresAt = ({ expireType, expires }: Publication, now: Instant): Instant | undefined => {
  if (expireType !== 'time' || expires === undefined) return undefined
  return 'seconds' in expires ? now + expires.seconds * 1000 : expires.at
}

const bytesPerCategory = (instances: readonly CategoryInstance[]): ReadonlyMap<string, number> => {
  const bytes = new Map<string, number>()
  for (const { category, payload } of instances) bytes.set(category, (bytes.get(category) ?? 0) + Buffer.byteLength(payload))
  return bytes
}

/** Only a request that causes the quota to be exceeded fails (3.2.5.1.2); one that frees space never does. */
const overQuota = (before: readonly CategoryInstance[], after: readonly CategoryInstance[], request: PublishRequest, registry: CategoryRegistry): Failure | undefined => {
  const was = bytesPerCategory(before)
  const is = bytesPerCategory(after)
  for (const { category } of request.publications) {
    const quota = findCategory(registry, category)?.quotaBytes ?? 0
    const bytes = is.get(category) ?? 0
    if (bytes > quota && bytes > (was.get(category) ?? 0)) return failure('categoryQuotaExceeded', `category ${category}: at most ${quota} bytes`)
  }
  return undefined
}

const byPlace = (a: InstanceKey, b: InstanceKey): number => a.container - b.container || a.instance - b.instance

/**
 * Design decision 6: a named category is listed with all its instances in all containers, or clients loop on 409. What the server computed
 * along with it is part of the answer: `computed` says where, so that categories that nobody named are told as cleared where they are.
 */
export const writePublishAnswer = (state: PublisherState, request: PublishRequest, after: readonly CategoryInstance[], now: Instant, computed: Touch['categories'] = {}): string => {
  const named = new Set(request.publications.map(({ category }) => category))
  const names = [...new Set([...named, ...Object.keys(computed)])]
  const listed = names.flatMap((name) => after.filter(({ category }) => category === name).sort(byPlace))
  const filled = new Set(listed.map(({ category, container }) => `${category}\n${container}`))
  const cleared = new Map<string, ClearedCategory>()
  const unnamed = Object.entries(computed).filter(([category]) => !named.has(category))
  for (const { category, container } of [...request.publications, ...unnamed.flatMap(([category, containers]) => containers.map((container) => ({ category, container })))]) {
    const place = `${category}\n${container}`
    if (!filled.has(place)) cleared.set(place, { category, container })
  }
  const sorted = [...cleared.values()].sort((a, b) => names.indexOf(a.category) - names.indexOf(b.category) || a.container - b.container)
  return writeRoamingData({ categories: writeSelfCategories(state.publisher, listed, sorted, now) })
}

/**
 * Decides a batch publish (3.2.5.1): create, update and delete of category instances under version check, all or nothing.
 * `state` must hold all instances of the categories that `categoriesToRead` says. Instances past their time count as gone and are swept.
 */
export const decidePublish = (request: PublishRequest, state: PublisherState, context: PublishContext): Result<Outcome> => {
  const { now } = context
  const refused = checkAll(request, context)
  if (refused !== undefined) return refuse(refused)
  const swept = state.instances.filter((instance) => !isAlive(instance, now))
  const after = new Map(state.instances.filter((instance) => isAlive(instance, now)).map((instance) => [instanceKeyText(instance), instance]))
  const stale = findStale(request, after)
  if (stale.length > 0) {
    return refuse({ name: 'publicationConflict', detail: `${stale.length} of ${request.publications.length}`, body: { type: mediaTypes.fault, text: writeWrongDelta(stale) } })
  }
  // Clocks of several engines may differ: what replaces an instance is never older than it (1.3.1.6.4).
  const publishTime = request.publications.reduce((latest, publication) => Math.max(latest, (after.get(instanceKeyText(publication))?.publishTime ?? 0) + 1), now)
  const changes: Change[] = []
  const changed: InstanceKey[] = [...swept]
  for (const publication of request.publications) {
    const key = instanceKeyText(publication)
    if (isRemoval(publication, now)) {
      if (!after.delete(key)) continue
      changes.push({ kind: 'deleteInstance', key: publication })
    } else {
      const { category, container, instance: number, expireType, payload, version } = publication
      const instance: CategoryInstance = {
        category, container, instance: number, instanceVersion: version + 1, expireType, expiresAt: expiresAt(publication, now),
        endpointId: expireType === 'endpoint' ? context.endpoint?.instanceId : undefined, publishTime, payload,
      }
      after.set(key, instance)
      changes.push({ kind: 'putInstance', instance })
    }
    changed.push(publication)
  }
  // What is swept and created anew in one request is only put.
  for (const key of swept) if (!after.has(instanceKeyText(key))) changes.push({ kind: 'deleteInstance', key })
  const instances = [...after.values()]
  const tooMuch = overQuota(state.instances, instances, request, context.registry)
  if (tooMuch !== undefined) return refuse(tooMuch)
  const grown = weighInstances(instances) - weighInstances(state.instances)
  if (grown > 0 && context.weight + grown > context.maxWeight) return refuse(failure('categoryQuotaExceeded', `all publications together: at most ${context.maxWeight} bytes`))
  const completed = withAggregates(context.plan, { publisher: state.publisher, before: state.instances, after: instances, changes, changed, endpoints: state.endpoints }, now)
  return ok({
    changes: completed.changes,
    touch: completed.touch,
    answer: { type: mediaTypes.roamingSelf, text: writePublishAnswer(state, request, completed.after, now, completed.touch.categories) },
  })
}
