import { failure, type Failure } from '../base/failure.ts'
import type { DomainKind, SourceNetwork } from '../model/network.ts'
import type { ListEntry, ResourceList, WatchedEntry } from '../model/resource-list.ts'
import { checkRequired } from '../sip/extensions.ts'
import { accepts, mediaTypes } from '../sip/media-types.ts'
import type { SipRequest } from '../sip/request.ts'
import type { UserKey } from '../sip/uri.ts'
import { instanceOf } from './adhoc-list.ts'
import type { Unwatchable } from './watchability.ts'

/** The option tag of lists that a SUBSCRIBE carries (RFC 5367 4). */
const RECIPIENT_LIST = 'recipient-list-subscribe'

/** Whether a SUBSCRIBE brings its list along (RFC 5367): by the option tag that it must require, or by its body. */
export const bringsList = ({ contentType, require, body }: Pick<SipRequest, 'contentType' | 'require' | 'body'>): boolean =>
  require.has(RECIPIENT_LIST) || (body.length > 0 && contentType === mediaTypes.resourceLists)

const offered: ReadonlySet<string> = new Set(['eventlist', RECIPIENT_LIST])

/** The client reads lists; to require that, too, is not recommended and means the same (RFC 4662 4.1). */
export const readsLists = ({ supported, require }: Pick<SipRequest, 'supported' | 'require'>): boolean => supported.has('eventlist') || require.has('eventlist')

const NEEDED = [mediaTypes.multipartRelated, mediaTypes.rlmi, mediaTypes.pidf] as const

/**
 * What is refused of a SUBSCRIBE to a list before its body is read: extensions (RFC 3261 8.2.2.3), a client that does not read lists (RFC 4662 4.1) or not what they are made of (4.3), which
 * inside a dialog is settled.
 */
export const checkResourceListSubscribe = (request: Pick<SipRequest, 'accept' | 'supported' | 'require' | 'toTag'>): Failure | undefined => {
  const unsupported = checkRequired(request, offered)
  if (unsupported !== undefined || request.toTag !== undefined) return unsupported
  if (!readsLists(request)) return { ...failure('listExtensionMissing'), headers: [['Require', 'eventlist']] }
  const missing = NEEDED.find((type) => !accepts(request.accept, type))
  return missing === undefined ? undefined : failure('notAcceptable', `Accept must admit ${missing}`)
}

/** What is refused of the body of a SUBSCRIBE to a list: anything but a list where one may come, and filters, which are passed over. A list comes as `recipient-list` (RFC 5363 4); where the request does not say, it means that. */
export const checkListBody = ({ body, contentType, contentDisposition }: Pick<SipRequest, 'body' | 'contentType' | 'contentDisposition'>, mayBringList: boolean): Failure | undefined => {
  if (body.length === 0 || contentType === mediaTypes.simpleFilter) return undefined
  if (!mayBringList || contentType !== mediaTypes.resourceLists) return { ...failure('mediaTypeUnknown', contentType), headers: [['Accept', mayBringList ? `${mediaTypes.resourceLists}, ${mediaTypes.simpleFilter}` : mediaTypes.simpleFilter]] }
  return contentDisposition === undefined || contentDisposition === 'recipient-list' ? undefined : failure('mediaTypeUnknown', `Content-Disposition: ${contentDisposition.slice(0, 40)}`)
}

/** Who may subscribe to a stored list (RFC 4662 4.4): its owner and those whom it names; every user of the enterprise where it names nobody. */
export const maySubscribe = ({ owner, subscribers }: Pick<ResourceList, 'owner' | 'subscribers'>, subscriber: UserKey, network: SourceNetwork): boolean =>
  (owner === undefined && subscribers.length === 0 ? network === 'sameEnterprise' : owner === subscriber || subscribers.includes(subscriber))

/** Why a resource is not watched, in the words of RFC 6665 4.1.3: where there is no room for one more watcher now there may be some later. */
export const refusalOf = (unwatchable: Unwatchable, domain: DomainKind): string => {
  const instance = instanceOf(unwatchable, domain)
  const reason = instance.state === 'terminated' ? instance.reason : 'rejected'
  return reason === 'quotaExceeded' ? 'probation' : reason
}

/** The list of a dialog, given who on it cannot be watched; 403 when it is longer than a list may be. */
export const planEntries = (entries: readonly ListEntry[], refusals: ReadonlyMap<UserKey, string>, most: number): readonly WatchedEntry[] | Failure => {
  if (entries.length > most) return failure('subscribesTooMuch', `at most ${most} contacts`)
  return entries.map(({ user, name }) => {
    const refused = refusals.get(user)
    return { user, ...(name === undefined ? {} : { name }), ...(refused === undefined ? {} : { refused }) }
  })
}

/** Those on a list who are watched. */
export const watchedUsers = (entries: readonly WatchedEntry[]): readonly UserKey[] => entries.flatMap(({ user, refused }) => (refused === undefined ? [user] : []))
