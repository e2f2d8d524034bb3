import { batch, publication, publish, selfSubscribe, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'reconnect: a client that vanishes and comes back with the same epid in time loses nothing; one that stays away goes (3.2.5.5)',
  transports: ['tcp'],
  play: async (t, stack) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const watcher = await stack.client(boris, 'tcp')
    await watcher.register()
    const callId = `watch-${boris}`
    const first = await stack.client(anna, 'tcp')
    await first.register()
    await first.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    await watcher.request('SUBSCRIBE', { ...batch([anna], ['note']), callId })
    await first.request('SUBSCRIBE', { ...selfSubscribe(), callId: `self-${anna}` })
    await first.request('SERVICE', publish(anna, publication('bound', { expireType: 'endpoint' }), publication('stays', { instance: 1 })))
    t.match((await watcher.notification(callId)).body, /bound/)
    // Both have heard before the connection goes; otherwise the second one would first hear what the first one missed.
    await first.notification(`self-${anna}`)
    first.close()

    // The proxy tells the loss within about a second; the grace of this stack is two seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_200))
    const second = await stack.client(anna, 'tcp', first.epid)
    t.match((await second.register()).header('presence-state'), /register-action="refreshed"/)
    await new Promise((resolve) => setTimeout(resolve, 3_500))
    t.same(watcher.unheard(), [], 'the watcher heard nothing of it')
    await second.request('SERVICE', publish(anna, publication('news', { instance: 1, version: 1 })))
    t.match((await watcher.notification(callId)).body, /bound.*news/, 'the endpoint publication is still there')
    t.match((await second.notification(`self-${anna}`)).body, /news/, 'the self dialog moved to the new connection')

    second.close()
    const gone = await watcher.notification(callId, 10_000)
    t.notMatch(gone.body, /bound/, 'this time it stays away')
    t.match(gone.body, /news/)
  },
}
