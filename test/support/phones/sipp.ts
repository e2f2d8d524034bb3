import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'
import { PATIENCE_MS } from './program.ts'

const folder = join(import.meta.dirname, '../../proxy/sipp')

/** The files of test/proxy/sipp. */
export const sippScenarios = (): readonly string[] => readdirSync(folder).filter((file) => file.endsWith('.xml')).sort()

export interface SippRun {
  readonly file: string
  readonly transport: 'tcp' | 'udp'
  readonly sipPort: number
  /** What stands for `[name]` in the scenario. */
  readonly keys: Readonly<Record<string, string>>
}

/** Plays one call of a scenario: 0 when everything came as it says, else what went over the wire, and SIPp's word on it. */
export const playSipp = async ({ file, transport, sipPort, keys }: SippRun): Promise<{ readonly status: number | null; readonly said: string }> => {
  const logs = mkdtempSync(join(tmpdir(), 'presentia-sipp-'))
  const [port = 0, control = 0] = await freePorts(2)
  try {
    const child = spawn('sipp', [
      `127.0.0.1:${sipPort}`, '-sf', join(folder, file), '-m', '1', '-t', transport === 'udp' ? 'u1' : 't1', '-i', '127.0.0.1', '-p', String(port), '-cp', String(control),
      '-nostdin', '-timeout', `${PATIENCE_MS / 1000}s`, '-timeout_error', '-trace_err', '-error_file', join(logs, 'errors'), '-trace_msg', '-message_file', join(logs, 'messages'),
      ...Object.entries(keys).flatMap(([name, value]) => ['-key', name, value]),
    ], { cwd: logs, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', TERM: 'dumb' } })
    let printed = ''
    child.stdout.on('data', () => undefined)
    child.stderr.on('data', (chunk: Buffer) => { printed += chunk.toString('utf8') })
    const status = await new Promise<number | null>((resolve) => {
      child.once('exit', resolve)
      child.once('error', (error) => { printed += error.message; resolve(null) })
    })
    if (status === 0) return { status, said: '' }
    const read = (name: string): string => (readdirSync(logs).includes(name) ? readFileSync(join(logs, name), 'utf8') : '')
    return { status, said: `${printed}\n${read('errors')}\n${read('messages').slice(-8_000)}` }
  } finally {
    rmSync(logs, { recursive: true, force: true })
  }
}
