import { tagOf } from '../../support/sip-client.ts'
import { batch, batchBody, publication, publish, refreshOnly, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'category subscription: batch 200 in parts, add, unsubscribe, rejection, notification, refresh, cancel (3.4.5, 4.5)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = '', clara = ''] = await newUsers(stack, 'anna', 'boris', 'clara')
    const publisher = await stack.client(anna, transport)
    const other = await stack.client(clara, transport)
    const watcher = await stack.client(boris, transport)
    for (const client of [publisher, other, watcher]) await client.register()
    await publisher.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    await other.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    await publisher.request('SERVICE', publish(anna, publication('hello')))

    const callId = `batch-${boris}`
    const subscribed = await watcher.request('SUBSCRIBE', { ...batch([anna, 'zora@elsewhere.example']), callId })
    t.equal(subscribed.status, 200)
    t.match(subscribed.header('Content-Type'), /^multipart\/related; type="application\/rlmi\+xml";start=resourceList;boundary=\w+$/)
    const boundary = /boundary=(\w+)/.exec(subscribed.header('Content-Type') ?? '')?.[1] ?? ''
    const parts = subscribed.body.split(`--${boundary}`)
    t.equal(parts.length, 4, 'list, one publisher, end')
    t.match(parts[1], /Content-ID: resourceList\r\nContent-Type: application\/rlmi\+xml\r\n\r\n<list [^>]*fullState="false"><resource uri="sip:zora@elsewhere\.example"><instance id="0" state="resubscribe" cid="zora@elsewhere\.example"\/>/)
    t.match(parts[2], /Content-Type: application\/msrtc-event-categories\+xml\r\n\r\n<categories [^>]*uri="sip:anna\d+@nordwind\.example"><category name="note" instance="0" publishTime="[^"]+">.*hello.*<category name="state"\/><\/categories>\r\n\r\n/s)
    const toTag = tagOf(subscribed.header('To'))

    await publisher.request('SERVICE', publish(anna, publication('news', { version: 1 })))
    const told = await watcher.notification(callId)
    t.same([told.header('CSeq'), told.header('Content-Type'), told.header('Event')], ['2 BENOTIFY', 'application/msrtc-event-categories+xml', 'presence'])
    t.match(told.body, /^<categories [^>]*><category name="note" instance="0" publishTime="[^"]+"><note.*news/)
    t.notMatch(told.body, /container=|version=|expireType=/, 'subscribers do not see the publisher\'s side')

    const added = await watcher.request('SUBSCRIBE', { ...batch([clara]), callId, toTag })
    t.equal(added.header('ms-piggyback-cseq'), '3')
    t.match(added.body, new RegExp(`uri="sip:${clara}"`))
    t.notMatch(added.body, new RegExp(`uri="sip:${anna}"`), 'only what was asked for')
    const removed = await watcher.request('SUBSCRIBE', { ...batch([anna], ['note', 'state'], 'unsubscribe'), callId, toTag })
    t.equal(removed.status, 200)
    t.notMatch(removed.body, /<categories/)
    await publisher.request('SERVICE', publish(anna, publication('unseen', { version: 2 })))
    await other.request('SERVICE', publish(clara, publication('seen')))
    const next = await watcher.notification(callId)
    t.match(next.body, /seen/)
    t.equal(next.header('CSeq'), '5 BENOTIFY', 'nothing was sent about a publisher that is no longer watched')

    const refreshed = await watcher.request('SUBSCRIBE', { ...refreshOnly('presence'), callId, toTag })
    t.match(refreshed.body, /seen/, 'a refresh without body shows all that is watched')
    t.equal((await watcher.request('SUBSCRIBE', { ...batch([anna]), callId, toTag: 'wrong', body: batchBody([anna], ['note'], 'subscribe') })).status, 481)
    t.equal((await watcher.request('SUBSCRIBE', { ...refreshOnly('presence', 0), callId, toTag })).header('Expires'), '0')
    t.same(await stack.query(`SELECT 1 FROM subscription WHERE subscriber = '${boris}'`), [])
  },
}
