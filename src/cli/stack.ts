import { randomBytes } from 'node:crypto'
import { start } from '../main.ts'
import { createLog } from '../observe/log.ts'
import { hasKamailio, startKamailio } from './kamailio-process.ts'
import { readConfigOrExit } from './read-config-or-exit.ts'
import { stopOnSignal } from './start.ts'

const PROXY = 'kam1'

const readPort = (name: string, usual: number): number => {
  const port = Number(process.env[name] ?? usual)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  process.stderr.write(`${name} is not a port\n`)
  process.exit(2)
}

/** `presentia stack`: the engine and a Kamailio on loopback, to try everything without Docker. No authentication: for the lab only. */
export const run = async (): Promise<void> => {
  const sipPort = readPort('STACK_SIP_PORT', 5060)
  const httpPort = readPort('STACK_HTTP_PORT', 8000)
  if (!hasKamailio()) {
    process.stderr.write('Kamailio is not installed; on Debian run: sudo kamailio/install.sh\n')
    process.exit(1)
  }
  const secret = randomBytes(24).toString('base64url')
  const config = { ...readConfigOrExit(process.env), proxies: { [PROXY]: { kind: 'kamailio' as const, secret, notifyUrl: `http://127.0.0.1:${httpPort}/v1/notify` } } }
  try {
    const engine = await start(config, createLog(config.logLevel))
    const { WITH_AUTH, DB_URL, MIN_EXPIRES, MAX_EXPIRES } = process.env
    const more = Object.fromEntries(Object.entries({ WITH_AUTH, DB_URL, MIN_EXPIRES, MAX_EXPIRES }).filter(([, value]) => value !== undefined))
    const kamailio = await startKamailio({ sipPort, httpPort, engineUrl: engine.proxyAddress, proxyId: PROXY, secret, more }).catch(async (error: unknown) => {
      await engine.stop()
      throw error
    })
    let stopping = false
    const stop = async (): Promise<void> => {
      stopping = true
      await engine.stop()
      await kamailio.stop()
    }
    kamailio.process.once('exit', (code) => {
      if (stopping) return
      process.stderr.write(`Kamailio ended (${code ?? 'signal'}):\n${kamailio.output()}\n`)
      void stop().finally(() => process.exit(1))
    })
    stopOnSignal(stop)
    process.stdout.write(`stack ready: SIP 127.0.0.1:${sipPort} (tcp and udp), Kamailio HTTP 127.0.0.1:${httpPort}, engine ${engine.proxyAddress} on ${engine.database === 'embedded' ? 'the embedded database' : 'PostgreSQL'}, admin ${engine.adminAddress}/ with key ${config.adminKey === undefined ? engine.adminKey : 'from PRESENTIA_ADMIN_KEY'}\n`)
  } catch (error) {
    process.stderr.write(`the stack cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
