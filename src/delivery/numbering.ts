import type { Pool } from 'pg'
import type { DialogRef } from '../store/dialogs.ts'
import type { Release, Sender } from '../store/sender.ts'
import { transact, type Transaction } from '../store/session.ts'

/** This node became another sender while it waited: what it has locked is no longer its own. Nothing has been sent. */
export class Renewed extends Error {
  constructor() {
    super('numbers of an earlier transaction are in doubt')
  }
}

/** Says that numbers of these dialogs, which the transaction has locked, are about to be used. */
export type Use = (refs: readonly DialogRef[]) => Promise<void>

/**
 * Runs a transaction that numbers notifications and sends them before it commits. When it fails behind that, nobody knows which numbers are used up, and this node goes
 * on as another sender (see store/sender.ts).
 */
export const transactNumbering = async <T>(pool: Pool, sender: Sender, work: (tx: Transaction, use: Use) => Promise<T>): Promise<T> => {
  let releases: Release[] = []
  const release = (): void => {
    for (const end of releases) end()
    releases = []
  }
  const fail = (): void => {
    if (releases.length > 0) sender.renew()
    release()
  }
  try {
    const result = await transact(pool, (tx, tries) => {
      if (tries > 1) fail()
      const id = sender.id()
      return work(tx, async (refs) => {
        const end = await sender.begin(refs)
        if (sender.id() !== id) {
          end()
          throw new Renewed()
        }
        releases.push(end)
      })
    })
    release()
    return result
  } catch (error) {
    fail()
    throw error
  }
}
