import t from 'tap'
import { endpointIdOfEpid } from '../../src/core/sip/endpoint-id.ts'
import { putDomain } from '../../src/store/domains.ts'
import { aggregating } from '../support/aggregation-stage.ts'
import type { Client } from '../support/client.ts'
import { actionBody, asks, CLIENT_NS, getsPresence, getPresenceBody, presentity, setPresenceBody, setsPresence, watches } from '../support/legacy.ts'
import { arrival, DESK, machineState, presence, userState } from '../support/presence.ts'
import { openWorld, people } from '../support/world.ts'

// Clients before enhanced presence publish and ask (MS-SIP 3.2), side by side with watchers of every kind.

const world = await openWorld(t)
const { boris, clara, dan, eve, gerd } = people
const [hanna, ivo, jana] = ['hanna@nordwind.example', 'ivo@nordwind.example', 'jana@nordwind.example']

const here = async (user: string, epid?: string): Promise<Client> => {
  const client = world.client(user, epid)
  await client.registers({ granted: 100_000 })
  return client
}

/** A deployment as it comes, in which Jana uses an old client; more users than usual. */
const begin = async (features: Partial<typeof world.engine.features> = {}): Promise<Client> => {
  const { limits } = world.engine
  await world.reset({ ...aggregating, serverPublications: true, limits: { ...limits, subscribers: { ...limits.subscribers, maxSubscribers: 50 } }, features: { ...world.engine.features, legacyPresence: true, ...features } })
  for (const user of [hanna, ivo, jana]) await world.adds(user)
  return here(jana, 'j1')
}

const OFFLINE = '0, 100: offline 18500'

/** The activity in a PIDF document, in the words of the draft and of RFC 4480, and whether it is open. */
const pidfOf = (body: string): string => [...body.matchAll(/<(?:basic|ep:activity)>([^<]*)<|<rpid:([a-z-]+)\/>/g)].map(([, text, name]) => text ?? name).join(' ')

t.test('a legacy client, and a modern, a PIDF and a legacy watcher side by side', async (t) => {
  const client = await begin()
  const [modern, phone, old] = [await here(boris), await here(gerd), await here(hanna)]
  t.same(presence((await modern.subscribesOne(jana, ['state', 'legacyDevice', 'legacyUserInfo'])).answer), ['state (none)'], 'private categories are passed over')
  await watches(phone, jana, 'application/pidf+xml')
  phone.hears()
  t.same(presentity((await watches(old, jana)).answer), [OFFLINE])
  const all = (): readonly unknown[] => [modern.hears().map(presence), phone.hears().map(({ body }) => pidfOf(body)), old.hears().map(presentity)]

  t.match(await setsPresence(client, { availability: 300, activity: 400, description: 'Active' }), { status: 200, body: '' })
  t.same(all(), [[['state#1: aggregate 3500']], ['open'], [['300 of j1, 400 of j1: online 3500', 'device j1 0s: 300 "online", 400 "Active"']]])
  world.advance(60)
  await setsPresence(client, { availability: 300, activity: 500, description: 'Am Telefon' })
  t.same(all(), [[['state#1: aggregate 6500 on-the-phone']], ['open on-the-phone busy on-the-phone'], [['300 of j1, 500 of j1: on-the-phone 6500', 'device j1 0s: 300 "online", 500 "Am Telefon"']]])
  await setsPresence(client, { availability: 300, activity: 300 })
  t.same(all(), [[['state#1: aggregate 12500 be-right-back since 08:01:00']], ['open away away'], [['300 of j1, 300 of j1: be-right-back 12500', 'device j1 0s: 300 "online", 300']]])
  await setsPresence(client, { availability: 300, activity: 600, note: 'Kundentermin' })
  t.same(all(), [[['state#1: aggregate 6500']], ['open busy busy'], [['300 of j1, 600 of j1: busy 6500', 'device j1 0s: 300 "online", 600 "Kundentermin"']]])

  world.advance(30)
  await setsPresence(client, { availability: 300, activity: 600, note: 'Kundentermin' })
  t.same(all(), [[], [], []], 'nothing has changed but the age')
  const more = `<deviceName xmlns="${CLIENT_NS}" name="PULT"/><r:devicedata xmlns:r="${CLIENT_NS}" namespace="rtcService"><![CDATA[<caps><renders_gif/></caps>]]></r:devicedata>`
  await setsPresence(client, { availability: 300, activity: 600, note: 'Kundentermin', more })
  t.same(all(), [[], [], [['300 of j1, 600 of j1: busy 6500', 'device j1 0s: 300 "online", 600 "Kundentermin" deviceName devicedata']]], 'device data alone is no business of others')
  world.advance(7.9)
  const asked = await getsPresence(old, jana)
  t.same([asked.status, asked.header('Content-Type'), presentity(asked)], [200, 'text/xml+msrtc.pidf', ['300 of j1, 600 of j1: busy 6500', 'device j1 7s: 300 "online", 600 "Kundentermin" deviceName devicedata']])
  t.ok(asked.body.includes(' namespace="rtcService"><![CDATA[<caps><renders_gif/></caps>]]></r:devicedata>'), 'as it was said')

  await setsPresence(client, { availability: 0, activity: 400 })
  t.same(all(), [[['state#1: aggregate 18000 since 08:01:37']], ['closed'], [[OFFLINE]]], 'who hides looks like who is not there')
  await setsPresence(client, { availability: 0, activity: 600 })
  t.same(all(), [[], [], []], 'whatever it does')
  await setsPresence(client, { availability: 300, activity: 400, more: '<m:userInfo>Werk 2<x/></m:userInfo>' })
  t.same(all(), [[['state#1: aggregate 3500']], ['open'], [['300 of j1, 400 of j1: online 3500', 'device j1 0s: 300 "online", 400 userInfo', 'userInfo Werk 2 x']]])
  await client.deregisters()
  t.same(all(), [[['state#0: aggregate 18000 since 08:01:37']], ['closed'], [[OFFLINE, 'userInfo Werk 2 x']]], 'userInfo survives signing out')
  const again = await here(jana, 'j1')
  t.same(all(), [[], [], []])
  await setsPresence(again, { availability: 300, activity: 400, more: '<m:userInfo/>' })
  t.same(all().at(2), [['300 of j1, 400 of j1: online 3500', 'device j1 0s: 300 "online", 400 userInfo']], 'until it is said to be nothing')
})

t.test('two old devices and a modern one: each is shown, the most available one at the top', async (t) => {
  const first = await begin()
  const [second, modern, old, listing] = [await here(jana, 'j2'), await here(jana, 'j3'), await here(hanna), await here(gerd)]
  await watches(old, jana)
  await listing.subscribesList([jana, boris])
  await setsPresence(first, { availability: 300, activity: 100 })
  world.advance(10)
  await setsPresence(second, { availability: 300, activity: 300 })
  for (const watcher of [old, listing]) watcher.hears()
  world.advance(5)
  await modern.publishes(arrival(DESK, jana, 5000))
  t.same(old.hears().map(presentity), [['300 of j2, 100 of j2: idle 15500', 'device j2 5s: 300 "online", 300', 'device j3 0s: 300, 100', 'device j1 15s: 300 "online", 100']], 'idle at the desk is more than back soon')
  await setsPresence(first, { availability: 300, activity: 600 })
  t.same(old.hears().map(presentity), [['300 of j1, 600 of j1: busy 6500', 'device j1 0s: 300 "online", 600', 'device j2 5s: 300 "online", 300', 'device j3 0s: 300, 100']])
  await second.deregisters()
  t.same(old.hears().map(presentity), [['300 of j1, 600 of j1: busy 6500', 'device j1 0s: 300 "online", 600', 'device j3 0s: 300, 100']], 'heard of, though nothing else has changed')
  t.same(listing.hears().map(({ documents }) => presentity({ documents: documents.slice(-1) }).length), [4, 4, 3], 'whoever has her on a list hears the same')
  await first.losesBinding()
  t.same(old.hears().map(presentity), [['300 of j3, 100 of j3: idle 15500', 'device j3 0s: 300, 100']])
  await modern.deregisters()
  t.same(old.hears().map(presentity), [[OFFLINE]])
})

t.test('who says by hand to be away is not given away by a device that is in use', async (t) => {
  const first = await begin()
  const [modern, old] = [await here(jana, 'j2'), await here(hanna)]
  await setsPresence(first, { availability: 300, activity: 400 })
  await modern.publishes(arrival(DESK, jana, 3500))
  await watches(old, jana)
  await modern.publishes(userState(15500))
  t.same(old.hears().map(presentity), [['300, 100: away 15500']])
  await modern.publishes(machineState(DESK, 5000, 1))
  await modern.publishes(machineState(DESK, 3500, 2))
  t.same(old.hears(), [], 'nor by a notification for nothing')
  await modern.publishes(userState(12500, { version: 1 }))
  t.same(old.hears().map(presentity), [['300, 300: be-right-back 12500']])
  await setsPresence(first, { availability: 300, activity: 100 })
  t.same(old.hears().map(presentity), [['300 of j1, 300 of j1: be-right-back 12500', 'device j1 0s: 300 "online", 100']], 'what says no more than the user may be seen')
  await modern.publishes(userState(9500, { version: 2 }))
  t.same(old.hears().map((heard) => presentity(heard).slice(1)), [['device j2 0s: 300, 400', 'device j1 0s: 300 "online", 100']], 'who does not want to be disturbed is there')
})

t.test('who is shown devices and userInfo: containers 200, 300 and 400; who is blocked is refused', async (t) => {
  const client = await begin()
  await client.setsMembers([{ id: 300, version: 0, members: [`user ${gerd}`] }, { id: 400, version: 0, members: [`user ${hanna}`] }, { id: 32000, version: 0, members: [`user ${ivo}`] }])
  const said = ['300 of j1, 500 of j1: on-the-phone 6500', 'device j1 0s: 300 "online", 500 userInfo', 'userInfo x']
  const partner = ['300, 600: busy 6500']
  const expected: readonly (readonly [user: string, shown: readonly string[]])[] = [[boris, said], [gerd, said], [hanna, said], [jana, said], [clara, partner], [ivo, [OFFLINE]], [dan, [OFFLINE]]]
  const watching = new Map<string, Client>()
  for (const [user] of expected) {
    const watcher = user === jana ? client : user === clara || user === dan ? world.client(user) : await here(user)
    await watches(watcher, jana)
    watching.set(user, watcher)
  }
  await setsPresence(client, { availability: 300, activity: 500, more: '<m:userInfo>x</m:userInfo>' })
  for (const [user, shown] of expected) t.same(watching.get(user)?.hears().map(presentity), shown[0] === OFFLINE ? [] : [shown], `${user} is told`)
  await setsPresence(client, { availability: 300, activity: 500, note: 'Lager', more: '<m:userInfo>y</m:userInfo>' })
  for (const [user, shown] of expected) t.same(watching.get(user)?.hears().length, shown.length > 1 ? 1 : 0, `${user} is told of what it sees`)
  for (const [user, shown] of expected) {
    const asked = await getsPresence(watching.get(user) ?? client, jana)
    t.same([user, asked.status, presentity(asked)[0] ?? asked.header('ms-diagnostics')?.slice(0, 4)], user === ivo ? [user, 403, '2004'] : [user, 200, shown[0]])
  }
  const own = await client.subscribesSelf(['categories'])
  t.ok(own.answer.says.some((line) => line.startsWith('legacyDevice#') && line.includes(' in 1 v2 endpoint ')), 'to the own endpoints it is a category like others')
})

t.test('a request that comes again is carried out once; versions count what clients cannot', async (t) => {
  const client = await begin()
  const once = { callId: 'set-1', cseq: 3 }
  const first = await setsPresence(client, { availability: 300, activity: 600 }, once)
  const rows = await world.dump()
  const again = await setsPresence(client, { availability: 300, activity: 600 }, once)
  t.same([again.status, again.toTag, await world.dump()], [200, first.toTag, rows])
  await setsPresence(client, { availability: 300, activity: 400 })
  const hash = endpointIdOfEpid('j1').slice(0, 7)
  const { rows: stored } = await world.store.pool.query<{ line: string }>("SELECT category || ' ' || container || '/' || to_hex(instance) || ' v' || instance_version AS line FROM category_instance WHERE publisher = $1 AND expire_type = 'endpoint' ORDER BY 1", [jana])
  t.same(stored.map(({ line }) => line), [`legacyDevice 1/3${hash} v2`, `state 2/3${hash} v1`, `state 3/3${hash} v1`])
})

t.test('MS-SIP 3.2: a client that promises setPresence and never sends it is simply offline', async (t) => {
  await begin()
  const promising = world.client(ivo)
  await promising.registers({ granted: 100_000, headers: { Supported: 'com.microsoft.msrtc.presence' } })
  const old = await here(hanna)
  t.same(presentity((await watches(old, ivo)).answer), [OFFLINE])
  world.advance(3600)
  await world.timers()
  t.same([old.hears(), presentity(await getsPresence(old, ivo))], [[], [OFFLINE]])
})

t.test('what is refused changes nothing', async (t) => {
  const client = await begin()
  const good = { availability: 300, activity: 400 }
  const stranger = world.client(jana, 'zz')
  await putDomain(world.store.db, 'closed.example', 'enterprise', world.now, { incomingFederated: false, outgoingFederated: true, incomingPublicCloud: true, outgoingPublicCloud: true })
  const closed = 'kim@closed.example'
  await world.adds(closed)
  const cases: readonly (readonly [name: string, status: number, code: string, send: () => ReturnType<typeof asks>])[] = [
    ['setPresence for another', 403, '4000', () => setsPresence(client, good, { to: boris })], ['of another', 403, '4000', () => asks(client, setPresenceBody(boris, good))], ['of nobody', 400, '4001', () => asks(client, setPresenceBody(jana, { ...good, uri: '' }))],
    ['from an endpoint that is not registered', 488, '4000', () => setsPresence(stranger, good)], ['from another domain', 404, '2005', () => setsPresence(world.client(clara), good)], ['from a blocked domain', 403, '2004', () => setsPresence(world.client(eve), good)],
    ['an availability of 1000', 400, '4001', () => setsPresence(client, { ...good, availability: 1000 })], ['userInfo of 1025 characters', 413, '2010', () => setsPresence(client, { ...good, more: `<m:userInfo>${'x'.repeat(1025)}</m:userInfo>` })], ['8 KB of device data', 413, '2010', () => setsPresence(client, { ...good, more: `<d xmlns="urn:d">${'x'.repeat(8192)}</d>` })],
    ['another action', 400, '4000', () => asks(client, actionBody('setpresence', ''))],
    ['getPresence of nobody', 404, '4005', () => getsPresence(client, 'nobody@nordwind.example')], ['of a user elsewhere', 404, '4005', () => getsPresence(client, clara)], ['of one user, sent to another', 403, '4000', () => asks(client, getPresenceBody(boris), { to: hanna })],
    ['of a user who may not be watched from there', 403, '2004', () => getsPresence(world.client(clara), closed)], ['from a blocked domain', 403, '2004', () => getsPresence(world.client(eve), jana)], ['without a presentity', 400, '4001', () => asks(client, actionBody('getPresence', ''), { to: boris })],
  ]
  const before = await world.dump()
  for (const [name, status, code, send] of cases) {
    const heard = await send()
    t.same([heard.status, (heard.header('ms-diagnostics') ?? heard.header('ms-diagnostics-public'))?.slice(0, 4)], [status, code], name)
  }
  t.same(await world.dump(), before)
  t.same([(await getsPresence(client, jana)).status, (await getsPresence(world.client(clara), jana)).status, (await getsPresence(client, closed)).status], [200, 200, 200], 'what is allowed')
  t.same(await world.dump(), before, 'who asks leaves nothing behind')
})

t.test('switched off, both actions are unknown, and documents are those of servers that never had them', async (t) => {
  const client = await begin()
  await setsPresence(client, { availability: 300, activity: 600, more: '<m:userInfo>x</m:userInfo>' })
  world.restart({ ...aggregating, features: { ...world.engine.features, legacyPresence: false } })
  const old = await here(hanna)
  for (const send of [() => setsPresence(client, { availability: 300, activity: 400 }), () => getsPresence(old, jana)]) t.match(await send(), { status: 400, headers: [['ms-diagnostics', /^4000;reason="The SOAP request is none that this server carries out/]] })
  t.same(presentity((await watches(old, jana)).answer), ['300, 600: busy 6500'])
})
