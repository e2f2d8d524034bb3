import t, { type Test } from 'tap'
import { allGranted } from '../../src/core/model/rights.ts'
import { createCategoryDirectory } from '../../src/engine/category-directory.ts'
import type { EngineDeps } from '../../src/engine/deps.ts'
import { createMemberDomains } from '../../src/engine/member-domains.ts'
import { createTemplateDirectory } from '../../src/engine/template-directory.ts'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import { poolSession } from '../../src/store/session.ts'
import { adminDeps, openAdmin, type AdminAnswer, type AdminCall } from '../support/admin.ts'
import { notes, removal } from '../support/bodies.ts'
import type { Client } from '../support/client.ts'
import { cutParts, type Heard } from '../support/heard.ts'
import { openWorld, people, START } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, gerd } = people

/** A fresh world and its admin interface. */
const build = async (options: Partial<EngineDeps> = {}): Promise<{ readonly call: AdminCall }> => {
  await world.reset(options)
  return { call: await openAdmin(world) }
}

const isProblem = (t: Test, { status, type, json }: AdminAnswer, expected: number, name: string, detail?: RegExp): void => {
  t.strictSame([status, type.split(';', 1)[0]], [expected, 'application/problem+json'], name)
  t.match(json(), { status: expected, title: String, detail: detail ?? /./ }, name)
}

const signIn = async (...users: readonly string[]): Promise<readonly Client[]> => {
  const clients = users.map((user) => world.client(user))
  for (const client of clients) await client.registers()
  return clients
}

const everyone = { type: 'everyone' }
const named = (value: string) => ({ type: 'user', value })
const many = (count: number) => Array.from({ length: count }, (_, at) => named(`u${at}@far.example`))
const place = `/users/${anna}/containers`
const listed = async (call: AdminCall, user: string): Promise<readonly string[]> =>
  (await call('GET', `/users/${user}/containers`)).json<{ items: { id: number; version: number; members: { type: string; value?: string }[] }[] }>().items
    .map(({ id, version, members }) => `${id} v${version}: ${members.map(({ type, value }) => `${type}${value === undefined ? '' : ` ${value}`}`).join(', ')}`.trim())

t.test('3.5.5: operators change memberships under the same rules and versions, and the same people hear of it', async (t) => {
  const { call } = await build()
  const [publisher, watcher, stayer] = await signIn(anna, boris, gerd)
  if (publisher === undefined || watcher === undefined || stayer === undefined) throw new Error('nobody signed in')
  await publisher.publishes([...notes('house', [200]), ...notes('friend', [400]), { category: 'state', container: 200, data: 'busy' }])
  t.strictSame(await listed(call, anna), ['400 v0:', '200 v0:', '0 v0: everyone'], 'containers that exist by publication, and the default one')
  await publisher.subscribesSelf(['containers'])
  await publisher.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }])
  for (const client of [watcher, stayer]) await client.subscribes([anna], ['note', 'state'])
  publisher.hears()

  const added = await call('POST', place, { containers: [{ id: 400, version: 0, add: [named('sip:Boris@NordWind.example'), named(boris)] }, { id: 300, add: [{ type: 'domain', value: 'SuedWind.Example' }, { type: 'federated' }], remove: [everyone] }] })
  t.equal(added.status, 200)
  t.strictSame(added.json<{ items: object[] }>().items.sort((a, b) => ('id' in a && 'id' in b ? Number(b.id) - Number(a.id) : 0)), [
    { id: 400, version: 1, members: [named('Boris@nordwind.example'), named(boris)] }, { id: 300, version: 1, members: [{ type: 'domain', value: 'suedwind.example' }, { type: 'federated' }] },
  ], 'what was asked for, as it is now')
  t.strictSame(publisher.learns(), [['container 400 v1: user Boris@nordwind.example, user boris@nordwind.example', 'container 300 v1: domain suedwind.example, federated']])
  t.strictSame([watcher.learns(), stayer.learns()], [[['note#0 "friend"']], []])
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: ['everyone'] }])).status, 409, 'the client notices the operator\'s change')
  t.equal((await publisher.setsMembers([{ id: 400, version: 1, members: ['-user Boris@nordwind.example'] }])).status, 200)
  publisher.hears()

  const before = await world.dump()
  isProblem(t, await call('POST', place, { containers: [{ id: 7, version: 0, add: [everyone] }, { id: 400, version: 1, add: [everyone] }, { id: 8, add: [everyone] }, { id: 300, version: 5, remove: [everyone] }] }), 409, 'a version that is gone: all or nothing, and each is named', / container 400 has version 2, not 1; container 300 has version 1, not 5$/)
  isProblem(t, await call('PUT', `${place}/400`, { version: 3, members: [] }), 409, 'a version still to come', / container 400 has version 2, not 3$/)
  isProblem(t, await call('POST', place, { containers: [{ id: 7, add: many(3) }, { id: 8, add: many(2) }] }), 413, 'more members than a publisher may have', /at most 6/)
  isProblem(t, await call('PUT', `${place}/7`, { members: many(4) }), 413, 'the other containers count')
  isProblem(t, await call('POST', place, { containers: [{ id: 7, add: [everyone] }, { id: 7, remove: [everyone] }] }), 400, 'twice the same')
  isProblem(t, await call('POST', `/users/nobody@nordwind.example/containers`, { containers: [{ id: 7, add: [everyone] }] }), 404, 'nobody')
  isProblem(t, await call('PUT', `/users/${clara}/containers/7`, { members: [] }), 404, 'not of this server')
  isProblem(t, await call('GET', `/users/${clara}/containers`), 404, 'not of this server')
  isProblem(t, await call('GET', `${place}/7`), 404, 'no such container')
  isProblem(t, await call('GET', '/users/nobody/containers'), 400, 'no user at all')
  for (const [name, member] of [['no type', { value: 'x' }], ['another type', { type: 'friends' }], ['a user without value', { type: 'user' }], ['no user', named('@x')], ['a user that is a number', named('tel:+49')], ['a domain without value', { type: 'domain' }], ['no domain', { type: 'domain', value: '-x' }], ['no domain', { type: 'domain', value: 'a..b' }], ['a value too many', { type: 'everyone', value: 'x' }], ['an empty value too many', { type: 'federated', value: '' }], ['an unknown field', { ...everyone, action: 'add' }]] as const) {
    isProblem(t, await call('POST', place, { containers: [{ id: 7, add: [everyone] }, { id: 8, add: [everyone, member] }] }), 400, `add: ${name}`)
    isProblem(t, await call('POST', place, { containers: [{ id: 7, add: [everyone] }, { id: 8, remove: [member] }] }), 400, `remove: ${name}`)
    isProblem(t, await call('PUT', `${place}/8`, { members: [member] }), 400, `replace: ${name}`)
  }
  for (const body of [{}, { containers: [] }, { containers: [{ id: 7 }] }, { containers: [{ id: 7, add: [], remove: [] }] }, { containers: [{ add: [everyone] }] }, ...[0, -1, 32768, 1.5, '7'].map((id) => ({ containers: [{ id, add: [everyone] }] })), ...[-1, 4_294_967_296, '0', null].map((version) => ({ containers: [{ id: 7, version, add: [everyone] }] })), { containers: [{ id: 7, add: [everyone], replace: true }] }, { containers: [{ id: 7, add: [everyone] }], more: 1 }]) {
    isProblem(t, await call('POST', place, body), 400, JSON.stringify(body))
  }
  for (const id of ['0', '32768', '99999', '100000', '-1', 'x']) isProblem(t, await call('PUT', `${place}/${id}`, { members: [] }), 400, `container ${id}`)
  isProblem(t, await call('POST', place, { containers: [{ id: 7, add: [everyone] }, { id: 8, add: [everyone, { type: 'domain', value: 'a..b' }] }] }), 400, 'the place is named', /containers\/1\/add\/1/)
  t.strictSame(await world.dump(), before)
  t.strictSame([publisher.hears(), watcher.hears(), stayer.hears()], [[], [], []])

  const replaced = await call('PUT', `${place}/400`, { version: 2, members: [named(gerd), named(gerd)] })
  t.strictSame([replaced.status, replaced.json()], [200, { id: 400, version: 3, members: [named(gerd)] }], 'replaced: who is not named goes')
  t.strictSame([watcher.learns(), stayer.learns()], [[['note#0 "house"']], [['note#0 "friend"']]])
  t.strictSame(publisher.learns(), [[`container 400 v3: user ${gerd}`]])
  t.strictSame((await call('PUT', `${place}/400`, { members: [named(gerd)] })).json(), { id: 400, version: 4, members: [named(gerd)] }, 'the same again: the version moves all the same')
  t.strictSame([watcher.hears(), stayer.hears(), publisher.learns()], [[], [], [[`container 400 v4: user ${gerd}`]]])
  t.strictSame((await call('PUT', `${place}/400`, { members: [] })).json(), { id: 400, version: 5, members: [] }, 'emptied')
  t.strictSame((await call('PUT', `${place}/9`, { members: [] })).json(), { id: 9, version: 1, members: [] }, 'a container is created by its first use')
  t.strictSame((await call('GET', `${place}/300`)).json(), { id: 300, version: 1, members: [{ type: 'domain', value: 'suedwind.example' }, { type: 'federated' }] })
  t.strictSame((await call('GET', `${place}/0`)).json(), { id: 0, version: 0, members: [everyone] })
  t.strictSame(stayer.learns(), [['note#0 "house"']])
  t.strictSame((await publisher.subscribesSelf(['containers'])).answer.says, (await listed(call, anna)).map((line) => `container ${line}`), 'client and operator read the same')
})

t.test('3.5.5.2: the name service is asked for the operator too', async (t) => {
  const { call } = await build({ memberDomains: createMemberDomains(async (domain) => domain !== 'missing.example', () => world.now, () => new Promise(() => undefined)) })
  const before = await world.dump()
  for (const answer of [await call('POST', place, { containers: [{ id: 7, add: [everyone] }, { id: 8, add: [{ type: 'domain', value: 'missing.example' }] }] }), await call('PUT', `${place}/7`, { members: [{ type: 'domain', value: 'missing.example' }] })]) isProblem(t, answer, 400, 'missing', /missing\.example/)
  t.strictSame(await world.dump(), before)
  t.equal((await call('POST', place, { containers: [{ id: 8, add: [{ type: 'domain', value: 'here.example' }], remove: [{ type: 'domain', value: 'missing.example' }] }] })).status, 200)
})

const STANDARD = ['32000 v0:', '400 v0:', '300 v0:', '200 v0: sameEnterprise', '100 v0: federated', '3 v0:', '2 v0:', '1 v0:', '0 v0: everyone']

t.test('4.4.2: new users start with the containers of the template, whichever way they come', async (t) => {
  const { call } = await build({ template: createTemplateDirectory(poolSession(world.store.pool), () => world.now), createUsersOnRegister: true })
  t.strictSame((await call('GET', '/container-template')).json(), {
    standard: true, containers: [{ id: 1, members: [] }, { id: 2, members: [] }, { id: 3, members: [] }, { id: 100, members: [{ type: 'federated' }] }, { id: 200, members: [{ type: 'sameEnterprise' }] }, { id: 300, members: [] }, { id: 400, members: [] }, { id: 32000, members: [] }],
  }, 'the standard layout')
  t.equal((await call('PUT', '/users/hanna@nordwind.example', { displayName: 'Hanna' })).status, 201)
  t.match(await world.client('ivo@nordwind.example').registers(), { action: 'added' })
  for (const [user, way] of [['hanna@nordwind.example', 'PUT'], ['ivo@nordwind.example', 'the first registration']] as const) {
    t.strictSame(await listed(call, user), STANDARD, way)
    const client = world.client(user, `of-${user.slice(0, 3)}`)
    await client.registers()
    t.strictSame((await client.subscribesSelf(['containers'])).answer.says, STANDARD.map((line) => `container ${line}`), `${way}: as its client reads it`)
    for (const id of [1, 2, 3, 100, 200, 300, 400, 32000]) t.equal((await client.setsMembers([{ id, version: 0, members: id === 200 ? ['-sameEnterprise'] : [`user ${boris}`].slice(0, id % 3 === 1 || id === 300 ? 1 : 0).concat(id % 3 === 1 || id === 300 ? [] : ['-everyone']) }])).status, 200, `${way}: 3.5.5.2: version 0 is right for the first action on ${id}`)
    t.ok((await listed(call, user)).slice(0, -1).every((line) => line.includes(' v1:')), 'and moved each to 1')
    t.equal((await client.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])).status, 409)
  }
  const watcher = world.client(boris, 'watcher')
  await watcher.registers()
  t.equal((await call('PUT', '/users/jana@nordwind.example', { displayName: 'Jana' })).status, 201)
  await world.client('jana@nordwind.example').publishes(notes('for colleagues', [200]))
  t.strictSame((await watcher.subscribes(['jana@nordwind.example'], ['note'])).answer.says, ['note#0 "for colleagues"'], 'the members of the template count')

  const own = { containers: [{ id: 200, members: [everyone, everyone, named('SIP:Chief@NordWind.example')] }, { id: 500 }] }
  const set = await call('PUT', '/container-template', own)
  t.strictSame([set.status, set.json()], [200, { standard: false, containers: [{ id: 200, members: [everyone, named('Chief@nordwind.example')] }, { id: 500, members: [] }] }])
  t.strictSame((await call('GET', '/container-template')).json(), set.json())
  t.equal((await call('PUT', '/users/jana@nordwind.example', { displayName: 'Jana again' })).status, 200)
  t.strictSame(await listed(call, 'jana@nordwind.example'), STANDARD, 'users who exist are left alone: replaced')
  t.match(await world.client('ivo@nordwind.example', 'another').registers(), { action: 'added' })
  t.equal((await listed(call, 'ivo@nordwind.example')).length, STANDARD.length, 'and registered again')
  t.equal((await call('PUT', '/users/kurt@nordwind.example', { displayName: 'Kurt' })).status, 201)
  await world.client('lena@nordwind.example').registers()
  for (const user of ['kurt@nordwind.example', 'lena@nordwind.example']) t.strictSame(await listed(call, user), ['500 v0:', '200 v0: everyone, user Chief@nordwind.example', '0 v0: everyone'], user)
  t.equal((await call('DELETE', '/users/jana@nordwind.example')).status, 204)
  t.equal((await call('PUT', '/users/jana@nordwind.example', { displayName: 'Jana' })).status, 201)
  t.strictSame(await listed(call, 'jana@nordwind.example'), ['500 v0:', '200 v0: everyone, user Chief@nordwind.example', '0 v0: everyone'], 'who was deleted and comes back is new')

  t.equal((await call('PUT', '/container-template', { containers: [] })).status, 200, 'no containers are a template too')
  t.strictSame((await call('GET', '/container-template')).json(), { standard: false, containers: [] })
  t.equal((await call('PUT', '/users/mia@nordwind.example', { displayName: 'Mia' })).status, 201)
  t.strictSame(await listed(call, 'mia@nordwind.example'), ['0 v0: everyone'])
  const before = await world.dump()
  for (const body of [
    {}, { containers: [{ id: 7 }, { id: 7, members: [everyone] }] }, { containers: [{ id: 0 }] }, { containers: [{ id: 32768 }] }, { containers: [{ id: '7' }] }, { containers: [{ members: [] }] }, { containers: [{ id: 7, version: 1 }] }, { containers: [{ id: 7, members: [{ type: 'friends' }] }] },
    { containers: [{ id: 7, members: [{ type: 'domain', value: 'a..b' }] }] }, { containers: [{ id: 7, members: [{ type: 'everyone', value: 'x' }] }] }, { containers: [{ id: 7, members: many(4) }, { id: 8, members: many(3) }] }, { containers: [], standard: true },
  ]) isProblem(t, await call('PUT', '/container-template', body), 400, JSON.stringify(body))
  isProblem(t, await call('PUT', '/container-template', { containers: [{ id: 7, members: many(4) }, { id: 8, members: many(3) }] }), 400, 'no more members than a publisher may have', /at most 6/)
  isProblem(t, await call('PUT', '/container-template', { containers: [{ id: 7 }, { id: 8, members: [everyone, { type: 'user' }] }] }), 400, 'the place is named', /containers\/1\/members\/1/)
  t.strictSame(await world.dump(), before)
  t.equal((await call('PUT', '/container-template', { containers: [{ id: 7, members: many(6) }] })).status, 200, 'as many as may be')
  t.equal((await call('DELETE', '/container-template')).status, 204)
  t.equal((await call('DELETE', '/container-template')).status, 204, 'twice does no harm')
  t.match((await call('GET', '/container-template')).json(), { standard: true })
  t.equal((await call('PUT', '/users/nina@nordwind.example', { displayName: 'Nina' })).status, 201)
  t.strictSame(await listed(call, 'nina@nordwind.example'), STANDARD, 'reset: the standard layout again')
})

t.test('a template that another node has set counts within two seconds', async (t) => {
  const template = createTemplateDirectory(poolSession(world.store.pool), () => world.now)
  const { call } = await build({ template })
  const other = createTemplateDirectory(poolSession(world.store.pool), () => world.now)
  t.equal((await other.current()).length, 8)
  await call('PUT', '/container-template', { containers: [] })
  t.strictSame(await template.current(), [], 'at once here')
  world.advance(3)
  t.strictSame(await other.current(), [], 'and there')
})

/** The categories document of an answer or a notification, byte for byte. */
const documentOf = (heard: Heard | undefined): string => {
  const type = heard?.header('Content-Type') ?? ''
  return type.startsWith('multipart/') ? cutParts(type, heard?.body ?? '').find(({ headers }) => headers.some((line) => line.includes('event-categories')))?.text ?? '' : heard?.body ?? ''
}

const viewAs = (call: AdminCall, subscriber: string, query = '', publisher: string = anna) => call('GET', `/users/${publisher}/view-as?subscriber=${subscriber}${query}`)

/** A publisher with something for everyone, and watchers of all networks. */
const beginRich = async (call: AdminCall) => {
  const [publisher, colleague, other] = await signIn(anna, boris, gerd)
  if (publisher === undefined || colleague === undefined || other === undefined) throw new Error('nobody signed in')
  const [partner, cloud] = [world.client(clara), world.client(dan)]
  await call('PUT', '/categories/holidays', { maxBytes: 500, quotaBytes: 900 })
  const published = await publisher.publishes([
    ...notes('default', [0]), ...notes('partners', [100]), ...notes('cloud', [110]), ...notes('colleagues', [200]), { category: 'note', container: 400, instance: 7, expireType: 'time', expires: 600, data: '"seven" &amp; more' }, { category: 'note', container: 400, instance: 2, expireType: 'endpoint', data: 'two' },
    { category: 'device', container: 200, expireType: 'user', data: 'desk' }, { category: 'routing', container: 0, data: 'secret' }, { category: 'holidays', container: 100, data: '<h xmlns="urn:h"/>' },
  ])
  const set = await publisher.setsMembers([{ id: 100, version: 0, members: ['federated'] }, { id: 110, version: 0, members: ['publicCloud'] }, { id: 200, version: 0, members: ['sameEnterprise'] }, { id: 400, version: 0, members: [`user ${boris}`, 'domain lab.suedwind.example'] }])
  if (published.status !== 200 || set.status !== 200) throw new Error(`the story does not begin: ${published.status} ${set.status}`)
  return { publisher, colleague, other, partner, cloud }
}

const registry = () => createCategoryDirectory(poolSession(world.store.pool), () => world.now, false)
/** The built-in categories without their schemas, and the operator's rows on top. */
const buildRich = async () => {
  const directory = registry()
  const categories: EngineDeps['categories'] = { forget: directory.forget, registry: async () => {
    const registry = await directory.registry()
    return { ...registry, rules: new Map([...registry.rules].map(([name, rule]) => [name, { ...rule, check: undefined }])) }
  } }
  return build({ categories })
}

t.test('view-as renders byte for byte what the subscriber really receives', async (t) => {
  const { call } = await buildRich()
  const { publisher, colleague, other, partner, cloud } = await beginRich(call)
  const wanted = ['state', 'note', 'holidays', 'device', 'never-heard-of']
  const query = wanted.map((name) => `&category=${name}`).join('')
  const watchers: readonly (readonly [client: Client, name: string])[] = [[colleague, 'named'], [other, 'a colleague'], [partner, 'a partner'], [world.client('c@lab.suedwind.example'), 'of a sub-domain'], [cloud, 'of the public cloud'], [world.client('f@nowhere.example'), 'of an unknown domain']]
  for (const [client, name] of watchers) {
    const poll = await client.subscribesOne(anna, wanted, { headers: { Expires: '0' } })
    const view = await viewAs(call, client.user, query)
    t.strictSame([view.status, view.type], [200, 'application/msrtc-event-categories+xml; charset=utf-8'], name)
    t.equal(view.text, documentOf(poll.answer), `${name}: before it subscribes`)
    t.not(view.text, '', name)
  }
  const dialogs = new Map<Client, Awaited<ReturnType<Client['subscribes']>>>()
  for (const [client] of watchers) dialogs.set(client, client === colleague || client === other ? await client.subscribes([anna, gerd], wanted) : await client.subscribesOne(anna, wanted))
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['as it subscribes', async () => undefined], ['after a publish', () => publisher.publishes([...notes('colleagues again', [200], 1), { category: 'state', container: 0, data: 'busy' }])], ['after a move', () => publisher.setsMembers([{ id: 400, version: 1, members: ['everyone', `-user ${boris}`] }])],
    ['past the time of an instance, before any timer', async () => world.advance(599)], ['and after it', async () => { world.advance(2); await world.timers() }], ['after a removal', () => publisher.publishes([removal('note', 400, 1, { instance: 2 })])],
  ]
  for (const [step, act] of steps) {
    await act()
    for (const [client, name] of watchers) {
      client.hears()
      // Someone who watches: without categories it is what the dialog watches, in its order.
      const view = await viewAs(call, client.user)
      t.equal(view.text, documentOf(await dialogs.get(client)?.refreshes()), `${step}: ${name}`)
    }
  }
  world.proxies.kam1.failing.add(partner.flow)
  await publisher.publishes(notes('partners again', [100], 1))
  world.proxies.kam1.failing.clear()
  const owed = await viewAs(call, clara)
  world.advance(60)
  await world.timers()
  const [paid, ...more] = partner.hears()
  t.strictSame([documentOf(paid), more], [owed.text, []], 'a debt is paid with the whole document')
  t.match(owed.text, 'partners again')

  await partner.subscribesOne(anna, ['device', 'note'], { callId: 'second' })
  t.strictSame(view((await viewAs(call, clara)).text), ['state', 'note', 'holidays', 'device', 'never-heard-of'], 'of several dialogs all that they watch, each once')
  t.equal((await viewAs(call, clara, '&category=note&network=publicCloud')).text, documentOf((await cloud.subscribesOne(anna, ['note'], { headers: { Expires: '0' } })).answer), 'another network can be assumed')
  t.strictSame(view((await viewAs(call, 'new@suedwind.example')).text), ['holidays', 'note', 'state'], 'who watches nothing: all that is published and not private')
  isProblem(t, await viewAs(call, eve, query), 403, 'a blocked domain', /blocked/)
  t.equal((await viewAs(call, eve, `${query}&network=federated`)).text, (await viewAs(call, 'new@suedwind.example', query)).text, 'unless another network is assumed')
  isProblem(t, await viewAs(call, clara, '', 'nobody@nordwind.example'), 404, 'nobody')
  isProblem(t, await viewAs(call, 'nobody'), 400, 'no user')
  for (const wrong of ['&network=lan', '&more=1', `&category=${'x'.repeat(129)}`]) isProblem(t, await viewAs(call, clara, wrong), 400, wrong.slice(0, 20))
  isProblem(t, await call('GET', `/users/${anna}/view-as`), 400, 'no subscriber')
})

/** The names of the categories of a document, in order, each once. */
const view = (xml: string): readonly string[] => [...new Set([...xml.matchAll(/<category name="([^"]+)"/g)].map(([, name = '']) => name))]

interface Access {
  readonly accessList?: object
  readonly granted: boolean
  readonly refusal?: string
  readonly why?: string
  readonly publisherRights: object
  readonly subscriberRights?: object
}

interface Explained {
  readonly access: Access
  readonly network: { readonly value?: string; readonly from: string }
  readonly categories: readonly { readonly category: string; readonly container?: number; readonly registered: boolean; readonly private: boolean; readonly instances: readonly object[]; readonly rules: readonly object[]; readonly candidates: readonly { readonly container: number; readonly outcome: string; readonly why: string }[]; readonly quota?: object }[]
  readonly dialogs: readonly { readonly callId: string; readonly kind: string; readonly categories: readonly string[]; readonly lastNotification: object; readonly owed?: object }[]
  readonly quotas: object
}

const explain = async (call: AdminCall, publisher: string, subscriber: string, query = ''): Promise<Explained> => {
  const answer = await call('GET', `/explain?publisher=${publisher}&subscriber=${subscriber}${query}`)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.json<Explained>()
}

t.test('explain: the whole trail of a rich case', async (t) => {
  const { call } = await buildRich()
  const { publisher, colleague } = await beginRich(call)
  const dialog = await colleague.subscribes([anna], ['note', 'state'])
  world.advance(10)
  await publisher.publishes([{ category: 'note', container: 400, instance: 2, version: 1, expireType: 'endpoint', data: 'two again' }])
  t.equal(colleague.hears().length, 1)
  const payload = (text: string): string => `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><text>${text}</text></note>`
  const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString()
  const answer = await call('GET', `/explain?publisher=sip:${anna}&subscriber=Boris@nordwind.example&category=note`)
  t.match(answer.json(), { subscriber: 'sip:Boris@nordwind.example', dialogs: [], network: { from: 'domain', value: 'sameEnterprise' }, categories: [{ container: 200 }] }, 'another letter is another user')
  const explained = await explain(call, anna, `sip:${boris}`, '&category=note')
  const endpointId = /"([0-9a-f-]{36})"/.exec(JSON.stringify(explained.dialogs))?.[1]
  t.ok(endpointId, 'the dialog names its endpoint')
  const bytes = [payload('default'), payload('partners'), payload('cloud'), payload('colleagues'), payload('"seven" &amp; more'), payload('two again')]
  t.strictSame(explained, {
    publisher: `sip:${anna}`, subscriber: `sip:${boris}`, network: { value: 'sameEnterprise', from: 'dialog' },
    access: { granted: true, publisherRights: allGranted, subscriberRights: allGranted, accessList: { decides: 'A', why: 'a membership of a container allows it: it sees what the containers show it' } },
    categories: [{
      category: 'note', registered: true, private: false, container: 400,
      rules: [
        { rule: 'user', value: boris, containers: [400], picks: 400 }, { rule: 'domain', value: 'nordwind.example', containers: [] }, { rule: 'domain', value: 'example', containers: [] }, { rule: 'sameEnterprise', containers: [200], picks: 200 }, { rule: 'everyone', containers: [] }, { rule: 'default', containers: [0], picks: 0 },
      ],
      candidates: [
        { container: 400, version: 1, members: [named(boris), { type: 'domain', value: 'lab.suedwind.example' }], published: true, rule: 'user', outcome: 'wins', why: `matched by rule user ${boris}: the first rule that matches a container with the category, and its highest number` },
        { container: 200, version: 1, members: [{ type: 'sameEnterprise' }], published: true, rule: 'sameEnterprise', outcome: 'laterRule', why: `matched by rule sameEnterprise only, which comes after rule user ${boris}` },
        { container: 110, version: 1, members: [{ type: 'publicCloud' }], published: true, outcome: 'notMember', why: 'none of its members matches the subscriber' },
        { container: 100, version: 1, members: [{ type: 'federated' }], published: true, outcome: 'notMember', why: 'none of its members matches the subscriber' },
        { container: 0, version: 0, members: [everyone], published: true, rule: 'default', outcome: 'laterRule', why: `matched by rule default only, which comes after rule user ${boris}` },
      ],
      instances: [
        { category: 'note', container: 400, instance: 2, version: 2, expireType: 'endpoint', endpointId: explained.categories[0]?.instances.flatMap((one) => ('endpointId' in one ? [one.endpointId] : []))[0], publishTime: at(10), xml: payload('two again'), json: { note: { '@xmlns': 'http://schemas.microsoft.com/2006/09/sip/note', text: [{ '#text': 'two again' }] } } },
        { category: 'note', container: 400, instance: 7, version: 1, expireType: 'time', expiresAt: at(600), publishTime: at(0), xml: payload('"seven" &amp; more'), json: { note: { '@xmlns': 'http://schemas.microsoft.com/2006/09/sip/note', text: [{ '#text': '"seven" & more' }] } } },
      ],
      quota: { bytes: bytes.reduce((sum, text) => sum + Buffer.byteLength(text), 0), quotaBytes: 524_288, maxBytes: 32_768 },
    }],
    dialogs: [{
      callId: dialog.callId, localTag: dialog.toTag, remoteTag: dialog.fromTag, kind: 'batch', network: 'sameEnterprise', endpointId, proxy: 'kam1', categories: ['note', 'state'], createdAt: at(0), expiresAt: at(3600), lastNotification: { cseq: 2, at: at(10) },
    }],
    quotas: { members: { used: 5, max: 6 }, publications: { bytes: bytes.reduce((sum, text) => sum + Buffer.byteLength(text), 0) + Buffer.byteLength('<device xmlns="http://schemas.microsoft.com/2006/09/sip/device"><text>desk</text></device><routing xmlns="http://schemas.microsoft.com/2006/09/sip/routing"><text>secret</text></routing><h xmlns="urn:h"/>') + 9 * 256, max: 2_000_000 } },
  })
  t.strictSame((await explain(call, anna, boris)).categories.map(({ category, container }) => [category, container]), [['note', 400], ['state', undefined]], 'without a category: what the subscriber watches')
  t.strictSame((await explain(call, anna, gerd)).categories.map(({ category, container }) => [category, container]), [['device', 200], ['holidays', undefined], ['note', 200]], 'who watches nothing: what is published, by name, without what is private')
  t.strictSame((await explain(call, anna, boris, '&category=state&category=device&category=state')).categories.map(({ category }) => category), ['state', 'device'], 'several, each once')
})

t.test('explain: what the dialogs heard last and what they are owed', async (t) => {
  const { call } = await buildRich()
  const { publisher, partner } = await beginRich(call)
  const [first, second] = [await partner.subscribesOne(anna, ['note']), await partner.subscribesOne(anna, ['holidays', 'note'], { network: 'publicCloud' })]
  await partner.subscribesOne(gerd, ['note'], { callId: 'of-another' })
  t.strictSame((await explain(call, anna, clara)).dialogs.map(({ callId, kind, lastNotification, owed }) => ({ callId, kind, lastNotification, owed })), [first, second].map(({ callId }) => ({ callId, kind: 'single', lastNotification: { cseq: 1, at: new Date(START).toISOString(), taken: true }, owed: undefined })), 'those that watch this publisher, oldest first')
  t.match(await explain(call, anna, clara), { network: { value: 'publicCloud', from: 'dialog' }, categories: [{ category: 'note' }, { category: 'holidays' }] }, 'the newest dialog says where it comes from')
  world.proxies.kam1.failing.add(partner.flow)
  world.advance(5)
  await publisher.publishes(notes('again', [100, 110], 1))
  const owing = await explain(call, anna, clara)
  for (const { owed } of owing.dialogs) t.match(owed, { attempts: 1, reason: 'the proxy could not send it', dueAt: /^2026-03-02T08:00:0\d/ })
  t.strictSame(Object.keys(owing.dialogs[0]?.owed ?? {}).sort(), ['attempts', 'dueAt', 'reason'])
  t.strictSame(owing.dialogs.map(({ lastNotification }) => lastNotification), [first, second].map(() => ({ cseq: 2, at: new Date(START + 5_000).toISOString(), taken: false })), 'the last one has its number and its time, but the proxy did not take it')
  world.proxies.kam1.failing.clear()
  world.advance(60)
  await world.timers()
  const paid = await explain(call, anna, clara)
  t.strictSame(paid.dialogs.map(({ owed }) => owed), [undefined, undefined])
  const heard = partner.hears()
  t.strictSame(paid.dialogs.map(({ callId, lastNotification }) => [callId, lastNotification]), [first, second].map(({ callId }) => [callId, { cseq: Number.parseInt(heard.find((one) => one.header('Call-ID') === callId)?.header('CSeq') ?? '', 10), at: new Date(START + 65_000).toISOString(), taken: true }]), 'the number under which it was heard')
  await first.refreshes()
  t.strictSame((await explain(call, anna, clara)).dialogs.length, 2)
  await second.cancels()
  t.strictSame((await explain(call, anna, clara)).dialogs.map(({ callId }) => callId), [first.callId], 'who has cancelled has no dialog')
  world.advance(3601)
  t.strictSame((await explain(call, anna, clara)).dialogs, [], 'nor who is past its time, whatever the timers do')
  await publisher.registers()
  const own = await publisher.subscribesSelf(['categories'])
  t.match(await explain(call, anna, anna), { dialogs: [{ callId: own.callId, kind: 'self', categories: [] }], network: { value: 'sameEnterprise', from: 'dialog' } }, 'a publisher watches itself')
})

t.test('explain: where the network comes from, and the cases in which nothing is seen', async (t) => {
  const { call } = await buildRich()
  const { partner } = await beginRich(call)
  const networks: readonly (readonly [subscriber: string, query: string, network: object, container: number | undefined])[] = [
    [gerd, '', { value: 'sameEnterprise', from: 'domain' }, 200], [clara, '', { value: 'federated', from: 'domain' }, 100], [dan, '', { value: 'publicCloud', from: 'domain' }, 110], ['f@nowhere.example', '', { value: 'federated', from: 'domain' }, 100], ['c@lab.suedwind.example', '', { value: 'federated', from: 'domain' }, 400],
    [clara, '&network=sameEnterprise', { value: 'sameEnterprise', from: 'question' }, 200], [eve, '', { from: 'domain' }, undefined], [eve, '&network=federated', { value: 'federated', from: 'question' }, 100],
  ]
  for (const [subscriber, query, network, container] of networks) {
    const explained = await explain(call, anna, subscriber, `&category=note${query}`)
    t.strictSame([explained.network, explained.categories[0]?.container], [network, container], `${subscriber}${query}`)
    t.equal(explained.categories[0]?.instances.length === 0, container === undefined, 'and what is seen there')
    t.strictSame(explained.categories[0]?.candidates.filter(({ outcome }) => outcome === 'wins').map((one) => one.container), container === undefined ? [] : [container], 'the one that wins')
    const refused = container === undefined ? { granted: false, refusal: 'domainBlocked', why: 'The domain of From is blocked by the administrator.' } : { granted: true }
    // What access lists say is told in access-lists.test.ts.
    const { accessList: _, ...rights } = explained.access
    t.strictSame(rights, { ...refused, publisherRights: allGranted, ...(subscriber === gerd ? { subscriberRights: allGranted } : {}) }, 'blocked is refused before any container is looked at')
  }
  t.equal((await partner.subscribesOne(anna, ['note'], { network: 'publicCloud' })).answer.status, 200)
  t.match(await explain(call, anna, clara), { network: { value: 'publicCloud', from: 'dialog' }, categories: [{ container: 110 }] }, 'what the proxy said about the dialog goes before the domain table')
  t.match(await explain(call, anna, clara, '&network=sameEnterprise'), { network: { value: 'sameEnterprise', from: 'question' }, categories: [{ container: 200 }] }, 'and the question before both')

  const [kept] = (await explain(call, anna, eve, '&category=note')).categories
  t.match(kept?.candidates.filter(({ outcome }) => outcome !== 'notMember'), [{ container: 100, outcome: 'withheld', why: 'would be the one, but the domain of the subscriber is blocked' }, { container: 0, outcome: 'laterRule' }], 'what a blocked domain would see were it federated')

  const [hidden] = (await explain(call, anna, gerd, '&category=routing')).categories
  t.match(hidden, { category: 'routing', registered: true, private: true, instances: [], quota: { bytes: Number } })
  t.notOk('container' in (hidden ?? {}), '1.3.1.2: private is not given to others, whatever the containers say')
  t.match(hidden?.candidates, [...[400, 200, 110, 100].map((container) => ({ container, outcome: 'notPublished' })), { container: 0, outcome: 'withheld', why: 'would be the one, but the category is private' }])
  const [unregistered] = (await explain(call, anna, gerd, '&category=never-heard-of')).categories
  t.match(unregistered, { category: 'never-heard-of', registered: false, private: false, instances: [], candidates: [400, 200, 110, 100, 0].map((container) => ({ container, published: false, outcome: 'notPublished' })) })
  t.notOk('quota' in (unregistered ?? {}) || 'container' in (unregistered ?? {}))
  t.match((await explain(call, anna, gerd, '&category=holidays')).categories, [{ registered: true, instances: [], quota: { quotaBytes: 900, maxBytes: 500, bytes: Number } }], 'blocked from what others may see')
  t.strictSame(await explain(call, gerd, boris), { publisher: `sip:${gerd}`, subscriber: `sip:${boris}`, access: { granted: true, publisherRights: allGranted, subscriberRights: allGranted }, network: { from: 'domain', value: 'sameEnterprise' }, categories: [], dialogs: [], quotas: { members: { used: 0, max: 6 }, publications: { bytes: 0, max: 2_000_000 } } }, 'nothing published, nothing watched')
  t.strictSame((await explain(call, gerd, boris, '&category=note')).categories.map(({ candidates, container }) => [container, candidates.map((one) => [one.container, one.outcome])]), [[undefined, [[0, 'notPublished']]]])
  isProblem(t, await call('GET', `/explain?publisher=nobody@nordwind.example&subscriber=${boris}`), 404, 'an unknown publisher')
  isProblem(t, await call('GET', `/explain?publisher=${clara}&subscriber=${boris}`), 404, 'not of this server')
  for (const query of ['', `publisher=${anna}`, `subscriber=${boris}`, `publisher=${anna}&subscriber=nobody`, `publisher=nobody&subscriber=${boris}`, `publisher=${anna}&subscriber=${boris}&network=lan`, `publisher=${anna}&subscriber=${boris}&more=1`, `publisher=${anna}&publisher=${anna}&subscriber=${boris}`, `publisher=${anna}&subscriber=${boris}&category=${'x'.repeat(129)}`]) isProblem(t, await call('GET', `/explain?${query}`), 400, query.slice(0, 60))
})

t.test('3.4.5.3: explain says whether a SUBSCRIBE is granted, and by whose rights; it is answered so', async (t) => {
  const { call } = await buildRich()
  await beginRich(call)
  const NOT_GRANTED = { granted: false, refusal: 'incomingNotGranted', why: 'The user named in To may not be watched from the network of the subscriber.' }
  const others = [[clara, ''], [dan, ''], ['f@nowhere.example', ''], [boris, ''], [eve, ''], [clara, 'publicCloud'], [boris, 'federated']] as const
  /** Who is refused by explain, which has to be who is refused by view-as and by the protocol. */
  const refused = async (publisherRights: object, subscriberRights: object, name: string): Promise<readonly string[]> => {
    const list: string[] = []
    for (const [subscriber, network] of others) {
      const query = `&category=note${network === '' ? '' : `&network=${network}`}`
      const { access } = await explain(call, anna, subscriber, query)
      const { accessList: _, ...rights } = access
      const { granted, refusal, why } = rights
      t.strictSame(rights, { ...(granted ? { granted } : { granted, refusal, why }), publisherRights, ...(subscriber === boris ? { subscriberRights } : {}) }, `${name}: the rights behind ${subscriber}`)
      if (!granted && subscriber !== eve) t.strictSame({ granted, refusal, why }, NOT_GRANTED)
      if (!granted) list.push(`${subscriber}${network === '' ? '' : ` as ${network}`}`)
      const { answer } = await world.client(subscriber).subscribesOne(anna, ['note'], { headers: { Expires: '0' }, network: network === '' ? undefined : network })
      t.strictSame([answer.status, (await viewAs(call, subscriber, query)).status], granted ? [200, 200] : [403, 403], `${name}: ${subscriber} ${network}`)
    }
    return list
  }
  const setUser = async (user: string, rights: object): Promise<void> => {
    t.equal((await call('PUT', `/users/${user}`, { displayName: user, rights })).status, 200)
  }
  t.strictSame(await refused(allGranted, allGranted, 'all granted'), [eve])
  await setUser(anna, { incomingFederated: false })
  t.strictSame(await refused({ ...allGranted, incomingFederated: false }, allGranted, 'not to federated domains'), [clara, 'f@nowhere.example', eve, `${boris} as federated`])
  await setUser(anna, { incomingPublicCloud: false, outgoingFederated: false })
  t.strictSame(await refused({ ...allGranted, incomingPublicCloud: false, outgoingFederated: false }, allGranted, 'not to the public cloud'), [dan, eve, `${clara} as publicCloud`])
  await setUser(anna, {})
  await setUser(boris, { outgoingFederated: false, incomingFederated: false })
  t.strictSame(await refused(allGranted, { ...allGranted, outgoingFederated: false, incomingFederated: false }, 'what the subscriber may do elsewhere is shown, and does not count here'), [eve])
  t.equal((await call('PUT', '/domains/nordwind.example', { kind: 'enterprise', rights: { incomingPublicCloud: false } })).status, 200)
  t.strictSame(await refused({ ...allGranted, incomingPublicCloud: false }, { ...allGranted, outgoingFederated: false, incomingFederated: false, incomingPublicCloud: false }, 'the domain speaks for its users'), [dan, eve, `${clara} as publicCloud`])
  await setUser(anna, { incomingPublicCloud: true })
  t.strictSame(await refused(allGranted, { ...allGranted, outgoingFederated: false, incomingFederated: false, incomingPublicCloud: false }, 'and a user for itself'), [eve])
})

t.test('3.4.5.3: who loses the right loses the dialog at once, and explain says why there is none', async (t) => {
  const { call } = await buildRich()
  const { partner, colleague } = await beginRich(call)
  await partner.subscribesOne(anna, ['note'])
  await colleague.subscribes([anna], ['note'])
  t.match(await explain(call, anna, clara), { access: { granted: true }, dialogs: [{ kind: 'single' }] })
  t.equal((await call('PUT', `/users/${anna}`, { displayName: 'Anna', rights: { incomingFederated: false } })).status, 200)
  t.strictSame(partner.hears().map((heard) => heard.header('subscription-state')), ['terminated;expires=0;reason=rejected'])
  const { access, dialogs } = await explain(call, anna, clara)
  t.strictSame([access.granted, access.refusal, dialogs], [false, 'incomingNotGranted', []])
  t.strictSame(colleague.hears(), [], 'inside the enterprise nothing needs a right')
  t.match(await explain(call, anna, boris), { access: { granted: true }, dialogs: [{ kind: 'batch' }] })
})

t.test('1.3.1.2: a category that becomes private, or is so no more, is told once to those who watch it and had something to see', async (t) => {
  const { call } = await buildRich()
  const { publisher, colleague, other } = await beginRich(call)
  const [partner, self] = [world.client(clara), world.client(anna, 'own')]
  await self.registers()
  await self.subscribesSelf(['categories'])
  await colleague.subscribes([anna], ['note', 'device'])
  await partner.subscribesOne(anna, ['device'])
  await other.subscribes([boris], ['note'])
  const heard = async (): Promise<unknown> => {
    const early = [colleague, partner, other, self].map((client) => client.hears().length)
    world.advance(3)
    await world.timers()
    const late = [colleague, partner, other, self].map((client) => client.learns())
    world.advance(120)
    await world.timers()
    return { early, late, later: [colleague, partner, other, self].map((client) => client.hears().length) }
  }
  const only = (...says: readonly string[]) => ({ early: [0, 0, 0, 0], late: [says.length === 0 ? [] : [says], [], [], []], later: [0, 0, 0, 0] })
  t.equal((await call('PUT', '/categories/note', { private: true })).status, 200)
  t.match((await explain(call, anna, boris)).dialogs, [{ lastNotification: { cseq: 1 }, owed: { attempts: 0, reason: 'category changed' } }], 'owed, and never tried')
  t.strictSame(await heard(), only('note (none)', 'device#0 "desk"'))
  t.equal((await call('PUT', '/categories/note', { private: true, maxBytes: 1000 })).status, 200)
  t.strictSame(await heard(), only(), 'private before and after: nothing to tell')
  await publisher.publishes([{ category: 'note', container: 400, instance: 2, version: 1, expireType: 'endpoint', data: 'hidden' }, { category: 'device', container: 200, version: 1, expireType: 'user', data: 'desk two' }])
  t.strictSame(colleague.learns(), [['device#0 "desk two"']], 'what is private is not told')
  self.hears()
  t.match(await explain(call, anna, boris, '&category=note'), { categories: [{ private: true, instances: [] }] })
  t.equal((await viewAs(call, boris)).text.includes('hidden'), false)
  t.equal((await call('PUT', '/categories/note', { private: false })).status, 200)
  t.strictSame(await heard(), only('note#2 "hidden"', 'note#7 ""seven" & more"', 'device#0 "desk two"'), 'and back')
  t.equal((await call('PUT', '/categories/device', { maxBytes: 1000 })).status, 200)
  t.strictSame(await heard(), only(), 'other changes of a category are nobody\'s business')
  t.equal((await call('PUT', '/categories/note', { private: true })).status, 200)
  await heard()
  t.equal((await call('DELETE', '/categories/note')).status, 204)
  world.advance(3)
  await world.timers()
  t.strictSame(colleague.hears(), [], 'what was private is not given away by removing its name')
  t.match(await explain(call, anna, boris, '&category=note'), { categories: [{ registered: false, private: true, instances: [] }] })
  t.strictSame((await call('GET', '/categories/note')).status, 404)
  t.equal((await call('PUT', '/categories/note', {})).status, 201)
  t.strictSame(await heard(), only('note#2 "hidden"', 'device#0 "desk two"'), 'but by registering it for all; what is published has stayed')
  for (const [name, secret] of [['routing', true], ['salary', true], ['colour', false]] as const) {
    await call('PUT', `/categories/${name}`, { private: secret })
    t.equal((await call('DELETE', `/categories/${name}`)).status, 204)
    t.equal((await call('DELETE', `/categories/${name}`)).status, 404, 'once')
    t.match(await explain(call, anna, boris, `&category=${name}`), { categories: [{ registered: false, private: secret }] }, name)
  }
})

t.test('GET /users/{uri}/presence: endpoints, containers and publications at one glance', async (t) => {
  const { call } = await buildRich()
  const { publisher } = await beginRich(call)
  await world.client(anna, 'short').registers({ granted: 60 })
  await world.client(anna, 'plain').registers({ epid: undefined, headers: { Expires: '600' }, contact: `<sip:anna@192.0.2.11:5070>;+sip.instance="<urn:uuid:11111111-2222-3333-4444-555555555555>"` })
  interface Presence {
    readonly endpoints: readonly { readonly endpointId: string; readonly epid?: string; readonly contact: string; readonly proxy: string; readonly registeredAt: string; readonly expiresAt: string }[]
    readonly containers: readonly object[]
    readonly publications: readonly { readonly category: string; readonly container: number; readonly instance: number; readonly xml: string }[]
  }
  const presence = async (): Promise<Presence> => (await call('GET', `/users/sip:${anna}/presence`)).json<Presence>()
  const first = await presence()
  t.strictSame(Object.keys(first).sort(), ['containers', 'endpoints', 'publications'])
  t.strictSame(first.endpoints.map(({ epid }) => epid).sort(), [publisher.epid, 'short', undefined].sort())
  const own = first.endpoints.find(({ epid }) => epid === publisher.epid)
  t.match(own, { endpointId: /^[0-9a-f-]{36}$/, contact: publisher.contact.slice(1, -1), proxy: 'kam1', registeredAt: '2026-03-02T08:00:00.000Z', expiresAt: /^2026-03-02T08:1\d:/ })
  t.strictSame(first.containers, [{ id: 400, version: 1, members: [named(boris), { type: 'domain', value: 'lab.suedwind.example' }] }, { id: 200, version: 1, members: [{ type: 'sameEnterprise' }] }, { id: 110, version: 1, members: [{ type: 'publicCloud' }] }, { id: 100, version: 1, members: [{ type: 'federated' }] }, { id: 0, version: 0, members: [everyone] }])
  t.strictSame(first.publications.map(({ category, container, instance }) => `${category} ${container} ${instance}`), ['device 200 0', 'holidays 100 0', 'note 0 0', 'note 100 0', 'note 110 0', 'note 200 0', 'note 400 2', 'note 400 7', 'routing 0 0'], 'everything, private ones too')
  t.strictSame(first.publications, await Promise.all(first.publications.map(async ({ category, container, instance }) => (await call('GET', `/users/${anna}/publications/${category}/${container}/${instance}`)).json())), 'each as it reads by itself')
  world.advance(300)
  t.strictSame((await presence()).endpoints.map(({ epid }) => epid).sort(), [publisher.epid, undefined].sort(), 'a registration that has run out is not shown, whatever the timers do')
  world.advance(301)
  t.notOk((await presence()).publications.some(({ instance }) => instance === 7), 'nor a publication')
  t.strictSame((await call('GET', `/users/${gerd}/presence`)).json<Presence>().publications, [])
  t.strictSame((await call('GET', `/users/${gerd}/presence`)).json<Presence>().containers, [{ id: 0, version: 0, members: [everyone] }])
  isProblem(t, await call('GET', '/users/nobody@nordwind.example/presence'), 404, 'nobody')
  isProblem(t, await call('GET', `/users/${clara}/presence`), 404, 'not of this server')
  isProblem(t, await call('GET', '/users/nobody/presence'), 400, 'no user')
})

t.test('nothing of it without the key; all of it is in the OpenAPI document', async (t) => {
  await world.reset()
  const app = await buildAdminApp(adminDeps(world))
  const { paths } = (await app.inject({ method: 'GET', url: '/admin/openapi.json' })).json<{ paths: Record<string, Record<string, unknown>> }>()
  for (const [method, path] of [['get', '/users/{uri}/containers'], ['post', '/users/{uri}/containers'], ['get', '/users/{uri}/containers/{id}'], ['put', '/users/{uri}/containers/{id}'], ['get', '/users/{uri}/presence'], ['get', '/users/{uri}/view-as'], ['get', '/explain'], ['get', '/container-template'], ['put', '/container-template'], ['delete', '/container-template']] as const) {
    t.ok(paths[`/admin/v1${path}`]?.[method], `${method} ${path}`)
    const response = await app.inject({ method: method.toUpperCase() as 'GET', url: `/admin/v1${path.replace('{uri}', anna).replace('{id}', '7')}`, headers: { authorization: 'Bearer wrong' } })
    t.equal(response.statusCode, 401, `${method} ${path}`)
  }
})
