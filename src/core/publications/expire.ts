import type { AggregationPlan } from '../aggregation/plan.ts'
import type { Instant } from '../base/instant.ts'
import type { Endpoint } from '../model/endpoint.ts'
import type { Outcome } from '../model/outcome.ts'
import { isAlive, type CategoryInstance } from '../model/publication.ts'
import type { PublisherState } from '../model/publisher.ts'
import { noTouch } from '../model/touch.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'
import { withAggregates } from './with-aggregates.ts'

/** Deletes the instances that `ends` picks, with what follows for computed ones; `state` must hold all instances, and what is past its time goes as well. */
const decideEnd = (plan: AggregationPlan, state: PublisherState, endpoints: readonly Endpoint[], now: Instant, ends: (instance: CategoryInstance) => boolean): Outcome => {
  const gone = state.instances.filter((instance) => ends(instance) || !isAlive(instance, now))
  const ended = new Set(gone)
  const { changes, touch } = withAggregates(plan, {
    publisher: state.publisher, before: state.instances, after: state.instances.filter((instance) => !ended.has(instance)), changes: gone.map((key) => ({ kind: 'deleteInstance', key })), changed: gone, endpoints,
  }, now)
  return { changes, touch }
}

const living = (endpoints: readonly Endpoint[], now: Instant): readonly Endpoint[] => endpoints.filter(({ expiresAt }) => expiresAt > now)

/** The publication cleanup timer (3.2.6.1): time-bounded instances whose time has come. `state` must hold all instances and endpoints. */
export const decideCleanup = (plan: AggregationPlan, state: PublisherState, now: Instant): Outcome => decideEnd(plan, state, living(state.endpoints, now), now, () => false)

/**
 * Endpoints leave (3.2.5.5): their endpoint-bounded instances go. When the last one leaves (3.2.5.5.1), user-bounded instances go as
 * well, and so does whatever endpoint-bounded instance is left of endpoints nobody knows any more.
 */
export const decideDeregistration = (plan: AggregationPlan, state: PublisherState, leaving: readonly EndpointId[], now: Instant): Outcome => {
  const known = state.endpoints.filter(({ endpointId }) => leaving.includes(endpointId))
  if (known.length === 0) return { changes: [], touch: noTouch }
  const leavingIds = new Set(known.map(({ endpointId }) => endpointId))
  const staying = state.endpoints.filter((endpoint) => !known.includes(endpoint))
  const ended = decideEnd(plan, state, living(staying, now), now, ({ expireType, endpointId }) =>
    (expireType === 'endpoint' && (staying.length === 0 || leavingIds.has(endpointId?.toLowerCase() ?? ''))) || (expireType === 'user' && staying.length === 0))
  return { ...ended, changes: [...ended.changes, ...known.map(({ endpointId }) => ({ kind: 'deleteEndpoint', endpointId }) as const)] }
}
