import type { AggregationPlan } from '../aggregation/plan.ts'
import { failure, type Failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { findCategory, type CategoryRegistry } from '../categories/registry.ts'
import type { Change } from '../model/change.ts'
import type { Outcome } from '../model/outcome.ts'
import { instanceKeyText, isAlive, type CategoryInstance, type InstanceKey } from '../model/publication.ts'
import type { PublisherState } from '../model/publisher.ts'
import { withAggregates } from './with-aggregates.ts'

/** An instance that the server publishes for a user (3.2.6.2, 3.2.5.7); without `expiresAt` it is static. */
export interface ServerPublication extends InstanceKey {
  readonly payload: string
  readonly expiresAt: Instant | undefined
}

/** Why a publication of the server itself cannot be; what only limits clients (versions, read-only containers, quotas, the weight of a publisher) does not count. */
export const refuseServerPublication = (publication: ServerPublication, registry: CategoryRegistry): Failure | undefined => {
  const rule = findCategory(registry, publication.category)
  if (rule === undefined) return failure('categoryNotRegistered', publication.category)
  if (Buffer.byteLength(publication.payload) > rule.maxBytes) return failure('publicationTooLarge', `at most ${rule.maxBytes} bytes`)
  const wrong = publication.payload === '' ? undefined : rule.check?.(publication.payload)
  return wrong === undefined ? undefined : failure('payloadNotValid', wrong)
}

/** Is just that there already? Then it is not published again (3.2.6.2). */
export const isPublished = ({ payload, expiresAt }: ServerPublication, current: CategoryInstance | undefined): boolean =>
  current !== undefined && current.payload === payload && current.expireType === 'static' && expiresAt === undefined

/**
 * Decides what the server publishes for a user: without version check and also into read-only containers, which are the server's own. Data
 * that is there already is not published again (3.2.6.2). `state` must hold all instances of the categories.
 */
export const decideServerPublish = (publications: readonly ServerPublication[], state: PublisherState, registry: CategoryRegistry, plan: AggregationPlan, now: Instant): Result<Outcome> => {
  const after = new Map(state.instances.filter((instance) => isAlive(instance, now)).map((instance) => [instanceKeyText(instance), instance]))
  const changes: Change[] = []
  const changed: InstanceKey[] = []
  for (const publication of publications) {
    const refused = refuseServerPublication(publication, registry)
    if (refused !== undefined) return refuse(refused)
    const { category, container, instance: number, payload, expiresAt } = publication
    const current = after.get(instanceKeyText(publication))
    if (isPublished(publication, current)) continue
    const instance: CategoryInstance = {
      category, container, instance: number, instanceVersion: (current?.instanceVersion ?? 0) + 1, expireType: expiresAt === undefined ? 'static' : 'time', expiresAt,
      endpointId: undefined, publishTime: Math.max(now, (current?.publishTime ?? 0) + 1), payload,
    }
    after.set(instanceKeyText(publication), instance)
    changes.push({ kind: 'putInstance', instance })
    changed.push(publication)
  }
  // What is past its time is left to the cleanup timer; nobody sees it any more.
  const gone = state.instances.filter((instance) => !isAlive(instance, now) && !after.has(instanceKeyText(instance)))
  const completed = withAggregates(plan, { publisher: state.publisher, before: state.instances.filter((instance) => !gone.includes(instance)), after: [...after.values()], changes, changed, endpoints: state.endpoints }, now)
  return ok({ changes: completed.changes, touch: completed.touch })
}

/** Takes instances away for the operator; those that are not there are passed over. */
export const decideServerRemove = (keys: readonly InstanceKey[], state: PublisherState, plan: AggregationPlan, now: Instant): Outcome => {
  const living = state.instances.filter((instance) => isAlive(instance, now))
  const gone = living.filter((instance) => keys.some((key) => instanceKeyText(key) === instanceKeyText(instance)))
  const { changes, touch } = withAggregates(plan, {
    publisher: state.publisher, before: living, after: living.filter((instance) => !gone.includes(instance)), changes: gone.map((key) => ({ kind: 'deleteInstance', key })), changed: gone, endpoints: state.endpoints,
  }, now)
  return { changes, touch }
}
