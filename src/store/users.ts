import type { Kysely } from 'kysely'
import type { ContainerTemplate } from '../core/containers/template.ts'
import type { LinkedIdentities } from '../core/documents/presence-seen.ts'
import { searchEntry } from '../core/directory/entry.ts'
import type { OwnRights } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { domainOf } from '../core/sip/uri.ts'
import type { Database, UserProperties } from './database.ts'
import { addDirectoryEntry, putDirectoryEntries } from './directory-entries.ts'
import type { UserLimits } from './limits.ts'
import { ownRightColumns } from './rights.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A provisioned user as the operator sees it. */
export interface PresenceUser {
  readonly uri: UserKey
  readonly displayName: string
  readonly properties: UserProperties
  readonly limits: UserLimits
  /** The URI of the pool that serves the user; undefined for those who are served here. */
  readonly homePool: string | undefined
  /** Other addresses of the same person (2.2.2.8.1). */
  readonly linked: LinkedIdentities | undefined
  readonly createdAt: number
  readonly updatedAt: number
}

const LOCK = statement('publisher-lock', 'SELECT revision FROM publisher WHERE publisher = $1 FOR UPDATE')

/**
 * Locks a publisher until the transaction ends and returns its revision; undefined when there is no such user. Statements sent after it see everything that
 * was committed before the lock was had; reading in the same statement would not.
 */
export const lockPublisher = async (tx: Transaction, user: UserKey): Promise<number | undefined> => (await tx.send<{ revision: number }>(LOCK, [user]))[0]?.revision

const DISPLAY_NAME = statement('user-display-name', 'SELECT display_name FROM presence_user WHERE user_uri = $1')

/** What the directory calls a user; undefined for those who are not users of this server. */
export const loadDisplayName = async (session: Session, user: UserKey): Promise<string | undefined> => (await session.send<{ display_name: string }>(DISPLAY_NAME, [user]))[0]?.display_name

const LINKED = statement('users-linked', 'SELECT user_uri, linked FROM presence_user WHERE user_uri = ANY($1::text[]) AND linked IS NOT NULL')

/** Other addresses of those of these users who have some (2.2.2.8.1). */
export const loadLinked = async (session: Session, users: readonly UserKey[]): Promise<ReadonlyMap<UserKey, LinkedIdentities>> =>
  new Map((await session.send<{ user_uri: string; linked: LinkedIdentities }>(LINKED, [[...users]])).map((row) => [row.user_uri, row.linked]))

const EXIST = statement('users-exist', 'SELECT publisher FROM publisher WHERE publisher = ANY($1::text[])')

/** Which of these are users of this server. */
export const findExistingUsers = async (session: Session, users: readonly UserKey[]): Promise<ReadonlySet<UserKey>> =>
  new Set((await session.send<{ publisher: string }>(EXIST, [[...users]])).map((row) => row.publisher))

const OF_DEPLOYMENT = statement('user-of-deployment', 'SELECT 1 FROM presence_user WHERE user_uri = $1')

/** Is it a user of this deployment, served here or by another pool? */
export const isOfDeployment = async (session: Session, user: UserKey): Promise<boolean> => (await session.send(OF_DEPLOYMENT, [user])).length > 0

const INSERT = statement('user-insert', `
  INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at) VALUES ($1, $2, $3, '{}'::jsonb, $4, $4) ON CONFLICT DO NOTHING RETURNING user_uri`)
// Revisions start at the time, so that a user that was deleted and comes back does not repeat the ids of changes that still wait.
// Users of another pool are no publishers here. Only a publisher that is new gets the containers of the template, in version zero.
const INSERT_PUBLISHER = statement('user-insert-publisher', `
  WITH made AS (
    INSERT INTO publisher (publisher, revision)
    SELECT $1, $2::bigint WHERE NOT EXISTS (SELECT 1 FROM presence_user WHERE user_uri = $1 AND home_pool IS NOT NULL) ON CONFLICT DO NOTHING RETURNING publisher
  ), containers AS (
    INSERT INTO container (publisher, container, members_version) SELECT made.publisher, id, 0 FROM made, unnest($3::int[]) AS id
  )
  INSERT INTO container_member (publisher, container, member_type, member_value, position)
  SELECT made.publisher, m.id, m.type, m.value, m.at FROM made, unnest($4::int[], $5::text[], $6::text[]) WITH ORDINALITY AS m (id, type, value, at)`)

/** The publisher's side of a user that may be new, with the containers that it starts with. */
const insertPublisher = (tx: Transaction, user: UserKey, template: ContainerTemplate, now: number): Promise<unknown> => {
  const members = template.flatMap(({ id, members: of }) => of.map((member) => ({ id, ...member })))
  return tx.send(INSERT_PUBLISHER, [user, now, template.map(({ id }) => id), members.map(({ id }) => id), members.map(({ type }) => type), members.map(({ value }) => value)])
}

/** Creates a user that is not there yet, as the first registration does where that is allowed; resolves to nothing for one that is there. */
export const createUser = (tx: Transaction, user: UserKey, displayName: string, template: ContainerTemplate, now: number): Promise<readonly { readonly user_uri: UserKey }[]> => {
  const created = tx.send<{ user_uri: string }>(INSERT, [user, domainOf(user), displayName, now])
  void addDirectoryEntry(tx, user, displayName)
  void insertPublisher(tx, user, template, now)
  return created
}

const PUT = statement('user-put', `
  INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at, incoming_federated, outgoing_federated, incoming_public_cloud, outgoing_public_cloud,
    limits, home_pool, linked)
  VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9, $10, $11, $12)
  ON CONFLICT (user_uri) DO UPDATE SET display_name = excluded.display_name, properties = excluded.properties, updated_at = excluded.updated_at,
    incoming_federated = excluded.incoming_federated, outgoing_federated = excluded.outgoing_federated,
    incoming_public_cloud = excluded.incoming_public_cloud, outgoing_public_cloud = excluded.outgoing_public_cloud, limits = excluded.limits, home_pool = excluded.home_pool,
    linked = excluded.linked
  RETURNING xmax = 0 AS inserted`)

/** What else holds for one user alone. */
export type OwnTerms = Partial<Pick<PresenceUser, 'limits' | 'homePool' | 'linked'>>

/** Creates or replaces a user with its own rights and bounds; true when it is new. One of another pool must not be a publisher here (see home-pool.ts). */
export const putUser = async (tx: Transaction, user: UserKey, displayName: string, properties: UserProperties, template: ContainerTemplate, now: number, rights: OwnRights = {}, { limits = {}, homePool, linked }: OwnTerms = {}): Promise<boolean> => {
  const own = ownRightColumns(rights)
  const put = tx.send<{ inserted: boolean }>(PUT, [
    user, domainOf(user), displayName, JSON.stringify(properties), now, own.incoming_federated, own.outgoing_federated, own.incoming_public_cloud, own.outgoing_public_cloud, JSON.stringify(limits), homePool ?? null,
    linked === undefined ? null : JSON.stringify(linked),
  ])
  void putDirectoryEntries(tx, [searchEntry(user, displayName, properties)])
  void insertPublisher(tx, user, template, now)
  return (await put)[0]?.inserted === true
}

interface Row {
  readonly user_uri: string
  readonly display_name: string
  readonly properties: UserProperties
  readonly limits: UserLimits
  readonly home_pool: string | null
  readonly linked: LinkedIdentities | null
  readonly created_at: number
  readonly updated_at: number
}

const read = (row: Row): PresenceUser => ({
  uri: row.user_uri, displayName: row.display_name, properties: row.properties, limits: row.limits, homePool: row.home_pool ?? undefined, linked: row.linked ?? undefined, createdAt: row.created_at, updatedAt: row.updated_at,
})

export const getUser = async (db: Kysely<Database>, user: UserKey): Promise<PresenceUser | undefined> => {
  const row = await db.selectFrom('presence_user').selectAll().where('user_uri', '=', user).executeTakeFirst()
  return row === undefined ? undefined : read(row)
}

/** One page of users in key order, after `after`, of one domain if given. */
export const listUsers = async (db: Kysely<Database>, limit: number, after?: UserKey, domain?: string): Promise<readonly PresenceUser[]> => {
  let query = db.selectFrom('presence_user').selectAll().orderBy('user_uri').limit(limit)
  if (after !== undefined) query = query.where('user_uri', '>', after)
  if (domain !== undefined) query = query.where('domain', '=', domain)
  return (await query.execute()).map(read)
}

/** What hangs on a user who is served here. */
export const PUBLISHER_TABLES = ['category_instance', 'container', 'container_member', 'subscriber_entry', 'delegate', 'delegate_list', 'access_entry', 'access_list', 'answered', 'past_watcher', 'publisher'] as const
const USER_TABLES = ['contact', 'contact_group', 'contact_list', 'contact_store', 'contact_store_change', 'presence_user', 'directory_entry'] as const

/**
 * Deletes a user with everything it published. Its endpoints and dialogs must have been ended before, in the same transaction. What watchers
 * hold of it stays.
 */
export const deleteUser = (tx: Transaction, user: UserKey): readonly Promise<unknown>[] => [
  // Should it come back, all of its changes are new to its watchers, and it says nothing against them.
  tx.send(statement('user-forget-since', "UPDATE subscription SET since = 0, access = 'A' WHERE publisher = $1"), [user]),
  ...PUBLISHER_TABLES.map((table) => tx.send(statement(`user-delete-${table}`, `DELETE FROM ${table} WHERE publisher = $1`), [user])),
  ...USER_TABLES.map((table) => tx.send(statement(`user-delete-${table}`, `DELETE FROM ${table} WHERE user_uri = $1`), [user])),
]
