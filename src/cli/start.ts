import { join, resolve } from 'node:path'
import { findUnknownSettings } from '../config/config.ts'
import { start } from '../main.ts'
import { createLog } from '../observe/log.ts'
import { readConfigOrExit } from './read-config-or-exit.ts'

/** Stops on the first SIGINT or SIGTERM, at once on the second. */
export const stopOnSignal = (stop: () => Promise<void>): void => {
  let asked = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(1)
    asked = true
    process.stdout.write(`${signal}: stopping\n`)
    stop().then(() => process.exit(0), (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack ?? error.message : String(error)}\n`)
      process.exit(1)
    })
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}

/** `presentia start`: the engine alone, for a proxy that runs elsewhere. */
export const run = async (): Promise<void> => {
  const config = readConfigOrExit(process.env)
  const log = createLog(config.logLevel)
  const unknown = findUnknownSettings(process.env)
  if (unknown.length > 0) log.warn({ unknown }, 'these variables are no settings of the engine')
  try {
    const running = await start(config, log)
    stopOnSignal(running.stop)
    const key = config.adminKey === undefined ? `, admin key in ${resolve(join(config.dataDir, 'admin.key'))}` : ''
    const secret = Object.keys(config.proxies).length === 0 ? ` (proxy ${Object.keys(running.proxies).join()}, secret in ${resolve(join(config.dataDir, 'proxy.secret'))})` : ''
    process.stdout.write(`presentia ready on ${running.database === 'embedded' ? 'the embedded database' : 'PostgreSQL'}: proxies at ${running.proxyAddress}${secret}, console and admin API at ${running.adminAddress}/${key}; next: plug in Kamailio (kamailio/README.md) or run "npm run stack"\n`)
  } catch (error) {
    log.fatal({ err: error }, 'cannot start')
    process.stderr.write(`presentia cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
