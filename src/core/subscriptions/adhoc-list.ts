import { failure, type Failure } from '../base/failure.ts'
import type { InstanceState } from '../documents/rlmi.ts'
import type { DomainKind } from '../model/network.ts'
import type { AdhocList } from '../requests/adhoc-list.ts'
import { checkRequired } from '../sip/extensions.ts'
import { accepts, mediaTypes } from '../sip/media-types.ts'
import type { SipRequest } from '../sip/request.ts'
import type { UserKey } from '../sip/uri.ts'
import type { Unwatchable } from './watchability.ts'

/**
 * Whether a SUBSCRIBE is one to a list of the clients before enhanced presence (MS-SIP 3.3): by its body, or by requiring what only it and the category
 * batches have where nothing asks for categories (3.4.5.1.1).
 */
export const asksForList = ({ contentType, require, accept }: Pick<SipRequest, 'contentType' | 'require' | 'accept'>): boolean =>
  contentType === mediaTypes.adhocList
  || (require.has('adhoclist') && !require.has('categorylist') && contentType !== mediaTypes.batchSubscribe && !accept.includes(mediaTypes.categories))

const offered: ReadonlySet<string> = new Set(['adhoclist', 'eventlist', 'ms-benotify', 'ms-piggyback-first-notify', 'com.microsoft.autoextend'])

const NEEDED = [mediaTypes.multipartRelated, mediaTypes.rlmi, mediaTypes.msrtcPresence] as const

/** What is refused of a SUBSCRIBE to a list before its body is read: extensions, and a client that cannot read the answer (RFC 4662 4.1, MS-SIP 4.3), which inside a dialog is settled. */
export const checkListSubscribe = (request: Pick<SipRequest, 'accept' | 'supported' | 'require' | 'toTag'>): Failure | undefined => {
  const { accept, supported, toTag } = request
  const unsupported = checkRequired(request, offered)
  if (unsupported !== undefined || toTag !== undefined) return unsupported
  const missing = NEEDED.find((type) => !accepts(accept, type))
  if (missing !== undefined) return failure('notAcceptable', `Accept must admit ${missing}`)
  return supported.has('eventlist') ? undefined : { ...failure('listExtensionMissing'), headers: [['Require', 'eventlist']] }
}

/**
 * How a list says that a resource cannot be watched here. A user of another deployment or pool is `deactivated`, which sends the client there with a SUBSCRIBE of
 * its own (RFC 6665 4.1.3); one of ours who does not exist is `noresource`.
 */
export const instanceOf = ({ rejection: { state, reason, statusCode, poolFqdn } }: Unwatchable, domain: DomainKind): InstanceState => {
  if (state === 'terminated') return { state, reason: reason ?? 'rejected', ...(statusCode === undefined ? {} : { statusCode }) }
  if (domain === 'blocked') return { state: 'terminated', reason: 'rejected' }
  return { state: 'terminated', reason: domain === 'enterprise' && poolFqdn === undefined ? 'noresource' : 'deactivated' }
}

/** What a SUBSCRIBE to a list comes to. */
export interface ListPlan {
  /** Everyone watched from now on. */
  readonly watched: readonly UserKey[]
  /** What the answer lists, in the order of the request. */
  readonly listed: ReadonlyMap<UserKey, InstanceState>
  /** The answer lists all that is watched. */
  readonly fullState: boolean
}

const ACTIVE: InstanceState = { state: 'active' }

/** Taken off by the client itself: ended as by a SUBSCRIBE with Expires 0 (RFC 6665 4.4.1). */
const REMOVED: InstanceState = { state: 'terminated', reason: 'timeout' }

/**
 * Plans a SUBSCRIBE to a list: `create` lays it down, also anew inside its dialog, as clients do that refresh it with all it shall hold; `add` and `delete` change it; without a
 * body it stays. Who cannot be watched is listed and not watched; what was not on the list can be deleted without complaint. 403 when it would hold too many, as a whole (MS-SIP 3.3).
 */
export const planList = (before: readonly UserKey[], request: AdhocList | undefined, refused: ReadonlyMap<UserKey, InstanceState>, most: number): ListPlan | Failure => {
  if (request === undefined) return { watched: before, listed: new Map(before.map((user) => [user, ACTIVE])), fullState: true }
  const { action, users } = request
  const named = new Set(users)
  const others = before.filter((user) => !named.has(user))
  if (action === 'delete') return { watched: others, listed: new Map(users.map((user) => [user, REMOVED])), fullState: false }
  const accepted = users.filter((user) => !refused.has(user))
  const watched = action === 'create' ? accepted : [...others, ...accepted]
  if (Math.max(users.length, watched.length) > most) return failure('subscribesTooMuch', `at most ${most} contacts`)
  return { watched, listed: new Map(users.map((user) => [user, refused.get(user) ?? ACTIVE])), fullState: action === 'create' }
}
