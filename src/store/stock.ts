import type { Stock } from '../observe/gauges.ts'
import { statement, type Session } from './session.ts'

/** No count looks at more rows than this: it is asked for again and again, and more so when something is wrong. */
const COUNTED = 10_000

// In a backlog the oldest are the first that were written, which a scan finds first; it is not sure, and costs no index.
const CHANGES = statement('stock-changes', 'SELECT count(*) AS count, min(at) AS oldest FROM (SELECT at FROM change LIMIT $1) AS pending')

// The index leads by proxy: for each proxy its first debts, without looking at those of the others.
const DEBTS = statement('stock-debts', `
  WITH RECURSIVE known AS (
    (SELECT proxy FROM deferred ORDER BY proxy LIMIT 1)
    UNION ALL SELECT (SELECT proxy FROM deferred WHERE deferred.proxy > known.proxy ORDER BY proxy LIMIT 1) FROM known WHERE known.proxy IS NOT NULL)
  SELECT known.proxy, counted.count, counted.oldest FROM known,
    LATERAL (SELECT count(*) AS count, min(due_at) AS oldest FROM (SELECT due_at FROM deferred WHERE deferred.proxy = known.proxy ORDER BY due_at LIMIT $1) AS first) AS counted
  WHERE known.proxy IS NOT NULL`)

// Each by the index that its timer uses.
const EXPIRED = statement('stock-expired', `
  SELECT (SELECT count(*) FROM (SELECT 1 FROM category_instance WHERE expires_at IS NOT NULL AND expires_at <= $1 LIMIT $2) AS i) AS category_instance,
    (SELECT count(*) FROM (SELECT 1 FROM endpoint WHERE expires_at <= $1 LIMIT $2) AS e) AS endpoint,
    (SELECT count(*) FROM (SELECT 1 FROM dialog WHERE expires_at <= $1 LIMIT $2) AS d) AS dialog`)

/** What lies in the tables and should not lie there for long, at a bounded cost; counts end at 10,000. */
export const countStock = async (session: Session, now: number): Promise<Stock> => {
  // One after the other: looking shall never take more than one connection.
  const [changes] = await session.send<{ count: number; oldest: number | null }>(CHANGES, [COUNTED])
  const debts = await session.send<{ proxy: string; count: number; oldest: number }>(DEBTS, [COUNTED])
  const [expired] = await session.send<{ category_instance: number; endpoint: number; dialog: number }>(EXPIRED, [now, COUNTED])
  return {
    pendingChanges: { count: changes?.count ?? 0, oldestMs: Math.max(0, now - (changes?.oldest ?? now)) },
    debts: debts.map(({ proxy, count, oldest }) => ({ proxy, count, overdueMs: Math.max(0, now - oldest) })),
    expired: { ...expired },
  }
}
