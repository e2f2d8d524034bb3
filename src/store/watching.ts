import type { Dialog } from '../core/model/dialog.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { readDialog, type DialogRow } from './dialogs.ts'
import { statement, type Session } from './session.ts'

/** What a dialog could not be told yet. */
export interface Owed {
  readonly attempts: number
  readonly reason: string
  readonly dueAt: number
}

/** A dialog that watches a publisher: the categories (none for a self subscription), and what it is owed about it. */
export interface Watching {
  readonly dialog: Dialog
  readonly categories: readonly string[]
  readonly owed: Owed | undefined
}

/** A dialog with what it watches of one publisher and is owed about it. */
export type WatchingRow = DialogRow & { readonly categories: readonly string[] | null; readonly owed_attempts: number | null; readonly owed_reason: string | null; readonly owed_due_at: number | null }

export const readWatching = (row: WatchingRow): Watching => ({
  dialog: readDialog(row), categories: row.categories ?? [],
  owed: row.owed_attempts === null ? undefined : { attempts: row.owed_attempts, reason: row.owed_reason ?? '', dueAt: row.owed_due_at ?? 0 },
})

// From the subscriber's side, where both tables have an index that begins with it.
const OF_PAIR = statement('watching-pair', `
  SELECT dialog.*, resource.categories, deferred.attempts AS owed_attempts, deferred.reason AS owed_reason, deferred.due_at AS owed_due_at
  FROM dialog
  LEFT JOIN dialog_resource AS resource ON resource.subscriber = dialog.subscriber AND resource.local_tag = dialog.local_tag AND resource.publisher = $2
  LEFT JOIN deferred ON deferred.subscriber = dialog.subscriber AND deferred.local_tag = dialog.local_tag AND deferred.publisher = $2
  WHERE dialog.subscriber = $1 AND dialog.expires_at > $3 AND (resource.publisher IS NOT NULL OR (dialog.kind = 'self' AND $1 = $2))
  ORDER BY dialog.created_at, dialog.local_tag`)

/** The living dialogs through which a subscriber watches a publisher, oldest first. */
export const findWatching = async (session: Session, subscriber: UserKey, publisher: UserKey, now: number): Promise<readonly Watching[]> =>
  (await session.send<WatchingRow>(OF_PAIR, [subscriber, publisher, now])).map(readWatching)
