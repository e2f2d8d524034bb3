import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Transaction } from './session.ts'

/** What decides when an ordinary phone may hear of a publisher again. */
export interface Pacing extends DialogRef {
  readonly publisher: UserKey
  readonly event: string
  readonly notifiedAt: number
  /** When a debt about the publisher is due that will be paid with the latest state. */
  readonly owedAt: number | undefined
}

// Behind the dialogs' locks: nobody else notifies in them, or pays what they are owed, before this transaction ends.
const PACING = statement('dialogs-pacing', `
  SELECT dialog.subscriber, dialog.local_tag, named.publisher, dialog.event, dialog.notified_at, deferred.due_at
  FROM unnest($1::text[], $2::text[], $3::text[]) AS named (subscriber, local_tag, publisher)
  JOIN dialog ON dialog.subscriber = named.subscriber AND dialog.local_tag = named.local_tag
  LEFT JOIN deferred ON deferred.subscriber = named.subscriber AND deferred.local_tag = named.local_tag AND deferred.publisher = named.publisher
  WHERE dialog.kind = 'pidf'`)

/** Reads it for dialogs that the transaction has locked; those of other kinds are missing. */
export const loadPacing = async (tx: Transaction, edges: readonly (DialogRef & { readonly publisher: UserKey })[]): Promise<readonly Pacing[]> =>
  (await tx.send<{ subscriber: string; local_tag: string; publisher: string; event: string; notified_at: number; due_at: number | null }>(PACING, [edges.map(({ subscriber }) => subscriber), edges.map(({ localTag }) => localTag), edges.map(({ publisher }) => publisher)]))
    .map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, publisher: row.publisher, event: row.event, notifiedAt: row.notified_at, owedAt: row.due_at ?? undefined }))
