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

// Only for dialogs that still live; several changes of one publisher make one debt, those too that come in one call: a row can be put only once.
const DEFER = statement('deferred-put', `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since, trace)
  SELECT owed.subscriber, owed.local_tag, owed.publisher, max(owed.attempts), $5, max(owed.due_at), dialog.proxy, min(owed.since), max(owed.trace)
  FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $6::bigint[], $7::bigint[], $8::text[]) AS owed (subscriber, local_tag, publisher, attempts, due_at, since, trace)
  JOIN dialog ON dialog.subscriber = owed.subscriber AND dialog.local_tag = owed.local_tag
  GROUP BY owed.subscriber, owed.local_tag, owed.publisher, dialog.proxy
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET attempts = greatest(deferred.attempts, excluded.attempts), reason = excluded.reason, trace = excluded.trace`)

/** Notes debts. */
export const defer = (tx: Transaction, owed: readonly Owing[], reason: string): Promise<unknown> =>
  tx.send(DEFER, [
    owed.map(({ subscriber }) => subscriber), owed.map(({ localTag }) => localTag), owed.map(({ publisher }) => publisher), owed.map(({ attempts }) => attempts), reason,
    owed.map(({ dueAt }) => dueAt), owed.map(({ since, dueAt }) => since ?? dueAt), owed.map(({ trace }) => trace ?? ''),
  ])

// $2 and $3 are the reason and the time; only of dialogs that still live.
const deferEdges = (name: string, condition: string) => statement(name, `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since)
  SELECT edge.subscriber, edge.local_tag, edge.publisher, 0, $2, $3, dialog.proxy, $3 FROM subscription AS edge
  JOIN dialog ON dialog.subscriber = edge.subscriber AND dialog.local_tag = edge.local_tag
  WHERE ${condition}
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET due_at = greatest(deferred.due_at, excluded.due_at)`)

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

const DUE_PUBLISHERS = statement('deferred-due-publishers', 'SELECT publisher FROM deferred WHERE due_at <= $1 GROUP BY publisher ORDER BY min(due_at) LIMIT $2')

/** Publishers whose state is owed to somebody now, the longest due first. */
export const findDuePublishers = async (session: Session, now: number, limit: number): Promise<readonly UserKey[]> =>
  (await session.send<{ publisher: string }>(DUE_PUBLISHERS, [now, limit])).map((row) => row.publisher)

const DUE = statement('deferred-due', `
  SELECT subscriber, local_tag, publisher, attempts, since, trace FROM deferred WHERE publisher = ANY($1::text[]) AND due_at <= $2 ORDER BY due_at LIMIT $3`)

/** Due debts about these publishers. Whoever pays them holds the right to tell these publishers' changes. */
export const loadDue = async (tx: Transaction, publishers: readonly UserKey[], now: number, limit: number): Promise<readonly Deferred[]> =>
  (await tx.send<{ subscriber: string; local_tag: string; publisher: string; attempts: number; since: number; trace: string }>(DUE, [[...publishers], now, limit])).map((row) => ({
    subscriber: row.subscriber, localTag: row.local_tag, publisher: row.publisher, attempts: row.attempts, since: row.since, trace: row.trace,
  }))

const SETTLE = statement('deferred-settle', `
  DELETE FROM deferred USING unnest($1::text[], $2::text[], $3::text[]) AS paid (subscriber, local_tag, publisher)
  WHERE deferred.subscriber = paid.subscriber AND deferred.local_tag = paid.local_tag AND deferred.publisher = paid.publisher`)

/** Forgets debts; what could not be paid is owed anew. */
export const settleDeferred = (tx: Transaction, paid: readonly Pick<Deferred, 'subscriber' | 'localTag' | 'publisher'>[]): Promise<unknown> =>
  tx.send(SETTLE, [paid.map(({ subscriber }) => subscriber), paid.map(({ localTag }) => localTag), paid.map(({ publisher }) => publisher)])

const COUNT = statement('deferred-count', 'SELECT count(*) AS pending FROM deferred')

/** How many debts are open. */
export const countDeferred = async (session: Session): Promise<number> => (await session.send<{ pending: number }>(COUNT, []))[0]?.pending ?? 0
