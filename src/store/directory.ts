import type { DirectoryEntry } from '../core/model/directory.ts'
import type { CategoryInstance } from '../core/model/publication.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { UserProperties } from './database.ts'
import { readInstance, type InstanceRow } from './instances.ts'
import { statement, type Session } from './session.ts'

interface Row {
  readonly display_name: string
  readonly properties: UserProperties
}

const read = (row: Row): DirectoryEntry => ({ ...row.properties, displayName: row.display_name })

const ENTRY = statement('directory-entry', 'SELECT display_name, properties FROM presence_user WHERE user_uri = $1')

/** What the directory knows of a user, or undefined. */
export const loadDirectoryEntry = async (session: Session, user: UserKey): Promise<DirectoryEntry | undefined> => {
  const [row] = await session.send<Row>(ENTRY, [user])
  return row === undefined ? undefined : read(row)
}

/** A user with what is published for it under some names. */
export interface DirectoryUser {
  readonly user: UserKey
  readonly entry: DirectoryEntry
  readonly instances: readonly CategoryInstance[]
}

// Users of other pools are no publishers here. The position is said of both tables: each is read from there on along its primary key, which keeps a late page as cheap
// as an early one.
const PAGE = statement('directory-page', `
  SELECT u.user_uri, u.display_name, u.properties,
    (SELECT json_agg(i) FROM category_instance AS i WHERE i.publisher = u.user_uri AND i.category = ANY($3::text[]) AND i.instance = $4) AS instances
  FROM presence_user AS u JOIN publisher AS p ON p.publisher = u.user_uri WHERE u.user_uri > $1 AND p.publisher > $1 ORDER BY u.user_uri LIMIT $2`)

/** One page of the users served here, after `after`, each with its instances of that number of the named categories. Read without any lock. */
export const loadDirectoryPage = async (session: Session, after: UserKey, limit: number, categories: readonly string[], instance: number): Promise<readonly DirectoryUser[]> =>
  (await session.send<Row & { readonly user_uri: string; readonly instances: readonly InstanceRow[] | null }>(PAGE, [after, limit, [...categories], instance]))
    .map((row) => ({ user: row.user_uri, entry: read(row), instances: (row.instances ?? []).map(readInstance) }))
