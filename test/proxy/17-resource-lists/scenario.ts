import { resourceListsBody } from '../../support/bodies.ts'
import { cutParts } from '../../support/heard.ts'
import { machineState, publish } from '../../support/messages.ts'
import { tagOf } from '../../support/sip-client.ts'
import { DOMAIN, newUsers, type Scenario } from '../scenario.ts'

const HEADERS = ['Event: presence', 'Accept: application/pidf+xml, application/rlmi+xml, multipart/related', 'Supported: eventlist', 'Expires: 600']

/** Version, whole or part, and who is seen how: `0 true boris open`. */
const tell = ({ header, body }: { readonly header: (name: string) => string | undefined; readonly body: string }): string => {
  const [meta, ...parts] = cutParts(header('Content-Type') ?? '', body)
  const head = /version="(\d+)" fullState="(\w+)"/.exec(meta?.text ?? '')
  return [head?.[1], head?.[2], ...parts.map(({ text }) => `${/entity="sip:([a-z]+)/.exec(text)?.[1]} ${/<basic>(\w+)</.exec(text)?.[1]}`)].join(' ')
}

export const scenario: Scenario = {
  title: 'resource lists: a phone watches several users in one subscription, by a list of its own and by a stored one (RFC 4662, RFC 5367)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = '', clara = ''] = await newUsers(stack, 'anna', 'boris', 'clara')
    const phone = await stack.client(anna, transport)
    const publisher = await stack.client(boris, transport)
    await phone.register()
    await publisher.register()
    const [callId, storedId, list] = [`list-${anna}`, `stored-${anna}`, `team-${anna}`]

    const own = await phone.request('SUBSCRIBE', { to: `lists@${DOMAIN}`, headers: [...HEADERS, 'Require: recipient-list-subscribe', 'Content-Type: application/resource-lists+xml', 'Content-Disposition: recipient-list'], body: resourceListsBody([boris, clara]), callId })
    t.strictSame([own.status, own.header('Require')], [200, 'eventlist'])
    const first = await phone.notification(callId)
    t.strictSame([first.method, first.header('Require'), tell(first)], ['NOTIFY', 'eventlist', '0 true boris closed clara closed'])
    await publisher.request('SERVICE', publish(boris, ...machineState(3500, 0)))
    t.equal(tell(await phone.notification(callId)), '1 false boris open')

    await stack.admin('PUT', `resource-lists/${list}`, { displayName: 'Team', owner: anna, entries: [{ uri: boris }] })
    t.equal((await publisher.request('SUBSCRIBE', { to: list, headers: HEADERS, callId: `stranger-${anna}` })).status, 403)
    t.strictSame(await phone.request('SUBSCRIBE', { to: list, headers: ['Event: presence', 'Accept: application/pidf+xml'], callId: `plain-${anna}` }).then(({ status, header }) => [status, header('Require')]), [421, 'eventlist'])
    const stored = await phone.request('SUBSCRIBE', { to: list, headers: HEADERS, callId: storedId })
    t.equal(stored.status, 200)
    t.equal(tell(await phone.notification(storedId)), '0 true boris open')
    await stack.admin('PUT', `resource-lists/${list}`, { displayName: 'Team', owner: anna, entries: [{ uri: clara }, { uri: boris }] })
    t.equal(tell(await phone.notification(storedId)), '1 true clara closed boris open')
    await stack.admin('DELETE', `resource-lists/${list}`)
    const last = await phone.notification(storedId)
    t.match(last.header('Subscription-State'), /^terminated;.*reason=noresource/)
    t.equal(tell(last), '2 false')

    t.equal((await phone.request('SUBSCRIBE', { to: `lists@${DOMAIN}`, headers: ['Event: presence', 'Expires: 0'], callId, toTag: tagOf(own.header('To')), cseq: 50 })).status, 200)
    const ended = await phone.notification(callId)
    t.match(ended.header('Subscription-State'), /^terminated/)
    t.equal(tell(ended), '2 true boris open clara closed')
    t.same(phone.unheard(), [])
  },
}
