import { readConfig } from '../../src/config/config.ts'
import { start } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'

// An engine in a process of its own, for crash.test.ts to kill; says on standard output where it can be reached.
const config = readConfig(process.env)
const running = await start(config, createLog(config.logLevel, process.stderr))
process.stdout.write(`${JSON.stringify({ address: running.proxyAddress })}\n`)
process.on('disconnect', () => process.exit(0))
