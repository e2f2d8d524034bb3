import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beActor, CATEGORIES, createActors, type Actor, type Phase, type Stage } from './check-actors.ts'
import { readCheckArguments } from './check-arguments.ts'
import { orUsage, runCheck } from './check-run.ts'
import { ownPlaces, seenPlaces, storedAt, type StoredUser } from './check-verdict.ts'
import { startWorld, type Part, type World } from './check-world.ts'
import type { ClientDialog } from './presence-client.ts'
import { checkPublished } from './publish-record.ts'
import { createSeeded, type Seeded } from './seeded.ts'
import { compareViews } from './watcher-model.ts'

const OPTIONS = { seconds: { usual: 60, min: 5, max: 3_600 }, clients: { usual: 24, min: 2, max: 500 }, seed: { usual: randomInt(1_000_000), min: 0, max: 0xffffffff } } as const

const USERS = 8
/** How long a client is idle between two deeds, at most. */
const PAUSE_MS = 500
/** A fault every so often, and how long what it took away stays away. */
const FAULT_EVERY_MS = [2_000, 6_000] as const
const AWAY_MS = [500, 4_000] as const
/** Everything must be quiet so long after the last fault was mended. */
const QUIET_MS = 120_000
/** Nothing more is heard for this long: what was on its way has arrived. */
const SILENCE_MS = 1_500
/** Time-bounded publications may end while the views are compared. */
const AGAIN = 10

const between = (seeded: Seeded, [from, to]: readonly [number, number]): number => from + seeded.below(to - from)

/** All that one run counts and finds. */
const createReport = () => {
  const counts = new Map<string, number>()
  const violations: string[] = []
  const timeline: string[] = []
  return {
    counts, violations, timeline, lastHeard: 0,
    heard(): void {
      this.count('notifications')
      this.lastHeard = Date.now()
    },
    count: (what: string): void => { counts.set(what, (counts.get(what) ?? 0) + 1) },
    violate: (text: string): void => { violations.push(`${new Date().toISOString().slice(14, 23)} ${text}`) },
    tell: (text: string): void => { timeline.push(`${new Date().toISOString().slice(14, 23)} ${text}`) },
  }
}

type Report = ReturnType<typeof createReport>

interface Run {
  readonly world: World
  readonly stage: Stage
  readonly actors: readonly Actor[]
  readonly report: Report
  phase: Phase
}

const live = ({ client }: Actor): readonly ClientDialog[] => client.dialogs().filter(({ state }) => state === 'live')

/** Takes parts away at random and brings them back, several at a time if it comes to that. */
const makeTrouble = async (run: Run): Promise<void> => {
  const { world: { parts }, stage: { seeded }, report } = run
  const mending: Promise<void>[] = []
  const strike = async (part: Part): Promise<void> => {
    report.tell(`${part.name} killed`)
    report.count(`kills of ${part.kind === 'proxy' ? 'proxies' : `${part.kind}s`}`)
    await part.kill()
    await sleep(between(seeded, AWAY_MS))
    await part.mend()
    report.tell(`${part.name} is back`)
  }
  while (run.phase === 'load') {
    await sleep(between(seeded, FAULT_EVERY_MS))
    const up = parts.filter((part) => part.isUp())
    if (run.phase === 'load' && up.length > 2) mending.push(strike(seeded.pick(up)))
  }
  await Promise.all(mending)
}

const PENDING = `SELECT (SELECT count(*) FROM change) AS changes, (SELECT count(*) FROM deferred) AS owed,
  (SELECT count(*) FROM deferred AS d WHERE NOT EXISTS (SELECT 1 FROM dialog WHERE dialog.subscriber = d.subscriber AND dialog.local_tag = d.local_tag)) AS lost`

/** Lets clients put themselves in order until none of them has anything to do, nothing waits to be told, and nothing more is heard. */
const waitUntilQuiet = async ({ world, actors, report }: Run): Promise<void> => {
  const begin = Date.now()
  let last = ''
  while (Date.now() < begin + QUIET_MS) {
    const [row] = await world.query<{ changes: number; owed: number; lost: number }>(PENDING)
    const busy = actors.filter(({ client }) => !client.isInOrder())
    last = `${row?.changes} changes and ${row?.owed} debts wait (${row?.lost} to dialogs that are gone), ${busy.length} clients are not in order: ${busy.map(({ client }) => `${client.identity.epid} ${client.trail.at(-1) ?? ''}`).join(', ')}`
    if (row?.changes === 0 && row.owed === 0 && busy.length === 0 && Date.now() - report.lastHeard > SILENCE_MS) {
      report.counts.set('ms until quiet', Date.now() - begin)
      return
    }
    await sleep(250)
  }
  report.violate(`not quiet ${QUIET_MS / 1000} s after the last fault: ${last}`)
}

const readUser = async (world: World, user: string): Promise<StoredUser> => JSON.parse(await world.admin('GET', `users/${user}/presence`) ?? '') as StoredUser

/** What every client knows, against what is stored now; sentences with the trail of the dialog. */
const compareAll = async ({ world, stage, actors, report }: Run): Promise<readonly string[]> => {
  const stored = new Map(await Promise.all(stage.users.map(async (user) => [user, await readUser(world, user)] as const)))
  const faults: string[] = []
  let views = 0
  for (const actor of actors) {
    const { identity } = actor.client
    for (const dialog of live(actor)) {
      const wrong: string[] = []
      if (await world.admin('GET', `subscriptions/${identity.user}/${dialog.toTag ?? ''}`) === undefined) wrong.push(`it is gone, and its client was never told; registered are ${JSON.stringify(stored.get(identity.user)?.endpoints)}`)
      else if (dialog.kind === 'self') {
        const user = stored.get(identity.user)
        if (user !== undefined) wrong.push(...compareViews(dialog.watching.view(identity.user), ownPlaces(user)))
        views += 1
      } else for (const publisher of dialog.watched) {
        const document = await world.admin('GET', `users/${publisher}/view-as?subscriber=${identity.user}&${CATEGORIES.map((category) => `category=${category}`).join('&')}`)
        wrong.push(...compareViews(dialog.watching.view(publisher), seenPlaces(document ?? '')).map((text) => `${publisher} ${text}`))
        views += 1
      }
      if (wrong.length > 0) faults.push(`${dialog.kind} dialog ${dialog.callId} of ${identity.user} (${identity.epid} over ${identity.transport}): ${wrong.join('\n    ')}\n    ${[...dialog.trail, ...actor.client.trail].sort().join('\n    ')}`)
    }
  }
  report.counts.set('views compared', views)
  return faults
}

const verify = async (run: Run): Promise<void> => {
  const { world, stage, actors, report } = run
  let faults = await compareAll(run)
  for (let at = 0; at < AGAIN && faults.length > 0; at += 1) {
    await sleep(1_000)
    faults = await compareAll(run)
  }
  for (const fault of faults) report.violate(fault)
  for (const user of stage.users) {
    const attempts = actors.find(({ client }) => client.identity.user === user)?.attempts ?? []
    report.counts.set('acknowledged', (report.counts.get('acknowledged') ?? 0) + attempts.filter(({ outcome }) => outcome === 'acknowledged').length)
    report.counts.set('outcome unknown', (report.counts.get('outcome unknown') ?? 0) + attempts.filter(({ outcome }) => outcome === 'unknown').length)
    for (const text of checkPublished(attempts, storedAt(await readUser(world, user)))) report.violate(`${user}: ${text}`)
  }
}

const play = async (run: Run, seconds: number): Promise<void> => {
  const { world, stage, actors, report } = run
  await world.admin('PUT', 'domains/example.com', { kind: 'enterprise' })
  for (const user of stage.users) await world.admin('PUT', `users/${user}`, { displayName: user.split('@', 1)[0] })
  const trouble = makeTrouble(run)
  const life = Promise.all(actors.map((actor) => beActor(stage, actor, PAUSE_MS, report, () => run.phase)))
  await Promise.race([sleep(seconds * 1000), trouble, life])
  run.phase = 'quiet'
  await trouble
  report.tell('the load is over')
  await waitUntilQuiet(run)
  await verify(run)
  run.phase = 'over'
  await life
  if (seconds >= 30 && ['kills of engines', 'kills of proxies', 'kills of databases', 'notifications', 'acknowledged'].some((what) => (report.counts.get(what) ?? 0) === 0)) report.violate('the run was too short to mean anything')
}

/**
 * `presentia check-delivery`: users with several clients publish, regroup and watch each other at random through two proxies and two engines over one PostgreSQL, all of
 * which are killed again and again. When all is quiet, every watcher must know what is stored, every dialog must have been numbered upwards, and nothing
 * acknowledged may be lost.
 */
export const run = async (args: readonly string[]): Promise<void> => {
  const { numbers: { seconds, clients, seed }, texts: { logs } } = orUsage(readCheckArguments(args, OPTIONS, ['logs']))
  const report = createReport()
  const seeded = createSeeded(seed)
  await runCheck({
    name: 'delivery', again: `npm run check:delivery -- --seconds ${seconds} --clients ${clients} --seed ${seed}; chance repeats, timing does not`,
    work: async (postgres, until) => {
      const world = await startWorld(postgres, { engines: 2, proxies: 2, logFile: logs, onDeath: report.violate, engineFor: () => seeded.below(2), settings: { PRESENTIA_CLEANUP_MS: '500', PRESENTIA_LOST_CONNECTION_GRACE_MS: '2000', ...(logs === undefined ? {} : { PRESENTIA_LOG_LEVEL: 'debug' }) } })
      const stage: Stage = { seeded, awayMs: AWAY_MS[1], users: Array.from({ length: USERS }, (_, at) => `u${at}@example.com`), port: () => seeded.pick(world.sipPorts), onAnswer: (method, status) => report.count(`${method} answered ${status ?? 'nothing'}`) }
      const state: Run = { world, stage, actors: createActors(stage, clients, report), report, phase: 'load' }
      await until(play(state, seconds)).catch((error: unknown) => report.violate(error instanceof Error ? error.stack ?? error.message : String(error)))
      state.phase = 'over'
      for (const { client } of state.actors) client.lose()
      await world.stop()
      console.table(Object.fromEntries([...report.counts].sort(([a], [b]) => (a < b ? -1 : 1))))
      if (report.violations.length > 0) process.stdout.write(`${report.timeline.join('\n')}\n`)
      // What the end has shown first: it is what counts, and there may be many of the others.
      return report.violations.reverse()
    },
  })
}
