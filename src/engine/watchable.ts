import type { AccessDecision } from '../core/access-lists/effective.ts'
import { failure } from '../core/base/failure.ts'
import type { AccessLetter } from '../core/model/access-list.ts'
import type { SourceNetwork } from '../core/model/network.ts'
import { grants } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { asksForList } from '../core/subscriptions/adhoc-list.ts'
import { isBatch } from '../core/subscriptions/resources.ts'
import { denied, foreign, homedElsewhere, notGranted, watchedByTooMany, watchedTooOften, type Unwatchable } from '../core/subscriptions/watchability.ts'
import { loadAccess } from '../store/access-lists.ts'
import { findFullPairs, findHomePools, findWatchedByTooMany } from '../store/limits.ts'
import { loadRights } from '../store/rights.ts'
import type { Session } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'
import type { Asking, Call, EngineLimits, Features } from './deps.ts'
import { Refused } from './refused.ts'

/** Our users among these and, of them, those whose rights keep the network out. Inside the enterprise nothing needs a right, so that none is read (3.4.5.3). */
const findGranted = async (session: Session, users: readonly UserKey[], network: SourceNetwork): Promise<{ readonly existing: ReadonlySet<UserKey>; readonly refused: readonly UserKey[] }> => {
  if (network === 'sameEnterprise') return { existing: await findExistingUsers(session, users), refused: [] }
  const rights = await loadRights(session, users)
  return { existing: new Set(rights.keys()), refused: [...rights].flatMap(([user, { effective }]) => (grants(effective, 'incoming', network) ? [] : [user])) }
}

/** Whom the sender watches through as many dialogs as may be. A poll leaves none behind, and each of our endpoints has but one dialog on a list of either kind (3.4.5.1.3). */
const findWatchedTooOften = async (session: Session, users: readonly UserKey[], { request, network, now }: Asking, most: number): Promise<readonly UserKey[]> =>
  readIntent(request) === 'poll' || ((isBatch(request) || asksForList(request)) && network === 'sameEnterprise') ? []
    : findFullPairs(session, users, { subscriber: request.fromUser, callId: request.callId, remoteTag: request.fromTag }, most, now)

/** What access lists decide of a watcher; those that say nothing are missing. */
export type AccessOf = ReadonlyMap<UserKey, AccessDecision>

/** Nobody's access list has a say: of category subscriptions, who is denied there is blocked by its container. */
export const noAccessLists: AccessOf = new Map()

/** What the access lists of these users decide of the sender of a request for presence documents (MS-SIP 3.7), where this server has access lists. */
export const findAccess = async (session: Session, users: readonly UserKey[], { request }: Pick<Asking, 'request'>, { accessLists }: Pick<Features, 'accessLists'>): Promise<AccessOf> =>
  accessLists ? loadAccess(session, users, request.fromUser) : noAccessLists

/** The letter for one of them. */
export const accessTo = (access: AccessOf, user: UserKey): AccessLetter => access.get(user)?.letter ?? 'A'

/**
 * Which of the users that a request names cannot be watched here, and why (3.4.5.1.3.1, 3.4.5.3). `access` is that of `findAccess` where presence documents are asked for; sent before,
 * it costs no round trip of its own.
 */
export const findUnwatchable = async (session: Session, users: readonly UserKey[], call: Asking, limits: Pick<EngineLimits, 'maxIncoming' | 'maxDialogsPerPair'>, access: AccessOf | Promise<AccessOf>): Promise<ReadonlyMap<UserKey, Unwatchable>> => {
  const [{ existing, refused }, tooMany, tooOften, decided] = await Promise.all([
    findGranted(session, users, call.network), findWatchedByTooMany(session, users, call.request.fromUser, limits.maxIncoming), findWatchedTooOften(session, users, call, limits.maxDialogsPerPair), access,
  ])
  const missing = users.filter((named) => !existing.has(named))
  const pools = missing.length === 0 ? new Map<UserKey, string>() : await findHomePools(session, missing)
  return new Map([
    ...missing.map((named) => {
      const pool = pools.get(named)
      return [named, pool === undefined ? foreign(named) : homedElsewhere(named, pool)] as const
    }),
    ...tooMany.map((named) => [named, watchedByTooMany(named)] as const),
    ...tooOften.map((named) => [named, watchedTooOften(named)] as const),
    ...refused.map((named) => [named, notGranted(named)] as const),
    ...users.filter((named) => accessTo(decided, named) === 'D').map((named) => [named, denied(named)] as const),
  ])
}

/** A refresh shows all that is watched: to a subscriber from outside only while it may watch it (3.4.5.3). */
export const expectGranted = async (session: Session, watched: readonly UserKey[], network: SourceNetwork): Promise<void> => {
  if (network === 'sameEnterprise') return
  const [first] = (await findGranted(session, watched, network)).refused
  if (first !== undefined) throw new Refused(failure('incomingNotGranted', first))
}

/** May an ordinary phone watch though it is not registered? RFC 3856 knows no such condition: it is enough to know whose phone it is. */
export const mayWatchUnregistered = ({ features }: { readonly features: Pick<Features, 'unregisteredPhones'> }, { arrival }: Pick<Call, 'arrival'>): boolean => features.unregisteredPhones && arrival.user !== undefined
