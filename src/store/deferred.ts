import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A dialog that is owed the latest state of a publisher, after failed attempts. */
export interface Deferred extends DialogRef {
  readonly publisher: UserKey
  readonly attempts: number
}

// Only for dialogs that still live; several changes of one publisher make one debt.
const DEFER = statement('deferred-put', `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at)
  SELECT owed.subscriber, owed.local_tag, owed.publisher, owed.attempts, $5, owed.due_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $6::bigint[]) AS owed (subscriber, local_tag, publisher, attempts, due_at)
  WHERE EXISTS (SELECT 1 FROM dialog WHERE dialog.subscriber = owed.subscriber AND dialog.local_tag = owed.local_tag)
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason, due_at = excluded.due_at`)

/** Notes debts, each with its own number of attempts so far and time of the next one. */
export const defer = (tx: Transaction, owed: readonly (Deferred & { readonly dueAt: number })[], reason: string): Promise<unknown> =>
  tx.send(DEFER, [
    owed.map(({ subscriber }) => subscriber), owed.map(({ localTag }) => localTag), owed.map(({ publisher }) => publisher), owed.map(({ attempts }) => attempts), reason,
    owed.map(({ dueAt }) => dueAt),
  ])

const CLAIM = statement('deferred-claim', `
  DELETE FROM deferred WHERE (subscriber, local_tag, publisher) IN (
    SELECT subscriber, local_tag, publisher FROM deferred WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
  RETURNING subscriber, local_tag, publisher, attempts`)

/** Takes due debts out; they come back when the transaction fails or the next attempt does. */
export const claimDeferred = async (tx: Transaction, now: number, limit: number): Promise<readonly Deferred[]> =>
  (await tx.send<{ subscriber: string; local_tag: string; publisher: string; attempts: number }>(CLAIM, [now, limit])).map((row) => ({
    subscriber: row.subscriber, localTag: row.local_tag, publisher: row.publisher, attempts: row.attempts,
  }))

const COUNT = statement('deferred-count', 'SELECT count(*) AS pending FROM deferred')

/** How many debts are open. */
export const countDeferred = async (session: Session): Promise<number> => (await session.send<{ pending: number }>(COUNT, []))[0]?.pending ?? 0
