import { searchColumns, searchEntry, type SearchEntry } from '../core/directory/entry.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { UserProperties } from './database.ts'
import { statement, type Transaction } from './session.ts'

const COLUMNS = searchColumns.join(', ')

// One array for each column: one statement however many users, and however little is known of each.
const PUT = statement('directory-entries-put', `
  INSERT INTO directory_entry (user_uri, ${COLUMNS}) SELECT * FROM unnest($1::text[], ${searchColumns.map((_, at) => `$${at + 2}::text[]`).join(', ')})
  ON CONFLICT (user_uri) DO UPDATE SET (${COLUMNS}) = ROW(${searchColumns.map((column) => `excluded.${column}`).join(', ')})`)

/** What users can be found by, in place of what was there. Their own rows must be locked, or just written, in the same transaction. */
export const putDirectoryEntries = (tx: Transaction, entries: readonly SearchEntry[]): Promise<unknown> =>
  tx.send(PUT, [entries.map(({ user }) => user), ...searchColumns.map((column) => entries.map((entry) => entry[column] ?? null))])

// Of a user that was there before the same request, the name is not what was asked for, or more is known: it has its entry, or the round gives it one.
const ADD = statement('directory-entry-add', `
  INSERT INTO directory_entry (user_uri, address, display_name, given_name, surname)
  SELECT user_uri, $3, $4, $5, $6 FROM presence_user WHERE user_uri = $1 AND display_name = $2 AND properties = '{}'::jsonb ON CONFLICT DO NOTHING`)

/** What a user can be found by of whom nothing but the name is known; for one that was there before, nothing. */
export const addDirectoryEntry = (tx: Transaction, user: UserKey, displayName: string): Promise<unknown> => {
  const { address, display_name, given_name, surname } = searchEntry(user, displayName, {})
  return tx.send(ADD, [user, displayName, address, display_name, given_name ?? null, surname ?? null])
}

// Locked, so that what an operator changes meanwhile waits and is written behind it.
const LOCK_PAGE = statement('directory-entries-lock-page', 'SELECT user_uri, display_name, properties FROM presence_user WHERE user_uri > $1 ORDER BY user_uri LIMIT $2 FOR SHARE')

/** Writes the entries of one page of users, after `after`; returns the last of them, undefined behind the last page. */
export const putDirectoryPage = async (tx: Transaction, after: UserKey, limit: number): Promise<UserKey | undefined> => {
  const rows = await tx.send<{ user_uri: string; display_name: string; properties: UserProperties }>(LOCK_PAGE, [after, limit])
  if (rows.length > 0) void putDirectoryEntries(tx, rows.map((row) => searchEntry(row.user_uri, row.display_name, row.properties)))
  return rows.length < limit ? undefined : rows.at(-1)?.user_uri
}
