import { acknowledge, machineState, publish, selfSubscribe } from '../../support/messages.ts'
import { tagOf, type RequestOptions } from '../../support/sip-client.ts'
import { newUsers, type Scenario } from '../scenario.ts'

const PIDF = 'application/pidf+xml'
const MSRTC = 'text/xml+msrtc.pidf'

const watch = (publisher: string, accept: string, ...more: readonly string[]): RequestOptions => ({ to: publisher, headers: ['Event: presence', `Accept: ${accept}`, 'Expires: 600', ...more] })

export const scenario: Scenario = {
  title: 'other formats: phones and older clients see an enhanced-presence user as PIDF and MSRTC documents, and are known to it (3.7)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const client = await stack.client(anna, transport)
    await client.register()
    const self = `self-${anna}`
    const own = await client.request('SUBSCRIBE', { ...selfSubscribe(['subscribers']), callId: self })
    t.equal(own.status, 200)

    // A phone of another deployment: always a NOTIFY, and an offline user until she publishes.
    const phone = await stack.client(`phone-${transport}@suedwind.example`, transport)
    const pidf = await phone.request('SUBSCRIBE', { ...watch(anna, PIDF), callId: `pidf-${anna}` })
    t.equal(pidf.status, 200)
    t.equal(pidf.body, '')
    const first = await phone.notification(`pidf-${anna}`)
    t.equal(first.method, 'NOTIFY')
    t.equal(first.header('Content-Type'), PIDF)
    t.match(first.body, /<basic>closed<\/basic>/)
    t.match((await client.notification(self)).body, new RegExp(`<subscriber user="phone-${transport}@suedwind.example" [^>]*acknowledged="false" type="federated"/>`), '3.7.5.3: she learns of it')
    await client.request('SERVICE', acknowledge(`phone-${transport}@suedwind.example`))
    t.match((await client.notification(self)).body, /acknowledged="true"/, 'it stays on her list')

    // An older client of her own enterprise: the document is in the answer.
    const older = await stack.client(boris, transport)
    await older.register()
    const msrtc = await older.request('SUBSCRIBE', { ...watch(anna, MSRTC, 'Supported: ms-piggyback-first-notify', 'Supported: ms-benotify', 'Proxy-Require: ms-benotify'), callId: `msrtc-${anna}` })
    t.equal(msrtc.header('Content-Type'), MSRTC)
    t.match(msrtc.body, /<availability aggregate="0"/)

    await client.request('SERVICE', publish(anna, ...machineState(3500, 0)))
    t.match((await phone.notification(`pidf-${anna}`)).body, /<basic>open<\/basic>/, 'she is there')
    const told = await older.notification(`msrtc-${anna}`)
    t.equal(told.method, 'BENOTIFY')
    t.match(told.body, /<availability aggregate="300"[^>]*\/><activity aggregate="400"/)
    await client.request('SERVICE', publish(anna, ...machineState(15500, 1)))
    t.match((await phone.notification(`pidf-${anna}`)).body, /away/, 'she is away')
    t.match((await older.notification(`msrtc-${anna}`)).body, /<activity aggregate="100"/)

    // Refresh and end, as for every subscription.
    const dialog = { callId: `pidf-${anna}`, toTag: tagOf(pidf.header('To')) }
    t.equal((await phone.request('SUBSCRIBE', { ...watch(anna, PIDF), ...dialog, cseq: 50 })).status, 200)
    const again = await phone.notification(`pidf-${anna}`)
    t.match(again.body, /away/, 'a refresh shows it again')
    const known = await phone.request('SUBSCRIBE', { to: anna, headers: ['Event: presence', `Accept: ${PIDF}`, `Suppress-If-Match: ${again.header('SIP-ETag') ?? ''}`], ...dialog, cseq: 51 })
    t.same([known.status, tagOf(known.header('To')), known.header('SIP-ETag')], [204, dialog.toTag, again.header('SIP-ETag')], 'RFC 5839: who has it is spared it')
    t.equal((await phone.request('SUBSCRIBE', { to: anna, headers: ['Event: presence', 'Expires: 0'], ...dialog, cseq: 52 })).status, 200)
    const last = await phone.notification(`pidf-${anna}`)
    t.match([last.header('subscription-state'), last.body], ['terminated;reason=timeout', /away/], 'the NOTIFY that was spared has not come')
    t.equal((await phone.request('SUBSCRIBE', { ...watch(anna, 'application/xpidf+xml'), callId: `xpidf-${anna}` })).status, 406)
    await client.register(0)
    t.match((await older.notification(`msrtc-${anna}`)).body, /<availability aggregate="0"/, 'she is gone')

    // Her desk phone publishes by itself, without a registration (RFC 3903).
    const desk = await stack.client(anna, transport)
    const document = `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity=""><tuple id="desk"><status><basic>open</basic></status></tuple></presence>`
    const published = await desk.request('PUBLISH', { headers: ['Event: presence', 'Expires: 600', `Content-Type: ${PIDF}`], body: document })
    t.same([published.status, published.header('Expires')], [200, '600'])
    t.match((await older.notification(`msrtc-${anna}`)).body, /<availability aggregate="300"/, 'her phone is there')
    const refreshed = await desk.request('PUBLISH', { headers: ['Event: presence', `SIP-If-Match: ${published.header('SIP-ETag') ?? ''}`] })
    t.equal(refreshed.status, 200)
    t.equal((await desk.request('PUBLISH', { headers: ['Event: presence', `SIP-If-Match: ${published.header('SIP-ETag') ?? ''}`] })).status, 412)
    t.equal((await desk.request('PUBLISH', { headers: ['Event: presence', 'Expires: 0', `SIP-If-Match: ${refreshed.header('SIP-ETag') ?? ''}`] })).status, 200)
    t.match((await older.notification(`msrtc-${anna}`)).body, /<availability aggregate="0"/, 'and gone')
    const options = await desk.request('OPTIONS', {})
    t.match(options.header('Allow'), /PUBLISH/)
    t.match(options.header('Allow-Events'), /presence/)
    t.same(phone.unheard(), [])
  },
}
