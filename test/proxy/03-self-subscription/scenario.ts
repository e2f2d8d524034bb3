import { tagOf } from '../../support/sip-client.ts'
import { publication, publish, refreshOnly, selfSubscribe, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

const EVENT = 'vnd-microsoft-roaming-self'

export const scenario: Scenario = {
  title: 'self subscription: piggybacked 200, BENOTIFY with rising CSeq, refresh, second dialog, cancel (3.3.5, 4.4)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = ''] = await newUsers(stack, 'anna')
    const client = await stack.client(anna, transport)
    await client.register()
    const callId = `self-${anna}`
    const subscribed = await client.request('SUBSCRIBE', { ...selfSubscribe(), callId })
    t.equal(subscribed.status, 200)
    t.match(subscribed.header('subscription-state'), /^active;expires=\d+$/)
    t.equal(subscribed.header('Expires'), subscribed.header('subscription-state')?.replace(/\D+/, ''))
    t.equal(subscribed.header('ms-piggyback-cseq'), '1')
    t.equal(subscribed.header('Supported'), 'ms-benotify, ms-piggyback-first-notify')
    t.match(subscribed.body, /<container id="0" version="0"><member type="everyone"\/><\/container>/)
    const toTag = tagOf(subscribed.header('To'))

    await client.request('SERVICE', publish(anna, publication('hello')))
    const told = await client.notification(callId)
    t.equal(told.method, 'BENOTIFY')
    t.equal(told.header('CSeq'), '2 BENOTIFY')
    t.equal(tagOf(told.header('From')), toTag)
    t.match(told.header('To'), new RegExp(`tag=t${client.epid};epid=${client.epid}$`), 'tag and epid of the SUBSCRIBE')
    t.match(told.header('subscription-state'), /^active;expires=\d+$/)
    t.match(told.body, /<category name="note" instance="0" publishTime="[^"]+" container="200" version="1" expireType="static">/)
    await client.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    const members = await client.notification(callId)
    t.equal(members.header('CSeq'), '3 BENOTIFY')
    t.match(members.body, /<container id="200" version="1"><member type="sameEnterprise"\/><\/container>/)
    t.notMatch(members.body, /<categories/, 'only what changed')

    const refreshed = await client.request('SUBSCRIBE', { ...refreshOnly(EVENT), callId, toTag, body: '' })
    t.equal(refreshed.header('ms-piggyback-cseq'), '4', 'one counter for piggyback and notifications')
    t.match(refreshed.body, /<categories .*hello.*<containers /s, 'a refresh carries all data of the scope')

    const second = await client.request('SUBSCRIBE', { ...selfSubscribe(['containers']), callId: `${callId}-2` })
    t.equal(second.status, 200)
    const ended = await client.notification(callId)
    t.match(ended.header('subscription-state'), /^terminated;expires=0/, 'the older dialog of the endpoint ends')
    t.equal(ended.header('Expires'), '0')
    t.equal((await client.request('SUBSCRIBE', { ...refreshOnly(EVENT), callId, toTag })).status, 481)

    const cancel = await client.request('SUBSCRIBE', { ...refreshOnly(EVENT, 0), callId: `${callId}-2`, toTag: tagOf(second.header('To')) })
    t.same([cancel.status, cancel.header('Expires'), cancel.body], [200, '0', ''])
    t.same(await stack.query(`SELECT 1 FROM dialog WHERE subscriber = '${anna}'`), [])

    const poll = await client.request('SUBSCRIBE', { ...selfSubscribe(), headers: [...selfSubscribe().headers ?? [], 'Expires: 0'] })
    t.equal(poll.header('subscription-state'), 'terminated;expires=0')
    t.match(poll.body, /hello/)
    t.same(await stack.query(`SELECT 1 FROM dialog WHERE subscriber = '${anna}'`), [], 'a poll leaves nothing behind')
  },
}
