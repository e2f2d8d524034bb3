import { failure } from '../core/base/failure.ts'
import type { CategoryRegistry } from '../core/categories/registry.ts'
import { instanceKeyText, isAlive } from '../core/model/publication.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import { decidePublish, findStale, writePublishAnswer } from '../core/publications/publish.ts'
import { categoriesToRead } from '../core/publications/with-aggregates.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { readPublishRequest, type PublishRequest } from '../core/requests/publish.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { readUserKey } from '../core/sip/uri.ts'
import type { RequestKey } from '../store/answered.ts'
import { readForPublish, writePublish } from '../store/publish-hot-path.ts'
import { poolSession, transact, type Session } from '../store/session.ts'
import { lockPublisher } from '../store/users.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

const answer = (toTag: string, body: string, touched: Answer['touched']): Answer =>
  ({ reply: { status: 200, reason: 'OK', toTag, headers: [['Content-Type', mediaTypes.roamingSelf]], body }, notify: [], touched })

/** How long a client in a conflict storm shall pause, in seconds. */
const RETRY_AFTER_S = '10'

/** The instances of a request whose version is not the stored one. */
const staleInstances = (body: PublishRequest, state: PublisherState, now: number): readonly string[] => {
  const stored = new Map(state.instances.filter((instance) => isAlive(instance, now)).map((instance) => [instanceKeyText(instance), instance]))
  const stale = new Set(findStale(body, stored).map(({ index }) => index))
  return body.publications.filter((_, at) => stale.has(at + 1)).map(instanceKeyText)
}

/** One attempt: read at a revision, decide, write if the revision still holds; undefined when another change came first. */
const attempt = async (deps: EngineDeps, { request, arrival, now }: Call, body: PublishRequest, registry: CategoryRegistry, key: RequestKey, session: Session): Promise<Answer | undefined> => {
  const categories = categoriesToRead(deps.plan, body.publications.map(({ category }) => category))
  const snapshot = await readForPublish(session, key.publisher, categories, key)
  if (snapshot === undefined) throw new Refused(failure('publisherNotFound'))
  const { state, answered, weight } = snapshot
  // The same request again: the same answer, with the data as it is now (design decision 18).
  if (answered !== undefined) return answer(answered, writePublishAnswer(state, body, state.instances.filter((instance) => isAlive(instance, now)), now), [])
  const endpoint = findEndpoint(request, state.endpoints.filter(({ expiresAt }) => expiresAt > now))
  const decided = decidePublish(body, state, { now, registry, endpoint, weight, maxWeight: deps.limits.maxPublisherBytes, plan: deps.plan })
  const sender = `${key.publisher}\n${endpoint?.endpointId ?? request.epid ?? ''}`
  if (!decided.ok) {
    if (decided.failure.name !== 'publicationConflict') throw new Refused(decided.failure)
    const storm = deps.conflicts.conflict(sender, staleInstances(body, state, now), now)
    throw new Refused(storm ? { ...failure('conflictStorm'), headers: [['Retry-After', RETRY_AFTER_S]] } : decided.failure)
  }
  const toTag = deps.chance.tag()
  if (!await writePublish(session, key, state.revision, decided.value, toTag, arrival.trace, now)) return undefined
  deps.conflicts.success(sender, body.publications.map(instanceKeyText))
  return answer(toTag, decided.value.answer?.text ?? '', isTouched(decided.value.touch) ? [key.publisher] : [])
}

/** After so many lost races a publish takes the lock and cannot lose any more. */
const OPTIMISTIC_TRIES = 5

/** Carries out a batch publish (3.2.5.1) in two round trips. */
export const handlePublish = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request } = call
  const body = readPublishRequest(request.body)
  if (!body.ok) throw new Refused(body.failure)
  const publisher = readUserKey(body.value.uri)
  if (!publisher.ok || publisher.value !== request.toUser) throw new Refused(failure('publisherMismatch'))
  const key = { publisher: publisher.value, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  const session = poolSession(deps.store.pool)
  // Before any transaction: on the embedded database there is no second connection inside one.
  const registry = await deps.categories.registry()
  for (let tries = 0; tries < OPTIMISTIC_TRIES; tries += 1) {
    const done = await attempt(deps, call, body.value, registry, key, session)
    if (done !== undefined) return done
  }
  return transact(deps.store.pool, async (tx) => {
    await lockPublisher(tx, key.publisher)
    const done = await attempt(deps, call, body.value, registry, key, tx)
    if (done === undefined) throw new Error('the revision moved under the lock')
    return done
  })
}
