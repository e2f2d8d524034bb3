import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { publishForUser, removeForUser } from '../../src/engine/server-publish.ts'
import { createMemberDomains, type LookUp } from '../../src/engine/member-domains.ts'
import { membersBody, notes, removal, type ContainerText } from '../support/bodies.ts'
import type { Client } from '../support/client.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, gerd } = people

const begin = async (): Promise<Client> => {
  const publisher = world.client(anna)
  for (const user of [anna, boris, gerd]) await world.client(user).registers()
  return publisher
}

const everyone = (id: number | string, version: number | string = 0): ContainerText => ({ id, version, members: ['everyone'] })
const many = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `user u${at}@far.example`)

t.test('3.5.5.5: every refusal with its status and its number; nothing is kept, nobody hears', async (t) => {
  const publisher = await begin()
  await publisher.publishes(notes('x', [200, 300]))
  await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])
  await publisher.subscribesSelf(['containers'])
  const watcher = world.client(boris)
  await watcher.subscribes([anna], ['note'])
  const before = await world.dump()
  const good: ContainerText = { id: 300, version: 0, members: [`user ${boris}`] }
  // Each comes behind a container that could be changed: all or nothing.
  const wrongContainers: readonly (readonly [name: string, container: ContainerText, status: number, diagnostics: string])[] = [
    ['3.5.5.2: an older version', everyone(200, 0), 409, '2044'], ['a newer version', everyone(200, 2), 409, '2044'], ['a version of what does not exist', everyone(400, 1), 409, '2044'], ['3.5.5.2: remove is checked too', { id: 200, version: 0, members: ['-everyone'] }, 409, '2044'],
    ['the same container twice', everyone(300), 400, '4000'], ['the same container twice, written differently', everyone('0300'), 400, '4000'], ['1.3.1.3.3: container 0', everyone(0), 400, '4001'], ['6.1: container 32768', everyone(32768), 400, '4001'], ['container -1', everyone(-1), 400, '4001'], ['no number', everyone('x'), 400, '4001'], ['version -1', everyone(400, -1), 400, '4001'], ['version 1.5', everyone(400, '1.5'), 400, '4001'], ['no member', { id: 400, version: 0, members: [] }, 400, '4001'],
    ['type friends', { id: 400, version: 0, members: ['friends'] }, 400, '4001'], ['a user without host', { id: 400, version: 0, members: ['user boris'] }, 400, '4001'], ['a user with another scheme', { id: 400, version: 0, members: ['user tel:+4940'] }, 400, '4001'], ['a user without value', { id: 400, version: 0, members: ['user'] }, 400, '4001'], ['a domain that is none', { id: 400, version: 0, members: ['domain -x.example'] }, 400, '4001'],
    ['a domain with a wildcard', { id: 400, version: 0, members: ['domain *.example'] }, 400, '4001'], ['a domain without value', { id: 400, version: 0, members: ['domain'] }, 400, '4001'], ['a domain that shall go and is none', { id: 400, version: 0, members: ['-domain a..b'] }, 400, '4001'], ['sameEnterprise with a value', { id: 400, version: 0, members: ['sameEnterprise x'] }, 400, '4001'], ['federated with a value', { id: 400, version: 0, members: ['federated x'] }, 400, '4001'], ['publicCloud with a value', { id: 400, version: 0, members: ['publicCloud x'] }, 400, '4001'],
    ['too many members', { id: 400, version: 0, members: many(5) }, 413, '2006'],
  ]
  for (const [name, container, status, diagnostics] of wrongContainers) {
    const answer = await publisher.setsMembers([good, container])
    t.strictSame([answer.status, answer.header('ms-diagnostics')?.slice(0, 4)], [status, diagnostics], name)
  }
  const wrongRequests: readonly (readonly [name: string, options: Parameters<Client['setsMembers']>[1], status: number, diagnostics: string])[] = [
    ['no body', { body: '' }, 400, '4000'], ['no XML', { body: 'x' }, 400, '4001'], ['another document', { body: '<setContainerMembers/>' }, 400, '4001'], ['no container', { body: membersBody([]) }, 400, '4001'], ['action replace', { body: membersBody([good]).replace('"add"', '"replace"') }, 400, '4001'],
    ['To is not From', { to: boris }, 403, '4000'],
  ]
  for (const [name, options, status, diagnostics] of wrongRequests) {
    const answer = await publisher.setsMembers([good], options)
    t.strictSame([answer.status, answer.header('ms-diagnostics')?.slice(0, 4)], [status, diagnostics], name)
  }
  const unknown = await world.client('nobody@nordwind.example').setsMembers([good])
  t.strictSame([unknown.status, unknown.header('ms-diagnostics')?.slice(0, 4)], [404, '2005'], 'nobody of this server')
  t.strictSame(await world.dump(), before)
  t.strictSame([publisher.hears(), watcher.hears()], [[], []])
})

t.test('2.2.2.10.4: the fault of a 409 counts the containers of the request from 1 and tells each stale one', async (t) => {
  const publisher = await begin()
  await publisher.setsMembers([everyone(200), everyone(300)])
  await publisher.setsMembers([everyone(300, 1)])
  const refused = await publisher.setsMembers([everyone(200, 1), everyone(300, 1), everyone(7), everyone(400, 3)])
  t.strictSame([refused.status, refused.header('Content-Type')], [409, 'application/msrtc-fault+xml'])
  const [fault] = refused.documents
  t.match(fault, { name: 'Fault', children: [{ name: 'Faultcode', text: 'Client.BadCall.WrongDelta', children: [] }, { name: 'details' }] })
  t.strictSame(fault?.children[1]?.children.map(({ name, attributes, text, children }) => ({ name, attributes, text, children })), [
    { name: 'operation', attributes: { curVersion: '2', index: '2', version: '1' }, text: '', children: [] }, { name: 'operation', attributes: { curVersion: '0', index: '4', version: '3' }, text: '', children: [] },
  ])
  t.equal((await publisher.setsMembers([everyone(200, 1), everyone(300, 2), everyone(7), everyone(400)])).status, 200, 'with the versions that the fault told it goes through')
})

t.test('3.5.5.2: the limit counts the members of all containers; only a request that adds fails', async (t) => {
  const publisher = await begin()
  t.equal((await publisher.setsMembers([{ id: 200, version: 0, members: many(3) }, { id: 300, version: 0, members: many(3) }])).status, 200, 'as many as may be')
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: ['everyone'] }])).status, 413)
  t.equal((await publisher.setsMembers([{ id: 200, version: 1, members: many(3) }])).status, 200, 'what is there already is not counted twice')
  t.equal((await publisher.setsMembers([{ id: 200, version: 2, members: ['-user u0@far.example', 'everyone'] }])).status, 200, 'what goes makes room')
  world.restart({ limits: { ...world.engine.limits, maxContainerMembers: 2 } })
  t.equal((await publisher.setsMembers([{ id: 200, version: 3, members: ['-everyone'] }])).status, 200, 'a limit that was lowered does not forbid to remove')
  t.equal((await publisher.setsMembers([{ id: 200, version: 4, members: ['-user u1@far.example', 'sameEnterprise'] }])).status, 200, 'nor to exchange')
  t.equal((await publisher.setsMembers([{ id: 200, version: 5, members: ['everyone'] }])).status, 413)
})

t.test('3.5.5.2: adding what is there and removing what is not changes nothing, and still moves the version', async (t) => {
  const publisher = await begin()
  await publisher.publishes(notes('x', [200]))
  await publisher.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }])
  await publisher.subscribesSelf(['containers'])
  const watcher = world.client(boris)
  await watcher.subscribes([anna], ['note'])
  t.equal((await publisher.setsMembers([{ id: 200, version: 1, members: ['sameEnterprise'] }])).status, 200)
  t.equal((await publisher.setsMembers([{ id: 200, version: 2, members: ['-federated', '!everyone', `-user ${clara}`] }])).status, 200)
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: ['-everyone'] }])).status, 200, 'a container is created by its first use, be it to remove')
  t.strictSame(publisher.learns(), [['container 200 v2: sameEnterprise'], ['container 200 v3: sameEnterprise'], ['container 400 v1:']], 'its own endpoints need the version')
  t.equal((await publisher.setsMembers([everyone(200, 1)])).status, 409)
  t.equal((await publisher.setsMembers([everyone(400, 0)])).status, 409, 'version 0 only once')
  t.strictSame(watcher.hears(), [], 'nobody else has anything to hear')
})

t.test('3.5.5.3: each self subscription with the containers in its scope hears the complete new membership, the sender\'s own too', async (t) => {
  const publisher = await begin()
  const [second, without, other] = [world.client(anna, 'second'), world.client(anna, 'without'), world.client(boris)]
  for (const client of [second, without]) await client.registers()
  await publisher.subscribesSelf(['containers'])
  await second.subscribesSelf(['categories', 'containers'])
  await without.subscribesSelf(['categories', 'subscribers', 'delegates'])
  await other.subscribesSelf(['containers'])
  await publisher.setsMembers([{ id: 100, version: 0, members: ['federated', 'publicCloud'] }, { id: 300, version: 0, members: [`user ${boris}`] }])
  for (const client of [publisher, second]) {
    t.strictSame(client.hears().map((heard) => [heard.header('Content-Type'), heard.says]), [['application/vnd-microsoft-roaming-self+xml', [`container 300 v1: user ${boris}`, 'container 100 v1: federated, publicCloud']]], 'one notification, only the containers that were changed')
  }
  await publisher.setsMembers([{ id: 300, version: 1, members: [`user ${clara}`] }, { id: 100, version: 1, members: ['-federated', '-publicCloud'] }])
  for (const client of [publisher, second]) {
    const [change] = client.hears()
    t.strictSame(change?.says, [`container 300 v2: user ${boris}, user ${clara}`, 'container 100 v2:'])
    t.match(change?.body, '<container id="100" version="2"/>', 'an empty container has an empty body')
    t.strictSame(change?.documents[0]?.children.map(({ name }) => name), ['{http://schemas.microsoft.com/2006/09/sip/containers}containers'], 'and nothing but containers is told')
  }
  t.strictSame([without.hears(), other.hears()], [[], []])
})

t.test('3.5.5.4: who moves hears the whole set of what moved, once; who stays hears nothing', async (t) => {
  const publisher = await begin()
  const [mover, stayer, partner, cloud] = [world.client(boris), world.client(gerd), world.client(clara), world.client(dan)]
  await publisher.publishes([
    ...notes('base', [0]), ...notes('house', [200]), { category: 'note', container: 400, instance: 1, data: 'one' }, { category: 'note', container: 400, instance: 2, data: 'two' }, { category: 'device', container: 200, data: 'phone' }, { category: 'state', container: 0, data: 'busy' },
  ])
  await publisher.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }])
  const wanted = ['state', 'note', 'device']
  for (const client of [mover, stayer]) await client.subscribes([anna], wanted)
  const second = await mover.subscribesOne(anna, ['note'], { callId: 'second-dialog' })
  for (const client of [partner, cloud]) await client.subscribesOne(anna, wanted)
  const heardByAll = (): readonly unknown[] => [mover, stayer, partner, cloud].map((client) => client.learns())
  await publisher.setsMembers([{ id: 400, version: 0, members: [`user ${boris}`] }])
  t.strictSame(heardByAll(), [[['note#1 "one"', 'note#2 "two"'], ['note#1 "one"', 'note#2 "two"']], [], [], []], 'both of his dialogs, with all instances; state and device have not moved')
  t.equal((await second.cancels()).status, 200)
  await publisher.setsMembers([{ id: 400, version: 1, members: [`-user ${boris}`] }, { id: 300, version: 0, members: [`user ${boris}`] }, { id: 200, version: 1, members: ['federated'] }])
  t.strictSame(heardByAll(), [[['note#0 "house"']], [], [['note#0 "house"', 'device#0 "phone"']], []], 'several containers in one request: one notification each; 300 publishes nothing')
  await publisher.setsMembers([{ id: 400, version: 2, members: ['domain nordwind.example'] }, { id: 200, version: 2, members: ['-sameEnterprise'] }])
  t.strictSame(heardByAll(), [[['note#1 "one"', 'note#2 "two"', 'device (none)']], [['note#1 "one"', 'note#2 "two"', 'device (none)']], [], []], 'moved into one and out of another')
  await publisher.setsMembers([{ id: 200, version: 3, members: ['everyone'] }, { id: 500, version: 0, members: ['everyone'] }])
  t.strictSame(heardByAll(), [[['device#0 "phone"']], [['device#0 "phone"']], [], [['note#0 "house"', 'device#0 "phone"']]])
})

t.test('3.2.5.3: users are the same by their letters, domains whatever their letters, parameters do not count', async (t) => {
  const publisher = await begin()
  await publisher.publishes([...notes('named', [400]), ...notes('domain', [300]), ...notes('lab', [20]), ...notes('default', [0])])
  await publisher.setsMembers([{ id: 400, version: 0, members: ['user sip:Clara@SuedWind.Example;transport=tls'] }, { id: 300, version: 0, members: ['domain SUEDWIND.example'] }, { id: 20, version: 0, members: ['domain lab.suedwind.example'] }])
  for (const [user, expected] of [['Clara@suedwind.example', 'named'], ['Clara@SUEDWIND.EXAMPLE', 'named'], [clara, 'domain'], ['Clara@x.suedwind.example', 'domain'], ['Clara@lab.suedwind.example', 'lab'], ['c@deep.lab.suedwind.example', 'lab'], ['c@notsuedwind.example', 'default'], ['c@example', 'default']] as const) {
    t.strictSame((await world.client(user).subscribesOne(anna, ['note'], { headers: { Expires: '0' } })).answer.says, [`note#0 "${expected}"`], user)
  }
})

t.test('1.3.1.3.9, 1.3.1.3.10: every event that asks for re-resolution, and who hears what', async (t) => {
  const publisher = await begin()
  const phone = world.client(anna, 'phone')
  await phone.registers()
  const [near, far, indifferent] = [world.client(boris), world.client(clara), world.client(gerd)]
  await publisher.setsMembers([{ id: 400, version: 0, members: [`user ${boris}`] }, { id: 200, version: 0, members: ['everyone'] }])
  await near.subscribes([anna], ['note', 'device'])
  await far.subscribesOne(anna, ['note', 'device'])
  await indifferent.subscribes([anna], ['state'])
  const deps = { ...world.engine }
  const told = async (): Promise<void> => { world.delivery.wake([anna]); await world.delivery.idle() }
  const xml = (text: string): string => `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><text>${text}</text></note>`
  const steps: readonly (readonly [name: string, act: () => Promise<unknown>, near: readonly (readonly string[])[], far: readonly (readonly string[])[]])[] = [
    ['a new category, in the default container', () => publisher.publishes(notes('default', [0])), [['note#0 "default"']], [['note#0 "default"']]],
    ['first publication in a higher container', () => publisher.publishes(notes('all', [200])), [['note#0 "all"']], [['note#0 "all"']]],
    ['first publication in a container of one', () => publisher.publishes(notes('one', [400])), [['note#0 "one"']], []],
    ['a second instance there', () => publisher.publishes([{ category: 'note', container: 400, instance: 5, expireType: 'time', expires: 60, data: 'five' }]), [['note#0 "one"', 'note#5 "five"']], []],
    ['an update where he no longer looks', () => publisher.publishes(notes('all again', [200], 1)), [], [['note#0 "all again"']]],
    ['first publication in a container of nobody', () => publisher.publishes(notes('nobody', [300])), [], []],
    ['the timer deletes a time-bounded one of two', async () => { world.advance(61); await world.timers() }, [['note#0 "one"']], []],
    ['removal of the last of the category', () => publisher.publishes([removal('note', 400, 1)]), [['note#0 "all again"']], []],
    ['the operator publishes for the user', async () => { await publishForUser(deps, anna, [{ category: 'note', container: 400, instance: 0, payload: xml('by operator'), expiresAt: undefined }], 'operator'); await told() }, [['note#0 "by operator"']], []],
    ['the operator publishes the same again', async () => { await publishForUser(deps, anna, [{ category: 'note', container: 400, instance: 0, payload: xml('by operator'), expiresAt: undefined }], 'operator'); await told() }, [], []],
    ['the operator takes it back', async () => { await removeForUser(deps, anna, { category: 'note', container: 400, instance: 0 }, 'operator'); await told() }, [['note#0 "all again"']], []],
    ['an endpoint-bounded and a user-bounded one', () => publisher.publishes([{ category: 'note', container: 400, instance: 1, expireType: 'endpoint', data: 'pc' }, { category: 'device', container: 400, instance: 1, expireType: 'user', data: 'any' }]), [['note#1 "pc"', 'device#1 "any"']], []],
    ['another endpoint leaves', () => phone.deregisters(), [], []],
    ['and comes back', () => phone.registers(), [], []],
    ['the endpoint leaves: what was bound to it goes', () => publisher.deregisters(), [['note#0 "all again"']], []],
    ['the last endpoint leaves: what was bound to the user goes', () => phone.deregisters(), [['device (none)']], []],
    ['signed in again', async () => { await publisher.registers(); await publisher.publishes([{ category: 'note', container: 400, instance: 1, expireType: 'endpoint', data: 'pc' }, { category: 'device', container: 0, instance: 1, expireType: 'user', data: 'any' }]) }, [['note#1 "pc"', 'device#1 "any"']], [['device#1 "any"']]],
    ['the registration runs out without a word', async () => { for (const user of [boris, gerd]) await world.client(user).registers({ granted: 5000 }); world.advance(700); await world.timers() }, [['note#0 "all again"', 'device (none)']], [['device (none)']]],
    ['a membership change', () => publisher.setsMembers([{ id: 300, version: 0, members: ['federated', 'sameEnterprise'] }]), [['note#0 "nobody"']], [['note#0 "nobody"']]],
    ['a membership change of an empty container', () => publisher.setsMembers([{ id: 500, version: 0, members: ['federated', 'sameEnterprise'] }]), [], []],
    ['first publication of another category', () => publisher.publishes([{ category: 'services', container: 500, data: 'im' }]), [], []],
  ]
  for (const [name, act, forNear, forFar] of steps) {
    await act()
    t.strictSame({ near: near.learns(), far: far.learns(), indifferent: indifferent.learns() }, { near: forNear, far: forFar, indifferent: [] }, name)
  }
})

t.test('block and unblock: the publisher\'s view of 32000 at once, and the full set again', async (t) => {
  const publisher = await begin()
  const [watcher, other] = [world.client(boris), world.client(gerd)]
  await publisher.publishes([...notes('for colleagues', [200]), { category: 'note', container: 200, instance: 3, data: 'more' }, { category: 'device', container: 200, data: 'phone' }, { category: 'state', container: 200, data: 'busy' }, { category: 'state', container: 32000, data: 'offline' }])
  await publisher.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }])
  for (const client of [watcher, other]) await client.subscribes([anna], ['state', 'note'])
  await publisher.setsMembers([{ id: 32000, version: 0, members: [`user ${boris}`] }])
  t.strictSame(watcher.learns(), [['state#0 "offline"']], 'the note is not published in 32000: without a value there it stays what his enterprise sees')
  await publisher.publishes([{ category: 'note', container: 32000, data: '' }])
  t.strictSame(watcher.learns(), [['note#0 ""']], 'an empty publication hides it')
  await publisher.publishes([{ category: 'state', container: 200, version: 1, data: 'in a call' }])
  t.strictSame([watcher.learns(), other.learns()], [[], [['state#0 "in a call"']]], 'who is blocked hears no more of it')
  await publisher.setsMembers([{ id: 32000, version: 1, members: [`-user ${boris}`] }])
  t.strictSame([watcher.learns(), other.learns()], [[['state#0 "in a call"', 'note#0 "for colleagues"', 'note#3 "more"']], []])
})

/** A name service that the test speaks for; what it is not told to answer stays open. */
const nameService = (answers: Readonly<Record<string, boolean | Error>>) => {
  const asked: string[] = []
  const open: ((exists: boolean) => void)[] = []
  const lookUp: LookUp = (domain) => {
    asked.push(domain)
    const answer = answers[domain]
    if (answer instanceof Error) return Promise.reject(answer)
    return answer === undefined ? new Promise((resolve) => { open.push(resolve) }) : Promise.resolve(answer)
  }
  return { asked, open, lookUp }
}

const never = (): Promise<void> => new Promise(() => undefined)

t.test('3.5.5.2: where it is set, a domain that certainly does not resolve is 400; nothing else is held against anyone', async (t) => {
  const { asked, lookUp } = nameService({ 'here.example': true, 'missing.example': false, 'broken.example': new Error('SERVFAIL') })
  await world.reset({ memberDomains: createMemberDomains(lookUp, () => world.now, never) })
  const publisher = await begin()
  const before = await world.dump()
  const refused = await publisher.setsMembers([everyone(300), { id: 200, version: 0, members: ['domain here.example', 'domain Missing.example'] }])
  t.equal(refused.status, 400)
  t.match(JSON.stringify(refused.headers), 'missing.example', 'the answer names it')
  t.strictSame(await world.dump(), before, 'all or nothing')
  t.equal((await publisher.setsMembers([{ id: 200, version: 0, members: ['domain here.example', 'domain broken.example', '-domain missing.example', 'user u@missing.example', 'everyone'] }])).status, 200, 'a name service that fails lets pass; what goes and users are not asked for')
  t.strictSame(asked, ['here.example', 'missing.example', 'broken.example'], 'each name once, and remembered')
  await publisher.setsMembers([{ id: 300, version: 0, members: ['domain broken.example', 'domain here.example'] }])
  t.strictSame(asked.slice(3), ['broken.example'], 'a failure is not remembered')
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: ['domain missing.example'] }])).status, 400, 'by memory')
  t.equal(asked.length, 4)
  world.advance(299)
  await publisher.setsMembers([{ id: 400, version: 0, members: ['domain missing.example'] }])
  t.equal(asked.length, 4, 'remembered for five minutes')
  world.advance(2)
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: ['domain missing.example'] }])).status, 400)
  t.strictSame(asked.slice(4), ['missing.example'], 'and then asked again')
})

t.test('3.5.5.2: off by default', async (t) => {
  const publisher = await begin()
  t.equal((await publisher.setsMembers([{ id: 200, version: 0, members: ['domain surely-not-there.invalid'] }])).status, 200)
})

t.test('a slow name service holds a request up for its budget, and nobody else at all', async (t) => {
  const { asked, open, lookUp } = nameService({})
  const budgets: number[] = []
  const ends: (() => void)[] = []
  const later = (ms: number): Promise<void> => new Promise((resolve) => { budgets.push(ms); ends.push(resolve) })
  await world.reset({ memberDomains: createMemberDomains(lookUp, () => world.now, later) })
  const publisher = await begin()
  const waiting = publisher.setsMembers([{ id: 200, version: 0, members: ['domain slow.example', 'domain slower.example'] }])
  // Everyone else is served meanwhile, the same publisher among them: no lock is held and no connection.
  t.equal((await publisher.publishes(notes('x', [0]))).status, 200)
  t.equal((await publisher.setsMembers([everyone(300)])).status, 200)
  t.strictSame([asked, budgets], [['slow.example', 'slower.example'], [250]], 'both at once')
  ends[0]?.()
  t.equal((await waiting).status, 200, 'the budget is over: it passes')
  for (const answer of open) answer(false)
  await sleep(0)
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: ['domain slow.example'] }])).status, 400, 'the late answer counts for the next request')
  t.equal(asked.length, 2)
  const real = createMemberDomains(() => new Promise(() => undefined), () => world.now, sleep)
  const started = performance.now()
  t.equal(await real.findMissing(['a.example', 'b.example']), undefined)
  const took = performance.now() - started
  t.ok(took >= 200 && took < 2_000, `a quarter of a second: ${took} ms`)
  let queries = 0
  const answers: (() => void)[] = []
  const busy = createMemberDomains((domain) => { queries += 1; return new Promise((resolve) => { answers.push(() => { resolve(!domain.startsWith('x')) }) }) }, () => world.now, async () => undefined)
  t.equal(await busy.findMissing(Array.from({ length: 5_000 }, (_, at) => `x${at}.example`)), undefined)
  t.equal(queries, 100, 'a request that names thousands does not flood the name service')
  for (const answer of answers) answer()
  await sleep(1)
  t.equal(await busy.findMissing(['x0.example', 'x1.example']), 'x0.example', 'what it has said since is known')
  void busy.findMissing(['x4000.example'])
  t.equal(queries, 101, 'and there is room again')
  t.equal(await createMemberDomains(() => Promise.reject(new Error('no name service')), () => world.now, never).findMissing(['a.example']), undefined, 'a failing one is not waited for')
  t.equal(await createMemberDomains(async (domain) => domain !== 'b.example', () => world.now, never).findMissing(['a.example', 'b.example', 'b.example']), 'b.example')
  t.equal(await createMemberDomains(() => Promise.reject(new Error('not asked')), () => world.now, () => Promise.reject(new Error('no wait'))).findMissing([]), undefined, 'without domains nothing is asked')
})
