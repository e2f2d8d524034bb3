import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** A PostgreSQL server of our own on loopback, gone with its data when stopped. */
export interface TemporaryPostgres {
  readonly url: string
  readonly stop: () => Promise<void>
}

const findBinaries = (): string | undefined => {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).filter((version) => existsSync(join(base, version, 'bin', 'initdb'))) : []
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? undefined : join(base, newest, 'bin')
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const START_TIMEOUT_MS = 20_000

/** Starts a server with default, durable settings from the Debian packages; undefined where they are not installed. */
export const startTemporaryPostgres = async (): Promise<TemporaryPostgres | undefined> => {
  const binaries = findBinaries()
  if (binaries === undefined) return undefined
  // PostgreSQL refuses to run as root; Debian's package brings the user postgres.
  const owner = process.getuid?.() === 0 ? { uid: Number(execFileSync('id', ['-u', 'postgres'])), gid: Number(execFileSync('id', ['-g', 'postgres'])) } : {}
  const folder = mkdtempSync(join(tmpdir(), 'presentia-postgres-'))
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale'], { stdio: 'ignore', ...owner })
  const port = await freePort()
  const server = spawn(join(binaries, 'postgres'), ['-D', data, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1'], { stdio: 'ignore', ...owner })
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const stop = async (): Promise<void> => {
    server.kill('SIGINT')
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    const up = await client.connect().then(() => true, () => false)
    await client.end().catch(() => undefined)
    if (up) return { url, stop }
    if (Date.now() > deadline) {
      await stop()
      throw new Error('PostgreSQL did not start')
    }
    await sleep(100)
  }
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
