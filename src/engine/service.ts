import { failure, type Failure } from '../core/base/failure.ts'
import type { Result } from '../core/base/result.ts'
import { decideSetContainerMembers } from '../core/containers/set-container-members.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import { decidePublish } from '../core/publications/publish.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { readPublishRequest } from '../core/requests/publish.ts'
import { readSetContainerMembers } from '../core/requests/set-container-members.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { SipReply } from '../core/sip/reply.ts'
import { readUserKey } from '../core/sip/uri.ts'
import { findAnswered, putAnswered } from '../store/answered.ts'
import { applyOutcome, loadUnderLock, type Needs } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** What a SERVICE body asks for: what to load, and the decision on it. */
interface Procedure {
  readonly needs: Needs
  readonly decide: (state: PublisherState) => Result<Outcome>
}

const publish = (deps: EngineDeps, { request, now }: Call): Procedure | Failure => {
  const body = readPublishRequest(request.body)
  if (!body.ok) return body.failure
  const publisher = readUserKey(body.value.uri)
  if (!publisher.ok || publisher.value !== request.toUser) return failure('publisherMismatch')
  return {
    needs: { instances: [...new Set(body.value.publications.map(({ category }) => category))], endpoints: true },
    decide: (state) => {
      const endpoint = findEndpoint(request, state.endpoints.filter(({ expiresAt }) => expiresAt > now))
      return decidePublish(body.value, state, { now, registry: deps.registry, endpoint })
    },
  }
}

const setContainerMembers = (deps: EngineDeps, { request }: Call): Procedure | Failure => {
  const body = readSetContainerMembers(request.body)
  if (!body.ok) return body.failure
  return { needs: { containers: true }, decide: (state) => decideSetContainerMembers(body.value, state, deps.limits.maxContainerMembers) }
}

/** Content-Type to procedure; a new SERVICE request is one more row. */
const procedures: ReadonlyMap<string, (deps: EngineDeps, call: Call) => Procedure | Failure> = new Map([
  [mediaTypes.publish, publish],
  [mediaTypes.setContainerMembers, setContainerMembers],
])

const select = (deps: EngineDeps, call: Call): Procedure => {
  const { request } = call
  const read = request.contentType === undefined ? undefined : procedures.get(request.contentType)
  if (read === undefined) {
    if (request.body.length === 0) throw new Refused(failure('bodyMissing'))
    throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', [...procedures.keys()].join(', ')]] })
  }
  if (request.fromUser !== request.toUser) throw new Refused(failure('fromIsNotTo'))
  const procedure = read(deps, call)
  if ('name' in procedure) throw new Refused(procedure)
  return procedure
}

/**
 * Carries out a SERVICE request in one transaction of two round trips: lock and read, then write, change row and commit. A request
 * that was carried out before is answered again as it was (design decision 18).
 */
export const handleService = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, arrival, now } = call
  const procedure = select(deps, call)
  const publisher = request.fromUser
  const key = { publisher, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  return transact(deps.store.pool, async (tx) => {
    const [state, before] = await Promise.all([loadUnderLock(tx, publisher, procedure.needs), findAnswered(tx, key)])
    if (state === undefined) throw new Refused(failure('publisherNotFound'))
    if (before !== undefined) return { reply: before, notify: [], touched: [] }
    const decided = procedure.decide(state)
    if (!decided.ok) throw new Refused(decided.failure)
    const { answer, touch } = decided.value
    const reply: SipReply = {
      status: 200, reason: 'OK', toTag: deps.chance.tag(), headers: answer === undefined ? [] : [['Content-Type', answer.type]], body: answer?.text ?? '',
    }
    await applyOutcome(tx, publisher, decided.value, arrival.trace, now)
    void putAnswered(tx, key, reply, now)
    return { reply, notify: [], touched: isTouched(touch) ? [publisher] : [] }
  })
}
