import t, { type Test } from 'tap'
import { removeUser } from '../../src/engine/remove-user.ts'
import { standardTemplate } from '../../src/core/containers/template.ts'
import type { Client, RequestOptions, Subscription } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/** SUBSCRIBE of ordinary phones: RFC 6665 and RFC 3856 rule by rule, what RFC 5839 and RFC 6446 add, and how often phones hear. */

const world = await openWorld(t)
const { anna, boris, clara } = people
const PIDF = 'application/pidf+xml'

const interop = (availability: number, version = 0) => [100, 200, 300].map((container) => ({ category: 'legacyInterop', container, version, data: `<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/legacyInterop" availability="${availability}"/>` }))

/** Anna with the standard containers, available. */
const begin = async (gapMs = 0): Promise<Client> => {
  world.gapMs = gapMs
  world.restart({ template: { current: async () => standardTemplate, forget: () => undefined } })
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  await client.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }])
  await client.publishes(interop(3500))
  return client
}

/** A phone of Boris's on the desk: no epid, no option tags, registered as it comes. */
const desk = async (user = boris): Promise<Client> => {
  const phone = world.client(user, `desk-${user}`)
  await phone.registers({ epid: undefined, granted: 100_000 })
  return phone
}

const watches = (phone: Client, options: RequestOptions = {}): Promise<Subscription> => phone.watches(anna, 'pidf', { epid: undefined, ...options })

const basicOf = ({ body }: Heard): string => /<basic>([^<]*)/.exec(body)?.[1] ?? (body === '' ? 'nothing' : body)

/** A notification in a line: number, Event, state, what it shows. */
const line = (heard: Heard): string => `${heard.header('CSeq')} ${heard.header('Event')} ${heard.header('Subscription-State')}: ${basicOf(heard)}`

const learns = (phone: Client): readonly string[] => phone.hears().map(line)

const answerOf = ({ status, header }: Heard): readonly (number | string | undefined)[] => [status, header('Expires')]

t.test('RFC 6665 4.2.1, 4.2.2: every 2xx is followed by a NOTIFY with the whole state', async (t) => {
  const client = await begin()
  const phone = await desk()
  const dialog = await watches(phone, { headers: { Event: 'presence;id=7', Expires: '600' } })
  t.strictSame([dialog.answer.status, dialog.answer.body, ...['Expires', 'Contact', 'Event', 'Subscription-State'].map(dialog.answer.header)], [200, '', '600', '<sip:kam1.test:5060;transport=tcp>', undefined, undefined], '200, not 202; what MS clients look for is left out')
  const [first] = phone.hears()
  t.match(first, { method: 'NOTIFY', ruri: phone.contact.slice(1, -1) })
  t.strictSame(first?.headers.map(([name]) => name), ['From', 'To', 'Call-ID', 'CSeq', 'Contact', 'Event', 'Subscription-State', 'SIP-ETag', 'Content-Type'])
  t.strictSame(first === undefined ? [] : [line(first), first.header('Contact'), first.header('From')], ['1 NOTIFY presence;id=7 active;expires=600: open', '<sip:kam1.test:5060;transport=tcp>', `<sip:${anna}>;tag=${dialog.toTag}`])
  world.advance(100)
  await client.publishes(interop(18500, 1))
  t.strictSame(learns(phone), ['2 NOTIFY presence;id=7 active;expires=500: closed'], 'expires counts down')
  t.strictSame(answerOf(await dialog.refreshes({ headers: { Expires: '900' } })), [200, '900'])
  t.strictSame(learns(phone), ['3 NOTIFY presence;id=7 active;expires=900: closed'], 'refresh')
  t.strictSame(answerOf(await dialog.refreshes({ headers: { Expires: undefined } })), [200, '3600'], 'RFC 3856 6.4: an hour where nothing is asked')
  t.strictSame(learns(phone), ['4 NOTIFY presence;id=7 active;expires=3600: closed'])
  t.strictSame(answerOf(await dialog.refreshes({ cseq: dialog.cseq, headers: { Expires: undefined } })), [200, '3600'], 'the same again')
  t.strictSame(learns(phone), ['4 NOTIFY presence;id=7 active;expires=3600: closed'], 'is answered as before')
  t.strictSame(answerOf(await dialog.cancels()), [200, '0'])
  t.strictSame(learns(phone), ['5 NOTIFY presence;id=7 terminated;reason=timeout: closed'], '4.2.1.4: the last one shows the state')
  t.equal((await dialog.refreshes()).status, 481)
  const poll = await watches(phone, { contact: undefined, headers: { Event: 'presence;id=8', Expires: '0' } })
  t.strictSame(answerOf(poll.answer), [200, '0'])
  t.strictSame(learns(phone), ['1 NOTIFY presence;id=8 terminated;reason=timeout: closed'], '4.4.3: a poll')
  t.strictSame([await world.count('dialog'), await world.count('subscription')], [0, 0])
})

t.test('RFC 6665 4.1.2, 4.2.1, 8.3: what is refused, and that nothing comes of it', async (t) => {
  await begin()
  const phone = await desk()
  const held = await watches(phone, { headers: { Event: 'presence;id=7' } })
  phone.hears()
  const before = await world.dump()
  const inDialog = (over: RequestOptions = {}): RequestOptions => ({ toTag: held.toTag, callId: held.callId, fromTag: held.fromTag, cseq: 5, ...over })
  const cases: readonly (readonly [rule: string, options: RequestOptions, status: number, header?: readonly [name: string, value: string | RegExp]])[] = [
    ['8.3.2: no such package', { headers: { Event: 'dialog' } }, 489, ['Allow-Events', /^(?=.*\bpresence\b)/]], ['8.3.2: no Event', { headers: { Event: undefined } }, 489, ['Allow-Events', /presence/]],
    ['4.2.1.1: too brief', { headers: { Expires: '59' } }, 423, ['Min-Expires', '60']], ['RFC 3261 20.1: nothing acceptable', { headers: { Accept: 'application/cpim-pidf+xml' } }, 406, ['Accept', /^application\/pidf\+xml/]],
    ['RFC 3261 8.2.2.3: an extension', { headers: { Require: 'foo' } }, 420, ['Unsupported', 'foo']], ['RFC 4660: another body than a filter', { headers: { 'Content-Type': 'text/plain' }, body: 'x' }, 415, ['Accept', /simple-filter/]],
    ['no Contact', { contact: undefined }, 400], ['two Events', { headers: { Event: 'presence\r\nEvent: presence' } }, 400], ['an id that is no token', { headers: { Event: 'presence;id="a b"' } }, 400], ['nobody of that name', { to: 'nobody@nordwind.example' }, 404],
    ['4.1.2.2: unknown dialog', inDialog({ toTag: 'gone' }), 481], ['another Call-ID', inDialog({ callId: 'other' }), 481], ['another From tag', inDialog({ fromTag: 'other' }), 481], ['8.2.1: another id', inDialog({ headers: { Event: 'presence;id=8' } }), 481], ['8.2.1: no id', inDialog({ headers: { Event: 'presence' } }), 481],
    ['RFC 3261 12.2.2: an older CSeq', inDialog({ cseq: 0, headers: { Event: 'presence;id=7' } }), 500], ['too brief in the dialog', inDialog({ headers: { Event: 'presence;id=7', Expires: '1' } }), 423, ['Min-Expires', '60']],
  ]
  for (const [rule, options, status, header] of cases) {
    const { answer } = await watches(phone, options)
    t.equal(answer.status, status, rule)
    if (header !== undefined) t.match(answer.header(header[0]), header[1], `${rule}: ${header[0]}`)
  }
  t.strictSame([learns(phone), await world.dump()], [[], before])
  for (const [asked, granted] of [['60', '60'], ['7200', '7200'], ['86400', '7200'], ['4294967295', '7200']] as const) t.strictSame(answerOf((await watches(phone, { headers: { Expires: asked } })).answer), [200, granted], `never longer than asked: ${asked}`)
})

t.test('RFC 3856 6.5: Accept as phones write it', async (t) => {
  await begin()
  const phone = await desk()
  for (const accept of [undefined, PIDF, 'application/pidf+xml, application/xpidf+xml, application/cpim-pidf+xml', 'multipart/related, application/rlmi+xml, application/pidf+xml', 'application/PIDF+xml;q=0.8', 'application/*', '*/*']) {
    const { answer } = await watches(phone, { headers: { Accept: accept } })
    t.strictSame([answer.status, phone.hears().map(({ header }) => header('Content-Type'))], [200, [PIDF]], accept ?? 'no Accept')
  }
})

t.test('RFC 6665 4.2.2, 4.4.1: why a subscription ends', async (t) => {
  const client = await begin()
  const phone = await desk()
  await watches(phone, { headers: { Expires: '60' } })
  world.advance(61)
  await world.timers()
  t.strictSame(learns(phone).slice(1), ['2 NOTIFY presence terminated;reason=timeout: nothing'], 'its time is over')

  await watches(phone)
  phone.hears()
  await client.asksSoap('setACE', { type: 'USER', mask: `sip:${boris}`, rights: 'DD', deltaNum: 1 })
  t.strictSame(learns(phone), ['2 NOTIFY presence terminated;reason=rejected: nothing'], 'access denied')
  t.strictSame([(await watches(phone)).answer.status, await world.count('dialog')], [403, 0], 'and refused from then on')
  await client.asksSoap('setACE', { type: 'USER', mask: `sip:${boris}`, rights: 'BD', deltaNum: 2 })
  await watches(phone)
  t.strictSame(learns(phone), ['1 NOTIFY presence active;expires=3600: closed'], 'RFC 3856 6.6.2: a polite block looks like somebody who is not there')
  await client.asksSoap('setACE', { type: 'USER', mask: `sip:${boris}`, rights: 'AA', deltaNum: 3 })
  t.strictSame(learns(phone), ['2 NOTIFY presence active;expires=3600: open'])
  await removeUser(world.store.pool, anna, world.now)
  await world.timers()
  t.strictSame([learns(phone), await world.count('dialog'), await world.count('subscription')], [['3 NOTIFY presence terminated;reason=noresource: nothing'], 0, 0], 'the user is no more')
})

t.test('RFC 6665 4.1.3, RFC 3856 6.6.2: pending without a document, then the decision', async (t) => {
  const client = await begin()
  const phone = await desk()
  await client.asksSoap('setACE', { type: 'ALL', mask: '', rights: 'PD', deltaNum: 1 })
  const dialog = await watches(phone)
  t.strictSame([dialog.answer.status, learns(phone)], [200, ['1 NOTIFY presence pending;expires=3600: nothing']], '200 there as well')
  await dialog.refreshes()
  await client.publishes(interop(6500, 1))
  t.strictSame(learns(phone), ['2 NOTIFY presence pending;expires=3600: nothing'], 'a refresh is answered, a change is not told')
  const poll = await watches(phone, { headers: { Expires: '0' } })
  t.strictSame([poll.answer.status, learns(phone)], [200, ['1 NOTIFY presence terminated;reason=timeout: nothing']], 'who asks sees nothing')
  await client.asksSoap('setACE', { type: 'USER', mask: `sip:${boris}`, rights: 'AD', deltaNum: 2 })
  t.strictSame(learns(phone), ['3 NOTIFY presence active;expires=3600: open'], 'let in, at once')
  await client.asksSoap('setACE', { type: 'USER', mask: `sip:${boris}`, rights: 'PD', deltaNum: 3 })
  t.strictSame(learns(phone), ['4 NOTIFY presence pending;expires=3600: nothing'])
})

t.test('RFC 3261 12.1.1, 12.2.1: routes and target of the dialog', async (t) => {
  const client = await begin()
  const phone = await desk()
  const dialog = await watches(phone, { headers: { 'Record-Route': '<sip:p1.nordwind.example;lr>, <sip:p2.nordwind.example;lr>' } })
  const routesOf = ({ headers, ruri }: Heard) => [ruri, headers.filter(([name]) => name === 'Route').map(([, value]) => value)]
  const routes = ['<sip:p1.nordwind.example;lr>', '<sip:p2.nordwind.example;lr>']
  t.strictSame(phone.hears().map(routesOf), [[phone.contact.slice(1, -1), routes]])
  await dialog.refreshes({ contact: '<sip:boris@192.0.2.99:5071>' })
  await client.publishes(interop(18500, 1))
  t.strictSame(phone.hears().map(routesOf), Array(2).fill(['sip:boris@192.0.2.99:5071', routes]), 'a refresh moves the target')
})

t.test('which phone it is: Contacts that differ from those of REGISTER, and no registration at all', async (t) => {
  await begin()
  const phone = await desk()
  const endpointOf = async (): Promise<unknown> => (await world.store.pool.query<{ endpoint_id: string | null }>('SELECT endpoint_id FROM dialog ORDER BY created_at DESC, local_tag DESC LIMIT 1')).rows[0]?.endpoint_id !== null
  const stranger = { flow: 'another connection', contact: '<sip:somebody@198.51.100.1>' }
  const cases: readonly (readonly [name: string, options: RequestOptions, status: number, registered?: boolean])[] = [
    ['as registered', {}, 200, true], ['another port', { flow: 'f9', contact: '<sip:boris@192.0.2.10:12088>' }, 200, true], ['another address, the same connection', { contact: '<sip:boris@10.0.0.7:5060;transport=udp>' }, 200, true],
    ['a new instance id', { contact: '<sip:boris@192.0.2.10:5060>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000413aabbcc>"' }, 200, true], ['nothing known of it, in a lab', stranger, 401], ['nothing known of it, but whose it is', { ...stranger, user: boris }, 200, false],
  ]
  for (const [name, options, status, registered] of cases) {
    const { answer } = await watches(phone, options)
    t.equal(answer.status, status, name)
    if (registered !== undefined) t.equal(await endpointOf(), registered, `${name}: ${registered ? 'the registered phone' : 'a phone of its own'}`)
    world.advance(1)
  }
  const { answer: modern } = await phone.subscribes([anna], ['note'], { ...stranger, user: boris, epid: undefined })
  t.equal(modern.status, 401, 'a client of enhanced presence must be registered')
  const list = { ...stranger, user: boris, epid: undefined, headers: { Event: 'presence', Accept: 'application/pidf+xml, application/rlmi+xml, multipart/related', Supported: 'eventlist', Require: 'recipient-list-subscribe', 'Content-Type': 'application/resource-lists+xml', 'Content-Disposition': 'recipient-list' },
    to: 'lists@nordwind.example', body: `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><entry uri="sip:${anna}"/></list></resource-lists>` }
  const opened = await phone.opens(list)
  t.equal(opened.answer.status, 200, 'a phone with a list need not (RFC 5367)')
  const [held, other] = [await watches(phone, { ...stranger, user: boris }), await watches(world.client(clara), stranger)]
  t.equal((await held.refreshes()).status, 200)
  world.restart({ features: { ...world.engine.features, unregisteredPhones: false } })
  t.strictSame([(await held.refreshes()).status, (await opened.sends({ headers: { Require: undefined, 'Content-Disposition': undefined } })).status, (await other.refreshes()).status], [401, 401, 200], 'nor do those go on that were there before')
  t.equal((await held.cancels()).status, 200, 'but by their end')
  t.equal((await watches(phone, { ...stranger, user: boris })).answer.status, 401, 'switched off')
  t.equal((await phone.opens({ ...list, callId: 'list-2' })).answer.status, 401)
  t.equal((await watches(world.client(clara), stranger)).answer.status, 200, 'others never register here')
})

const runs = async (t: Test, client: Client, phone: Client, steps: readonly (readonly [advance: number, availability: number | undefined, heard: readonly string[]])[]): Promise<void> => {
  let version = 1
  for (const [advance, availability, heard] of steps) {
    world.advance(advance)
    if (availability !== undefined) await client.publishes(interop(availability, version++))
    else await world.timers()
    t.strictSame(phone.hears().map((one) => `${one.header('CSeq')?.split(' ', 1)[0]} ${basicOf(one)}${/<rpid:(busy|away)\/>/.exec(one.body)?.[1] ?? ''}`), heard, `${advance} s later: ${availability ?? 'the timer'}`)
  }
}

t.test('RFC 3856 6.10: not more than one notification in five seconds, the latest state wins', async (t) => {
  const client = await begin(5000)
  const phone = await desk()
  const modern = world.client(boris, 'modern')
  await modern.registers({ granted: 100_000 })
  await modern.subscribesOne(anna, ['note'])
  await client.publishes([{ category: 'note', container: 200, data: 'a' }])
  await client.publishes([{ category: 'note', container: 200, version: 1, data: 'b' }])
  t.strictSame(modern.learns().flat().length, 2, 'clients of enhanced presence hear everything at once')
  const dialog = await watches(phone)
  phone.hears()
  await runs(t, client, phone, [
    [1, 6500, []], [1, 18500, []], [2, undefined, []], [1, undefined, ['2 closed']], [6, 3500, ['3 open']], [1, 6500, []], [1, 3500, []], [2.9, undefined, []], [0.2, undefined, ['4 open']], [0, undefined, []],
  ])
  // Nothing is lost when the engine goes, and what is owed is not told twice.
  world.advance(1)
  await client.publishes(interop(18500, 6))
  world.restart({ template: { current: async () => standardTemplate, forget: () => undefined } })
  world.advance(20)
  await client.publishes(interop(6500, 7))
  t.strictSame(phone.hears(), [], 'left to the debt that is about to be paid')
  await world.timers()
  t.match(phone.hears().map(({ body }) => body), [/<rpid:busy\/>/], 'once, with the latest')
  await client.publishes(interop(18500, 8))
  await dialog.refreshes()
  t.strictSame(phone.hears().map(basicOf), ['closed'], 'what answers a SUBSCRIBE does not wait')
  await world.timers()
  t.strictSame(phone.hears(), [])
  await client.asksSoap('setACE', { type: 'USER', mask: `sip:${boris}`, rights: 'DD', deltaNum: 1 })
  t.match(learns(phone), [/ terminated;reason=rejected: nothing$/], 'nor does the end')
})

t.test('RFC 6446 3.3: the watcher asks for fewer, and is told so; a refresh takes it back', async (t) => {
  const client = await begin()
  const phone = await desk()
  const dialog = await watches(phone, { headers: { Event: 'presence;id=7;max-rate=0.05' } })
  t.strictSame(learns(phone), ['1 NOTIFY presence;id=7 active;expires=3600;max-rate=0.05: open'])
  await runs(t, client, phone, [[19, 18500, []], [2, undefined, ['2 closed']], [19, 6500, []]])
  await dialog.refreshes({ headers: { Event: 'presence;id=7' } })
  t.match(learns(phone), [/^3 NOTIFY presence;id=7 active;expires=3600: open/])
  await client.publishes(interop(18500, 3))
  t.match(learns(phone), [/^4 .*closed/], 'at once, now')
})

t.test('RFC 5839: who has the document is spared it', async (t) => {
  const client = await begin()
  const phone = await desk()
  const dialog = await watches(phone, { headers: { Expires: '600' } })
  const tag = phone.hears()[0]?.header('SIP-ETag')
  const asks = async (suppress: string | undefined, over: RequestOptions = {}): Promise<Heard> => {
    world.advance(10)
    return dialog.refreshes({ headers: { 'Suppress-If-Match': suppress, Expires: '600', ...over.headers } })
  }
  const known = await asks(tag)
  t.strictSame([known.status, known.body, ...['Expires', 'SIP-ETag'].map(known.header), learns(phone)], [204, '', '600', tag, []], '6.3: 204 and no NOTIFY')
  t.strictSame((await asks('*')).status, 204, '5.2: whatever it has')
  world.advance(580)
  await world.timers()
  t.strictSame(learns(phone), [], 'it lives on all the same')
  t.strictSame([(await asks('another')).status, phone.hears().map((heard) => [basicOf(heard), heard.header('SIP-ETag')])], [200, [['open', tag]]], 'a tag of another document')
  await client.publishes(interop(18500, 1))
  t.not(phone.hears()[0]?.header('SIP-ETag'), tag)
  t.strictSame([(await asks(tag)).status, learns(phone).length], [200, 1], 'it has changed')
  await client.publishes(interop(3500, 2))
  t.equal(phone.hears()[0]?.header('SIP-ETag'), tag, 'the same document has the same tag')
  const anew = await watches(phone, { headers: { 'Suppress-If-Match': tag } })
  t.strictSame([anew.answer.status, phone.hears().map((heard) => [line(heard), heard.header('SIP-ETag')])], [200, [['1 NOTIFY presence active;expires=3600: nothing', tag]]], '6.3: outside of a dialog the NOTIFY comes, without the document')
  const gone = await asks(tag, { headers: { Expires: '0' } })
  t.strictSame([gone.status, gone.header('Expires'), learns(phone), await world.count('dialog')], [204, '0', [], 1], 'also when it goes')
})
