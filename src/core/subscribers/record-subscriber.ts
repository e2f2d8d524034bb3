import { failure, failureEntry, type Failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { Rejection } from '../documents/rlmi.ts'
import type { Outcome } from '../model/outcome.ts'
import type { PublisherState } from '../model/publisher.ts'
import type { SubscriberEntry } from '../model/subscriber-entry.ts'
import { noTouch } from '../model/touch.ts'
import type { UserKey } from '../sip/uri.ts'

/** Who subscribes; `displayName` may be empty. */
export type Newcomer = Pick<SubscriberEntry, 'user' | 'displayName' | 'network'>

/** The bounds of 3.4.5.1.3 and 3.6.5.1 on what others may leave with one publisher. */
export interface SubscriberLimits {
  readonly maxSubscribers: number
  readonly maxContextBytes: number
  readonly maxContextsBytes: number
}

const NOTHING: Outcome = { changes: [], touch: noTouch }

const MAX_NAME = 256

/** A name may come from a header of anybody: it must fit XML, and must not be used to fill the list. */
const readableName = ({ displayName, user }: Newcomer): string => {
  const name = [...displayName.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, ' ').trim()].slice(0, MAX_NAME).join('')
  return name === '' ? user : name
}

const put = (entry: SubscriberEntry): Outcome['changes'] => [{ kind: 'putSubscriber', entry }]

const enter = (newcomer: Newcomer, context: string | undefined, kept: boolean): Outcome => ({
  changes: put({ user: newcomer.user, displayName: readableName(newcomer), network: newcomer.network, acknowledged: false, context, kept }),
  touch: { ...noTouch, subscribers: true },
})

const full = ({ subscribers }: PublisherState, { maxSubscribers }: SubscriberLimits): Failure | undefined =>
  subscribers.length >= maxSubscribers ? failure('subscribersExceeded', `at most ${maxSubscribers} subscribers`) : undefined

const tooLarge = (context: string, { subscribers }: PublisherState, { maxContextBytes, maxContextsBytes }: SubscriberLimits): Failure | undefined => {
  const bytes = Buffer.byteLength(context)
  if (bytes > maxContextBytes) return failure('contextTooLarge', `at most ${maxContextBytes} bytes`)
  const total = subscribers.reduce((sum, entry) => sum + Buffer.byteLength(entry.context ?? ''), bytes)
  // Only what causes the quota to be exceeded is refused; an empty context never does.
  return bytes > 0 && total > maxContextsBytes ? failure('contextQuotaExceeded', `at most ${maxContextsBytes} bytes`) : undefined
}

/**
 * Decides what a category SUBSCRIBE leaves on the subscriber list of one resource (1.3.1.4, 3.4.5.1.3): with a context element, an empty one
 * too (design decision 11), a new entry; for who is on the list already, and without a context, nothing. 413 when the list is full or the
 * context does not fit in. `state` must hold all subscribers of the publisher.
 */
export const decideRecordSubscriber = (newcomer: Newcomer, context: string | undefined, state: PublisherState, limits: SubscriberLimits): Result<Outcome> => {
  if (context === undefined || state.subscribers.some(({ user }) => user === newcomer.user)) return ok(NOTHING)
  const refused = full(state, limits) ?? tooLarge(context, state, limits)
  return refused === undefined ? ok(enter(newcomer, context, false)) : refuse(refused)
}

/**
 * The same for an MSRTC or PIDF SUBSCRIBE, which knows no context and always enters its sender (3.7.5.3). Who is there already because of a
 * category subscription is kept from now on; that is not shown, so that nobody is told.
 */
export const decideRecordWatcher = (newcomer: Newcomer, state: PublisherState, limits: SubscriberLimits): Result<Outcome> => {
  const known = state.subscribers.find(({ user }) => user === newcomer.user)
  if (known !== undefined) return ok(known.kept ? NOTHING : { changes: put({ ...known, kept: true }), touch: noTouch })
  const refused = full(state, limits)
  return refused === undefined ? ok(enter(newcomer, undefined, true)) : refuse(refused)
}

/** How a batch says that a resource was refused for one of these limits (3.4.5.1.3.1); a single SUBSCRIBE is refused as a whole. */
export const rejectionOf = (publisher: UserKey, refused: Failure): Rejection => ({ user: publisher, state: 'terminated', reason: 'quotaExceeded', statusCode: failureEntry(refused.name).status })
