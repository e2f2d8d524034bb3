import type { UserKey } from '../core/sip/uri.ts'
import type { DialogList, WatchedEntry } from '../core/model/resource-list.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Session, type Transaction } from './session.ts'

interface Row { readonly subscriber: string; readonly local_tag: string; readonly list_uri: string; readonly display_name: string | null; readonly entries: readonly WatchedEntry[]; readonly revision: number | null }

const OF = statement('dialog-lists-of', `
  SELECT l.subscriber, l.local_tag, l.list_uri, l.display_name, l.entries, l.revision FROM dialog_list AS l
  JOIN unnest($1::text[], $2::text[]) AS named (subscriber, local_tag) ON l.subscriber = named.subscriber AND l.local_tag = named.local_tag`)

/** A list with the dialog that it is of. */
export type OfDialog = DialogRef & DialogList

/** The lists of those among these dialogs that have one. */
export const loadDialogLists = async (session: Session, refs: readonly DialogRef[]): Promise<readonly OfDialog[]> =>
  (await session.send<Row>(OF, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)])).map((row) =>
    ({ subscriber: row.subscriber, localTag: row.local_tag, uri: row.list_uri, name: row.display_name ?? undefined, entries: row.entries, revision: row.revision ?? undefined }))

export const loadDialogList = async (session: Session, ref: DialogRef): Promise<DialogList | undefined> => (await loadDialogLists(session, [ref]))[0]

const PUT = statement('dialog-list-put', `
  INSERT INTO dialog_list (subscriber, local_tag, list_uri, display_name, entries, revision) VALUES ($1, $2, $3, $4, $5::jsonb, $6)
  ON CONFLICT (subscriber, local_tag) DO UPDATE SET list_uri = excluded.list_uri, display_name = excluded.display_name, entries = excluded.entries, revision = excluded.revision`)

/** Writes the list of a dialog, whose lock the transaction holds or which it has made. */
export const putDialogList = (tx: Transaction, { subscriber, localTag }: DialogRef, { uri, name, entries, revision }: DialogList): Promise<unknown> =>
  tx.send(PUT, [subscriber, localTag, uri, name ?? null, JSON.stringify(entries), revision ?? null])

// A list that was deleted has no revision any more.
const STALE = statement('dialog-lists-stale', `
  SELECT l.subscriber, l.local_tag, l.list_uri FROM dialog_list AS l LEFT JOIN resource_list AS r ON r.list_uri = l.list_uri
  WHERE l.revision IS NOT NULL AND l.revision IS DISTINCT FROM r.revision AND (l.subscriber, l.local_tag) > ($1, $2) ORDER BY l.subscriber, l.local_tag LIMIT $3`)

/** One page of the dialogs on stored lists that have changed, or are gone, since their clients were told of them. */
export const findStaleLists = async (session: Session, after: DialogRef, limit: number): Promise<readonly (DialogRef & { readonly uri: UserKey })[]> =>
  (await session.send<{ subscriber: string; local_tag: string; list_uri: string }>(STALE, [after.subscriber, after.localTag, limit])).map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, uri: row.list_uri }))
