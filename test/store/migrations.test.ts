import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connectStore } from '../../src/store/connect.ts'
import { migrate, readMigrations, type Migration } from '../../src/store/migrate.ts'
import { createDatabase, createDirectory, migrationsDirectory, needsServer, openTestStore, testServer } from '../support/database.ts'
import { dumpSchema, readPrimaryKeys } from '../support/schema-dump.ts'

const { store } = await openTestStore(t)
const { pool } = store
const migrations = readMigrations(migrationsDirectory)

/** A text that a test compares; UPDATE_GOLDEN=1 writes it anew. */
const golden = (name: string, found: string): string => {
  const path = join(import.meta.dirname, name)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, found)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

t.test('migrating again does nothing', async (t) => {
  const before = await dumpSchema(pool)
  t.same(await migrate(pool, migrations), [])
  t.equal(await dumpSchema(pool), before)
  const { rows } = await pool.query<{ number: number; name: string }>('SELECT number, name FROM migration ORDER BY number')
  t.same(rows, migrations.map(({ number, name }) => ({ number, name })))
})

t.test('numbering must have no gaps, no doubles and no other names', async (t) => {
  const directory = createDirectory(t)
  const inFolder = (name: string, files: readonly string[]): string => {
    const path = join(directory, name)
    mkdirSync(path)
    for (const file of files) writeFileSync(join(path, file), 'SELECT 1')
    return path
  }
  t.same(readMigrations(inFolder('good', ['0001-a.sql', '0002-b-c.sql', 'README.md'])).map(({ number, name }) => [number, name]), [[1, 'a'], [2, 'b-c']])
  t.throws(() => readMigrations(inFolder('gap', ['0001-a.sql', '0003-b.sql'])), { message: 'migration 0003-b.sql is not number 2' })
  t.throws(() => readMigrations(inFolder('double', ['0001-a.sql', '0001-b.sql'])), { message: 'migration 0001-b.sql is not number 2' })
  t.throws(() => readMigrations(inFolder('late', ['0002-a.sql'])), { message: 'migration 0002-a.sql is not number 1' })
  t.throws(() => readMigrations(inFolder('name', ['0001_a.sql'])), { message: 'migration 0001_a.sql is not number 1' })
})

const next: Migration = { number: migrations.length + 1, name: 'test-only', sql: 'CREATE TABLE test_only (user_uri text PRIMARY KEY)' }
const countTestOnly = async (): Promise<unknown> => (await pool.query("SELECT count(*) AS n FROM pg_tables WHERE tablename = 'test_only'")).rows[0]?.n

t.test('a new migration is applied once, a failing one leaves nothing, a newer or another database is refused', async (t) => {
  await t.rejects(migrate(pool, [...migrations, { ...next, sql: `${next.sql}; SELECT nonsense` }]), { code: '42703' })
  t.equal(await countTestOnly(), 0, 'the failed migration is rolled back as a whole')
  t.same(await migrate(pool, migrations), [], 'the connection is usable after a failure')
  t.same(await migrate(pool, [...migrations, next]), ['test-only'])
  t.same(await migrate(pool, [...migrations, next]), [])
  await t.rejects(migrate(pool, migrations), { message: `the database has migration ${next.number} "test-only", which this version does not know` })
  await t.rejects(migrate(pool, [...migrations, { ...next, name: 'another' }]), /which this version does not know/)
  await pool.query('DROP TABLE test_only')
  await pool.query('DELETE FROM migration WHERE number = $1', [next.number])
})

t.test('engines that start together migrate once', { skip: needsServer }, async (t) => {
  const url = await createDatabase(t, testServer ?? '')
  const stores = await Promise.all(Array.from({ length: 6 }, () => connectStore({ url, poolSize: 2, onError: () => undefined })))
  t.teardown(() => Promise.all(stores.map((store) => store.close())))
  const slow = { ...next, sql: `${next.sql}; SELECT pg_sleep(0.2)` }
  const applied = await Promise.all(stores.map((store) => migrate(store.pool, [...migrations, slow])))
  t.equal(applied.filter((names) => names.length > 0).length, 1, 'one of them did the work')
  t.same(applied.flat(), [...migrations, slow].map(({ name }) => name))
})

t.test('the schema is the committed one', async (t) => {
  const found = await dumpSchema(pool)
  t.equal(found, golden('schema.golden.txt', found), 'UPDATE_GOLDEN=1 accepts an intended change')
})

t.test('migrations that have landed never change', async (t) => {
  const found = readdirSync(migrationsDirectory).sort().map((file) => `${createHash('sha256').update(readFileSync(join(migrationsDirectory, file))).digest('hex')}  ${file}\n`).join('')
  t.equal(found, golden('migrations.golden.txt', found), 'write a new migration; UPDATE_GOLDEN=1 takes its checksum in')
})

t.test('the owning user leads every primary key', async (t) => {
  const keys = await readPrimaryKeys(pool)
  t.ok(keys.size >= 13)
  const others: Readonly<Record<string, string>> = { domain: 'domain', category: 'name', deployment_setting: 'name', user_round: 'name', directory_feed: 'name', migration: 'number', resource_list: 'list_uri' }
  for (const [table, [first]] of keys) t.ok(others[table] === undefined ? ['publisher', 'subscriber', 'user_uri'].includes(first ?? '') : others[table] === first, `${table} (${first})`)
})

t.test('plain PostgreSQL only: no triggers, functions, sequences or keys across tables', async (t) => {
  const found = await dumpSchema(pool)
  t.notMatch(found, /^(trigger|function|view) /m)
  t.notMatch(found, /FOREIGN KEY|nextval|DEFERRABLE|EXCLUDE/)
})

t.test('no index names a column that moves with every notification', async (t) => {
  for (const line of (await dumpSchema(pool)).split('\n').filter((line) => /INDEX/.test(line))) t.notMatch(line, /\(.*\b(cseq|failures|publish_time|instance_version|members_version)\b/, line.trim())
})

t.test('a migrated data directory opens again', { skip: testServer === undefined ? false : 'embedded only' }, async (t) => {
  const dataDir = createDirectory(t)
  const first = await connectStore({ dataDir, onError: () => undefined })
  const folder = join(dataDir, 'migrations')
  mkdirSync(folder)
  for (const file of readdirSync(migrationsDirectory)) copyFileSync(join(migrationsDirectory, file), join(folder, file))
  t.same(await migrate(first.pool, readMigrations(folder)), migrations.map(({ name }) => name))
  await first.close()
  const second = await connectStore({ dataDir, onError: () => undefined })
  t.same(await migrate(second.pool, migrations), [])
  await second.close()
})
