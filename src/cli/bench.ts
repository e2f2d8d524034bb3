import { benchPublish } from './bench-publish.ts'
import { benchResolve } from './bench-resolve.ts'
import { benchSignIn } from './bench-sign-in.ts'

/** Name to benchmark. */
const benchmarks: ReadonlyMap<string, (args: readonly string[]) => Promise<readonly Readonly<Record<string, string | number>>[]>> = new Map([['publish', benchPublish], ['resolve', benchResolve], ['sign-in', benchSignIn]])

/** `presentia bench NAME`: prints a table, and the same as JSON for comparing runs. Figures are of this machine, at this moment. */
export const run = async ([name = '', ...args]: readonly string[]): Promise<void> => {
  const bench = benchmarks.get(name)
  if (bench === undefined) {
    process.stderr.write(`usage: npm run bench -- ${[...benchmarks.keys()].join('|')}\n`)
    process.exit(2)
  }
  const rows = await bench(args)
  console.table(rows)
  process.stdout.write(`${JSON.stringify({ benchmark: name, node: process.version, rows })}\n`)
}
