import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../main.ts'

export const ADMIN_PORT = 18_561
export const ENGINE_PORT = 18_560

/** An engine in a process of its own, as it runs in earnest; it creates the users of enterprise domains by their first registration. `more` are further settings. */
export const startBenchEngine = async (databaseUrl: string | undefined, dataDir: string, key: string, secret: string, notifyUrl: string, kind: 'plain' | 'kamailio', more: NodeJS.ProcessEnv = {}): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [...(process.env['BENCH_NODE_OPTIONS'] ?? '').split(' ').filter(Boolean), join(packageRoot(), 'bin', 'presentia.mjs'), 'start'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '', PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: `127.0.0.1:${ENGINE_PORT}`, PRESENTIA_ADMIN_LISTEN: `127.0.0.1:${ADMIN_PORT}`, PRESENTIA_ADMIN_KEY: key,
      PRESENTIA_PROXIES: JSON.stringify({ bench: { kind, secret, notifyUrl } }), PRESENTIA_LOG_LEVEL: 'error', PRESENTIA_CREATE_USERS_ON_REGISTER: 'true', ...(kind === 'plain' ? { PRESENTIA_RECONCILE_MS: '0' } : {}),
      ...(databaseUrl === undefined ? {} : { PRESENTIA_DATABASE_URL: databaseUrl }), ...more,
    },
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error('the engine did not start')
    if (await fetch(`http://127.0.0.1:${ADMIN_PORT}/health/ready`).then(({ ok }) => ok, () => false)) return child
    await sleep(50)
  }
}
