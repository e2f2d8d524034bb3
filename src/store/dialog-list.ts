import type { Kysely } from 'kysely'
import { ownDialogKinds, type Dialog, type DialogKind } from '../core/model/dialog.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Database } from './database.ts'
import { readDialog, type DialogRef, type DialogRow } from './dialogs.ts'
import { statement, type Session } from './session.ts'
import { readWatching, type Owed, type Watching, type WatchingRow } from './watching.ts'

/** Which dialogs an operator looks for; what is not set may be anything. */
export interface DialogFilter {
  readonly kind?: DialogKind
  readonly subscriber?: UserKey
  /** Who is watched; a user's own self subscriptions and contact lists are about that user. */
  readonly publisher?: UserKey
  readonly proxy?: string
  /** Only those that are owed something (about that publisher, if one is named), or whose last notifications failed. */
  readonly failing?: true
}

/** Rows of one page of the living dialogs in key order, after `after`. */
export const findDialogRows = (db: Kysely<Database>, { kind, subscriber, publisher, proxy, failing }: DialogFilter, now: number, limit: number, after?: DialogRef) => {
  let query = db.selectFrom('dialog').selectAll().where('expires_at', '>', now).orderBy('subscriber').orderBy('local_tag').limit(limit)
  if (after !== undefined) query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('subscriber', 'local_tag'), '>', tuple(after.subscriber, after.localTag)))
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (subscriber !== undefined) query = query.where('subscriber', '=', subscriber)
  if (proxy !== undefined) query = query.where('proxy', '=', proxy)
  // From the publisher's side, where the index begins with it.
  if (publisher !== undefined) query = query.where(({ eb, refTuple, selectFrom }) => eb(refTuple('subscriber', 'local_tag'), 'in',
    selectFrom('subscription').select(['subscriber', 'local_tag']).where('publisher', '=', publisher)
      .unionAll(selectFrom('dialog').select(['subscriber', 'local_tag']).where('subscriber', '=', publisher).where('kind', 'in', ownDialogKinds)).$asTuple('subscriber', 'local_tag')))
  if (failing === true) query = query.where(({ eb, refTuple, selectFrom }) => {
    const owed = selectFrom('deferred').select(['subscriber', 'local_tag'])
    return eb(refTuple('subscriber', 'local_tag'), 'in',
      (publisher === undefined ? owed : owed.where('publisher', '=', publisher)).unionAll(selectFrom('dialog').select(['subscriber', 'local_tag']).where('failed_at', '>', 0).where('failures', '>', 0)).$asTuple('subscriber', 'local_tag'))
  })
  return query.execute()
}

/** One page of the living dialogs in key order, after `after`. */
export const listDialogs = async (db: Kysely<Database>, filter: DialogFilter, now: number, limit: number, after?: DialogRef): Promise<readonly Dialog[]> =>
  (await findDialogRows(db, filter, now, limit, after)).map(readDialog)

const ONE = statement('dialog-living', 'SELECT * FROM dialog WHERE subscriber = $1 AND local_tag = $2 AND expires_at > $3')

/** A living dialog. */
export const getDialog = async (session: Session, { subscriber, localTag }: DialogRef, now: number): Promise<Dialog | undefined> => {
  const [row] = await session.send<DialogRow>(ONE, [subscriber, localTag, now])
  return row === undefined ? undefined : readDialog(row)
}

const columns = (refs: readonly DialogRef[]) => [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)]

/** What a dialog could not be told yet, and about whom. */
export type OwedAbout = DialogRef & Owed & { readonly publisher: UserKey }

const OWED = statement('owed-of-dialogs', `
  SELECT d.subscriber, d.local_tag, d.publisher, d.attempts, d.reason, d.due_at FROM deferred AS d
  JOIN unnest($1::text[], $2::text[]) AS named (subscriber, local_tag) ON d.subscriber = named.subscriber AND d.local_tag = named.local_tag ORDER BY d.publisher`)

/** Everything that several dialogs are owed. */
export const loadOwed = async (session: Session, refs: readonly DialogRef[]): Promise<readonly OwedAbout[]> =>
  (await session.send<{ subscriber: string; local_tag: string; publisher: string; attempts: number; reason: string; due_at: number }>(OWED, columns(refs)))
    .map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, publisher: row.publisher, attempts: row.attempts, reason: row.reason, dueAt: row.due_at }))

const COUNTS = statement('dialogs-counts', `
  SELECT named.subscriber, named.local_tag,
    (SELECT count(*) FROM dialog_resource AS r WHERE r.subscriber = named.subscriber AND r.local_tag = named.local_tag) AS watched,
    (SELECT count(*) FROM deferred AS d WHERE d.subscriber = named.subscriber AND d.local_tag = named.local_tag) AS owed
  FROM unnest($1::text[], $2::text[]) AS named (subscriber, local_tag)`)

/** How many publishers each of these dialogs watches, and about how many it is owed something. */
export const countWatched = async (session: Session, refs: readonly DialogRef[]): Promise<readonly (DialogRef & { readonly watched: number; readonly owed: number })[]> =>
  (await session.send<{ subscriber: string; local_tag: string; watched: number; owed: number }>(COUNTS, columns(refs)))
    .map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, watched: row.watched, owed: row.owed }))

const WATCHERS = statement('watchers-of', `
  SELECT dialog.*, edge.categories, deferred.attempts AS owed_attempts, deferred.reason AS owed_reason, deferred.due_at AS owed_due_at
  FROM subscription AS edge JOIN dialog ON dialog.subscriber = edge.subscriber AND dialog.local_tag = edge.local_tag
  LEFT JOIN deferred ON deferred.subscriber = edge.subscriber AND deferred.local_tag = edge.local_tag AND deferred.publisher = edge.publisher
  WHERE edge.publisher = $1 AND dialog.expires_at > $2 AND (edge.subscriber, edge.local_tag) > ($3, $4) ORDER BY edge.subscriber, edge.local_tag LIMIT $5`)

/** One page of the living dialogs that watch a publisher, in key order. */
export const listWatchers = async (session: Session, publisher: UserKey, now: number, limit: number, after: DialogRef = { subscriber: '', localTag: '' }): Promise<readonly Watching[]> =>
  (await session.send<WatchingRow>(WATCHERS, [publisher, now, after.subscriber, after.localTag, limit])).map(readWatching)
