import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../main.ts'

/** Where an engine in a process of its own listens. */
export interface EngineAddresses {
  readonly proxyUrl: string
  readonly adminUrl: string
}

/** An engine in a process of its own, as it runs in earnest. */
export interface EngineProcess {
  readonly child: ChildProcess
  /** Resolves when it is ready; rejects with what it printed when it ends before, or takes longer than `PATIENCE_MS`. */
  readonly ready: Promise<EngineAddresses>
}

const PATIENCE_MS = 20_000

const waitFor = async (child: ChildProcess, output: () => string): Promise<EngineAddresses> => {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(20)) {
    const [, proxyUrl, adminUrl] = /proxies at (http:\/\/[\d.:]+),.* at (http:\/\/[\d.:]+)\//.exec(output()) ?? []
    if (proxyUrl !== undefined && adminUrl !== undefined) return { proxyUrl, adminUrl }
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) throw new Error(`the engine did not start: ${output()}`)
  }
}

/** Starts an engine with these settings; whoever starts it ends it. `onOutput` gets what it prints, its log of errors above all. */
export const startEngineProcess = (environment: NodeJS.ProcessEnv, onOutput: (text: string) => void = () => undefined): EngineProcess => {
  const child = spawn(process.execPath, [join(packageRoot(), 'bin', 'presentia.mjs'), 'start'], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', PRESENTIA_LOG_LEVEL: 'error', ...environment } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-4_000)
      onOutput(chunk)
    })
  }
  return { child, ready: waitFor(child, () => output) }
}
