import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../main.ts'

/** A Kamailio of our own, in the foreground of this process. */
export interface KamailioOptions {
  readonly sipPort: number
  readonly httpPort: number
  readonly engineUrl: string
  readonly proxyId: string
  readonly secret: string
  /** More settings of kamailio.cfg (kamailio/README.md). */
  readonly more?: NodeJS.ProcessEnv
  /** In a process group of its own, so that it can be killed with all its workers; Ctrl-C does not reach it then. */
  readonly ownGroup?: boolean
}

export interface KamailioProcess {
  readonly process: ChildProcess
  /** What it printed so far, the last part of it. */
  readonly output: () => string
  readonly stop: () => Promise<void>
  /** Ends it and all its workers at once, as if the machine had died; only with `ownGroup`. */
  readonly kill: () => Promise<void>
}

/** True when a kamailio program can be started here. */
export const hasKamailio = (): boolean => spawnSync('kamailio', ['-v'], { stdio: 'ignore' }).status === 0

const KEEP_OUTPUT = 20_000
const START_TIMEOUT_MS = 15_000

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/', timeout: 500 }, (response) => {
      response.resume()
      resolve(true)
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(false))
    call.end()
  })

/** Kills a Kamailio that has a process group of its own, with all its workers. */
export const killKamailio = ({ pid, exitCode, signalCode }: ChildProcess): void => {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL')
}

/** Starts Kamailio with our lab configuration on loopback and waits until it answers; throws with its output when it does not. */
export const startKamailio = async (options: KamailioOptions): Promise<KamailioProcess> => {
  const runDir = mkdtempSync(join(tmpdir(), 'presentia-kamailio-'))
  const { sipPort, httpPort } = options
  const child = spawn('kamailio', ['-f', join(packageRoot(), 'kamailio', 'kamailio.cfg'), '-DD', '-E', '-m', '256', '-M', '32', '-Y', runDir], {
    stdio: ['ignore', 'pipe', 'pipe'], detached: options.ownGroup === true,
    env: {
      PATH: process.env['PATH'] ?? '', WITH_LAB: '1', LISTEN_UDP: `udp:127.0.0.1:${sipPort}`, LISTEN_TCP: `tcp:127.0.0.1:${sipPort}`, LISTEN_HTTP: `tcp:127.0.0.1:${httpPort}`,
      PRESENTIA_ENGINE_URL: options.engineUrl, PRESENTIA_ENGINE_IP: '127.0.0.1', PRESENTIA_PROXY_ID: options.proxyId, PRESENTIA_PROXY_SECRET: options.secret, ...options.more,
    },
  })
  let output = ''
  const keep = (chunk: Buffer): void => { output = (output + chunk.toString('utf8')).slice(-KEEP_OUTPUT) }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => { output += error.message; resolve() })
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exited
    rmSync(runDir, { recursive: true, force: true })
  }
  const kill = async (): Promise<void> => {
    killKamailio(child)
    await stop()
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!await answers(httpPort)) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > deadline) {
      await stop()
      throw new Error(`Kamailio did not start:\n${output}`)
    }
    await sleep(50)
  }
  return { process: child, output: () => output, stop, kill }
}
