import t from 'tap'
import type { UcsMode } from '../../src/core/model/contact-store.ts'
import { MOVE_LEASE_MS } from '../../src/core/contacts/contact-store.ts'
import { permitAll, permitUser, startMove } from '../../src/engine/steer-contact-store.ts'
import { claimMove, countMoves, loadMove } from '../../src/store/contact-store.ts'
import { poolSession } from '../../src/store/session.ts'
import { isProblem, openAdmin, type AdminCall } from '../support/admin.ts'
import { contactFields } from '../support/bodies.ts'
import { PLAIN, type Client, type RequestOptions } from '../support/client.ts'
import { FakeContactStore, movesContacts, REFRESH_MS } from '../support/contact-store.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/** Contact lists that move to a store elsewhere (MS-PRES 3.10, 4.14). */

const world = await openWorld(t)
world.movesContacts = true
world.restart()
const session = poolSession(world.store.pool)
const { anna, boris, clara, gerd } = people
const now = (): number => world.now

const tags = (...more: readonly string[]): RequestOptions => ({ headers: { Supported: ['ms-benotify', 'ms-piggyback-first-notify', ...more].join(', ') } })
const UCS = tags('ms-ucs')
const READY = tags('ms-ucs', 'ms-ucs-ready')

const modeOf = ({ documents }: Heard): string | undefined => documents[0]?.attributes['ucsMode']

/** Begins to move lists into a store that holds the first one back until it is let go. */
const movesSlowly = async (there: FakeContactStore) => {
  let letGo = (): void => undefined
  const held = new Promise<void>((isHeld) => {
    there.beforePut = () => new Promise((resolve) => {
      letGo = resolve
      isHeld()
    })
  })
  const moving = movesContacts(world, there)
  await held
  await world.delivery.idle()
  there.beforePut = async () => undefined
  t.equal(await stateOf(), 'migrating')
  return { moving, letGo: () => letGo() }
}

/** What a client hears: the mode that it is told, and the document. */
const learns = (client: Client): readonly (readonly (string | undefined)[])[] => client.hears().map((heard) => [modeOf(heard), ...heard.says])

const stateOf = async (user: string = anna): Promise<UcsMode> => (await loadMove(session, user)).mode

const adds = (client: Client, user: string, deltaNum: number): Promise<Heard> => client.asksSoap('setContact', contactFields(user, deltaNum))

const openOperator = (there: FakeContactStore): Promise<AdminCall> => openAdmin(world, { contactStore: { contacts: there, refreshMs: REFRESH_MS } })

/** A user with one contact and two endpoints, one of which can read the store elsewhere; lists may move. */
const begin = async () => {
  const there = new FakeContactStore()
  await permitAll(world, true, now())
  const [reader, other] = [world.client(anna, 'reader'), world.client(anna, 'other')]
  for (const client of [reader, other]) await client.registers({ granted: 100_000 })
  await adds(reader, boris, 1)
  const mine = await reader.subscribesContacts(UCS)
  const old = await other.subscribesContacts()
  return { there, reader, other, mine, old }
}

/** The same, and the list has moved. */
const beginMoved = async () => {
  const begun = await begin()
  await begun.reader.subscribesContacts(READY)
  t.strictSame(await movesContacts(world, begun.there), [])
  for (const client of [begun.reader, begun.other]) client.hears()
  return begun
}

t.test('4.14.1: what a SUBSCRIBE is answered: allowed when it asks and may, disabled otherwise', async (t) => {
  for (const [name, byDefault, own, options, mode] of [
    ['nobody has said anything', undefined, undefined, READY, 'disabled'],
    ['allowed for everybody, and asked', true, undefined, READY, 'allowed'],
    ['and not asked', true, undefined, UCS, 'disabled'],
    ['nor by a client that knows nothing of it', true, undefined, {}, 'disabled'],
    ['asked without ms-ucs', true, undefined, tags('ms-ucs-ready'), 'allowed'],
    ['not for this user', true, false, READY, 'disabled'],
    ['for this user alone', false, true, READY, 'allowed'],
    ['for this user, not asked', false, true, UCS, 'disabled'],
    ['as for everybody', false, null, READY, 'disabled'],
  ] as const) {
    await world.reset()
    if (byDefault !== undefined) await permitAll(world, byDefault, now())
    if (own !== undefined) await permitUser(world, anna, own ?? undefined, now())
    const client = world.client(anna)
    await client.registers()
    const { answer } = await client.subscribesContacts(options)
    t.strictSame([answer.status, modeOf(answer), answer.says], [200, mode, ['list 1', 'group 1 "~"']], name)
    t.strictSame(client.hears(), [], `${name}: what is in the answer is not told again`)
    t.equal(await stateOf(), mode, name)
  }
})

t.test('3.10.4: asking is told to the other endpoints, once; refreshes and polls ask too, refused ones do not', async (t) => {
  const { reader, other, mine } = await begin()
  t.equal((await world.client(anna, 'stranger').subscribesContacts(READY)).answer.status, 401)
  t.equal(modeOf((await reader.subscribesContacts({ ...READY, survivable: true })).answer), 'disabled', 'MS-SIPREGE 3.1.1.5.1: nothing is kept')
  t.equal(await stateOf(), 'disabled')
  const before = await world.dump()
  t.equal((await reader.sends('SUBSCRIBE', { toTag: 'of-nobody', headers: { Event: 'vnd-microsoft-roaming-contacts', Accept: 'application/vnd-microsoft-roaming-contacts+xml', ...READY.headers } })).status, 481)
  t.strictSame(await world.dump(), before, 'nor a refresh of a dialog that there is not')
  t.equal(modeOf(await mine.refreshes(READY)), 'allowed')
  const all = [['allowed', 'list 2', 'group 1 "~"', `contact ${boris} "" in 1`]]
  t.strictSame([learns(reader), learns(other)], [all, all])
  t.equal(modeOf((await reader.subscribesContacts({ headers: { ...READY.headers, Expires: '0' } })).answer), 'allowed')
  t.equal(modeOf((await other.subscribesContacts(READY)).answer), 'allowed')
  t.strictSame(learns(reader), [], 'it waits already')
  await adds(reader, clara, 2)
  t.strictSame(learns(reader), [['allowed', '2 to 3', `addedContact sip:${clara} "" in 1`]], 'waiting, it can be changed, and each change names the mode')
  await world.reset()
  await permitAll(world, true, now())
  const poller = world.client(anna)
  t.equal(modeOf((await poller.subscribesContacts({ headers: { ...READY.headers, Expires: '0' } })).answer), 'allowed', 'a poll asks as well')
})

t.test('1.3.5, 4.14.2, 4.14.3: who reads the store itself is ended with the list, the others go on; nothing is lost', async (t) => {
  const { there, reader, other, old } = await begin()
  const mine = await reader.subscribesContacts(READY)
  for (const client of [reader, other]) client.hears()
  const { moving, letGo } = await movesSlowly(there)
  const list = ['list 2', 'group 1 "~"', `contact ${boris} "" in 1`]
  t.strictSame([learns(reader), learns(other)], [[['migrating', ...list]], [['migrating', ...list]]])

  const before = await world.dump()
  for (const [action, fields] of [
    ['setContact', contactFields(clara, 2)], ['deleteContact', { URI: boris, deltaNum: 2 }], ['addGroup', { name: 'Crew', deltaNum: 2 }], ['modifyGroup', { groupID: 1, name: 'x', deltaNum: 2 }], ['deleteGroup', { groupID: 1, deltaNum: 1 }],
  ] as const) {
    const refused = await other.asksSoap(action, fields)
    t.strictSame([refused.status, refused.header('ms-diagnostics')?.slice(0, 5), refused.header('Retry-After')], [480, '4000;', '30'], action)
  }
  isProblem(t, await (await openOperator(there))('PUT', `/users/${anna}/contacts`, { contacts: [] }), 409, 'nor by the operator', /being moved/)
  t.strictSame(await world.dump(), before, 'read-only')
  t.strictSame(modeOf((await other.subscribesContacts({ headers: { Expires: '0' } })).answer), 'migrating', 'it can be read')
  t.strictSame((await old.refreshes()).says, list)

  letGo()
  t.strictSame(await moving, [])
  t.equal(await stateOf(), 'migrated')
  const [ending, ...more] = reader.hears()
  t.strictSame(more, [])
  t.strictSame(['subscription-state', 'Expires', 'ms-diagnostics-public', 'Content-Type', 'Event'].map((name) => ending?.header(name)), [
    'terminated;expires=0', '0', '2186;reason="Contact subscription has been terminated as the user migrated to ucs mode."', 'application/vnd-microsoft-roaming-contacts+xml', 'vnd-microsoft-roaming-contacts',
  ])
  t.strictSame(ending === undefined ? [] : [modeOf(ending), ...ending.says], ['migrated', ...list])
  t.strictSame(learns(other), [['migrated', ...list]])
  t.strictSame(there.lists.get(anna)?.contacts.map(({ user }) => user), [boris])

  const refused = (await reader.subscribesContacts(UCS)).answer
  t.strictSame([refused.status, refused.body], [488, ''])
  t.match(refused.header('ms-diagnostics'), /^2165;reason="Contact subscription is not allowed as the user's contact list has migrated to Exchange\.";source="presentia\.test"/)
  t.equal((await reader.subscribesContacts(READY)).answer.status, 488)
  t.equal((await mine.refreshes(UCS)).status, 481, 'the dialog is over')
  t.equal((await old.refreshes({ ...UCS, cseq: 8 })).status, 488, 'one that goes on, and says that it reads the store after all')
  const answer = await old.refreshes({ cseq: 9 })
  t.strictSame([answer.status, modeOf(answer), answer.says], [200, 'migrated', list])
  t.strictSame(modeOf((await reader.subscribesContacts()).answer), 'migrated', 'a client that does not reach the store')
  t.equal((await adds(other, clara, 2)).status, 403)
  t.equal(await world.count('dialog'), 2)
})

t.test('RFC 6665: a client of plain NOTIFYs is ended in the same way', async (t) => {
  const { there } = await begin()
  const plain = world.client(anna, 'plain')
  await plain.registers()
  await plain.subscribesContacts({ headers: { ...PLAIN, Supported: 'ms-ucs, ms-ucs-ready' } })
  plain.hears()
  await movesContacts(world, there)
  const last = plain.hears().at(-1)
  t.strictSame([last?.method, last === undefined ? '' : modeOf(last), last?.header('subscription-state'), await world.count('dialog')], ['NOTIFY', 'migrated', 'terminated;expires=0', 1])
})

t.test('a store that is away: the list is free again with the reason kept, after a pause it is tried anew', async (t) => {
  const { there, reader, other } = await begin()
  const operator = await openOperator(there)
  await reader.subscribesContacts(READY)
  for (const client of [reader, other]) client.hears()
  there.away = 'no route to the store'
  t.strictSame(await movesContacts(world, there), [{ user: anna, reason: 'no route to the store' }])
  t.match((await operator('GET', `/users/${anna}/contact-store`)).json(), { mode: 'allowed', attempts: 1, reason: 'no route to the store', allowed: null, effectivelyAllowed: true, nextAt: '2026-03-02T08:00:02.000Z' })
  t.strictSame(learns(other).map(([mode]) => mode).at(-1), 'allowed')
  t.equal((await adds(reader, clara, 2)).status, 200, 'it can be changed again')
  t.strictSame(await movesContacts(world, there), [], 'not before its time')
  for (const pause of [2, 4, 8]) {
    world.advance(pause)
    t.equal((await movesContacts(world, there)).length, 1)
  }
  t.strictSame(there.asked, ['put 2', 'put 3', 'put 3', 'put 3'])
  there.away = undefined
  world.advance(16)
  t.strictSame(await movesContacts(world, there), [])
  t.match((await operator('GET', `/users/${anna}/contact-store`)).json(), { mode: 'migrated', attempts: 0 })
  t.equal(there.lists.get(anna)?.deltaNum, 3, 'with what was changed meanwhile')
})

t.test('a run stops after a few failures: a store that is away is not asked for every user', async (t) => {
  const there = new FakeContactStore()
  await permitAll(world, true, now())
  for (const user of ['u1', 'u2', 'u3', 'u4', 'u5'].map((name) => `${name}@nordwind.example`)) {
    await world.adds(user)
    await startMove(world, user, now())
  }
  there.away = 'down'
  t.equal((await movesContacts(world, there)).length, 3)
  t.strictSame(there.asked.length, 3)
  there.away = undefined
  t.strictSame(await movesContacts(world, there), [])
  t.strictSame([...await countMoves(session)].sort(), [['allowed', 3], ['migrated', 2]])
})

t.test('engines that run the timer at the same time share the users', async (t) => {
  const there = new FakeContactStore()
  await permitAll(world, true, now())
  const users = [1, 2, 3, 4, 5, 6].map((at) => `u${at}@nordwind.example`)
  for (const user of users) {
    await world.adds(user)
    await startMove(world, user, now())
  }
  t.strictSame((await Promise.all([1, 2, 3].map(() => movesContacts(world, there)))).flat(), [])
  t.strictSame([there.asked.length, [...there.lists.keys()].sort(), [...await countMoves(session)]], [6, users, [['migrated', 6]]])
})

t.test('an engine that dies anywhere: the next one goes on, nothing is lost and nothing is done twice', async (t) => {
  await t.test('behind its claim', async (t) => {
    const { there, reader } = await begin()
    await reader.subscribesContacts(READY)
    t.equal((await claimMove(session, now(), now() + MOVE_LEASE_MS))?.user, anna)
    t.strictSame([await movesContacts(world, there), await stateOf()], [[], 'allowed'], 'others leave it alone for a while')
    world.advance(MOVE_LEASE_MS / 1000)
    await movesContacts(world, there)
    t.equal(await stateOf(), 'migrated')
  })
  await t.test('while the store takes the list; and it was only slow', async (t) => {
    await world.reset()
    const { there, reader, other } = await begin()
    await reader.subscribesContacts(READY)
    const { moving, letGo } = await movesSlowly(there)
    world.restart()
    t.strictSame([await movesContacts(world, there), await stateOf()], [[], 'migrating'])
    world.advance(MOVE_LEASE_MS / 1000)
    await movesContacts(world, there)
    t.equal(await stateOf(), 'migrated')
    for (const client of [reader, other]) client.hears()
    const held = there.lists.get(anna)
    if (held === undefined) throw new Error('the list is not in the store')
    there.lists.set(anna, { ...held, contacts: [] })
    letGo()
    t.strictSame(await moving, [])
    t.strictSame([await stateOf(), there.lists.get(anna)?.contacts, learns(reader), learns(other)], ['migrated', [], [], []], 'what comes late changes nothing')
  })
  await t.test('behind the last step, before anybody is told', async (t) => {
    await world.reset()
    const { there, reader, other } = await begin()
    await reader.subscribesContacts(READY)
    for (const client of [reader, other]) client.hears()
    await movesContacts(world, there, { wake: () => undefined, endExpired: async () => undefined })
    t.strictSame([await stateOf(), reader.hears(), other.hears()], ['migrated', [], []])
    world.restart()
    world.advance(3)
    await world.timers()
    t.strictSame(learns(reader).map(([mode]) => mode), ['migrated'])
    t.strictSame(learns(other).map(([mode]) => mode), ['migrated'], 'of several modes that were not told the last one is')
  })
})

t.test('3.10.4: writes to a list that has moved: refused, or carried on to the store behind the answer', async (t) => {
  const { other, there } = await beginMoved()
  const refused = await adds(other, clara, 2)
  t.strictSame([refused.status, refused.header('ms-diagnostics')?.slice(0, 5)], [403, '4000;'])
  isProblem(t, await (await openOperator(there))('PUT', `/users/${anna}/contacts`, { contacts: [] }), 409, 'nor by the operator', /kept in another store/)
  there.asked.length = 0

  world.restart({ migratedWrites: 'proxy' })
  t.equal((await adds(other, clara, 2)).status, 200)
  t.equal((await adds(other, gerd, 2)).status, 409, 'under the check of its number')
  t.strictSame(learns(other), [['migrated', '2 to 3', `addedContact sip:${clara} "" in 1`]])
  t.strictSame(there.asked, [], 'no request waits for the store')
  there.away = 'down'
  t.strictSame(await movesContacts(world, there), [{ user: anna, reason: 'down' }])
  t.equal((await other.asksSoap('deleteContact', { URI: boris, deltaNum: 3 })).status, 200)
  t.equal((await loadMove(session, anna)).attempts, 1)
  there.away = undefined
  t.strictSame(await movesContacts(world, there), [])
  t.strictSame(there.asked, ['apply 3', 'apply 3 4', 'read'], 'all of them, in order')
  t.strictSame([there.lists.get(anna)?.contacts.map(({ user }) => user), there.lists.get(anna)?.deltaNum, await world.count('contact_store_change'), (await loadMove(session, anna)).reason], [[clara], 4, 0, undefined])
  world.restart({ migratedWrites: 'proxy' })
  t.equal((await (await openOperator(there))('PUT', `/users/${anna}/contacts`, { contacts: [{ uri: gerd }] })).status, 200)
  await movesContacts(world, there)
  t.strictSame(there.lists.get(anna)?.contacts.map(({ user }) => user), [gerd])
})

t.test('3.10.4: what others change in the store is told here as changes, while somebody watches', async (t) => {
  const { other, old, there } = await beginMoved()
  there.asked.length = 0
  const change = (groups: readonly string[], contacts: readonly string[]): void => {
    const held = there.lists.get(anna)
    if (held === undefined) throw new Error('the list is not in the store')
    there.lists.set(anna, {
      ...held, groups: [{ id: 1, name: '~', externalUri: '' }, ...groups.map((name, at) => ({ id: at + 2, name, externalUri: '' }))],
      contacts: contacts.map((user) => ({ user, displayName: '', groups: [1], subscribed: true, externalUri: '', extension: '' })),
    })
  }
  change(['Crew'], [boris, clara, gerd, 'more@nordwind.example'])
  t.strictSame([await movesContacts(world, there), there.asked], [[], []], 'not before its time')
  world.advance(REFRESH_MS / 1000)
  await movesContacts(world, there)
  t.strictSame(learns(other).map(([mode, numbers, what]) => [mode, numbers, what?.split(' ', 2).join(' ')]), [
    ['migrated', '2 to 3', 'addedGroup 2'], ['migrated', '3 to 4', `addedContact sip:${clara}`], ['migrated', '4 to 5', `addedContact sip:${gerd}`], ['migrated', '5 to 6', 'addedContact sip:more@nordwind.example'],
  ], 'even more than a user may have here')
  change([], [boris])
  t.strictSame((await old.refreshes()).says.length, 7, 'answered from the copy')
  await movesContacts(world, there)
  t.strictSame((await old.refreshes({ cseq: 4 })).says, ['list 10', 'group 1 "~"', `contact ${boris} "" in 1`], 'which is looked at behind the answer')
  other.hears()

  there.lists.set(anna, { epoch: there.lists.get(anna)?.epoch ?? 0, deltaNum: 2, groups: [{ id: 1, name: '', externalUri: '' }], contacts: [] })
  world.advance(REFRESH_MS / 1000)
  t.match(await movesContacts(world, there), [{ user: anna, reason: /no contact list: contactNotValid/ }])
  there.lists.clear()
  world.advance(10)
  t.match(await movesContacts(world, there), [{ user: anna, reason: /has no list of this user/ }])
  t.match(await loadMove(session, anna), { mode: 'migrated', attempts: 2 })
  t.strictSame(learns(other), [], 'the copy stays as it was')

  await old.cancels()
  there.asked.length = 0
  world.advance(100)
  t.strictSame(await movesContacts(world, there), [])
  t.strictSame([there.asked, (await loadMove(session, anna)).dueAt], [[], undefined], 'of whom nobody watches nothing is asked')
})

t.test('a change made here while the store is read: what was read is too old, and read again', async (t) => {
  const { other, there } = await beginMoved()
  world.restart({ migratedWrites: 'proxy' })
  world.advance(REFRESH_MS / 1000)
  const { readList } = FakeContactStore.prototype
  let once = true
  there.readList = async (user) => {
    const read = await readList.call(there, user)
    if (once) await adds(other, clara, 2)
    once = false
    return read
  }
  await movesContacts(world, there)
  t.strictSame(there.lists.get(anna)?.contacts.map(({ user }) => user), [boris, clara])
  t.strictSame(learns(other), [['migrated', '2 to 3', `addedContact sip:${clara} "" in 1`]], 'it is not undone')
})

t.test('operator: by user, by everybody, by mode; what may not be', async (t) => {
  const { there, reader, other } = await begin()
  const operator = await openOperator(there)
  const path = `/users/${anna}/contact-store`
  t.match((await operator('GET', path)).json(), { uri: `sip:${anna}`, mode: 'disabled', allowed: null, effectivelyAllowed: true, attempts: 0 })
  isProblem(t, await operator('GET', '/users/nobody@nordwind.example/contact-store'), 404, 'nobody')
  isProblem(t, await operator('PUT', path, { allowed: 'yes' }), 400, 'no such word')
  isProblem(t, await operator('POST', `${path}/rollback`, { from: 'store' }), 409, 'it is here', /the list is disabled/)
  isProblem(t, await operator('POST', `${path}/rollback`, {}), 400, 'from where?')
  await operator('PUT', path, { allowed: false })
  isProblem(t, await operator('POST', `${path}/start`), 409, 'may not', /may not move/)
  t.match((await operator('PUT', path, { allowed: true })).json(), { mode: 'disabled', allowed: true })
  t.match((await operator('POST', `${path}/start`)).json(), { mode: 'allowed' })
  t.strictSame([learns(reader).map(([mode]) => mode), learns(other).map(([mode]) => mode)], [['allowed'], ['allowed']], 'told without a client that asks')
  t.match((await operator('PUT', path, { allowed: false })).json(), { mode: 'disabled', reason: /does not let it move/ })
  t.strictSame(learns(other).map(([mode]) => mode), ['disabled'])
  await operator('PUT', path, { allowed: true })
  await operator('POST', `${path}/start`)
  there.away = 'down'
  await movesContacts(world, there)
  there.away = undefined
  t.strictSame((await operator('POST', `${path}/start`)).json<{ nextAt: string }>().nextAt, new Date(now()).toISOString(), 'what waits for another attempt is tried at once')
  await movesContacts(world, there)
  isProblem(t, await operator('POST', `${path}/start`), 409, 'it has moved', /the list is migrated/)

  await operator('POST', `/users/${boris}/contact-store/start`)
  const users = async (query: string): Promise<unknown> => (await operator('GET', `/contact-store/users${query}`)).json<{ items: readonly { uri: string; mode: string }[] }>().items.map(({ uri, mode }) => `${uri} ${mode}`)
  t.strictSame([await users(''), await users('?mode=migrated'), await users('?mode=migrating'), await users('?limit=1')], [[`sip:${anna} migrated`, `sip:${boris} allowed`], [`sip:${anna} migrated`], [], [`sip:${anna} migrated`]])
  const { next } = (await operator('GET', '/contact-store/users?limit=1')).json<{ next: string }>()
  t.strictSame(await users(`?limit=1&cursor=${next}`), [`sip:${boris} allowed`])
  isProblem(t, await operator('GET', '/contact-store/users?mode=x'), 400, 'no such mode')

  t.match((await operator('PUT', '/contact-store', { allowed: false })).json(), { allowed: false, users: { migrated: 1, allowed: 1 } })
  await movesContacts(world, there)
  t.strictSame([await stateOf(boris), await stateOf()], ['disabled', 'migrated'], 'what waits stays here, what has moved has moved')
  isProblem(t, await operator('PUT', '/contact-store', {}), 400, 'says nothing')
})

t.test('operator: withdrawn while it is on its way: it stays here, whatever the store has got', async (t) => {
  const { there, reader, other } = await begin()
  await reader.subscribesContacts(READY)
  const { moving, letGo } = await movesSlowly(there)
  t.match(await permitUser(world, anna, false, now()), { mode: 'disabled' })
  t.equal((await adds(reader, clara, 2)).status, 200)
  letGo()
  t.strictSame([await moving, await stateOf(), there.lists.get(anna)?.deltaNum], [[], 'disabled', 2])
  t.strictSame(learns(other).at(-1)?.[0], 'disabled')
  await permitUser(world, anna, true, now())
  await startMove(world, anna, now())
  await movesContacts(world, there)
  t.strictSame([await stateOf(), there.lists.get(anna)?.deltaNum], ['migrated', 3], 'a later move takes the list as it is by then')
})

t.test('operator: a list is taken back, from the store or as it was known here', async (t) => {
  for (const from of ['store', 'copy'] as const) {
    await world.reset()
    const { there, reader, other } = await beginMoved()
    const path = `/users/${anna}/contact-store`
    world.restart({ migratedWrites: 'proxy' })
    const operator = await openOperator(there)
    t.equal((await adds(other, gerd, 2)).status, 200)
    other.hears()
    const held = there.lists.get(anna)
    if (held === undefined) throw new Error('the list is not in the store')
    there.lists.set(anna, { ...held, contacts: [...held.contacts, { user: clara, displayName: 'C', groups: [1], subscribed: true, externalUri: '', extension: '' }] })
    if (from === 'store') {
      there.away = 'down'
      isProblem(t, await operator('POST', `${path}/rollback`, { from }), 503, 'a store that is away gives nothing back', /down/)
      t.equal(await stateOf(), 'migrated')
      there.away = undefined
    }
    t.match((await operator('POST', `${path}/rollback`, { from })).json(), { mode: 'disabled', allowed: false })
    const list = from === 'store' ? ['list 4', 'group 1 "~"', `contact ${boris} "" in 1`, `contact ${clara} "C" in 1`, `contact ${gerd} "" in 1`] : ['list 3', 'group 1 "~"', `contact ${boris} "" in 1`, `contact ${gerd} "" in 1`]
    list.splice(2, Infinity, ...list.slice(2).sort())
    t.strictSame(learns(other), [['disabled', ...list]], from)
    t.equal(await world.count('contact_store_change'), 0)
    const again = (await reader.subscribesContacts(READY)).answer
    t.strictSame([again.status, modeOf(again), again.says], [200, 'disabled', list], 'it stays here until its operator lets it go')
    t.equal((await reader.asksSoap('deleteContact', { URI: boris })).status, 200)
    await operator('PUT', path, { allowed: true })
    await operator('POST', `${path}/start`)
    await movesContacts(world, there)
    t.strictSame([await stateOf(), there.lists.get(anna)?.contacts.some(({ user }) => user === boris)], ['migrated', false], 'and it can move again')
  }
  await world.reset()
  const { there } = await beginMoved()
  const operator = await openOperator(there)
  const held = there.lists.get(anna)
  if (held === undefined) throw new Error('the list is not in the store')
  there.lists.set(anna, { ...held, contacts: [1, 2, 3, 4].map((at) => ({ user: `u${at}@nordwind.example`, displayName: '', groups: [1], subscribed: true, externalUri: '', extension: '' })) })
  isProblem(t, await operator('POST', `/users/${anna}/contact-store/rollback`, { from: 'store' }), 409, 'more than a user may have here', /at most 3 contacts/)
})

t.test('a user that is deleted and comes back has nothing to do with the list of the one before', async (t) => {
  const { there } = await beginMoved()
  t.equal((await (await openOperator(there))('DELETE', `/users/${anna}`)).status, 204)
  t.strictSame([await world.count('contact_store'), await world.count('contact_store_change')], [0, 0])
  world.advance(5)
  await world.adds(anna)
  const client = world.client(anna)
  await client.registers()
  t.strictSame(modeOf((await client.subscribesContacts(READY)).answer), 'allowed')
  await movesContacts(world, there)
  t.strictSame([await stateOf(), there.lists.get(anna)?.contacts], ['migrated', []])
})

t.test('switched off: as a server that never had it', async (t) => {
  await beginMoved()
  world.restart({ features: { ...world.engine.features, contactStore: false } })
  const off = await openAdmin(world)
  for (const [method, path] of [['GET', '/contact-store'], ['GET', '/contact-store/users'], ['GET', `/users/${anna}/contact-store`], ['POST', `/users/${anna}/contact-store/start`]] as const) isProblem(t, await off(method, path), 404, path)
  const client = world.client(anna)
  await client.registers()
  const { answer } = await client.subscribesContacts(READY)
  t.strictSame([answer.status, answer.says, modeOf(answer)], [200, ['list 2', 'group 1 "~"', `contact ${boris} "" in 1`], undefined])
  t.notMatch(answer.body, /ucsMode/)
  t.equal((await adds(client, clara, 2)).status, 200)
  const heard = client.hears()
  t.strictSame(heard.map(({ says }) => says[0]), ['2 to 3'])
  t.notMatch(heard[0]?.body, /ucsMode/)
})
