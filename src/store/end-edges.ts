import type { WatcherEvent } from '../core/model/watcher.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { oweWatchers } from './owe-watchers.ts'
import { statement, type Transaction } from './session.ts'

/** A subscription to a publisher that ends, and why as far as its publisher is told. */
export interface EndingEdge {
  readonly publisher: UserKey
  readonly subscriber: UserKey
  readonly localTag: string
  readonly event: WatcherEvent
}

/** Watchers of one publisher that are kept waiting at most: anybody can become one (RFC 3857 4.7.1). */
export const MOST_WAITING = 1_000

// Who was pending and ran out of time waits on, whether anybody looks or not: its publisher may look tomorrow (RFC 3857 4.7.1). All others are noted only where somebody is to be told.
// The arrays stand in selections of their own so that their lengths are not looked at when it is planned: one plan then serves all, and the statement, long as it is, takes half the
// time of a plain DELETE that is planned each time (100,000 edges, one ended: 0.05 ms, 0.08 ms).
const END = statement('edges-end', `
  WITH ended AS (
    DELETE FROM subscription AS edge USING unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::text[]), (SELECT $4::text[])) AS gone (publisher, subscriber, local_tag, event)
    WHERE edge.publisher = gone.publisher AND edge.subscriber = gone.subscriber AND edge.local_tag = gone.local_tag
    RETURNING edge.publisher, edge.subscriber, edge.local_tag, edge.access, edge.began_at, gone.event),
  judged AS (
    SELECT ended.*, access = 'P' AND event = 'timeout' AND (SELECT count(*) FROM past_watcher AS held WHERE held.publisher = ended.publisher AND held.status = 'waiting') < ${MOST_WAITING} AS waits FROM ended),
  past AS (
    INSERT INTO past_watcher (publisher, subscriber, local_tag, status, event, began_at, status_at)
    SELECT publisher, subscriber, local_tag, CASE WHEN waits THEN 'waiting' ELSE 'terminated' END, CASE access WHEN 'D' THEN 'rejected' ELSE event END, began_at, $5::bigint FROM judged
    WHERE waits OR EXISTS (SELECT 1 FROM dialog AS own WHERE own.subscriber = judged.publisher AND own.kind = 'winfo')
    ON CONFLICT (publisher, subscriber, local_tag) DO UPDATE SET status = excluded.status, event = excluded.event, began_at = excluded.began_at, status_at = excluded.status_at),
  moved AS (SELECT publisher, access = 'P' AS waited FROM ended)
  ${oweWatchers('moved', '$5::bigint')}`)

/** Takes edges from the publishers' side, and tells those of them who want to know it. Which other rows hang on the edges is the caller's business. */
export const endEdges = (tx: Transaction, edges: readonly EndingEdge[], now: number): Promise<unknown> =>
  tx.send(END, [edges.map(({ publisher }) => publisher), edges.map(({ subscriber }) => subscriber), edges.map(({ localTag }) => localTag), edges.map(({ event }) => event), now])
