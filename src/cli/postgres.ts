import { stopOnSignal } from './start.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'

/** `presentia postgres`: a throw-away PostgreSQL server from the Debian packages; prints its URL and runs until it is stopped. */
export const run = async (): Promise<void> => {
  const server = await startTemporaryPostgres()
  if (server === undefined) {
    process.stderr.write('PostgreSQL is not installed; on Debian run: sudo apt-get install postgresql\n')
    process.exit(1)
  }
  process.stdout.write(`${server.url}\n`)
  stopOnSignal(server.stop)
  // Nothing else keeps the process alive.
  setInterval(() => undefined, 60_000)
}
