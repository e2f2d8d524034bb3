import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import type { NotifyInstruction } from '../../src/core/model/dialog.ts'
import type { Answer } from '../../src/engine/deps.ts'
import { connectStore, type Store } from '../../src/store/connect.ts'
import { migrate, readMigrations } from '../../src/store/migrate.ts'
import { poolSession } from '../../src/store/session.ts'
import { createDatabase, createDataDirectory, createDirectory, migrationsDirectory, testServer } from '../support/database.ts'
import { addUsers, readHandedOver, seeded, type HandedOver } from './engine-kit.ts'
import { createListener, lastHeard, listen, storedFor, type Listener } from './listener.ts'
import { publishText, registerText, subscribeText } from './sip-texts.ts'
import { countChanges, countDeferred } from '../support/pending.ts'

const SECRET = 'a secret of sixteen letters'
// The embedded database takes a second and a half to start.
const KILLS = testServer === undefined ? 2 : 4
const publishers = ['anna', 'bert', 'carl'].map((name) => `${name}@nordwind.example`)
const watchers = ['ute', 'vera', 'willi'].map((name) => `${name}@nordwind.example`)

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const random = seeded(seed)

/** The proxy: takes every instruction, as it may have gone to the wire even when its sender dies. */
const heard = new Map<string, HandedOver[]>()
const proxy = createServer((request, response) => {
  void readAll(request).then(async (body) => {
    const instructions = JSON.parse(body) as readonly NotifyInstruction[]
    for (const handed of instructions.map(readHandedOver)) {
      const list = heard.get(handed.callId)
      if (list === undefined) heard.set(handed.callId, [handed])
      else list.push(handed)
    }
    await pause(Math.floor(random() * 8))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ r: instructions.map(() => 202) }))
  }).catch(() => response.destroy())
})

let child: ChildProcess | undefined
let address = ''

const startEngine = async (environment: NodeJS.ProcessEnv): Promise<void> => {
  const started = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts')], { env: { PATH: process.env['PATH'], ...environment }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  child = started
  const line = await Promise.race([once(started.stdout as NodeJS.ReadableStream, 'data'), once(started, 'exit').then(() => { throw new Error('the engine did not start') })])
  address = (JSON.parse(String(line[0])) as { address: string }).address
}

const killEngine = async (): Promise<void> => {
  if (child === undefined) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  child = undefined
}

const post = async (path: string, body: string): Promise<string> => {
  const response = await fetch(`${address}${path}`, { method: 'POST', body, headers: { 'content-type': 'message/sip', authorization: `Basic ${Buffer.from(`kam1:${SECRET}`).toString('base64')}` } })
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`)
  return response.text()
}

const sip = async (text: string): Promise<Answer['reply']> => {
  const answer = JSON.parse(await post('/v1/sip?tid=1%3A1&flow=f&contact=sip%3Apresence.nordwind.example', text)) as { reply: { code: number; reason: string; toTag: string; headers: string; body: string } }
  const headers = answer.reply.headers.split('\r\n').filter((line) => line !== '').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
  return { status: answer.reply.code, reason: answer.reply.reason, toTag: answer.reply.toTag, headers, body: answer.reply.body }
}

/** Publishes until told to stop; what a killed engine did not answer is repeated as it was. */
const publishing = async (user: string, playing: () => boolean, refused: string[]): Promise<number> => {
  let acknowledged = 0
  while (playing()) {
    const text = publishText(user, `publish-${user}`, acknowledged + 1, [{ version: acknowledged, data: `${acknowledged + 1} by ${user}` }])
    const reply = await sip(text).catch(() => undefined)
    if (reply?.status === 200) acknowledged += 1
    else if (reply === undefined || reply.status === 503) await pause(20)
    else {
      refused.push(`${user} ${acknowledged + 1}: ${reply.status}`)
      break
    }
  }
  return acknowledged
}

t.test('an engine killed under load loses nothing that it acknowledged, and tells everything in the end', async (t) => {
  t.comment(`TEST_SEED=${seed}`)
  const url = testServer === undefined ? undefined : await createDatabase(t, testServer)
  const dataDir = url === undefined ? await createDataDirectory(t) : createDirectory(t)
  // The embedded database belongs to one process at a time: it is open here only before and after the engine runs.
  const open = (): Promise<Store> => connectStore({ ...(url === undefined ? { dataDir } : { url }), onError: () => undefined })
  const before = await open()
  if (url !== undefined) await migrate(before.pool, readMigrations(migrationsDirectory))
  await addUsers(before, [...publishers, ...watchers], Date.now())
  await before.close()
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => proxy.close())
  t.teardown(killEngine)
  const environment = {
    PRESENTIA_DATA_DIR: dataDir, PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_LOG_LEVEL: 'fatal', PRESENTIA_RECONCILE_MS: '0', ...(url === undefined ? {} : { PRESENTIA_DATABASE_URL: url }),
    PRESENTIA_PROXIES: JSON.stringify({ kam1: { kind: 'plain', secret: SECRET, notifyUrl: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/v1/notify` } }),
  }
  await startEngine(environment)
  const listeners: Listener[] = []
  for (const user of watchers) {
    const epid = user.split('@', 1)[0] ?? ''
    await post('/v1/registration?flow=f', registerText(user, epid))
    const listener = createListener(user, `watch-${epid}`)
    listen(listener, { reply: await sip(subscribeText({ user, epid, callId: listener.callId, cseq: 1, publishers })), notify: [], touched: [] })
    t.equal(listener.answers.length, 1, user)
    listeners.push(listener)
  }
  let playing = true
  const refused: string[] = []
  const loads = publishers.map((user) => publishing(user, () => playing, refused))
  for (let kill = 0; kill < KILLS; kill += 1) {
    await pause(150 + random() * 500)
    await killEngine()
    await startEngine(environment)
  }
  await pause(200)
  playing = false
  const acknowledged = await Promise.all(loads)
  t.same(refused, [], 'a repeated request is answered as if nothing had happened')
  if (url === undefined) {
    // What nobody told is found within two seconds.
    await pause(2_500)
    await killEngine()
  }
  const kept = await open()
  t.teardown(() => kept.close())
  const session = poolSession(kept.pool)
  for (const end = Date.now() + 6_000; url !== undefined && Date.now() < end && ((await countChanges(session)).pending > 0 || (await countDeferred(session)) > 0);) await pause(50)
  t.equal((await countChanges(session)).pending, 0, 'every change is told')
  t.equal(await countDeferred(session), 0, 'nothing is owed')
  for (const [at, user] of publishers.entries()) {
    const { rows } = await kept.pool.query<{ instance_version: number; payload: string }>('SELECT instance_version, payload FROM category_instance WHERE publisher = $1 AND category = $2', [user, 'note'])
    t.equal(rows[0]?.instance_version, acknowledged[at], `${user}: ${acknowledged[at]} publishes, each applied once`)
    t.match(rows[0]?.payload, `${acknowledged[at]} by ${user}`)
    t.ok((acknowledged[at] ?? 0) > 0, 'there was load')
  }
  for (const listener of listeners) {
    const notifications = heard.get(listener.callId) ?? []
    const stored = await storedFor(kept, listener, Date.now())
    // In the order in which they were told: a killed engine takes the numbers of what it was just telling with it, and they are used again.
    t.same(lastHeard(listener, notifications.map((notification, at) => ({ ...notification, cseq: at + 2 }))), stored, `${listener.user} was told the stored state last, in ${notifications.length} notifications`)
  }
  const repeated = listeners.reduce((sum, { callId }) => sum + (heard.get(callId) ?? []).filter(({ cseq, body }, at, all) => all.some((other, before) => before < at && other.cseq === cseq && other.body !== body)).length, 0)
  const falling = listeners.reduce((sum, { callId }) => sum + (heard.get(callId) ?? []).filter(({ cseq }, at, all) => all.slice(0, at).some((other) => other.cseq > cseq)).length, 0)
  t.comment(`after kills: ${repeated} notifications with the CSeq of another one and another body, ${falling} with a CSeq below an earlier one`)
})
