import { batch, publication, publish, setMembers } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'registrar: the proxy restarts while the engine is away; who stays away is cleaned, who comes back loses nothing (3.2.5.5)',
  transports: ['tcp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const [publisher, before] = [await stack.client(anna, transport), await stack.client(boris, transport)]
    // What stands in a Contact must come through as it is.
    const contact = publisher.contact().replace('>', ';note="it\\"s{s.len}$ru,5%25/|";ms-opaque=0a1b2c>')
    await publisher.request('REGISTER', { uri: 'sip:nordwind.example', callId: `reg-"${anna}"`, contact, headers: ['Expires: 3600'] })
    await before.register()
    const callId = `watch-${boris}`
    await publisher.request('SERVICE', setMembers(200, 0, 'type="sameEnterprise"'))
    await before.request('SUBSCRIBE', { ...batch([anna], ['note']), callId })
    await publisher.request('SERVICE', publish(anna, publication('bound', { expireType: 'endpoint' }), publication('stays', { instance: 1 })))
    await before.notification(callId)
    const expiry = async (user: string): Promise<unknown> => (await stack.query(`SELECT expires_at FROM endpoint WHERE user_uri = '${user}'`))[0]?.['expires_at']
    const known = await expiry(anna)
    const compared = async (): Promise<number> => Number(/^presentia_reconciled_timestamp_seconds\{proxy="kam1"\} (\S+)$/m.exec(await stack.metrics())?.[1] ?? 0)
    const latest = await compared()
    for (let tries = 0; tries < 100 && await compared() < latest + 1; tries += 1) await new Promise((resolve) => setTimeout(resolve, 100))
    t.ok(await compared() >= latest + 1, 'compared with the registrar meanwhile')
    t.equal(await expiry(anna), known, 'which holds it, whatever its Contact looks like')

    await stack.stopEngine()
    await stack.restartKamailio()
    const after = await stack.client(boris, transport, before.epid)
    t.equal((await after.register()).status, 200)
    await stack.startEngine()
    const heard = await after.notification(callId, 15_000)
    t.notMatch(heard.body, /bound/, 'what hung on the endpoint that stayed away is gone')
    t.match(heard.body, /stays/)
    t.strictSame([(await expiry(anna)), typeof await expiry(boris)], [undefined, 'number'])
    t.equal((await after.request('SERVICE', publish(boris, publication('here', { expireType: 'endpoint' })))).status, 200, 'the other one is as registered as before')
  },
}
