import pg from 'pg'
import type { BenchEngine } from './bench-engine.ts'
import { expectOk, type Link } from './bench-link.ts'
import * as wire from './demo-messages.ts'

/** The user that is copied. */
export const TEMPLATE = 'template'
const MEMBERS = 8
const CONTACTS = 20

export const storedName = (at: number): string => `u${at}`

/** A user as clients and operators make one: signed in, a device, states and a note, members in three containers, contacts, what the server publishes. Ready to be copied. */
export const makeTemplate = async (engine: BenchEngine, link: Link): Promise<void> => {
  await expectOk('register', link.send(wire.register(TEMPLATE)))
  await expectOk('publish', link.send(wire.publishPresence(TEMPLATE, 'At work until five, then on the train.')))
  const colleagues = (from: number, count: number): readonly object[] => Array.from({ length: count }, (_, at) => ({ type: 'user', value: `${storedName(from + at)}@example.com` }))
  const put = (path: string, body: object): Promise<Response> => engine.admin(`/admin/v1/users/${TEMPLATE}@example.com${path}`, { method: 'PUT', body: JSON.stringify(body) })
  await put('/containers/200', { members: [{ type: 'sameEnterprise' }] })
  await put('/containers/300', { members: colleagues(0, MEMBERS) })
  await put('/containers/32000', { members: colleagues(MEMBERS, 1) })
  await put('/contacts', { contacts: Array.from({ length: CONTACTS }, (_, at) => ({ uri: `${storedName(at)}@example.com`, displayName: `Colleague ${at}` })) })
}

/** What is not stored for good: what is under way, and who watches. */
const PASSING = ['answered', 'change', 'subscription']

// The owning user leads the key of every table of what belongs to one.
const TABLES = `
  SELECT c.relname AS name, a.attname AS key FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
  WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace AND a.attname IN ('publisher', 'user_uri') AND c.relname <> ALL($1::text[]) ORDER BY c.relname`

/** One user in so many is signed in. */
const SIGNED_IN = 10

const COLUMNS = 'SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum'

/** Users made by one statement; larger ones keep the server busy without a word. */
const CHUNK = 20_000

/** The database that a benchmark fills and looks at by itself. */
export interface StoredUsers {
  /** Copies the template until there are `count` users u0 … */
  readonly growTo: (count: number) => Promise<void>
  readonly query: <R extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<readonly R[]>
  readonly close: () => Promise<void>
}

export const openStoredUsers = async (url: string): Promise<StoredUsers> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const query: StoredUsers['query'] = async <R extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) => (await client.query<R>(sql, [...values])).rows
  let size = 0
  /** Rows of the template with another name wherever its own stands: in keys, in texts, in payloads. */
  const copy = async (table: string, key: string, step: number, from: number, to: number): Promise<void> => {
    const columns = await query<{ readonly name: string; readonly type: string }>(COLUMNS, [table])
    const renamed = columns.map(({ name, type }) => (type === 'text' ? `replace(t.${name}, '${TEMPLATE}@', 'u' || n || '@')` : `t.${name}`))
    await query(`INSERT INTO ${table} (${columns.map(({ name }) => name).join()}) SELECT ${renamed.join()} FROM generate_series($1::int, $2::int - 1, ${step}) AS n CROSS JOIN ${table} AS t WHERE t.${key} = '${TEMPLATE}@example.com'`, [from, to])
  }
  return {
    query,
    growTo: async (count) => {
      const tables = await query<{ readonly name: string; readonly key: string }>(TABLES, [PASSING])
      for (let from = size; from < count; from += CHUNK) for (const { name, key } of tables) await copy(name, key, name === 'endpoint' ? SIGNED_IN : 1, from, Math.min(count, from + CHUNK))
      size = Math.max(size, count)
      await query('VACUUM ANALYZE')
    },
    close: () => client.end(),
  }
}
