import type { Dialog } from '../core/model/dialog.ts'
import type { Watcher, WatcherEvent, WatcherStatus } from '../core/model/watcher.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { MOST_WAITING } from './end-edges.ts'
import { oweWatchers, WATCHER_INFO_PAUSE_MS } from './owe-watchers.ts'
import { statement, type Session, type Transaction } from './session.ts'

interface Row {
  readonly subscriber: string
  readonly local_tag: string
  readonly display_name: string | null
  readonly status: WatcherStatus
  readonly event: WatcherEvent
  readonly began_at: number
  readonly expires_at: number | null
}

const readWatcher = (row: Row): Watcher => ({
  user: row.subscriber, localTag: row.local_tag, displayName: row.display_name ?? undefined, status: row.status, event: row.event, beganAt: row.began_at, expiresAt: row.expires_at ?? undefined,
})

// Politely blocked watchers are active: their subscription is, whatever it shows them. Names are those of the subscriber list, or of our own users.
const watchersOf = (name: string, condition: string) => statement(name, `
  SELECT each.subscriber, each.local_tag, coalesce(nullif(entry.display_name, ''), person.display_name) AS display_name, each.status, each.event, each.began_at, each.expires_at
  FROM (
    SELECT edge.subscriber, edge.local_tag, CASE edge.access WHEN 'P' THEN 'pending' WHEN 'D' THEN 'terminated' ELSE 'active' END AS status, edge.status_event AS event, edge.began_at, dialog.expires_at, edge.status_at
    FROM subscription AS edge JOIN dialog ON dialog.subscriber = edge.subscriber AND dialog.local_tag = edge.local_tag
    WHERE edge.publisher = $1 AND dialog.expires_at > $2
    UNION ALL
    SELECT subscriber, local_tag, status, event, began_at, NULL::bigint, status_at FROM past_watcher WHERE publisher = $1) AS each
  LEFT JOIN subscriber_entry AS entry ON entry.publisher = $1 AND entry.subscriber = each.subscriber
  LEFT JOIN presence_user AS person ON person.user_uri = each.subscriber
  WHERE ${condition} ORDER BY each.subscriber, each.began_at, each.local_tag`)

const ALL = watchersOf('watchers-of', "each.status <> 'terminated'")

/** Everybody who watches a publisher, or waits to. */
export const loadWatchers = async (session: Session, publisher: UserKey, now: number): Promise<readonly Watcher[]> => (await session.send<Row>(ALL, [publisher, now])).map(readWatcher)

// Who came and went since then is among them, though it need not be told (RFC 3857 4.7.2): what was tried to be told in between may have arrived, and a client that was told the beginning must
// hear the end.
const MOVED = watchersOf('watchers-moved', 'each.status_at >= $3')

/** Of whom something has changed since a time. */
export const loadMovedWatchers = async (session: Session, publisher: UserKey, since: number, now: number): Promise<readonly Watcher[]> =>
  (await session.send<Row>(MOVED, [publisher, now, since])).map(readWatcher)

/** Longer than a transaction that makes or changes a watcher takes from the time that it notes to its commit. */
const LATE_MS = 10_000

const LOOK_AGAIN = statement('watchers-look-again', `
  INSERT INTO deferred (subscriber, local_tag, publisher, attempts, reason, due_at, proxy, since, whole) VALUES ($1, $2, $1, 0, 'watchers of the first moment', $3, $4, $5, false) ON CONFLICT DO NOTHING`)

/**
 * Has a new dialog look once more soon: watchers do not lock whom they watch, and one whose transaction is under way at this moment finds no dialog to tell, nor is it found. Where there is none, nothing
 * is sent.
 */
export const lookAgain = (tx: Transaction, { subscriber, localTag, proxy }: Dialog, now: number): Promise<unknown> =>
  tx.send(LOOK_AGAIN, [subscriber, localTag, now + WATCHER_INFO_PAUSE_MS, proxy, now - LATE_MS])

const WAIT = statement('watcher-wait', `
  WITH kept AS (
    INSERT INTO past_watcher (publisher, subscriber, local_tag, status, event, began_at, status_at)
    SELECT $1, $2, $3, 'waiting', 'timeout', $4::bigint, $4::bigint
    WHERE NOT EXISTS (SELECT 1 FROM past_watcher AS held WHERE held.publisher = $1 AND held.subscriber = $2 AND held.status = 'waiting')
      AND NOT EXISTS (SELECT 1 FROM subscription AS edge WHERE edge.publisher = $1 AND edge.subscriber = $2 AND edge.access = 'P')
      AND (SELECT count(*) FROM past_watcher AS held WHERE held.publisher = $1 AND held.status = 'waiting') < ${MOST_WAITING}
    ON CONFLICT DO NOTHING RETURNING publisher, false AS waited)
  ${oweWatchers('kept', '$4::bigint')}`)

/** Keeps somebody waiting who has asked once, of whom nothing is decided (RFC 3857 4.7.1: fetches); who is pending or waits already is known. */
export const keepWaiting = (tx: Transaction, publisher: UserKey, { subscriber, localTag }: { readonly subscriber: UserKey; readonly localTag: string }, now: number): Promise<unknown> =>
  tx.send(WAIT, [publisher, subscriber, localTag, now])

const ACKNOWLEDGE = statement('watchers-acknowledge', `
  WITH given_up AS (
    UPDATE past_watcher SET status = 'terminated', event = 'giveup', status_at = $3::bigint
    WHERE publisher = $1 AND subscriber = ANY($2::text[]) AND status = 'waiting' RETURNING publisher, false AS waited)
  ${oweWatchers('given_up', '$3::bigint')}`)

/** Who has taken note of somebody on the subscriber list need not keep it waiting behind a subscription that is over. */
export const acknowledgeWaiting = (tx: Transaction, publisher: UserKey, users: readonly UserKey[], now: number): Promise<unknown> => tx.send(ACKNOWLEDGE, [publisher, [...users], now])

const GIVE_UP = statement('watchers-give-up', `
  WITH given_up AS (
    UPDATE past_watcher SET status = 'terminated', event = 'giveup', status_at = $2::bigint WHERE status = 'waiting' AND status_at <= $1 RETURNING publisher, false AS waited)
  ${oweWatchers('given_up', '$2::bigint')}`)

/** Gives up those who have waited since a time. */
export const giveUpWaiting = (session: Session, before: number, now: number): Promise<unknown> => session.send(GIVE_UP, [before, now])

/** How long the end of a watcher can be told, in milliseconds; whoever was owed it for longer is told who is left. */
export const PAST_WATCHERS_KEPT_MS = 3_600_000

const FORGET = statement('watchers-forget', "DELETE FROM past_watcher WHERE status = 'terminated' AND status_at <= $1")

/** Forgets watchers whose end has been told, or cannot be any more. */
export const forgetPastWatchers = (session: Session, now: number): Promise<unknown> => session.send(FORGET, [now - PAST_WATCHERS_KEPT_MS])

const TOLD = statement('watchers-told', "SELECT subscriber, local_tag FROM dialog WHERE kind = 'winfo' AND expires_at > $1 LIMIT $2")

/** Some of the living dialogs in which users are told who watches them. */
export const findToldDialogs = async (session: Session, now: number, limit: number): Promise<readonly DialogRef[]> =>
  (await session.send<{ subscriber: string; local_tag: string }>(TOLD, [now, limit])).map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag }))
