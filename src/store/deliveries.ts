import type { Kysely } from 'kysely'
import type { Dialog } from '../core/model/dialog.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Database, DialogResultColumns } from './database.ts'
import { findDialogRows, type DialogFilter } from './dialog-list.ts'
import { readDialog, type DialogRef, type DialogRow } from './dialogs.ts'
import { statement, type Session } from './session.ts'

/** The committed changes of a publisher that are not told yet. */
export interface PendingChanges {
  readonly publisher: UserKey
  readonly changes: number
  /** When the oldest was made. */
  readonly since: number
  /** Which requests made them, oldest first; not more than ten. */
  readonly traces: readonly string[]
}

const PENDING = statement('changes-by-publisher', `
  SELECT publisher, count(*) AS changes, min(at) AS since, (array_agg(trace ORDER BY id))[1:10] AS traces FROM change
  WHERE publisher > $1 AND ($2::text IS NULL OR publisher = $2) GROUP BY publisher ORDER BY publisher LIMIT $3`)

/** One page of the publishers whose changes are not told yet, after `after`. */
export const listPendingChanges = async (session: Session, publisher: UserKey | undefined, limit: number, after: string): Promise<readonly PendingChanges[]> =>
  session.send<{ publisher: string; changes: number; since: number; traces: string[] }>(PENDING, [after, publisher ?? null, limit])

/** What a dialog is owed about one publisher. */
export interface Debt {
  readonly publisher: UserKey
  readonly attempts: number
  readonly reason: string
  readonly since: number
  readonly dueAt: number
  /** The request that made the change which was to be told last; empty when it was none. */
  readonly trace: string
  /** The proxy that is to carry it. */
  readonly proxy: string
}

/** A dialog with what became of its last notifications. */
export interface DialogDelivery {
  readonly dialog: Dialog
  /** The request whose change was told last; empty when it was none. */
  readonly trace: string
  /** Failures in a row, and the last one since it exists, if there was any. */
  readonly failures: number
  readonly failed: { readonly code: number; readonly at: number } | undefined
  /** How many publishers it is owed something about, and the debts themselves, the oldest first, as many as were asked for. */
  readonly owed: number
  readonly debts: readonly Debt[]
}

// Counted before the limit cuts them off.
const DEBTS = statement('debts-of-dialogs', `
  SELECT named.subscriber, named.local_tag, debt.* FROM unnest($1::text[], $2::text[]) AS named (subscriber, local_tag)
  CROSS JOIN LATERAL (
    SELECT publisher, attempts, reason, since, due_at, trace, proxy, count(*) OVER () AS total FROM deferred AS d
    WHERE d.subscriber = named.subscriber AND d.local_tag = named.local_tag AND ($3::text IS NULL OR d.publisher = $3) ORDER BY since, publisher LIMIT $4) AS debt`)

interface DebtRow { readonly subscriber: string; readonly local_tag: string; readonly publisher: string; readonly attempts: number; readonly reason: string; readonly since: number; readonly due_at: number; readonly trace: string; readonly proxy: string; readonly total: number }

const keyOf = ({ subscriber, local_tag: localTag }: Pick<DialogRow, 'subscriber' | 'local_tag'>): string => `${subscriber}\n${localTag}`

const withDebts = async (session: Session, rows: readonly (DialogRow & DialogResultColumns)[], publisher: UserKey | undefined, most: number | null): Promise<readonly DialogDelivery[]> => {
  const debts = rows.length === 0 ? [] : await session.send<DebtRow>(DEBTS, [rows.map(({ subscriber }) => subscriber), rows.map((row) => row.local_tag), publisher ?? null, most])
  const byDialog = Map.groupBy(debts, keyOf)
  return rows.map((row) => {
    const own = byDialog.get(keyOf(row)) ?? []
    return {
      dialog: readDialog(row), trace: row.notified_trace, failures: row.failures, failed: row.failed_at === 0 ? undefined : { code: row.failed_code, at: row.failed_at }, owed: own[0]?.total ?? 0,
      debts: own.map((debt) => ({ publisher: debt.publisher, attempts: debt.attempts, reason: debt.reason, since: debt.since, dueAt: debt.due_at, trace: debt.trace, proxy: debt.proxy })),
    }
  })
}

/** Debts shown of each dialog of a list. */
const SHOWN = 10

/** One page of living dialogs in key order with what became of their last notifications, after `after`; of a filter by publisher, with the debts about it alone. */
export const listDeliveries = async (db: Kysely<Database>, session: Session, filter: DialogFilter, now: number, limit: number, after?: DialogRef): Promise<readonly DialogDelivery[]> =>
  withDebts(session, await findDialogRows(db, filter, now, limit, after), filter.publisher, SHOWN)

const ONE = statement('delivery-get', 'SELECT * FROM dialog WHERE subscriber = $1 AND local_tag = $2 AND expires_at > $3')

/** A living dialog with all that it is owed. */
export const getDelivery = async (session: Session, { subscriber, localTag }: DialogRef, now: number): Promise<DialogDelivery | undefined> =>
  (await withDebts(session, await session.send<DialogRow & DialogResultColumns>(ONE, [subscriber, localTag, now]), undefined, null))[0]
