import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from './free-port.ts'

/** A PostgreSQL server of our own on loopback, gone with its data when stopped. */
export interface TemporaryPostgres {
  readonly url: string
  /** Ends the server without any tidying: `immediate` as an operator would in need, `kill` as a machine that runs out of memory would. The data stay. */
  readonly crash: (how: 'immediate' | 'kill') => Promise<void>
  /** Starts it again after a crash, on the same data and port; resolves when it takes connections. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** The folder of PostgreSQL's own programs, of the newest version that Debian's packages installed here. */
export const findPostgresBinaries = (): string | undefined => {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).filter((version) => existsSync(join(base, version, 'bin', 'initdb'))) : []
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? undefined : join(base, newest, 'bin')
}

const START_TIMEOUT_MS = 20_000

/** Starts a server with default, durable settings from the Debian packages; undefined where they are not installed. */
export const startTemporaryPostgres = async (): Promise<TemporaryPostgres | undefined> => {
  const binaries = findPostgresBinaries()
  if (binaries === undefined) return undefined
  // PostgreSQL refuses to run as root; Debian's package brings the user postgres.
  const owner = process.getuid?.() === 0 ? { uid: Number(execFileSync('id', ['-u', 'postgres'])), gid: Number(execFileSync('id', ['-g', 'postgres'])) } : {}
  const folder = mkdtempSync(join(tmpdir(), 'presentia-postgres-'))
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale'], { stdio: 'ignore', ...owner })
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const takesConnections = async (): Promise<boolean> => {
    const client = new pg.Client({ connectionString: url })
    const up = await client.connect().then(() => true, () => false)
    await client.end().catch(() => undefined)
    return up
  }
  let server: ChildProcess | undefined
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = server
    server = undefined
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const exited = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await exited
  }
  const start = async (): Promise<void> => {
    for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await sleep(100)) {
      // After a kill the last processes of the old server hold its memory for a moment; until they are gone a new one ends at once.
      if (server === undefined || server.exitCode !== null) server = spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1'], { stdio: 'ignore', ...owner })
      if (await takesConnections()) return
    }
    throw new Error('PostgreSQL did not start')
  }
  const stop = async (): Promise<void> => {
    await end('SIGINT')
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return { url, crash: (how) => end(how === 'kill' ? 'SIGKILL' : 'SIGQUIT'), restart: start, stop }
}

/** Runs `work` on a new database of a server and drops it afterwards. */
export const withFreshDatabase = async <T>(serverUrl: string, work: (url: string) => Promise<T>): Promise<T> => {
  const name = `presentia_${randomBytes(6).toString('hex')}`
  const execute = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: serverUrl })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  await execute(`CREATE DATABASE ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  try {
    return await work(url.href)
  } finally {
    await execute(`DROP DATABASE ${name} WITH (FORCE)`)
  }
}
