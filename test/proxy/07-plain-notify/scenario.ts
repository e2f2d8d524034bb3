import { tagOf } from '../../support/sip-client.ts'
import { batch, publication, publish, refreshOnly, selfSubscribe, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'without piggyback and BENOTIFY: 200, then NOTIFY; an answer 503 is waited out, 481 ends the dialog (RFC 6665 4.2)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const publisher = await stack.client(anna, transport)
    const watcher = await stack.client(boris, transport)
    for (const client of [publisher, watcher]) await client.register()
    await publisher.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    await publisher.request('SERVICE', publish(anna, publication('hello')))
    const self = await publisher.request('SUBSCRIBE', { ...selfSubscribe(undefined, []), callId: `self-${anna}` })
    t.same([self.status, self.body, self.header('ms-piggyback-cseq')], [200, '', undefined])
    const own = await publisher.notification(`self-${anna}`)
    t.same([own.method, own.header('CSeq')], ['NOTIFY', '1 NOTIFY'])
    t.match(own.body, /hello/)

    const callId = `watch-${boris}`
    const subscribed = await watcher.request('SUBSCRIBE', { ...batch([anna], ['note'], 'subscribe', []), callId })
    const toTag = tagOf(subscribed.header('To'))
    const first = await watcher.notification(callId)
    t.match(first.header('Content-Type'), /^multipart\/related/)
    t.ok(first.header('Contact'), 'a NOTIFY has a Contact')
    await publisher.request('SERVICE', publish(anna, publication('two', { version: 1 })))
    t.same([(await watcher.notification(callId)).header('CSeq')], ['2 NOTIFY'])
    const cancelled = await watcher.request('SUBSCRIBE', { headers: ['Event: presence', 'Expires: 0'], callId, toTag })
    t.equal(cancelled.header('Expires'), '0')
    t.match((await watcher.notification(callId)).header('subscription-state'), /^terminated;.*reason=timeout/, 'the final NOTIFY')

    const again = await watcher.request('SUBSCRIBE', { ...batch([anna], ['note'], 'subscribe', []), callId: `${callId}-2` })
    t.equal(again.status, 200)
    await watcher.notification(`${callId}-2`)
    const until = async (sql: string, done: (rows: number) => boolean): Promise<void> => {
      for (let tries = 0; tries < 100 && !done((await stack.query(sql)).length); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50))
    }
    watcher.notifyStatus = 503
    watcher.notifyHeaders = ['Retry-After: 120 (too much to do);duration=60']
    await publisher.request('SERVICE', publish(anna, publication('three', { version: 2 })))
    await watcher.notification(`${callId}-2`)
    await until(`SELECT 1 FROM deferred WHERE subscriber = '${boris}'`, (rows) => rows > 0)
    t.same(await stack.query(`SELECT reason, due_at - since AS pause FROM deferred WHERE subscriber = '${boris}'`), [{ reason: 'NOTIFY answered 503', pause: 120_000 }], 'the proxy hands its Retry-After on')
    watcher.notifyStatus = 481
    await publisher.request('SERVICE', publish(anna, publication('four', { version: 3 })))
    await watcher.notification(`${callId}-2`)
    await until(`SELECT 1 FROM dialog WHERE subscriber = '${boris}'`, (rows) => rows === 0)
    t.same(await stack.query(`SELECT 1 FROM subscription WHERE subscriber = '${boris}'`), [], 'dialog and edges are gone')
    t.equal((await watcher.request('SUBSCRIBE', { ...refreshOnly('presence'), callId: `${callId}-2`, toTag: tagOf(again.header('To')) })).status, 481)
  },
}
