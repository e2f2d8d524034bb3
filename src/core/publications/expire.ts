import type { Instant } from '../base/instant.ts'
import { touchOfInstances } from '../model/diff.ts'
import type { Outcome } from '../model/outcome.ts'
import { isAlive, type CategoryInstance } from '../model/publication.ts'
import type { PublisherState } from '../model/publisher.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'

/** Deletes the instances that `ends` picks; `state` must hold all instances of their categories. */
const decideEnd = (state: PublisherState, ends: (instance: CategoryInstance) => boolean): Outcome => {
  const gone = state.instances.filter(ends)
  const ended = new Set(gone)
  const left = state.instances.filter((instance) => !ended.has(instance))
  return {
    changes: gone.map((key) => ({ kind: 'deleteInstance', key })),
    touch: touchOfInstances(state.instances, left, gone),
  }
}

/** The publication cleanup timer (3.2.6.1): time-bounded instances whose time has come. */
export const decideCleanup = (state: PublisherState, now: Instant): Outcome => decideEnd(state, (instance) => !isAlive(instance, now))

/**
 * Endpoints leave (3.2.5.5): their endpoint-bounded instances go. When the last one leaves (3.2.5.5.1), user-bounded instances go as
 * well, and so does whatever endpoint-bounded instance is left of endpoints nobody knows any more.
 */
export const decideDeregistration = (state: PublisherState, leaving: readonly EndpointId[]): Outcome => {
  const known = state.endpoints.filter(({ endpointId }) => leaving.includes(endpointId))
  if (known.length === 0) return decideEnd(state, () => false)
  const leavingIds = new Set(known.map(({ endpointId }) => endpointId))
  const staying = new Set(state.endpoints.filter((endpoint) => !known.includes(endpoint)).map(({ endpointId }) => endpointId))
  const ended = decideEnd(state, ({ expireType, endpointId }) =>
    (expireType === 'endpoint' && (staying.size === 0 || leavingIds.has(endpointId?.toLowerCase() ?? ''))) || (expireType === 'user' && staying.size === 0))
  return { ...ended, changes: [...ended.changes, ...known.map(({ endpointId }) => ({ kind: 'deleteEndpoint', endpointId }) as const)] }
}
