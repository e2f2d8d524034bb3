import { statement, type Session } from '../../src/store/session.ts'

const CHANGES = statement('test-changes-count', 'SELECT count(*) AS pending, min(at) AS oldest FROM change')
const DEBTS = statement('test-deferred-count', 'SELECT count(*) AS pending FROM deferred')

/** How many changes wait, and since when the oldest does. */
export const countChanges = async (session: Session): Promise<{ readonly pending: number; readonly oldest: number | undefined }> => {
  const [row] = await session.send<{ pending: number; oldest: number | null }>(CHANGES, [])
  return { pending: row?.pending ?? 0, oldest: row?.oldest ?? undefined }
}

/** How many debts are open. */
export const countDeferred = async (session: Session): Promise<number> => (await session.send<{ pending: number }>(DEBTS, []))[0]?.pending ?? 0
