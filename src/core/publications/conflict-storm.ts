import type { Instant } from '../base/instant.ts'

/** Conflicts in a row of one endpoint on one instance. */
export interface ConflictRun {
  readonly count: number
  readonly since: Instant
}

export interface ConflictLimits {
  /** So many conflicts are answered with 409; the next ones are refused. */
  readonly count: number
  readonly withinMs: number
}

/**
 * Counts one more conflict (design decision 16): a client that publishes again on each 409 without taking it in would go on for ever. A run that
 * began too long ago starts anew.
 */
export const countConflict = (run: ConflictRun | undefined, limits: ConflictLimits, now: Instant): { readonly run: ConflictRun; readonly storm: boolean } => {
  const next = run === undefined || now - run.since >= limits.withinMs ? { count: 1, since: now } : { count: run.count + 1, since: run.since }
  return { run: next, storm: next.count > limits.count }
}
