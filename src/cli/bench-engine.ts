import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../main.ts'
import { freePort } from './free-port.ts'

export interface BenchEngineOptions {
  /** The embedded database where it is undefined. */
  readonly databaseUrl: string | undefined
  readonly notifyUrl: string
  readonly kind: 'plain' | 'kamailio'
  /** Further settings of the engine. */
  readonly settings?: NodeJS.ProcessEnv
  /** Further options of its node; BENCH_NODE_OPTIONS adds to them. */
  readonly nodeOptions?: readonly string[]
}

/** An engine in a process of its own, as it runs in earnest. */
export interface BenchEngine {
  readonly pid: number
  /** Where proxies reach it. */
  readonly port: number
  /** By what the proxy of the benchmarks is known to it. */
  readonly proxyId: string
  readonly secret: string
  /** A request to its admin port, with the key; throws unless it succeeds. */
  readonly admin: (path: string, init?: { readonly method: string; readonly body: string }) => Promise<Response>
  readonly stop: () => Promise<void>
}

const PROXY = 'bench'

/** Starts an engine on loopback that creates the users of example.com by their first registration and takes as many requests of one user as come. */
export const startBenchEngine = async ({ databaseUrl, notifyUrl, kind, settings = {}, nodeOptions = [] }: BenchEngineOptions): Promise<BenchEngine> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'presentia-bench-'))
  const [secret, key, port, adminPort] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex'), await freePort(), await freePort()]
  const more = (process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter(Boolean)
  const child = spawn(process.execPath, [...nodeOptions, ...more, join(packageRoot(), 'bin', 'presentia.mjs'), 'start'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '', PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: `127.0.0.1:${port}`, PRESENTIA_ADMIN_LISTEN: `127.0.0.1:${adminPort}`, PRESENTIA_ADMIN_KEY: key,
      PRESENTIA_PROXIES: JSON.stringify({ [PROXY]: { kind, secret, notifyUrl } }), PRESENTIA_LOG_LEVEL: 'error', PRESENTIA_CREATE_USERS_ON_REGISTER: 'true', PRESENTIA_USER_RATE: '0', ...(kind === 'plain' ? { PRESENTIA_RECONCILE_MS: '0' } : {}),
      ...(databaseUrl === undefined ? {} : { PRESENTIA_DATABASE_URL: databaseUrl }), ...settings,
    },
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const admin: BenchEngine['admin'] = async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...(init === undefined ? {} : { 'content-type': 'application/json' }) } })
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    return response
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
    rmSync(dataDir, { recursive: true, force: true })
  }
  while (!await admin('/health/ready').then(() => true, () => false)) {
    if (child.exitCode !== null || child.pid === undefined) throw new Error('the engine did not start')
    await sleep(50)
  }
  await admin('/admin/v1/domains/example.com', { method: 'PUT', body: '{"kind":"enterprise"}' })
  return { pid: child.pid ?? 0, port, proxyId: PROXY, secret, admin, stop }
}
