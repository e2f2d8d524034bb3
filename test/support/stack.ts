import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKamailio, type KamailioProcess } from '../../src/cli/kamailio-process.ts'
import { withFreshDatabase } from '../../src/cli/temporary-postgres.ts'
import { readConfig } from '../../src/config/config.ts'
import { start, type Running } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'
import { SipClient } from './sip-client.ts'

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

/** An engine and a real Kamailio for one test file, on ports of their own. */
export interface Stack {
  readonly sipPort: number
  readonly enginePort: number
  readonly engine: () => Running
  readonly startEngine: () => Promise<void>
  readonly stopEngine: () => Promise<void>
  /** Kamailio ends and starts anew, with everything it had in memory gone. */
  readonly restartKamailio: () => Promise<void>
  /** A call of the admin API; throws when it is refused. */
  readonly admin: (method: string, path: string, body?: object) => Promise<unknown>
  /** Rows of the engine's database. */
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>
  /** What the engine counts, as Prometheus reads it. */
  readonly metrics: () => Promise<string>
  readonly rpc: (method: string) => Promise<Record<string, unknown>>
  /** An open client; closed with the stack at the latest. */
  readonly client: (user: string, transport: 'tcp' | 'udp', epid?: string) => Promise<SipClient>
}

export interface StackOptions {
  readonly engine?: NodeJS.ProcessEnv
  /** Settings of kamailio.cfg; may need the database of the engine. */
  readonly kamailio?: (databaseUrl: string | undefined) => NodeJS.ProcessEnv
  /** Runs before Kamailio starts. */
  readonly prepare?: (databaseUrl: string | undefined) => Promise<void>
}

const KEY = 'test-key-0123456789'

const runWith = async (databaseUrl: string | undefined, options: StackOptions, work: (stack: Stack) => Promise<void>): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'presentia-test-'))
  const [sipPort, httpPort, enginePort, adminPort] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const secret = randomBytes(16).toString('hex')
  const config = readConfig({
    PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: `127.0.0.1:${enginePort}`, PRESENTIA_ADMIN_LISTEN: `127.0.0.1:${adminPort}`, PRESENTIA_ADMIN_KEY: KEY,
    PRESENTIA_PROXIES: JSON.stringify({ kam1: { kind: 'kamailio', secret, notifyUrl: `http://127.0.0.1:${httpPort}/v1/notify` } }),
    PRESENTIA_LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent', PRESENTIA_SUBSCRIPTION_EXPIRES_MIN: '1', PRESENTIA_CLEANUP_MS: '100', PRESENTIA_PHONE_NOTIFY_GAP_MS: '0',
    ...(databaseUrl === undefined ? {} : { PRESENTIA_DATABASE_URL: databaseUrl }), ...options.engine,
  })
  let running: Running | undefined
  const startEngine = async (): Promise<void> => { running = await start(config, createLog(config.logLevel)) }
  const stopEngine = async (): Promise<void> => {
    await running?.stop()
    running = undefined
  }
  const engine = (): Running => {
    if (running === undefined) throw new Error('the engine is stopped')
    return running
  }
  await startEngine()
  await options.prepare?.(databaseUrl)
  const clients: SipClient[] = []
  let kamailio: KamailioProcess | undefined
  try {
    const startProxy = (): Promise<KamailioProcess> => startKamailio({ sipPort, httpPort, engineUrl: `http://127.0.0.1:${enginePort}`, proxyId: 'kam1', secret, more: { MIN_EXPIRES: '1', ...options.kamailio?.(databaseUrl) } })
    kamailio = await startProxy()
    const admin = async (method: string, path: string, body?: object): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${adminPort}/admin/v1/${path}`, { method, headers: { authorization: `Bearer ${KEY}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      const text = await response.text()
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return text === '' ? undefined : JSON.parse(text)
    }
    const rpc = async (method: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`http://127.0.0.1:${httpPort}/RPC`, { method: 'POST', headers: { authorization: `Basic ${Buffer.from(`kam1:${secret}`).toString('base64')}` }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method }) })
      return (await response.json() as { result: Record<string, unknown> }).result
    }
    await work({
      sipPort, enginePort, engine, startEngine, stopEngine, admin, rpc,
      restartKamailio: async () => {
        await kamailio?.stop()
        kamailio = await startProxy()
      },
      metrics: async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(),
      query: async (sql) => (await engine().query(sql)),
      client: async (user, transport, epid) => {
        const client = await new SipClient(user, transport, sipPort, epid).open()
        clients.push(client)
        return client
      },
    })
  } finally {
    for (const client of clients) client.close()
    await stopEngine()
    await kamailio?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/** Runs `work` against a fresh stack: on a new database of TEST_DATABASE_URL, or embedded without it. */
export const withStack = (options: StackOptions, work: (stack: Stack) => Promise<void>): Promise<void> => {
  const server = process.env['TEST_DATABASE_URL']
  return server === undefined ? runWith(undefined, options, work) : withFreshDatabase(server, (url) => runWith(url, options, work))
}
