import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startEngineProcess } from './engine-process.ts'
import { freePort } from './free-port.ts'
import { killKamailio, startKamailio, type KamailioProcess } from './kamailio-process.ts'
import type { TemporaryPostgres } from './temporary-postgres.ts'

/** Something that can be taken away, and comes back. */
export interface Part {
  readonly name: string
  readonly kind: 'engine' | 'proxy' | 'database'
  readonly isUp: () => boolean
  /** Ends it at once, without any tidying. */
  readonly kill: () => Promise<void>
  /** Starts it again, as often as it takes; resolves when it is ready. */
  readonly mend: () => Promise<void>
}

/** Engines and proxies over one PostgreSQL, each in processes of its own, on loopback. */
export interface World {
  readonly parts: readonly Part[]
  /** SIP port of each proxy. */
  readonly sipPorts: readonly number[]
  /** A call of the admin API of the first engine that answers; undefined for 404, throws for anything else that is refused. */
  readonly admin: (method: string, path: string, body?: object) => Promise<string | undefined>
  readonly metrics: () => Promise<string>
  readonly query: <T extends pg.QueryResultRow>(sql: string) => Promise<readonly T[]>
  readonly stop: () => Promise<void>
}

export interface WorldOptions {
  readonly engines: number
  readonly proxies: number
  /** Which engine a proxy is to use, whenever it starts. */
  readonly engineFor: (proxy: number) => number
  readonly settings?: NodeJS.ProcessEnv
  /** Something ended that nobody had killed. */
  readonly onDeath: (text: string) => void
  /** Where everything that engines and proxies print goes. */
  readonly logFile?: string | undefined
}

const ADMIN_KEY = randomBytes(16).toString('hex')
const SECRET = randomBytes(16).toString('hex')

const types: pg.CustomTypesConfig = { getTypeParser: (oid: number) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid)) } as pg.CustomTypesConfig

/** Starts PostgreSQL's engines and proxies; whatever was started is ended when one of them does not come up. */
export const startWorld = async (postgres: TemporaryPostgres, options: WorldOptions): Promise<World> => {
  const folder = mkdtempSync(join(tmpdir(), 'presentia-check-'))
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4, types })
  pool.on('error', () => undefined)
  const log = (text: string): void => { if (options.logFile !== undefined) appendFileSync(options.logFile, text) }
  const children = new Set<ChildProcess>()
  const groups = new Set<ChildProcess>()
  const killAll = (): void => {
    for (const child of children) child.kill('SIGKILL')
    for (const child of groups) killKamailio(child)
  }
  process.once('exit', killAll)
  let stopping = false

  const ports = new Set<number>()
  while (ports.size < 2 * (options.engines + options.proxies)) ports.add(await freePort())
  const enginePorts = [...ports].slice(0, 2 * options.engines)
  const proxyPorts = [...ports].slice(2 * options.engines)
  const proxyUrl = (at: number): string => `http://127.0.0.1:${enginePorts[at * 2] ?? 0}`
  const adminUrl = (at: number): string => `http://127.0.0.1:${enginePorts[at * 2 + 1] ?? 0}`
  const proxies = Object.fromEntries(Array.from({ length: options.proxies }, (_, at) => [`kam${at}`, { kind: 'kamailio', secret: SECRET, notifyUrl: `http://127.0.0.1:${proxyPorts[at * 2 + 1] ?? 0}/v1/notify` }]))

  const enginePart = (at: number): Part => {
    let running: ChildProcess | undefined
    return {
      name: `engine ${at}`, kind: 'engine', isUp: () => running !== undefined,
      kill: async () => {
        const child = running
        running = undefined
        if (child === undefined) return
        const exited = new Promise((resolve) => child.once('exit', resolve))
        if (child.kill('SIGKILL')) await exited
      },
      mend: async () => {
        for (; running === undefined && !stopping; await sleep(200)) {
          const { child, ready } = startEngineProcess({
            PRESENTIA_DATABASE_URL: postgres.url, PRESENTIA_DATA_DIR: join(folder, `engine${at}`), PRESENTIA_PROXY_LISTEN: proxyUrl(at).slice(7), PRESENTIA_ADMIN_LISTEN: adminUrl(at).slice(7),
            PRESENTIA_ADMIN_KEY: ADMIN_KEY, PRESENTIA_PROXIES: JSON.stringify(proxies), ...options.settings,
          }, (text) => log(text.replaceAll(/^(?=.)/gm, `engine ${at}: `)))
          children.add(child)
          child.once('exit', (code, signal) => {
            children.delete(child)
            if (running !== child || stopping) return
            running = undefined
            options.onDeath(`engine ${at} ended by itself (${code ?? signal ?? ''})`)
          })
          // It does not start without a database; whoever watches over it starts it again.
          if (await ready.then(() => true, () => false) && !stopping) running = child
          else child.kill('SIGKILL')
        }
      },
    }
  }

  const proxyPart = (at: number): Part => {
    let running: KamailioProcess | undefined
    return {
      name: `proxy ${at}`, kind: 'proxy', isUp: () => running !== undefined,
      kill: async () => {
        const proxy = running
        running = undefined
        if (proxy === undefined) return
        log(proxy.output().replaceAll(/^(?=.)/gm, `proxy ${at}: `))
        await proxy.kill()
        groups.delete(proxy.process)
      },
      mend: async () => {
        for (; running === undefined && !stopping; await sleep(200)) {
          const proxy = await startKamailio({ sipPort: proxyPorts[at * 2] ?? 0, httpPort: proxyPorts[at * 2 + 1] ?? 0, engineUrl: proxyUrl(options.engineFor(at)), proxyId: `kam${at}`, secret: SECRET, more: { MIN_EXPIRES: '1' }, ownGroup: true })
          if (stopping) return proxy.kill()
          groups.add(proxy.process)
          proxy.process.once('exit', (code, signal) => {
            if (running !== proxy || stopping) return
            running = undefined
            options.onDeath(`proxy ${at} ended by itself (${code ?? signal ?? ''}): ${proxy.output().slice(-500)}`)
          })
          running = proxy
        }
      },
    }
  }

  let databaseUp = true
  let crashes = 0
  const database: Part = {
    name: 'database', kind: 'database', isUp: () => databaseUp,
    kill: async () => {
      databaseUp = false
      await postgres.crash(crashes++ % 2 === 0 ? 'immediate' : 'kill')
    },
    mend: async () => {
      await postgres.restart()
      databaseUp = true
    },
  }
  // Whatever is just being started must be there before it can be ended.
  const mending = new Set<Promise<void>>()
  const watched = (part: Part): Part => ({
    ...part,
    mend: () => {
      const mend = part.mend().finally(() => mending.delete(mend))
      mending.add(mend)
      return mend
    },
  })
  const engines = Array.from({ length: options.engines }, (_, at) => watched(enginePart(at)))
  const parts = [...engines, ...Array.from({ length: options.proxies }, (_, at) => watched(proxyPart(at))), watched(database)]

  const stop = async (): Promise<void> => {
    stopping = true
    for (const child of children) child.kill('SIGKILL')
    await Promise.allSettled(mending)
    await Promise.all(parts.filter(({ kind }) => kind !== 'database').map(({ kill }) => kill()))
    killAll()
    process.off('exit', killAll)
    await pool.end()
    rmSync(folder, { recursive: true, force: true })
  }
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const at = Math.max(0, engines.findIndex(({ isUp }) => isUp()))
    return fetch(`${adminUrl(at)}${path}`, { ...init, headers: { authorization: `Bearer ${ADMIN_KEY}`, ...(init.body === undefined ? {} : { 'content-type': 'application/json' }) } })
  }
  try {
    // One after the other, because the first one brings the database up to date.
    for (const part of parts) if (!part.isUp()) await part.mend()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    parts, stop, sipPorts: Array.from({ length: options.proxies }, (_, at) => proxyPorts[at * 2] ?? 0),
    query: async <T extends pg.QueryResultRow>(sql: string) => (await pool.query<T>(sql)).rows,
    metrics: async () => (await ask('/metrics', {})).text(),
    admin: async (method, path, body) => {
      const response = await ask(`/admin/v1/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      if (response.status === 404) return undefined
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return text
    },
  }
}
