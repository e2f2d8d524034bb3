import { join } from 'node:path'
import { searchEntry } from '../core/directory/entry.ts'
import type { SearchTerm } from '../core/model/directory-search.ts'
import { packageRoot } from '../main.ts'
import { connectStore, type Store } from '../store/connect.ts'
import { putDirectoryEntries } from '../store/directory-entries.ts'
import { createUserDirectory } from '../store/directory-search.ts'
import { migrate, readMigrations } from '../store/migrate.ts'
import { statement, transact } from '../store/session.ts'
import { readArguments } from './bench-arguments.ts'
import { databaseKinds, onDatabases } from './bench-database.ts'
import { makePerson } from './bench-search-people.ts'
import { ascending, inParallel, percentile, rounded, timed, type Row } from './bench-statistics.ts'

const CHUNK = 2_000
const LIMIT = 100

const INSERT = statement('bench-search-users', `
  INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at)
  SELECT u, 'example.com', n, p::jsonb, 1, 1 FROM unnest($1::text[], $2::text[], $3::text[]) AS x (u, n, p)`)

const insert = async (store: Store, from: number, to: number, users: number): Promise<void> => {
  const people = Array.from({ length: to - from }, (_, at) => makePerson(from + at, users))
  await transact(store.pool, async (tx) => {
    void tx.send(INSERT, [people.map(({ user }) => user), people.map(({ displayName }) => displayName), people.map(({ properties }) => JSON.stringify(properties))])
    void putDirectoryEntries(tx, people.map(({ user, displayName, properties }) => searchEntry(user, displayName, properties)))
  })
}

type Terms = readonly (readonly [attribute: string, value: string])[]

/** What is looked for, after a person who differs each time: from what few meet to what a large part of all does. */
const searches: Readonly<Record<string, (person: ReturnType<typeof makePerson>) => Terms>> = {
  'whole name': ({ displayName }) => [['displayname', displayName]],
  'beginning of a surname': ({ properties }) => [['sn', properties.surname.slice(0, 3)]],
  'one letter': ({ properties }) => [['givenname', properties.givenName.slice(0, 1)]],
  'any name': ({ properties }) => [['anr', properties.surname.slice(0, 4)]],
  'any name, one letter': ({ properties }) => [['anr', properties.surname.slice(0, 1)]],
  'any name, first and last': ({ properties }) => [['anr', `${properties.givenName} ${properties.surname.slice(0, 3)}`]],
  'surname and city': ({ properties }) => [['sn', properties.surname.slice(0, 3)], ['l', properties.city]],
  'three conditions': ({ properties }) => [['givenname', properties.givenName.slice(0, 2)], ['sn', properties.surname.slice(0, 2)], ['company', properties.company]],
  'telephone number': ({ properties }) => [['telephonenumber', properties.phone.slice(0, 9)]],
  'nobody': () => [['sn', 'xyzzy'], ['l', 'berlin']],
  'two halves, nobody in both': () => [['company', 'nordwind'], ['c', 'at']],
}

const measure = async (store: Store, users: number, samples: number): Promise<readonly Row[]> => {
  const directory = createUserDirectory(store.db)
  const rows: Row[] = []
  for (const [what, terms] of Object.entries(searches)) {
    const times: number[] = []
    let found = 0
    let refused = 0
    const run = async (at: number): Promise<void> => {
      const asked: readonly SearchTerm[] = terms(makePerson((at * 7_368_787) % users, users)).map(([attribute, value]) => ({ attribute, value }))
      times.push(await timed(() => directory.search({ terms: asked, limit: LIMIT }).then(({ people }) => { found += people.length }, () => { refused += 1 })))
    }
    await run(samples)
    times.length = 0
    found = 0
    for (let at = 0; at < samples; at += 1) await run(at)
    const sorted = ascending(times)
    const began = performance.now()
    await inParallel(Array.from({ length: samples }, (_, at) => at), 4, run)
    rows.push({
      database: store.kind, users, 'looked for': what, 'found on average': rounded(found / samples / 2, 1), 'p50 ms': percentile(sorted, 0.5), 'p99 ms': percentile(sorted, 0.99),
      'searches/s, 4 at a time': Math.round(samples / ((performance.now() - began) / 1000)), refused,
    })
  }
  return rows
}

/** Searches of made-up users, most of them under names that many share: time of each kind, what the index costs on disk and in writing. */
export const benchSearch = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['users', 'database', 'samples'])
  const [users, samples] = [read.number('users', 100_000), read.number('samples', 100)]
  return onDatabases(read.choices('database', databaseKinds, ['postgres']), async (_kind, url) => {
    const store = await connectStore({ ...(url === undefined ? {} : { url }), onError: () => undefined })
    try {
      await migrate(store.pool, readMigrations(join(packageRoot(), 'migrations')))
      const took = await timed(async () => { for (let from = 0; from < users; from += CHUNK) await insert(store, from, Math.min(users, from + CHUNK), users) })
      await store.pool.query('VACUUM ANALYZE')
      const { rows: [size] } = await store.pool.query<{ entries: number; rows: number }>("SELECT pg_total_relation_size('directory_entry')::float8 AS entries, pg_total_relation_size('presence_user')::float8 AS rows")
      process.stdout.write(`${users} users made in ${Math.round(took / 1000)} s; index ${Math.round((size?.entries ?? 0) / users)} bytes a user, beside ${Math.round((size?.rows ?? 0) / users)} of the users themselves\n`)
      return await measure(store, users, samples)
    } finally {
      await store.close()
    }
  })
}
