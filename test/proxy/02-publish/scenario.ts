import { publication, publish } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'publish: create, update, conflict, all or nothing, delete, re-create (3.2.5.1)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = ''] = await newUsers(stack, 'anna')
    const client = await stack.client(anna, transport)
    await client.register()
    const send = (...publications: readonly string[]) => client.request('SERVICE', publish(anna, ...publications))
    const created = await send(publication('one'), publication('one', { container: 300 }))
    t.equal(created.status, 200)
    t.equal(created.header('Content-Type'), 'application/vnd-microsoft-roaming-self+xml')
    t.equal(created.body.match(/version="1"/g)?.length, 2)
    t.match((await send(publication('zwei äöü €', { version: 1 }))).body, /container="200" version="2".*zwei äöü €/s)

    const stale = await send(publication('x', { version: 2 }), publication('x', { container: 300, version: 7 }), publication('x', { container: 400 }))
    t.equal(stale.status, 409)
    t.equal(stale.header('Content-Type'), 'application/msrtc-fault+xml')
    t.match(stale.header('ms-diagnostics'), /^2044;reason="/)
    t.match(stale.body, /<Faultcode>Client\.BadCall\.WrongDelta<\/Faultcode><details><operation index="2" version="7" curVersion="1"><note/)
    t.same(await stack.query(`SELECT container, instance_version FROM category_instance WHERE publisher = '${anna}' AND category = 'note' ORDER BY container`), [{ container: 200, instance_version: 2 }, { container: 300, instance_version: 1 }], 'all or nothing')

    const cleared = await send(publication(null, { version: 2, expires: 0 }))
    t.match(cleared.body, /<category name="note" container="200"\/>/)
    t.match((await send(publication('again'))).body, /container="200" version="1"/, 're-created from 1')

    if (transport === 'tcp') {
      const large = await send(...Array.from({ length: 12 }, (_, at) => publication('x'.repeat(15_000), { container: 400, instance: at })))
      t.equal(large.status, 200)
      t.ok(Buffer.byteLength(large.body) > 180_000, 'large bodies pass both ways')
    }
    // A retransmission that the proxy does not absorb is answered again, not applied again.
    const request = publish(anna, publication('once', { container: 500 }))
    const first = await client.request('SERVICE', { ...request, callId: `same-${anna}`, cseq: 77 })
    const again = await client.request('SERVICE', { ...request, callId: `same-${anna}`, cseq: 77 })
    t.same([first.status, again.status], [200, 200])
    t.equal(again.body, first.body)
  },
}
