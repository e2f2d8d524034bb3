import pg from 'pg'
import { readArguments } from './bench-arguments.ts'
import { measureCeiling } from './bench-ceiling.ts'
import { bringPublishers, createCrowd, createPublish, publisherName, range } from './bench-crowd.ts'
import { databaseKinds, withPostgres } from './bench-database.ts'
import { expectOk, type Link } from './bench-link.ts'
import { measureLoad, runLoad } from './bench-load.ts'
import { wayNames, ways, withStage, type Way } from './bench-stage.ts'
import { percent, type Row } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { hasKamailio } from './kamailio-process.ts'
import { withFreshDatabase } from './temporary-postgres.ts'

/** Publishers for up to this many watchers; beyond, one per caller, so that set-up stays bounded. */
const PUBLISHERS = 100
/** The engine's pool of connections (PRESENTIA_DATABASE_POOL): more of them do not write at a time. */
const POOL = 8

/** Before the first measurement, so that what is measured is compiled. */
const WARM_UP_SECONDS = 2

/** What is published in each turn: name to first message and all others. Version 0 creates. */
const publications = {
  /** One note. */
  note: { first: (user: string) => wire.publishNote(user, 200, 0, 'hello'), next: (user: string, version: number, turn: number) => wire.publishNote(user, 200, version, `note ${turn}`) },
  /** The states of a machine that is active and idle in turn, with a note to two containers: four instances, and what the server computes from them (3.8). */
  state: { first: (user: string) => wire.publishDesk(user, 3500, 0, 'hello'), next: (user: string, version: number, turn: number) => wire.publishDesk(user, version % 2 === 0 ? 3500 : 5000, version, `note ${turn}`) },
} as const

type What = keyof typeof publications
const whats: readonly What[] = ['note', 'state']

interface Plan {
  readonly watchers: readonly number[]
  readonly callers: readonly number[]
  readonly seconds: number
  readonly what: What
}

/** A row that may still be compared with the ceiling of its callers. */
interface Result {
  readonly row: Row
  readonly callers: number
  readonly rate: number
}

const runWay = (plan: Plan, way: Way, databaseUrl: string | undefined): Promise<readonly Result[]> =>
  withStage({ way, databaseUrl }, async (stage) => {
    const most = Math.max(PUBLISHERS, ...plan.callers)
    const few = Math.max(...plan.callers)
    const { first, next } = publications[plan.what]
    await bringPublishers(stage, most, first)
    const callers = await Promise.all(range(0, few).map(stage.open))
    const crowd = createCrowd(stage)
    const publishAs = createPublish(next)
    const publish = (link: Link, publisher: number, turn: number): Promise<void> => publishAs(link, publisherName(publisher), turn)
    await runLoad({ links: callers, publishers: most, seconds: WARM_UP_SECONDS, publish })
    const results: Result[] = []
    for (const watchers of plan.watchers) {
      const publishers = watchers > PUBLISHERS ? few : most
      await crowd.grow(watchers, (link, watcher) => expectOk('watch', link.send(wire.watchCategories(watcher, plan.what === 'note' ? ['note'] : ['note', 'state'], range(0, publishers).map(publisherName)))))
      for (const count of plan.callers) {
        const { rate, row } = await measureLoad({ links: callers.slice(0, count), publishers, seconds: plan.seconds, publish }, watchers, stage.ear, stage.cpu)
        results.push({ rate, callers: count, row: { database: databaseUrl === undefined ? 'embedded' : 'PostgreSQL', path: wayNames[way], watchers, publishers, callers: count, ...row } })
      }
    }
    return results
  })

// One publish is one transaction: what it wrote has the same xmin.
const WRITTEN = `
  SELECT payload FROM category_instance WHERE publisher = $1 AND xmin::text = (SELECT xmin::text FROM category_instance WHERE publisher = $1 ORDER BY publish_time DESC, xmin::text::bigint DESC LIMIT 1)`

/** The payloads of all rows that the last publish of p0 wrote, computed ones with them. */
const lastWritten = async (url: string): Promise<readonly string[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client.query<{ readonly payload: string }>(WRITTEN, [`${publisherName(0)}@example.com`]).then(({ rows }) => rows.map(({ payload }) => payload)).finally(() => client.end())
}

/** All ways on one PostgreSQL server, and then what that server can do at best with the same rows. */
const runPostgres = (plan: Plan, chosen: readonly Way[]) => async (server: string): Promise<readonly Row[]> => {
  const results: Result[] = []
  let written: readonly string[] = []
  for (const way of chosen) {
    await withFreshDatabase(server, async (url) => {
      results.push(...await runWay(plan, way, url))
      written = await lastWritten(url)
    })
  }
  const ceilings = new Map<number, number>()
  const rows: Row[] = []
  for (const callers of plan.callers) {
    const connections = Math.min(callers, POOL)
    const ceiling = await measureCeiling(server, written, connections, plan.seconds)
    ceilings.set(callers, ceiling.pg.rate)
    const bare = { database: 'PostgreSQL', watchers: '-', publishers: PUBLISHERS, callers: connections }
    rows.push({ ...bare, path: `bare UPDATE of ${written.length} rows (pg)`, 'publishes/s': Math.round(ceiling.pg.rate), 'µs database': ceiling.pg.databaseCpu === undefined ? '-' : Math.round(ceiling.pg.databaseCpu), 'of ceiling': '100 %' })
    if (ceiling.pgbench !== undefined) rows.push({ ...bare, path: `bare UPDATE of ${written.length} rows (pgbench)`, 'publishes/s': Math.round(ceiling.pgbench), 'of ceiling': percent(ceiling.pgbench, ceiling.pg.rate) })
  }
  return [...results.map(({ row, callers, rate }) => ({ ...row, 'of ceiling': percent(rate, ceilings.get(callers)) })), ...rows]
}

/**
 * Publishes of 100 publishers with growing numbers of watchers and callers, engine alone and through Kamailio, beside what the same PostgreSQL
 * server does with bare writes of the same rows.
 */
export const benchPublish = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['watchers', 'callers', 'seconds', 'through', 'database', 'what'])
  const plan: Plan = {
    watchers: read.numbers('watchers', read.plain.length > 0 ? read.plain.map(Number) : [0, 1, 10]).toSorted((a, b) => a - b), callers: read.numbers('callers', [8]),
    seconds: read.number('seconds', Number(process.env['BENCH_SECONDS'] ?? 5)), what: read.choices('what', whats, ['note'])[0] ?? 'note',
  }
  const databases = read.choices('database', databaseKinds, databaseKinds)
  const chosen = read.choices('through', ways, hasKamailio() ? ways : ['http'])
  return [
    ...(databases.includes('postgres') ? await withPostgres(runPostgres(plan, chosen)) ?? [] : []),
    ...(databases.includes('embedded') ? (await runWay(plan, 'http', undefined)).map(({ row }) => row) : []),
  ]
}
