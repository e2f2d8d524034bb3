import t from 'tap'
import { contactFields, notes, removal, roamingBody } from '../support/bodies.ts'
import { AUTOEXTEND, PLAIN, type RequestOptions, type Subscription } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

t.test('design 16: a client that runs into the same conflict for ever is stopped, told to pause, and forgiven', async (t) => {
  const client = world.client(anna)
  const other = world.client(anna, 'laptop')
  await client.registers()
  await other.registers()
  await client.publishes(notes('stored', [200]))
  const stubborn = () => client.publishes(notes('again', [200]))
  for (let tries = 1; tries <= 25; tries += 1) t.equal((await stubborn()).status, 409, `conflict ${tries}`)
  const stopped = await stubborn()
  t.equal(stopped.status, 500)
  t.match(stopped.header('Retry-After'), /^\d+$/)
  t.equal(world.engine.conflicts.storms(), 1, 'and counted')
  t.equal((await other.publishes(notes('again', [200]))).status, 409, 'another endpoint has a run of its own')
  t.equal((await client.publishes(notes('elsewhere', [300]))).status, 200, 'other instances are not concerned')
  t.equal((await client.publishes(notes('taken in', [200], 1))).status, 200, 'the current version is always welcome')
  t.equal((await stubborn()).status, 409, 'a success ends the run')
  for (let tries = 2; tries <= 26; tries += 1) await stubborn()
  world.advance(11)
  t.equal((await stubborn()).status, 409, 'ten seconds later the run has ended too')
})

t.test('3.2.5.5: an endpoint that lost its connection is given a while to come back, and then loses nothing', async (t) => {
  await world.reset({ lostConnectionGraceMs: 5_000 })
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers({ granted: 7200 })
  await client.publishes([{ category: 'device', container: 0, expireType: 'endpoint', data: 'pc' }, { category: 'state', container: 0, expireType: 'user', data: 'here' }, ...notes('stays', [0])])
  const self = await client.subscribesSelf()
  await watcher.subscribes([anna], ['device', 'state', 'note'])
  await client.losesBinding({ connectionLost: true })
  world.advance(4)
  await world.timers()
  t.strictSame(watcher.hears(), [], 'nobody hears of a short loss')
  t.equal((await client.registers()).action, 'refreshed')
  world.advance(30)
  await world.timers()
  t.strictSame(watcher.hears(), [])
  t.equal((await self.refreshes()).status, 200, 'its dialogs live on')

  await client.losesBinding({ connectionLost: true })
  world.advance(6)
  await world.timers()
  t.strictSame(watcher.learns(), [['device (none)', 'state (none)']], 'not back in time: endpoint and user publications go')
  t.equal(await world.count('endpoint'), 1)
})

t.test('3.2.5.5: what is told while the connection is lost waits for the endpoint, and reaches it on its new connection', async (t) => {
  await world.reset({ lostConnectionGraceMs: 5_000 })
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await watcher.subscribes([anna], ['note'])
  world.proxies.kam1.gone.add(watcher.flow)
  await watcher.losesBinding({ connectionLost: true })
  await client.publishes(notes('meanwhile', [0]))
  t.strictSame(watcher.hears(), [])
  watcher.flow = 'tcp/new'
  await watcher.registers()
  world.advance(2)
  await world.timers()
  t.match(watcher.learns().join(), /meanwhile/)
})

t.test('3.2.6.1: a time-bounded instance is gone at its second whatever the timer does; re-creation starts at 1', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await client.publishes([{ category: 'note', container: 0, expireType: 'time', expires: 60, data: 'timed' }])
  world.advance(59)
  t.match((await watcher.subscribes([anna], ['note'])).answer.says.join(), /timed/)
  world.advance(1)
  t.strictSame((await watcher.subscribes([anna], ['note'])).answer.says, ['note (none)'], 'no timer has run')
  t.strictSame((await client.publishes(notes('new', [0]))).says, ['note#0 in 0 v1 static "new"'])
  t.equal((await client.publishes([removal('note', 0, 1)])).status, 200)
})

const stateOf = (heard: Heard): string | undefined => heard.header('subscription-state')

/** Boris, signed in for long, with a dialog of each kind; what Anna and he himself do next is told in it. */
const kinds: readonly (readonly [name: string, open: (options: RequestOptions) => Promise<Subscription>, touch: (round: number) => Promise<Heard>])[] = [
  ['self', (options) => world.client(boris).subscribesSelf(['categories'], options), (round) => world.client(boris).publishes(notes(`r${round}`, [200], round))],
  ['batch', (options) => world.client(boris).subscribes([anna], ['note'], options), (round) => world.client(anna).publishes(notes(`r${round}`, [0], round))],
  ['single', (options) => world.client(boris).subscribesOne(anna, ['note'], options), (round) => world.client(anna).publishes(notes(`r${round}`, [0], round))],
  ['contacts', (options) => world.client(boris).subscribesContacts(options), (round) => world.client(boris).asksSoap('setContact', contactFields(anna, round + 1))],
]

t.test('MS-SIP 3.6: autoextend: confirmed, every notification starts the interval anew, and no dialog dies before what it was promised', async (t) => {
  for (const [name, open, touch] of kinds) {
    await world.reset()
    const client = world.client(boris)
    for (const user of [client, world.client(anna)]) await user.registers({ granted: 100_000 })
    const dialog = await open({ headers: { ...AUTOEXTEND, Expires: '100' } })
    t.equal(dialog.answer.header('Supported'), 'ms-benotify, ms-piggyback-first-notify, com.microsoft.autoextend', name)
    t.strictSame([dialog.answer.header('Expires'), stateOf(dialog.answer)], ['100', 'active;expires=100'], name)
    for (const [round, gap] of [99, 99, 1, 60, 99, 45, 99].entries()) {
      world.advance(gap)
      await world.timers()
      t.equal((await touch(round)).status, 200)
      t.strictSame(client.hears().map(stateOf), ['active;expires=100'], `${name}, ${gap} seconds later`)
    }
    world.advance(99)
    await world.timers()
    t.strictSame(client.hears(), [], `${name}: alive as long as promised`)
    t.equal(await world.count('dialog'), 1)
    world.advance(14)
    await world.timers()
    t.strictSame(client.hears().map(stateOf), ['terminated;expires=0;reason=timeout'], `${name}: and not for ever`)
    t.match(await dialog.refreshes(), { status: 481, toTag: dialog.toTag }, 'RFC 3261 8.2.6.2: a refusal keeps the tag, too')
  }
})

t.test('MS-SIP 3.6: without it the time counts down, whatever is told', async (t) => {
  for (const [name, open, touch] of kinds) {
    await world.reset()
    const client = world.client(boris)
    for (const user of [client, world.client(anna)]) await user.registers({ granted: 100_000 })
    const dialog = await open({ headers: { Expires: '100' } })
    t.notMatch(dialog.answer.header('Supported'), /autoextend/, name)
    for (const [round, left] of [70, 40, 10].entries()) {
      world.advance(30)
      await touch(round)
      t.strictSame(client.hears().map(stateOf), [`active;expires=${left}`], name)
    }
    world.advance(10)
    await touch(3)
    await world.timers()
    t.strictSame(client.hears().map(stateOf), ['terminated;expires=0;reason=timeout'], name)
  }
})

t.test('MS-SIP 3.6: a refresh negotiates anew; what it confirms holds, and is kept over a restart', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  const dialog = await client.subscribesSelf(['categories'], { headers: { Expires: '100' } })
  const extended = await dialog.refreshes({ headers: { ...AUTOEXTEND, Expires: '200' } })
  t.strictSame([extended.header('Expires'), stateOf(extended), extended.header('Supported')?.includes('autoextend')], ['200', 'active;expires=200', true])
  world.advance(150)
  world.restart()
  await client.publishes(notes('x', [200]))
  world.advance(150)
  await client.publishes(notes('y', [200], 1))
  t.strictSame(client.hears().map(stateOf), ['active;expires=200', 'active;expires=200'])
  const plain = await dialog.refreshes({ headers: { Expires: '120' } })
  t.notMatch(plain.header('Supported'), /autoextend/)
  world.advance(50)
  await client.publishes(notes('z', [200], 2))
  t.strictSame(client.hears().map(stateOf), ['active;expires=70'])
})

t.test('MS-SIP 3.6: a plain client can have it too: confirmed in the 200, and told in every NOTIFY', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  const { answer } = await client.subscribesSelf(['categories'], { headers: { ...PLAIN, Supported: 'com.microsoft.autoextend', Expires: '100' } })
  t.strictSame([answer.header('Supported'), answer.header('Expires'), client.hears().map(stateOf)], ['com.microsoft.autoextend', '100', ['active;expires=100']])
  world.advance(99)
  await client.publishes(notes('x', [200]))
  world.advance(99)
  await client.publishes(notes('y', [200], 1))
  t.strictSame(client.hears().map(stateOf), ['active;expires=100', 'active;expires=100'])
})

t.test('RFC 6665 4.2.1.1: the server chooses, with a spread, where the client does not', async (t) => {
  const client = world.client(anna)
  await client.registers()
  for (const [fraction, expires] of [[0, '2700'], [0.5, '3150'], [1, '3600']] as const) {
    world.restart({ chance: { ...world.engine.chance, fraction: () => fraction } })
    t.equal((await client.subscribesSelf()).answer.header('Expires'), expires)
    t.equal((await client.subscribes([boris], ['note'])).answer.header('Expires'), expires)
    t.equal((await client.subscribesContacts()).answer.header('Expires'), expires)
  }
})

t.test('MS-SIP 3.4: one counter a dialog for answers and notifications, strictly rising in each', async (t) => {
  const [publisher, client] = [world.client(anna), world.client(boris)]
  for (const user of [publisher, client]) await user.registers()
  const dialogs = [await client.subscribesSelf(), await client.subscribes([anna], ['note']), await client.subscribesContacts(), await client.subscribesOne(anna, ['note'])]
  const numbers = new Map(dialogs.map(({ callId, answer }) => [callId, [Number(answer.header('ms-piggyback-cseq'))]]))
  const take = (): void => { for (const heard of client.hears()) numbers.get(heard.header('Call-ID') ?? '')?.push(Number.parseInt(heard.header('CSeq') ?? '')) }
  for (let round = 0; round < 4; round += 1) {
    await publisher.publishes(notes(`x${round}`, [0], round))
    await client.publishes(notes(`y${round}`, [200], round))
    await client.asksSoap('setContact', contactFields(anna, round + 1))
    take()
    for (const dialog of dialogs) numbers.get(dialog.callId)?.push(Number((await dialog.refreshes()).header('ms-piggyback-cseq')))
  }
  t.strictSame([...numbers.values()], dialogs.map(() => [1, 2, 3, 4, 5, 6, 7, 8, 9]))
})

t.test('RFC 3261 12.1.1, 12.2: routes and target of a dialog, updated on refresh', async (t) => {
  const [publisher, client] = [world.client(anna), world.client(boris)]
  for (const user of [publisher, client]) await user.registers()
  const recorded = { 'Record-Route': '<sip:edge1.example;lr>, <sip:edge2.example;lr;x="a,b">' }
  const dialog = await client.subscribes([anna], ['note'], { headers: recorded })
  const where = async (round: number): Promise<readonly unknown[]> => {
    await publisher.publishes(notes(`x${round}`, [0], round))
    return client.hears().map(({ ruri, headers }) => [ruri, headers.flatMap(([name, value]) => (name === 'Route' ? [value] : []))])
  }
  const routes = ['<sip:edge1.example;lr>', '<sip:edge2.example;lr;x="a,b">']
  t.strictSame(await where(0), [[client.contact.slice(1, -1), routes]])
  await dialog.refreshes({ contact: '<sip:boris@198.51.100.7:5062;transport=tls>', headers: { 'Record-Route': undefined } })
  t.strictSame(await where(1), [['sip:boris@198.51.100.7:5062;transport=tls', routes]], 'a refresh that recorded no route keeps them')
  await dialog.refreshes({ contact: undefined, headers: { 'Record-Route': '<sip:edge3.example;lr>' } })
  t.strictSame(await where(2), [['sip:boris@198.51.100.7:5062;transport=tls', ['<sip:edge3.example;lr>']]])
  await dialog.refreshes({ contact: '<sip:late@192.0.2.1>', cseq: 3, headers: { 'Record-Route': undefined } })
  t.strictSame(await where(3), [['sip:boris@198.51.100.7:5062;transport=tls', ['<sip:edge3.example;lr>']]], 'a repeated request updates nothing')
})

t.test('3.3.5.2, 3.4.5.2: dialogs of every kind follow their endpoint to its new connection, and end with it', async (t) => {
  const [publisher, client, other] = [world.client(anna), world.client(boris), world.client(boris, 'other')]
  for (const user of [publisher, client, other]) await user.registers()
  const open = async (one: typeof client) => [await one.subscribesSelf(['categories']), await one.subscribes([anna], ['note']), await one.subscribesContacts()] as const
  const [self, batch, contacts] = await open(client)
  await open(other)
  const [old, fresh] = [client.flow, 'tcp/kam2/7']
  Object.assign(client, { flow: fresh, proxy: 'kam2' })
  await client.registers()
  await publisher.publishes(notes('x', [0]))
  await client.publishes(notes('y', [200]))
  await other.asksSoap('setContact', contactFields(anna, 1))
  t.strictSame([world.heardOn(old).length, world.proxies.kam2.taken.length, client.hears().map((heard) => heard.header('Call-ID')), other.hears().length], [0, 3, [batch, self, contacts].map(({ callId }) => callId), 3])
  await client.deregisters()
  await publisher.publishes(notes('x', [0], 1))
  await other.publishes(notes('y', [200], 1))
  await other.asksSoap('setContact', contactFields(anna, 2))
  t.strictSame([client.hears(), other.hears().length], [[], 3])
  t.strictSame(await Promise.all(['dialog', 'dialog_resource', 'subscription'].map((table) => world.count(table))), [3, 1, 1])
  for (const dialog of [self, batch, contacts]) t.equal((await dialog.refreshes()).status, 481)
})

t.test('design 15: a restart keeps dialogs of every kind, with scope, numbers, resources and debts', async (t) => {
  const [publisher, client] = [world.client(anna), world.client(boris)]
  for (const user of [publisher, client]) await user.registers({ granted: 100_000 })
  const [self, batch, contacts] = [await client.subscribesSelf(['categories', 'delegates']), await client.subscribes([anna], ['note']), await client.subscribesContacts()]
  await self.refreshes({ body: roamingBody(['delegates', 'subscribers']) })
  world.restart()
  await publisher.publishes(notes('x', [0]))
  await client.publishes(notes('out of scope', [200]))
  await client.setsDelegates(0, { user: anna, action: 'add' })
  await client.asksSoap('setContact', contactFields(anna, 1))
  t.strictSame(client.hears().map(({ header, says }) => [header('CSeq'), says]), [
    ['2 BENOTIFY', ['note#0 "x"']], ['3 BENOTIFY', [`delegates v1: ${anna}`]], ['2 BENOTIFY', ['1 to 2', `addedContact sip:${anna} "" in 1`]],
  ])
  world.proxies.kam1.down = true
  await publisher.publishes([removal('note', 0, 1)])
  await client.setsDelegates(1, { user: anna, action: 'remove' })
  await client.asksSoap('deleteContact', { URI: anna, deltaNum: 2 })
  world.restart()
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  t.strictSame(client.learns().map((says) => says.join(' | ')).sort(), ['list 3 | group 1 "~"', 'note (none)', 'subscribers: 0 | delegates v2: 0'])
  world.restart()
  t.strictSame([(await self.refreshes()).says, (await batch.refreshes()).says, (await contacts.refreshes()).says], [['subscribers: 0', 'delegates v2: 0'], ['note (none)'], ['list 3', 'group 1 "~"']])
})
