import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { Outcome } from '../model/outcome.ts'
import type { PublisherState } from '../model/publisher.ts'
import { noTouch } from '../model/touch.ts'
import type { UserKey } from '../sip/uri.ts'

/**
 * Decides a setSubscribers request (3.6.5.1): who is acknowledged leaves the list, but for MSRTC and PIDF watchers, who stay on it as
 * acknowledged (3.7.5.3). Self subscribers are told each time, even when nothing looks different (3.6.5.2). 400 for who is not on the list.
 */
export const decideSetSubscribers = (user: UserKey, state: PublisherState): Result<Outcome> => {
  const entry = state.subscribers.find((candidate) => candidate.user === user)
  if (entry === undefined) return refuse(failure('subscriberNotListed', user))
  return ok({
    changes: [entry.kept ? { kind: 'putSubscriber', entry: { ...entry, acknowledged: true } } : { kind: 'deleteSubscriber', user }],
    touch: { ...noTouch, subscribers: true },
  })
}
