import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import pg from 'pg'

interface Times {
  readonly parent: number
  /** Milliseconds of its own, and of children that ended and were waited for. */
  readonly used: number
}

let tick: number | undefined

/** Milliseconds of one tick of the kernel's process accounting. */
const tickMs = (): number => {
  tick ??= 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  return tick
}

/** The numbers of /proc/PID/stat behind the name, which may itself hold anything; undefined when there is no such process. */
const readTimes = (pid: number | string): Times | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number)
    // proc(5): the state is field 3, the parent 4, utime to cstime are 14 to 17.
    return { parent: fields[1] ?? 0, used: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) * tickMs() }
  } catch {
    return undefined
  }
}

/** CPU milliseconds used so far by a process and everything it started; undefined where /proc does not tell. */
export const cpuOfTree = (root: number): number | undefined => {
  const own = readTimes(root)
  if (own === undefined) return undefined
  const all = new Map(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
    const times = readTimes(name)
    return times === undefined ? [] : [[Number(name), times] as const]
  }))
  const childrenOf = Map.groupBy(all.keys(), (pid) => all.get(pid)?.parent ?? 0)
  const sum = (pid: number): number => (childrenOf.get(pid) ?? []).reduce((total, child) => total + sum(child), all.get(pid)?.used ?? 0)
  return sum(root)
}

/** The process of a PostgreSQL server that all its others descend from; undefined when it does not run on this machine. */
export const findPostmaster = async (url: string): Promise<number | undefined> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ readonly pid: number }>('SELECT pg_backend_pid() AS pid')
    const pid = rows[0]?.pid ?? 0
    // Another machine's server has numbers that mean something else here.
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('postgres') ? readTimes(pid)?.parent : undefined
  } catch {
    return undefined
  } finally {
    await client.end()
  }
}
