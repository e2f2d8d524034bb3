import { failure } from '../core/base/failure.ts'
import { decideSetContainerMembers } from '../core/containers/set-container-members.ts'
import { readSetContainerMembers } from '../core/requests/set-container-members.ts'
import { findAnswered, putAnswered } from '../store/answered.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

const answer = (toTag: string, touched: Answer['touched']): Answer => ({ reply: { status: 200, reason: 'OK', toTag, headers: [], body: '' }, notify: [], touched })

/** Carries out a setContainerMembers request (3.5.5) under the publisher's lock. */
export const handleSetContainerMembers = async (deps: EngineDeps, { request, arrival, now }: Call): Promise<Answer> => {
  const body = readSetContainerMembers(request.body)
  if (!body.ok) throw new Refused(body.failure)
  const publisher = request.fromUser
  const key = { publisher, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  return transact(deps.store.pool, async (tx) => {
    const [state, before] = await Promise.all([loadUnderLock(tx, publisher, { containers: true }), findAnswered(tx, key)])
    if (state === undefined) throw new Refused(failure('publisherNotFound'))
    if (before !== undefined) return answer(before, [])
    const decided = decideSetContainerMembers(body.value, state, deps.limits.maxContainerMembers)
    if (!decided.ok) throw new Refused(decided.failure)
    const toTag = deps.chance.tag()
    await applyOutcome(tx, publisher, decided.value, arrival.trace, now)
    void putAnswered(tx, key, toTag, now)
    return answer(toTag, [publisher])
  })
}
