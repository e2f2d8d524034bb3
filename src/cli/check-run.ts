import { hasKamailio } from './kamailio-process.ts'
import { startTemporaryPostgres, type TemporaryPostgres } from './temporary-postgres.ts'

/** One check: what it is called, and the work that finds violations. */
export interface Check {
  readonly name: string
  /** How to run the same again. */
  readonly again: string
  /** Rejects when it is stopped; whatever was started is ended before it returns. */
  readonly work: (postgres: TemporaryPostgres, until: <T>(work: Promise<T>) => Promise<T>) => Promise<readonly string[]>
}

/** Violations printed; more say nothing new. */
const SHOWN = 20

const refuse = (text: string): never => {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

/**
 * Runs a check on a PostgreSQL server of its own, which it may crash, and ends the process: 0 when nothing was found, 1 otherwise. The first SIGINT or SIGTERM makes it
 * tidy up and fail, the second one ends it at once.
 */
export const runCheck = async ({ name, again, work }: Check): Promise<void> => {
  if (!hasKamailio()) refuse(`the ${name} check needs Kamailio; on Debian run: sudo kamailio/install.sh`)
  const stop = new AbortController()
  const stopped = new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason)))
  stopped.catch(() => undefined)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort(new Error(`stopped by ${signal}`))))
  const postgres = await startTemporaryPostgres() ?? refuse(`the ${name} check needs PostgreSQL; on Debian run: sudo apt-get install postgresql`)
  const violations = await work(postgres, (one) => Promise.race([one, stopped])).catch((error: unknown) => [error instanceof Error ? error.stack ?? error.message : String(error)])
  await postgres.stop()
  process.stdout.write(violations.length === 0 ? `${name} check: passed (${again})\n` : `${violations.slice(0, SHOWN).join('\n')}\n${name} check: failed, ${violations.length} violations; again with: ${again}\n`)
  process.exit(violations.length === 0 ? 0 : 1)
}

/** Ends the process with the sentence when arguments could not be read. */
export const orUsage = <T>(given: T | string): T => {
  if (typeof given !== 'string') return given
  process.stderr.write(`${given}\n`)
  return process.exit(2)
}
