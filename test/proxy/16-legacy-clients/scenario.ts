import { NOTIFY_TAGS, batch, machineState, publish, soap } from '../../support/messages.ts'
import { tagOf, type RequestOptions } from '../../support/sip-client.ts'
import { newUsers, type Scenario } from '../scenario.ts'

const LEGACY_CONTENT = 'http://schemas.microsoft.com/2002/09/sip/client/presence'

/** The state of a client before enhanced presence, with attributes and CDATA as such clients write them. */
const setPresence = (user: string, availability: number, activity: number, device: string): RequestOptions => soap('setPresence',
  `<m:presentity m:uri="sip:${user}"><m:availability m:aggregate="${availability}" m:description="online"/><m:activity m:aggregate="${activity}" m:description="Active"/>` +
  `<deviceName xmlns="${LEGACY_CONTENT}" name="${device}"/><rtc:devicedata xmlns:rtc="${LEGACY_CONTENT}" namespace="rtcService">&lt;![CDATA[<caps><renders_gif/></caps>]]&gt;</rtc:devicedata></m:presentity>`)

const adhocList = (user: string, action: string, resources: readonly string[]): RequestOptions => ({
  headers: ['Event: presence', 'Accept: application/rlmi+xml, text/xml+msrtc.pidf, multipart/related', 'Require: adhoclist', 'Supported: eventlist', ...NOTIFY_TAGS, 'Content-Type: application/adrl+xml'],
  body: `<adhoclist xmlns="urn:ietf:params:xml:ns:adrl" uri="sip:${user}" name="sip:${user}"><${action} xmlns="">${resources.map((uri) => `<resource uri="sip:${uri}"/>`).join('')}</${action}></adhoclist>`,
})

export const scenario: Scenario = {
  title: 'clients before enhanced presence and modern ones side by side: each sees the other change, lists, access lists, search (MS-SIP 3.2, 3.3, 3.7; MS-PRES 3.1)',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [old = '', modern = '', third = ''] = await newUsers(stack, 'olga', 'mats', 'tina')
    const legacy = await stack.client(old, transport)
    const registered = await legacy.register()
    t.ok(registered.all('Supported').includes('adhoclist'), 'REGISTER offers lists')
    t.match(registered.header('Allow-Events'), /(^|,)vnd-microsoft-roaming-ACL(,|$)/)
    const client = await stack.client(modern, transport)
    await client.register()

    // Each watches the other before anybody says anything.
    const list = `list-${old}`
    const opened = await legacy.request('SUBSCRIBE', { ...adhocList(old, 'create', [modern, third]), callId: list })
    t.equal(opened.status, 200)
    t.equal(opened.header('Require'), 'eventlist')
    t.match(opened.header('Content-Type'), /^multipart\/related; type="application\/rlmi\+xml"; ?start=resourceList/)
    t.match(opened.body, new RegExp(`<resource uri="sip:${modern}"><instance id="0" state="active" cid="${modern}"/>`))
    t.match(opened.body, new RegExp(`Content-ID: ${third}`))
    const own = `batch-${modern}`
    t.equal((await client.request('SUBSCRIBE', { ...batch([old], ['state', 'legacyInterop']), callId: own })).status, 200)

    t.equal((await legacy.request('SERVICE', setPresence(old, 300, 600, 'OFFICE-PC'))).status, 200)
    t.match((await client.notification(own)).body, /<availability>6[5-9]\d\d<\/availability>/, 'the modern client sees the old one busy')
    t.equal((await client.request('SERVICE', publish(modern, ...machineState(3500, 0)))).status, 200)
    const told = await legacy.notification(list)
    t.equal(told.header('Content-Type'), 'text/xml+msrtc.pidf', 'one presentity is told in a document of its own')
    t.equal(told.header('Require'), 'eventlist')
    t.match(told.body, /<availability aggregate="300"[^>]*\/><activity aggregate="400"/)

    // A third one asks once.
    const asking = await stack.client(third, transport)
    await asking.register()
    const asked = await asking.request('SERVICE', { to: old, ...soap('getPresence', `<presentity uri="sip:${old}"/>`) })
    t.equal(asked.status, 200)
    t.match(asked.body, /<activity aggregate="600"/)
    t.match(asked.body, /OFFICE-PC/, 'with the device')

    // The old client blocks it, and hears its list.
    const acl = `acl-${old}`
    const access = await legacy.request('SUBSCRIBE', { callId: acl, headers: ['Event: vnd-microsoft-roaming-ACL', 'Accept: application/vnd-microsoft-roaming-acls+xml', ...NOTIFY_TAGS] })
    t.equal(access.status, 200)
    const delta = /deltaNum="(\d+)"/.exec(access.body)?.[1] ?? ''
    t.equal((await legacy.request('SERVICE', soap('setACE', `<m:type>USER</m:type><m:mask>sip:${third}</m:mask><m:rights>DD</m:rights><m:deltaNum>${delta}</m:deltaNum>`))).status, 200)
    t.match((await legacy.notification(acl)).body, new RegExp(`<ace type="USER" mask="sip:${third}" rights="DD"/>`))
    t.equal((await asking.request('SERVICE', { to: old, ...soap('getPresence', `<presentity uri="sip:${old}"/>`) })).status, 403)

    // The list grows and shrinks, and ends.
    const dialog = { callId: list, toTag: tagOf(opened.header('To')) }
    t.equal((await legacy.request('SUBSCRIBE', { ...adhocList(old, 'delete', [modern]), ...dialog, cseq: 20 })).status, 200)
    await client.request('SERVICE', publish(modern, ...machineState(15500, 1)))
    await client.request('SERVICE', publish(modern, ...machineState(3500, 2)))
    const added = await legacy.request('SUBSCRIBE', { ...adhocList(old, 'add', [modern]), ...dialog, cseq: 21 })
    t.match(added.body, /<availability aggregate="300"/)
    t.equal((await legacy.request('SUBSCRIBE', { headers: ['Event: presence', 'Expires: 0', ...NOTIFY_TAGS], ...dialog, cseq: 22 })).status, 200)

    // Search.
    const found = await legacy.request('SERVICE', {
      to: 'nordwind.example', headers: ['Content-Type: application/SOAP+xml'],
      body: '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><m:directorySearch xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip"><m:filter m:href="#searchArray"/><m:maxResults>10</m:maxResults></m:directorySearch>' +
        `<m:Array xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip" m:id="searchArray"><m:row m:attrib="displayName" m:value="${modern.split('@', 1)[0] ?? ''}"/></m:Array></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
    })
    t.equal(found.status, 200)
    t.match(found.body, new RegExp(`m:uri="sip:${modern}"`))

    // It leaves: the modern client sees it go.
    await legacy.register(0)
    let last = await client.notification(own)
    while (!/<availability>18\d\d\d<\/availability>/.test(last.body)) last = await client.notification(own)
    t.pass('gone')
  },
}
