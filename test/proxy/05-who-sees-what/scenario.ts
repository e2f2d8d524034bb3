import type { Test } from 'tap'
import { batch, publication, publish, selfSubscribe, setMembers, single } from '../../support/messages.ts'
import type { Stack } from '../../support/stack.ts'
import { newUsers, type Scenario, type Transport } from '../scenario.ts'

/** A watcher is put into 32000 and taken out again, by the publisher and then by the operator. */
const blockAndUnblock = async (t: Test, stack: Stack, transport: Transport): Promise<void> => {
  const [hanna = '', ivo = '', jan = ''] = await newUsers(stack, 'hanna', 'ivo', 'jan')
  const [publisher, watcher, other] = [await stack.client(hanna, transport), await stack.client(ivo, transport), await stack.client(jan, transport)]
  for (const client of [publisher, watcher, other]) await client.register()
  await stack.admin('PUT', 'categories/mood', {})
  t.equal((await publisher.request('SERVICE', publish(hanna, publication('house', { container: 200 }), publication('more', { container: 200, instance: 3 }), publication('fine', { container: 200, category: 'mood' }), publication('away', { container: 32000 })))).status, 200)
  t.equal((await publisher.request('SUBSCRIBE', { ...selfSubscribe(['containers']), callId: 'own' })).status, 200)
  const notesIn = (body: string): string => [...body.matchAll(/<category name="(\w+)"(?: instance="(\d+)")?[^>]*?(?:\/>|>.*?>(\w+)<.*?<\/category>)/g)].map(([, name, instance, words]) => `${name} ${instance ?? ''} ${words ?? ''}`.trim()).join()
  const whole = 'note 0 house,note 3 more'
  for (const client of [watcher, other]) {
    const answer = await client.request('SUBSCRIBE', { ...batch([hanna], ['note', 'mood']), callId: `b-${client.user}` })
    t.equal(notesIn(answer.body), `${whole},mood 0 fine`, 'as new users of the same enterprise they see 200')
  }
  const hears = async (): Promise<string> => notesIn((await watcher.notification(`b-${ivo}`)).body)
  t.equal((await publisher.request('SERVICE', setMembers(32000, 0, `type="user" value="${ivo}"`))).status, 200, '3.5.5.2: version 0 is right on a container of the template')
  t.equal(await hears(), 'note 0 away', 'blocked: the view of 32000 at once; what it does not publish has not moved')
  t.match((await publisher.notification('own')).body, `<container id="32000" version="1"><member type="user" value="${ivo}"/></container>`)
  t.equal((await publisher.request('SERVICE', publish(hanna, publication('house', { container: 200, version: 1 }), publication('secret', { container: 200, instance: 4 })))).status, 200)
  t.match((await other.notification(`b-${jan}`)).body, '>secret<', 'his colleague hears the change')
  t.equal((await publisher.request('SERVICE', setMembers(32000, 1, `action="remove" type="user" value="${ivo}"`))).status, 200)
  t.equal(await hears(), `${whole},note 4 secret`, 'taken out: the full set again, and nothing of what came between')
  t.match((await publisher.notification('own')).body, '<container id="32000" version="2"/>', 'an empty container has an empty body')
  await stack.admin('POST', `users/${hanna}/containers`, { containers: [{ id: 32000, version: 2, add: [{ type: 'user', value: `sip:${ivo}` }] }] })
  t.equal(await hears(), 'note 0 away', 'blocked by the operator')
  t.match((await publisher.notification('own')).body, `<container id="32000" version="3"><member type="user" value="${ivo}"/></container>`, 'the publisher learns of it')
  t.equal((await publisher.request('SERVICE', setMembers(32000, 2, 'type="everyone"'))).status, 409, 'and its own next change is held against the operator\'s version')
  await stack.admin('PUT', `users/${hanna}/containers/32000`, { members: [] })
  t.equal(await hears(), `${whole},note 4 secret`, 'and unblocked')
  t.match((await publisher.notification('own')).body, '<container id="32000" version="4"/>')
  for (const client of [watcher, other]) t.same(client.unheard(), [], `${client.user} hears nothing else`)
}

export const scenario: Scenario = {
  title: 'who sees what: user before domain before network before everyone before container 0; watchers move, are blocked and unblocked (3.2.5.3, 3.5.5.4)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const publisher = await stack.client(anna, transport)
    const colleague = await stack.client(boris, transport)
    // Users of other domains do not register here; their network follows from the domain table.
    const partner = await stack.client(`paul-${anna.split('@', 1)[0] ?? ''}@partner.example`, transport)
    const cloud = await stack.client(`cleo-${anna.split('@', 1)[0] ?? ''}@cloud.example`, transport)
    const stranger = await stack.client(`sven-${anna.split('@', 1)[0] ?? ''}@unheard.example`, transport)
    const spammer = await stack.client('spam@evil.example', transport)
    for (const client of [publisher, colleague]) await client.register()
    for (const [container, member] of [[100, 'type="federated"'], [110, 'type="publicCloud"'], [200, 'type="sameEnterprise"'], [300, 'type="domain" value="partner.example"']] as const) {
      t.equal((await publisher.request('SERVICE', setMembers(container, 0, member))).status, 200)
    }
    t.equal((await publisher.request('SERVICE', publish(anna, ...[0, 100, 110, 200, 300, 400].map((container) => publication(`c${container}`, { container }))))).status, 200)
    const sees = async (client: typeof publisher): Promise<string> => {
      const answer = client === colleague ? await client.request('SUBSCRIBE', { ...batch([anna], ['note']), callId: `w-${client.user}` }) : await client.request('SUBSCRIBE', { ...single(anna, ['note']), callId: `w-${client.user}` })
      return `${answer.status} ${/>(c\d+)</.exec(answer.body)?.[1] ?? 'nothing'}`
    }
    t.equal(await sees(colleague), '200 c200', 'same enterprise')
    t.equal(await sees(partner), '200 c300', 'the domain goes before the network')
    t.equal(await sees(cloud), '200 c110', 'public cloud')
    t.equal(await sees(stranger), '200 c100', 'an unknown domain is federated')
    t.equal((await spammer.request('SUBSCRIBE', single(anna, ['note']))).status, 403, 'a blocked domain')

    await publisher.request('SERVICE', setMembers(400, 0, `type="user" value="${boris}"`))
    t.match((await colleague.notification(`w-${boris}`)).body, />c400</, 'named: the watcher moves')
    await publisher.request('SERVICE', setMembers(400, 1, `action="remove" type="user" value="${boris}"`))
    t.match((await colleague.notification(`w-${boris}`)).body, />c200</, 'and back')
    await publisher.request('SERVICE', publish(anna, publication(null, { container: 200, version: 1, expires: 0 })))
    t.match((await colleague.notification(`w-${boris}`)).body, />c0</, 'the last publication of a container removed: the default container')
    await publisher.request('SERVICE', publish(anna, publication(null, { container: 0, version: 1, expires: 0 })))
    t.match((await colleague.notification(`w-${boris}`)).body, /<category name="note"\/>/, 'nothing left: an empty category')
    for (const client of [partner, cloud, stranger]) t.same(client.unheard(), [], `${client.user} saw no change and hears nothing`)

    await t.test('block and unblock', (t) => blockAndUnblock(t, stack, transport))
  },
}
