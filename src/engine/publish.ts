import { failure } from '../core/base/failure.ts'
import type { CategoryRegistry } from '../core/categories/registry.ts'
import { instancesAfter } from '../core/model/outcome.ts'
import { instanceKeyText, isAlive, weighInstances } from '../core/model/publication.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import { decidePublish, findStale, writePublishAnswer } from '../core/publications/publish.ts'
import { categoriesComputedFrom } from '../core/publications/with-aggregates.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { readPublishRequest, type PublishRequest } from '../core/requests/publish.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { readUserKey } from '../core/sip/uri.ts'
import type { RequestKey } from '../store/answered.ts'
import type { KnownPublisher } from '../store/known-publishers.ts'
import { readForPublish, stateOf, writePublishes, type Publishing, type Snapshot } from '../store/publish-hot-path.ts'
import { transact } from '../store/session.ts'
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

/** What an attempt uses of the store: shared by all requests, or inside the publisher's lock. */
type HotPath = Pick<Publishing, 'read' | 'write'> & { readonly remember: Publishing['known']['put'] }

/** A decision that no longer holds: the publisher has changed since it was read. */
const OUTDATED = Symbol('outdated')

/** Decides on a snapshot and writes if it still holds. What is decided on memory alone may refuse nothing: it may be out of date. */
const attempt = async (deps: EngineDeps, { request, arrival, now }: Call, body: PublishRequest, registry: CategoryRegistry, key: RequestKey, { known, answered }: Snapshot, remembered: boolean, { write, remember }: HotPath): Promise<Answer | typeof OUTDATED> => {
  const state = stateOf(known)
  // The same request again: the same answer, with the data as it is now (design decision 18). What exactly was computed is not remembered;
  // what may have been is shown.
  if (answered !== undefined) {
    const computed = Object.fromEntries(categoriesComputedFrom(deps.plan, body.publications).map((category) => [category, []]))
    return answer(answered, writePublishAnswer(state, body, state.instances.filter((instance) => isAlive(instance, now)), now, computed), [])
  }
  const endpoint = findEndpoint(request, state.endpoints.filter(({ expiresAt }) => expiresAt > now))
  const decided = decidePublish(body, state, { now, registry, endpoint, weight: known.weight, maxWeight: deps.limits.maxPublisherBytes, plan: deps.plan })
  const sender = `${key.publisher}\n${endpoint?.endpointId ?? request.epid ?? ''}`
  if (!decided.ok) {
    if (remembered) return OUTDATED
    if (decided.failure.name !== 'publicationConflict') throw new Refused(decided.failure)
    const storm = deps.conflicts.conflict(sender, staleInstances(body, state, now), now)
    throw new Refused(storm ? { ...failure('conflictStorm'), headers: [['Retry-After', RETRY_AFTER_S]] } : decided.failure)
  }
  const toTag = deps.chance.tag()
  if (!await write({ ...key, revision: state.revision, outcome: decided.value, toTag, trace: arrival.trace, now })) return OUTDATED
  const instances = instancesAfter(state.instances, decided.value.changes)
  remember({ ...known, revision: state.revision + 1, instances, weight: weighInstances(instances) })
  deps.conflicts.success(sender, body.publications.map(instanceKeyText))
  return answer(toTag, decided.value.answer?.text ?? '', isTouched(decided.value.touch) ? [key.publisher] : [])
}

/** After so many lost races a publish takes the lock and cannot lose any more. */
const OPTIMISTIC_TRIES = 5

/** Carries out a batch publish (3.2.5.1): one round trip to the database for a publisher that this node remembers, two for others. */
export const handlePublish = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request } = call
  const body = readPublishRequest(request.body)
  if (!body.ok) throw new Refused(body.failure)
  const publisher = readUserKey(body.value.uri)
  if (!publisher.ok || publisher.value !== request.toUser) throw new Refused(failure('publisherMismatch'))
  const key = { publisher: publisher.value, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  const { publishing } = deps.store
  // Before any transaction: on the embedded database there is no second connection inside one.
  const registry = await deps.categories.registry()
  const tryOn = async (path: HotPath, memory: KnownPublisher | undefined): Promise<Answer | typeof OUTDATED> => {
    const snapshot = memory === undefined ? await path.read(key) : { known: memory, answered: undefined }
    if (snapshot === undefined) throw new Refused(failure('publisherNotFound'))
    const done = await attempt(deps, call, body.value, registry, key, snapshot, memory !== undefined, path)
    if (done === OUTDATED) {
      publishing.known.forget(key.publisher)
      // Memory is often a little behind, which is nobody's conflict.
      if (memory === undefined) deps.conflicts.raced()
    }
    return done
  }
  for (let tries = 0; tries < OPTIMISTIC_TRIES; tries += 1) {
    const done = await tryOn({ ...publishing, remember: publishing.known.put }, tries === 0 ? publishing.known.get(key.publisher) : undefined)
    if (done !== OUTDATED) return done
  }
  return transact(deps.store.pool, async (tx) => {
    await lockPublisher(tx, key.publisher)
    const done = await tryOn({ read: async (one) => (await readForPublish(tx, [one]))[0], write: async (one) => (await writePublishes(tx, [one]))[0] === true, remember: () => undefined }, undefined)
    if (done === OUTDATED) throw new Error('the revision moved under the lock')
    return done
  })
}
