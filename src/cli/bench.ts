import { benchAggregate } from './bench-aggregate.ts'
import { ArgumentError } from './bench-arguments.ts'
import { benchGrowth } from './bench-growth.ts'
import { benchLatency } from './bench-latency.ts'
import { benchPublish } from './bench-publish.ts'
import { benchResolve } from './bench-resolve.ts'
import { benchSearch } from './bench-search.ts'
import { benchSignIn } from './bench-sign-in.ts'
import type { Row } from './bench-statistics.ts'
import { benchStorm } from './bench-storm.ts'
import { benchSubscribe } from './bench-subscribe.ts'
import { benchYardstick } from './bench-yardstick.ts'

/** Name to benchmark. */
const benchmarks: ReadonlyMap<string, (args: readonly string[]) => Promise<readonly Row[]>> = new Map([
  ['publish', benchPublish], ['latency', benchLatency], ['subscribe', benchSubscribe], ['yardstick', benchYardstick], ['growth', benchGrowth],
  ['resolve', benchResolve], ['sign-in', benchSignIn], ['aggregate', benchAggregate], ['storm', benchStorm], ['search', benchSearch],
])

/** `presentia bench NAME`: prints a table, and the same as JSON for comparing runs. Figures are of this machine, at this moment. */
export const run = async ([name = '', ...args]: readonly string[]): Promise<void> => {
  const bench = benchmarks.get(name)
  if (bench === undefined) {
    process.stderr.write(`usage: npm run bench -- ${[...benchmarks.keys()].join('|')}\n`)
    process.exit(2)
  }
  const rows = await bench(args).catch((error: unknown) => {
    if (!(error instanceof ArgumentError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  })
  console.table(rows)
  process.stdout.write(`${JSON.stringify({ benchmark: name, node: process.version, rows })}\n`)
}
