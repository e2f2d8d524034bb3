import { noDelegates } from '../core/model/delegate.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { isTouched } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { RequestKey } from './answered.ts'
import { readEndpoint, type EndpointRow } from './endpoints.ts'
import { readInstance, type InstanceRow } from './instances.ts'
import { statement, type Session } from './session.ts'

// Publishing is what the engine does most: two statements, each a transaction of its own, instead of a lock and eight. The first reads
// everything together with the publisher's revision; the second writes everything if the revision is still that one. Twice as fast as
// lock, read and write, and as exact: whoever changes a publisher moves its revision in the same transaction.

const READ = statement('publish-read', `
  SELECT p.revision,
    (SELECT json_agg(e) FROM endpoint AS e WHERE e.user_uri = $1) AS endpoints,
    (SELECT json_agg(i) FROM category_instance AS i WHERE i.publisher = $1 AND i.category = ANY($2::text[])) AS instances,
    (SELECT coalesce(sum(octet_length(t.payload) + 256), 0)::float8 FROM category_instance AS t WHERE t.publisher = $1) AS bytes,
    (SELECT to_tag FROM answered AS a WHERE a.publisher = $1 AND a.call_id = $3 AND a.cseq = $4 AND a.from_tag = $5) AS to_tag
  FROM publisher AS p WHERE p.publisher = $1`)

interface ReadRow {
  readonly revision: number
  readonly endpoints: readonly EndpointRow[] | null
  readonly instances: readonly InstanceRow[] | null
  readonly bytes: number
  readonly to_tag: string | null
}

/** A publisher's state at a revision, and the tag of the answer that this very request got before, if it did. */
export interface Snapshot {
  readonly state: PublisherState
  /** What all instances of the publisher weigh (see weighInstances). */
  readonly weight: number
  readonly answered: string | undefined
}

/** Reads what a publish decision needs, without a lock; undefined when there is no such publisher. */
export const readForPublish = async (session: Session, publisher: UserKey, categories: readonly string[], { callId, cseq, fromTag }: RequestKey): Promise<Snapshot | undefined> => {
  const [row] = await session.send<ReadRow>(READ, [publisher, [...categories], callId, cseq, fromTag])
  if (row === undefined) return undefined
  return {
    answered: row.to_tag ?? undefined, weight: row.bytes,
    state: { publisher, revision: row.revision, instances: (row.instances ?? []).map(readInstance), containers: [], endpoints: (row.endpoints ?? []).map(readEndpoint), subscribers: [], delegates: noDelegates },
  }
}

// The update waits for whoever holds the publisher and then looks at the revision again; everything else happens only behind it. When it
// finds the revision it expects, nothing has changed since the read, so that the one view of this statement is the current one.
const WRITE = statement('publish-write', `
  WITH revised AS (
    UPDATE publisher SET revision = revision + 1 WHERE publisher = $1 AND revision = $2 RETURNING revision
  ), gone AS (
    DELETE FROM category_instance USING unnest($3::text[], $4::int[], $5::bigint[]) AS key (category, container, instance)
    WHERE category_instance.publisher = $1 AND category_instance.category = key.category AND category_instance.container = key.container
      AND category_instance.instance = key.instance AND EXISTS (SELECT 1 FROM revised)
  ), put AS (
    INSERT INTO category_instance (publisher, category, container, instance, instance_version, expire_type, expires_at, endpoint_id, publish_time, payload)
    SELECT $1, row.* FROM unnest($6::text[], $7::int[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::bigint[], $14::text[]) AS row
    WHERE EXISTS (SELECT 1 FROM revised)
    ON CONFLICT (publisher, category, container, instance) DO UPDATE SET instance_version = excluded.instance_version, expire_type = excluded.expire_type,
      expires_at = excluded.expires_at, endpoint_id = excluded.endpoint_id, publish_time = excluded.publish_time, payload = excluded.payload
  ), touched AS (
    INSERT INTO change (publisher, id, touch, trace, at) SELECT $1, revision, $15, $16, $17 FROM revised WHERE $15::text IS NOT NULL
  ), answer AS (
    INSERT INTO answered (publisher, call_id, cseq, from_tag, to_tag, at) SELECT $1, $18, $19, $20, $21, $17 FROM revised
  )
  SELECT revision FROM revised`)

/** Writes a publish decision that was made on `revision`, with its change row and its answer's tag; false when that revision is no longer current. */
export const writePublish = async (session: Session, key: RequestKey, revision: number, { changes, touch }: Outcome, toTag: string, trace: string, now: number): Promise<boolean> => {
  const gone = changes.flatMap((change) => (change.kind === 'deleteInstance' ? [change.key] : []))
  const put = changes.flatMap((change) => (change.kind === 'putInstance' ? [change.instance] : []))
  const rows = await session.send(WRITE, [
    key.publisher, revision,
    gone.map(({ category }) => category), gone.map(({ container }) => container), gone.map(({ instance }) => instance),
    put.map(({ category }) => category), put.map(({ container }) => container), put.map(({ instance }) => instance), put.map(({ instanceVersion }) => instanceVersion),
    put.map(({ expireType }) => expireType), put.map(({ expiresAt }) => expiresAt ?? null), put.map(({ endpointId }) => endpointId ?? null), put.map(({ publishTime }) => publishTime), put.map(({ payload }) => payload),
    isTouched(touch) ? JSON.stringify(touch) : null, trace, now, key.callId, key.cseq, key.fromTag, toTag,
  ])
  return rows.length > 0
}
