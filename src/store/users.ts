import { sql, type Kysely } from 'kysely'
import type { OwnRights } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { domainOf } from '../core/sip/uri.ts'
import type { Database, UserProperties } from './database.ts'
import { ownRightColumns } from './rights.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A provisioned user as the operator sees it. */
export interface PresenceUser {
  readonly uri: UserKey
  readonly displayName: string
  readonly properties: UserProperties
  readonly createdAt: number
  readonly updatedAt: number
}

const LOCK = statement('publisher-lock', 'SELECT revision FROM publisher WHERE publisher = $1 FOR UPDATE')

/**
 * Locks a publisher until the transaction ends and returns its revision; undefined when there is no such user. Statements sent after it see everything that
 * was committed before the lock was had; reading in the same statement would not.
 */
export const lockPublisher = async (tx: Transaction, user: UserKey): Promise<number | undefined> => (await tx.send<{ revision: number }>(LOCK, [user]))[0]?.revision

const EXIST = statement('users-exist', 'SELECT publisher FROM publisher WHERE publisher = ANY($1::text[])')

/** Which of these are users of this server. */
export const findExistingUsers = async (session: Session, users: readonly UserKey[]): Promise<ReadonlySet<UserKey>> =>
  new Set((await session.send<{ publisher: string }>(EXIST, [[...users]])).map((row) => row.publisher))

const INSERT = statement('user-insert', `
  INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at) VALUES ($1, $2, $3, '{}'::jsonb, $4, $4) ON CONFLICT DO NOTHING`)
// Revisions start at the time, so that a user that was deleted and comes back does not repeat the ids of changes that still wait.
const INSERT_PUBLISHER = statement('user-insert-publisher', 'INSERT INTO publisher (publisher, revision) VALUES ($1, $2) ON CONFLICT DO NOTHING')
const INSERT_FAN_OUT = statement('user-insert-fan-out', 'INSERT INTO fan_out (publisher) VALUES ($1) ON CONFLICT DO NOTHING')

/** Creates a user that is not there yet, as the first registration does where that is allowed. */
export const createUser = (tx: Transaction, user: UserKey, displayName: string, now: number): readonly Promise<unknown>[] => [
  tx.send(INSERT, [user, domainOf(user), displayName, now]), tx.send(INSERT_PUBLISHER, [user, now]), tx.send(INSERT_FAN_OUT, [user]),
]

/** Creates or replaces a user with its own rights; true when it is new. */
export const putUser = (db: Kysely<Database>, user: UserKey, displayName: string, properties: UserProperties, now: number, rights: OwnRights = {}): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const values = { display_name: displayName, properties: JSON.stringify(properties), ...ownRightColumns(rights), updated_at: now }
    const row = await trx.insertInto('presence_user').values({ user_uri: user, domain: domainOf(user), created_at: now, ...values })
      .onConflict((conflict) => conflict.column('user_uri').doUpdateSet(values))
      .returning(sql<boolean>`xmax = 0`.as('inserted')).executeTakeFirst()
    await sql`INSERT INTO publisher (publisher, revision) VALUES (${user}, ${now}) ON CONFLICT DO NOTHING`.execute(trx)
    await sql`INSERT INTO fan_out (publisher) VALUES (${user}) ON CONFLICT DO NOTHING`.execute(trx)
    return row?.inserted === true
  })

interface Row { readonly user_uri: string; readonly display_name: string; readonly properties: UserProperties; readonly created_at: number; readonly updated_at: number }

const read = (row: Row): PresenceUser => ({ uri: row.user_uri, displayName: row.display_name, properties: row.properties, createdAt: row.created_at, updatedAt: row.updated_at })

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

const PUBLISHER_TABLES = ['category_instance', 'container', 'container_member', 'answered', 'publisher'] as const

/**
 * Deletes a user with everything it published. Its endpoints and dialogs must have been ended before, in the same transaction. What watchers
 * hold of it stays, and so does the row that says who tells its last change.
 */
export const deleteUser = (tx: Transaction, user: UserKey): readonly Promise<unknown>[] => [
  // Should it come back, all of its changes are new to its watchers.
  tx.send(statement('user-forget-since', 'UPDATE subscription SET since = 0 WHERE publisher = $1'), [user]),
  ...PUBLISHER_TABLES.map((table) => tx.send(statement(`user-delete-${table}`, `DELETE FROM ${table} WHERE publisher = $1`), [user])),
  tx.send(statement('user-delete', 'DELETE FROM presence_user WHERE user_uri = $1'), [user]),
]
