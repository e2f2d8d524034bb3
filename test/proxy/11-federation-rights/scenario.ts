import { SipClient, tagOf, type Heard } from '../../support/sip-client.ts'
import { publication, publish, refreshOnly, setMembers, single } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

/** What a server of another deployment answers to a relayed SUBSCRIBE, on the way it came. */
const accept = (server: SipClient, request: Heard): void => {
  const same = ['Via', 'Record-Route', 'From', 'Call-ID', 'CSeq'].flatMap((name) => request.all(name).map((value) => `${name}: ${value}`))
  const to = request.header('To') ?? ''
  server.write([`SIP/2.0 200 OK`, ...same, `To: ${to}${to.includes('tag=') ? '' : ';tag=theirs'}`, `Contact: ${server.contact()}`, 'Expires: 600', 'Content-Length: 0', '', ''].join('\r\n'))
}

export const scenario: Scenario = {
  title: 'federation rights: an outside user is refused, granted, revoked; ours are relayed to elsewhere or refused (3.4.5.3)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = ''] = await newUsers(stack, 'anna')
    const name = anna.split('@', 1)[0] ?? ''
    const publisher = await stack.client(anna, transport)
    const partner = await stack.client(`paul-${name}@partner.example`, transport)
    const cloud = await stack.client(`cleo-${name}@cloud.example`, transport)
    await publisher.register()
    await publisher.request('SERVICE', setMembers(100, 0, 'type="everyone"'))
    await publisher.request('SERVICE', publish(anna, publication('hello', { container: 100 })))
    const grant = (rights: object): Promise<unknown> => stack.admin('PUT', `users/${anna}`, { displayName: anna, rights })

    await grant({ incomingFederated: false })
    const refused = await partner.request('SUBSCRIBE', single(anna, ['note']))
    t.equal(refused.status, 403, 'refused')
    t.match(refused.header('ms-diagnostics'), /^2004;reason="Subscriber is not authorized"/)
    t.equal((await cloud.request('SUBSCRIBE', { ...single(anna, ['note']), callId: `w-${cloud.user}` })).status, 200, 'the other network is not concerned')

    await grant({})
    const callId = `w-${partner.user}`
    const subscribed = await partner.request('SUBSCRIBE', { ...single(anna, ['note']), callId })
    t.match([subscribed.status, subscribed.body], [200, />hello</], 'granted')
    await publisher.request('SERVICE', publish(anna, publication('news', { container: 100, version: 1 })))
    for (const client of [partner, cloud]) t.match((await client.notification(`w-${client.user}`)).body, />news</)

    await grant({ incomingFederated: false })
    const ended = await partner.notification(callId)
    t.same([ended.method, ended.header('subscription-state'), ended.header('Expires')], ['BENOTIFY', 'terminated;expires=0;reason=rejected', '0'], 'revoked')
    t.equal((await partner.request('SUBSCRIBE', { ...refreshOnly('presence'), to: anna, callId, toTag: tagOf(subscribed.header('To')) })).status, 481)
    t.equal((await partner.request('SUBSCRIBE', single(anna, ['note']))).status, 403)
    await publisher.request('SERVICE', publish(anna, publication('more', { container: 100, version: 2 })))
    t.match((await cloud.notification(`w-${cloud.user}`)).body, />more</)
    t.same(partner.unheard(), [])
    await grant({})
    t.equal((await partner.request('SUBSCRIBE', { ...single(anna, ['note']), callId: `${callId}-2` })).status, 200, 'granted again')
    // Behind the back of the admin API, as if the SUBSCRIBE had raced with the change.
    await stack.query(`UPDATE presence_user SET incoming_federated = false WHERE user_uri = '${anna}'`)
    t.equal((await partner.notification(`${callId}-2`)).header('subscription-state'), 'terminated;expires=0;reason=rejected', 'the timer finds it')

    // The other way: a server of another deployment, of which the domain table knows nothing.
    const elsewhere = await stack.client('clara@127.0.0.1', 'udp')
    const there = `sip:clara@127.0.0.1:${elsewhere.localPort}`
    const outgoing = { ...single(elsewhere.user, ['note']), uri: there, callId: `out-${anna}` }
    await grant({ outgoingFederated: false })
    const kept = await publisher.request('SUBSCRIBE', outgoing)
    t.equal(kept.status, 403, 'ours may not')
    t.match(kept.header('ms-diagnostics'), /^2004;/)
    t.same(elsewhere.unheard(), [], 'and nothing has left')

    await grant({})
    const answered = publisher.request('SUBSCRIBE', outgoing)
    const relayed = await elsewhere.wait('the SUBSCRIBE', ({ method }) => method === 'SUBSCRIBE')
    t.equal(relayed.start, `SUBSCRIBE ${there} SIP/2.0`)
    t.same([relayed.header('Max-Forwards'), relayed.all('Via').length, relayed.body === outgoing.body], ['69', 2, true], 'relayed as it is')
    accept(elsewhere, relayed)
    const opened = await answered
    t.match([opened.status, opened.header('To')], [200, /;tag=theirs$/], 'the answer comes back')
    t.same(await stack.query(`SELECT 1 FROM dialog WHERE call_id = 'out-${anna}'`), [], 'the dialog is theirs')

    const route = relayed.all('Record-Route').flatMap((value) => value.split(','))
    elsewhere.write([
      `NOTIFY ${publisher.contact().slice(1, -1)} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${elsewhere.localPort};branch=z9hG4bK${name}${transport};rport`, 'Max-Forwards: 70', ...route.map((value) => `Route: ${value.trim()}`), `From: ${opened.header('To')}`, `To: ${relayed.header('From')}`,
      `Call-ID: out-${anna}`, 'CSeq: 1 NOTIFY', 'Event: presence', 'Subscription-State: active;expires=600', `Contact: ${elsewhere.contact()}`, 'Content-Length: 0', '', '',
    ].join('\r\n'))
    t.equal((await publisher.notification(`out-${anna}`)).header('Subscription-State'), 'active;expires=600', 'their NOTIFY finds the client')
    t.equal((await elsewhere.wait('the answer to the NOTIFY', ({ status }) => status >= 200)).status, 200)

    const inDialog = { ...refreshOnly('presence'), to: elsewhere.user, uri: there, callId: `out-${anna}`, toTag: 'theirs' }
    const refresh = { ...inDialog, headers: [...inDialog.headers ?? [], ...[...route].reverse().map((value) => `Route: ${value.trim()}`)] }
    const refreshed = publisher.request('SUBSCRIBE', refresh)
    const again = await elsewhere.wait('the refresh', ({ method }) => method === 'SUBSCRIBE')
    t.same([again.start, again.all('Route')], [`SUBSCRIBE ${there} SIP/2.0`, []], 'a refresh goes the same way')
    accept(elsewhere, again)
    t.equal((await refreshed).status, 200)
    await grant({ outgoingFederated: false })
    t.equal((await publisher.request('SUBSCRIBE', refresh)).status, 403, 'revoked: no more refreshes')
    await grant({})

    const failing = publisher.request('SUBSCRIBE', { ...outgoing, callId: `busy-${anna}` })
    const busy = await elsewhere.wait('the SUBSCRIBE', ({ method }) => method === 'SUBSCRIBE')
    elsewhere.write([`SIP/2.0 486 Busy Here`, ...['Via', 'From', 'Call-ID', 'CSeq', 'To'].flatMap((header) => busy.all(header).map((value) => `${header}: ${value}`)), 'Content-Length: 0', '', ''].join('\r\n'))
    t.equal((await failing).status, 486, 'their refusals come back as well')

    t.equal((await publisher.request('SUBSCRIBE', single('nobody@domain.invalid', ['note']))).status, 504, 'no way to that domain')
    t.equal((await publisher.request('SUBSCRIBE', { ...outgoing, callId: `self-${anna}`, uri: `sip:clara@127.0.0.1:${stack.sipPort}` })).status, 482, 'never to ourselves')
    t.equal((await publisher.request('SUBSCRIBE', single('spam@evil.example', ['note']))).status, 403, 'nor to a blocked domain')

    // A peer that sends back what it gets: the request reaches us a second time, by another way.
    const circle = publisher.request('SUBSCRIBE', { ...outgoing, callId: `circle-${anna}` })
    const sent = await elsewhere.wait('the SUBSCRIBE', ({ method }) => method === 'SUBSCRIBE')
    const back = sent.headers.map(([header, value]) => `${header}: ${value}`)
    elsewhere.write([sent.start, `Via: SIP/2.0/UDP 127.0.0.1:${elsewhere.localPort};branch=z9hG4bKback${name}${transport};rport`, ...back, '', sent.body].join('\r\n'))
    const looped = await elsewhere.wait('the answer to what it sent back', ({ status, header }) => status >= 200 && header('Call-ID') === `circle-${anna}`)
    t.equal(looped.status, 482, 'seen as a circle')
    elsewhere.write([looped.start, ...looped.headers.slice(1).map(([header, value]) => `${header}: ${value}`), '', ''].join('\r\n'))
    t.equal((await circle).status, 482)
    t.same(elsewhere.unheard().map(({ start }) => start), [])
  },
}
