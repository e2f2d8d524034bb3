import type { Result } from '../core/base/result.ts'
import type { Rejection } from '../core/documents/rlmi.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import type { BatchAction } from '../core/requests/batch-subscribe.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { decideRecordSubscriber, decideRecordWatcher, rejectionOf, type Newcomer } from '../core/subscribers/record-subscriber.ts'
import type { Failure } from '../core/base/failure.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { findListing } from '../store/subscriber-entries.ts'
import { loadDisplayName } from '../store/users.ts'
import type { Asking, Call, EngineDeps } from './deps.ts'

/** What came of the contexts of a request. */
export interface Recorded {
  /** Publishers whose subscriber list has grown. */
  readonly touched: readonly UserKey[]
  /** Publishers who take no more: neither the entry nor the subscription stands. */
  readonly refused: ReadonlyMap<UserKey, Failure>
}

const NOTHING: Recorded = { touched: [], refused: new Map() }

/** The publishers whom a request asks to be known to. Of oneself one knows. */
const contextsOf = ({ request }: Call, actions: readonly BatchAction[], watched: ReadonlySet<UserKey>): ReadonlyMap<UserKey, string> =>
  new Map(actions.flatMap(({ name, resources }) => (name === 'unsubscribe' ? [] : resources.flatMap(({ user, context }) => (context === undefined || !watched.has(user) || user === request.fromUser ? [] : [[user, context] as const])))))

type Decide = (publisher: UserKey, newcomer: Newcomer, state: PublisherState) => Result<Outcome>

/** A first SUBSCRIBE may name a thousand; each connection that one request takes is missing elsewhere. */
const RECORDS_AT_A_TIME = 3

/** Each in a transaction of its own: two users who add each other at the same time must not wait for one another. */
const recordEach = async (deps: EngineDeps, { request, arrival, network, now }: Asking, publishers: readonly UserKey[], onlyKept: boolean, decide: Decide): Promise<Recorded> => {
  if (publishers.length === 0) return NOTHING
  const session = poolSession(deps.store.pool)
  const [listed, ownName] = await Promise.all([findListing(session, publishers, request.fromUser, onlyKept), loadDisplayName(session, request.fromUser)])
  // The directory's name of our own users, what From says of all others (2.2.2.6.1).
  const newcomer: Newcomer = { user: request.fromUser, displayName: ownName ?? request.from.displayName, network }
  const touched: UserKey[] = []
  const refused = new Map<UserKey, Failure>()
  const record = (publisher: UserKey): Promise<void> =>
    transact(deps.store.pool, async (tx) => {
      const state = await loadUnderLock(tx, publisher, { subscribers: true })
      if (state === undefined) return
      const decided = decide(publisher, newcomer, state)
      if (!decided.ok) {
        refused.set(publisher, decided.failure)
        return
      }
      await applyOutcome(tx, publisher, decided.value, arrival.trace, now)
      if (isTouched(decided.value.touch)) touched.push(publisher)
    })
  const waiting = publishers.filter((publisher) => !listed.has(publisher))
  await Promise.all(Array.from({ length: RECORDS_AT_A_TIME }, async () => {
    for (let publisher = waiting.shift(); publisher !== undefined; publisher = waiting.shift()) await record(publisher)
  }))
  return { touched, refused }
}

/**
 * Enters the subscriber on the lists of those whom it sent a context for (3.4.5.1.3, 1.3.1.4), once the subscription itself is stored: "received and
 * processed normally".
 */
export const recordContexts = (deps: EngineDeps, call: Call, actions: readonly BatchAction[], watched: ReadonlySet<UserKey>): Promise<Recorded> => {
  const contexts = contextsOf(call, actions, watched)
  return recordEach(deps, call, [...contexts.keys()], false, (publisher, newcomer, state) => decideRecordSubscriber(newcomer, contexts.get(publisher), state, deps.limits.subscribers))
}

/** Enters the watcher on the lists of all whom it watches in a legacy format, where it stays (3.7.5.3). Of oneself one knows. */
export const recordWatcher = (deps: EngineDeps, call: Asking, publishers: readonly UserKey[]): Promise<Recorded> =>
  recordEach(deps, call, publishers.filter((publisher) => publisher !== call.request.fromUser), true, (_publisher, newcomer, state) => decideRecordWatcher(newcomer, state, deps.limits.subscribers))

/** How a batch tells of those who take no more. */
export const rejectionsOf = ({ refused }: Recorded): readonly Rejection[] => [...refused].map(([publisher, failure]) => rejectionOf(publisher, failure))
