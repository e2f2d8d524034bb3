import type { FailureHistory } from '../core/subscriptions/notify-results.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Transaction } from './session.ts'

/** A dialog as a failed NOTIFY names it. */
export interface FailedDialog extends DialogRef {
  readonly callId: string
  readonly remoteTag: string
}

interface FailingRow { readonly flow: string; readonly failures: number; readonly failed_at: number; readonly stalled_at: number; readonly failed_cseq: number }

const LOCK = statement('dialog-lock-failing', `
  SELECT flow, failures, failed_at, stalled_at, failed_cseq FROM dialog WHERE subscriber = $1 AND local_tag = $2 AND call_id = $3 AND remote_tag = $4 AND expires_at > $5
  FOR UPDATE`)

/** Locks a living dialog and reads how its notifications have failed so far, and over which connection; undefined when it is over. */
export const lockFailing = async (tx: Transaction, { subscriber, localTag, callId, remoteTag }: FailedDialog, now: number): Promise<(FailureHistory & { readonly flow: string }) | undefined> => {
  const [row] = await tx.send<FailingRow>(LOCK, [subscriber, localTag, callId, remoteTag, now])
  return row === undefined ? undefined : { flow: row.flow, failures: row.failures, failedAt: row.failed_at, stalledAt: row.stalled_at, failedCseq: row.failed_cseq }
}

const NOTE = statement('dialog-note-failure', 'UPDATE dialog SET failures = $3, failed_at = $4, stalled_at = $5, failed_cseq = $6, failed_code = $7 WHERE subscriber = $1 AND local_tag = $2')

/** Notes a failure of a locked dialog, with the status that it was. */
export const noteFailure = (tx: Transaction, { subscriber, localTag }: DialogRef, { failures, failedAt, stalledAt, failedCseq }: FailureHistory, code: number): Promise<unknown> =>
  tx.send(NOTE, [subscriber, localTag, failures, failedAt, stalledAt, failedCseq, code])

// Self subscriptions and contact lists are about their own user. Debts that are not due yet are left as they are unless the pause grows by more than a
// stall: of hundreds of notifications that fail together, the first one notes them all.
const OWE_ALL = statement('deferred-put-all', `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since)
  SELECT dialog.subscriber, dialog.local_tag, watched.publisher, $3, $4, $5, dialog.proxy, $6 FROM dialog
  CROSS JOIN LATERAL (
    SELECT publisher FROM dialog_resource AS r WHERE r.subscriber = dialog.subscriber AND r.local_tag = dialog.local_tag
    UNION ALL SELECT dialog.subscriber WHERE dialog.kind IN ('self', 'contacts')) AS watched
  WHERE dialog.subscriber = $1 AND dialog.local_tag = $2
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET attempts = greatest(deferred.attempts, excluded.attempts), reason = excluded.reason, due_at = excluded.due_at
  WHERE deferred.due_at <= $6 OR excluded.due_at > deferred.due_at + 10000`)

/** Owes a locked dialog the latest state of everything it watches, not before `dueAt`. */
export const oweEverything = (tx: Transaction, { subscriber, localTag }: DialogRef, owed: { readonly attempts: number; readonly reason: string; readonly dueAt: number }, now: number): Promise<unknown> =>
  tx.send(OWE_ALL, [subscriber, localTag, owed.attempts, owed.reason, owed.dueAt, now])
