import { setTimeout as sleep } from 'node:timers/promises'
import { bringPublishers, publisherName, range } from './bench-crowd.ts'
import { expectOk } from './bench-link.ts'
import { settle } from './bench-load.ts'
import { withStage, type Stage } from './bench-stage.ts'
import { ascending, percentile, type Row } from './bench-statistics.ts'
import { createHearing, noteText, waitFor, type Hearing, type Track } from './bench-storm-hearing.ts'
import { createRefusals, createTeller, steadily } from './bench-storm-teller.ts'
import * as wire from './demo-messages.ts'
import { metric } from './metric.ts'

/** The publisher around whom a storm may be; it is not one of the neighbours. */
export const STAR = publisherName(0)

/** Others who publish all the while, each with one watcher, on connections of their own. */
const NEIGHBOURS = 8
const NEIGHBOUR_EVERY_MS = 250
const QUIET_SECONDS = 5
/** Before the first measurement, so that what is measured is compiled. */
const WARM_UP_SECONDS = 2
/** What has not been heard by then counts as missing. */
export const HEARD_WITHIN_MS = 30_000

/** What is known of a storm besides how its neighbours fared. */
export interface Storm {
  readonly load: string
  /** What was acknowledged, per second. */
  readonly rate: number
  readonly refused: string
  /** Milliseconds that each request or sign-in of the storm took. */
  readonly answered: readonly number[]
  /** Milliseconds until each change had reached everybody it concerns. */
  readonly done: readonly number[]
  /** Milliseconds until each watcher had heard of each change. */
  readonly heard: readonly number[]
  readonly notifications: number
  /** Notifications if each change were told to each watcher. */
  readonly uncoalesced: number
  /** What had not come to its end when the benchmark gave up. */
  readonly missing: number
}

export interface StormStage {
  readonly stage: Stage
  readonly hearing: Hearing
  /** Lets a storm go over the neighbours, after they were watched without it; the line of the table. */
  readonly measure: (name: string, storm: () => Promise<Storm>) => Promise<Row>
}

const neighbourWatcher = (at: number): string => `n${at}`

const perhaps = (sorted: readonly number[], part: number): number | string => (sorted.length === 0 ? '-' : Math.round(percentile(sorted, part)))

const bringNeighbours = async (stage: Stage, hearing: Hearing): Promise<<T>(work: () => Promise<T>) => Promise<{ readonly result: T; readonly answered: readonly number[]; readonly heard: readonly number[] }>> => {
  const refusals = createRefusals()
  const neighbours = await Promise.all(range(1, NEIGHBOURS + 1).map(async (at) => {
    const [own, other] = [await stage.open(), await stage.open()]
    await expectOk('register', other.send(wire.register(neighbourWatcher(at))))
    await expectOk('watch', other.send(wire.watch(neighbourWatcher(at), publisherName(at))))
    const name = publisherName(at)
    const teller = createTeller({ link: own, refusals, track: hearing.follow(name, 1), message: (version, turn) => wire.publishNote(name, 200, version, noteText(turn)) })
    return { name, teller, delayMs: (at - 1) * NEIGHBOUR_EVERY_MS / NEIGHBOURS }
  }))
  return async (work) => {
    let over = false
    const tracks = neighbours.map(({ name, teller }): Track => {
      const track = hearing.follow(name, 1)
      teller.follow(track)
      return track
    })
    const publishing = Promise.all(neighbours.map(async ({ teller, delayMs }) => {
      await sleep(delayMs)
      await steadily(NEIGHBOUR_EVERY_MS, () => !over, teller.tell)
    }))
    const result = await work().finally(() => {
      over = true
      return publishing
    })
    await waitFor(() => tracks.every((track) => track.missing() === 0), HEARD_WITHIN_MS)
    return { result, answered: ascending(neighbours.flatMap(({ teller }) => teller.takeAnswered())), heard: ascending(tracks.flatMap((track) => track.delays())) }
  }
}

/** A stage through Kamailio on a new database, with neighbours; user rates are limited as they usually are. */
export const withStormStage = <T>(databaseUrl: string, work: (stage: StormStage) => Promise<T>): Promise<T> => {
  const hearing = createHearing()
  return withStage({ way: 'kamailio', databaseUrl, listen: hearing.listen, settings: { PRESENTIA_USER_RATE: '500' } }, async (stage) => {
    await bringPublishers(stage, NEIGHBOURS + 1, (user) => wire.publishDesk(user, 3500, 0, 'hello'))
    const beside = await bringNeighbours(stage, hearing)
    await beside(() => sleep(WARM_UP_SECONDS * 1000))
    return work({
      stage, hearing,
      measure: async (name, storm) => {
        await settle(stage.ear)
        const quiet = await beside(() => sleep(QUIET_SECONDS * 1000))
        const { result, answered, heard } = await beside(storm)
        const [own, done, delays] = [ascending(result.answered), ascending(result.done), ascending(result.heard)]
        const memory = metric(await stage.engine.admin('/metrics').then((response) => response.text()), 'presentia_process_resident_memory_bytes')
        return {
          storm: name, load: result.load, 'done/s': Math.round(result.rate), refused: result.refused, 'p50 ms': perhaps(own, 0.5), 'p99 ms': perhaps(own, 0.99), 'heard p99 ms': perhaps(delays, 0.99),
          'all done p50 ms': perhaps(done, 0.5), 'all done max ms': perhaps(done, 1), missing: result.missing, notifications: result.notifications,
          coalesced: result.uncoalesced === 0 ? '-' : `${Math.max(0, Math.round(100 - result.notifications / result.uncoalesced * 100))} %`,
          'others p99 ms': `${perhaps(quiet.answered, 0.99)} → ${perhaps(answered, 0.99)}`, 'others heard p99 ms': `${perhaps(quiet.heard, 0.99)} → ${perhaps(heard, 0.99)}`,
          'engine MB': Math.round(memory / 1024 / 1024),
        }
      },
    })
  })
}
