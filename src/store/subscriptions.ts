import type { AccessLetter } from '../core/model/access-list.ts'
import type { Subscription } from '../core/model/dialog.ts'
import type { SourceNetwork } from '../core/model/network.ts'
import type { LegacyFormat } from '../core/subscriptions/presence-format.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { endEdges } from './end-edges.ts'
import { oweWatchers } from './owe-watchers.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** What the documents of an edge are written in. */
export type WatchFormat = 'categories' | LegacyFormat

/** Who watches a publisher, and in which format. */
export interface Edge extends Subscription {
  readonly format: WatchFormat
  /** What the publisher's access list says of a reader of presence documents; `A` for all others. */
  readonly access: AccessLetter
}

/** A publisher that a dialog watches, with the categories of interest. */
export interface Resource {
  readonly publisher: UserKey
  readonly categories: readonly string[]
}

const RESOURCES = statement('resources-of', 'SELECT publisher, categories FROM dialog_resource WHERE subscriber = $1 AND local_tag = $2 ORDER BY publisher')

/** Everything that a dialog watches. */
export const loadResources = async (session: Session, { subscriber, localTag }: DialogRef): Promise<readonly Resource[]> =>
  session.send<{ publisher: string; categories: string[] }>(RESOURCES, [subscriber, localTag])

// Category lists differ by row and SQL has no arrays of different lengths inside an array, hence one JSON text each.
const PUT_RESOURCES = statement('resources-put', `
  INSERT INTO dialog_resource (subscriber, local_tag, publisher, categories)
  SELECT $1, $2, put.publisher, ARRAY(SELECT jsonb_array_elements_text(put.categories::jsonb)) FROM unnest($3::text[], $4::text[]) AS put (publisher, categories)
  ON CONFLICT (subscriber, local_tag, publisher) DO UPDATE SET categories = excluded.categories`)
// Edges that are there already began earlier. Who watches again need not wait besides: what is pending now takes the place of what waited (RFC 3857 4.7.1).
// Written so that it is planned once (see end-edges.ts).
const PUT_EDGES = statement('edges-put', `
  WITH put AS (
    INSERT INTO subscription (publisher, subscriber, local_tag, network, categories, since, format, access, began_at, status_at)
    SELECT put.publisher, $1, $2, $5, ARRAY(SELECT jsonb_array_elements_text(put.categories::jsonb)), publisher.revision, $6, $7, $8::bigint, $8::bigint
    FROM unnest((SELECT $3::text[]), (SELECT $4::text[])) AS put (publisher, categories) JOIN publisher ON publisher.publisher = put.publisher
    ON CONFLICT (publisher, subscriber, local_tag) DO UPDATE SET categories = excluded.categories, network = excluded.network
    RETURNING publisher, began_at),
  waited AS (
    UPDATE past_watcher SET status = 'terminated', event = 'giveup', status_at = $8::bigint
    WHERE publisher = ANY($3::text[]) AND subscriber = $1 AND status = 'waiting' RETURNING publisher),
  moved AS (SELECT publisher, false AS waited FROM put WHERE began_at = $8::bigint UNION ALL SELECT publisher, false FROM waited)
  ${oweWatchers('moved', '$8::bigint')}`)

/** Writes what a dialog watches, on both sides; given resources replace stored ones of the same publisher, but for `access`, which is of new ones. Publishers that want to know of new watchers are told. */
export const putResources = (tx: Transaction, { subscriber, localTag }: DialogRef, network: SourceNetwork, resources: readonly Resource[], now: number, format: WatchFormat = 'categories', access: AccessLetter = 'A'): readonly Promise<unknown>[] => {
  if (resources.length === 0) return []
  const values = [subscriber, localTag, resources.map(({ publisher }) => publisher), resources.map(({ categories }) => JSON.stringify(categories))]
  return [tx.send(PUT_RESOURCES, values), tx.send(PUT_EDGES, [...values, network, format, access, now])]
}

const DELETE_RESOURCES = statement('resources-delete', 'DELETE FROM dialog_resource WHERE subscriber = $1 AND local_tag = $2 AND publisher = ANY($3::text[])')

/** A dialog stops to watch these publishers; those that want to know are told. */
export const deleteResources = (tx: Transaction, { subscriber, localTag }: DialogRef, publishers: readonly UserKey[], now: number): readonly Promise<unknown>[] => {
  if (publishers.length === 0) return []
  return [tx.send(DELETE_RESOURCES, [subscriber, localTag, [...publishers]]), endEdges(tx, publishers.map((publisher) => ({ publisher, subscriber, localTag, event: 'timeout' as const })), now)]
}

const RESOURCES_OF_MANY = statement('resources-of-many', `
  SELECT watched.subscriber, watched.local_tag, watched.publisher, watched.categories FROM dialog_resource AS watched
  JOIN unnest($1::text[], $2::text[]) AS named (subscriber, local_tag) ON watched.subscriber = named.subscriber AND watched.local_tag = named.local_tag`)

/** Everything that several dialogs watch. */
export const loadResourcesOfMany = async (session: Session, refs: readonly DialogRef[]): Promise<readonly (DialogRef & Resource)[]> =>
  (await session.send<{ subscriber: string; local_tag: string; publisher: string; categories: string[] }>(RESOURCES_OF_MANY, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)]))
    .map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, publisher: row.publisher, categories: row.categories }))

const MOVE_DIALOGS = statement('dialogs-move-network', `
  UPDATE dialog SET network = moved.network FROM unnest($1::text[], $2::text[], $3::text[]) AS moved (subscriber, local_tag, network)
  WHERE dialog.subscriber = moved.subscriber AND dialog.local_tag = moved.local_tag`)
const MOVE_EDGES = statement('edges-move-network', `
  UPDATE subscription SET network = moved.network FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS moved (subscriber, local_tag, network, publisher)
  WHERE subscription.publisher = moved.publisher AND subscription.subscriber = moved.subscriber AND subscription.local_tag = moved.local_tag`)

type Moved = DialogRef & { readonly network: SourceNetwork }

/** Writes the network from which subscribers count to come from now on, on both sides; the dialogs must be locked. */
export const moveToNetwork = (tx: Transaction, dialogs: readonly Moved[], edges: readonly (Moved & { readonly publisher: UserKey })[]): readonly Promise<unknown>[] => {
  const columns = (moved: readonly Moved[]) => [moved.map(({ subscriber }) => subscriber), moved.map(({ localTag }) => localTag), moved.map(({ network }) => network)]
  return [tx.send(MOVE_DIALOGS, columns(dialogs)), tx.send(MOVE_EDGES, [...columns(edges), edges.map(({ publisher }) => publisher)])]
}

interface EdgeRow { readonly publisher: string; readonly subscriber: string; readonly local_tag: string; readonly network: SourceNetwork; readonly categories: string[]; readonly since: number; readonly format: WatchFormat; readonly access: AccessLetter }

const readEdge = (row: EdgeRow): Edge => ({ publisher: row.publisher, subscriber: row.subscriber, localTag: row.local_tag, network: row.network, categories: row.categories, since: row.since, format: row.format, access: row.access })

const OF_PUBLISHERS = statement('edges-of-publishers', 'SELECT publisher, subscriber, local_tag, network, categories, since, format, access FROM subscription WHERE publisher = ANY($1::text[])')

/** Who watches these publishers. */
export const loadSubscriptions = async (session: Session, publishers: readonly UserKey[]): Promise<readonly Edge[]> =>
  (await session.send<EdgeRow>(OF_PUBLISHERS, [[...publishers]])).map(readEdge)

const NAMED = statement('edges-named', `
  SELECT edge.publisher, edge.subscriber, edge.local_tag, edge.network, edge.categories, edge.since, edge.format, edge.access FROM subscription AS edge
  JOIN unnest($1::text[], $2::text[], $3::text[]) AS named (publisher, subscriber, local_tag)
    ON edge.publisher = named.publisher AND edge.subscriber = named.subscriber AND edge.local_tag = named.local_tag`)

/** Those of the named edges that still exist. */
export const loadNamedSubscriptions = async (session: Session, named: readonly (DialogRef & { readonly publisher: UserKey })[]): Promise<readonly Edge[]> =>
  (await session.send<EdgeRow>(NAMED, [named.map(({ publisher }) => publisher), named.map(({ subscriber }) => subscriber), named.map(({ localTag }) => localTag)])).map(readEdge)

const OF_DIALOGS = statement('edges-of-dialogs', `
  SELECT edge.publisher, edge.subscriber, edge.local_tag, edge.network, edge.categories, edge.since, edge.format, edge.access FROM dialog_resource AS watched
  JOIN unnest($1::text[], $2::text[]) AS named (subscriber, local_tag) ON watched.subscriber = named.subscriber AND watched.local_tag = named.local_tag
  JOIN subscription AS edge ON edge.publisher = watched.publisher AND edge.subscriber = watched.subscriber AND edge.local_tag = watched.local_tag`)

/** All edges of these dialogs. */
export const loadEdgesOfDialogs = async (session: Session, refs: readonly DialogRef[]): Promise<readonly Edge[]> =>
  (await session.send<EdgeRow>(OF_DIALOGS, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)])).map(readEdge)
