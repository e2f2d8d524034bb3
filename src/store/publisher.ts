import type { Change } from '../core/model/change.ts'
import { noDelegates } from '../core/model/delegate.ts'
import type { ContactDelta } from '../core/model/contact.ts'
import type { ContactMove } from '../core/model/contact-store.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState, SeenState } from '../core/model/publisher.ts'
import { isTouched, noTouch } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadAccessState, putAccessList, regardWatchers } from './access-lists.ts'
import { appendChange } from './changes.ts'
import { putMove } from './contact-store.ts'
import { putContactDeltas } from './contacts.ts'
import { loadContainers, putContainer } from './containers.ts'
import { loadDelegates, putDelegates } from './delegates.ts'
import { deleteDialogs, findEndpointDialogs } from './dialogs.ts'
import { deleteEndpoints, loadEndpoints, putEndpoint } from './endpoints.ts'
import { deleteInstances, loadInstances, loadLivingInstances, putInstances } from './instances.ts'
import { statement, type Session, type Transaction } from './session.ts'
import { deleteSubscriberEntries, loadSubscriberEntries, putSubscriberEntry } from './subscriber-entries.ts'
import { lockPublisher } from './users.ts'
import { acknowledgeWaiting } from './watchers.ts'

/** Which parts of a publisher a procedure reads; the rest stays empty. */
export interface Needs {
  readonly instances?: readonly string[] | 'all'
  readonly containers?: true
  readonly endpoints?: true
  readonly subscribers?: true
  readonly delegates?: true
  readonly access?: true
}

const load = async (session: Session, publisher: UserKey, needs: Needs): Promise<SeenState> => {
  const [instances, containers, endpoints, subscribers, delegates, access] = await Promise.all([
    needs.instances === undefined ? [] : loadInstances(session, publisher, needs.instances),
    needs.containers === undefined ? [] : loadContainers(session, [publisher]).then((found) => found.get(publisher) ?? []),
    needs.endpoints === undefined ? [] : loadEndpoints(session, publisher),
    needs.subscribers === undefined ? [] : loadSubscriberEntries(session, publisher),
    needs.delegates === undefined ? noDelegates : loadDelegates(session, publisher),
    needs.access === undefined ? undefined : loadAccessState(session, publisher),
  ])
  return { publisher, instances, containers, endpoints, subscribers, delegates, ...(access === undefined ? {} : { access }) }
}

/**
 * Locks a publisher and reads what a decision needs, in one round trip: the lock goes first, the reads are statements of their own
 * behind it and so see the state that the lock protects. Undefined when there is no such user.
 */
export const loadUnderLock = async (tx: Transaction, publisher: UserKey, needs: Needs): Promise<PublisherState | undefined> => {
  const [revision, state] = await Promise.all([lockPublisher(tx, publisher), load(tx, publisher, needs)])
  return revision === undefined ? undefined : { ...state, revision }
}

/** A publisher's own lists beside what watchers may see; only self subscribers are shown them. */
export const withOwnLists = async (session: Session, publisher: UserKey, seen: SeenState | Promise<SeenState>): Promise<SeenState> => {
  const [state, subscribers, delegates] = await Promise.all([seen, loadSubscriberEntries(session, publisher), loadDelegates(session, publisher)])
  return { ...state, subscribers, delegates }
}

/** What watchers may see of several publishers now: living instances and containers, without any lock. */
export const loadStates = async (session: Session, publishers: readonly UserKey[], categories: readonly string[] | 'all', now: number): Promise<(publisher: UserKey) => SeenState> => {
  const [instances, containers] = await Promise.all([loadLivingInstances(session, publishers, categories, now), loadContainers(session, publishers)])
  return (publisher) => ({ publisher, instances: instances.get(publisher) ?? [], containers: containers.get(publisher) ?? [], endpoints: [], subscribers: [], delegates: noDelegates })
}

const pick = <K extends Change['kind']>(changes: readonly Change[], kind: K): readonly Extract<Change, { kind: K }>[] =>
  changes.filter((change): change is Extract<Change, { kind: K }> => change.kind === kind)

const REVISE = statement('publisher-revise', 'UPDATE publisher SET revision = revision + 1 WHERE publisher = $1')

/**
 * Writes an outcome and its change row, under the publisher's lock. What need not be awaited is only sent, and travels with the COMMIT.
 */
export const applyOutcome = async (tx: Transaction, publisher: UserKey, { changes, touch }: Outcome, trace: string, now: number): Promise<void> => {
  if (changes.length === 0 && !isTouched(touch)) return
  // Decisions of others that were made without the lock are void from here on (see publish-hot-path.ts).
  void tx.send(REVISE, [publisher])
  const gone = pick(changes, 'deleteInstance')
  if (gone.length > 0) void deleteInstances(tx, publisher, gone.map(({ key }) => key))
  const put = pick(changes, 'putInstance')
  if (put.length > 0) void putInstances(tx, publisher, put.map(({ instance }) => instance))
  for (const { id, membersVersion, added, removed } of pick(changes, 'putContainer')) void putContainer(tx, publisher, id, membersVersion, added, removed)
  for (const { endpoint } of pick(changes, 'putEndpoint')) void putEndpoint(tx, publisher, endpoint)
  const entries = pick(changes, 'putSubscriber').map(({ entry }) => entry)
  for (const entry of entries) void putSubscriberEntry(tx, publisher, entry)
  const removed = pick(changes, 'deleteSubscriber').map(({ user }) => user)
  if (removed.length > 0) void deleteSubscriberEntries(tx, publisher, removed)
  const acknowledged = [...removed, ...entries.filter((entry) => entry.acknowledged).map(({ user }) => user)]
  if (acknowledged.length > 0) void acknowledgeWaiting(tx, publisher, acknowledged, now)
  for (const { version, put: delegates, removed } of pick(changes, 'putDelegates')) void putDelegates(tx, publisher, version, delegates, removed)
  for (const { list } of pick(changes, 'putAccessList')) void putAccessList(tx, publisher, list)
  for (const { watchers } of pick(changes, 'regardWatchers')) void regardWatchers(tx, publisher, watchers, now)
  if (isTouched(touch)) void appendChange(tx, publisher, touch, trace, now)
  const leaving = pick(changes, 'deleteEndpoint').map(({ endpointId }) => endpointId)
  if (leaving.length === 0) return
  void deleteEndpoints(tx, publisher, leaving)
  await deleteDialogs(tx, await findEndpointDialogs(tx, publisher, leaving), now)
}

/** Locks a user for a change of its contact list; false when there is no such user. */
export const lockForContacts = async (tx: Transaction, user: UserKey): Promise<boolean> => await lockPublisher(tx, user) !== undefined

/** Writes changes of a contact list and the change row that tells them, under the user's lock. */
export const applyContacts = (tx: Transaction, user: UserKey, deltas: readonly ContactDelta[], trace: string, now: number): void => {
  if (deltas.length === 0) return
  void tx.send(REVISE, [user])
  void putContactDeltas(tx, user, deltas)
  void appendChange(tx, user, { ...noTouch, contacts: deltas }, trace, now)
}

/** Writes a new mode of a contact list, and what else changes with it, and the change row that has its subscribers told, under the user's lock. */
export const applyContactMode = (tx: Transaction, move: ContactMove, deltas: readonly ContactDelta[], trace: string, now: number): void => {
  void tx.send(REVISE, [move.user])
  void putContactDeltas(tx, move.user, deltas)
  void putMove(tx, move)
  void appendChange(tx, move.user, { ...noTouch, contactMode: true }, trace, now)
}
