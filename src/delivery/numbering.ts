import type { Pool } from 'pg'
import type { DialogRef } from '../store/dialogs.ts'
import type { Sender } from '../store/sender.ts'
import { transact, type Transaction } from '../store/session.ts'

/** Says that numbers of these dialogs, which the transaction has locked, are about to be used. Throws when that is not safe. */
export type Use = (refs: readonly DialogRef[]) => void

/**
 * Runs a transaction that numbers notifications and sends them before it commits. When it fails behind that, nobody knows which numbers are used up, and this node goes
 * on as another sender (see store/sender.ts).
 */
export const transactNumbering = async <T>(pool: Pool, sender: Sender, work: (tx: Transaction, use: Use) => Promise<T>): Promise<T> => {
  const used: DialogRef[] = []
  const use: Use = (refs) => {
    if (!sender.begin(refs)) throw new Error('a dialog is numbered twice at the same time')
    used.push(...refs)
  }
  const forget = (): void => {
    if (used.length > 0) sender.renew()
    sender.end(used.splice(0))
  }
  try {
    const result = await transact(pool, (tx, tries) => {
      if (tries > 1) forget()
      return work(tx, use)
    })
    sender.end(used)
    return result
  } catch (error) {
    forget()
    throw error
  }
}
