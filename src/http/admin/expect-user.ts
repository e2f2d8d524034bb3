import type { UserKey } from '../../core/sip/uri.ts'
import { getUser, type PresenceUser } from '../../store/users.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'

/** The user that a path names; 404 when there is none. */
export const expectUser = async (deps: AdminDeps, key: UserKey): Promise<PresenceUser> => {
  const user = await getUser(deps.store.db, key)
  if (user === undefined) throw new ProblemError(404, 'there is no such user')
  return user
}

/** The same where something is to be changed, which only the pool can that serves the user; 409 when that is another one. */
export const expectServed = async (deps: AdminDeps, key: UserKey): Promise<void> => {
  const { homePool } = await expectUser(deps, key)
  if (homePool !== undefined) throw new ProblemError(409, `the user is served by another pool, ${homePool}`)
}
