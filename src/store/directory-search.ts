import { sql, type Expression, type ExpressionBuilder, type Kysely, type SqlBool } from 'kysely'
import { alternativesOf, type Alternative } from '../core/directory/conditions.ts'
import { DirectoryError, type DirectoryResults, type DirectorySearch, type DirectorySource, type FoundPerson } from '../core/model/directory-search.ts'
import type { Database, UserProperties } from './database.ts'
import { isDatabaseUnavailable } from './errors.ts'

/** The longest that a search may take, in milliseconds: conditions that many meet one by one, and nobody together. */
const SEARCH_MS = 2_000

const escape = (prefix: string): string => prefix.replace(/[\\%_]/g, '\\$&')

type Builder = ExpressionBuilder<Database, 'directory_entry'>

const meets = (eb: Builder, alternatives: readonly Alternative[]): Expression<SqlBool> =>
  eb.or(alternatives.map((conditions) => eb.and(conditions.map(({ column, prefix }) => eb(column, 'like', `${escape(prefix)}%`)))))

const SHOWN = ['title', 'office', 'phone', 'company', 'city', 'state', 'country', 'email'] as const

const readPerson = ({ user_uri: user, display_name: displayName, properties }: { readonly user_uri: string; readonly display_name: string; readonly properties: UserProperties }): FoundPerson => {
  const person: { user: string; displayName: string } & Partial<Record<(typeof SHOWN)[number], string>> = { user, displayName }
  for (const name of SHOWN) {
    const value = properties[name]
    if (value !== undefined) person[name] = value
  }
  return person
}

/**
 * Searches the users of this deployment. The planner knows the values and so which condition few meet; the others are then a matter of the same row. It must not go
 * through the table itself: that looks cheap when so many meet a condition that the first hundred are found soon, and is not when those are at its other end, as in users
 * that were created in the order of their names.
 */
const search = async (db: Kysely<Database>, { terms, limit }: DirectorySearch): Promise<DirectoryResults> => {
  const alternatives = terms.map(alternativesOf)
  if (alternatives.length === 0 || alternatives.some((ways) => ways.length === 0)) return { people: [], more: false }
  return db.transaction().execute(async (tx) => {
    await sql`SELECT set_config('enable_seqscan', 'off', true), set_config('statement_timeout', ${String(SEARCH_MS)}, true)`.execute(tx)
    let entries = tx.selectFrom('directory_entry').select('user_uri').limit(limit + 1)
    for (const ways of alternatives) entries = entries.where((eb) => meets(eb, ways))
    const rows = await tx.selectFrom(entries.as('met')).innerJoin('presence_user', 'presence_user.user_uri', 'met.user_uri')
      .select(['presence_user.user_uri', 'presence_user.display_name', 'presence_user.properties']).execute()
    return { people: rows.slice(0, limit).map(readPerson), more: rows.length > limit }
  })
}

/** The users of this deployment, whichever pool serves them, as a directory (3.1.5.2). */
export const createUserDirectory = (db: Kysely<Database>): DirectorySource => ({
  search: async (asked) => {
    try {
      return await search(db, asked)
    } catch (error) {
      throw new DirectoryError(isDatabaseUnavailable(error) ? 'busy' : 'failed', `users: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  },
})
