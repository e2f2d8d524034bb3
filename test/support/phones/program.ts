import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Programs of the packages with phones; REQUIRE_PHONES=1 makes a missing one a failure. */
export const packages = { baresip: 'baresip-core', linphonec: 'linphone-cli', 'twinkle-console': 'twinkle-console', sipp: 'sip-tester' } as const

/** Why what needs a program is not tested here, for tap's `skip`; false where it is, or must be. */
export const needsProgram = (program: keyof typeof packages): string | false =>
  spawnSync('which', [program], { stdio: 'ignore' }).status === 0 || process.env['REQUIRE_PHONES'] === '1' ? false : `${packages[program]} is not installed (REQUIRE_PHONES=1 makes that a failure)`

/** How long a phone may take until it shows what it must show: several of them, the proxy and the engine share two processors. */
export const PATIENCE_MS = 20_000

/** A program that runs in a folder of its own, with everything it prints. */
export interface Program {
  readonly folder: string
  /** What it printed so far, then what it logged. */
  readonly output: () => string
  /** Writes a line to its input. */
  readonly type: (line: string) => void
  /** Asks again and again until there is an answer; throws with the output of the program when there is none in time, or when it ended meanwhile. */
  readonly until: <T>(what: string, look: () => T | undefined | Promise<T | undefined>) => Promise<T>
  /** Ends it as its user would, so that it can take its leave; its folder goes, too. */
  readonly stop: () => Promise<void>
  /** Ends it as a power cut would. */
  readonly kill: () => Promise<void>
}

export interface ProgramStart {
  readonly command: string
  readonly parameters: (folder: string) => readonly string[]
  /** Writes what the program reads into its folder. */
  readonly prepare: (folder: string) => void
  /** A file of the folder that the program logs to. */
  readonly log?: string
  /** What to type to have it end; SIGTERM without it. */
  readonly leave?: string
}

/** Starts a program at home in a new folder. */
export const startProgram = ({ command, parameters, prepare, log, leave }: ProgramStart): Program => {
  const folder = mkdtempSync(join(tmpdir(), 'presentia-phone-'))
  prepare(folder)
  const child: ChildProcess = spawn(command, [...parameters(folder)], { cwd: folder, stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: folder, TERM: 'dumb' } })
  let printed = ''
  const keep = (chunk: Buffer): void => { printed += chunk.toString('utf8') }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.stdin?.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', (error) => { printed += error.message; resolve() })
  })
  const isOver = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null
  const output = (): string => {
    try {
      return log === undefined ? printed : `${printed}\n${readFileSync(join(folder, log), 'utf8')}`
    } catch {
      return printed
    }
  }
  const end = async (how: () => void): Promise<void> => {
    if (!isOver()) how()
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    await ended
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true })
  }
  const until = async <T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
    for (const deadline = Date.now() + PATIENCE_MS; ;) {
      const found = await look()
      if (found !== undefined) return found
      if (isOver() || Date.now() > deadline) throw new Error(`${command} ${isOver() ? 'ended' : 'waited in vain'}: ${what}\n${output().slice(-6_000)}`)
      await sleep(50)
    }
  }
  const type = (line: string): void => { child.stdin?.write(`${line}\n`) }
  return {
    folder, output, type, until,
    stop: () => end(() => { if (leave === undefined) child.kill('SIGTERM'); else type(leave) }),
    kill: () => end(() => child.kill('SIGKILL')),
  }
}
