import type { SourceNetwork } from '../core/model/network.ts'
import { grants } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { foreign, homedElsewhere, notGranted, watchedByTooMany, type Unwatchable } from '../core/subscriptions/watchability.ts'
import { findHomePools, findWatchedByTooMany } from '../store/limits.ts'
import { loadRights } from '../store/rights.ts'
import type { Session } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'

/** Who wants to watch. */
export interface WouldBeWatcher {
  readonly user: UserKey
  readonly network: SourceNetwork
}

/** Our users among these and, of them, those whose rights keep the network out. Inside the enterprise nothing needs a right, so that none is read (3.4.5.3). */
export const findGranted = async (session: Session, users: readonly UserKey[], network: SourceNetwork): Promise<{ readonly existing: ReadonlySet<UserKey>; readonly refused: readonly UserKey[] }> => {
  if (network === 'sameEnterprise') return { existing: await findExistingUsers(session, users), refused: [] }
  const rights = await loadRights(session, users)
  return { existing: new Set(rights.keys()), refused: [...rights].flatMap(([user, { effective }]) => (grants(effective, 'incoming', network) ? [] : [user])) }
}

/** Which of the users that a SUBSCRIBE names cannot be watched here, and why (3.4.5.1.3.1, 3.4.5.3). */
export const findUnwatchable = async (session: Session, users: readonly UserKey[], { user, network }: WouldBeWatcher, maxIncoming: number): Promise<ReadonlyMap<UserKey, Unwatchable>> => {
  const [{ existing, refused }, tooMany] = await Promise.all([findGranted(session, users, network), findWatchedByTooMany(session, users, user, maxIncoming)])
  const missing = users.filter((named) => !existing.has(named))
  const pools = missing.length === 0 ? new Map<UserKey, string>() : await findHomePools(session, missing)
  return new Map([
    ...missing.map((named) => {
      const pool = pools.get(named)
      return [named, pool === undefined ? foreign(named) : homedElsewhere(named, pool)] as const
    }),
    ...tooMany.map((named) => [named, watchedByTooMany(named)] as const),
    ...refused.map((named) => [named, notGranted(named)] as const),
  ])
}
