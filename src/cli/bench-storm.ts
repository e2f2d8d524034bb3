import { readArguments } from './bench-arguments.ts'
import { withPostgres } from './bench-database.ts'
import type { Row } from './bench-statistics.ts'
import { stormPublishers, stormToggle, stormWatchers } from './bench-storm-fan.ts'
import { stormSignIn } from './bench-storm-sign-in.ts'
import { hasKamailio } from './kamailio-process.ts'
import { withFreshDatabase } from './temporary-postgres.ts'

const storms = ['sign-in', 'watchers', 'publishers', 'toggle'] as const

/**
 * What happens to everybody else, and how long it takes to pass, when many endpoints sign in and lose their connections, when one publisher has very many watchers or one watcher very
 * many publishers, and when a user cannot decide: through Kamailio on PostgreSQL, each on a database of its own.
 */
export const benchStorm = async (args: readonly string[]): Promise<readonly Row[]> => {
  const read = readArguments(args, ['storms', 'endpoints', 'watchers', 'publishers'])
  const [chosen, endpoints, watchers, publishers] = [read.choices('storms', storms, storms), read.number('endpoints', 5000), read.number('watchers', 10_000), read.number('publishers', 1000)]
  if (!hasKamailio()) throw new Error('kamailio is not installed (kamailio/install.sh)')
  const run: Readonly<Record<(typeof storms)[number], (url: string) => Promise<readonly Row[]>>> = {
    'sign-in': (url) => stormSignIn(url, endpoints), watchers: (url) => stormWatchers(url, watchers), publishers: (url) => stormPublishers(url, publishers), toggle: stormToggle,
  }
  return await withPostgres(async (server) => {
    const rows: Row[] = []
    for (const storm of chosen) rows.push(...await withFreshDatabase(server, run[storm]))
    return rows
  }) ?? []
}
