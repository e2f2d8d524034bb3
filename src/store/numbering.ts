import { NUMBERS_AHEAD } from '../core/subscriptions/dialog.ts'
import type { Dialog, EndReason } from '../core/model/dialog.ts'
import { readDialog, type DialogRef, type DialogRow } from './dialogs.ts'
import { statement, type Session, type Transaction } from './session.ts'

// Numbers are taken in two statements that travel together. Locks come first, in key order, so that two nodes never wait for each other in a circle;
// only then, in a statement of its own with a fresh view, is the counter moved.
const LOCK = statement('dialogs-lock', `
  WITH locked AS MATERIALIZED (
    SELECT subscriber, local_tag, sender FROM dialog WHERE (subscriber, local_tag) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY subscriber, local_tag FOR UPDATE)
  SELECT subscriber, local_tag FROM locked WHERE sender <> $3`)
const LOCK_FREE = statement('dialogs-lock-free', `
  SELECT subscriber, local_tag, sender FROM dialog WHERE (subscriber, local_tag) IN (SELECT * FROM unnest($1::text[], $2::text[])) FOR UPDATE SKIP LOCKED`)

interface LockedRow { readonly subscriber: string; readonly local_tag: string }

const columns = (refs: readonly DialogRef[]) => [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)] as const
const refOf = (row: LockedRow): DialogRef => ({ subscriber: row.subscriber, localTag: row.local_tag })

/** Locks dialogs for numbering, waiting for whoever holds them; those that another sender numbers come back and must be adopted first. */
export const lockForNumbering = async (tx: Transaction, refs: readonly DialogRef[], sender: string): Promise<readonly DialogRef[]> =>
  (await tx.send<LockedRow>(LOCK, [...columns(refs), sender])).map(refOf)

/** Locks those of these dialogs that nobody holds: they come back, those of another sender apart. */
export const lockFree = async (tx: Transaction, refs: readonly DialogRef[], sender: string): Promise<{ readonly own: readonly DialogRef[]; readonly foreign: readonly DialogRef[] }> => {
  const rows = await tx.send<LockedRow & { readonly sender: string }>(LOCK_FREE, columns(refs))
  return { own: rows.filter((row) => row.sender === sender).map(refOf), foreign: rows.filter((row) => row.sender !== sender).map(refOf) }
}

// Dialogs that a notification extends get an eighth more than they are told, so that the indexed time moves seldom.
const BUMP = statement('dialogs-bump', `
  UPDATE dialog SET cseq = cseq + CASE kind WHEN 'list' THEN 1 ELSE told.count END, notified_at = $3, notified_trace = told.trace,
    rlmi_version = rlmi_version + CASE kind WHEN 'adrl' THEN told.lists ELSE 0 END,
    expires_at = CASE WHEN extend_ms > 0 AND expires_at < $3 + extend_ms THEN $3 + extend_ms + extend_ms / 8 ELSE expires_at END
  FROM unnest($1::text[], $2::text[], $4::int[], $5::text[], $7::int[]) AS told (subscriber, local_tag, count, trace, lists)
  WHERE dialog.subscriber = told.subscriber AND dialog.local_tag = told.local_tag AND dialog.expires_at > $3 AND dialog.sender = $6 RETURNING dialog.*`)

/** How many numbers a dialog needs, and which change they tell. A list of an ordinary phone needs one: all that is told at once stands in one document (RFC 4662). */
export interface Numbered extends DialogRef {
  readonly count: number
  readonly trace: string
  /** How many of them hold a list document, which have a version of their own; none if it is not said. */
  readonly lists?: number
}

/**
 * Reserves numbers in the living ones among these dialogs, which the transaction has locked; they come back with the last number in their row. Those that have ended, and
 * those of another sender, are missing from the answer. Each dialog may be named once, for at most NUMBERS_AHEAD numbers.
 */
export const takeNumbers = async (tx: Transaction, refs: readonly Numbered[], sender: string, now: number): Promise<readonly Dialog[]> =>
  (await tx.send<DialogRow>(BUMP, [...columns(refs), now, refs.map(({ count }) => count), refs.map(({ trace }) => trace), sender, refs.map(({ lists = 0 }) => lists)])).map(readDialog)

const ADOPT = statement('dialogs-adopt', `
  WITH foreign_ones AS MATERIALIZED (
    SELECT subscriber, local_tag FROM dialog WHERE (subscriber, local_tag) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND sender <> $3 ORDER BY subscriber, local_tag FOR UPDATE)
  UPDATE dialog SET sender = $3, cseq = cseq + $4 FROM foreign_ones
  WHERE dialog.subscriber = foreign_ones.subscriber AND dialog.local_tag = foreign_ones.local_tag AND dialog.sender <> $3`)

/** Makes dialogs the sender's own, beyond all numbers that another may have used. Must be committed before the next number is taken, hence a session. */
export const adoptDialogs = (session: Session, refs: readonly DialogRef[], sender: string): Promise<unknown> => session.send(ADOPT, [...columns(refs), sender, NUMBERS_AHEAD])

// Materialized: looked for once, or the limit would count anew each time that the planner runs it.
const ADOPT_EXPIRED = statement('dialogs-adopt-expired', `
  WITH expired AS MATERIALIZED (
    SELECT subscriber, local_tag FROM dialog WHERE expires_at <= $1 AND sender <> $2 ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
  UPDATE dialog SET sender = $2, cseq = cseq + $4 FROM expired WHERE dialog.subscriber = expired.subscriber AND dialog.local_tag = expired.local_tag`)
const CLAIM_EXPIRED = statement('dialogs-claim-expired', `
  WITH expired AS MATERIALIZED (
    SELECT subscriber, local_tag FROM dialog WHERE expires_at <= $1 AND sender = $2 ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
  UPDATE dialog SET cseq = cseq + 1 FROM expired WHERE dialog.subscriber = expired.subscriber AND dialog.local_tag = expired.local_tag RETURNING dialog.*`)

/** A dialog that is over, and why. */
export interface EndedDialog extends Dialog {
  readonly endReason: EndReason
}

/** Makes dialogs past their time the sender's own, see adoptDialogs. */
export const adoptExpired = (session: Session, sender: string, now: number, limit: number): Promise<unknown> => session.send(ADOPT_EXPIRED, [now, sender, limit, NUMBERS_AHEAD])

/** Claims the sender's own dialogs past their time for a last notification; other nodes skip them until the transaction ends. */
export const claimExpiredDialogs = async (tx: Transaction, sender: string, now: number, limit: number): Promise<readonly EndedDialog[]> =>
  (await tx.send<DialogRow>(CLAIM_EXPIRED, [now, sender, limit])).map((row) => ({ ...readDialog(row), endReason: row.end_reason ?? 'timeout' }))
