import type { UserKey } from '../core/sip/uri.ts'
import { OWN_KINDS, type DialogRef } from './dialogs.ts'
import { statement, type Transaction } from './session.ts'

// Self subscriptions and lists are about their own user; a list of an ordinary phone is owed as a whole, under its URI. Debts that are not due yet are left as they are unless the pause grows by more than a
// stall: of hundreds of notifications that fail together, the first one notes them all.
const OWE_ALL = statement('deferred-put-all', `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since)
  SELECT dialog.subscriber, dialog.local_tag, watched.publisher, $3, $4, $5, dialog.proxy, $6 FROM dialog
  CROSS JOIN LATERAL (
    SELECT publisher FROM dialog_resource AS r WHERE dialog.kind <> 'list' AND r.subscriber = dialog.subscriber AND r.local_tag = dialog.local_tag
    UNION ALL SELECT list_uri FROM dialog_list AS l WHERE l.subscriber = dialog.subscriber AND l.local_tag = dialog.local_tag
    UNION ALL SELECT dialog.subscriber WHERE dialog.kind IN (${OWN_KINDS})) AS watched
  WHERE dialog.subscriber = $1 AND dialog.local_tag = $2
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET attempts = greatest(deferred.attempts, excluded.attempts), reason = excluded.reason, due_at = excluded.due_at, proxy = excluded.proxy, whole = true
  WHERE NOT deferred.whole OR deferred.due_at <= $6 OR excluded.due_at > deferred.due_at + 10000`)

/** Owes a locked dialog the latest state of everything it watches, not before `dueAt`. */
export const oweEverything = (tx: Transaction, { subscriber, localTag }: DialogRef, owed: { readonly attempts: number; readonly reason: string; readonly dueAt: number }, now: number): Promise<unknown> =>
  tx.send(OWE_ALL, [subscriber, localTag, owed.attempts, owed.reason, owed.dueAt, now])

const HASTEN = statement('deferred-hasten', `
  WITH hastened AS (UPDATE deferred SET due_at = least(due_at, $3) WHERE subscriber = $1 AND local_tag = $2 RETURNING 1) SELECT count(*) AS debts FROM hastened`)

/** Makes all that a locked dialog is owed due at a time, if it is not earlier; says how much that is. */
export const hastenDebts = async (tx: Transaction, { subscriber, localTag }: DialogRef, dueAt: number): Promise<number> =>
  (await tx.send<{ debts: number }>(HASTEN, [subscriber, localTag, dueAt]))[0]?.debts ?? 0

const DROP = statement('deferred-drop', `
  WITH dropped AS (DELETE FROM deferred WHERE subscriber = $1 AND local_tag = $2 AND ($3::text IS NULL OR publisher = $3) RETURNING 1) SELECT count(*) AS debts FROM dropped`)

/** Forgets what a locked dialog is owed, about everybody or one publisher; says how much that was. */
export const dropDebts = async (tx: Transaction, { subscriber, localTag }: DialogRef, publisher: UserKey | undefined): Promise<number> =>
  (await tx.send<{ debts: number }>(DROP, [subscriber, localTag, publisher ?? null]))[0]?.debts ?? 0
