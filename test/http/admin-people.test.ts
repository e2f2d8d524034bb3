import t from 'tap'
import { transact } from '../../src/store/session.ts'
import { putSubscriberEntry } from '../../src/store/subscriber-entries.ts'
import { isProblem, openAdmin, type AdminCall } from '../support/admin.ts'
import { notes } from '../support/bodies.ts'
import type { Client } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, gerd } = people

const CONTACTS = { Event: 'vnd-microsoft-roaming-contacts', Accept: 'application/vnd-microsoft-roaming-contacts+xml', 'Content-Type': undefined }
const PROVISIONING = 'application/vnd-microsoft-roaming-provisioning-v2+xml'

const signIn = async (user: string): Promise<Client> => {
  const client = world.client(user)
  await client.registers({ granted: 7200 })
  return client
}

/** What a client hears, each body as it is. */
const bodies = (heard: readonly Heard[]): readonly string[] => heard.map(({ body }) => body.replace(/^<roamingData[^>]*>|<\/roamingData>$/g, '').replace(/ xmlns="[^"]*"/g, ''))

interface Entry { readonly subscriber: string; readonly displayName: string; readonly network: string; readonly acknowledged: boolean; readonly context?: string; readonly kept: boolean }

const subscribers = async (call: AdminCall, user: string = anna): Promise<readonly Entry[]> => (await call('GET', `/users/${user}/subscribers`)).json<{ items: readonly Entry[] }>().items

/** A batch SUBSCRIBE that asks to be known. */
const withContext = (publisher: string, context: string): string => `<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" uri="sip:x@x.example" name=""><action name="subscribe" id="1"><adhocList><resource uri="sip:${publisher}"><context>${context}</context></resource></adhocList>` +
  '<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist"><category name="note"/></categoryList></action></batchSub>'

t.test('1.3.1.4: the subscriber list; an operator acknowledges and removes as the publisher would', async (t) => {
  const call = await openAdmin(world)
  const [own, watcher] = [await signIn(anna), await signIn(boris)]
  await own.subscribesSelf(['subscribers'])
  t.equal((await watcher.subscribes([anna], ['note'], { body: withContext(anna, '<c xmlns="urn:c">hello</c>') })).answer.status, 200)
  t.strictSame(await subscribers(call), [{ subscriber: `sip:${boris}`, displayName: 'boris', network: 'sameEnterprise', acknowledged: false, context: '<c xmlns="urn:c">hello</c>', kept: false }])
  own.hears()
  const done = await call('POST', `/users/sip:${anna}/subscribers/sip:${boris}/acknowledge`)
  t.strictSame([done.status, done.text], [204, ''])
  t.strictSame(bodies(own.hears()), ['<subscribers/>'], '3.6.5.2')
  t.strictSame(await subscribers(call), [])
  isProblem(t, await call('POST', `/users/${anna}/subscribers/${boris}/acknowledge`), 404, 'acknowledged already', /not on the subscriber list/)
  isProblem(t, await call('DELETE', `/users/${anna}/subscribers/${boris}`), 404, 'not there', /boris@nordwind\.example/)
  await call('PUT', `/users/${anna}/subscribers/${boris}`, {})
  own.hears()
  t.equal((await call('DELETE', `/users/${anna}/subscribers/${boris}`)).status, 204)
  t.strictSame(bodies(own.hears()), ['<subscribers/>'])
})

t.test('3.7.5.3: who is kept stays when it is acknowledged, and goes when it is removed', async (t) => {
  const call = await openAdmin(world)
  const own = await signIn(anna)
  await own.subscribesSelf(['subscribers'])
  await transact(world.store.pool, async (tx) => { void putSubscriberEntry(tx, anna, { user: clara, displayName: 'Clara', network: 'federated', acknowledged: false, context: undefined, kept: true }) })
  t.equal((await call('POST', `/users/${anna}/subscribers/${clara}/acknowledge`)).status, 204)
  t.strictSame(await subscribers(call), [{ subscriber: `sip:${clara}`, displayName: 'Clara', network: 'federated', acknowledged: true, kept: true }])
  t.strictSame(bodies(own.hears()), [`<subscribers><subscriber user="${clara}" displayName="Clara" acknowledged="true" type="federated"/></subscribers>`])
  t.equal((await call('DELETE', `/users/${anna}/subscribers/${clara}`)).status, 204)
  t.strictSame([await subscribers(call), bodies(own.hears())], [[], ['<subscribers/>']])
})

t.test('3.4.5.1.3: an operator enters subscribers as a context does: names, networks, limits', async (t) => {
  const call = await openAdmin(world)
  const own = await signIn(anna)
  await own.subscribesSelf(['subscribers'])
  const put = (subscriber: string, body: object = {}) => call('PUT', `/users/${anna}/subscribers/${subscriber}`, body)
  const created = await put(boris)
  t.strictSame([created.status, created.json()], [201, { subscriber: `sip:${boris}`, displayName: 'boris', network: 'sameEnterprise', acknowledged: false, context: '', kept: false }], 'the name of the directory, the network of the domain table')
  t.strictSame(bodies(own.hears()), [`<subscribers><subscriber user="${boris}" displayName="boris" acknowledged="false" type="sameEnterprise"/></subscribers>`])
  const again = await put(boris, { displayName: 'Other', network: 'federated', context: '<x/>' })
  t.strictSame([again.status, again.json()], [200, created.json()], 'who is on the list stays as it is')
  t.strictSame(own.hears(), [], 'and nobody is told')
  t.strictSame((await put(clara, { context: '<c xmlns="urn:c"/>' })).json(), { subscriber: `sip:${clara}`, displayName: clara, network: 'federated', acknowledged: false, context: '<c xmlns="urn:c"/>', kept: false }, 'without a name: the URI')
  t.match(own.hears().at(-1)?.body, '<context><c xmlns="urn:c"/></context>')
  const before = await world.dump()
  for (const [name, subscriber, body, status, says] of [
    ['of oneself one knows', anna, {}, 400, /own list/], ['a blocked domain', eve, {}, 403, /blocked.*eve@/], ['too large', dan, { context: `<c>${'x'.repeat(60)}</c>` }, 413, /at most 60 bytes/],
    ['not XML', dan, { context: '<c>' }, 400, /context: /], ['two elements', dan, { context: '<a/><b/>' }, 400, /context: /], ['DOCTYPE', dan, { context: '<!DOCTYPE c><c/>' }, 400, /context: .*DOCTYPE/], ['an unknown network', dan, { network: 'lan' }, 400, /\/network/],
    ['no name', dan, { displayName: '' }, 400, /\/displayName/], ['an unknown field', dan, { acknowledged: true }, 400, /acknowledged/], ['no user', 'nobody', {}, 400, /nobody/],
  ] as const) isProblem(t, await put(subscriber, body), status, name, says)
  t.strictSame(await world.dump(), before)
  t.match((await put(dan, { displayName: 'Dan \u0007 of <Cloud>', network: 'sameEnterprise', context: `<c xmlns="">${'x'.repeat(40)}</c>` })).json<Entry>(), { displayName: 'Dan   of <Cloud>', network: 'sameEnterprise' }, 'what XML cannot hold is not in it; the network as the operator says')
  isProblem(t, await put('more@nordwind.example'), 413, 'the list is full', /at most 3 subscribers/)
  await call('DELETE', `/users/${anna}/subscribers/${boris}`)
  isProblem(t, await put(boris, { context: `<c xmlns="">${'x'.repeat(40)}</c>` }), 413, 'all contexts together', /at most 100 bytes/)
  t.strictSame((await subscribers(call)).map(({ subscriber }) => subscriber), [`sip:${clara}`, `sip:${dan}`])
})

t.test('3.9.5: delegates under the same rules, versions and notifications as those of a client', async (t) => {
  const call = await openAdmin(world)
  const own = await signIn(anna)
  await own.subscribesSelf(['delegates'])
  const path = `/users/${anna}/delegates`
  t.strictSame((await call('GET', path)).json(), { version: 0, items: [] })
  const created = await call('PUT', `${path}/sip:${boris}`, { publish: true, version: 0 })
  t.strictSame([created.status, created.json()], [201, { version: 1, items: [{ delegate: `sip:${boris}`, publish: true, redelegate: false }] }])
  t.strictSame(bodies(own.hears()), [`<delegates version="1"><delegate uri="${boris}" publish="true" redelegate="false"/></delegates>`])
  const changed = await call('PUT', `${path}/${boris}`, { redelegate: true })
  t.strictSame([changed.status, changed.json()], [200, { version: 2, items: [{ delegate: `sip:${boris}`, publish: false, redelegate: true }] }], 'without a version: whatever is there; what is not named is denied')
  t.strictSame(bodies(own.hears()), [`<delegates version="2"><delegate uri="${boris}" publish="false" redelegate="true"/></delegates>`])
  t.strictSame((await call('GET', `${path}/${boris}`)).json(), { delegate: `sip:${boris}`, publish: false, redelegate: true })
  t.equal((await call('PUT', `${path}/${gerd}`, { version: 2 })).status, 201)
  own.hears()
  await world.adds('more@nordwind.example')
  const before = await world.dump()
  for (const [name, answer, status, says] of [
    ['an old version', await call('PUT', `${path}/${boris}`, { version: 2 }), 409, /has version 3, not 2/], ['one to come', await call('DELETE', `${path}/${boris}?version=4`), 409, /has version 3, not 4/], ['oneself', await call('PUT', `${path}/${anna}`, {}), 400, /themselves/],
    ['no user', await call('PUT', `${path}/nobody@nordwind.example`, {}), 404, /no user of this deployment/], ['not ours', await call('PUT', `${path}/${clara}`, {}), 404, /clara@/], ['one too many', await call('PUT', `${path}/more@nordwind.example`, {}), 413, /at most 2 delegates/],
    ['not listed', await call('DELETE', `${path}/more@nordwind.example`), 404, /not on the delegate list/], ['not listed, read', await call('GET', `${path}/more@nordwind.example`), 404, /no such delegate/], ['no URI', await call('PUT', `${path}/nobody`, {}), 400, /nobody/],
    ['a version that is none', await call('PUT', `${path}/${boris}`, { version: -1 }), 400, /\/version/], ['in the query', await call('DELETE', `${path}/${boris}?version=x`), 400, /\/version/], ['beyond', await call('DELETE', `${path}/${boris}?version=4294967296`), 400, /version: at most/],
    ['no Boolean', await call('PUT', `${path}/${boris}`, { publish: 'yes' }), 400, /\/publish/], ['an unknown field', await call('PUT', `${path}/${boris}`, { read: true }), 400, /read/],
  ] as const) isProblem(t, answer, status, name, says)
  t.strictSame([await world.dump(), own.hears()], [before, []])
  t.strictSame((await call('DELETE', `${path}/${boris}?version=3`)).json(), { version: 4, items: [{ delegate: `sip:${gerd}`, publish: false, redelegate: false }] })
  t.match(own.hears().at(-1)?.body, `<delegate uri="${gerd}"`)
  t.equal((await call('DELETE', `/users/${gerd}`)).status, 204)
  t.strictSame((await call('DELETE', `${path}/${gerd}`)).json(), { version: 5, items: [] }, 'who has left can be removed')
  t.strictSame(bodies(own.hears()), ['<delegates version="5"/>'])
})

const soap = (client: Client, action: string): Promise<Heard> => client.sends('SERVICE', {
  headers: { 'Content-Type': 'application/SOAP+xml' },
  body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${action.replace(/^<m:\w+/, '$& xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip"')}</s:Body></s:Envelope>`,
})
const setContact = (client: Client, user: string): Promise<Heard> => soap(client, `<m:setContact><m:displayName>x</m:displayName><m:groups>1</m:groups><m:subscribed>true</m:subscribed><m:URI>sip:${user}</m:URI></m:setContact>`)

const start = { deltaNum: 1, groups: [{ id: 1, name: '~' }], contacts: [] }

t.test('MS-SIP 3.7: an operator reads and imports contact lists; clients hear the difference', async (t) => {
  const call = await openAdmin(world)
  const own = await signIn(anna)
  await own.subscribesSelf([], { body: '', headers: CONTACTS })
  const path = `/users/sip:${anna}/contacts`
  t.strictSame((await call('GET', path)).json(), start)
  const first = {
    deltaNum: 1, groups: [{ id: 1, name: 'Everyone' }, { id: 7, name: 'Crew "A"', externalUri: 'urn:g' }],
    contacts: [{ uri: `sip:${gerd}`, groups: [7, 1, 7], subscribed: false }, { uri: boris, displayName: 'Boris <B>', externalUri: 'urn:c', extension: '<e xmlns="urn:e">1 &lt; 2</e> text' }],
  }
  const stored = {
    deltaNum: 5, groups: first.groups,
    contacts: [{ uri: `sip:${boris}`, displayName: 'Boris <B>', groups: [1], subscribed: true, externalUri: 'urn:c', extension: '<e xmlns="urn:e">1 &lt; 2</e> text' }, { uri: `sip:${gerd}`, displayName: '', groups: [1, 7], subscribed: false }],
  }
  const imported = await call('PUT', path, first)
  t.strictSame([imported.status, imported.json()], [200, stored])
  t.strictSame((await call('GET', path)).json(), stored)
  t.strictSame(own.hears().map(({ body }) => body), [
    '<contactDelta deltaNum="2" prevDeltaNum="1"><modifiedGroup id="1" name="Everyone" externalURI=""/></contactDelta>',
    '<contactDelta deltaNum="3" prevDeltaNum="2"><addedGroup id="7" name="Crew &quot;A&quot;" externalURI="urn:g"/></contactDelta>',
    `<contactDelta deltaNum="4" prevDeltaNum="3"><addedContact uri="sip:${gerd}" name="" groups="1 7" subscribed="false" externalURI=""/></contactDelta>`,
    `<contactDelta deltaNum="5" prevDeltaNum="4"><addedContact uri="sip:${boris}" name="Boris &lt;B&gt;" groups="1" subscribed="true" externalURI="urn:c"><contactExtension><e xmlns="urn:e">1 &lt; 2</e> text</contactExtension></addedContact></contactDelta>`,
  ])
  const same = await world.dump()
  t.strictSame((await call('PUT', path, { ...first, deltaNum: 5 })).json(), stored, 'the same again: the same number')
  t.strictSame([await world.dump(), own.hears()], [same, []], 'and nothing is told')
  isProblem(t, await call('PUT', path, { deltaNum: 4, contacts: [] }), 409, 'an old number', /deltaNum 4, current 5/)
  t.equal((await setContact(own, 'new@nordwind.example')).status, 200, 'a client goes on from there')
  own.hears()
  t.strictSame((await call('PUT', path, { contacts: [] })).json(), { ...start, deltaNum: 10, groups: [{ id: 1, name: 'Everyone' }] }, 'without a number: whatever is there; the default group stays')
  t.equal(own.hears().length, 4, 'three contacts and a group')
  t.strictSame((await call('GET', `/users/${gerd}/contacts`)).json(), start, 'lists of others are theirs')
})

t.test('MS-SIP 9.1: an import with a fault changes nothing, and the answer names the place', async (t) => {
  const call = await openAdmin(world)
  const own = await signIn(anna)
  const path = `/users/${anna}/contacts`
  await call('PUT', path, { groups: [{ id: 2, name: 'Crew' }], contacts: [{ uri: boris, groups: [2] }] })
  await own.subscribesSelf([], { body: '', headers: CONTACTS })
  const before = await world.dump()
  const one = { uri: boris }
  for (const [name, body, status, says] of [
    ['no contacts', {}, 400, /contacts/], ['no URI', { contacts: [one, { uri: 'nobody' }] }, 400, /contacts\/1\/uri: .*nobody/], ['twice', { contacts: [one, { uri: `sip:${boris}` }] }, 400, /boris@nordwind\.example comes twice/],
    ['an unknown group', { contacts: [{ ...one, groups: [5] }] }, 400, /group 5 of boris@/], ['a group that goes with the import', { contacts: [{ ...one, groups: [2] }] }, 400, /group 2 of boris@/],
    ['two groups of one id', { groups: [{ id: 2, name: 'a' }, { id: 2, name: 'b' }], contacts: [] }, 400, /two groups have the id 2/], ['two groups of one name', { groups: [{ id: 2, name: 'a' }, { id: 3, name: 'a' }], contacts: [] }, 400, /has this name already.* a"/],
    ['the name of the default group', { groups: [{ id: 2, name: '~' }], contacts: [] }, 400, /~/], ['no name', { groups: [{ id: 2, name: ' ' }], contacts: [] }, 400, /name of a group is empty/], ['an id that is none', { groups: [{ id: 0, name: 'a' }], contacts: [] }, 400, /\/groups\/0\/id/],
    ['an id too high', { groups: [{ id: 64, name: 'a' }], contacts: [] }, 400, /\/groups\/0\/id/], ['a name too long', { contacts: [{ ...one, displayName: 'ä'.repeat(129) }] }, 400, /boris@.*longer than 256 bytes/], ['a name that XML cannot hold', { contacts: [{ ...one, displayName: 'a\u0000' }] }, 400, /boris@.*XML/],
    ['an extension that is not XML', { contacts: [one, { uri: gerd, extension: '<e>' }] }, 400, /contacts\/1\/extension: /], ['one that leaves its place', { contacts: [{ ...one, extension: '</contactExtension><x/>' }] }, 400, /contacts\/0\/extension: /],
    ['one too large', { contacts: [{ ...one, extension: `<e>${'x'.repeat(1018)}</e>` }] }, 400, /boris@.*at most 1024/], ['too many contacts', { contacts: [1, 2, 3, 4].map((at) => ({ uri: `u${at}@x.example` })) }, 413, /at most 3 contacts/],
    ['too many groups', { groups: [2, 3, 4, 5].map((id) => ({ id, name: `g${id}` })), contacts: [] }, 413, /at most 4 groups/], ['a wrong type', { contacts: [{ ...one, subscribed: 'yes' }] }, 400, /\/contacts\/0\/subscribed/], ['an unknown field', { contacts: [{ ...one, note: 'x' }] }, 400, /note/],
    ['a number that is none', { deltaNum: -1, contacts: [] }, 400, /\/deltaNum/],
  ] as const) isProblem(t, await call('PUT', path, body), status, name, says)
  t.strictSame([await world.dump(), own.hears()], [before, []])
})

t.test('a long list is imported, and told as a whole', async (t) => {
  await world.reset()
  const { contacts, ...limits } = world.engine.limits
  const call = await openAdmin(world, { limits: { ...limits, contacts: { ...contacts, maxContacts: 2_000 } } })
  const own = await signIn(anna)
  await own.subscribesSelf([], { body: '', headers: CONTACTS })
  const list = Array.from({ length: 1_000 }, (_, at) => ({ uri: `u${at}@far.example`, displayName: 'x'.repeat(200), extension: `<e xmlns="urn:e">${'y'.repeat(100)}</e>` }))
  t.equal((await call('PUT', `/users/${anna}/contacts`, { contacts: list })).status, 200)
  t.strictSame(own.hears().map(({ documents: [document] }) => [document?.name, document?.children.length]), [['contactList', 1_001]])
})

t.test('a user\'s own limits bind its contact actions and its imports, its subscriptions and its watchers', async (t) => {
  const call = await openAdmin(world)
  const put = (user: string, limits: object) => call('PUT', `/users/${user}`, { displayName: 'A', limits })
  t.strictSame((await put(anna, { maxContacts: 1 })).json<{ limits: object }>().limits, { maxContacts: 1 })
  t.strictSame((await call('GET', `/users/${anna}`)).json<{ limits: object }>().limits, { maxContacts: 1 })
  t.strictSame((await call('GET', `/users/${boris}`)).json<{ limits: object }>().limits, {})
  const [own, other] = [await signIn(anna), await signIn(boris)]
  t.strictSame([(await setContact(own, 'a@x.example')).status, (await setContact(own, 'b@x.example')).status, (await setContact(own, 'a@x.example')).status], [200, 403, 200], 'below the limit of the deployment')
  isProblem(t, await call('PUT', `/users/${anna}/contacts`, { contacts: [{ uri: 'a@x.example' }, { uri: 'b@x.example' }] }), 413, 'imports too', /at most 1 contacts/)
  await put(anna, { maxContacts: 5 })
  for (const name of ['b', 'c', 'd', 'e']) t.equal((await setContact(own, `${name}@x.example`)).status, 200, 'above it')
  t.equal((await setContact(own, 'f@x.example')).status, 403)
  t.equal((await call('PUT', `/users/${anna}/contacts`, { contacts: ['b', 'c', 'd', 'e', 'f'].map((name) => ({ uri: `${name}@x.example` })) })).status, 200)
  for (const name of ['a', 'b', 'c']) t.equal((await setContact(other, `${name}@x.example`)).status, 200)
  t.equal((await setContact(other, 'd@x.example')).status, 403, 'others have that of the deployment')
  await put(boris, { maxResourcesPerDialog: 1, maxCategoriesPerRequest: 1, maxIncoming: 1 })
  t.strictSame([(await other.subscribes([anna, gerd], ['note'])).answer.status, (await other.subscribes([anna], ['note', 'state'])).answer.status, (await other.subscribes([anna], ['note'])).answer.status], [403, 403, 200])
  t.strictSame((await own.subscribes([boris], ['note'])).answer.says, ['note (none)'])
  t.strictSame((await (await signIn(gerd)).subscribes([boris], ['note'])).answer.says, [`rejected sip:${boris} terminated`])
  t.strictSame((await call('PUT', `/users/${boris}`, { displayName: 'A' })).json<{ limits: object }>().limits, {}, 'replaced as a whole')
  const before = await world.dump()
  for (const [limits, says] of [[{ maxContacts: -1 }, /\/limits\/maxContacts/], [{ maxContacts: 1.5 }, /\/limits\/maxContacts/], [{ maxContacts: '5' }, /\/limits\/maxContacts/], [{ maxIncoming: null }, /\/limits\/maxIncoming/], [{ maxFriends: 1 }, /maxFriends/], [{ maxContacts: 100_001 }, /maxContacts/], [[], /\/limits/]] as const) isProblem(t, await put(anna, limits), 400, JSON.stringify(limits), says)
  t.strictSame(await world.dump(), before)
})

const POOL = 'sip:pool2.nordwind.example@nordwind.example;gruu;opaque=srvr:HomeServer:abc'
const elsewhere = { displayName: 'Away', homePool: POOL, limits: { maxContacts: 7 }, rights: { incomingFederated: false } }

t.test('3.4.5.1.3.1: a user with a home pool is served there', async (t) => {
  const call = await openAdmin(world)
  const away = 'away@nordwind.example'
  const created = await call('PUT', `/users/${away}`, elsewhere)
  t.equal(created.status, 201)
  t.match(created.json(), elsewhere)
  t.match((await call('GET', `/users/${away}`)).json(), { ...elsewhere, effectiveRights: { incomingFederated: false, outgoingFederated: true } })
  t.match((await call('GET', '/users')).json<{ items: { uri: string; homePool?: string; rights: object }[] }>().items.filter(({ homePool }) => homePool !== undefined), [{ uri: `sip:${away}`, homePool: POOL, rights: { incomingFederated: false } }])
  const watcher = await signIn(boris)
  t.match((await watcher.subscribes([away], ['note'])).answer.body, `<instance id="0" state="resubscribe" cid="${away}" poolFqdn="${POOL}"/>`)
  t.equal((await world.client(away).publishes(notes('x', [0]))).status, 404, 'not served here')
  for (const path of ['subscribers', 'delegates', 'contacts', 'subscriptions', 'watchers']) t.equal((await call('GET', `/users/${away}/${path}`)).status, 200, path)
  const before = await world.dump()
  for (const [path, method, body] of [[`subscribers/${boris}`, 'PUT', {}], [`delegates/${boris}`, 'PUT', {}], ['contacts', 'PUT', { contacts: [] }], [`subscribers/${boris}/acknowledge`, 'POST', undefined]] as const) isProblem(t, await call(method, `/users/${away}/${path}`, body), 409, path, /another pool.*pool2/)
  for (const homePool of ['pool2', '', 'http://pool2.example', 'sip:', 'sip:a b', 'sip:pool2.example;x=\u0001', 5, null, `sip:${'x'.repeat(512)}`]) isProblem(t, await call('PUT', `/users/${away}`, { displayName: 'Away', homePool }), 400, JSON.stringify(homePool)?.slice(0, 40), /homePool/)
  t.strictSame(await world.dump(), before)
  t.match(await call('PUT', `/users/${anna}/delegates/${away}`, {}), { status: 201 }, '3.9.5.2: a delegate may be served elsewhere')
  t.strictSame((await call('PUT', `/users/${away}`, { ...elsewhere, homePool: 'sip:pool3.nordwind.example' })).json<{ homePool: string }>().homePool, 'sip:pool3.nordwind.example', 'from one pool to another')
  t.notOk('homePool' in (await call('PUT', `/users/${away}`, { displayName: 'Back' })).json<object>())
  t.equal((await world.client(away).publishes(notes('here', [0]))).status, 200, 'a publisher here')
  t.strictSame((await watcher.subscribes([away], ['note'])).answer.says, ['note#0 "here"'])
  const gone = 'gone@nordwind.example'
  await call('PUT', `/users/${gone}`, elsewhere)
  t.equal((await call('DELETE', `/users/${gone}`)).status, 204)
  isProblem(t, await call('GET', `/users/${gone}`), 404, 'deleted')
  isProblem(t, await call('DELETE', `/users/${gone}`), 404, 'once')
})

t.test('a user leaves for another pool only without data here; its watchers are sent there', async (t) => {
  await world.reset({ template: { current: async () => [{ id: 200, members: [{ type: 'sameEnterprise', value: '' }] }], forget: () => undefined } })
  const call = await openAdmin(world)
  const leave = (user: string) => call('PUT', `/users/${user}`, { displayName: 'Away', homePool: POOL })
  const add = async (user: string): Promise<string> => { await world.adds(user); return user }
  for (const [name, prepare] of [
    ['publications', (user: string) => world.client(user).publishes(notes('x', [0]))], ['members', (user: string) => world.client(user).setsMembers([{ id: 300, version: 0, members: ['everyone'] }])], ['an endpoint', signIn],
    ['subscribers', (user: string) => call('PUT', `/users/${user}/subscribers/${boris}`, {})], ['delegates', (user: string) => call('PUT', `/users/${user}/delegates/${boris}`, {})], ['contacts', (user: string) => setContact(world.client(user), boris)],
    ['a dialog without an endpoint', (user: string) => world.client(user).subscribesOne(anna, ['note'], { network: 'publicCloud' })],
  ] as const) {
    const user = await add(`u-${name.replaceAll(' ', '')}@nordwind.example`)
    await prepare(user)
    const before = await world.dump()
    isProblem(t, await leave(user), 409, name, /homePool: .*has data here/)
    t.strictSame(await world.dump(), before, name)
    t.equal((await call('DELETE', `/users/${user}`)).status, 204, name)
    t.equal((await leave(user)).status, 201, `${name}: deleted first`)
  }
  const user = await add('new@nordwind.example')
  const [watcher, other] = [await signIn(boris), await signIn(gerd)]
  const [dialog, single] = [await watcher.subscribes([user, anna], ['note']), await other.subscribesOne(user, ['note'])]
  const stays = await other.subscribes([anna], ['note'])
  t.equal((await leave(user)).status, 200, 'containers of the template are no data')
  for (const [client, ended] of [[watcher, dialog], [other, single]] as const) t.strictSame(client.hears().map((heard) => [heard.header('Call-ID'), heard.header('subscription-state')]), [[ended.callId, 'terminated;expires=0;reason=deactivated']])
  t.match((await watcher.subscribes([user, anna], ['note'])).answer.says, [`rejected sip:${user} resubscribe`, 'note (none)'])
  t.equal((await stays.refreshes()).status, 200, 'other subscriptions go on')
  for (const table of ['publisher', 'container', 'container_member', 'subscription', 'dialog_resource']) t.strictSame((await world.dump())[table]?.filter((row) => row.includes(user)), [], table)
  await call('PUT', `/users/${user}`, { displayName: 'Back' })
  t.strictSame((await call('GET', `/users/${user}/containers`)).json<{ items: { id: number; version: number }[] }>().items.map(({ id, version }) => [id, version]), [[200, 0], [0, 0]], 'who comes back begins anew')
})

t.test('MS-SIPREGE 2.2.2.5: provisioning groups as the operator sets them', async (t) => {
  const call = await openAdmin(world)
  const client = await signIn(anna)
  const asks = async (...names: readonly string[]): Promise<string> => (await client.sends('SUBSCRIBE', {
    headers: { Event: 'vnd-microsoft-provisioning-v2', Accept: PROVISIONING, 'Content-Type': PROVISIONING, Expires: '0', Supported: 'ms-benotify, ms-piggyback-first-notify', 'Proxy-Require': 'ms-benotify' },
    body: `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">${names.map((name) => `<provisioningGroup name="${name}"/>`).join('')}</provisioningGroupList>`,
  })).body.replace(/^<provisionGroupList[^>]*>|<\/provisionGroupList>$/g, '')
  t.strictSame((await call('GET', '/provisioning')).json(), { groups: {}, values: {} })
  const standard = await asks('ServerConfiguration')
  t.match(standard, '<organization>nordwind.example</organization>')
  const groups = { ServerConfiguration: '<organization>Nordwind &amp; Co</organization>', endpointConfiguration: '<propertyEntryList><property name="X">1</property></propertyEntryList>', 'own.group-1': '  ', constructor: 'text' }
  const stored = { groups: { ...groups, 'own.group-1': '' }, values: {} }
  const put = await call('PUT', '/provisioning', { groups })
  t.strictSame([put.status, put.json()], [200, stored])
  t.strictSame((await call('GET', '/provisioning')).json(), stored)
  t.equal(await asks('own.group-1', 'ServerConfiguration', 'ucPolicy', 'constructor', 'unknown', 'toString'),
    `<provisionGroup name="own.group-1"/><provisionGroup name="ServerConfiguration">${groups.ServerConfiguration}</provisionGroup><provisionGroup name="ucPolicy"/><provisionGroup name="constructor">text</provisionGroup>`, 'at once')
  const before = await world.dump()
  for (const [name, body, says] of [
    ['not XML', { groups: { a: 'x', ucPolicy: '<a>' } }, /groups\/ucPolicy: /], ['one that leaves its place', { groups: { ucPolicy: '</provisionGroup><x/>' } }, /groups\/ucPolicy: /], ['DOCTYPE', { groups: { ucPolicy: '<!DOCTYPE a><a/>' } }, /groups\/ucPolicy: /],
    ['an unknown prefix', { groups: { ucPolicy: '<p:a/>' } }, /groups\/ucPolicy: /], ['no word', { groups: { 'two words': '' } }, /groups/], ['an empty name', { groups: { '': '' } }, /groups/], ['no text', { groups: { ucPolicy: 5 } }, /\/groups\/ucPolicy/],
    ['nothing at all', {}, /1 properties/], ['an unknown field', { groups: {}, more: 1 }, /more/], ['too large for one answer', { groups: { a: 'x'.repeat(10_000), b: 'x'.repeat(10_000) } }, /groups: 20002 bytes, at most 20000/],
  ] as const) isProblem(t, await call('PUT', '/provisioning', body), 400, name, says)
  t.strictSame(await world.dump(), before)
  await call('PUT', '/provisioning', { groups: { ucPolicy: '<a/>' } })
  t.equal(await asks('ServerConfiguration', 'endpointConfiguration', 'ucPolicy'), `${standard}<provisionGroup name="ucPolicy"><a/></provisionGroup>`, 'replaced as a whole')
  t.equal((await call('DELETE', '/provisioning')).status, 204)
  t.strictSame([(await call('GET', '/provisioning')).json(), await asks('ServerConfiguration', 'ucPolicy')], [{ groups: {}, values: {} }, `${standard}<provisionGroup name="ucPolicy"/>`])
  const values = { organization: 'Nordwind & Co', absInternalServerUrl: 'https://abs.nordwind.example/?a=1&b=2', dlxEnabled: true, ucPortRangeEnabled: true, ucMinMediaPort: 5000, ucMaxMediaPort: 5999, siteSearchInternalUrl: 'https://search.nordwind.example/_vti_bin/search.asmx', siteSearchCenterExternalUrl: 'http://search.nordwind.example/people', enableAppearOffline: false }
  const set = await call('PUT', '/provisioning', { values, groups: { ucPolicy: '<a/>' } })
  t.strictSame([set.status, set.json(), (await call('GET', '/provisioning')).json()], [200, { groups: { ucPolicy: '<a/>' }, values }, { groups: { ucPolicy: '<a/>' }, values }])
  t.equal(await asks('ServerConfiguration', 'endpointConfiguration', 'ucPolicy'), '<provisionGroup name="ServerConfiguration"><organization>Nordwind &amp; Co</organization><ucPC2PCAVEncryption>SupportEncryption</ucPC2PCAVEncryption><ucPortRangeEnabled>true</ucPortRangeEnabled>' +
    '<ucMinMediaPort>5000</ucMinMediaPort><ucMaxMediaPort>5999</ucMaxMediaPort><absInternalServerUrl>https://abs.nordwind.example/?a=1&amp;b=2</absInternalServerUrl><dlxEnabled>true</dlxEnabled></provisionGroup><provisionGroup name="endpointConfiguration"><propertyEntryList>' +
    '<property name="SPSearchInternalUrl">https://search.nordwind.example/_vti_bin/search.asmx</property><property name="SPSearchCenterExternalUrl">http://search.nordwind.example/people</property><property name="EnableAppearOffline">false</property></propertyEntryList></provisionGroup><provisionGroup name="ucPolicy"><a/></provisionGroup>')
  const kept = await world.dump()
  for (const [name, body, says] of [
    ['no URL', { absInternalServerUrl: 'abs.nordwind.example' }, /absInternalServerUrl/], ['another scheme', { siteSearchInternalUrl: 'javascript:alert(1)' }, /siteSearchInternalUrl/], ['a URL with markup', { siteSearchInternalUrl: 'https://a/<b>' }, /siteSearchInternalUrl/], ['a broken one', { siteSearchInternalUrl: 'https://[' }, /values\/siteSearchInternalUrl: is not a URL/],
    ['no truth value', { dlxEnabled: 'yes' }, /dlxEnabled/], ['none of the words', { ucPC2PCAVEncryption: 'Maybe' }, /ucPC2PCAVEncryption/], ['an empty name, which clients cannot take', { organization: ' ' }, /organization/], ['a line break', { organization: 'a\nb' }, /organization/], ['no port', { ucMinMediaPort: 80 }, /ucMinMediaPort/],
    ['an unknown value', { mrasUri: 'sip:a' }, /mrasUri/], ['a range without bounds', { ucPortRangeEnabled: true, ucMinMediaPort: 5000 }, /values\/ucPortRangeEnabled: needs/], ['a range upside down', { ucMinMediaPort: 6000, ucMaxMediaPort: 5000 }, /values\/ucMinMediaPort: is above/],
  ] as const) isProblem(t, await call('PUT', '/provisioning', { values: body }), 400, name, says)
  for (const [group, value] of [['ServerConfiguration', { organization: 'a' }], ['endpointConfiguration', { enableAppearOffline: true }]] as const) {
    isProblem(t, await call('PUT', '/provisioning', { groups: { [group]: '<a/>' }, values: value }), 400, `${group} as a whole would hide a value`, new RegExp(`values/\\w+: groups/${group} is set as a whole`))
  }
  isProblem(t, await call('PUT', '/provisioning', { groups: { a: 'x'.repeat(19_000) }, values: { organization: 'y'.repeat(500), absInternalServerUrl: `https://${'z'.repeat(600)}` } }), 400, 'together too large for one answer', /bytes, at most/)
  t.strictSame(await world.dump(), kept)
  await call('DELETE', '/provisioning')
  t.equal(await asks('ServerConfiguration', 'endpointConfiguration'), standard, 'values are gone, too')
})

t.test('all of it is of users of this server', async (t) => {
  const call = await openAdmin(world)
  const before = await world.dump()
  for (const [user, status] of [['nobody@nordwind.example', 404], [clara, 404], ['nobody', 400]] as const) {
    for (const [method, path, body] of [
      ['GET', 'subscribers'], ['PUT', `subscribers/${boris}`, {}], ['POST', `subscribers/${boris}/acknowledge`], ['DELETE', `subscribers/${boris}`], ['GET', 'delegates'], ['GET', `delegates/${boris}`], ['PUT', `delegates/${boris}`, {}], ['DELETE', `delegates/${boris}`],
      ['GET', 'contacts'], ['PUT', 'contacts', { contacts: [] }],
    ] as const) isProblem(t, await call(method, `/users/${user}/${path}`, body), status, `${method} ${user} ${path}`, /no such user|nobody/)
  }
  t.strictSame(await world.dump(), before)
})

t.test('MS-SIP 2.2.3: the access list; a PUT replaces it, the containers follow, clients hear of it, and the explanation names it', async (t) => {
  const call = await openAdmin(world)
  const [own, watcher] = [await signIn(anna), await signIn(boris)]
  await own.subscribesAcl()
  await own.subscribesPending()
  await watcher.watches(anna, 'msrtc')
  const path = `/users/${anna}/access-list`
  t.strictSame((await call('GET', path)).json(), { deltaNum: 1, entries: [{ type: 'ALL', rights: 'AA' }], pending: [] })
  const put = await call('PUT', path, { deltaNum: 1, entries: [{ type: 'USER', mask: boris, rights: 'PA' }, { type: 'DOMAIN', mask: 'Suedwind.example', rights: 'BD' }, { type: 'USER', mask: `sip:${dan}`, rights: 'DA' }] })
  const entries = [{ type: 'ALL', rights: 'AA' }, { type: 'DOMAIN', mask: 'suedwind.example', rights: 'BD' }, { type: 'USER', mask: `sip:${boris}`, rights: 'PA' }, { type: 'USER', mask: `sip:${dan}`, rights: 'DA' }]
  t.strictSame([put.status, put.json()], [200, { deltaNum: 2, entries, pending: [{ uri: `sip:${boris}`, displayName: 'boris' }] }])
  t.strictSame(own.learns(), [['acl 2', 'ALL AA', 'DOMAIN suedwind.example BD', `USER sip:${boris} PA`, `USER sip:${dan} DA`], [`sip:${boris} "boris" waits`]])
  t.strictSame(watcher.hears().map(({ header, body }) => [header('subscription-state'), body]), [['pending;expires=3600', '']])
  t.strictSame((await call('GET', `/users/${anna}/containers/32000`)).json(), { id: 32000, version: 1, members: [{ type: 'domain', value: 'suedwind.example' }, { type: 'user', value: dan }] })
  for (const [subscriber, expected, status] of [
    [boris, { decides: 'P', entry: entries[2], why: /pending/ }, 200], [clara, { decides: 'B', entry: entries[1], why: /offline/ }, 200], [dan, { decides: 'D', entry: entries[3], why: /403/ }, 403],
  ] as const) {
    t.match((await call('GET', `/explain?publisher=${anna}&subscriber=${subscriber}`)).json<{ access: { accessList: object } }>().access.accessList, expected)
    t.equal((await call('GET', `/users/${anna}/view-as?subscriber=${subscriber}&format=msrtc`)).status, status)
  }
  t.strictSame((await call('GET', `/users/${anna}/view-as?subscriber=${boris}&format=pidf`)).text, '', 'who waits is sent nothing')
  t.strictSame((await call('PUT', path, { entries: [] })).json(), { deltaNum: 3, entries: [{ type: 'ALL', rights: 'AA' }], pending: [] }, 'nothing is said of anybody')
  t.strictSame([own.learns(), watcher.hears().map(({ header }) => header('subscription-state'))], [[['acl 3', 'ALL AA'], ['nobody waits']], ['active;expires=3600']])
  t.notOk((await call('GET', `/explain?publisher=${anna}&subscriber=${dan}`)).json<{ access: object }>().access.hasOwnProperty('accessList'))
  isProblem(t, await call('PUT', path, { deltaNum: 1, entries: [] }), 409, 'an old number', /current 3/)
  const entry = { type: 'USER', mask: boris, rights: 'AA' }
  for (const [body, says] of [
    [{}, /entries/], [{ entries: [{ ...entry, rights: 'AB' }] }, /rights/], [{ entries: [{ ...entry, mask: '' }] }, /entries\/0/], [{ entries: [entry, { ...entry, mask: `sip:${boris}` }] }, /twice/],
    [{ entries: [{ type: 'ALL', mask: 'x', rights: 'AA' }] }, /entries\/0/], [{ entries: [], more: 1 }, /more/],
  ] as const) isProblem(t, await call('PUT', path, body), 400, JSON.stringify(body), says)
  isProblem(t, await call('PUT', path, { entries: Array.from({ length: 6 }, (_, at) => ({ ...entry, mask: `u${at}@nordwind.example` })) }), 413, 'the limit')
  for (const method of ['GET', 'PUT'] as const) isProblem(t, await call(method, `/users/${clara}/access-list`, method === 'PUT' ? { entries: [] } : undefined), 404, method)
  const off = await openAdmin(world, { features: { ...world.engine.features, accessLists: false } })
  isProblem(t, await off('GET', path), 404, 'switched off')
})
