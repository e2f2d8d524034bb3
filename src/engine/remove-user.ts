import type { Pool } from 'pg'
import { touchOfInstances } from '../core/model/diff.ts'
import { isTouched } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { deleteDialogs, loadDialogs } from '../store/dialogs.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import { forgetHomedElsewhere } from '../store/home-pool.ts'
import { deleteUser, lockPublisher } from '../store/users.ts'
import { endAllEndpoints } from './registration.ts'

/**
 * Deletes a user with its endpoints, dialogs and everything it published, in one transaction; false when there is no such user. Its watchers
 * are told by the change row that this leaves, as of any other change: they see empty categories. Their subscriptions are theirs and
 * stay, so that they see the user again should it come back.
 */
export const removeUser = (pool: Pool, user: UserKey, now: number): Promise<boolean> =>
  transact(pool, async (tx) => {
    if (await lockPublisher(tx, user) === undefined) return forgetHomedElsewhere(tx, user)
    await endAllEndpoints(tx, user, 'user deleted', now)
    const instances = (await loadUnderLock(tx, user, { instances: 'all' }))?.instances ?? []
    const touch = touchOfInstances(instances, [], instances)
    if (isTouched(touch)) await applyOutcome(tx, user, { changes: instances.map((key) => ({ kind: 'deleteInstance', key }) as const), touch }, 'user deleted', now)
    await deleteDialogs(tx, await loadDialogs(tx, user))
    void deleteUser(tx, user)
    return true
  })
