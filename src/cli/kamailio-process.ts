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

export interface KamailioStart {
  /** A file of the folder kamailio/. */
  readonly configuration: string
  /** Its settings. */
  readonly settings: NodeJS.ProcessEnv
  readonly isUp: () => Promise<boolean>
  /** Shared memory, 256 MB unless told. */
  readonly megabytes?: number
  /** In a process group of its own, so that it can be killed as a whole. */
  readonly ownGroup?: boolean
}

/** Starts Kamailio on a configuration of ours and waits until it is up; throws with its output when it does not come up. */
export const startKamailioOn = async ({ configuration, settings, isUp, megabytes = 256, ownGroup = false }: KamailioStart): Promise<KamailioProcess> => {
  const runDir = mkdtempSync(join(tmpdir(), 'presentia-kamailio-'))
  const child = spawn('kamailio', ['-f', join(packageRoot(), 'kamailio', configuration), '-DD', '-E', '-m', String(megabytes), '-M', '32', '-Y', runDir], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', ...settings }, detached: ownGroup,
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
  while (!await isUp()) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > deadline) {
      await stop()
      throw new Error(`Kamailio did not start:\n${output}`)
    }
    await sleep(50)
  }
  return { process: child, output: () => output, stop, kill }
}

/** Starts Kamailio with our lab configuration on loopback and waits until it answers; throws with its output when it does not. */
export const startKamailio = ({ sipPort, httpPort, engineUrl, proxyId, secret, more, ownGroup = false }: KamailioOptions): Promise<KamailioProcess> =>
  startKamailioOn({
    ownGroup,
    configuration: 'kamailio.cfg', isUp: () => answers(httpPort),
    settings: {
      WITH_LAB: '1', LISTEN_UDP: `udp:127.0.0.1:${sipPort}`, LISTEN_TCP: `tcp:127.0.0.1:${sipPort}`, LISTEN_HTTP: `tcp:127.0.0.1:${httpPort}`,
      PRESENTIA_ENGINE_URL: engineUrl, PRESENTIA_ENGINE_IP: '127.0.0.1', PRESENTIA_PROXY_ID: proxyId, PRESENTIA_PROXY_SECRET: secret, ...more,
    },
  })
