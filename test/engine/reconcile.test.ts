import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createRegistrarClient, registrarUrl } from '../../src/delivery/registrar.ts'
import { cleanUpEndpoints } from '../../src/engine/housekeeping.ts'
import { createReconciliation, type Reconciliation } from '../../src/engine/reconciliation.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { isProblem, openAdmin } from '../support/admin.ts'
import type { Client } from '../support/client.ts'
import { notes } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

const EVERY_S = 60
const GRACE_S = 120

interface Binding {
  readonly contact: string
  readonly callid: string
  readonly seconds: number
}

/** The registrars of two proxies behind one HTTP port, each under a path of its own, speaking the contract. */
class Registrars {
  readonly held = { kam1: new Map<string, Binding>(), kam2: new Map<string, Binding>() }
  /** How many bindings each question was about. */
  readonly questions: number[] = []
  /** Answers in place of the registrar. */
  instead: ((response: ServerResponse) => void) | undefined
  /** Happens while the registrar thinks. */
  meanwhile: () => Promise<unknown> = async () => undefined
  url = ''

  async open(): Promise<() => void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        void this.meanwhile().then(() => {
          const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as readonly { readonly aor: string; readonly contact: string; readonly callid: string }[]
          this.questions.push(asked.length)
          if (this.instead !== undefined) return this.instead(response)
          const [, proxy = ''] = (request.url ?? '').split('/')
          const held = this.held[proxy === 'kam2' ? 'kam2' : 'kam1']
          if (request.headers.authorization !== `Basic ${Buffer.from(`${proxy}:secret of ${proxy}`).toString('base64')}` || request.url !== `/${proxy}/registered`) return response.writeHead(403).end()
          const answers = asked.map(({ aor, contact, callid }) => {
            const binding = held.get(aor)
            return binding?.contact === contact && binding.callid === callid ? binding.seconds : 0
          })
          return response.writeHead(200).end(JSON.stringify({ r: answers }))
        })
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return () => {
      server.close()
      server.closeAllConnections()
    }
  }

  /** What the registrar of the client's proxy holds of it from now on. */
  holds(client: Client, seconds = 3600): void {
    this.held[client.proxy].set(`sip:${client.user}`, { contact: client.contact.slice(1, -1), callid: client.registerCallId, seconds })
  }

  forgets(client: Client): void {
    this.held[client.proxy].delete(`sip:${client.user}`)
  }
}

const registrars = new Registrars()
t.teardown(await registrars.open())

interface Node extends Reconciliation {
  readonly logged: readonly string[]
  readonly metrics: () => Promise<string>
}

const openNode = (t: Test, proxies: readonly ('kam1' | 'kam2')[] = ['kam1', 'kam2']): Node => {
  const logged: string[] = []
  const metrics = createMetrics()
  const clients = proxies.map((id) => [id, createRegistrarClient({ id, secret: `secret of ${id}`, url: registrarUrl(`${registrars.url}/${id}/notify`), timeoutMs: 500 })] as const)
  t.teardown(() => { for (const [, client] of clients) client.close() })
  const node = createReconciliation({
    store: world.store, now: () => world.now, graceMs: GRACE_S * 1000, everyMs: EVERY_S * 1000, registrars: new Map(clients.map(([id, { ask }]) => [id, ask])), metrics,
    log: createLog('info', { write: (line) => { logged.push((JSON.parse(line) as { msg: string }).msg) } }),
  })
  return { ...node, logged, metrics: metrics.text }
}

/** The timer for expired endpoints of a node that compares with registrars. */
const cleanUp = async (node: Node): Promise<void> => {
  world.delivery.wake(await cleanUpEndpoints(world.engine, node.spare))
  await world.delivery.idle()
}

/** One run of all its timers. */
const timers = async (node: Node): Promise<void> => {
  await node.run()
  await cleanUp(node)
  await world.timers()
}

const expiryOf = async (user: string): Promise<number | undefined> =>
  (await world.store.pool.query<{ expires_at: number }>('SELECT expires_at FROM endpoint WHERE user_uri = $1', [user])).rows[0]?.expires_at

t.beforeEach(() => {
  registrars.held.kam1.clear()
  registrars.held.kam2.clear()
  registrars.questions.length = 0
  registrars.instead = undefined
  registrars.meanwhile = async () => undefined
})

const bound = { category: 'device', container: 0, instance: 0, expireType: 'endpoint', data: 'pc' }

t.test('what vanished while nobody could tell us goes after the grace with all that hangs on it (3.2.5.5); what stayed is kept', async (t) => {
  const [gone, here] = [world.client(anna), world.client(boris)]
  for (const client of [gone, here]) await client.registers({ granted: 7200 })
  await gone.publishes([bound, ...notes('stays', [0])])
  await gone.subscribesSelf()
  await here.subscribes([anna], ['device', 'note'])
  registrars.holds(here)
  const node = openNode(t)
  await timers(node)
  t.strictSame(registrars.questions, [2])
  t.match(await node.metrics(), 'presentia_reconciled_endpoints_total{proxy="kam1",result="vanished"} 1')
  t.match(await node.metrics(), `presentia_reconciled_timestamp_seconds{proxy="kam1"} ${world.now / 1000}`)
  for (let waited = 0; waited < GRACE_S - 30; waited += 30) {
    world.advance(30)
    await timers(node)
  }
  t.strictSame([here.hears(), await world.count('endpoint')], [[], 2], 'it may come back')
  world.advance(30)
  await timers(node)
  t.strictSame(here.learns(), [['device (none)']])
  t.strictSame([await world.count('endpoint'), await world.count('dialog'), await world.count('category_instance')], [1, 1, 1], 'its dialogs went too, its static publication stays')
  t.match(await node.metrics(), 'result="vanished"} 1', 'counted once')
  t.equal((await here.publishes(notes('x', [0]))).status, 200)
})

t.test('a client that comes back within the grace loses nothing; nobody hears of it', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  for (const each of [client, watcher]) await each.registers({ granted: 7200 })
  await client.publishes([bound])
  await watcher.subscribes([anna], ['device'])
  registrars.holds(watcher)
  const node = openNode(t)
  await timers(node)
  world.advance(GRACE_S - 1)
  client.contact = '<sip:anna@192.0.2.10:4999;transport=tcp>'
  t.match(await client.registers({ granted: 7200 }), { action: 'refreshed' })
  registrars.holds(client)
  world.advance(600)
  await timers(node)
  t.strictSame([watcher.hears(), await world.count('endpoint')], [[], 2])
})

t.test('who registers, or is lost, between the question and its answer is not touched by the answer', async (t) => {
  const [first, second] = [world.client(anna), world.client(boris)]
  for (const each of [first, second]) await each.registers({ granted: 300 })
  world.advance(10)
  const expected: (number | undefined)[] = []
  registrars.meanwhile = async () => {
    await first.registers({ granted: 300 })
    second.contact = '<sip:boris@192.0.2.10:4999;transport=tcp>'
    await second.registers({ granted: 300 })
    expected.push(await expiryOf(anna), await expiryOf(boris))
  }
  await openNode(t).run()
  t.strictSame([await expiryOf(anna), await expiryOf(boris)], expected)
  t.equal(expected[0], world.now + 330_000)
})

t.test('a registrar that cannot be asked, or answers what cannot be, removes nobody, and is spoken of once', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 7200 })
  const before = await world.dump()
  const rest = (): void => world.advance(6)
  const text = (status: number, body: string) => (response: ServerResponse): void => { response.writeHead(status).end(body) }
  for (const [what, instead] of Object.entries({
    'no connection': (response: ServerResponse) => { response.destroy() },
    'no answer in time': () => undefined,
    'an error': text(500, ''),
    'refused': text(403, 'forbidden'),
    'no JSON': text(200, '<html/>'),
    'something else': text(200, '{"r":{"0":0}}'),
    'too few': text(200, '{"r":[]}'),
    'too many': text(200, '{"r":[0,0]}'),
    'no numbers': text(200, '{"r":["0"]}'),
    'no seconds': text(200, '{"r":[0.5]}'),
    'a flood': text(200, `{"r":[${'0'.repeat(70_000)}]}`),
  })) {
    const node = openNode(t)
    registrars.instead = instead
    for (let round = 0; round < 2; round += 1) {
      await node.run()
      rest()
    }
    t.strictSame({ ...await world.dump(), user_round: [] }, { ...before, user_round: [] }, what)
    t.strictSame(node.logged, ['the registrar of a proxy does not answer; its endpoints stay as they are known'], what)
    t.notMatch(await node.metrics(), 'presentia_reconciled_timestamp_seconds{proxy="kam1"}', what)
    if (what !== 'a flood') continue
    const asked = registrars.questions.length
    registrars.instead = undefined
    registrars.holds(client)
    await node.run()
    t.strictSame([registrars.questions.length, node.logged.at(-1)], [asked + 1, 'the registrar of a proxy answers'], 'the round goes on where it stood')
  }
  const resting = openNode(t)
  registrars.instead = text(500, '')
  const asked = registrars.questions.length
  for (let run = 0; run < 3; run += 1) await resting.run()
  t.equal(registrars.questions.length, asked + 1, 'it rests before it is asked again')
})

t.test('a proxy that does not offer the question is asked once a round, and said once', async (t) => {
  await world.client(anna).registers({ granted: 60 })
  registrars.instead = (response) => { response.writeHead(404).end('not found') }
  const node = openNode(t)
  for (let run = 0; run < 5; run += 1) await node.run()
  t.strictSame(registrars.questions, [1])
  world.advance(EVERY_S + 40)
  await timers(node)
  t.strictSame([registrars.questions, node.logged.length], [[1, 1], 1])
  t.match(node.logged[0], /does not offer/)
  t.equal(await world.count('endpoint'), 0, 'its endpoints expire as ever')
})

t.test('each registrar is asked about the endpoints of its own proxy', async (t) => {
  const [one, two, three] = [world.client(anna, 'one', 'kam1'), world.client(boris, 'two', 'kam2'), world.client(people.gerd, 'three', 'kam2')]
  for (const client of [one, two, three]) await client.registers({ granted: 7200 })
  registrars.holds(three)
  await openNode(t, ['kam2']).run()
  t.strictSame([registrars.questions, await expiryOf(anna), await expiryOf(boris), await expiryOf(people.gerd)], [[2], world.now + 7_230_000, world.now + GRACE_S * 1000, world.now + 7_230_000])
})

t.test('refreshes that passed us by: the registrar is asked before an endpoint ends, and what it holds lives on', async (t) => {
  await world.reset({ lostConnectionGraceMs: 5_000 })
  const [missed, gone, lost] = [world.client(anna), world.client(boris), world.client(people.gerd)]
  for (const client of [missed, gone]) await client.registers({ granted: 300 })
  await lost.registers({ granted: 300 })
  await missed.publishes([bound])
  registrars.holds(missed, 250)
  world.advance(900)
  const node = openNode(t)
  await cleanUp(node)
  t.strictSame([await expiryOf(anna), await expiryOf(boris)], [world.now + 280_000, undefined])
  t.equal((await missed.publishes([{ ...bound, version: 1 }])).status, 200)
  await lost.registers({ granted: 300 })
  await lost.losesBinding({ connectionLost: true })
  world.advance(6)
  await cleanUp(node)
  t.equal(await expiryOf(people.gerd), undefined, 'a lost connection has its own grace, and no more')
  registrars.instead = (response) => { response.destroy() }
  world.advance(900)
  await cleanUp(node)
  t.equal(await world.count('endpoint'), 0, 'without an answer its time is over')
})

t.test('what a registrar cannot say now stays as it is, and a wrong answer is put right by the next round', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 7200 })
  const node = openNode(t)
  registrars.instead = (response) => { response.writeHead(200).end('{"r":[-1]}') }
  await node.run()
  t.equal(await expiryOf(anna), world.now + 7_230_000)
  registrars.instead = undefined
  world.advance(EVERY_S)
  await node.run()
  t.equal(await expiryOf(anna), world.now + GRACE_S * 1000)
  registrars.holds(client, 7000)
  world.advance(EVERY_S)
  await node.run()
  t.equal(await expiryOf(anna), world.now + 7_030_000)
  t.match(await node.metrics(), 'presentia_reconciled_endpoints_total{proxy="kam1",result="renewed"} 1')
})

t.test('a round goes page by page, several engines share it, and an engine that starts begins a new one', async (t) => {
  const users = Array.from({ length: 70 }, (_, n) => `user${n}@nordwind.example`)
  for (const user of users) {
    await world.adds(user)
    for (const epid of ['a', 'b', 'c']) await world.client(user, epid).registers({ granted: 7200 })
  }
  const long = world.client(anna)
  long.registerCallId = 'x'.repeat(2_000)
  await long.registers({ granted: 7200 })
  const [one, other] = [openNode(t), openNode(t)]
  await one.run()
  t.strictSame(registrars.questions, [99, 100, 11], 'a binding that no registrar keeps is not asked about')
  t.equal(await world.count(`endpoint WHERE expires_at = ${world.now + GRACE_S * 1000}`), 210)
  await one.run()
  t.equal(registrars.questions.length, 3)
  await other.run()
  t.equal(registrars.questions.length, 6, 'it does not know what it has missed')
  world.advance(EVERY_S)
  await Promise.all([one.run(), other.run()])
  const asked = registrars.questions.slice(6).reduce((sum, count) => sum + count, 0)
  t.ok(asked >= 210 && asked <= 310, 'at most a page is asked about twice')
  const admin = await openAdmin(world)
  t.strictSame((await admin('GET', '/proxies')).json(), { items: ['kam1', 'kam2'].map((id) => ({ id, kind: id === 'kam1' ? 'kamailio' : 'plain', reconciliation: { startedAt: new Date(world.now).toISOString(), underWay: false } })) })
  const questions = registrars.questions.length
  t.strictSame([(await admin('POST', '/proxies/kam1/reconcile')).status, (await admin('GET', '/proxies')).json<{ items: readonly object[] }>().items[0]], [202, { id: 'kam1', kind: 'kamailio' }])
  await one.run()
  t.equal(registrars.questions.length, questions + 3, 'the operator has it compared at once')
  isProblem(t, await admin('POST', '/proxies/kam3/reconcile'), 404, 'no such proxy')
  isProblem(t, await (await openAdmin(world, { reconciles: false }))('POST', '/proxies/kam1/reconcile'), 409, 'switched off', /PRESENTIA_RECONCILE_MS/)
  const { rows } = await world.store.pool.query<{ revision: number }>("SELECT revision FROM publisher WHERE publisher = 'user1@nordwind.example'")
  await world.client('user1@nordwind.example', 'a').registers({ granted: 7200 })
  world.advance(EVERY_S)
  await one.run()
  t.ok(((await world.store.pool.query<{ revision: number }>("SELECT revision FROM publisher WHERE publisher = 'user1@nordwind.example'")).rows[0]?.revision ?? 0) > (rows[0]?.revision ?? 0) + 1, 'decisions made on the endpoint as it was are void')
})
