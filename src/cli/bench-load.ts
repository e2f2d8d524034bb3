import { setTimeout as sleep } from 'node:timers/promises'
import type { Link } from './bench-link.ts'
import type { CpuTimes, Ear } from './bench-stage.ts'
import { ascending, percentile, rounded, type Row } from './bench-statistics.ts'

export interface LoadOptions {
  /** One caller each; a caller has one request under way. */
  readonly links: readonly Link[]
  readonly publishers: number
  readonly seconds: number
  readonly publish: (link: Link, publisher: number, turn: number) => Promise<unknown>
}

/** Milliseconds that each publish took, in ascending order, and publishes per second. */
export interface Load {
  readonly latencies: readonly number[]
  readonly rate: number
}

/** Publishes as fast as the callers can for some seconds. */
export const runLoad = async ({ links, publishers, seconds, publish }: LoadOptions): Promise<Load> => {
  const latencies: number[] = []
  const begin = performance.now()
  const until = begin + seconds * 1000
  await Promise.all(links.map(async (link, caller) => {
    // Each caller has publishers of its own, as each endpoint has its own user.
    const own = Array.from({ length: publishers }, (_, at) => at).filter((at) => at % links.length === caller)
    for (let turn = 0; performance.now() < until; turn += 1) {
      const started = performance.now()
      await publish(link, own[turn % own.length] ?? 0, turn)
      latencies.push(performance.now() - started)
    }
  }))
  return { rate: latencies.length / ((performance.now() - begin) / 1000), latencies: ascending(latencies) }
}

const QUIET_MS = 500
const SETTLE_MS = 60_000

/** Waits until nothing has been heard for a while, a minute at most; the milliseconds until the last notification. */
export const settle = async (ear: Ear): Promise<number> => {
  const begin = performance.now()
  let last = begin
  for (let before = ear.heard(); performance.now() - last < QUIET_MS && performance.now() - begin < SETTLE_MS; await sleep(20)) {
    if (ear.heard() === before) continue
    before = ear.heard()
    last = performance.now()
  }
  return last - begin
}

/** What of a load shows in a table; the µs are CPU time per publish. */
export interface Measured {
  readonly rate: number
  /** CPU time of all processes but the load's, in microseconds per publish. */
  readonly cpu: number
  readonly row: Row
}

const perPublish = (before: number | undefined, after: number | undefined, publishes: number): number | string => (before === undefined || after === undefined ? '-' : Math.round((after - before) * 1000 / publishes))

/**
 * A load with what watchers hear of it and what it costs. Notifications per second are those heard while it ran; CPU time is of everything from
 * its beginning to the last notification. Coalesced: notifications that were spared because a newer state had come before they went out.
 */
export const measureLoad = async (options: LoadOptions, watchers: number, ear: Ear, cpu: () => CpuTimes): Promise<Measured> => {
  const [heard, before] = [ear.heard(), cpu()]
  const { latencies, rate } = await runLoad(options)
  const during = ear.heard() - heard
  const settled = await settle(ear)
  const after = cpu()
  const count = latencies.length
  const cost = (who: keyof CpuTimes): number | string => perPublish(before[who], after[who], count)
  const served = (times: CpuTimes): number => (times.engine ?? 0) + (times.database ?? 0) + (times.proxy ?? 0)
  const all = Math.round((served(after) - served(before)) * 1000 / count)
  return {
    rate, cpu: all,
    row: {
      'publishes/s': Math.round(rate), 'p50 ms': percentile(latencies, 0.5), 'p99 ms': percentile(latencies, 0.99),
      'notifications/s': Math.round(during / (count / rate)), coalesced: watchers === 0 ? '-' : `${Math.max(0, rounded(100 - (ear.heard() - heard) / (count * watchers) * 100, 1))} %`, 'settled ms': Math.round(settled),
      'µs engine': cost('engine'), 'µs database': cost('database'), 'µs proxy': cost('proxy'), 'µs all': all, 'µs load': cost('load'),
    },
  }
}
