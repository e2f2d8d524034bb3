import type { Pool } from 'pg'
import { writeInstruction } from '../core/notifications/instruction.ts'
import { LEFT_TO_SENDER_MS } from '../store/deferred.ts'
import { deleteDialogs } from '../store/dialogs.ts'
import { adoptExpired, claimExpiredDialogs } from '../store/numbering.ts'
import { poolSession } from '../store/session.ts'
import type { HandOverDeps } from './hand-over.ts'
import { transactNumbering } from '../store/transact-numbering.ts'

/** Dialogs ended in one round. */
export const EXPIRED_BATCH = 200

/** Ends dialogs that are over with a last notification (RFC 6665 4.2.2: terminated, with the reason); whether it arrives does not matter any more. */
export const endExpiredDialogs = async (pool: Pool, deps: HandOverDeps): Promise<number> => {
  await adoptExpired(poolSession(pool), deps.sender.id(), deps.now() - LEFT_TO_SENDER_MS, EXPIRED_BATCH)
  return transactNumbering(pool, deps.sender, async (tx, use, sender) => {
    const now = deps.now()
    const expired = await claimExpiredDialogs(tx, sender, now, EXPIRED_BATCH)
    if (expired.length === 0) return 0
    await use(expired)
    const perProxy = Map.groupBy(expired, ({ proxy }) => proxy)
    await Promise.all([...perProxy].map(([proxy, dialogs]) =>
      deps.proxies.handOver(proxy, dialogs.map((dialog) => writeInstruction(dialog, { body: undefined, terminated: dialog.endReason }, now)), 'brief')))
    await deleteDialogs(tx, expired)
    return expired.length
  })
}
