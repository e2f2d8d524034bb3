import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Watches by how much the event loop is late. */
export interface EventLoopWatch {
  /** The delay that was usual for the last second, in milliseconds: one long turn (a large document, a collection of garbage) does not count as load. */
  readonly delayMs: () => number
  readonly stop: () => void
}

const RESOLUTION_MS = 20
const WINDOW_MS = 500

/** Takes the median of each half second, and of two such the smaller one. */
export const watchEventLoop = (): EventLoopWatch => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  histogram.enable()
  let medians: readonly [number, number] = [0, 0]
  const timer = setInterval(() => {
    // The histogram holds whole periods in nanoseconds, lateness and resolution together.
    if (histogram.count > 0) medians = [medians[1], Math.max(0, histogram.percentile(50) / 1e6 - RESOLUTION_MS)]
    histogram.reset()
  }, WINDOW_MS).unref()
  return {
    delayMs: () => Math.min(...medians),
    stop: () => {
      clearInterval(timer)
      histogram.disable()
    },
  }
}
