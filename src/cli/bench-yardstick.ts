import { readArguments } from './bench-arguments.ts'
import { range } from './bench-crowd.ts'
import { withPostgres } from './bench-database.ts'
import { idleRow, measureIdle } from './bench-latency.ts'
import { measureLoad, runLoad, settle } from './bench-load.ts'
import { percentile, rounded, timed, type Row } from './bench-statistics.ts'
import { hasKamailio } from './kamailio-process.ts'
import { withFreshDatabase } from './temporary-postgres.ts'
import { notificationKinds, whatTheirsLacks, withOurs, withTheirs, type Contestant, type NotificationKind } from './yardstick-contestants.ts'

const PUBLISHERS = 100
const IDLE_SAMPLES = 200
const WARM_UP_SECONDS = 2

/** Ours is the engine on PostgreSQL behind Kamailio; theirs are Kamailio's presence modules, with everything in the same PostgreSQL or in memory only. */
const contestants = ['durable', 'ours', 'memory'] as const
type Name = (typeof contestants)[number]

const names: Readonly<Record<Name, string>> = { ours: 'Presentia through Kamailio', durable: 'Kamailio presence, durable', memory: 'Kamailio presence, memory only' }

interface Plan {
  readonly watchers: readonly number[]
  readonly callers: number
  readonly seconds: number
}

interface Result {
  readonly who: Name
  readonly watchers: number
  readonly rate: number
  readonly cpu: number
  readonly row: Row
}

const play = ({ watchers, callers, seconds }: Plan, who: Name) => async (contestant: Contestant): Promise<readonly Result[]> => {
  const links = await Promise.all(range(0, callers).map(contestant.open))
  const { publish, ear } = contestant
  await runLoad({ links, publishers: PUBLISHERS, seconds: WARM_UP_SECONDS, publish })
  const results: Result[] = []
  for (const count of watchers) {
    let dialogs = 0
    const took = await timed(async () => { dialogs = await contestant.grow(count) })
    await settle(ear)
    const [idleLink] = links
    const idle = count === 1 && idleLink !== undefined ? await measureIdle(idleLink, ear, IDLE_SAMPLES, (link, turn) => publish(link, 0, turn)) : undefined
    const { rate, cpu, row } = await measureLoad({ links, publishers: PUBLISHERS, seconds, publish }, count, ear, contestant.cpu)
    results.push({ who, watchers: count, rate, cpu, row: { who: names[who], watchers: count, ...row, 'subscribes/s': dialogs === 0 ? '-' : Math.round(dialogs / took * 1000), ...(idle === undefined ? {} : { 'idle p50 ms': percentile(idle.heard, 0.5), 'idle p99 ms': idleRow(idle)['heard p99 ms'] ?? '-' }) } })
  }
  return results
}

const withContestant = (who: Name, url: string, kind: NotificationKind, work: (contestant: Contestant) => Promise<readonly Result[]>): Promise<readonly Result[]> =>
  who === 'ours' ? withOurs(url, PUBLISHERS, kind, work) : withTheirs(url, PUBLISHERS, who === 'durable', work)

/**
 * Publishes of 100 publishers, each in place of the one before, with growing numbers of watchers (one dialog per watcher and publisher), over TCP:
 * our engine behind Kamailio, and beside it in the same run Kamailio's own presence modules, which somebody would use instead.
 */
export const benchYardstick = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['watchers', 'callers', 'seconds', 'who', 'ours'])
  const plan: Plan = { watchers: read.numbers('watchers', [0, 1, 10, 100]).toSorted((a, b) => a - b), callers: read.number('callers', 8), seconds: read.number('seconds', Number(process.env['BENCH_SECONDS'] ?? 5)) }
  const kind = read.choices('ours', notificationKinds, ['benotify'])[0] ?? 'benotify'
  const chosen = read.choices('who', contestants, contestants)
  if (!hasKamailio()) throw new Error('kamailio is not installed (kamailio/install.sh)')
  const lacks = chosen.some((who) => who !== 'ours') ? whatTheirsLacks() : undefined
  if (lacks !== undefined) throw new Error(lacks)
  return await withPostgres(async (server) => {
    const results: Result[] = []
    for (const who of chosen) results.push(...await withFreshDatabase(server, (url) => withContestant(who, url, kind, play(plan, who))))
    return results.map((one) => {
      const ours = results.find(({ who, watchers }) => who === 'ours' && watchers === one.watchers)
      const ratio = (which: 'rate' | 'cpu'): number | string => (ours === undefined ? '-' : rounded(ours[which] / one[which], 2))
      return { ...one.row, 'rate: ours / this': ratio('rate'), 'CPU: ours / this': ratio('cpu') }
    })
  }) ?? []
}
