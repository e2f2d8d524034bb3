import type { SourceNetwork } from '../core/model/network.ts'
import { grants } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadRights } from '../store/rights.ts'
import type { Session } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'

/** Which of the users that a SUBSCRIBE names are ours, and which of those its sender may not watch. */
export interface Watchable {
  readonly existing: ReadonlySet<UserKey>
  readonly refused: ReadonlySet<UserKey>
}

/** Looks up whom a subscriber may watch, in one statement. Inside the enterprise nothing needs a right, so that none is read (3.4.5.3). */
export const findWatchable = async (session: Session, users: readonly UserKey[], network: SourceNetwork): Promise<Watchable> => {
  if (network === 'sameEnterprise') return { existing: await findExistingUsers(session, users), refused: new Set() }
  const rights = await loadRights(session, users)
  return { existing: new Set(rights.keys()), refused: new Set([...rights].flatMap(([user, { effective }]) => (grants(effective, 'incoming', network) ? [] : [user]))) }
}
