import t from 'tap'
import { contactFields, soapBody, type SoapFields } from '../support/bodies.ts'
import { PLAIN, type Client } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/** The contact list: its package, its SOAP requests, and who hears of them (MS-SIP 3.7, companion facts of contacts and groups). */

const world = await openWorld(t)
const { anna, boris, clara, dan, finn, gerd } = people

const begin = async () => {
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  const dialog = await client.subscribesContacts()
  return { client, dialog }
}

/** The list as its owner polls it. */
const listOf = async (user: string): Promise<readonly string[]> => (await world.client(user).subscribesContacts({ headers: { Expires: '0' } })).answer.says

const adds = (client: Client, user: string, deltaNum: number, more: SoapFields = {}): Promise<Heard> => client.asksSoap('setContact', contactFields(user, deltaNum, more))

t.test('MS-SIP 3.7.5: the first answer is the whole list; a new user has the default group and a number that is not zero', async (t) => {
  const { client, dialog: { answer } } = await begin()
  t.equal(answer.status, 200)
  t.strictSame(answer.says, ['list 1', 'group 1 "~"'])
  t.strictSame(['Content-Type', 'Event', 'Expires', 'subscription-state', 'ms-piggyback-cseq', 'Supported', 'Require'].map((name) => answer.header(name)), [
    'application/vnd-microsoft-roaming-contacts+xml', 'vnd-microsoft-roaming-contacts', '3600', 'active;expires=3600', '1', 'ms-benotify, ms-piggyback-first-notify', undefined,
  ], 'it is no event list')
  t.equal(answer.documents[0]?.name, 'contactList', 'in no namespace')
  t.strictSame(client.hears(), [])
  t.equal(await world.count('contact_list'), 0, 'looking at it stores nothing')
})

t.test('MS-SIP 3.7.4: each SOAP action, its answer and its delta', async (t) => {
  const { client } = await begin()
  for (const [action, fields, answered, delta] of [
    ['setContact', contactFields(boris, 1, { displayName: 'Bo' }), [], ['1 to 2', `addedContact sip:${boris} "Bo" in 1`]],
    ['addGroup', { name: 'Crew', externalURI: '', deltaNum: 2 }, ['addGroup: groupID=2'], ['2 to 3', 'addedGroup 2 "Crew"']],
    ['addGroup', { name: 'Kin', deltaNum: 3 }, ['addGroup: groupID=3'], ['3 to 4', 'addedGroup 3 "Kin"']],
    ['setContact', contactFields(boris, 4, { groups: '3 2', subscribed: 'false', contactExtension: '<x:ring xmlns:x="urn:x">2</x:ring>' }), [], ['4 to 5', `modifiedContact sip:${boris} "" in 2 3 not subscribed with extension`]],
    ['modifyGroup', { groupID: 2, name: 'Mates', externalURI: '', deltaNum: 5 }, [], ['5 to 6', 'modifiedGroup 2 "Mates"']],
    ['modifyGroup', { groupID: 1, name: 'All others', externalURI: '', deltaNum: 6 }, [], ['6 to 7', 'modifiedGroup 1 "All others"']],
    ['setContact', contactFields(clara, 7, { groups: '3' }), [], ['7 to 8', `addedContact sip:${clara} "" in 3`]],
  ] as const) {
    const answer = await client.asksSoap(action, fields)
    t.strictSame([answer.status, answer.says], [200, answered], action)
    t.equal(answer.header('Content-Type'), answered.length > 0 ? 'application/SOAP+xml' : undefined)
    const [heard, ...more] = client.hears()
    t.strictSame([heard?.says, more], [delta, []], `${action} is told once, to its own endpoint too`)
    t.strictSame([heard?.header('Content-Type'), heard?.header('Require')], ['application/vnd-microsoft-roaming-contacts+xml', undefined])
  }
  t.strictSame(await listOf(anna), ['list 8', 'group 1 "All others"', 'group 2 "Mates"', 'group 3 "Kin"', `contact ${boris} "" in 2 3 not subscribed with extension`, `contact ${clara} "" in 3`], 'users without sip: here')
  t.equal((await client.asksSoap('deleteGroup', { groupID: 3, deltaNum: 8 })).status, 200)
  t.strictSame(client.hears().map(({ header, says }) => [header('CSeq'), says]), [
    ['9 BENOTIFY', ['8 to 9', `modifiedContact sip:${boris} "" in 2 not subscribed with extension`]], ['10 BENOTIFY', ['9 to 10', `modifiedContact sip:${clara} "" in 1`]], ['11 BENOTIFY', ['10 to 11', 'deletedGroup 3']],
  ], 'its contacts leave it one by one')
  t.equal((await client.asksSoap('deleteContact', { URI: `sip:${boris}`, deltaNum: 11 })).status, 200)
  t.equal((await client.asksSoap('deleteContact', { URI: clara })).status, 200, 'without a number nothing is checked')
  t.strictSame(client.learns(), [['11 to 12', `deletedContact sip:${boris}`], ['12 to 13', `deletedContact sip:${clara}`]])
  t.strictSame((await client.asksSoap('addGroup', { name: 'New', deltaNum: 13 })).says, ['addGroup: groupID=3'], 'the smallest free number')
})

t.test('MS-SIP 4.6: inside the dialog: to the server, under the dialog\'s tags; the To tag stays in the answer', async (t) => {
  const { client, dialog } = await begin()
  const inDialog = { callId: dialog.callId, fromTag: dialog.fromTag, toTag: dialog.toTag, cseq: 2, headers: { 'Content-Type': 'application/SOAP+xml' }, body: soapBody('addGroup', { name: 'Crew', deltaNum: 1 }) }
  const bytes = client.text('SERVICE', inDialog).replace(/^SERVICE \S+/, 'SERVICE sip:kam1.test:5060;transport=tcp')
  const answer = await client.sendsRaw(bytes)
  t.strictSame([answer.status, answer.toTag, answer.says], [200, dialog.toTag, ['addGroup: groupID=2']])
  t.strictSame((await client.sendsRaw(bytes)).toTag, dialog.toTag, 'and when it is repeated')
  t.strictSame(client.learns(), [['1 to 2', 'addedGroup 2 "Crew"']])
  t.strictSame((await dialog.refreshes({ cseq: 3 })).says, ['list 2', 'group 1 "~"', 'group 2 "Crew"'], 'the dialog goes on behind it')
})

t.test('design 18: a repeated request counts once; addGroup gets the same number again', async (t) => {
  const { client } = await begin()
  const first = await client.asksSoap('addGroup', { name: 'Crew', deltaNum: 1 }, { callId: 'same', cseq: 4 })
  await client.asksSoap('addGroup', { name: 'Kin', deltaNum: 2 })
  const second = await client.asksSoap('addGroup', { name: 'Crew', deltaNum: 1 }, { callId: 'same', cseq: 4 })
  t.strictSame([second.status, second.toTag, second.body], [200, first.toTag, first.body])
  t.equal((await adds(client, boris, 3)).status, 200)
  t.equal((await client.asksSoap('setContact', contactFields(clara, 4), { callId: 'other', cseq: 1 })).status, 200)
  t.equal((await client.asksSoap('setContact', contactFields(clara, 4), { callId: 'other', cseq: 1 })).status, 200)
  t.strictSame(client.learns().map(([numbers]) => numbers), ['1 to 2', '2 to 3', '3 to 4', '4 to 5'])
  t.strictSame((await listOf(anna))[0], 'list 5')
})

t.test('MS-SIP 3.7.1: every endpoint of the user hears each delta once, in order; nobody else hears anything', async (t) => {
  const { client } = await begin()
  const [second, other, boris1] = [world.client(anna, 'second'), world.client(anna, 'third'), world.client(boris)]
  for (const endpoint of [second, other, boris1]) await endpoint.registers()
  await second.subscribesContacts()
  await second.subscribesSelf()
  await other.subscribesSelf()
  await boris1.subscribesContacts()
  await boris1.subscribes([anna], ['note'])
  await adds(client, boris, 1)
  await adds(second, clara, 2)
  await other.asksSoap('addGroup', { name: 'Crew', deltaNum: 3 })
  const all = [['1 to 2', `addedContact sip:${boris} "" in 1`], ['2 to 3', `addedContact sip:${clara} "" in 1`], ['3 to 4', 'addedGroup 2 "Crew"']]
  t.strictSame([client.learns(), second.learns(), other.learns(), boris1.learns()], [all, all, [], []])
  t.strictSame(await listOf(boris), ['list 1', 'group 1 "~"'], 'each user has a list of its own')
})

t.test('MS-SIP 3.7.1: who subscribes later hears only what comes later, whatever is told late', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await adds(client, boris, 1)
  const dialog = await client.subscribesContacts()
  t.strictSame(dialog.answer.says, ['list 2', 'group 1 "~"', `contact ${boris} "" in 1`])
  await adds(client, clara, 2)
  t.strictSame(client.learns(), [['2 to 3', `addedContact sip:${clara} "" in 1`]])
})

t.test('MS-SIP 2.2.4.1: many changes at once are told as the whole list', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, contacts: { maxContacts: 100, maxGroups: 63 } } })
  const client = world.client(anna)
  await client.registers()
  await client.asksSoap('addGroup', { name: 'Crew', deltaNum: 1 })
  for (let at = 0; at < 19; at += 1) await adds(client, `u${at}@nordwind.example`, 2 + at, { groups: '2' })
  await client.subscribesContacts()
  await client.asksSoap('deleteGroup', { groupID: 2, deltaNum: 21 })
  t.equal(client.hears().length, 20, 'so many are told one by one')
  await client.asksSoap('addGroup', { name: 'Crew', deltaNum: 41 })
  for (let at = 0; at < 20; at += 1) await adds(client, `u${at}@nordwind.example`, 42 + at, { groups: '2' })
  client.hears()
  await client.asksSoap('deleteGroup', { groupID: 2, deltaNum: 62 })
  const [heard, ...more] = client.learns()
  t.strictSame([heard?.slice(0, 3), heard?.length, more], [['list 83', 'group 1 "~"', 'contact u0@nordwind.example "" in 1'], 22, []])
})

t.test('design 2.2: an endpoint that could not be told gets the whole list later, the others their deltas', async (t) => {
  const { client } = await begin()
  const second = world.client(anna, 'second')
  await second.registers({ granted: 100_000 })
  await second.subscribesContacts()
  world.proxies.kam1.failing.add(second.flow)
  await adds(client, boris, 1)
  await adds(client, clara, 2)
  t.strictSame([client.hears().length, second.hears().length], [2, 0])
  world.restart()
  world.proxies.kam1.failing.clear()
  await adds(client, dan, 3)
  world.advance(60)
  await world.timers()
  t.strictSame(client.learns(), [['3 to 4', `addedContact sip:${dan} "" in 1`]])
  const heard = second.learns()
  t.strictSame(heard.at(-1), ['list 4', 'group 1 "~"', `contact ${boris} "" in 1`, `contact ${clara} "" in 1`, `contact ${dan} "" in 1`])
  t.equal(await world.count('deferred'), 0)
})

t.test('design 2.2: one request with several deltas that an endpoint could not be told makes one debt, and holds up nobody else', async (t) => {
  const { client } = await begin()
  await client.asksSoap('addGroup', { name: 'Crew', deltaNum: 1 })
  await adds(client, boris, 2, { groups: '2' })
  await adds(client, clara, 3, { groups: '2' })
  const second = world.client(anna, 'second')
  await second.registers({ granted: 100_000 })
  await second.subscribesContacts()
  client.hears()
  for (const trouble of ['failing', 'gone'] as const) {
    world.proxies.kam1[trouble].add(second.flow)
    if (trouble === 'failing') {
      await client.asksSoap('deleteGroup', { groupID: 2, deltaNum: 4 })
    } else {
      await client.asksSoap('addGroup', { name: 'Kin', deltaNum: 7 })
      for (const [at, user] of [boris, clara].entries()) await adds(client, user, 8 + at, { groups: '2' })
      await client.asksSoap('deleteGroup', { groupID: 2, deltaNum: 10 })
    }
    t.strictSame([client.hears().length, await world.count('change'), await world.count('deferred')], [trouble === 'failing' ? 3 : 6, 0, 1], trouble)
    world.proxies.kam1[trouble].clear()
    world.advance(60)
    await world.timers()
    t.strictSame(second.learns(), [[`list ${trouble === 'failing' ? 7 : 13}`, 'group 1 "~"', `contact ${boris} "" in 1`, `contact ${clara} "" in 1`]])
    t.equal(await world.count('deferred'), 0)
  }
})

t.test('RFC 6665 4.2.2: a NOTIFY that failed at the client is followed by the whole list', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  const dialog = await client.subscribesContacts({ headers: PLAIN })
  t.strictSame([dialog.answer.body, client.learns()], ['', [['list 1', 'group 1 "~"']]])
  await adds(client, boris, 1)
  t.strictSame(client.hears().map(({ method, header }) => [method, header('CSeq')]), [['NOTIFY', '2 NOTIFY']])
  t.equal(await world.notifyFailed({ code: 500, subscriber: anna, callId: dialog.callId, localTag: dialog.toTag, remoteTag: dialog.fromTag }), 'retried')
  world.advance(10)
  await world.timers()
  t.strictSame(client.learns(), [['list 2', 'group 1 "~"', `contact ${boris} "" in 1`]])
})

t.test('MS-SIP 3.7.1: 409 with both numbers for a stale one; nothing changes', async (t) => {
  const { client } = await begin()
  await adds(client, boris, 1)
  client.hears()
  const before = await world.dump()
  for (const [action, fields] of [
    ['setContact', contactFields(clara, 1)], ['deleteContact', { URI: boris, deltaNum: 1 }], ['addGroup', { name: 'Crew', deltaNum: 3 }], ['modifyGroup', { groupID: 9, name: 'x', deltaNum: 0 }], ['deleteGroup', { groupID: 1, deltaNum: 7 }],
  ] as const) {
    const stale = await client.asksSoap(action, fields)
    t.strictSame([stale.status, stale.says], [409, [`stale 1: ${fields['deltaNum']}, is 2 ""`]], action)
    t.equal(stale.header('Content-Type'), 'application/msrtc-fault+xml')
    t.match(stale.body, '<Faultcode>Client.BadCall.WrongDelta</Faultcode>')
  }
  t.strictSame(client.hears(), [])
  t.strictSame(await world.dump(), before)
})

t.test('MS-SIP 3.7.4: refusals, each with its diagnostics, and none changes anything', async (t) => {
  const { client } = await begin()
  await client.asksSoap('addGroup', { name: 'Crew', deltaNum: 1 })
  await adds(client, boris, 2)
  client.hears()
  const before = await world.dump()
  const soap = (inside: string): string => `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inside}</s:Body></s:Envelope>`
  const m = 'xmlns="http://schemas.microsoft.com/winrtc/2002/11/sip"'
  for (const [name, status, diagnostics, ask] of [
    ['a contact that is not there', 404, '2001', () => client.asksSoap('deleteContact', { URI: clara, deltaNum: 3 })],
    ['a group that is not there', 404, '2002', () => client.asksSoap('deleteGroup', { groupID: 9, deltaNum: 3 })],
    ['another name for it', 404, '2002', () => client.asksSoap('modifyGroup', { groupID: 9, name: 'x', deltaNum: 3 })],
    ['a contact in it', 404, '2002', () => adds(client, clara, 3, { groups: '2 9' })],
    ['the default group cannot go', 403, '4000', () => client.asksSoap('deleteGroup', { groupID: 1, deltaNum: 3 })],
    ['a name twice', 409, '2015', () => client.asksSoap('addGroup', { name: 'Crew', deltaNum: 3 })],
    ['the name of the default group', 409, '2015', () => client.asksSoap('modifyGroup', { groupID: 2, name: '~', deltaNum: 3 })],
    ['an extension above 1024 bytes', 403, '2009', () => adds(client, clara, 3, { contactExtension: 'x'.repeat(1025) })],
    ['a name above 256 bytes', 400, '4000', () => adds(client, clara, 3, { displayName: 'x'.repeat(257) })],
    ['a group without a name', 400, '4000', () => client.asksSoap('addGroup', { name: ' ', deltaNum: 3 })],
    ['no URI of a user', 400, '4001', () => adds(client, 'nobody', 3)],
    ['an action that there is not', 400, '4000', () => client.asksSoap('setGroup', { name: 'x', deltaNum: 3 })],
    ['an action of another namespace', 400, '4001', () => client.asksSoap('x', {}, { body: soap('<addGroup xmlns="urn:x"/>') })],
    ['no action', 400, '4001', () => client.asksSoap('x', {}, { body: soap('') })],
    ['no envelope', 400, '4001', () => client.asksSoap('x', {}, { body: `<addGroup ${m}/>` })],
    ['no XML', 400, '4001', () => client.asksSoap('x', {}, { body: soap(`<addGroup ${m}>`) })],
    ['no body', 400, '4000', () => client.asksSoap('x', {}, { body: '' })],
    ['no fields', 400, '4001', () => client.asksSoap('addGroup', {})],
    ['From is not To', 403, '4000', () => client.asksSoap('addGroup', { name: 'x', deltaNum: 1 }, { to: gerd })],
    ['no user', 404, '2005', () => world.client('nobody@nordwind.example').asksSoap('addGroup', { name: 'x', deltaNum: 1 })],
  ] as const) {
    const answer = await ask()
    t.strictSame([answer.status, answer.header('ms-diagnostics')?.split(';', 1)[0]], [status, diagnostics], name)
  }
  t.strictSame(client.hears(), [])
  t.strictSame(await world.dump(), before)
})

t.test('MS-SIP 3.7.1: limits on contacts and groups, of all and of a single user; what is there can be changed', async (t) => {
  const { client } = await begin()
  for (const [at, user] of [boris, clara, dan].entries()) t.equal((await adds(client, user, 1 + at)).status, 200)
  const full = await adds(client, finn, 4)
  t.strictSame([full.status, full.header('ms-diagnostics')?.slice(0, 5)], [403, '2007;'])
  t.equal((await adds(client, dan, 4, { displayName: 'D' })).status, 200)
  for (const [at, name] of ['a', 'b', 'c'].entries()) t.equal((await client.asksSoap('addGroup', { name, deltaNum: 5 + at })).status, 200)
  const groups = await client.asksSoap('addGroup', { name: 'd', deltaNum: 8 })
  t.strictSame([groups.status, groups.header('ms-diagnostics')?.slice(0, 5)], [403, '2008;'])
  await world.store.pool.query(`UPDATE presence_user SET limits = '{"maxContacts": 4}' WHERE user_uri = '${anna}'`)
  t.equal((await adds(client, finn, 8)).status, 200, 'one more for her alone')
  t.equal((await adds(client, gerd, 9)).status, 403)
  await world.store.pool.query(`UPDATE presence_user SET limits = '{"maxContacts": 1}' WHERE user_uri = '${boris}'`)
  const other = world.client(boris)
  await other.registers()
  t.strictSame([(await adds(other, anna, 1)).status, (await adds(other, gerd, 2)).status], [200, 403])
})

t.test('MS-SIP 3.7.5: refreshed with the whole list, polled, cancelled; one dialog an endpoint', async (t) => {
  const { client, dialog } = await begin()
  await adds(client, boris, 1)
  client.hears()
  const refreshed = await dialog.refreshes()
  t.strictSame([refreshed.says, refreshed.header('ms-piggyback-cseq')], [['list 2', 'group 1 "~"', `contact ${boris} "" in 1`], '3'])
  const before = await world.dump()
  const poll = await client.subscribesContacts({ headers: { Expires: '0' } })
  t.strictSame([poll.answer.says, poll.answer.header('subscription-state')], [refreshed.says, 'terminated;expires=0'])
  t.strictSame(await world.dump(), before)
  await client.subscribesSelf(['categories'])
  const second = await client.subscribesContacts()
  const [ending, ...more] = client.hears()
  t.strictSame(more, [], 'the self subscription is another package')
  t.match(ending?.header('From'), `tag=${dialog.toTag}`)
  t.match(ending?.header('subscription-state'), /^terminated;expires=0/)
  t.strictSame([(await dialog.refreshes()).status, (await second.refreshes()).status], [481, 200])
  const cancelled = await second.cancels()
  t.strictSame([cancelled.status, cancelled.header('Expires'), cancelled.body], [200, '0', ''])
  await adds(client, clara, 2)
  t.strictSame(client.hears(), [])
})

t.test('MS-SIP 3.7.5: refusals of the subscription', async (t) => {
  const client = world.client(anna)
  t.equal((await client.subscribesContacts()).answer.status, 401, 'not registered')
  await client.registers()
  t.equal((await client.subscribesContacts({ to: boris })).answer.status, 400, 'the list of another user')
  t.equal((await client.subscribesContacts({ to: 'nobody@nordwind.example' })).answer.status, 404)
  t.equal((await client.subscribesContacts({ headers: { Accept: 'application/vnd-microsoft-roaming-self+xml' } })).answer.status, 406)
  t.equal((await client.subscribesContacts({ contact: undefined })).answer.status, 400)
  t.equal((await client.subscribesContacts({ headers: { Expires: '30' } })).answer.header('Min-Expires'), '60')
  t.equal((await world.client('nobody@nordwind.example').subscribesContacts()).answer.status, 404)
  t.equal(await world.count('dialog'), 0)
})

t.test('of two endpoints that change one number at the same moment, one is first; both hear it', async (t) => {
  const { client } = await begin()
  const second = world.client(anna, 'second')
  await second.registers()
  await second.subscribesContacts()
  const answers = await Promise.all([adds(client, boris, 1), adds(second, clara, 1)])
  await world.delivery.idle()
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 409])
  const [one, two] = [client.learns(), second.learns()]
  t.strictSame([one.length, two], [1, one])
})

t.test('a restart of the engine keeps list, dialog and number', async (t) => {
  const { client, dialog } = await begin()
  await adds(client, boris, 1, { displayName: 'Bo &amp; Co' })
  world.restart()
  await adds(client, clara, 2)
  t.strictSame(client.hears().map(({ header, says }) => [header('CSeq'), says[0]]), [['2 BENOTIFY', '1 to 2'], ['3 BENOTIFY', '2 to 3']])
  t.strictSame((await dialog.refreshes()).says, ['list 3', 'group 1 "~"', `contact ${boris} "Bo & Co" in 1`, `contact ${clara} "" in 1`])
})
