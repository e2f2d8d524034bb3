import t, { type Test } from 'tap'
import { isDatabaseUnavailable } from '../../src/store/errors.ts'
import { connectStore, type Store } from '../../src/store/connect.ts'
import { poolSession, statement, transact, type Transaction } from '../../src/store/session.ts'
import { needsServer, openTestStore, testServer } from '../support/database.ts'

const { store, reset, url } = await openTestStore(t)
const { pool } = store
await pool.query('CREATE TABLE scratch (publisher text PRIMARY KEY)')
t.beforeEach(async () => {
  await reset()
  await pool.query('DELETE FROM scratch')
})

const PUT = statement('test-put', 'INSERT INTO scratch (publisher) VALUES ($1)')
const ALL = statement('test-all', 'SELECT publisher FROM scratch ORDER BY 1')
const LOCK = statement('test-lock', 'SELECT 1 FROM scratch WHERE publisher = $1 FOR UPDATE')
const PID = statement('test-pid', 'SELECT pg_backend_pid() AS pid, current_setting($1, true) AS setting')
const fails = (code: string) => statement(`test-fail-${code}`, `DO $$ BEGIN RAISE EXCEPTION 'failed on purpose' USING ERRCODE = '${code}'; END $$`)

const stored = async (): Promise<readonly string[]> => (await poolSession(pool).send<{ publisher: string }>(ALL, [])).map(({ publisher }) => publisher)
const put = (tx: Transaction, name: string): Promise<unknown> => tx.send(PUT, [name])
const second = async (t: Test): Promise<Store> => {
  const other = await connectStore({ url: url ?? '', poolSize: 2, onError: () => undefined })
  t.teardown(() => other.close())
  return other
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

t.test('what was sent without waiting is committed', async (t) => {
  const result = await transact(pool, async (tx) => {
    for (let at = 0; at < 50; at += 1) void put(tx, `u${at}`)
    return 'done'
  })
  t.equal(result, 'done')
  t.equal((await stored()).length, 50)
})

t.test('statements run in the order in which they were sent and see what went before', async (t) => {
  const seen = await transact(pool, async (tx) => {
    void put(tx, 'a')
    const [first, , second] = await Promise.all([tx.send(ALL, []), put(tx, 'b'), tx.send(ALL, [])])
    return [first, second].map((rows) => rows.map((row) => row['publisher'] as string))
  })
  t.same(seen, [['a'], ['a', 'b']])
})

t.test('an error in any statement rolls everything back, also in one that nobody waits for', async (t) => {
  await transact(pool, (tx) => put(tx, 'there'))
  const works: Readonly<Record<string, (tx: Transaction) => Promise<unknown>>> = {
    'the first, unawaited': async (tx) => { void put(tx, 'there'); void put(tx, 'x') },
    'the last, unawaited': async (tx) => { void put(tx, 'x'); void put(tx, 'there') },
    'the first, awaited': async (tx) => { await put(tx, 'there'); await put(tx, 'x') },
    'the last, awaited': async (tx) => { await put(tx, 'x'); await put(tx, 'there') },
    'one of several': (tx) => Promise.all([put(tx, 'x'), put(tx, 'there'), put(tx, 'y')]),
  }
  for (const [what, work] of Object.entries(works)) {
    await t.rejects(transact(pool, work), { code: '23505' }, what)
    t.same(await stored(), ['there'], what)
  }
})

t.test('a thrown error rolls back and is thrown on', async (t) => {
  const mine = new Error('mine')
  await t.rejects(transact(pool, async (tx) => { void put(tx, 'x'); throw mine }), mine)
  await t.rejects(transact(pool, async (tx) => { await put(tx, 'x'); throw mine }), mine)
  t.same(await stored(), [])
})

t.test('what only lost against another transaction is tried three times, other errors are not', async (t) => {
  for (const code of ['40001', '40P01']) {
    let tries = 0
    await t.rejects(transact(pool, async (tx) => { tries += 1; await tx.send(fails(code), []) }), { code })
    t.equal(tries, 3, `${code} awaited`)
    tries = 0
    await t.rejects(transact(pool, async (tx) => { tries += 1; void tx.send(fails(code), []) }), { code })
    t.equal(tries, 3, `${code} unawaited`)
    tries = 0
    await transact(pool, async (tx) => { tries += 1; await put(tx, code); if (tries < 3) await tx.send(fails(code), []) })
    t.equal(tries, 3, `${code} and then success`)
  }
  let tries = 0
  await t.rejects(transact(pool, async (tx) => { tries += 1; await tx.send(fails('22012'), []) }), { code: '22012' })
  t.equal(tries, 1)
  t.same(await stored(), ['40001', '40P01'])
})

t.test('the error of an unawaited statement is not hidden by the awaited one behind it', async (t) => {
  let tries = 0
  await t.rejects(transact(pool, async (tx) => {
    tries += 1
    void tx.send(fails('40P01'), [])
    await put(tx, 'x')
  }), { code: '40P01' }, 'not 25P02, the consequence')
  t.equal(tries, 3, 'and so it is tried again')
})

t.test('a deadlock is resolved by trying again', { skip: needsServer }, async (t) => {
  await transact(pool, async (tx) => { void put(tx, 'a'); void put(tx, 'b') })
  const tries: string[] = []
  let locked = 0
  let bothHaveOne = (): void => undefined
  const both = new Promise<void>((resolve) => { bothHaveOne = resolve })
  const cross = (first: string, then: string): Promise<void> => transact(pool, async (tx) => {
    tries.push(first)
    await tx.send(LOCK, [first])
    locked += 1
    if (locked === 2) bothHaveOne()
    await both
    await tx.send(LOCK, [then])
    void put(tx, `${first} was here`)
  })
  await Promise.all([cross('a', 'b'), cross('b', 'a')])
  t.ok(tries.length > 2, 'one of the two was the victim')
  t.same(await stored(), ['a', 'a was here', 'b', 'b was here'])
})

t.test('the connection goes back clean after failures', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    await t.rejects(transact(pool, async (tx) => { void put(tx, 'x'); void tx.send(fails('22012'), []); await put(tx, 'y') }))
    await transact(pool, (tx) => put(tx, `round ${round}`))
  }
  t.equal((await stored()).length, 20)
  t.equal(pool.totalCount - pool.idleCount, 0, 'nothing is leaked')
})

t.test('the loss of idle connections is survived', { skip: needsServer }, async (t) => {
  const heard: Error[] = []
  const own = await connectStore({ url: url ?? '', poolSize: 3, onError: (error) => heard.push(error) })
  t.teardown(() => own.close())
  await Promise.all([1, 2, 3].map(() => own.pool.query('SELECT pg_sleep(0.05)')))
  const { rows } = await own.pool.query<{ pid: number }>("SELECT pid FROM pg_stat_activity WHERE application_name = 'presentia' AND state = 'idle' AND datname = current_database() AND pid <> pg_backend_pid()")
  await pool.query('SELECT 1')
  await (await second(t)).pool.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [rows.map(({ pid }) => pid)])
  await pause(100)
  t.ok(heard.length >= 2, 'each loss is reported')
  t.same((await own.pool.query('SELECT 1 AS one')).rows, [{ one: 1 }], 'and the pool goes on')
})

t.test('an absent database is recognised, a wrong statement is not', async (t) => {
  for (const host of ['127.0.0.1', 'localhost']) {
    const nowhere = await connectStore({ url: `postgres://postgres@${host}:1/none`, onError: () => undefined })
    const error: unknown = await transact(nowhere.pool, async () => undefined).then(() => undefined, (failed: unknown) => failed)
    t.ok(isDatabaseUnavailable(error), `${host}: ${String(error)}`)
    await nowhere.close()
    const closed: unknown = await nowhere.pool.connect().then(() => undefined, (failed: unknown) => failed)
    t.ok(isDatabaseUnavailable(closed), String(closed))
  }
  const unavailable = ['25006', '57014', '57P01', '57P02', '57P03', '57P04', '53300', '08006', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH']
  for (const code of unavailable) t.ok(isDatabaseUnavailable(Object.assign(new Error('x'), { code })), code)
  const wrong: unknown = await pool.query('SELECT nonsense').then(() => undefined, (failed: unknown) => failed)
  t.notOk(isDatabaseUnavailable(wrong))
  for (const other of [undefined, 'ECONNREFUSED', new Error('x'), Object.assign(new Error('x'), { code: '40P01' })]) t.notOk(isDatabaseUnavailable(other))
})

t.test('an overloaded server is unavailable, not wrong', { skip: needsServer }, async (t) => {
  const small = await connectStore({ url: url ?? '', poolSize: 1, onError: () => undefined })
  t.teardown(() => small.close())
  const client = await small.pool.connect()
  const error: unknown = await transact(small.pool, async () => undefined).then(() => undefined, (failed: unknown) => failed)
  client.release()
  t.ok(isDatabaseUnavailable(error), String(error))
  await transact(small.pool, async (tx) => { await put(tx, 'after') })
  t.same(await stored(), ['after'])
})

t.test('numbers beyond 32 bits come back as numbers', async (t) => {
  const { rows } = await pool.query('SELECT 4294967296::bigint AS big, count(*) AS none, NULL::bigint AS missing FROM scratch')
  t.same(rows, [{ big: 4_294_967_296, none: 0, missing: null }])
  t.equal(store.kind, testServer === undefined ? 'embedded' : 'postgres')
})

t.test('a connection lost inside a transaction fails that transaction only', { skip: needsServer }, async (t) => {
  const other = await second(t)
  for (const busy of [false, true]) {
    let pid = 0
    const lost: unknown = await transact(pool, async (tx) => {
      pid = (await tx.send<{ pid: number }>(PID, ['none']))[0]?.pid ?? 0
      void put(tx, 'lost')
      const sleeping = busy ? tx.send(statement('test-sleep', 'SELECT pg_sleep(2)'), []) : undefined
      await other.pool.query('SELECT pg_terminate_backend($1)', [pid])
      await (sleeping ?? pause(100))
      await put(tx, 'never')
    }).then(() => undefined, (error: unknown) => error)
    t.ok(isDatabaseUnavailable(lost), `${busy ? 'while a statement runs' : 'between statements'}: ${String(lost)} means unavailable`)
    const pids = await Promise.all(Array.from({ length: 8 }, () => poolSession(pool).send<{ pid: number }>(PID, ['none'])))
    t.notOk(pids.flat().some((row) => row.pid === pid), 'the broken connection is not used again')
    t.same(await stored(), [])
  }
  // A loss that nobody listens for ends the process: tap would report it here as an uncaught exception.
  await pause(50)
})
