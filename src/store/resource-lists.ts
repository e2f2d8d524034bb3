import type { ListEntry, ResourceList } from '../core/model/resource-list.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session } from './session.ts'

/** A stored list as the operator sees it. */
export interface StoredList extends ResourceList {
  readonly createdAt: number
  readonly updatedAt: number
}

interface Row {
  readonly list_uri: string
  readonly display_name: string | null
  readonly owner: string | null
  readonly subscribers: readonly string[]
  readonly entries: readonly ListEntry[]
  readonly revision: number
  readonly created_at: number
  readonly updated_at: number
}

const read = (row: Row): StoredList => ({
  uri: row.list_uri, name: row.display_name ?? undefined, owner: row.owner ?? undefined, subscribers: row.subscribers, entries: row.entries, revision: row.revision, createdAt: row.created_at, updatedAt: row.updated_at,
})

const ONE = statement('resource-list-get', 'SELECT * FROM resource_list WHERE list_uri = $1')

export const getResourceList = async (session: Session, uri: UserKey): Promise<StoredList | undefined> => (await session.send<Row>(ONE, [uri])).map(read)[0]

const SERVED = statement('resource-list-served', 'SELECT * FROM resource_list WHERE list_uri = $1 AND NOT EXISTS (SELECT 1 FROM presence_user WHERE user_uri = $1)')

/** The list to which a SUBSCRIBE goes; a user of the same name, who came later, goes before it. */
export const findServedList = async (session: Session, uri: UserKey): Promise<ResourceList | undefined> => (await session.send<Row>(SERVED, [uri])).map(read)[0]

const PAGE = statement('resource-lists-page', 'SELECT * FROM resource_list WHERE list_uri > $1 ORDER BY list_uri LIMIT $2')

/** One page of the lists in the order of their URIs, after `after`. */
export const listResourceLists = async (session: Session, limit: number, after = ''): Promise<readonly StoredList[]> => (await session.send<Row>(PAGE, [after, limit])).map(read)

// The revision is the time, so that a list that is deleted and made anew has never been seen before; should the clock stand still, it is one more. What is put again as it was is no change.
const PUT = statement('resource-list-put', `
  INSERT INTO resource_list (list_uri, display_name, owner, subscribers, entries, revision, created_at, updated_at) VALUES ($1, $2, $3, $4, $5::jsonb, $6::bigint, $6, $6)
  ON CONFLICT (list_uri) DO UPDATE SET display_name = excluded.display_name, owner = excluded.owner, subscribers = excluded.subscribers, entries = excluded.entries, updated_at = excluded.updated_at,
    revision = CASE WHEN (resource_list.display_name, resource_list.owner, resource_list.subscribers, resource_list.entries) IS NOT DISTINCT FROM (excluded.display_name, excluded.owner, excluded.subscribers, excluded.entries)
      THEN resource_list.revision ELSE greatest(resource_list.revision + 1, excluded.revision) END
  RETURNING *`)

/** Creates or replaces a list. */
export const putResourceList = async (session: Session, { uri, name, owner, subscribers, entries }: Omit<ResourceList, 'revision'>, now: number): Promise<StoredList> => {
  const [stored] = await session.send<Row>(PUT, [uri, name ?? null, owner ?? null, [...subscribers], JSON.stringify(entries), now])
  if (stored === undefined) throw new Error('a put row comes back')
  return read(stored)
}

const DELETE = statement('resource-list-delete', 'DELETE FROM resource_list WHERE list_uri = $1 RETURNING list_uri')

/** False when there was none. */
export const deleteResourceList = async (session: Session, uri: UserKey): Promise<boolean> => (await session.send(DELETE, [uri])).length > 0
