import type { Pool } from 'pg'
import type { UserKey } from '../core/sip/uri.ts'
import { dropDebts, hastenDebts, oweEverything } from '../store/dialog-debts.ts'
import { lockDialogs, type DialogRef } from '../store/dialogs.ts'
import { transact, type Transaction } from '../store/session.ts'

/** Works on what a living dialog is owed, behind its lock as everybody; undefined when there is no such dialog. */
const withLiving = (pool: Pool, ref: DialogRef, now: number, work: (tx: Transaction) => Promise<number>): Promise<number | undefined> =>
  transact(pool, async (tx) => ((await lockDialogs(tx, [ref], now)).length === 0 ? undefined : work(tx)))

/** Makes all that a dialog is owed due now; says how much that is. The job that pays debts comes by itself. */
export const retryDialog = (pool: Pool, ref: DialogRef, now: number): Promise<number | undefined> => withLiving(pool, ref, now, (tx) => hastenDebts(tx, ref, now))

/** Owes a dialog the latest state of everything that it watches, now: for a client that seems to have missed something. */
export const resendDialog = (pool: Pool, ref: DialogRef, now: number): Promise<number | undefined> =>
  withLiving(pool, ref, now, async (tx) => {
    void oweEverything(tx, ref, { attempts: 0, reason: 'the operator has it sent again', dueAt: now }, now)
    return hastenDebts(tx, ref, now)
  })

/** Forgets what a dialog is owed, about everybody or one publisher; says how much that was. The watcher keeps what it has until the next change. */
export const forgetDebts = (pool: Pool, ref: DialogRef, publisher: UserKey | undefined, now: number): Promise<number | undefined> => withLiving(pool, ref, now, (tx) => dropDebts(tx, ref, publisher))
