import { endpointIdOfEpid, gruuOpaque } from '../../../src/core/sip/endpoint-id.ts'
import { selfSubscribe } from '../../support/messages.ts'
import { newUsers, type Scenario } from '../scenario.ts'

export const scenario: Scenario = {
  title: 'sign-in: REGISTER answers what enhanced-presence clients need, and the engine knows the endpoint before the 200',
  transports: ['tcp', 'udp'],
  play: async (t, stack, transport) => {
    const [anna = ''] = await newUsers(stack, 'anna')
    const client = await stack.client(anna, transport)
    const id = endpointIdOfEpid(client.epid)
    const added = await client.register()
    t.equal(added.status, 200)
    t.same(added.all('Supported'), ['msrtc-event-categories', 'adhoclist'], 'option tags on lines of their own')
    t.match(added.header('Allow-Events'), /,vnd-microsoft-roaming-ACL,presence\.wpending,presence\.winfo$/, 'what the engine serves')
    t.match(added.header('Allow-Events'), /^[^ ]*vnd-microsoft-roaming-self[^ ]*$/, 'no blanks: clients split at the comma and do not trim')
    t.equal(added.header('Expires'), '3600', 'an Expires header of its own')
    t.match(added.header('presence-state'), /register-action="added"/)
    t.match(added.header('ms-keep-alive'), /UAS/)
    t.match(added.header('Contact'), `gruu="sip:${anna};opaque=user:epid:${gruuOpaque(id)};gruu"`)
    const [row] = await stack.query(`SELECT endpoint_id, epid, proxy, contact FROM endpoint WHERE user_uri = '${anna}'`)
    t.match(row, { endpoint_id: id, epid: client.epid, proxy: 'kam1', contact: client.contact().slice(1, -1) })

    const refreshed = await client.register()
    t.match(refreshed.header('presence-state'), /register-action="refreshed"/)

    const instance = '7B1F0A52-0000-4C3D-8E9F-0123456789AB'
    const second = await stack.client(anna, transport)
    const other = await second.request('REGISTER', { uri: 'sip:nordwind.example', contact: `${second.contact()};+sip.instance="<urn:uuid:${instance}>"`, headers: ['Expires: 600', 'Supported: gruu-10'] })
    t.match(other.header('Contact') ?? '', /expires=/, 'bindings are listed')
    t.same(await stack.query(`SELECT instance_id FROM endpoint WHERE user_uri = '${anna}' AND endpoint_id = '${instance.toLowerCase()}'`), [{ instance_id: instance }], 'the instance as the client writes it')

    // No pause between the two: the registration reaches the engine before its answer leaves (design decision 17).
    const [boris = ''] = await newUsers(stack, 'boris')
    const quick = await stack.client(boris, transport)
    t.equal((await quick.register()).status, 200)
    t.equal((await quick.request('SUBSCRIBE', selfSubscribe())).status, 200)

    t.equal((await client.register(0)).status, 200, 'de-registration')
    t.same(await stack.query(`SELECT 1 FROM endpoint WHERE user_uri = '${anna}' AND endpoint_id = '${id}'`), [])
    const unknown = await stack.client(`nobody@nordwind.example`, transport)
    t.equal((await unknown.register()).status, 200, 'users whom the engine does not know are the registrar\'s business')
    t.equal((await unknown.request('SUBSCRIBE', selfSubscribe())).status, 404)
  },
}
