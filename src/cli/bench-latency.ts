import { setTimeout as sleep } from 'node:timers/promises'
import { readArguments } from './bench-arguments.ts'
import { bringPublishers, createCrowd, publisherName, publishNotes } from './bench-crowd.ts'
import { databaseKinds, onDatabases } from './bench-database.ts'
import { expectOk, inTime, type Link } from './bench-link.ts'
import { wayNames, ways, withStage, type Ear, type Way } from './bench-stage.ts'
import { ascending, percentile, timed, type Row } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { hasKamailio } from './kamailio-process.ts'

/** Between two publishes, so that each finds everything idle. */
const PAUSE_MS = 10
const WARM_UP = 50

/** How long publishes took to be answered, and to be heard by the watcher. */
export interface IdleTimes {
  readonly answered: readonly number[]
  readonly heard: readonly number[]
}

/** One publish at a time on an otherwise idle system. */
export const measureIdle = async (link: Link, ear: Ear, samples: number, publish: (link: Link, turn: number) => Promise<unknown>): Promise<IdleTimes> => {
  const [answered, heard]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < WARM_UP + samples; turn += 1) {
    const next = ear.next()
    const [answeredMs, heardMs] = await Promise.all([timed(() => publish(link, turn)), timed(() => inTime('notification', next))])
    if (turn >= WARM_UP) {
      answered.push(answeredMs)
      heard.push(heardMs)
    }
    await sleep(PAUSE_MS)
  }
  return { answered: ascending(answered), heard: ascending(heard) }
}

export const idleRow = ({ answered, heard }: IdleTimes): Row => ({
  samples: heard.length, 'heard p50 ms': percentile(heard, 0.5), 'heard p95 ms': percentile(heard, 0.95), 'heard p99 ms': percentile(heard, 0.99),
  'answered p50 ms': percentile(answered, 0.5), 'answered p99 ms': percentile(answered, 0.99),
})

const runWay = (way: Way, databaseUrl: string | undefined, samples: number): Promise<IdleTimes> =>
  withStage({ way, databaseUrl }, async (stage) => {
    await bringPublishers(stage, 1, (user) => wire.publishNote(user, 200, 0, 'hello'))
    await createCrowd(stage).grow(1, (link, watcher) => expectOk('watch', link.send(wire.watch(watcher, publisherName(0)))))
    const publish = publishNotes()
    return measureIdle(await stage.open(), stage.ear, samples, (link, turn) => publish(link, publisherName(0), turn))
  })

/** How long a publish takes to be on the wire at its watcher when nothing else happens: over HTTP to the engine (the hand-over to the proxy), and through Kamailio. */
export const benchLatency = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['samples', 'through', 'database'])
  const samples = read.number('samples', 300)
  const chosen = read.choices('through', ways, hasKamailio() ? ways : ['http'])
  const rows: Row[] = []
  for (const way of chosen) {
    rows.push(...await onDatabases(read.choices('database', databaseKinds, ['postgres']), async (database, url) => [{ database, path: wayNames[way], ...idleRow(await runWay(way, url, samples)) }]))
  }
  return rows
}
