import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { writeDelegates } from '../documents/delegates.ts'
import { writeWrongDelta } from '../documents/fault.ts'
import { writeRoamingData } from '../documents/roaming-self.ts'
import type { Delegates } from '../model/delegate.ts'
import type { Outcome } from '../model/outcome.ts'
import type { PublisherState } from '../model/publisher.ts'
import { noTouch } from '../model/touch.ts'
import type { DelegateAction } from '../requests/set-delegates.ts'
import { mediaTypes } from '../sip/media-types.ts'

export interface DelegatesContext {
  /** The named delegate is a user of this deployment. */
  readonly exists: boolean
  readonly maxDelegates: number
}

/**
 * Decides a setDelegates request (3.9.5.2) under version check: add and modify both create what is missing and replace what is there, and
 * what they do not allow is denied; only remove needs an existing delegate. The answer is the complete list (2.2.2.10.3). `state` must hold
 * all delegates.
 */
export const decideSetDelegates = ({ version, action, delegate }: DelegateAction, state: PublisherState, context: DelegatesContext): Result<Outcome> => {
  const { delegates: before } = state
  if (version !== before.version) return refuse({ name: 'delegatesConflict', detail: `the list has version ${before.version}, not ${version}`, body: { type: mediaTypes.fault, text: writeWrongDelta([{ index: 1, version, curVersion: before.version, data: '' }]) } })
  if (delegate.user === state.publisher) return refuse(failure('delegateIsDelegator', delegate.user))
  const listed = before.members.some(({ user }) => user === delegate.user)
  // Who has left the deployment must still be removable from the lists of others.
  if (!context.exists && !(listed && action === 'remove')) return refuse(failure('delegateNotUser', delegate.user))
  if (action === 'remove' && !listed) return refuse(failure('delegateNotListed', delegate.user))
  // Only a request that causes the limit to be exceeded fails.
  if (!listed && before.members.length >= context.maxDelegates) return refuse(failure('delegatesExceeded', `at most ${context.maxDelegates} delegates`))
  const put = action === 'remove' ? [] : [delegate]
  const after: Delegates = { version: version + 1, members: [...before.members.filter(({ user }) => user !== delegate.user), ...put] }
  return ok({
    changes: [{ kind: 'putDelegates', version: after.version, put, removed: action === 'remove' ? [delegate.user] : [] }],
    touch: { ...noTouch, delegates: true },
    answer: { type: mediaTypes.roamingSelf, text: writeRoamingData({ delegates: writeDelegates(after) }) },
  })
}
