import { failure } from '../core/base/failure.ts'
import type { Result } from '../core/base/result.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import { findAnswered, putAnswered } from '../store/answered.ts'
import { applyOutcome, loadUnderLock, type Needs } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** A SERVICE that changes something of its sender's own. */
export interface OwnChange {
  readonly needs: Needs
  readonly decide: (state: PublisherState) => Result<Outcome>
  /** The body that a repeated request gets, from the state as it is by then; without it the answer has none. */
  readonly answerAgain?: (state: PublisherState) => Outcome['answer']
}

const answer = (call: Call, toTag: string, body: Outcome['answer'], touched: Answer['touched']): Answer => ({
  // A request inside a dialog has its tag already.
  reply: { status: 200, reason: 'OK', toTag: call.request.toTag ?? toTag, headers: body === undefined ? [] : [['Content-Type', body.type]], body: body?.text ?? '' }, notify: [], touched,
})

/** Carries it out under the publisher's lock, once however often the very same request arrives (design decision 18). */
export const changeOwn = (deps: EngineDeps, call: Call, { needs, decide, answerAgain }: OwnChange): Promise<Answer> => {
  const { request, arrival, now } = call
  const publisher = request.fromUser
  const key = { publisher, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  return transact(deps.store.pool, async (tx) => {
    const [state, before] = await Promise.all([loadUnderLock(tx, publisher, needs), findAnswered(tx, key)])
    if (state === undefined) throw new Refused(failure('publisherNotFound'))
    if (before !== undefined) return answer(call, before, answerAgain?.(state), [])
    const decided = decide(state)
    if (!decided.ok) throw new Refused(decided.failure)
    const toTag = deps.chance.tag()
    await applyOutcome(tx, publisher, decided.value, arrival.trace, now)
    void putAnswered(tx, key, toTag, now)
    return answer(call, toTag, decided.value.answer, isTouched(decided.value.touch) ? [publisher] : [])
  })
}
