import t from 'tap'
import { provisioningBody } from '../support/bodies.ts'
import { putSetting } from '../../src/store/deployment-settings.ts'
import { poolSession } from '../../src/store/session.ts'
import { PLAIN } from '../support/client.ts'
import { openWorld, people } from '../support/world.ts'

/** In-band provisioning, second version (MS-SIPREGE 2.2.2; companion facts of provisioning). */

const world = await openWorld(t)
const { anna, boris, clara } = people

const SERVER = 'group ServerConfiguration: organization=nordwind.example, ucPC2PCAVEncryption=SupportEncryption, ucPortRangeEnabled=false'

const sets = async (groups: Readonly<Record<string, string>>): Promise<void> => { await putSetting(poolSession(world.store.pool), 'provisioning', groups, world.now) }

t.test('MS-SIPREGE 4.2.2: asked once, answered once and over', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const before = await world.dump()
  const answer = await client.asksProvisioning(['ServerConfiguration', 'meetingPolicy', 'ucPolicy'])
  t.equal(answer.status, 200)
  t.strictSame(answer.says, [SERVER, 'group meetingPolicy: ', 'group ucPolicy: '])
  t.strictSame(['Content-Type', 'Event', 'Expires', 'subscription-state', 'ms-piggyback-cseq', 'Supported', 'Contact'].map((name) => answer.header(name)), [
    'application/vnd-microsoft-roaming-provisioning-v2+xml', 'vnd-microsoft-provisioning-v2', '0', 'terminated;expires=0', '1', 'ms-benotify, ms-piggyback-first-notify', '<sip:kam1.test:5060;transport=tcp>',
  ])
  t.equal(answer.documents[0]?.name, '{http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification}provisionGroupList')
  t.strictSame(answer.documents[0]?.children[0]?.children.map(({ text }) => text !== ''), [true, true, true], 'clients take these texts without a look')
  t.strictSame(client.hears(), [])
  t.strictSame(await world.dump(), before)
})

t.test('MS-SIPREGE 2.2.2.1: whatever Expires says, registered or not, there is no dialog', async (t) => {
  const client = world.client(anna)
  const before = await world.dump()
  for (const Expires of [undefined, '0', '10', '3600', '99999']) {
    const answer = await client.asksProvisioning(['ucPolicy'], { headers: { Expires } })
    t.strictSame([answer.status, answer.header('Expires'), answer.says], [200, '0', ['group ucPolicy: ']], `Expires ${Expires}`)
    t.match(answer.header('subscription-state'), /^terminated;expires=0/)
  }
  t.equal((await client.asksProvisioning(['ucPolicy'], { contact: undefined })).status, 200, 'without a Contact')
  t.strictSame(await world.dump(), before)
})

t.test('RFC 6665: without piggyback the groups come in a NOTIFY that is the last one', async (t) => {
  const client = world.client(anna)
  const answer = await client.asksProvisioning(['ucPolicy'], { headers: PLAIN })
  t.strictSame([answer.status, answer.body, answer.header('Expires')], [200, '', '0'])
  const [heard, ...more] = client.hears()
  t.strictSame([heard?.method, heard?.says, more], ['NOTIFY', ['group ucPolicy: '], []])
  t.match(heard?.header('subscription-state'), /^terminated;expires=0/)
})

t.test('MS-SIPREGE 2.2.2.5: groups come in the order of the request, each once; what is not there is left out', async (t) => {
  const client = world.client(anna)
  t.strictSame((await client.asksProvisioning(['publicProviders', 'ucPolicy', 'locationPolicy', 'meetingPolicy', 'ucPolicy'])).says, ['group ucPolicy: ', 'group meetingPolicy: '])
  const none = await client.asksProvisioning(['persistentChatConfiguration', 'constructor', '__proto__'])
  t.strictSame([none.status, none.says, none.documents.length], [200, [], 1], 'an empty list, no refusal: a client might not sign in')
})

t.test('the operator\'s groups come beside those there are, and in place of them', async (t) => {
  const client = world.client(anna)
  await sets({ meetingPolicy: '<instance xmlns=""><property name="AllowIPAudio">true</property></instance>', endpointConfiguration: '<propertyEntryList><property name="Rate">5 &amp; more</property></propertyEntryList>' })
  world.engine.provisioning.forget()
  const answer = await client.asksProvisioning(['ucPolicy', 'endpointConfiguration', 'meetingPolicy', 'ServerConfiguration'])
  t.strictSame(answer.says, ['group ucPolicy: ', 'group endpointConfiguration: propertyEntryList=5 & more', 'group meetingPolicy: instance=true', SERVER])
  await sets({ ServerConfiguration: '<organization>Nordwind</organization>' })
  t.match((await client.asksProvisioning(['ServerConfiguration'])).says, [SERVER], 'behind a short cache')
  world.advance(3)
  t.strictSame((await client.asksProvisioning(['ServerConfiguration', 'meetingPolicy'])).says, ['group ServerConfiguration: organization=Nordwind', 'group meetingPolicy: '])
})

t.test('2.2.2.1: refusals', async (t) => {
  const client = world.client(anna)
  const good = ['ucPolicy']
  t.equal((await client.asksProvisioning(good, { to: boris })).status, 400, 'of another user')
  t.equal((await client.asksProvisioning(good, { to: 'nobody@nordwind.example' })).status, 404)
  t.equal((await world.client('nobody@nordwind.example').asksProvisioning(good)).status, 404)
  t.equal((await world.client(clara).asksProvisioning(good)).status, 404, 'of another deployment')
  t.equal((await client.asksProvisioning(good, { headers: { Accept: 'application/vnd-microsoft-roaming-provisioning+xml' } })).status, 406)
  const type = await client.asksProvisioning(good, { headers: { 'Content-Type': 'text/xml' } })
  t.strictSame([type.status, type.header('Accept')], [415, 'application/vnd-microsoft-roaming-provisioning-v2+xml'])
  for (const [name, body] of [
    ['none', ''], ['no XML', '<provisioningGroupList'], ['no group', provisioningBody([])], ['the answer\'s document', '<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"/>'],
    ['a group without a name', '<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist"><provisioningGroup/></provisioningGroupList>'],
  ] as const) t.equal((await client.asksProvisioning([], { body })).status, 400, name)
  t.equal((await client.sends('SUBSCRIBE', { headers: { Event: 'vnd-microsoft-provisioning' } })).status, 489, 'the first version')
})
