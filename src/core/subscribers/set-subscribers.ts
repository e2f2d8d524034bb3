import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { Outcome } from '../model/outcome.ts'
import type { PublisherState } from '../model/publisher.ts'
import type { SubscriberEntry } from '../model/subscriber-entry.ts'
import { noTouch } from '../model/touch.ts'
import type { UserKey } from '../sip/uri.ts'

const findEntry = (user: UserKey, { subscribers }: PublisherState): Result<SubscriberEntry> => {
  const entry = subscribers.find((candidate) => candidate.user === user)
  return entry === undefined ? refuse(failure('subscriberNotListed', user)) : ok(entry)
}

const touch = { ...noTouch, subscribers: true } as const

/**
 * Decides a setSubscribers request (3.6.5.1): who is acknowledged leaves the list, but for MSRTC and PIDF watchers, who stay on it as
 * acknowledged (3.7.5.3). Self subscribers are told each time, even when nothing looks different (3.6.5.2). 400 for who is not on the list.
 */
export const decideSetSubscribers = (user: UserKey, state: PublisherState): Result<Outcome> => {
  const entry = findEntry(user, state)
  return entry.ok ? ok({ changes: [entry.value.kept ? { kind: 'putSubscriber', entry: { ...entry.value, acknowledged: true } } : { kind: 'deleteSubscriber', user }], touch }) : entry
}

/** The same as an operator may: the entry goes whoever it is of. An MSRTC or PIDF watcher comes back with its next SUBSCRIBE. */
export const decideRemoveSubscriber = (user: UserKey, state: PublisherState): Result<Outcome> => {
  const entry = findEntry(user, state)
  return entry.ok ? ok({ changes: [{ kind: 'deleteSubscriber', user }], touch }) : entry
}
