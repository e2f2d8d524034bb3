import { createHash, randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { connectStore, type Store } from '../../src/store/connect.ts'
import { migrate, readMigrations } from '../../src/store/migrate.ts'

const root = resolve(import.meta.dirname, '../..')

export const migrationsDirectory = join(root, 'migrations')

/** The server on which tests make their databases; without it they run on the embedded one. */
export const testServer: string | undefined = process.env['TEST_DATABASE_URL'] || undefined

/** Said where a test needs several connections and has only the embedded database; the value of tap's `skip` option. */
export const needsServer: string | false = testServer === undefined ? 'TEST_DATABASE_URL is not set' : false

/** A migrated database of a test's own. */
export interface TestStore {
  readonly store: Store
  /** Empties every table. */
  readonly reset: () => Promise<void>
  /** The URL of the database, for more connections to it; undefined when it is embedded. */
  readonly url: string | undefined
}

/** What is used of a tap test. */
export interface Teardown {
  readonly teardown: (end: () => unknown) => unknown
}

const ignore = (): void => undefined

const onServer = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** An empty database on the test server, dropped at the end. */
export const createDatabase = async (t: Teardown, server: string): Promise<string> => {
  const name = `presentia_test_${randomBytes(6).toString('hex')}`
  await onServer(server, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0`))
  t.teardown(() => onServer(server, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** An empty directory, removed at the end. */
export const createDirectory = (t: Teardown): string => {
  const directory = mkdtempSync(join(tmpdir(), 'presentia-test-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const migrated = async (store: Store): Promise<Store> => {
  await migrate(store.pool, readMigrations(migrationsDirectory))
  return store
}

/**
 * A migrated data directory to copy from: making one takes seconds, copying it milliseconds. It is made under another name and
 * then renamed, so that test processes that start together never see half of it; the name says what it was made of.
 */
const dataTemplate = async (): Promise<string> => {
  const hash = createHash('sha256').update(readFileSync(join(root, 'node_modules/@electric-sql/pglite/package.json')))
  for (const { name, sql } of readMigrations(migrationsDirectory)) hash.update(`\n${name}\n${sql}`)
  const cache = join(root, 'node_modules/.cache/presentia-test')
  const ready = join(cache, hash.digest('hex').slice(0, 16))
  if (existsSync(ready)) return ready
  mkdirSync(cache, { recursive: true })
  const making = mkdtempSync(join(cache, 'making-'))
  await (await migrated(await connectStore({ dataDir: making, onError: ignore }))).close()
  try {
    renameSync(making, ready)
  } catch (error) {
    // Another process was faster.
    rmSync(making, { recursive: true, force: true })
    if (!existsSync(ready)) throw error
  }
  return ready
}

/** A migrated data directory that nobody has opened yet, removed at the end. */
export const createDataDirectory = async (t: Teardown): Promise<string> => {
  const dataDir = createDirectory(t)
  cpSync(await dataTemplate(), dataDir, { recursive: true })
  return dataDir
}

const openEmbedded = async (t: Teardown): Promise<Store> => connectStore({ dataDir: await createDataDirectory(t), onError: ignore })

/** Opens a migrated database for a test and closes it at its end: a fresh one on `testServer`, else an embedded one. One a file is enough, see `reset`. */
export const openTestStore = async (t: Teardown): Promise<TestStore> => {
  const url = testServer === undefined ? undefined : await createDatabase(t, testServer)
  const store = url === undefined ? await openEmbedded(t) : await migrated(await connectStore({ url, onError: ignore }))
  t.teardown(() => store.close())
  const { rows } = await store.pool.query<{ tablename: string }>("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration' ORDER BY 1")
  // Test tables are small: deleting is many times faster than truncating, which makes new files for each.
  const empty = rows.map(({ tablename }) => `DELETE FROM "${tablename}"`).join(';')
  return { store, url, reset: async () => {
    await store.pool.query(empty)
    store.publishing.known.forgetAll()
  } }
}
