import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A dialog that is owed the latest state of a publisher, after failed attempts. */
export interface Deferred extends DialogRef {
  readonly publisher: UserKey
  readonly attempts: number
  /** When it first was owed something about this publisher. */
  readonly since: number
  /** The change that was to be told last; empty when it was none. */
  readonly trace: string
}

/** A debt to be noted: with the number of attempts so far and the time of the next one. It is a new one when it says nothing else. */
export type Owing = Omit<Deferred, 'since' | 'trace'> & Partial<Pick<Deferred, 'since' | 'trace'>> & { readonly dueAt: number }

// Only for dialogs that still live; several changes of one publisher make one debt, those too that come in one call: a row can be put only once. Where the caller
// holds the dialogs nobody is paying, so that what is owed already will be paid with a state as new as this one.
const DEFER = statement('deferred-put', `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since, trace)
  SELECT owed.subscriber, owed.local_tag, owed.publisher, max(owed.attempts), $5, max(owed.due_at), dialog.proxy, min(owed.since), max(owed.trace)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $6::bigint[], $7::bigint[], $8::text[]) AS owed (subscriber, local_tag, publisher, attempts, due_at, since, trace)
  JOIN dialog ON dialog.subscriber = owed.subscriber AND dialog.local_tag = owed.local_tag
  GROUP BY owed.subscriber, owed.local_tag, owed.publisher, dialog.proxy
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET attempts = greatest(deferred.attempts, excluded.attempts), reason = excluded.reason, trace = excluded.trace,
    proxy = excluded.proxy, version = deferred.version + 1 WHERE NOT $9`)

/** Notes debts. `held` says that the transaction holds the dialogs' locks: what is owed already then stays as it is. */
export const defer = (tx: Transaction, owed: readonly Owing[], reason: string, held = false): Promise<unknown> =>
  tx.send(DEFER, [
    owed.map(({ subscriber }) => subscriber), owed.map(({ localTag }) => localTag), owed.map(({ publisher }) => publisher), owed.map(({ attempts }) => attempts), reason,
    owed.map(({ dueAt }) => dueAt), owed.map(({ since, dueAt }) => since ?? dueAt), owed.map(({ trace }) => trace ?? ''), held,
  ])

// $2 and $3 are the reason and the time; only of dialogs that still live.
const deferEdges = (name: string, condition: string) => statement(name, `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since)
  SELECT edge.subscriber, edge.local_tag, edge.publisher, 0, $2, $3, dialog.proxy, $3 FROM subscription AS edge
  JOIN dialog ON dialog.subscriber = edge.subscriber AND dialog.local_tag = edge.local_tag
  WHERE ${condition}
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET due_at = greatest(deferred.due_at, excluded.due_at), version = deferred.version + 1`)

const DEFER_WATCHERS = deferEdges('deferred-put-watchers', `
    $1 = ANY(edge.categories) AND EXISTS (SELECT 1 FROM category_instance AS i WHERE i.publisher = edge.publisher AND i.category = $1)`)

/** Owes everyone who watches a category, and may have seen something in it, the latest state, not before `dueAt`. Reads all subscriptions: for what an operator does once. */
export const deferWatchers = (session: Session, category: string, dueAt: number, reason: string): Promise<unknown> => session.send(DEFER_WATCHERS, [category, reason, dueAt])

const DEFER_PIDF_READERS = deferEdges('deferred-put-pidf-readers', "edge.format = 'pidf' AND right(edge.subscriber, length($1::text) + 1) = '@' || $1")

/** Owes all PIDF watchers of a domain the latest state, not before `dueAt`. Reads all subscriptions, too. */
export const deferPidfReaders = (session: Session, domain: string, dueAt: number, reason: string): Promise<unknown> => session.send(DEFER_PIDF_READERS, [domain, reason, dueAt])

// The form of RFC 4480 has no place for other addresses, nor has a publisher whose presence nobody sees.
const DEFER_LINKED = deferEdges('deferred-put-linked', `
    edge.publisher = $1 AND edge.format = 'pidf'
    AND NOT EXISTS (SELECT 1 FROM domain WHERE pidf_form = 'rfc4480' AND right(edge.subscriber, length(domain) + 1) = '@' || domain)
    AND EXISTS (SELECT 1 FROM category_instance AS i WHERE i.publisher = $1 AND i.category = 'legacyInterop')`)

/** Owes those who are shown the other addresses of a publisher (2.2.2.8.1) its latest state. */
export const deferLinkedReaders = (session: Session, publisher: UserKey, dueAt: number, reason: string): Promise<unknown> => session.send(DEFER_LINKED, [publisher, reason, dueAt])

const DUE = statement('deferred-due', `
  SELECT d.subscriber, d.local_tag FROM deferred AS d JOIN dialog ON dialog.subscriber = d.subscriber AND dialog.local_tag = d.local_tag
  WHERE d.proxy = $1 AND d.due_at <= $2 AND (dialog.sender = $4 OR d.due_at <= $5) ORDER BY d.due_at LIMIT $3`)

/** How long other engines leave what is due to the one that numbers the dialog: two that both made it their own in turn would never get to send. */
export const LEFT_TO_SENDER_MS = 2_000

/** Dialogs at a proxy that are owed something now, the longest due first; those of other senders only when these have left it undone for a while. */
export const findDueDialogs = async (session: Session, proxy: string, sender: string, now: number, limit: number): Promise<readonly DialogRef[]> => {
  const rows = await session.send<{ subscriber: string; local_tag: string }>(DUE, [proxy, now, limit, sender, now - LEFT_TO_SENDER_MS])
  return [...new Map(rows.map((row) => [`${row.subscriber}\n${row.local_tag}`, { subscriber: row.subscriber, localTag: row.local_tag }])).values()]
}

// A debt may be noted at the very moment at which its dialog ends, or moves to another proxy.
const FORGET_ORPHANS = statement('deferred-forget-orphans', `
  DELETE FROM deferred WHERE due_at <= $1 AND NOT EXISTS (SELECT 1 FROM dialog WHERE dialog.subscriber = deferred.subscriber AND dialog.local_tag = deferred.local_tag)`)
const FOLLOW = statement('deferred-follow', `
  UPDATE deferred SET proxy = dialog.proxy FROM dialog
  WHERE deferred.due_at <= $1 AND dialog.subscriber = deferred.subscriber AND dialog.local_tag = deferred.local_tag AND deferred.proxy <> dialog.proxy`)

/** Forgets what is owed by now to dialogs that are no more, and moves what is owed to where its dialog is. */
export const tidyDebts = async (session: Session, now: number): Promise<void> => {
  await session.send(FORGET_ORPHANS, [now])
  await session.send(FOLLOW, [now])
}

// Not more than a dialog may number in one transaction, whatever is owed.
const DUE_OF = statement('deferred-due-of', `
  SELECT d.subscriber, d.local_tag, d.publisher, d.attempts, d.since, d.trace, d.version, d.whole FROM deferred AS d
  JOIN unnest($1::text[], $2::text[]) AS named (subscriber, local_tag) ON d.subscriber = named.subscriber AND d.local_tag = named.local_tag
  WHERE d.due_at <= $3 ORDER BY d.due_at LIMIT $4`)

/** A debt as it was read. */
export interface Debt extends Deferred {
  readonly version: number
  /** All that there is to tell is owed, and not only what has changed since then. */
  readonly everything: boolean
}

/** What these dialogs are owed now. Whoever pays holds their locks. */
export const loadDue = async (tx: Transaction, refs: readonly DialogRef[], now: number, limit: number): Promise<readonly Debt[]> =>
  (await tx.send<{ subscriber: string; local_tag: string; publisher: string; attempts: number; since: number; trace: string; version: number; whole: boolean }>(DUE_OF, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag), now, limit]))
    .map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, publisher: row.publisher, attempts: row.attempts, since: row.since, trace: row.trace, version: row.version, everything: row.whole }))

const columns = (debts: readonly Debt[]) => [debts.map(({ subscriber }) => subscriber), debts.map(({ localTag }) => localTag), debts.map(({ publisher }) => publisher), debts.map(({ version }) => version)]

const SETTLE = statement('deferred-settle', `
  DELETE FROM deferred USING unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS paid (subscriber, local_tag, publisher, version)
  WHERE deferred.subscriber = paid.subscriber AND deferred.local_tag = paid.local_tag AND deferred.publisher = paid.publisher AND deferred.version = paid.version`)

/** Forgets debts that are paid; what is owed again since they were read stays. */
export const settleDeferred = (tx: Transaction, paid: readonly Debt[]): Promise<unknown> => tx.send(SETTLE, columns(paid))

// The proxy is the dialog's of today: a client may have come back through another one.
const POSTPONE = statement('deferred-postpone', `
  UPDATE deferred SET attempts = put.attempts, due_at = put.due_at, reason = $7, proxy = dialog.proxy
  FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bigint[]) AS put (subscriber, local_tag, publisher, version, attempts, due_at)
  JOIN dialog ON dialog.subscriber = put.subscriber AND dialog.local_tag = put.local_tag
  WHERE deferred.subscriber = put.subscriber AND deferred.local_tag = put.local_tag AND deferred.publisher = put.publisher`)

/** Puts debts off that could not be paid. */
export const postpone = (tx: Transaction, debts: readonly (Debt & { readonly dueAt: number })[], reason: string): Promise<unknown> =>
  tx.send(POSTPONE, [...columns(debts), debts.map(({ attempts }) => attempts), debts.map(({ dueAt }) => dueAt), reason])
