import { failure } from '../core/base/failure.ts'
import { ok, refuse, type Result } from '../core/base/result.ts'
import { decideSetDelegates } from '../core/delegates/set-delegates.ts'
import type { Delegate } from '../core/model/delegate.ts'
import { networkOfKind } from '../core/model/network.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import type { SubscriberEntry } from '../core/model/subscriber-entry.ts'
import { isTouched } from '../core/model/touch.ts'
import { decideRecordSubscriber } from '../core/subscribers/record-subscriber.ts'
import { decideRemoveSubscriber, decideSetSubscribers } from '../core/subscribers/set-subscribers.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { applyOutcome, loadUnderLock, type Needs } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { isOfDeployment, loadDisplayName } from '../store/users.ts'
import type { EngineDeps } from './deps.ts'

/** What changing the lists of people of a user needs of the engine. */
export type PeopleDeps = Pick<EngineDeps, 'store' | 'now' | 'domains'> & { readonly limits: Pick<EngineDeps['limits'], 'subscribers' | 'maxDelegates'> }

/** The user before the change, and whether there is anything to tell. */
export interface PeopleChange {
  readonly before: PublisherState
  readonly touched: boolean
}

const change = (deps: PeopleDeps, publisher: UserKey, needs: Needs, decide: (state: PublisherState) => Result<Outcome>, trace: string): Promise<Result<PeopleChange>> =>
  transact(deps.store.pool, async (tx): Promise<Result<PeopleChange>> => {
    const before = await loadUnderLock(tx, publisher, needs)
    if (before === undefined) return refuse(failure('publisherNotFound'))
    const decided = decide(before)
    if (!decided.ok) return decided
    await applyOutcome(tx, publisher, decided.value, trace, deps.now())
    return ok({ before, touched: isTouched(decided.value.touch) })
  })

/** Acknowledges a subscriber in the place of the publisher (3.6.5.1). */
export const acknowledgeForUser = (deps: PeopleDeps, publisher: UserKey, subscriber: UserKey, trace: string): Promise<Result<PeopleChange>> =>
  change(deps, publisher, { subscribers: true }, (state) => decideSetSubscribers(subscriber, state), trace)

/** Takes a subscriber off the list, whoever it is. */
export const removeSubscriberForUser = (deps: PeopleDeps, publisher: UserKey, subscriber: UserKey, trace: string): Promise<Result<PeopleChange>> =>
  change(deps, publisher, { subscribers: true }, (state) => decideRemoveSubscriber(subscriber, state), trace)

/** What an operator says about a subscriber; the rest is as the directory and the domain table have it. */
export interface SubscriberTerms extends Partial<Pick<SubscriberEntry, 'displayName' | 'network'>> {
  readonly context: string
}

/** Enters a subscriber as if it had sent a context (3.4.5.1.3): for who is on the list already, nothing. */
export const addSubscriberForUser = async (deps: PeopleDeps, publisher: UserKey, subscriber: UserKey, terms: SubscriberTerms, trace: string): Promise<Result<PeopleChange>> => {
  const network = terms.network ?? networkOfKind(await deps.domains.kindOf(subscriber))
  if (network === undefined) return refuse(failure('domainBlocked', subscriber))
  const displayName = terms.displayName ?? await loadDisplayName(poolSession(deps.store.pool), subscriber) ?? ''
  return change(deps, publisher, { subscribers: true }, (state) => decideRecordSubscriber({ user: subscriber, displayName, network }, terms.context, state, deps.limits.subscribers), trace)
}

/** Adds, modifies or removes a delegate in the place of the delegator (3.9.5.2); without a version it is for whatever is there. */
export const setDelegateForUser = async (deps: PeopleDeps, publisher: UserKey, action: 'add' | 'remove', delegate: Delegate, version: number | undefined, trace: string): Promise<Result<PeopleChange>> => {
  const exists = await isOfDeployment(poolSession(deps.store.pool), delegate.user)
  return change(deps, publisher, { delegates: true }, (state) =>
    decideSetDelegates({ version: version ?? state.delegates.version, action, delegate }, state, { exists, maxDelegates: deps.limits.maxDelegates }), trace)
}
