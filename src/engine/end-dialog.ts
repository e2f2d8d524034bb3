import type { Pool } from 'pg'
import { expireDialogs, lockDialogs, type DialogRef } from '../store/dialogs.ts'
import { transact } from '../store/session.ts'

/** Ends a living dialog as its operator wishes; false when there is none. Its client is told to open a new one if it wants to (RFC 6665 4.1.3: deactivated). */
export const endDialog = (pool: Pool, ref: DialogRef, now: number): Promise<boolean> =>
  transact(pool, async (tx) => {
    const [living] = await lockDialogs(tx, [ref], now)
    if (living === undefined) return false
    void expireDialogs(tx, [living], now, 'deactivated')
    return true
  })
