import t from 'tap'
import { membersBody, notes, removal } from '../support/bodies.ts'
import type { Client } from '../support/client.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, finn } = people

const begin = async (): Promise<Client> => {
  const publisher = world.client(anna)
  await publisher.registers()
  await world.client(boris).registers()
  return publisher
}

/** What someone is shown of Anna's note right now. */
const shown = async (user: string): Promise<string> => {
  const { answer } = await world.client(user, 'poll').subscribesOne(anna, ['note'], { headers: { Expires: '0' } })
  return answer.status === 200 ? answer.says.join() : String(answer.status)
}

const seen = async (): Promise<Record<string, string>> =>
  Object.fromEntries(await Promise.all([boris, clara, dan, finn, 'carl@sub.suedwind.example', 'mia@notsuedwind.example'].map(async (user) => [user.split('@', 1)[0] ?? '', (await shown(user)).replace(/^note(#0 )?|"/g, '').trim()] as const)))

t.test('3.2.5.3, 1.3.1.3.7: who sees what: user, domain, network, everyone, default container', async (t) => {
  const publisher = await begin()
  const nothing = { boris: '(none)', clara: '(none)', dan: '(none)', finn: '(none)', carl: '(none)', mia: '(none)' }
  await publisher.publishes(['user', 'domain', 'sameEnterprise', 'federated', 'publicCloud', 'everyone'].flatMap((text, at) => notes(text, [100 - at])))
  t.strictSame(await seen(), nothing, 'nobody is in any container')
  await publisher.setsMembers([{ id: 95, version: 0, members: ['everyone'] }])
  t.strictSame(await seen(), { boris: 'everyone', clara: 'everyone', dan: 'everyone', finn: 'everyone', carl: 'everyone', mia: 'everyone' })
  await publisher.setsMembers([{ id: 98, version: 0, members: ['sameEnterprise'] }, { id: 97, version: 0, members: ['federated'] }, { id: 96, version: 0, members: ['publicCloud'] }])
  const byNetwork = { boris: 'sameEnterprise', clara: 'federated', dan: 'publicCloud', finn: 'federated', carl: 'federated', mia: 'federated' }
  t.strictSame(await seen(), byNetwork)
  await publisher.publishes(notes('default', [0]))
  t.strictSame(await seen(), byNetwork, 'container 0 comes last')
  await publisher.setsMembers([{ id: 99, version: 0, members: ['domain suedwind.example'] }])
  t.strictSame(await seen(), { ...byNetwork, clara: 'domain', carl: 'domain' }, 'a domain covers its sub-domains and nothing else')
  await publisher.setsMembers([{ id: 100, version: 0, members: ['user clara@suedwind.example'] }])
  t.strictSame(await seen(), { ...byNetwork, clara: 'user', carl: 'domain' })
  t.equal(await shown(eve), '403', 'a blocked domain sees nothing at all')
})

t.test('a rule wins by its order, not by the number of its container', async (t) => {
  const publisher = await begin()
  await publisher.publishes([...notes('person', [10]), ...notes('house', [20]), ...notes('all', [30]), ...notes('default', [0])])
  await publisher.setsMembers([{ id: 30, version: 0, members: ['everyone'] }, { id: 20, version: 0, members: ['domain nordwind.example', 'sameEnterprise'] }, { id: 10, version: 0, members: [`user ${boris}`] }])
  t.equal(await shown(boris), 'note#0 "person"')
  t.equal(await shown('gerd@nordwind.example'), 'note#0 "house"')
  t.equal(await shown(clara), 'note#0 "all"')
})

t.test('inside one rule the highest number wins, and only containers that publish the category count', async (t) => {
  const publisher = await begin()
  await publisher.publishes([...notes('low', [200]), ...notes('high', [300]), { category: 'state', container: 400, data: 'busy' }])
  await publisher.setsMembers([200, 300, 400].map((id) => ({ id, version: 0, members: [`user ${boris}`] })))
  const dialog = await world.client(boris).subscribes([anna], ['note', 'state'])
  t.strictSame(dialog.answer.says, ['note#0 "high"', 'state#0 "busy"'], 'each category is resolved by itself')
})

t.test('3.5.5.4: a membership change moves watchers; those who stay hear nothing', async (t) => {
  const publisher = await begin()
  const [near, far] = [world.client(boris), world.client(clara)]
  await publisher.publishes([...notes('public', [100]), ...notes('private', [400]), { category: 'state', container: 100, data: 'busy' }])
  await publisher.setsMembers([{ id: 100, version: 0, members: ['everyone'] }])
  const own = await publisher.subscribesSelf(['containers'])
  await near.subscribes([anna], ['note', 'state'])
  await far.subscribesOne(anna, ['note', 'state'])
  t.equal((await publisher.setsMembers([{ id: 400, version: 0, members: [`user ${boris}`] }])).status, 200)
  t.strictSame(near.learns(), [['note#0 "private"']], 'only what has moved')
  t.strictSame(far.learns(), [])
  t.strictSame(publisher.learns(), [['container 400 v1: user boris@nordwind.example']])
  await publisher.publishes([...notes('public two', [100], 1)])
  t.strictSame([near.learns(), far.learns()], [[], [['note#0 "public two"']]], 'each hears its own container')
  await publisher.setsMembers([{ id: 400, version: 1, members: [`-user ${boris}`] }])
  t.strictSame([near.learns(), publisher.learns()], [[['note#0 "public two"']], [['container 400 v2:']]])
  await publisher.setsMembers([{ id: 100, version: 1, members: ['!everyone', 'federated'] }])
  t.strictSame([near.learns(), far.learns()], [[['note (none)', 'state (none)']], []], 'blocked looks like unpublished')
  t.equal(own.answer.status, 200)
})

t.test('3.2.5.3: publishing and unpublishing moves watchers between containers', async (t) => {
  const publisher = await begin()
  const watcher = world.client(boris)
  await publisher.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }, { id: 400, version: 0, members: [`user ${boris}`] }])
  await watcher.subscribes([anna], ['note'])
  await publisher.publishes(notes('default', [0]))
  await publisher.publishes(notes('work', [200]))
  await publisher.publishes(notes('friend', [400]))
  await publisher.publishes(notes('work again', [200], 1))
  await publisher.publishes(notes('default again', [0], 1))
  t.strictSame(watcher.learns(), [['note#0 "default"'], ['note#0 "work"'], ['note#0 "friend"']])
  await publisher.publishes([removal('note', 400, 1)])
  await publisher.publishes([removal('note', 200, 2)])
  await publisher.publishes([removal('note', 0, 2)])
  t.strictSame(watcher.learns(), [['note#0 "work again"'], ['note#0 "default again"'], ['note (none)']])
})

t.test('the complete set of instances of a container is told, also when one of several goes', async (t) => {
  const publisher = await begin()
  const watcher = world.client(boris)
  await publisher.publishes([{ category: 'note', container: 0, instance: 7, data: 'seven' }, { category: 'note', container: 0, instance: 2, data: 'two' }])
  await watcher.subscribes([anna], ['note'])
  await publisher.publishes([{ category: 'note', container: 0, instance: 7, version: 1, data: 'seven again' }])
  await publisher.publishes([removal('note', 0, 1, { instance: 2 })])
  t.strictSame(watcher.learns(), [['note#2 "two"', 'note#7 "seven again"'], ['note#7 "seven again"']])
})

t.test('3.5.5.2: several actions and containers in one request; adding twice and removing nothing are fine', async (t) => {
  const publisher = await begin()
  t.equal((await publisher.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise', 'sameEnterprise', '-federated', 'user sip:boris@nordwind.example', '-user boris@nordwind.example', 'domain SUEDWIND.example'] }, { id: 300, version: 0, members: ['!everyone'] }])).status, 200)
  const { answer } = await publisher.subscribesSelf(['containers'])
  t.strictSame(answer.says, ['container 300 v1:', 'container 200 v1: sameEnterprise, domain suedwind.example', 'container 0 v0: everyone'])
  t.equal((await publisher.setsMembers([], { body: membersBody([{ id: 200, version: 1, members: ['federated'] }]).replace(' action="add"', '') })).status, 200, 'add is the default action')
  t.strictSame(publisher.learns(), [['container 200 v2: sameEnterprise, domain suedwind.example, federated']])
})

t.test('3.5.5.2: the 200 has no body', async (t) => {
  const publisher = await begin()
  const answer = await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])
  t.strictSame([answer.status, answer.body, answer.header('Content-Type')], [200, '', undefined])
})

t.test('3.5.5.5: a wrong version is 409 with every stale container, and nothing is kept', async (t) => {
  const publisher = await begin()
  await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])
  await publisher.subscribesSelf(['containers'])
  const before = await world.dump()
  const refused = await publisher.setsMembers([{ id: 300, version: 0, members: ['everyone'] }, { id: 200, version: 0, members: ['-everyone'] }, { id: 400, version: 3, members: ['federated'] }])
  t.equal(refused.status, 409)
  t.equal(refused.header('Content-Type'), 'application/msrtc-fault+xml')
  t.strictSame(refused.says, ['stale 2: 0, is 1 ""', 'stale 3: 3, is 0 ""'])
  t.strictSame(await world.dump(), before)
  t.strictSame(publisher.hears(), [])
})

t.test('3.5.5.5: refusals, and none of them changes anything', async (t) => {
  const publisher = await begin()
  await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])
  const before = await world.dump()
  const good = { id: 300, version: 0, members: ['federated'] }
  for (const [container, status] of [
    [{ id: 300, version: 0, members: ['everyone'] }, 400], [{ id: 0, version: 0, members: ['everyone'] }, 400], [{ id: 32768, version: 0, members: ['everyone'] }, 400],
    [{ id: '+-1', version: 0, members: ['everyone'] }, 400], [{ id: 400, version: '-1', members: ['everyone'] }, 400], [{ id: 400, version: 0, members: ['nobody'] }, 400],
    [{ id: 400, version: 0, members: ['user'] }, 400], [{ id: 400, version: 0, members: ['user @x'] }, 400], [{ id: 400, version: 0, members: ['domain'] }, 400],
    [{ id: 400, version: 0, members: ['domain -x.example'] }, 400], [{ id: 400, version: 0, members: ['domain a..b'] }, 400], [{ id: 400, version: 0, members: ['everyone all'] }, 400],
    [{ id: 400, version: 0, members: ['federated federated'] }, 400], [{ id: 400, version: 0, members: ['1', '2', '3', '4', '5'].map((n) => `user u${n}@x.example`) }, 413],
  ] as const) t.equal((await publisher.setsMembers([good, container])).status, status, JSON.stringify(container))
  t.equal((await publisher.setsMembers([good], { to: boris })).status, 403)
  t.equal((await publisher.setsMembers([], { body: '' })).status, 400)
  t.equal((await world.client('nobody@nordwind.example').setsMembers([good])).status, 404)
  t.strictSame(await world.dump(), before)
  t.match((await publisher.setsMembers([{ id: 400, version: 0, members: ['1', '2', '3', '4', '5', '6'].map((n) => `user u${n}@x.example`) }])).header('ms-diagnostics'), /^2006;/)
  t.equal((await publisher.setsMembers([{ id: 200, version: 1, members: ['-everyone'] }, { id: 400, version: 0, members: ['1', '2', '3', '4', '5', '6'].map((n) => `user u${n}@x.example`) }])).status, 200, 'the sum counts')
})

t.test('a repeated setContainerMembers is answered again, not carried out again', async (t) => {
  const publisher = await begin()
  const request = { callId: 'same', cseq: 3 }
  t.equal((await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }], request)).status, 200)
  const before = await world.dump()
  t.equal((await publisher.setsMembers([{ id: 200, version: 0, members: ['everyone'] }], request)).status, 200)
  t.strictSame(await world.dump(), before)
})
