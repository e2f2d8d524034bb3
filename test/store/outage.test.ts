import pg from 'pg'
import t, { type Test } from 'tap'
import { buildProxyApp } from '../../src/http/proxy/app.ts'
import { createAdmission } from '../../src/http/proxy/admission.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { connectStore, type Store } from '../../src/store/connect.ts'
import { isDatabaseUnavailable } from '../../src/store/errors.ts'
import { createGate, type GateOptions } from '../../src/store/gate.ts'
import { poolSession, statement, transact } from '../../src/store/session.ts'
import { notes, publishBody } from '../support/bodies.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { openRelay, type Relay } from '../support/relay.ts'
import { people, World } from '../support/world.ts'

const { anna } = people
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => { while (!await holds()) await pause(5) }

/** A gate whose questions a test answers. */
const gateWith = (options: Partial<GateOptions> = {}) => {
  const questions: { readonly yes: () => void; readonly no: () => void }[] = []
  const said: string[] = []
  const gate = createGate({
    ask: () => new Promise((resolve, reject) => questions.push({ yes: resolve, no: () => reject(new Error('away')) })),
    everyMs: 1, patienceMs: 60_000, onClosed: (reason) => { said.push(`closed: ${reason instanceof Error ? reason.message : ''}`) }, onOpened: () => { said.push('opened') }, ...options,
  })
  return { gate, questions, said, lost: () => gate.suspect(new Error('lost')) }
}

t.test('gate: one failure makes it ask, the answer decides', async (t) => {
  const { gate, questions, said, lost } = gateWith()
  lost()
  lost()
  t.equal(questions.length, 1, 'one question at a time')
  t.ok(gate.isOpen(), 'nobody is refused meanwhile')
  questions[0]?.yes()
  await pause(5)
  t.strictSame(said, [], 'a broken connection is no outage')
  lost()
  await until(() => questions.length === 2)
  questions[1]?.no()
  await until(() => !gate.isOpen())
  await until(() => questions.length === 3)
  questions[2]?.no()
  await until(() => questions.length === 4)
  t.notOk(gate.isOpen())
  questions[3]?.yes()
  await until(() => gate.isOpen())
  t.strictSame(said, ['closed: away', 'opened'])
  await pause(10)
  t.equal(questions.length, 4, 'an open gate asks nothing')
  gate.stop()
})

t.test('gate: no answer is an answer; a late one still opens it; a stopped one asks no more', async (t) => {
  const { gate, questions, said, lost } = gateWith({ patienceMs: 1 })
  lost()
  await until(() => !gate.isOpen())
  t.equal(questions.length, 1)
  questions[0]?.yes()
  await until(() => gate.isOpen())
  t.strictSame(said, ['closed: no answer', 'opened'])
  lost()
  await until(() => questions.length === 2)
  gate.stop()
  questions[1]?.no()
  await pause(10)
  lost()
  await pause(10)
  t.equal(questions.length, 2)
})

/** A world on PostgreSQL behind a relay, with the proxies' interface. */
const openOutage = async (t: Test, { poolSize = 4, statementTimeoutMs = 10_000 } = {}) => {
  const { store: direct, reset, url = '' } = await openTestStore(t)
  const relay: Relay = await openRelay(url)
  const heard: string[] = []
  const store: Store = await connectStore({ url: relay.url, poolSize, statementTimeoutMs, onError: () => undefined, onAway: () => { heard.push('away') }, onBack: () => { heard.push('back') } })
  // The store first: what hangs would keep it waiting.
  t.teardown(async () => {
    relay.close()
    await store.close()
  })
  const world = new World({ store, reset, url })
  await world.reset()
  const { health } = store
  const admission = createAdmission({ bounds: { inFlight: 100, databaseWaitMs: 60_000, eventLoopDelayMs: 60_000 }, databaseWaitMs: health.oldestWaitMs, eventLoopDelayMs: () => 0, isDatabaseAway: health.isAway, fraction: () => 0 })
  const app = buildProxyApp({
    engine: world.engine, entry: world.entry, wake: () => undefined, notify: async () => undefined, trace: () => 'trace', admission, log: createLog('silent'), metrics: createMetrics(), proxies: new Map([['kam1', { kind: 'kamailio', secret: 'secret-of-kam1-0123' }]]),
    isReady: async () => { const why = admission.trouble(); return why === undefined ? true : { why } },
  })
  const client = world.client(anna)
  const publishText = (version: number): string => client.text('SERVICE', { callId: `call ${version}`, headers: { 'Content-Type': 'application/msrtc-category-publish+xml' }, body: publishBody(anna, notes(`version ${version}`, [0], version)) })
  const send = async (text: string): Promise<{ readonly status: unknown; readonly headers: string; readonly body: string }> => {
    const response = await app.inject({ method: 'POST', url: '/v1/sip?tid=1&flow=f&contact=sip:k', payload: text, headers: { authorization: `Basic ${Buffer.from('kam1:secret-of-kam1-0123').toString('base64')}`, 'content-type': 'message/sip' } })
    const [status, , , , headers, body] = response.json<{ reply: { params: string[] } }>().reply.params
    return { status, headers: headers ?? '', body: body ?? '' }
  }
  const stored = async (): Promise<number> => Number((await direct.pool.query<{ version: number }>("SELECT coalesce(max(instance_version), 0) AS version FROM category_instance WHERE category = 'note'")).rows[0]?.version)
  /** Ends the engine's connections, as a server does that goes down. */
  const disconnect = (): Promise<unknown> => direct.pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
  const database = new URL(url).pathname.slice(1)
  return { relay, store, direct, url, world, app, heard, publishText, send, stored, disconnect, database }
}

/** Another connection to the same server, for what cannot be done from inside a database. */
const onServer = async (url: string, sql: string): Promise<void> => {
  const other = new URL(url)
  other.pathname = '/postgres'
  const client = new pg.Client({ connectionString: other.href })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

t.test('a server that goes down and takes no connections: refused at once, then it goes on by itself; nothing acknowledged is lost', { skip: needsServer }, async (t) => {
  const { store, world, app, heard, publishText, send, stored, disconnect, url, database } = await openOutage(t)
  t.equal((await send(publishText(0))).status, 200)
  await onServer(url, `ALTER DATABASE ${database} ALLOW_CONNECTIONS false`)
  await disconnect()
  await until(() => heard.length > 0)
  t.strictSame(heard, ['away'], 'it is noticed without a request')
  const refused = await Promise.all(Array.from({ length: 20 }, () => send(publishText(1))))
  t.ok(refused.every(({ status }) => status === 503))
  t.match(refused[0]?.headers, /^Retry-After: 5\r\nms-diagnostics: 4000;reason="The database does not answer; try again later\."/)
  t.equal(store.health.oldestWaitMs(), 0, 'nobody waits')
  t.strictSame((await app.inject('/health/ready')).json(), { status: 'not ready', why: 'the database is away' })
  t.equal((await app.inject('/health/live')).statusCode, 200)
  const away = { message: /^the database cannot be reached: / }
  await t.rejects(store.pool.query('SELECT 1'), away)
  await t.rejects(transact(store.pool, async () => undefined), away)
  await t.rejects(world.store.db.selectFrom('domain').selectAll().execute(), away)
  await onServer(url, `ALTER DATABASE ${database} ALLOW_CONNECTIONS true`)
  await until(() => heard.length > 1)
  t.strictSame(heard, ['away', 'back'])
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  t.equal(await stored(), 1, 'what was acknowledged is there, what was refused is not')
  t.equal((await send(publishText(1))).status, 200)
  t.equal(await stored(), 2)
})

t.test('a fail-over: a server that takes no writes is away, and connections to it are not used again', { skip: needsServer }, async (t) => {
  const { store, direct, heard, publishText, send, stored, disconnect, database } = await openOutage(t)
  t.equal((await send(publishText(0))).status, 200)
  await direct.pool.query(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
  await disconnect()
  // The connections that come now lead to a standby.
  await until(() => heard.length === 1)
  t.equal((await send(publishText(1))).status, 503)
  await direct.pool.query('SET default_transaction_read_only = off')
  await direct.pool.query(`ALTER DATABASE ${database} SET default_transaction_read_only = off`)
  await until(() => heard.length === 2)
  t.equal((await send(publishText(1))).status, 200)
  t.strictSame(heard, ['away', 'back'])
  // The address has moved to the new primary before anybody noticed: connections to the old one are all that is wrong.
  const read = statement('test-read-only', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY')
  await Promise.all(Array.from({ length: 4 }, () => transact(store.pool, async (tx) => { void tx.send(read, []) })))
  t.equal(store.pool.idleCount, 4)
  t.equal((await send(publishText(2))).status, 503, 'the one that finds it out')
  t.equal((await send(publishText(2))).status, 200, 'and no other')
  t.equal(await stored(), 3)
  t.strictSame(heard, ['away', 'back'], 'the database was there all the time')
})

t.test('a network that swallows everything: whoever waits is told, and who hangs is freed when it is over', { skip: needsServer }, async (t) => {
  const { relay, store, heard, publishText, send, direct } = await openOutage(t, { poolSize: 3, statementTimeoutMs: 200 })
  relay.reset()
  await until(() => store.pool.totalCount === 0)
  let locked = 0
  const sleep = statement('test-nothing', 'SELECT 1')
  const stuck = [0, 1].map(() => transact(store.pool, async (tx) => {
    await tx.send(sleep, [])
    locked += 1
    await until(() => locked === 3)
    await tx.send(sleep, [])
  }).then(() => undefined, (error: unknown) => error))
  await until(() => locked === 2)
  await store.pool.query('SELECT 1')
  t.strictSame([store.pool.totalCount, store.pool.idleCount], [3, 1])
  relay.hang()
  locked += 1
  // The idle one is all that anybody notices.
  relay.resetLast()
  const waiting = store.pool.query('SELECT 1').then(() => undefined, (error: unknown) => error)
  t.ok(isDatabaseUnavailable(await waiting))
  await until(() => heard.length === 1)
  t.equal((await send(publishText(0))).status, 503)
  // Longer than any statement takes.
  await pause(300)
  relay.pass()
  await until(() => heard.length === 2)
  for (const error of await Promise.all(stuck)) t.ok(isDatabaseUnavailable(error), String(error))
  t.equal((await send(publishText(0))).status, 200)
  t.equal(Number((await direct.pool.query("SELECT count(*) AS n FROM category_instance WHERE category = 'note'")).rows[0]?.['n']), 1)
})

t.test('a commit whose answer is lost: refused, though it holds; the same request again is answered and not carried out twice', { skip: needsServer }, async (t) => {
  const { relay, direct, publishText, send, stored } = await openOutage(t)
  t.equal((await send(publishText(0))).status, 200)
  const holder = await direct.pool.connect()
  await holder.query('BEGIN')
  // What the publish is about to write; it waits inside its one statement.
  await holder.query("UPDATE category_instance SET payload = payload WHERE publisher = $1 AND category = 'note'", [anna])
  const answer = send(publishText(1))
  await until(async () => (await direct.pool.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount === 1)
  relay.mute()
  await holder.query('ROLLBACK')
  holder.release()
  await until(async () => await stored() === 2)
  relay.reset()
  t.equal((await answer).status, 503, 'nobody knows, so nothing is acknowledged')
  await until(async () => (await send(publishText(1))).status === 200)
  t.equal(await stored(), 2, 'it was carried out once')
  t.equal((await send(publishText(2))).status, 200)
  t.equal(await stored(), 3)
})

t.test('waits and uses of connections are told to the observer, for transactions and single statements alike', { skip: needsServer }, async (t) => {
  const { url = '' } = await openTestStore(t)
  const waited: number[] = []
  const held: number[] = []
  const store = await connectStore({ url, poolSize: 1, observer: { waited: (ms) => waited.push(ms), held: (ms) => held.push(ms) }, onError: () => undefined })
  t.teardown(() => store.close())
  let waiting: Promise<unknown> = Promise.resolve()
  await transact(store.pool, async () => {
    const behind = poolSession(store.pool).send(statement('test-behind', 'SELECT 1'), [])
    behind.catch(() => undefined)
    await until(() => store.pool.waitingCount === 1)
    t.ok(store.health.oldestWaitMs() > 0, 'somebody waits')
    t.notOk(store.health.isAway())
    waiting = behind
  })
  await waiting
  await store.db.selectFrom('domain').selectAll().execute()
  t.equal(store.health.oldestWaitMs(), 0)
  t.strictSame([waited.length, held.length], [3, 3])
  t.ok([...waited, ...held].every((ms) => ms >= 0))
})
