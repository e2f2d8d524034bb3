import type { Instant } from '../core/base/instant.ts'
import { searchEntry } from '../core/directory/entry.ts'
import type { StoredPerson } from '../core/ldap/compare-feed.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { UserProperties } from './database.ts'
import { putDirectoryEntries } from './directory-entries.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A user as an outside directory may find it. */
export interface FedUser extends StoredPerson {
  /** It is served by another pool, and no publisher here. */
  readonly elsewhere: boolean
}

interface Row {
  readonly user_uri: UserKey
  readonly display_name: string
  readonly properties: UserProperties
  readonly fed_at: number | null
  readonly home_pool: string | null
}

const read = (row: Row): FedUser => ({ displayName: row.display_name, properties: row.properties, fed: row.fed_at !== null, elsewhere: row.home_pool !== null })

const OF = statement('fed-users-of', 'SELECT user_uri, display_name, properties, fed_at, home_pool FROM presence_user WHERE user_uri = ANY($1::text[])')

/** Those of these who are users, as they are. Read without any lock. */
export const loadFedUsers = async (session: Session, users: readonly UserKey[]): Promise<ReadonlyMap<UserKey, FedUser>> =>
  new Map((await session.send<Row>(OF, [[...users]])).map((row) => [row.user_uri, read(row)]))

const LOCK = statement('fed-user-lock', 'SELECT user_uri, display_name, properties, fed_at, home_pool FROM presence_user WHERE user_uri = $1 FOR UPDATE')

/** The same of one user, whom nobody else changes until the transaction ends. The publisher must have been locked before. */
export const lockFedUser = async (tx: Transaction, user: UserKey): Promise<FedUser | undefined> => {
  const [row] = await tx.send<Row>(LOCK, [user])
  return row === undefined ? undefined : read(row)
}

// Rights, limits, pool and linked identities are the operator's and stay.
const PUT = statement('fed-user-put', 'UPDATE presence_user SET display_name = $2, properties = $3, updated_at = $4, fed_at = coalesce(fed_at, $4) WHERE user_uri = $1')

/** What the directory says of a user who is there, and what it can be found by. */
export const putFedUser = (tx: Transaction, user: UserKey, displayName: string, properties: UserProperties, now: Instant): Promise<unknown> => {
  void putDirectoryEntries(tx, [searchEntry(user, displayName, properties)])
  return tx.send(PUT, [user, displayName, JSON.stringify(properties), now])
}

const COUNT = statement('fed-users-count', 'SELECT count(*) AS n FROM presence_user WHERE fed_at IS NOT NULL')

/** How many users the directory has ever named. Reads all users. */
export const countFedUsers = async (session: Session): Promise<number> => Number((await session.send<{ n: number | string }>(COUNT, []))[0]?.n ?? 0)

const PAGE = statement('fed-users-page', 'SELECT user_uri FROM presence_user WHERE user_uri > $1 AND fed_at IS NOT NULL ORDER BY user_uri LIMIT $2')

/** The next of those whom the directory has ever named, in key order. */
export const loadFedPage = async (session: Session, after: UserKey, limit: number): Promise<readonly UserKey[]> =>
  (await session.send<{ user_uri: UserKey }>(PAGE, [after, limit])).map((row) => row.user_uri)
