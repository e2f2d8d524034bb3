import type { Pool } from 'pg'
import { noDelegates } from '../core/model/delegate.ts'
import type { Outcome } from '../core/model/outcome.ts'
import { weighInstances } from '../core/model/publication.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import type { RequestKey } from './answered.ts'
import { readEndpoint, type EndpointRow } from './endpoints.ts'
import { readInstance, type InstanceRow } from './instances.ts'
import { createKnownPublishers, type KnownPublisher, type KnownPublishers } from './known-publishers.ts'
import { poolSession, statement, type Session } from './session.ts'
import { shareRuns, type Shared } from './share-runs.ts'

// Publishing is what the engine does most: one statement, a transaction of its own, which writes everything if the publisher still has the revision that the
// decision was made on; another one before it reads that, unless this node remembers it. Whoever changes a publisher moves its revision in the same transaction,
// so that this is as exact as a lock. Both statements are shared by all publishers whose requests come together (group commit).

const READ = statement('publish-read', `
  SELECT asked.at::int, p.revision,
    (SELECT json_agg(e) FROM endpoint AS e WHERE e.user_uri = p.publisher) AS endpoints,
    (SELECT json_agg(i) FROM category_instance AS i WHERE i.publisher = p.publisher) AS instances,
    (SELECT to_tag FROM answered AS a WHERE a.publisher = p.publisher AND a.call_id = asked.call_id AND a.cseq = asked.cseq AND a.from_tag = asked.from_tag) AS to_tag
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS asked (publisher, call_id, cseq, from_tag, at)
  JOIN publisher AS p ON p.publisher = asked.publisher`)

interface ReadRow {
  readonly at: number
  readonly revision: number
  readonly endpoints: readonly EndpointRow[] | null
  readonly instances: readonly InstanceRow[] | null
  readonly to_tag: string | null
}

/** A publisher at a revision, and the tag of the answer that this very request got before, if it did. */
export interface Snapshot {
  readonly known: KnownPublisher
  readonly answered: string | undefined
}

/** What a decision on publications reads. */
export const stateOf = ({ publisher, revision, instances, endpoints }: KnownPublisher): PublisherState =>
  ({ publisher, revision, instances, containers: [], endpoints, subscribers: [], delegates: noDelegates })

/** Reads what publish decisions need, without a lock; undefined for those who are no publishers. */
export const readForPublish = async (session: Session, keys: readonly RequestKey[]): Promise<readonly (Snapshot | undefined)[]> => {
  const rows = await session.send<ReadRow>(READ, [keys.map(({ publisher }) => publisher), keys.map(({ callId }) => callId), keys.map(({ cseq }) => cseq), keys.map(({ fromTag }) => fromTag)])
  const byPlace = new Map(rows.map((row) => [row.at, row]))
  return keys.map(({ publisher }, at) => {
    const row = byPlace.get(at + 1)
    if (row === undefined) return undefined
    const instances = (row.instances ?? []).map(readInstance)
    return { answered: row.to_tag ?? undefined, known: { publisher, revision: row.revision, instances, endpoints: (row.endpoints ?? []).map(readEndpoint), weight: weighInstances(instances) } }
  })
}

/** A publish decision that was made on a revision, with the tag of its answer. */
export interface PublishWrite extends RequestKey {
  readonly revision: number
  readonly outcome: Outcome
  readonly toTag: string
  readonly trace: string
  readonly now: number
}

// Publishers whom another transaction holds are passed over, so that one does not hold up the group and nobody waits in a circle. Of the others those are revised
// that still have the expected revision and whose request has not been answered before; everything else happens only behind that. When the revision is the
// expected one nothing has changed since the read, so that the one view of this statement is the current one.
const WRITE = statement('publish-write', `
  WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::text[])
      AS a (publisher, revision, touch, trace, at, call_id, cseq, from_tag, to_tag)
  ), free AS (
    SELECT publisher FROM publisher WHERE publisher = ANY($1::text[]) FOR NO KEY UPDATE SKIP LOCKED
  ), revised AS (
    UPDATE publisher SET revision = publisher.revision + 1 FROM asked JOIN free ON free.publisher = asked.publisher
    WHERE publisher.publisher = asked.publisher AND publisher.revision = asked.revision
      AND NOT EXISTS (SELECT 1 FROM answered AS a WHERE a.publisher = asked.publisher AND a.call_id = asked.call_id AND a.cseq = asked.cseq AND a.from_tag = asked.from_tag)
    RETURNING publisher.publisher, publisher.revision
  ), gone AS (
    DELETE FROM category_instance USING unnest($10::text[], $11::text[], $12::int[], $13::bigint[]) AS key (publisher, category, container, instance), revised
    WHERE key.publisher = revised.publisher AND category_instance.publisher = key.publisher AND category_instance.category = key.category
      AND category_instance.container = key.container AND category_instance.instance = key.instance
  ), put AS (
    INSERT INTO category_instance (publisher, category, container, instance, instance_version, expire_type, expires_at, endpoint_id, publish_time, payload)
    SELECT row.* FROM unnest($14::text[], $15::text[], $16::int[], $17::bigint[], $18::bigint[], $19::text[], $20::bigint[], $21::text[], $22::bigint[], $23::text[])
      AS row (publisher, category, container, instance, instance_version, expire_type, expires_at, endpoint_id, publish_time, payload) JOIN revised ON revised.publisher = row.publisher
    ON CONFLICT (publisher, category, container, instance) DO UPDATE SET instance_version = excluded.instance_version, expire_type = excluded.expire_type,
      expires_at = excluded.expires_at, endpoint_id = excluded.endpoint_id, publish_time = excluded.publish_time, payload = excluded.payload
  ), touched AS (
    INSERT INTO change (publisher, id, touch, trace, at)
    SELECT revised.publisher, revised.revision, asked.touch, asked.trace, asked.at FROM revised JOIN asked ON asked.publisher = revised.publisher WHERE asked.touch IS NOT NULL
  ), answer AS (
    INSERT INTO answered (publisher, call_id, cseq, from_tag, to_tag, at)
    SELECT revised.publisher, asked.call_id, asked.cseq, asked.from_tag, asked.to_tag, asked.at FROM revised JOIN asked ON asked.publisher = revised.publisher
  )
  SELECT publisher FROM revised`)

/**
 * Writes publish decisions of different publishers, each with its change row and its answer's tag. False for those who must look again: their revision is no longer
 * the expected one, another transaction holds them, or the request was answered before.
 */
export const writePublishes = async (session: Session, writes: readonly PublishWrite[]): Promise<readonly boolean[]> => {
  const gone = writes.flatMap(({ publisher, outcome }) => outcome.changes.flatMap((change) => (change.kind === 'deleteInstance' ? [{ publisher, ...change.key }] : [])))
  const put = writes.flatMap(({ publisher, outcome }) => outcome.changes.flatMap((change) => (change.kind === 'putInstance' ? [{ publisher, ...change.instance }] : [])))
  const rows = await session.send<{ publisher: string }>(WRITE, [
    writes.map(({ publisher }) => publisher), writes.map(({ revision }) => revision), writes.map(({ outcome: { touch } }) => (isTouched(touch) ? JSON.stringify(touch) : null)),
    writes.map(({ trace }) => trace), writes.map(({ now }) => now), writes.map(({ callId }) => callId), writes.map(({ cseq }) => cseq), writes.map(({ fromTag }) => fromTag), writes.map(({ toTag }) => toTag),
    gone.map(({ publisher }) => publisher), gone.map(({ category }) => category), gone.map(({ container }) => container), gone.map(({ instance }) => instance),
    put.map(({ publisher }) => publisher), put.map(({ category }) => category), put.map(({ container }) => container), put.map(({ instance }) => instance), put.map(({ instanceVersion }) => instanceVersion),
    put.map(({ expireType }) => expireType), put.map(({ expiresAt }) => expiresAt ?? null), put.map(({ endpointId }) => endpointId ?? null), put.map(({ publishTime }) => publishTime), put.map(({ payload }) => payload),
  ])
  const written = new Set(rows.map(({ publisher }) => publisher))
  return writes.map(({ publisher }) => written.has(publisher))
}

/** The two statements of the hot path as all requests of this node share them, and what it remembers of publishers. */
export interface Publishing {
  readonly known: KnownPublishers
  readonly read: Shared<RequestKey, Snapshot | undefined>
  readonly write: Shared<PublishWrite, boolean>
}

/** Publishers whose requests share one statement at most. */
const GROUP = 64

/** What a node may remember of publishers, in bytes. */
const KNOWN_BYTES = 64 * 1024 * 1024

/** One group of each kind is under way at a time: what comes meanwhile makes the next one larger, which costs less than a second commit beside the first. */
export const createPublishing = (pool: Pool): Publishing => {
  const session = poolSession(pool)
  return {
    known: createKnownPublishers(KNOWN_BYTES),
    read: shareRuns({ run: (keys) => readForPublish(session, keys), keyOf: ({ publisher, callId, cseq }) => `${publisher} ${callId} ${cseq}`, most: GROUP, concurrency: 1 }),
    write: shareRuns({ run: (writes) => writePublishes(session, writes), keyOf: ({ publisher }) => publisher, most: GROUP, concurrency: 1 }),
  }
}
