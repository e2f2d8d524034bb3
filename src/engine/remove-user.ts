import type { Pool } from 'pg'
import { touchOfInstances } from '../core/model/diff.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { deleteDialogs, expireDialogs, loadDialogs, lockDialogs } from '../store/dialogs.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import { loadSubscriptions } from '../store/subscriptions.ts'
import { forgetHomedElsewhere } from '../store/home-pool.ts'
import { deleteUser } from '../store/users.ts'

/**
 * Deletes a user with its endpoints, dialogs and everything it published, in one transaction; false when there is no such user. Its watchers
 * are told by the change row that this leaves, as of any other change: they see empty categories. Their subscriptions are theirs and
 * stay, so that they see the user again should it come back; but those of ordinary phones end (RFC 6665 4.1.3).
 */
export const removeUser = (pool: Pool, user: UserKey, now: number): Promise<boolean> =>
  transact(pool, async (tx) => {
    const state = await loadUnderLock(tx, user, { instances: 'all', containers: true, endpoints: true })
    if (state === undefined) return forgetHomedElsewhere(tx, user)
    const { instances, containers, endpoints } = state
    await applyOutcome(tx, user, {
      changes: [...instances.map((key) => ({ kind: 'deleteInstance', key }) as const), ...endpoints.map(({ endpointId }) => ({ kind: 'deleteEndpoint', endpointId }) as const)],
      // Memberships go as well, and when this is told, only the touch knows who saw what by them.
      touch: { ...touchOfInstances(instances, [], instances), membersBefore: Object.fromEntries(containers.map(({ id, members }) => [id, members])) },
    }, 'user deleted', now)
    const [own, edges] = await Promise.all([loadDialogs(tx, user), loadSubscriptions(tx, [user])])
    const locked = await lockDialogs(tx, [...own, ...edges.filter(({ format }) => format === 'pidf')], now)
    await deleteDialogs(tx, own, now)
    const phones = locked.filter(({ kind, subscriber }) => kind === 'pidf' && subscriber !== user)
    if (phones.length > 0) void expireDialogs(tx, phones, now, 'noresource')
    void deleteUser(tx, user)
    return true
  })
