import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beActor, createActors, type Actor, type ActorReport, type Stage } from './check-actors.ts'
import { readCheckArguments } from './check-arguments.ts'
import { orUsage, runCheck } from './check-run.ts'
import { startWorld, type World } from './check-world.ts'
import { collectGarbage } from './collect-garbage.ts'
import { freePort } from './free-port.ts'
import { metric } from './metric.ts'
import { createSeeded } from './seeded.ts'
import { judge } from './soak-verdict.ts'

const OPTIONS = { minutes: { usual: 3, min: 3, max: 24 * 60 }, clients: { usual: 24, min: 2, max: 500 }, seed: { usual: randomInt(1_000_000), min: 0, max: 0xffffffff } } as const

const USERS = 8
const PAUSE_MS = 400
/** Answers of requests are kept for more than a minute, so that the first minute and a half grow by design; then at least as long as it takes to see a trend. */
const WARM_UP_S = 100
const MOST_SAMPLES = 120
const SHORTEST_SAMPLE_S = 5

/** Lives so short that subscriptions, registrations and publications end by themselves all the time. */
const SETTINGS = { PRESENTIA_SUBSCRIPTION_EXPIRES_MIN: '1', PRESENTIA_LOST_CONNECTION_GRACE_MS: '1000', PRESENTIA_LOG_LEVEL: 'warn' }
const LIFE = { subscriptionExpires: 20, registrationExpires: 20, registrationRenewMs: 10_000 }
/** A client that stays away this long loses its subscriptions and its registration by their end. */
const AWAY_MS = 25_000
/** What should have ended may be there for another moment: timers run once a second, that of answers twice a minute. */
const LATE_MS = 5_000
const ANSWERED_MS = 64_000 + 30_000

const MB = 1024 * 1024

/** What is measured again and again, by name; most of it has to level off. */
type Sample = ReadonlyMap<string, number>

/** Bytes that are kept on the heap once garbage is collected, and bytes of the whole process. */
const measureMemory = async (world: World, inspectPort: number): Promise<Sample> => {
  await collectGarbage(inspectPort)
  const text = await world.metrics()
  return new Map([['resident memory', metric(text, 'presentia_process_resident_memory_bytes')], ['heap', metric(text, 'presentia_nodejs_heap_size_used_bytes')]])
}

/** Rows are counted and sizes taken after a VACUUM: what autovacuum would do once a minute, so that what is measured is not how long ago it came by. */
const measureTables = async (world: World): Promise<Sample> => {
  await world.query('VACUUM')
  const names = (await world.query<{ name: string }>("SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname")).map(({ name }) => name)
  const rows = await world.query<{ name: string; rows: number; bytes: number }>(names.map((name) => `SELECT '${name}' AS name, (SELECT count(*) FROM ${name}) AS rows, pg_total_relation_size('${name}') AS bytes`).join(' UNION ALL '))
  const now = Date.now()
  const [late] = await world.query<{ late: number }>(`SELECT (SELECT count(*) FROM dialog WHERE expires_at < ${now - LATE_MS}) + (SELECT count(*) FROM endpoint WHERE expires_at < ${now - LATE_MS})
    + (SELECT count(*) FROM category_instance WHERE expires_at < ${now - LATE_MS}) + (SELECT count(*) FROM answered WHERE at < ${now - ANSWERED_MS - LATE_MS}) AS late`)
  return new Map([
    ['all tables', rows.reduce((sum, { name, bytes }) => (name === 'answered' ? sum : sum + bytes), 0)], ['overdue rows', late?.late ?? 0],
    ...rows.flatMap(({ name, rows: count, bytes }): readonly [string, number][] => [[`rows of ${name}`, count], [`bytes of ${name}`, bytes]]),
  ])
}

/**
 * How far something may grow without being suspected. The table of answers is as large as the load of the last minute and a half, and is emptied twice a minute all at once:
 * that none of its rows is overdue says more than its size.
 */
const floorOf = (name: string): number =>
  (name === 'heap' ? 4 * MB : name === 'resident memory' ? 24 * MB : name.endsWith(' of answered') ? Infinity : name === 'all tables' ? MB / 2 : name.startsWith('bytes of') ? MB / 8 : name === 'overdue rows' ? 20 : 100)

const writeSample = (seconds: number, requests: number, sample: Sample): string => {
  const of = (name: string): number => sample.get(name) ?? Number.NaN
  return `${String(seconds).padStart(6)} s  ${requests} requests  heap ${(of('heap') / MB).toFixed(1)} MB  resident ${(of('resident memory') / MB).toFixed(1)} MB  tables ${(of('all tables') / 1024).toFixed(0)} and ${(of('bytes of answered') / 1024).toFixed(0)} KB  ${of('rows of dialog')} dialogs  ${of('rows of category_instance')} instances  ${of('rows of answered')} answers  ${of('rows of change')} changes and ${of('rows of deferred')} debts wait  ${of('overdue rows')} overdue\n`
}

/** Measures while the load goes on, and judges in the end. */
const soak = async (world: World, stage: Stage, actors: readonly Actor[], report: ActorReport & { readonly counts: ReadonlyMap<string, number> }, minutes: number, inspectPort: number): Promise<readonly string[]> => {
  await world.admin('PUT', 'domains/example.com', { kind: 'enterprise' })
  for (const user of stage.users) await world.admin('PUT', `users/${user}`, { displayName: user })
  const begin = Date.now()
  const end = begin + minutes * 60_000
  const work = Promise.all(actors.map((actor) => beActor(stage, actor, PAUSE_MS, report, () => (Date.now() > end ? 'over' : 'load'))))
  const samples: (readonly [seconds: number, sample: Sample])[] = []
  for (let before = 0; Date.now() < end;) {
    await Promise.race([sleep(Math.max(SHORTEST_SAMPLE_S * 1000, (end - begin) / MOST_SAMPLES)), work])
    const sample = new Map([...await measureMemory(world, inspectPort), ...await measureTables(world)])
    const seconds = Math.round((Date.now() - begin) / 1000)
    const requests = [...report.counts].reduce((sum, [what, count]) => (what.includes(' answered ') ? sum + count : sum), 0)
    process.stdout.write(writeSample(seconds, requests - before, sample))
    before = requests
    samples.push([seconds, sample])
  }
  await work
  const measured = samples.filter(([seconds]) => seconds >= WARM_UP_S)
  const verdicts = [...measured[0]?.[1].keys() ?? []].map((name) => judge({ name, floor: floorOf(name), samples: measured.map(([seconds, sample]) => [seconds, sample.get(name) ?? 0]) }))
  console.table(Object.fromEntries(verdicts.filter(({ first, last }) => first + last > 0).map(({ name, first, last, growth, allowed, level }) => [name, { first, last, growth: Math.round(growth), allowed: Math.round(allowed), level }])))
  console.table(Object.fromEntries([...report.counts].sort(([a], [b]) => (a < b ? -1 : 1))))
  return [
    ...verdicts.filter(({ level }) => !level).map(({ name, first, last, growth, allowed }) => `${name} does not level off: from ${first} to ${last}, growing by ${Math.round(growth)} where ${Math.round(allowed)} are allowed`),
    ...(verdicts.length === 0 ? ['the run was too short to mean anything'] : []),
  ]
}

/**
 * `presentia check-soak`: a steady mix of everything that clients do, with lives so short that everything ends by itself all the time, on one engine, one proxy and one
 * PostgreSQL. After a warm-up memory, rows and table sizes must have levelled off.
 */
export const run = async (args: readonly string[]): Promise<void> => {
  const { numbers: { minutes, clients, seed }, texts: { logs } } = orUsage(readCheckArguments(args, OPTIONS, ['logs']))
  await runCheck({
    name: 'soak', again: `npm run check:soak -- --minutes ${minutes} --clients ${clients} --seed ${seed}`,
    work: async (postgres, until) => {
      const counts = new Map<string, number>()
      const violations: string[] = []
      const seeded = createSeeded(seed)
      const inspectPort = await freePort()
      const count = (what: string): void => { counts.set(what, (counts.get(what) ?? 0) + 1) }
      const violate = (text: string): void => { violations.push(text) }
      const world = await startWorld(postgres, { engines: 1, proxies: 1, logFile: logs, onDeath: violate, engineFor: () => 0, settings: { ...SETTINGS, NODE_OPTIONS: `--inspect=127.0.0.1:${inspectPort}` } })
      const stage: Stage = { seeded, awayMs: AWAY_MS, users: Array.from({ length: USERS }, (_, at) => `u${at}@example.com`), port: () => world.sipPorts[0] ?? 0, onAnswer: (method, status) => count(`${method} answered ${status ?? 'nothing'}`) }
      const report = { counts, count, violate, heard: () => count('notifications') }
      const actors = createActors(stage, clients, report, LIFE)
      const found = await until(soak(world, stage, actors, report, minutes, inspectPort)).catch((error: unknown) => [error instanceof Error ? error.stack ?? error.message : String(error)])
      for (const { client } of actors) client.lose()
      await world.stop()
      return [...violations, ...found]
    },
  })
}
