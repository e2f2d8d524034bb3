import { batch, publication, publish, publishBody, selfSubscribe, setMembers } from '../../support/messages.ts'
import type { RequestOptions } from '../../support/sip-client.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'bad input: each step refuses with the status that the spec names, and nothing changes (3.2.5.4, 3.3.5.3, 3.4.5.3, 3.5.5.5)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const client = await stack.client(anna, transport)
    await client.register()
    const good = { publish: publish(anna, publication('x')), members: setMembers(200, 0, 'type="everyone"'), self: selfSubscribe(), batch: batch([boris]) }
    const wrongNamespace = (request: RequestOptions): RequestOptions => ({ ...request, body: request.body?.replace(/schemas\.microsoft\.com/g, 'schemas.example.com') ?? '' })
    const doctype = (request: RequestOptions): RequestOptions => ({ ...request, body: `<!DOCTYPE x [<!ENTITY e "e">]>${request.body ?? ''}` })
    const cases: readonly (readonly [name: string, method: string, options: RequestOptions, status: number])[] = [
      ...Object.entries(good).flatMap(([name, request]) => {
        const method = name === 'self' || name === 'batch' ? 'SUBSCRIBE' : 'SERVICE'
        return [
          [`${name}: no body`, method, { ...request, body: '' }, 400], [`${name}: not XML`, method, { ...request, body: '<publish' }, 400],
          [`${name}: wrong namespace`, method, wrongNamespace(request), 400], [`${name}: DOCTYPE`, method, doctype(request), 400],
        ] as const
      }),
      ['publish: From is not To', 'SERVICE', { ...good.publish, to: boris }, 403],
      ['publish: another publisher', 'SERVICE', { ...good.publish, body: publishBody(boris, publication('x')) }, 400],
      ['publish: the same instance twice', 'SERVICE', publish(anna, publication('x'), publication('y')), 400],
      ['publish: time without expires', 'SERVICE', publish(anna, publication('x', { expireType: 'time' })), 400],
      ['publish: unregistered category', 'SERVICE', publish(anna, publication('x', { category: 'madeUp' })), 403],
      ['publish: read-only container', 'SERVICE', publish(anna, publication('x', { category: 'userProperties', container: 1 })), 403],
      ['members: From is not To', 'SERVICE', { ...good.members, to: boris }, 403],
      ['members: container 0', 'SERVICE', setMembers(0, 0, 'type="everyone"'), 400],
      ['members: stale version', 'SERVICE', setMembers(200, 9, 'type="everyone"'), 409],
      ['self: to another user', 'SUBSCRIBE', { ...good.self, to: boris }, 400],
      ['self: to nobody', 'SUBSCRIBE', { ...good.self, to: 'nobody@nordwind.example' }, 404],
      ['self: unknown dialog', 'SUBSCRIBE', { ...good.self, toTag: 'none' }, 481],
      ['batch: From is not To', 'SUBSCRIBE', { ...good.batch, to: boris }, 403],
      ['unknown event', 'SUBSCRIBE', { headers: ['Event: conference'], body: '' }, 489],
      ['unknown content type', 'SERVICE', { headers: ['Content-Type: text/plain'], body: 'x' }, 415],
      ['unknown method', 'FROBNICATE', { body: '' }, 405],
    ]
    for (const [name, method, options, status] of cases) {
      const answer = await client.request(method, options)
      t.equal(answer.status, status, name)
      if (status === 409) t.match(answer.header('ms-diagnostics'), /^2044/, `${name}: diagnostics`)
    }
    const unregistered = await stack.client(boris, transport)
    t.equal((await unregistered.request('SUBSCRIBE', selfSubscribe())).status, 401, 'an endpoint that is not registered')
    t.equal((await unregistered.request('SUBSCRIBE', batch([anna]))).status, 401)
    t.equal((await unregistered.request('SERVICE', publish(boris, publication('x', { expireType: 'endpoint' })))).status, 488)
    if (transport === 'tcp') {
      const large = await stack.client(anna, transport)
      await large.register()
      large.write(large.text('SERVICE', { ...publish(anna, publication('x'.repeat(1_000_000))), callId: 'large', cseq: 99 }))
      const answer = await large.wait('a refusal of 1 MB', (message) => message.status > 0 && message.header('Call-ID') === 'large', 3_000).then(({ status }) => status, () => 'closed')
      t.ok(answer === 513 || answer === 413 || answer === 'closed', `1 MB is refused (${answer})`)
      const nonsense = await stack.client(anna, transport)
      nonsense.write('GARBAGE\r\n\r\n\u0000\u0001')
      t.equal((await client.request('OPTIONS', { contact: null })).status, 200, 'the proxy lives on')
    }
    // What the server itself has published for them is there, and as it was (3.2.6.2).
    t.same(await stack.query(`SELECT 1 FROM category_instance WHERE publisher IN ('${anna}', '${boris}') AND (instance_version > 1 OR category NOT IN ('contactCard', 'legacyInterop', 'userProperties')) UNION ALL SELECT 1 FROM container WHERE members_version > 0 AND publisher IN ('${anna}', '${boris}') UNION ALL SELECT 1 FROM dialog WHERE subscriber IN ('${anna}', '${boris}')`), [], 'nothing changed')
  },
}
