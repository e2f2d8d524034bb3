import { acknowledge, askProvisioning, batch, batchWithContext, publication, publish, refreshOnly, selfSubscribe, setDelegate, setMembers, soap, subscribeContacts } from '../../support/messages.ts'
import { tagOf, type Heard, type RequestOptions, type SipClient } from '../../support/sip-client.ts'
import { newUsers, type Scenario } from '../scenario.ts'

const CATEGORIES = ['calendarData', 'contactCard', 'note', 'services', 'state']

/** The dialogs of one client, by what they are for. */
interface SignedIn {
  readonly self: string
  readonly contacts: string
  readonly presence: string
  readonly answers: readonly Heard[]
}

/** What a client does at sign-in: REGISTER, then four SUBSCRIBEs at once. */
const signIn = async (client: SipClient, watched: readonly string[]): Promise<SignedIn> => {
  await client.register()
  const calls = { self: `self-${client.epid}`, contacts: `contacts-${client.epid}`, presence: `presence-${client.epid}` }
  const send = (options: RequestOptions, callId: string): Promise<Heard> => client.request('SUBSCRIBE', { ...options, callId, fromTag: callId })
  const answers = await Promise.all([
    send(selfSubscribe(['categories', 'containers', 'subscribers']), calls.self), send(subscribeContacts(), calls.contacts),
    send(askProvisioning('ServerConfiguration', 'meetingPolicy', 'ucPolicy', 'unheardOf'), `provisioning-${client.epid}`), send(batch(watched, CATEGORIES), calls.presence),
  ])
  return { ...calls, answers }
}

export const scenario: Scenario = {
  title: 'a day of two clients: sign-in, contacts, being known, notes, a delegate, a connection lost and found, sign-out',
  transports: ['tcp'],
  play: async (t, stack) => {
    const [anna = '', boris = ''] = await newUsers(stack, 'anna', 'boris')
    const [a, b] = [await stack.client(anna, 'tcp'), await stack.client(boris, 'tcp')]
    const annas = await signIn(a, [boris])
    const boriss = await signIn(b, [boris])
    for (const signedIn of [annas, boriss]) t.same(signedIn.answers.map(({ status }) => status), [200, 200, 200, 200], 'four SUBSCRIBEs at once')
    const [self, contacts, provisioning, presence] = annas.answers
    t.match(self?.body, /<containers .*<container id="200" version="0"><member type="sameEnterprise"\/>/, 'the containers that every user starts with')
    t.match(self?.body, /<subscribers [^>]*\/>/)
    t.match(contacts?.body, '<contactList deltaNum="1"><group id="1" name="~" externalURI=""/></contactList>')
    t.equal(contacts?.header('Require'), undefined, 'a contact list is no event list')
    t.match(contacts?.header('Supported'), /com\.microsoft\.autoextend/)
    t.match(provisioning?.body, /<provisionGroup name="ServerConfiguration"><organization>/)
    t.notMatch(provisioning?.body, /unheardOf/)
    t.equal(provisioning?.header('Expires'), '0')
    t.match(presence?.header('Content-Type'), /^multipart\/related/)

    // Anna says what others may see, and what she is up to.
    await a.request('SERVICE', setMembers(300, 0, `type="user" value="${boris}"`))
    t.match((await a.notification(annas.self)).body, new RegExp(`<container id="300" version="1"><member type="user" value="${boris}"/>`))
    await a.request('SERVICE', publish(anna, publication('for all'), publication('for friends', { container: 300 })))
    await a.notification(annas.self)

    // Boris adds her: a contact, a subscription that asks to be known, a group.
    t.equal((await b.request('SERVICE', soap('setContact', `<m:displayName/><m:groups>1</m:groups><m:subscribed>true</m:subscribed><m:URI>sip:${anna}</m:URI><m:externalURI/><m:deltaNum>1</m:deltaNum>`))).status, 200)
    t.match((await b.notification(boriss.contacts)).body, `<contactDelta deltaNum="2" prevDeltaNum="1"><addedContact uri="sip:${anna}" name="" groups="1" subscribed="true" externalURI=""/></contactDelta>`)
    const group = await b.request('SERVICE', soap('addGroup', '<m:name>Friends</m:name><m:externalURI/><m:deltaNum>2</m:deltaNum>'))
    t.match(group.body, '<m:groupID>2</m:groupID>')
    t.match((await b.notification(boriss.contacts)).body, /addedGroup id="2" name="Friends"/)
    const added = await b.request('SUBSCRIBE', { ...batchWithContext([anna], CATEGORIES), callId: boriss.presence, fromTag: boriss.presence, toTag: tagOf(boriss.answers[3]?.header('To')) })
    t.match(added.body, /for friends/, 'he sees what is for friends')
    t.match((await a.notification(annas.self)).body, new RegExp(`<subscriber user="${boris}" displayName="[^"]+" acknowledged="false" type="sameEnterprise"/>`), 'she learns of him')
    t.equal((await a.request('SERVICE', acknowledge(boris))).status, 200)
    t.match((await a.notification(annas.self)).body, /<subscribers [^>]*\/>/, 'and has acknowledged him')
    t.equal((await a.request('SERVICE', acknowledge(boris))).status, 400, 'once')

    // A delegate, told to those who asked for delegates.
    const delegates = await a.request('SERVICE', setDelegate(boris, 0))
    t.match(delegates.body, `<delegate uri="${boris}" publish="false" redelegate="false"/>`)
    t.equal((await a.request('SERVICE', setDelegate(boris, 0))).status, 409)

    // The connection is lost; she comes back on another one before anybody takes her for gone.
    await a.request('SERVICE', publish(anna, publication('at my desk', { container: 300, version: 1, expireType: 'endpoint' })))
    t.match((await b.notification(boriss.presence)).body, /at my desk/)
    await a.notification(annas.self)
    a.close()
    const back = await stack.client(anna, 'tcp', a.epid)
    t.match((await back.register()).header('presence-state'), /refreshed/)
    await back.request('SERVICE', publish(anna, publication('back again', { container: 300, version: 2, expireType: 'endpoint' })))
    t.match((await b.notification(boriss.presence)).body, /back again/, 'he never saw her go')
    t.match((await back.notification(annas.self)).body, /back again/, 'her own subscription came along')
    const refreshed = await back.request('SUBSCRIBE', { ...refreshOnly('vnd-microsoft-roaming-self'), callId: annas.self, fromTag: annas.self, toTag: tagOf(self?.header('To')), cseq: 900 })
    t.equal(refreshed.status, 200, 'and can be refreshed from there')
    t.match(refreshed.body, /back again/)
    t.same(b.unheard(), [])

    // She signs out.
    await back.register(0)
    const gone = await b.notification(boriss.presence)
    t.notMatch(gone.body, /back again/)
    t.match(gone.body, /for all/, 'what is left is what is for all')
  },
}
