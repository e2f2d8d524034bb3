import type { Pool } from 'pg'
import type { ContainerTemplate } from '../core/containers/template.ts'
import type { OwnRights } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { expireDialogs, lockDialogs } from '../store/dialogs.ts'
import { deletePublisher, findWatchersOf, hasDataHere } from '../store/home-pool.ts'
import { transact, type Transaction } from '../store/session.ts'
import { lockPublisher, putUser, type OwnTerms, type PresenceUser } from '../store/users.ts'

/** What an operator says about a user. */
export interface UserTerms extends Pick<PresenceUser, 'displayName' | 'properties'>, OwnTerms {
  readonly rights: OwnRights | undefined
}

/** The user has data here, which moving it to another pool would lose. */
export class UserHasData extends Error {}

/** What came of it; `ended` are dialogs that must be told so. */
export interface UserPut {
  readonly created: boolean
  readonly ended: number
}

/**
 * The user is no publisher here any more. Who watches it must ask elsewhere: its dialogs end, so that the client opens them anew and learns
 * of the other pool (3.4.5.1.3.1).
 */
const leaveToPool = async (tx: Transaction, user: UserKey, now: number): Promise<number> => {
  const served = await lockPublisher(tx, user) !== undefined
  if (served && await hasDataHere(tx, user)) throw new UserHasData()
  const dialogs = await lockDialogs(tx, await findWatchersOf(tx, user), now)
  if (dialogs.length > 0) void expireDialogs(tx, dialogs, now, 'deactivated')
  if (served) void deletePublisher(tx, user)
  return dialogs.length
}

/** Creates or replaces a user. One with a home pool is served there and no publisher here; throws UserHasData when it cannot leave. */
export const putUserTerms = (pool: Pool, user: UserKey, { displayName, properties, rights, ...terms }: UserTerms, template: ContainerTemplate, now: number): Promise<UserPut> =>
  transact(pool, async (tx) => {
    // The row of the user first: a registration that creates it at the same time is through by then, or finds it taken.
    const created = await putUser(tx, user, displayName, properties, template, now, rights, terms)
    return { created, ended: terms.homePool === undefined ? 0 : await leaveToPool(tx, user, now) }
  })
