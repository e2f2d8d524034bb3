import type { Pool } from 'pg'
import type { DialogRef } from './dialogs.ts'
import type { Release, Sender } from './sender.ts'
import { transact, type Transaction } from './session.ts'

/** This node became another sender while it waited: what it has locked is no longer its own. Nothing has been sent. */
export class Renewed extends Error {
  constructor() {
    super('numbers of an earlier transaction are in doubt')
  }
}

/** Says that numbers of these dialogs, which the transaction has locked, are about to be used. */
export type Use = (refs: readonly DialogRef[]) => Promise<void>

/**
 * Runs a transaction that numbers notifications and sends them before it commits, as the sender whose id it is given from beginning to end. When it fails behind that, nobody
 * knows which numbers are used up, and this node goes on as another sender (see sender.ts).
 */
export const transactNumbering = async <T>(pool: Pool, sender: Sender, work: (tx: Transaction, use: Use, id: string) => Promise<T>): Promise<T> => {
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
      }, id)
    })
    release()
    return result
  } catch (error) {
    fail()
    throw error
  }
}

/** Waits until it is known what became of the numbers of dialogs that the transaction has locked. */
export type Settle = (refs: readonly DialogRef[]) => Promise<void>

/** Runs a transaction that numbers what is sent only when it is committed, as requests do: nothing is in doubt when it fails. The sender's id is to be asked for behind the wait. */
export const transactBeforeSending = async <T>(pool: Pool, sender: Sender, work: (tx: Transaction, settle: Settle) => Promise<T>): Promise<T> => {
  const releases: Release[] = []
  try {
    return await transact(pool, (tx) => {
      for (const end of releases.splice(0)) end()
      return work(tx, async (refs) => { releases.push(await sender.begin(refs)) })
    })
  } finally {
    for (const end of releases) end()
  }
}
