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
