import t from 'tap'
import { createCategoryDirectory } from '../../src/engine/category-directory.ts'
import type { EngineDeps } from '../../src/engine/deps.ts'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import { poolSession } from '../../src/store/session.ts'
import { adminDeps, KEY } from '../support/admin.ts'
import { notes } from '../support/bodies.ts'
import { cutParts } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, gerd } = people

/** The categories as one node knows them: without schemas, behind a cache of its own. */
const node = (): EngineDeps['categories'] => {
  const directory = createCategoryDirectory(poolSession(world.store.pool), () => world.now, false)
  return { forget: directory.forget, registry: async () => {
    const registry = await directory.registry()
    return { ...registry, rules: new Map([...registry.rules].map(([name, rule]) => [name, { ...rule, check: undefined }])) }
  } }
}

const build = async (adminNode: EngineDeps['categories'], engineNode = adminNode) => {
  await world.reset({ categories: engineNode })
  const app = await buildAdminApp(adminDeps(world, { categories: adminNode }))
  return async (method: 'GET' | 'PUT' | 'POST', path: string, payload?: object) => {
    const response = await app.inject({ method, url: `/admin/v1${path}`, headers: { authorization: `Bearer ${KEY}` }, ...(payload === undefined ? {} : { payload }) })
    await world.delivery.idle()
    return response
  }
}

t.test('1.3.1.2: what becomes private is taken from a watcher that was owed something already, by whichever node pays', async (t) => {
  const [one, two] = [node(), node()]
  const call = await build(one, two)
  const [publisher, watcher] = [world.client(anna), world.client(boris)]
  for (const client of [publisher, watcher]) await client.registers()
  await publisher.publishes(notes('first', [0]))
  await watcher.subscribes([anna], ['note'])
  world.proxies.kam1.failing.add(watcher.flow)
  await publisher.publishes(notes('second', [0], 1))
  world.proxies.kam1.failing.clear()
  world.advance(0.1)
  t.equal((await call('PUT', '/categories/note', { private: true })).statusCode, 200, 'on another node than the one that delivers')
  for (let second = 0; second < 120; second += 1) {
    world.advance(1)
    await world.timers()
  }
  t.strictSame(watcher.learns().at(-1), ['note (none)'], 'what the watcher holds in the end')
})

t.test('view-as with a private category named: as the subscriber would be answered, which is without it (3.4.5.1.3)', async (t) => {
  const call = await build(node())
  const [publisher, watcher] = [world.client(anna), world.client(boris)]
  for (const client of [publisher, watcher]) await client.registers()
  await publisher.publishes([...notes('x', [0]), { category: 'routing', container: 0, data: 'secret' }])
  const { answer } = await watcher.subscribes([anna], ['routing', 'note'], { headers: { Expires: '0' } })
  const received = cutParts(answer.header('Content-Type') ?? '', answer.body).at(-1)?.text
  t.equal((await call('GET', `/users/${anna}/view-as?subscriber=${boris}&category=routing&category=note`)).body, received)
})

t.test('explain: no container wins where nothing is seen: a private category, a blocked domain', async (t) => {
  const call = await build(node())
  const publisher = world.client(anna)
  await publisher.registers()
  await publisher.publishes([...notes('x', [0]), { category: 'routing', container: 0, data: 'secret' }])
  for (const [subscriber, category] of [[boris, 'routing'], [eve, 'note']] as const) {
    const [trail] = (await call('GET', `/explain?publisher=${anna}&subscriber=${subscriber}&category=${category}`)).json<{ categories: { container?: number; candidates: { outcome: string }[] }[] }>().categories
    t.equal(trail?.container, undefined, category)
    t.notOk(trail?.candidates.some(({ outcome }) => outcome === 'wins'), `${subscriber} ${category}`)
  }
})

t.test('explain: a last notification that failed is told as such', async (t) => {
  const call = await build(node())
  const [publisher, watcher] = [world.client(anna), world.client(clara)]
  await publisher.registers()
  await publisher.publishes(notes('first', [0]))
  await watcher.subscribesOne(anna, ['note'])
  world.proxies.kam1.failing.add(watcher.flow)
  world.advance(5)
  await publisher.publishes(notes('second', [0], 1))
  const [dialog] = (await call('GET', `/explain?publisher=${anna}&subscriber=${clara}`)).json<{ dialogs: { lastNotification: object; owed?: object }[] }>().dialogs
  t.ok(dialog?.owed, 'it is owed the second')
  t.strictSame(dialog?.lastNotification, { cseq: 2, at: '2026-03-02T08:00:05.000Z', taken: false })
  await world.client(dan).subscribesOne(anna, ['note'])
  await call('PUT', '/categories/note', { private: true })
  const { dialogs: [other] } = (await call('GET', `/explain?publisher=${anna}&subscriber=${dan}`)).json<{ dialogs: object[] }>()
  t.match(other, { lastNotification: { cseq: 1, taken: true }, owed: { attempts: 0, reason: 'category changed' } }, 'what is owed and was never tried makes no failure of the one before')
})

t.test('explain: the last notification of a batch is not taken for one about the publisher in question', async (t) => {
  const call = await build(node())
  const [first, second, watcher] = [world.client(anna), world.client(gerd), world.client(boris)]
  for (const client of [first, second, watcher]) await client.registers()
  await watcher.subscribes([anna, gerd], ['note'])
  world.proxies.kam1.failing.add(watcher.flow)
  await first.publishes(notes('lost', [0]))
  world.proxies.kam1.failing.clear()
  world.advance(5)
  await second.publishes(notes('heard', [0]))
  t.strictSame(watcher.learns(), [['note#0 "heard"']])
  const [dialog] = (await call('GET', `/explain?publisher=${anna}&subscriber=${boris}`)).json<{ dialogs: { lastNotification: object; owed?: object }[] }>().dialogs
  t.match(dialog?.owed, { attempts: 1 })
  t.strictSame(dialog?.lastNotification, { cseq: 3, at: '2026-03-02T08:00:05.000Z' }, 'which was taken')
})

t.test('explain: no container wins where the subscription is refused', async (t) => {
  const call = await build(node())
  const publisher = world.client(anna)
  await publisher.registers()
  await publisher.publishes(notes('x', [0]))
  await call('PUT', `/users/${anna}`, { displayName: 'Anna', rights: { incomingFederated: false } })
  const ask = async (subscriber: string) => (await call('GET', `/explain?publisher=${anna}&subscriber=${subscriber}&category=note`)).json<{ access: object; categories: { container?: number; instances: object[]; candidates: { outcome: string; why: string }[] }[] }>()
  const { access, categories: [trail] } = await ask(clara)
  t.match(access, { granted: false, refusal: 'incomingNotGranted' })
  t.strictSame([trail?.container, trail?.instances, trail?.candidates.map(({ outcome, why }) => [outcome, why])], [undefined, [], [['withheld', 'would be the one, but the publisher may not be watched from network federated']]])
  t.match((await ask(dan)).categories, [{ container: 0, instances: [{}] }], 'the other network is not concerned')
})

t.test('memberships over REST: a refusal speaks to the operator', async (t) => {
  const call = await build(node())
  await call('PUT', `/users/${anna}/containers/400`, { members: [] })
  const unknown = (await call('PUT', '/users/nobody@nordwind.example/containers/7', { members: [] })).json<{ status: number; detail: string }>()
  t.equal(unknown.status, 404)
  t.notMatch(unknown.detail, /From/, 'there is no From in a REST call')
  for (const path of [`/explain?publisher=nobody@nordwind.example&subscriber=${anna}`, `/users/nobody@nordwind.example/view-as?subscriber=${anna}`]) {
    t.match((await call('GET', path)).json(), { status: 404, detail: 'nobody@nordwind.example is no user of this server' })
  }
  const stale = (await call('POST', `/users/${anna}/containers`, { containers: [{ id: 7, version: 0, add: [{ type: 'everyone' }] }, { id: 400, version: 0, add: [{ type: 'everyone' }] }] })).json<{ status: number; detail: string }>()
  t.equal(stale.status, 409)
  t.match(JSON.stringify(stale), /400/, 'which container it was; a client learns it by the fault, which the sentence promises')
})
