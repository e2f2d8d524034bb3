import { batch, publication, publish, setMembers, single } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'who sees what: user before domain before network before everyone before container 0; watchers move (3.2.5.3, 3.5.5.4)',
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
  },
}
