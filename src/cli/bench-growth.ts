import { setTimeout as sleep } from 'node:timers/promises'
import { readArguments } from './bench-arguments.ts'
import { createCrowd, publishNotes, range, watcherName, type Crowd, type Publish } from './bench-crowd.ts'
import { withPostgres } from './bench-database.ts'
import { makeTemplate, openStoredUsers, storedName, type StoredUsers } from './bench-growth-users.ts'
import { expectOk, type Link } from './bench-link.ts'
import { measureLoad, runLoad } from './bench-load.ts'
import { ways, withStage, type Stage, type Way } from './bench-stage.ts'
import { ascending, percentile, rounded, timed, type Row } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { withFreshDatabase } from './temporary-postgres.ts'

const CALLERS = 8
const WARM_UP_SECONDS = 2
const WATCHERS = 20
const SAMPLES = 200
const IDLE_SECONDS = 10
const ROUND_SECONDS = 16

/** A prime above all sizes that do not divide by it: one user after the other, but never neighbours. */
const STRIDE = 7_368_787

/** Repeats work one at a time; p50 and p99 in milliseconds. */
const latencyOf = async (samples: number, work: (at: number) => Promise<unknown>): Promise<readonly [number, number]> => {
  const times: number[] = []
  for (let at = 0; at < samples; at += 1) times.push(await timed(() => work(at)))
  const sorted = ascending(times)
  return [percentile(sorted, 0.5), percentile(sorted, 0.99)]
}

const listLatency = async ({ engine }: Stage, size: number): Promise<Row> => {
  const middle = Buffer.from(`${storedName(Math.floor(size / 2))}@example.com`).toString('base64url')
  const page = (query: string) => latencyOf(30, async () => { await (await engine.admin(`/admin/v1/users?limit=100${query}`)).arrayBuffer() })
  const [[first], [later]] = [await page(''), await page(`&cursor=${middle}`)]
  return { 'list p50 ms': first, 'list from the middle p50 ms': later }
}

/** What the timers cost while nobody asks for anything: CPU milliseconds per second. */
const idleCost = async (stage: Stage): Promise<Row> => {
  const before = stage.cpu()
  await sleep(IDLE_SECONDS * 1000)
  const after = stage.cpu()
  const perSecond = (who: 'engine' | 'database'): number => rounded(((after[who] ?? 0) - (before[who] ?? 0)) / IDLE_SECONDS, 1)
  return { 'timers: engine ms/s': perSecond('engine'), 'timers: database ms/s': perSecond('database') }
}

/** How many users per second the server publication timer looks at in a round that is due now. It takes a piece every five seconds. */
const roundSpeed = async (stored: StoredUsers, size: number): Promise<Row> => {
  await stored.query('DELETE FROM user_round')
  const begin = performance.now()
  let seen = 0
  while (seen < size && performance.now() - begin < ROUND_SECONDS * 1000) {
    await sleep(200)
    const [row] = await stored.query<{ readonly seen: string }>('SELECT count(*) AS seen FROM presence_user WHERE user_uri <= (SELECT coalesce(position, chr(1114111)) FROM user_round)')
    seen = Number(row?.seen ?? 0)
  }
  const speed = seen / ((performance.now() - begin) / 1000)
  return { 'round: users/s': Math.round(speed), 'whole round s': speed === 0 ? '-' : Math.round(size / speed) }
}

const databaseBytes = async (stored: StoredUsers): Promise<number> => {
  const [row] = await stored.query<{ readonly bytes: number }>('SELECT pg_database_size(current_database())::float8 AS bytes')
  return row?.bytes ?? 0
}

/** Who takes part at every size. */
interface Cast {
  readonly stage: Stage
  readonly stored: StoredUsers
  readonly callers: readonly Link[]
  readonly crowd: Crowd
  readonly publish: Publish
}

const measureSize = async ({ stage, stored, callers, crowd, publish }: Cast, size: number, seconds: number): Promise<Row> => {
  const publisherAt = (at: number): string => storedName((at * STRIDE) % size)
  const load = { links: callers, publishers: size, publish: (link: Link, at: number, turn: number) => publish(link, publisherAt(at), turn) }
  await runLoad({ ...load, seconds: WARM_UP_SECONDS })
  const { row } = await measureLoad({ ...load, seconds }, 0, stage.ear, stage.cpu)
  const [p50, p99] = await latencyOf(SAMPLES, (at) => expectOk('watch', crowd.linkOf(at % WATCHERS).send(wire.watchOne(watcherName(at % WATCHERS), publisherAt(at * 31)))))
  return {
    users: size, 'publishes/s': row['publishes/s'] ?? '-', 'p99 ms': row['p99 ms'] ?? '-', 'µs engine': row['µs engine'] ?? '-', 'µs database': row['µs database'] ?? '-', 'subscribe p50 ms': p50, 'subscribe p99 ms': p99,
    ...await listLatency(stage, size), ...await idleCost(stage), ...await roundSpeed(stored, size),
  }
}

/**
 * Growing numbers of stored users, copied in SQL from one that was made as clients and operators do: publishes of all of them in turn, subscribes, pages
 * of the user list, what the timers cost, and bytes on disk.
 */
export const benchGrowth = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['users', 'seconds', 'through'])
  const sizes = read.numbers('users', [1_000, 10_000, 100_000]).toSorted((a, b) => a - b)
  const way: Way = read.choices('through', ways, ['http'])[0] ?? 'http'
  return await withPostgres((server) => withFreshDatabase(server, (url) => withStage({ way, databaseUrl: url }, async (stage) => {
    const stored = await openStoredUsers(url)
    try {
      const callers = await Promise.all(range(0, CALLERS).map(stage.open))
      const [first] = callers
      if (first !== undefined) await makeTemplate(stage.engine, first)
      const crowd = createCrowd(stage)
      await crowd.grow(WATCHERS, async () => undefined)
      const [publish, empty, rows]: [Publish, number, Row[]] = [publishNotes(), await databaseBytes(stored), []]
      for (const size of sizes) {
        const took = await timed(() => stored.growTo(size))
        const bytes = await databaseBytes(stored)
        const row = await measureSize({ stage, stored, callers, crowd, publish }, size, read.number('seconds', Number(process.env['BENCH_SECONDS'] ?? 5)))
        rows.push({ ...row, 'database MB': Math.round(bytes / 2 ** 20), 'bytes per user': Math.round((bytes - empty) / size), 'made in s': Math.round(took / 1000) })
      }
      return rows
    } finally {
      await stored.close()
    }
  }))) ?? []
}
