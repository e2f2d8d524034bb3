import { countConflict, type ConflictLimits, type ConflictRun } from '../core/publications/conflict-storm.ts'

/** Remembers who runs into conflicts again and again, on this node. */
export interface ConflictGuard {
  /** Notes a conflict on these instances; true when one of them has become a storm. */
  readonly conflict: (sender: string, instances: readonly string[], now: number) => boolean
  /** Notes a success: the runs on these instances are over. */
  readonly success: (sender: string, instances: readonly string[]) => void
  /** Notes a decision that was outdated when it was to be written, and is made again. */
  readonly raced: () => void
  /** Storms refused so far. */
  readonly storms: () => number
}

/** Runs are short and few; should there ever be more, the oldest are forgotten. */
const MAX_RUNS = 10_000

export const createConflictGuard = (limits: ConflictLimits, raced: () => void = () => undefined): ConflictGuard => {
  const runs = new Map<string, ConflictRun>()
  let storms = 0
  return {
    conflict: (sender, instances, now) => {
      let storm = false
      for (const instance of instances) {
        const key = `${sender}\n${instance}`
        const counted = countConflict(runs.get(key), limits, now)
        runs.delete(key)
        runs.set(key, counted.run)
        storm ||= counted.storm
      }
      for (const key of runs.keys()) {
        if (runs.size <= MAX_RUNS) break
        runs.delete(key)
      }
      if (storm) storms += 1
      return storm
    },
    success: (sender, instances) => {
      if (runs.size > 0) for (const instance of instances) runs.delete(`${sender}\n${instance}`)
    },
    raced,
    storms: () => storms,
  }
}
