import { Ajv2020 } from 'ajv/dist/2020.js'
import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import type { AdminDeps } from '../../src/http/admin/deps.ts'
import { createLog } from '../../src/observe/log.ts'
import type { Stock } from '../../src/observe/gauges.ts'
import { createMetrics, type Metrics } from '../../src/observe/metrics.ts'
import { connectStore } from '../../src/store/connect.ts'
import { adminDeps, KEY } from '../support/admin.ts'
import { notes } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

/** Metrics of an engine whose database holds this. */
const watched = (stock: () => Promise<Stock>): Metrics => {
  const metrics = createMetrics()
  metrics.watch({ stock, load: () => [{ measure: 'inFlight', ratio: 0.25 }], isDatabaseAway: () => true, conflictStorms: () => 0 })
  return metrics
}

const stock: Stock = {
  pendingChanges: { count: 3, oldestMs: 1_500 }, expired: { category_instance: 4, endpoint: 0, dialog: 7 },
  debts: [{ proxy: 'kam1', count: 12, overdueMs: 0 }, { proxy: 'kam2', count: 1, overdueMs: 61_000 }],
}

const build = async (changes: Partial<AdminDeps> = {}) => {
  const lines: string[] = []
  const app = await buildAdminApp(adminDeps(world, { log: createLog('debug', { write: (line: string) => { lines.push(line) } }), metrics: watched(async () => stock), ...changes }))
  const call = (method: 'GET' | 'PUT' | 'DELETE' | 'POST' | 'PATCH', path: string, payload?: unknown, headers: Record<string, string> = {}) =>
    app.inject({ method, url: `/admin/v1${path}`, headers: { authorization: `Bearer ${KEY}`, ...headers }, ...(payload === undefined ? {} : { payload: payload as Exclude<InjectOptions['payload'], undefined> }) })
  return { app, call, lines }
}

type Response = Awaited<ReturnType<Awaited<ReturnType<typeof build>>['call']>>

const isProblem = (t: Test, response: Response, status: number, name: string): void => {
  t.equal(response.statusCode, status, name)
  t.match(response.headers['content-type'], 'application/problem+json', name)
  t.match(response.json(), { type: 'about:blank', status, title: String }, name)
}

t.test('domains: create, read, change, list, delete', async (t) => {
  const { call } = await build()
  const created = await call('PUT', '/domains/West.Example.', { kind: 'federated' })
  t.equal(created.statusCode, 201)
  t.strictSame(created.json(), { domain: 'west.example', kind: 'federated', pidfForm: 'both', createdAt: '2026-03-02T08:00:00.000Z', updatedAt: '2026-03-02T08:00:00.000Z' })
  world.advance(60)
  const changed = await call('PUT', '/domains/west.example', { kind: 'blocked' })
  t.strictSame([changed.statusCode, changed.json<{ updatedAt: string }>().updatedAt], [200, '2026-03-02T08:01:00.000Z'])
  t.match((await call('GET', '/domains/west.example')).json(), { kind: 'blocked', createdAt: '2026-03-02T08:00:00.000Z' })
  t.strictSame((await call('GET', '/domains')).json<{ items: { domain: string }[] }>().items.map(({ domain }) => domain), ['blocked.example', 'cloud.example', 'nordwind.example', 'suedwind.example', 'west.example'])
  const deleted = await call('DELETE', '/domains/west.example')
  t.strictSame([deleted.statusCode, deleted.body], [204, ''])
  isProblem(t, await call('GET', '/domains/west.example'), 404, 'gone')
  isProblem(t, await call('DELETE', '/domains/west.example'), 404, 'gone already')
  isProblem(t, await call('DELETE', '/domains/nordwind.example'), 409, 'has users')
  isProblem(t, await call('PUT', '/domains/nordwind.example', { kind: 'federated' }), 409, 'has users')
})

t.test('a change of a domain counts at once', async (t) => {
  const { call } = await build()
  const clara = world.client(people.clara)
  t.equal((await clara.subscribesOne(anna, ['note'])).answer.status, 200)
  await call('PUT', '/domains/suedwind.example', { kind: 'blocked' })
  t.equal((await clara.subscribesOne(anna, ['note'])).answer.status, 403)
  await call('DELETE', '/domains/suedwind.example')
  t.equal((await clara.subscribesOne(anna, ['note'])).answer.status, 200)
})

t.test('rights of a domain: of enterprise domains alone, granted unless taken, replaced as a whole', async (t) => {
  const { call } = await build()
  const granted = { incomingFederated: true, outgoingFederated: true, incomingPublicCloud: true, outgoingPublicCloud: true }
  t.strictSame((await call('GET', '/domains/nordwind.example')).json<{ rights: object }>().rights, granted, 'of a domain from before there were any')
  const changed = await call('PUT', '/domains/nordwind.example', { kind: 'enterprise', rights: { incomingFederated: false, outgoingPublicCloud: false } })
  t.strictSame([changed.statusCode, changed.json<{ rights: object }>().rights], [200, { ...granted, incomingFederated: false, outgoingPublicCloud: false }])
  t.strictSame((await call('PUT', '/domains/nordwind.example', { kind: 'enterprise', rights: { incomingFederated: true, outgoingFederated: false } })).json<{ rights: object }>().rights, { ...granted, outgoingFederated: false }, 'what is not named is granted')
  t.strictSame((await call('GET', '/domains')).json<{ items: { domain: string; rights?: object }[] }>().items.flatMap(({ domain, rights }) => (rights === undefined ? [] : [[domain, rights]])), [['nordwind.example', { ...granted, outgoingFederated: false }]])
  t.strictSame((await call('PUT', '/domains/nordwind.example', { kind: 'enterprise' })).json<{ rights: object }>().rights, granted)
  const before = await world.dump()
  for (const body of [{ kind: 'federated', rights: {} }, { kind: 'enterprise', rights: { incoming: true } }, { kind: 'enterprise', rights: { incomingFederated: 'no' } }, { kind: 'enterprise', rights: { incomingFederated: null } }, { kind: 'enterprise', rights: false }]) isProblem(t, await call('PUT', '/domains/nordwind.example', body), 400, JSON.stringify(body))
  t.strictSame(await world.dump(), before)
})

t.test('rights of a user: as set, and as they come out', async (t) => {
  const { call } = await build()
  const rightsOf = (response: Response): unknown => { const { rights, effectiveRights } = response.json<{ rights: object; effectiveRights: object }>(); return [rights, effectiveRights] }
  const granted = { incomingFederated: true, outgoingFederated: true, incomingPublicCloud: true, outgoingPublicCloud: true }
  t.strictSame(rightsOf(await call('GET', `/users/${anna}`)), [{}, granted])
  t.strictSame(rightsOf(await call('PUT', `/users/${anna}`, { displayName: 'Anna', rights: { incomingFederated: false, outgoingFederated: true } })), [{ incomingFederated: false, outgoingFederated: true }, { ...granted, incomingFederated: false }])
  await call('PUT', '/domains/nordwind.example', { kind: 'enterprise', rights: { outgoingFederated: false, incomingPublicCloud: false } })
  const effective = { incomingFederated: false, outgoingFederated: true, incomingPublicCloud: false, outgoingPublicCloud: true }
  t.strictSame(rightsOf(await call('GET', `/users/${anna}`)), [{ incomingFederated: false, outgoingFederated: true }, effective])
  const items = (await call('GET', '/users')).json<{ items: { uri: string; rights: object; effectiveRights: object }[] }>().items
  t.strictSame(items.map(({ uri, rights, effectiveRights }) => [uri, rights, effectiveRights]).slice(0, 2), [[`sip:${anna}`, { incomingFederated: false, outgoingFederated: true }, effective], [`sip:${boris}`, {}, { ...granted, outgoingFederated: false, incomingPublicCloud: false }]])
  t.match((await call('GET', `/users/${anna}`)).json(), { displayName: 'Anna' })
  t.strictSame(rightsOf(await call('PUT', `/users/${anna}`, { displayName: 'Anna' })), [{}, { ...granted, outgoingFederated: false, incomingPublicCloud: false }], 'replaced as a whole')
  const before = await world.dump()
  for (const rights of [{ outgoing: false }, { incomingFederated: 0 }, [], 'all']) isProblem(t, await call('PUT', `/users/${anna}`, { displayName: 'Anna', rights }), 400, JSON.stringify(rights))
  t.strictSame(await world.dump(), before)
})

t.test('a change of rights reaches what exists before its answer; one that takes nothing away looks at nothing', async (t) => {
  let looked = 0
  const { call } = await build({ enforceRights: async () => { looked += 1; return world.enforces() } })
  const [publisher, watcher] = [world.client(anna), world.client(people.clara)]
  await publisher.registers()
  const subscribe = () => watcher.subscribesOne(anna, ['note'])
  const ends = (): readonly (string | undefined)[] => watcher.hears().map((heard) => heard.header('subscription-state'))
  const REJECTED = ['terminated;expires=0;reason=rejected']
  for (const [name, path, taken, given] of [
    ['by the user', `/users/${anna}`, { displayName: 'Anna', rights: { incomingFederated: false } }, { displayName: 'Anna' }],
    ['by the domain', '/domains/nordwind.example', { kind: 'enterprise', rights: { incomingFederated: false } }, { kind: 'enterprise' }],
    ['blocked', '/domains/suedwind.example', { kind: 'blocked' }, { kind: 'federated' }],
  ] as const) {
    t.equal((await subscribe()).answer.status, 200, name)
    await call('PUT', path, taken)
    t.strictSame(ends(), REJECTED, `${name}: taken`)
    t.equal((await subscribe()).answer.status, 403, `${name}: refused`)
    await call('PUT', path, given)
  }
  looked = 0
  for (const body of [{ displayName: 'Anna', rights: { incomingFederated: true } }, { displayName: 'Anna', city: 'Kiel' }, { displayName: 'Anna' }]) await call('PUT', `/users/${anna}`, body)
  await call('PUT', '/users/new@nordwind.example', { displayName: 'New' })
  t.equal(looked, 0)
  await call('PUT', `/users/${anna}`, { displayName: 'Anna', rights: { incomingPublicCloud: false } })
  t.equal(looked, 1)
  await publisher.publishes([...notes('federated', [100]), ...notes('cloud', [150])])
  await publisher.setsMembers([{ id: 100, version: 0, members: ['federated'] }, { id: 150, version: 0, members: ['publicCloud'] }])
  await call('PUT', `/users/${anna}`, { displayName: 'Anna' })
  await subscribe()
  await call('PUT', '/domains/suedwind.example', { kind: 'publicCloud' })
  t.strictSame(watcher.learns(), [['note#0 "cloud"']], 'moved')
  await call('DELETE', '/domains/suedwind.example')
  t.strictSame(watcher.learns(), [['note#0 "federated"']], 'and back by deletion')
})

t.test('users: create, read, replace, list, delete', async (t) => {
  const { call } = await build()
  const whole = { displayName: 'Hanna "Ö" <H>', email: 'h@nordwind.example', phone: '+49 30 1', title: 'Lotsin', city: 'Kiel', country: 'DE' }
  const created = await call('PUT', '/users/sip:hanna@Nordwind.example', whole)
  t.equal(created.statusCode, 201)
  t.match(created.json(), { uri: 'sip:hanna@nordwind.example', ...whole })
  const replaced = await call('PUT', '/users/hanna@nordwind.example', { displayName: 'Hanna' })
  t.equal(replaced.statusCode, 200)
  t.notOk('email' in replaced.json<object>(), 'replaced, not merged')
  t.match((await call('GET', '/users/hanna%40nordwind.example')).json(), { displayName: 'Hanna' })
  t.equal((await world.client('hanna@nordwind.example').publishes(notes('x', [0]))).status, 200, 'and serves at once')
  t.strictSame((await call('GET', '/users?domain=Nordwind.example')).json<{ items: { uri: string }[] }>().items.map(({ uri }) => uri), ['sip:anna@nordwind.example', 'sip:boris@nordwind.example', 'sip:gerd@nordwind.example', 'sip:hanna@nordwind.example'])
  t.strictSame((await call('GET', '/users?domain=else.example')).json(), { items: [] })
  t.equal((await call('DELETE', '/users/hanna@nordwind.example')).statusCode, 204)
  isProblem(t, await call('GET', '/users/hanna@nordwind.example'), 404, 'gone')
  isProblem(t, await call('DELETE', '/users/hanna@nordwind.example'), 404, 'gone')
  isProblem(t, await call('PUT', '/users/x@suedwind.example', { displayName: 'X' }), 409, 'not ours')
})

t.test('lists come in pages whose cursors stay right while entries come and go', async (t) => {
  const { call } = await build()
  for (let at = 0; at < 25; at += 1) await call('PUT', `/users/u${String(at).padStart(2, '0')}@nordwind.example`, { displayName: 'U' })
  const read: string[] = []
  let next: string | undefined
  let pages = 0
  do {
    const page = (await call('GET', `/users?limit=10${next === undefined ? '' : `&cursor=${encodeURIComponent(next)}`}`)).json<{ items: { uri: string }[]; next?: string }>()
    t.ok(page.items.length <= 10, 'no more than was asked for')
    read.push(...page.items.map(({ uri }) => uri))
    next = page.next
    pages += 1
    await call('PUT', `/users/a${pages}@nordwind.example`, { displayName: 'before' })
    if (pages === 1) await call('DELETE', '/users/u06@nordwind.example')
  } while (next !== undefined)
  t.equal(pages, 3)
  t.equal(new Set(read).size, read.length, 'none twice')
  t.equal(read.length, 28)
  t.notOk('next' in (await call('GET', '/domains?limit=4')).json<object>(), 'exactly one page')
  t.ok('next' in (await call('GET', '/domains?limit=3')).json<object>())
  for (const query of ['limit=0', 'limit=-1', 'limit=1001', 'limit=x', 'cursor=', 'cursor=%C3%28', 'cursor=AA==', 'pages=3']) isProblem(t, await call('GET', `/users?${query}`), 400, query)
})

t.test('bodies: every fault at once, unknown fields refused, nothing turned into something else', async (t) => {
  const { call } = await build()
  const before = await world.dump()
  const many = await call('PUT', '/users/x@nordwind.example', { displayName: '', email: 5, nickname: 'x', city: 'x'.repeat(513) })
  isProblem(t, many, 400, 'many faults')
  t.strictSame(many.json<{ errors: { at: string }[] }>().errors.map(({ at }) => at).sort(), ['/', '/city', '/displayName', '/email'])
  t.match(JSON.stringify(many.json()), 'nickname')
  for (const body of [{}, { displayName: 5 }, { displayName: null }, { displayName: 'x', extra: 1 }, [], 'null', '"x"', '{"displayName":"x"', '']) isProblem(t, await call('PUT', '/users/x@nordwind.example', body, { 'content-type': 'application/json' }), 400, JSON.stringify(body))
  for (const body of [{}, { kind: 'friend' }, { kind: 'blocked', more: 1 }]) isProblem(t, await call('PUT', '/domains/x.example', body), 400, JSON.stringify(body))
  isProblem(t, await call('PUT', '/domains/x.example', 'kind: blocked', { 'content-type': 'text/yaml' }), 415, 'another media type')
  isProblem(t, await call('PUT', '/users/x@nordwind.example', { displayName: 'x'.repeat(300_000) }), 413, 'too large')
  for (const path of ['/users/nobody', '/users/sip:@x', '/users/a%20b@nordwind.example', '/users/a%0d%0ab@nordwind.example', '/users/tel:+49', '/domains/a..b', '/domains/-x', '/domains/x%20y', '/domains/x%2Fy', `/domains/${'x'.repeat(254)}`]) {
    isProblem(t, await call('PUT', path, path.startsWith('/users') ? { displayName: 'x' } : { kind: 'blocked' }), 400, path)
  }
  isProblem(t, await call('PUT', '/users/x%00@nordwind.example', { displayName: 'x' }), 400, 'a null character in the path')
  isProblem(t, await call('PUT', '/users/x@nordwind.example', { displayName: 'a\u0000b' }), 400, 'a null character in a text')
  t.strictSame(await world.dump(), before)
})

t.test('the key: every route wants it, whatever way its path is written; what needs none is open', async (t) => {
  const { app, lines } = await build()
  for (const url of ['/admin/v1/users', '/admin/v1/domains', '/admin/v1/users/x@y', '/admin/%761/users', '/%61dmin/v1/users', '/admin/v%31/domains', '//admin/v1/users', '/admin/v1/']) {
    const statuses = new Set<number>()
    for (const authorization of [undefined, '', 'Bearer', 'Bearer wrong-key-of-someone', `Basic ${KEY}`, `Bearer ${KEY}x`, `Bearer ${KEY.slice(0, -1)}`]) {
      const response = await app.inject({ method: 'GET', url, headers: authorization === undefined ? {} : { authorization } })
      statuses.add(response.statusCode)
      t.match(response.headers['content-type'], 'application/problem+json', `${url} with ${authorization ?? 'nothing'}`)
    }
    t.ok([...statuses].every((status) => status === 401 || status === 404), `${url}: ${[...statuses].join()}`)
  }
  t.equal((await app.inject({ url: '/admin/v1/users', headers: { authorization: `bearer ${KEY}` } })).statusCode, 200, 'the scheme has no case')
  for (const url of ['/', '/health/live', '/health/ready', '/metrics', '/admin/openapi.json', '/admin/docs/']) t.equal((await app.inject(url)).statusCode, 200, url)
  isProblem(t, await app.inject('/nothing'), 404, 'unknown path')
  t.notMatch(lines.join(), KEY)
})

/** Of a deleted user nothing is left but what its watchers hold. */
const leavesOnlyWatchers = async (t: Test): Promise<void> => {
  for (const [table, rows] of Object.entries(await world.dump())) {
    if (!['subscription', 'dialog_resource'].includes(table)) t.strictSame(rows.filter((row) => row.includes('anna@nordwind.example')), [], table)
  }
}

t.test('deleting a user tells its watchers and leaves no row of it', async (t) => {
  const { call } = await build()
  const [publisher, watcher] = [world.client(anna), world.client(boris)]
  await publisher.registers()
  await watcher.registers()
  await publisher.publishes([...notes('x', [0]), { category: 'state', container: 0, expireType: 'user', data: 'busy' }, { category: 'device', container: 0, expireType: 'endpoint', data: 'pc' }])
  await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])
  const own = await publisher.subscribesSelf()
  await publisher.subscribes([boris], ['note'])
  const dialog = await watcher.subscribes([anna, 'gerd@nordwind.example'], ['note', 'state', 'device'])
  t.equal((await call('DELETE', `/users/${anna}`)).statusCode, 204)
  await world.delivery.idle()
  t.strictSame(watcher.learns(), [['note (none)', 'state (none)', 'device (none)']])
  await leavesOnlyWatchers(t)
  t.equal((await own.refreshes()).status, 481)
  const nothing = ['note (none)', 'state (none)', 'device (none)']
  t.strictSame((await dialog.refreshes()).says, [...nothing, ...nothing], 'subscriptions are the watchers\' own and stay')
  t.equal((await call('PUT', `/users/${anna}`, { displayName: 'Anna' })).statusCode, 201)
  const back = world.client(anna)
  await back.registers()
  await back.publishes(notes('back', [0]))
  await world.delivery.idle()
  t.match(watcher.learns().join(), /back/, 'a user that comes back is seen again')
  await watcher.publishes(notes('not for anna', [0]))
  t.strictSame(publisher.hears().filter(({ says }) => says.join().includes('not for anna')), [])
})

t.test('deleting a user while a proxy is away: watchers still learn of it', async (t) => {
  const { call } = await build()
  const [publisher, watcher] = [world.client(anna), world.client(boris)]
  await publisher.registers()
  await watcher.registers({ granted: 7200 })
  await publisher.publishes(notes('x', [0]))
  await watcher.subscribes([anna], ['note'])
  world.proxies.kam1.down = true
  t.equal((await call('DELETE', `/users/${anna}`)).statusCode, 204)
  await world.delivery.idle()
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  t.strictSame(watcher.learns(), [['note (none)']])
  await leavesOnlyWatchers(t)
})

t.test('the OpenAPI document is one, and covers each route', async (t) => {
  const { app } = await build()
  const document = (await app.inject('/admin/openapi.json')).json<{ openapi: string; info: { title: string; version: string }; paths: Record<string, Record<string, { summary?: string; tags?: string[]; parameters?: { name: string; in: string; required?: boolean; schema: object }[]; requestBody?: { content: Record<string, { schema: object }> }; responses: Record<string, { description: string; content?: Record<string, { schema: object }> }> }>>; components: { securitySchemes: object; schemas?: object } }>()
  t.match(document.openapi, /^3\.1\.\d+$/)
  t.match(document.info, { title: 'Presentia administration', version: String })
  t.match(document.components.securitySchemes, { key: { type: 'http', scheme: 'bearer' } })
  const routes: [string, string[]][] = []
  const open: string[] = []
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (\S+) \(([A-Z, ]+)\)$/u.exec(line) ?? []
    open.splice(indent.length / 4, Infinity, path)
    const whole = open.join('').replace('//', '/').replace(/:(\w+)/g, '{$1}')
    if (whole.startsWith('/admin/v1/')) routes.push([whole, methods.split(', ').filter((method) => method !== 'HEAD').map((method) => method.toLowerCase()).sort()])
  }
  t.ok(routes.length >= 4)
  t.strictSame(Object.fromEntries(Object.entries(document.paths).map(([path, methods]) => [path, Object.keys(methods).sort()])), Object.fromEntries(routes))
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const resolve = (schema: object): object => JSON.parse(JSON.stringify(schema), (_key, value: unknown) => (typeof value === 'object' && value !== null && '$ref' in value && typeof value.$ref === 'string' ? (document.components.schemas as Record<string, object>)[value.$ref.split('/').at(-1) ?? ''] ?? t.fail(`${value.$ref} leads nowhere`) : value)) as object
  for (const [path, methods] of Object.entries(document.paths)) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    for (const [method, operation] of Object.entries(methods)) {
      const name = `${method} ${path}`
      t.ok(operation.summary, name)
      t.ok(operation.tags?.length, name)
      t.strictSame(operation.parameters?.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name) ?? [], inPath, name)
      t.ok(Object.keys(operation.responses).some((status) => status.startsWith('2')) && Object.values(operation.responses).every(({ description }) => typeof description === 'string'), name)
      const schemas = [...(operation.parameters ?? []).map(({ schema }) => schema), ...Object.values(operation.requestBody?.content ?? {}).map(({ schema }) => schema), ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {}).map(({ schema }) => schema))]
      for (const schema of schemas) t.ok(ajv.validateSchema(resolve(schema)), `${name}: ${JSON.stringify(ajv.errors)}`)
    }
  }
})

t.test('metrics, landing page, docs', async (t) => {
  const { app } = await build()
  const metrics = await app.inject('/metrics')
  t.match(metrics.headers['content-type'], 'text/plain')
  for (const name of ['presentia_sip_request_seconds', 'presentia_registrations_total', 'presentia_notifications_total', 'presentia_process_cpu_seconds_total']) t.match(metrics.body, name)
  const lines = metrics.body.split('\n')
  for (const line of [
    'presentia_pending_changes 3', 'presentia_pending_change_age_seconds 1.5', 'presentia_deferred_notifications{proxy="kam1"} 12', 'presentia_deferred_overdue_seconds{proxy="kam2"} 61',
    'presentia_expired_rows{table="category_instance"} 4', 'presentia_expired_rows{table="dialog"} 7', 'presentia_load_ratio{measure="inFlight"} 0.25', 'presentia_database_away 1',
  ]) t.ok(lines.includes(line), line)
  const page = await app.inject('/')
  t.match(page.headers['content-type'], 'text/html')
  for (const [, href = ''] of page.body.matchAll(/href="([^"]+)"/g)) t.ok([200, 302].includes((await app.inject(href)).statusCode), href)
})

t.test('metrics ask the database once for all who look, and not again at once', async (t) => {
  let asked = 0
  const { app } = await build({ metrics: watched(async () => {
    asked += 1
    return stock
  }) })
  const texts = await Promise.all(Array.from({ length: 5 }, async () => (await app.inject('/metrics')).body))
  texts.push((await app.inject('/metrics')).body)
  t.equal(asked, 1)
  for (const text of texts) t.match(text, /^presentia_pending_changes 3$/m)
})

t.test('a database that does not answer: 503 as a problem, not ready, metrics still there', async (t) => {
  const store = await connectStore({ url: 'postgres://engine:pass-of-database@127.0.0.1:1/presentia', onError: () => undefined })
  t.teardown(() => store.close())
  const { app, call, lines } = await build({ store, isReady: async () => ({ why: 'the database is away' }), metrics: watched(() => Promise.reject(new Error('down'))) })
  for (const response of [await call('GET', '/users'), await call('PUT', '/domains/x.example', { kind: 'blocked' }), await call('DELETE', `/users/${anna}`)]) {
    isProblem(t, response, 503, 'down')
    t.notMatch(response.body, /pass-of-database|127\.0\.0\.1/)
  }
  const ready = await app.inject('/health/ready')
  t.equal(ready.statusCode, 503)
  t.strictSame(ready.json(), { status: 'not ready', why: 'the database is away' })
  const metrics = await app.inject('/metrics')
  t.equal(metrics.statusCode, 200)
  t.notMatch(metrics.body, /^presentia_(pending|deferred|expired)/m, 'what is not known has no value')
  t.match(metrics.body, /^presentia_database_away 1$/m)
  t.notMatch(lines.join(), 'pass-of-database')
})
