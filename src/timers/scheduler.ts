/** A job that runs again and again, one run at a time. */
export interface Job {
  readonly name: string
  readonly everyMs: number
  readonly run: () => Promise<void>
}

/** Stops all jobs; resolves when the running ones are done. */
export type StopJobs = () => Promise<void>

/** Runs jobs on intervals, never two runs of one at once; `fraction` (0 to 1) spreads them so that nodes do not beat together. */
export const startJobs = (jobs: readonly Job[], fraction: () => number, onError: (job: string, error: unknown) => void): StopJobs => {
  let stopped = false
  const timers = new Map<string, NodeJS.Timeout>()
  const running = new Map<string, Promise<void>>()
  const schedule = (job: Job): void => {
    if (stopped) return
    timers.set(job.name, setTimeout(() => {
      const run = job.run().catch((error: unknown) => onError(job.name, error)).finally(() => {
        running.delete(job.name)
        schedule(job)
      })
      running.set(job.name, run)
    }, job.everyMs * (0.9 + fraction() * 0.2)))
  }
  for (const job of jobs) schedule(job)
  return async () => {
    stopped = true
    for (const timer of timers.values()) clearTimeout(timer)
    await Promise.all(running.values())
  }
}
