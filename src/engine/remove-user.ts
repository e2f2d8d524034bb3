import type { Pool } from 'pg'
import { touchOfInstances } from '../core/model/diff.ts'
import { isTouched } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { deleteDialogs, loadDialogs } from '../store/dialogs.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import { deleteUser } from '../store/users.ts'
import { endAllEndpoints } from './registration.ts'

/**
 * Deletes a user: first everything it published, which its watchers are told (they see empty categories), then the user itself with its
 * dialogs. False when there is no such user.
 */
export const removeUser = async (pool: Pool, user: UserKey, now: () => number, tell: (publisher: UserKey) => Promise<void>): Promise<boolean> => {
  const found = await transact(pool, async (tx) => {
    const state = await loadUnderLock(tx, user, { instances: 'all' })
    if (state === undefined) return false
    await endAllEndpoints(tx, user, 'user deleted', now())
    const changes = state.instances.map((key) => ({ kind: 'deleteInstance', key }) as const)
    const touch = touchOfInstances(state.instances, [], state.instances)
    if (isTouched(touch)) await applyOutcome(tx, user, { changes, touch }, 'user deleted', now())
    return true
  })
  if (!found) return false
  await tell(user)
  await transact(pool, async (tx) => {
    await deleteDialogs(tx, await loadDialogs(tx, user))
    void deleteUser(tx, user)
  })
  return true
}
