import { failureEntry, type FailureName } from '../base/failure.ts'
import type { Rejection } from '../documents/rlmi.ts'
import type { UserKey } from '../sip/uri.ts'

/** Why a resource cannot be watched here: how a single SUBSCRIBE is refused, and how a batch says it (3.4.5.1.3.1). */
export interface Unwatchable {
  readonly failure: FailureName
  readonly rejection: Rejection
}

/** Not a user of this server: the client shall ask elsewhere, itself (3.4.5.1.3.1, 3.4.5.3). */
export const foreign = (user: UserKey): Unwatchable => ({ failure: 'userNotFound', rejection: { user, state: 'resubscribe' } })

/** A user of this deployment whom another pool serves: the client shall send a batch to that pool (3.4.5.1.3.1). */
export const homedElsewhere = (user: UserKey, poolFqdn: string): Unwatchable => ({ failure: 'userNotFound', rejection: { user, state: 'resubscribe', poolFqdn } })

/** 3.4.5.1.3.1 names no case for a resource that the subscriber may not watch (3.4.5.3); `rejected` is the reason of RFC 4662 5.5 and RFC 6665 4.1.3. */
export const notGranted = (user: UserKey): Unwatchable =>
  ({ failure: 'incomingNotGranted', rejection: { user, state: 'terminated', reason: 'rejected', statusCode: failureEntry('incomingNotGranted').status } })

/** Denied by the access list of the resource (MS-SIP 3.7); for a list it is rejected as above. */
export const denied = (user: UserKey): Unwatchable =>
  ({ failure: 'accessDenied', rejection: { user, state: 'terminated', reason: 'rejected', statusCode: failureEntry('accessDenied').status } })

const quotaExceeded = (failure: FailureName) => (user: UserKey): Unwatchable => ({ failure, rejection: { user, state: 'terminated', reason: 'quotaExceeded', statusCode: failureEntry(failure).status } })

/** Watched by as many as may be (3.4.5.1.3.1). */
export const watchedByTooMany = quotaExceeded('incomingExceeded')

/** Watched by this very subscriber through as many dialogs as may be: for each change it would be told as often. */
export const watchedTooOften = quotaExceeded('dialogsExceeded')
