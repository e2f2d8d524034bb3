import type { InjectOptions } from 'fastify'
import t from 'tap'
import { createCategoryDirectory } from '../../src/engine/category-directory.ts'
import { buildAdminApp } from '../../src/http/admin/app.ts'
import { poolSession } from '../../src/store/session.ts'
import { adminDeps, KEY } from '../support/admin.ts'
import { notes, removal } from '../support/bodies.ts'
import { readInfoset } from '../support/infoset.ts'
import { Phone, tuple } from '../support/phone.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

/** The admin app and an engine on one registry from the database. */
const build = async (open = false) => {
  const categories = createCategoryDirectory(poolSession(world.store.pool), () => world.now, open)
  await world.reset({ categories })
  const app = await buildAdminApp(adminDeps(world))
  return async (method: 'GET' | 'PUT' | 'DELETE', path: string, payload?: object) => {
    const response = await app.inject({ method, url: `/admin/v1${path}`, headers: { authorization: `Bearer ${KEY}` }, ...(payload === undefined ? {} : { payload: payload as Exclude<InjectOptions['payload'], undefined> }) })
    await world.delivery.idle()
    return { status: response.statusCode, body: response.body === '' ? undefined : response.json<Record<string, unknown> & { items?: Record<string, unknown>[]; detail?: string }>() }
  }
}

const STATE = '<state xmlns="http://schemas.microsoft.com/2006/09/sip/state" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="userState"><availability>6500</availability></state>'

t.test('3.2.5.1.2: operators add, change and remove category names', async (t) => {
  const call = await build()
  const client = world.client(anna)
  await client.registers()
  const send = async (category: string, data = '<x xmlns="urn:x"/>', container = 200) => (await client.publishes([{ category, container, data, version: await version(category, container) }])).status
  const version = async (category: string, container: number): Promise<number> => Number((await world.store.pool.query('SELECT instance_version FROM category_instance WHERE category = $1 AND container = $2', [category, container])).rows[0]?.instance_version ?? 0)
  t.equal(await send('holidays'), 403, 'not registered')
  t.equal((await call('PUT', '/categories/holidays', { readOnlyContainers: [7], maxBytes: 50, quotaBytes: 90 })).status, 201)
  t.equal(await send('holidays'), 200)
  t.equal(await send('holidays', '<x xmlns="urn:x"/>', 7), 403, 'read-only there')
  t.equal(await send('holidays', `<x xmlns="urn:x">${'y'.repeat(40)}</x>`), 413, 'too large')
  t.equal(await send('holidays', '<x xmlns="urn:x">aaaaaaaaaaaaaaaa</x>', 300), 200)
  t.equal(await send('holidays', '<x xmlns="urn:x">bbbbbbbbbbbbbbbb</x>', 400), 413, 'over the quota')
  t.match((await call('GET', '/categories/holidays')).body, { name: 'holidays', builtIn: false, private: false, readOnlyContainers: [7], maxBytes: 50, quotaBytes: 90 })
  t.equal((await call('PUT', '/categories/holidays', {})).status, 200)
  t.equal((await call('DELETE', '/categories/holidays')).status, 204)
  t.equal(await send('holidays'), 403, 'removed')
  t.equal((await call('GET', '/categories/holidays')).status, 404)
  t.equal((await call('DELETE', '/categories/holidays')).status, 404)

  t.equal((await call('DELETE', '/categories/note')).status, 204, 'a built-in one can be removed')
  t.equal((await client.publishes(notes('x', [200]))).status, 403)
  t.equal((await call('PUT', '/categories/note', { private: true })).status, 201)
  t.equal((await client.publishes(notes('x', [0]))).status, 200, 'and comes back')
  const watcher = world.client(boris)
  await watcher.registers()
  t.strictSame((await watcher.subscribes([anna], ['note', 'state'])).answer.says, ['state (none)'], '1.3.1.2: private categories are passed over')
  t.equal((await call('GET', '/categories')).body?.items?.length, 20)
  for (const name of ['legacyDevice', 'legacyUserInfo']) {
    for (const [method, body] of [['PUT', { private: false }], ['DELETE', undefined]] as const) t.match(await call(method, `/categories/${name}`, body), { status: 400, body: { detail: /server's own/ } }, `${method} ${name}`)
    t.match(await call('GET', `/categories/${name}`), { status: 200, body: { private: true, builtIn: true } }, name)
    for (const container of [0, 1, 200, 32767]) t.equal(await send(name, '<x xmlns="urn:x"/>', container), 403, `${name} ${container}`)
  }
  for (const body of [{ maxBytes: 0 }, { readOnlyContainers: [40_000] }, { maxBytes: 100, quotaBytes: 50 }, { schema: { type: 'nonsense' } }, { color: 'red' }]) t.equal((await call('PUT', '/categories/holidays', body)).status, 400, JSON.stringify(body))
})

t.test('3.2.5.1.2: an operator\'s JSON Schema judges the data; unregistered names can be opened', async (t) => {
  const call = await build()
  const client = world.client(anna)
  await client.registers()
  await call('PUT', '/categories/desk', { schema: { type: 'object', required: ['desk'], properties: { desk: { type: 'object', required: ['@floor'], properties: { '@floor': { pattern: '^[0-9]+$' } } } } } })
  t.equal((await client.publishes([{ category: 'desk', container: 0, data: '<d:desk xmlns:d="urn:desk" floor="3"/>' }])).status, 200)
  const refused = await client.publishes([{ category: 'desk', container: 0, version: 1, data: '<desk floor="x"/>' }])
  t.equal(refused.status, 400)
  t.match(refused.header('ms-diagnostics'), /4001;.*publication 1 \(desk, instance 0, container 0\): .*floor/, 'a sentence that names the place')
  const opened = await build(true)
  const other = world.client(anna)
  await other.registers()
  t.equal((await other.publishes([{ category: 'anything', container: 0, data: '<a/>' }])).status, 200)
  t.equal((await opened('GET', '/categories/anything')).status, 404)
})

t.test('section 7: the data of known categories is judged by its schema', async (t) => {
  await build()
  const client = world.client(anna)
  await client.registers()
  const publishes = async (data: string) => client.publishes([{ category: 'state', container: 2, instance: 9, version: Number((await world.store.pool.query("SELECT instance_version FROM category_instance WHERE instance = 9")).rows[0]?.instance_version ?? 0), data }])
  t.equal((await publishes(STATE)).status, 200)
  for (const [wrong, place] of [[STATE.replace('6500', 'many'), /availability/], [STATE.replace(/ xsi:type="userState"/, ''), /type/], ['<state xmlns="http://schemas.microsoft.com/2006/09/sip/state"/>', /type/], ['<banana/>', /state/]] as const) {
    const refused = await publishes(wrong)
    t.equal(refused.status, 400, wrong)
    t.match(refused.header('ms-diagnostics'), place)
  }
  const mixed = await client.publishes([{ category: 'note', container: 2, data: 'fine' }, { category: 'state', container: 2, instance: 1, data: STATE.replace('6500', 'many') }])
  t.equal(mixed.status, 400)
  t.equal(await world.count('category_instance'), 1, 'all or nothing')
  t.equal((await client.publishes([removal('state', 2, 1, { instance: 9, data: '<banana/>' })])).status, 200, 'what is removed is not judged')
})

t.test('publications are listed, read, published and deleted by the operator, with the same notifications', async (t) => {
  const call = await build()
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await client.publishes([...notes('mine', [0, 200]), { category: 'state', container: 0, instance: 5, expireType: 'endpoint', data: STATE }, { category: 'note', container: 300, expireType: 'time', expires: 60, data: 'timed' }])
  await client.subscribesSelf(['categories'])
  await watcher.subscribes([anna], ['note'])
  const list = await call('GET', `/users/${anna}/publications`)
  t.same(list.body?.items?.map(({ category, container, instance, version, expireType }) => [category, container, instance, version, expireType]), [['note', 0, 0, 1, 'static'], ['state', 0, 5, 1, 'endpoint'], ['note', 200, 0, 1, 'static'], ['note', 300, 0, 1, 'time']])
  t.match(list.body?.items?.[1], { xml: STATE, json: { state: { '@type': 'userState', availability: [{ '#text': '6500' }] } }, endpointId: String })
  t.equal((await call('GET', `/users/${anna}/publications?container=200`)).body?.items?.length, 1)
  t.equal((await call('GET', `/users/nobody@nordwind.example/publications`)).status, 404)
  const place = `/users/${anna}/publications/note/0/0`
  t.match((await call('GET', place)).body, { category: 'note', version: 1 })

  t.equal((await call('PUT', place, { xml: '<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><text>ours</text></note>' })).status, 204)
  t.match(watcher.learns(), [['note#0 "ours"']])
  t.match(client.learns().join(), /ours/, 'self subscribers hear it too')
  t.match((await call('GET', place)).body, { version: 2, expireType: 'static' })
  t.equal((await call('PUT', place, { xml: '<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><text>ours</text></note>' })).status, 204)
  t.match((await call('GET', place)).body, { version: 2 }, '3.2.6.2: identical data is not published again')
  t.strictSame(watcher.hears(), [])
  t.equal((await call('PUT', `/users/${anna}/publications/userProperties/1/0`, { xml: '<userProperties><telephonyMode>None</telephonyMode></userProperties>' })).status, 204, 'read-only containers are the server\'s own')
  t.equal((await call('DELETE', place)).status, 204)
  t.match(watcher.learns(), [['note (none)']])
  t.equal((await call('DELETE', place)).status, 404)
  t.equal((await client.publishes(notes('again', [0]))).status, 200, 're-created from 1')
  for (const [path, body, status] of [[place, { xml: '<a' }, 400], [place, { xml: '<!DOCTYPE a><a/>' }, 400], [place, {}, 400], [`/users/${anna}/publications/note/40000/0`, { xml: '' }, 400], [`/users/${anna}/publications/madeUp/0/0`, { xml: '' }, 403], [`/users/${anna}/publications/state/0/0`, { xml: '<x/>' }, 400], ['/users/nobody@nordwind.example/publications/note/0/0', { xml: '' }, 404]] as const) {
    t.equal((await call('PUT', path, body)).status, status, `${path} ${JSON.stringify(body)}`)
  }
})

t.test('3.2.5.7: a voice mail server reports; the user sees it, nobody else does', async (t) => {
  const call = await build()
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await client.subscribesSelf(['categories'])
  t.strictSame((await watcher.subscribes([anna], ['mwi', 'note'])).answer.says, ['note (none)'], '1.3.1.2: mwi is private')
  t.equal((await call('PUT', `/users/${anna}/mwi`, { messageWaiting: true, unreadVoiceMailCount: 30, readVoiceMailCount: 13 })).status, 204)
  const [told] = client.hears()
  t.match(told?.body, '<mwi xmlns="http://schemas.microsoft.com/2006/09/sip/mwi" messageWaiting="true" unreadVoiceMailCount="30" readVoiceMailCount="13"/>')
  t.match(told?.body, /name="mwi" instance="0" publishTime="[^"]+" container="1" version="1" expireType="static"/)
  t.strictSame(watcher.hears(), [])
  await call('PUT', `/users/${anna}/mwi`, { messageWaiting: true, unreadVoiceMailCount: 30, readVoiceMailCount: 13 })
  t.strictSame(client.hears(), [], 'the same report every twelve hours is no news')
  for (const body of [{}, { messageWaiting: 'yes' }, { messageWaiting: true, unreadVoiceMailCount: -1 }]) t.equal((await call('PUT', `/users/${anna}/mwi`, body)).status, 400)
  t.equal((await call('PUT', '/users/nobody@nordwind.example/mwi', { messageWaiting: false })).status, 404)
})

t.test('4.13: what a server publishes, as its user sees it', async (t) => {
  const call = await build()
  const client = world.client(anna)
  await client.registers()
  const card = '<contactCard xmlns="http://schemas.microsoft.com/2006/09/sip/contactcard"><identity><name><displayName>Anna</displayName></name><email>anna@mail.nordwind.example</email></identity></contactCard>'
  const interop = '<legacyInterop availability="18500"/>'
  const properties = '<userProperties><lines><line lineType="Uc">tel:+4940123;ext=7</line></lines><telephonyMode>Uc</telephonyMode><streetAddress>Kai 1</streetAddress><l>Hamburg</l><countryCode>DE</countryCode><exumEnabled>1</exumEnabled></userProperties>'
  for (const [category, container, xml] of [['contactCard', 0, card], ['contactCard', 32000, card], ['legacyInterop', 32000, interop], ['userProperties', 1, properties]] as const) {
    t.equal((await call('PUT', `/users/${anna}/publications/${category}/${container}/0`, { xml })).status, 204, category)
  }
  const { answer } = await client.subscribesSelf(['categories'])
  const at = '2026-03-02T08:00:00.000'
  const own = (xml: string): string => (xml.includes('xmlns=') ? xml : xml.replace(/^<\w+/, (start) => `${start} xmlns=""`))
  t.strictSame(readInfoset(answer.body).children[0], readInfoset(`<roamingData xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:${anna}">` +
    `<category name="contactCard" instance="0" publishTime="${at}" container="0" version="1" expireType="static">${own(card)}</category><category name="contactCard" instance="0" publishTime="${at}" container="32000" version="1" expireType="static">${own(card)}</category>` +
    `<category name="legacyInterop" instance="0" publishTime="${at}" container="32000" version="1" expireType="static">${own(interop)}</category><category name="userProperties" instance="0" publishTime="${at}" container="1" version="1" expireType="static">${own(properties)}</category></categories></roamingData>`).children[0])
  t.equal((await client.publishes([{ category: 'userProperties', container: 1, version: 1, data: properties }])).status, 403, 'and cannot overwrite')
})

t.test('RFC 3903: operators see what phones publish, and may end it', async (t) => {
  const call = await build()
  const client = world.client(anna)
  await client.registers()
  const phone = new Phone(world.client(anna, 'phone'))
  await phone.publishes(tuple('open', '<note>da</note>'))
  const states = async (): Promise<readonly Record<string, unknown>[]> => (await call('GET', `/users/${anna}/event-states`)).body?.items ?? []
  const [one, ...more] = await states()
  t.match(one, { entityTag: phone.tag, publishedAt: '2026-03-02T08:00:00.000Z', expiresAt: '2026-03-02T08:10:00.000Z', xml: /^<presence [^>]*entity="sip:anna@nordwind.example"><tuple id="t1">/ })
  t.strictSame(more, [])
  const endpoints = (await call('GET', `/users/${anna}/presence`)).body?.['endpoints'] as readonly Record<string, unknown>[]
  t.strictSame(endpoints.map(({ endpointId, byPublish }) => [endpointId === one?.['endpointId'], byPublish]).sort(), [[false, undefined], [true, true]], 'told from those that are registered')
  const path = `/users/${anna}/event-states/${String(one?.['endpointId'])}`
  const registered = endpoints.find(({ byPublish }) => byPublish !== true)
  t.equal((await call('DELETE', `/users/${anna}/event-states/${String(registered?.['endpointId'])}`)).status, 404, 'a registration is none')
  t.strictSame([(await call('DELETE', path)).status, (await call('DELETE', path)).status], [204, 404])
  t.equal((await phone.refreshes()).status, 412, 'the phone learns it, and publishes anew')
  t.equal((await call('GET', `/users/${anna}/publications`)).body?.items?.length, 0)
  phone.tag = undefined
  await phone.publishes(tuple('open'))
  world.advance(600)
  t.strictSame(await states(), [], 'what has run out is not shown, whatever the timers do')
  t.equal((await call('GET', '/users/nobody@nordwind.example/event-states')).status, 404)
  t.equal((await call('DELETE', '/users/nobody@nordwind.example/event-states/x')).status, 404)
})
