import { connect } from 'node:net'
import t from 'tap'
import { readConfig } from '../src/config/config.ts'
import { start } from '../src/main.ts'
import { createLog } from '../src/observe/log.ts'

t.test('a connection that never ends its request does not keep the engine from stopping', async (t) => {
  const config = readConfig({ PRESENTIA_DATA_DIR: t.testdir(), PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_LOG_LEVEL: 'silent' })
  const engine = await start(config, createLog(config.logLevel))
  const socket = connect(Number(new URL(engine.proxyAddress).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write('POST /v1/sip HTTP/1.1\r\nHost: x\r\n')
  const started = performance.now()
  await engine.stop()
  t.ok(performance.now() - started < 10_000)
  socket.destroy()
})
