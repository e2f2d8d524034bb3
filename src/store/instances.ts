import type { CategoryInstance, ExpireType, InstanceKey } from '../core/model/publication.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A row of category_instance, as columns or as JSON. */
export interface InstanceRow {
  readonly publisher: string
  readonly category: string
  readonly container: number
  readonly instance: number
  readonly instance_version: number
  readonly expire_type: ExpireType
  readonly expires_at: number | null
  readonly endpoint_id: string | null
  readonly publish_time: number
  readonly payload: string
}

export const readInstance = (row: InstanceRow): CategoryInstance => ({
  category: row.category, container: row.container, instance: row.instance, instanceVersion: row.instance_version, expireType: row.expire_type,
  expiresAt: row.expires_at ?? undefined, endpointId: row.endpoint_id ?? undefined, publishTime: row.publish_time, payload: row.payload,
})

const ALL = statement('instances-all', 'SELECT * FROM category_instance WHERE publisher = $1')
const NAMED = statement('instances-named', 'SELECT * FROM category_instance WHERE publisher = $1 AND category = ANY($2::text[])')

/** A publisher's instances of the named categories, or of all; those past their time included. */
export const loadInstances = async (session: Session, publisher: UserKey, categories: readonly string[] | 'all'): Promise<readonly CategoryInstance[]> =>
  (await (categories === 'all' ? session.send<InstanceRow>(ALL, [publisher]) : session.send<InstanceRow>(NAMED, [publisher, [...categories]]))).map(readInstance)

const OF_MANY = statement('instances-of-many', `
  SELECT * FROM category_instance
  WHERE publisher = ANY($1::text[]) AND ($2::text[] IS NULL OR category = ANY($2)) AND (expires_at IS NULL OR expires_at > $3)`)

/** The living instances of several publishers, of the named categories or of all, grouped by publisher. */
export const loadLivingInstances = async (session: Session, publishers: readonly UserKey[], categories: readonly string[] | 'all', now: number): Promise<ReadonlyMap<UserKey, readonly CategoryInstance[]>> => {
  const rows = await session.send<InstanceRow>(OF_MANY, [[...publishers], categories === 'all' ? null : [...categories], now])
  const grouped = new Map<UserKey, CategoryInstance[]>()
  for (const row of rows) {
    const known = grouped.get(row.publisher)
    if (known === undefined) grouped.set(row.publisher, [readInstance(row)])
    else known.push(readInstance(row))
  }
  return grouped
}

// One statement for any number of rows: the arrays are the columns.
const UPSERT = statement('instances-put', `
  INSERT INTO category_instance (publisher, category, container, instance, instance_version, expire_type, expires_at, endpoint_id, publish_time, payload)
  SELECT $1, * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::text[])
  ON CONFLICT (publisher, category, container, instance) DO UPDATE SET instance_version = excluded.instance_version, expire_type = excluded.expire_type,
    expires_at = excluded.expires_at, endpoint_id = excluded.endpoint_id, publish_time = excluded.publish_time, payload = excluded.payload`)

export const putInstances = (tx: Transaction, publisher: UserKey, instances: readonly CategoryInstance[]): Promise<unknown> =>
  tx.send(UPSERT, [
    publisher, instances.map(({ category }) => category), instances.map(({ container }) => container), instances.map(({ instance }) => instance),
    instances.map(({ instanceVersion }) => instanceVersion), instances.map(({ expireType }) => expireType), instances.map(({ expiresAt }) => expiresAt ?? null),
    instances.map(({ endpointId }) => endpointId ?? null), instances.map(({ publishTime }) => publishTime), instances.map(({ payload }) => payload),
  ])

const DELETE = statement('instances-delete', `
  DELETE FROM category_instance USING unnest($2::text[], $3::int[], $4::bigint[]) AS gone (category, container, instance)
  WHERE category_instance.publisher = $1 AND category_instance.category = gone.category AND category_instance.container = gone.container
    AND category_instance.instance = gone.instance`)

export const deleteInstances = (tx: Transaction, publisher: UserKey, keys: readonly InstanceKey[]): Promise<unknown> =>
  tx.send(DELETE, [publisher, keys.map(({ category }) => category), keys.map(({ container }) => container), keys.map(({ instance }) => instance)])

const EXPIRED = statement('instances-expired', 'SELECT DISTINCT publisher FROM category_instance WHERE expires_at IS NOT NULL AND expires_at <= $1 LIMIT $2')

/** Publishers with time-bounded instances whose time has come (3.2.6.1). */
export const findPublishersWithExpiredInstances = async (session: Session, now: number, limit: number): Promise<readonly UserKey[]> =>
  (await session.send<{ publisher: string }>(EXPIRED, [now, limit])).map((row) => row.publisher)
