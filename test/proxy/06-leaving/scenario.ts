import { batch, publication, publish, selfSubscribe, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'leaving: de-registration, expiry and lost connections take endpoint and user publications along (3.2.5.5)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const watcher = await stack.client(boris, transport)
    await watcher.register()
    const callId = `watch-${boris}`
    const signIn = async (expires = 3600) => {
      const client = await stack.client(anna, transport)
      await client.register(expires)
      return client
    }
    let desk = await signIn()
    await desk.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    await watcher.request('SUBSCRIBE', { ...batch([anna], ['note']), callId })
    await desk.request('SERVICE', publish(anna, publication('stays', { container: 200 }), publication('with desk', { container: 200, instance: 1, expireType: 'endpoint' }), publication('with anna', { container: 200, instance: 2, expireType: 'user' })))
    t.match((await watcher.notification(callId)).body, /stays.*with desk.*with anna/)
    const mobile = await signIn()
    await desk.register(0)
    const left = await watcher.notification(callId)
    t.match(left.body, /stays.*with anna/)
    t.notMatch(left.body, /with desk/, 'the endpoint took its publication along')
    await mobile.register(0)
    const alone = await watcher.notification(callId)
    t.match(alone.body, /stays/)
    t.notMatch(alone.body, /with anna/, 'the last endpoint took those of the user along')

    desk = await signIn(1)
    await desk.request('SUBSCRIBE', selfSubscribe())
    await desk.request('SERVICE', publish(anna, publication('short', { container: 200, instance: 1, expireType: 'endpoint' })))
    t.match((await watcher.notification(callId)).body, /short/)
    t.notMatch((await watcher.notification(callId, 10_000)).body, /short/, 'the registration ran out')
    t.same(await stack.query(`SELECT 1 FROM dialog WHERE subscriber = '${anna}'`), [], 'its dialogs ended with it')

    await desk.register()
    await desk.request('SERVICE', publish(anna, publication('timed', { container: 200, instance: 3, expireType: 'time', expires: 1 })))
    t.match((await watcher.notification(callId)).body, /timed/)
    t.notMatch((await watcher.notification(callId)).body, /timed/, 'time-bounded (3.2.6.1)')

    if (transport === 'tcp') {
      const lost = await signIn()
      await lost.request('SERVICE', publish(anna, publication('on the line', { container: 200, instance: 4, expireType: 'endpoint' })))
      t.match((await watcher.notification(callId)).body, /on the line/)
      lost.close()
      t.notMatch((await watcher.notification(callId, 10_000)).body, /on the line/, 'the connection was lost')
    }
  },
}
