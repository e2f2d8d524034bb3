import { failure } from '../core/base/failure.ts'
import { isEventState } from '../core/model/endpoint.ts'
import { isTouched } from '../core/model/touch.ts'
import { checkEventStateRequest, readEventStateRequest, resourceOf } from '../core/publications/event-state.ts'
import { decideDeregistration } from '../core/publications/expire.ts'
import { decideEventState } from '../core/publications/publish-event-state.ts'
import type { EndpointId } from '../core/sip/endpoint-id.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { findAnswered, putAnswered } from '../store/answered.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'
import type { Answer, Call, EngineDeps, EventStateOperation } from './deps.ts'
import { Refused } from './refused.ts'

/** The tag of the answer is the entity tag as well: neither can be guessed, and what is kept of answers then tells both when the request comes again. */
const answer = (call: Call, tag: string, expires: number, touched: Answer['touched'], eventState?: EventStateOperation): Answer => ({
  reply: { status: 200, reason: 'OK', toTag: call.request.toTag ?? tag, headers: [['Expires', String(expires)], ['SIP-ETag', tag]], body: '' }, notify: [], touched, ...(eventState === undefined ? {} : { eventState }),
})

/** Carries out a PUBLISH (RFC 3903): what a phone says of its user becomes publications of an endpoint of its own, in the transaction that gives it its tag. */
export const handleEventState = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, arrival, now } = call
  const publisher = resourceOf(request)
  const refused = checkEventStateRequest(request)
  if (refused !== undefined) {
    // Whether there is such a user comes before everything else (step 1), but is asked apart only where the lock below will not tell.
    const known = await findExistingUsers(poolSession(deps.store.pool), [publisher])
    throw new Refused(known.has(publisher) ? refused : failure('userNotFound'))
  }
  const asked = readEventStateRequest(request, deps.limits.eventStates)
  const isRefresh = asked.ok && asked.value.expires > 0 && asked.value.document === undefined
  const key = { publisher, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  const [tag] = request.ifMatch ?? []
  // Before the transaction: on the embedded database there is no second connection inside one.
  const registry = await deps.categories.registry()
  return transact(deps.store.pool, async (tx) => {
    const [state, before] = await Promise.all([loadUnderLock(tx, publisher, { endpoints: true, ...(isRefresh ? {} : { instances: 'all' }) }), findAnswered(tx, key)])
    if (state === undefined) throw new Refused(failure('userNotFound'))
    // The same request again (design decision 18): the tag that it names is no longer current, since it was carried out.
    if (before !== undefined && asked.ok) return answer(call, before, asked.value.expires, [])
    const newTag = deps.chance.tag()
    const decided = decideEventState(asked, state, { now, tag, newTag, limits: deps.limits.eventStates, registry, plan: deps.plan, maxWeight: deps.limits.maxPublisherBytes })
    if (!decided.ok) throw new Refused(decided.failure)
    await applyOutcome(tx, publisher, decided.value, arrival.trace, now)
    void putAnswered(tx, key, newTag, now)
    const operation = !asked.ok || asked.value.expires === 0 ? 'removed' : isRefresh ? 'refreshed' : tag === undefined ? 'published' : 'modified'
    return answer(call, newTag, asked.ok ? asked.value.expires : 0, isTouched(decided.value.touch) ? [publisher] : [], operation)
  })
}

/** Ends what a phone publishes, as the operator; true when someone must be told, undefined when it is not there. The phone's next request gets 412. */
export const removeEventState = ({ store, plan, now }: Pick<EngineDeps, 'store' | 'plan' | 'now'>, publisher: UserKey, endpointId: EndpointId, trace: string): Promise<boolean | undefined> =>
  transact(store.pool, async (tx) => {
    const state = await loadUnderLock(tx, publisher, { endpoints: true, instances: 'all' })
    const at = now()
    if (state?.endpoints.some((endpoint) => endpoint.endpointId === endpointId && isEventState(endpoint) && endpoint.expiresAt > at) !== true) return undefined
    const outcome = decideDeregistration(plan, state, [endpointId], at)
    await applyOutcome(tx, publisher, outcome, trace, at)
    return isTouched(outcome.touch)
  })
