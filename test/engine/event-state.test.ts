import t from 'tap'
import { aggregate } from '../../src/core/aggregation/aggregate.ts'
import { defaultPlan } from '../../src/core/aggregation/plan.ts'
import { endpointIdOfEpid } from '../../src/core/sip/endpoint-id.ts'
import { cleanUpEndpoints } from '../../src/engine/housekeeping.ts'
import { loadEndpoints } from '../../src/store/endpoints.ts'
import { loadInstances } from '../../src/store/instances.ts'
import { poolSession } from '../../src/store/session.ts'
import { aggregating, endpointOf, openStage, stored, type Stage } from '../support/aggregation-stage.ts'
import type { RequestOptions } from '../support/client.ts'
import { doing, person, Phone, presenceOf, tuple } from '../support/phone.ts'
import { arrival, DESK, userState } from '../support/presence.ts'
import { openWorld, people } from '../support/world.ts'

// PUBLISH of ordinary phones (RFC 3903), and what becomes of what they publish.

const world = await openWorld(t)
const { anna, boris, clara } = people
const session = poolSession(world.store.pool)

const phoneOf = (user: string, name = 'desk'): Phone => new Phone(world.client(user, name))
const OPEN = presenceOf(anna, tuple('open'))

/** What a watcher of the presence package reads, in words: open, busy and so on. */
const pidfSeenBy = async (user: string, of = anna): Promise<string> => {
  const watcher = world.client(user)
  const { answer } = await watcher.subscribesOne(of, [], { body: '', headers: { Accept: 'application/pidf+xml', 'Content-Type': undefined, Expires: '0' } })
  const text = [answer, ...watcher.hears()].map(({ body }) => body).find((body) => body.includes('<basic>')) ?? ''
  const activities = [...text.matchAll(/<rpid:([a-z-]+)(?:\/>|>([^<]*)<\/rpid:\1>)/g)].map(([, name, inside]) => inside ?? name)
  const note = /<dm:note>([^<]*)</.exec(text)?.[1]
  return [/<basic>(\w+)</.exec(text)?.[1] ?? '', ...activities, ...(note === undefined ? [] : [`"${note}"`])].join(' ')
}

t.test('RFC 3903 4.2, 6: initial, refresh, modify and remove; each 200 has Expires and a new tag, and the old one is void at once', async (t) => {
  const phone = phoneOf(anna)
  const tags: (string | undefined)[] = []
  const step = async (what: string, run: () => Promise<{ status: number; header: (name: string) => string | undefined; headers: readonly unknown[]; body: string }>, expires: string): Promise<void> => {
    const old = phone.tag
    const answer = await run()
    t.equal(answer.status, 200, what)
    t.equal(answer.header('Expires'), expires, what)
    t.strictSame([answer.headers.length, answer.body], [2, ''], 'nothing else: no Contact, no Record-Route')
    const tag = answer.header('SIP-ETag')
    t.match(tag, /^[A-Za-z0-9]+$/)
    t.notOk(tags.includes(tag), 'never the same tag again')
    tags.push(tag)
    if (old !== undefined) t.equal((await phone.sends({ headers: { 'SIP-If-Match': old } })).status, 412, `the tag before ${what} is void`)
  }
  await step('initial', () => phone.publishes(tuple('open')), '600')
  await step('refresh', () => phone.refreshes(), '600')
  await step('modify', () => phone.publishes(tuple('closed')), '600')
  await step('remove', () => phone.removes(), '0')
  t.equal(await world.count('endpoint'), 0)
  t.equal(await world.count('category_instance'), 0)
  t.equal((await phone.sends({ headers: { 'SIP-If-Match': tags.at(-1) } })).status, 412, 'the tag of a removal names nothing')
})

const REFUSALS: readonly (readonly [section: string, what: string, options: RequestOptions, status: number, headers?: Readonly<Record<string, string>>])[] = [
  ['6 step 1', 'nobody is called so', { to: 'nobody@nordwind.example', body: OPEN }, 404],
  ['6 step 1', 'comes before the event', { to: 'nobody@nordwind.example', headers: { Event: 'dialog' } }, 404],
  ['RFC 3261 8.2.2.3', 'requires what is not offered', { body: OPEN, headers: { Require: 'x-new, eventlist' } }, 420, { Unsupported: 'x-new, eventlist' }],
  ['6 step 2', 'an event that is not published', { body: OPEN, headers: { Event: 'presence.winfo' } }, 489, { 'Allow-Events': 'presence' }],
  ['6 step 2', 'no event', { body: OPEN, headers: { Event: undefined } }, 489, { 'Allow-Events': 'presence' }],
  ['6 step 2', 'comes before the sender', { to: boris, headers: { Event: 'dialog' } }, 489],
  ['5', 'for somebody else', { to: boris, body: presenceOf(boris, tuple('open')) }, 403],
  ['5', 'comes before the tag', { to: boris, headers: { 'SIP-If-Match': 'a, b' } }, 403],
  ['6 step 3', 'two tags', { headers: { 'SIP-If-Match': 'a, b' } }, 400],
  ['6 step 3', 'no tag in the header', { headers: { 'SIP-If-Match': '' } }, 400],
  ['6 step 3', 'a tag that is no token', { headers: { 'SIP-If-Match': '"a"' } }, 400],
  ['6 step 3', 'an unknown tag', { headers: { 'SIP-If-Match': 'unknown' } }, 412],
  ['6 step 3', 'comes before Expires', { headers: { 'SIP-If-Match': 'unknown', Expires: '1' } }, 412],
  ['6 step 3', 'comes before the body', { body: 'x', headers: { 'SIP-If-Match': 'unknown', 'Content-Type': 'text/plain' } }, 412],
  ['6 step 4', 'too short', { body: OPEN, headers: { Expires: '59' } }, 423, { 'Min-Expires': '60' }],
  ['6 step 4', 'comes before the body', { body: 'x', headers: { Expires: '1', 'Content-Type': 'text/plain' } }, 423],
  ['6 step 4', 'not a number', { body: OPEN, headers: { Expires: 'soon' } }, 400],
  ['6 step 5', 'another type', { body: 'hello', headers: { 'Content-Type': 'text/plain' } }, 415, { Accept: 'application/pidf+xml' }],
  ['6 step 5', 'partial publication (RFC 5264)', { body: OPEN, headers: { 'Content-Type': 'application/pidf-diff+xml' } }, 415, { Accept: 'application/pidf+xml' }],
  ['6 step 5', 'no type', { body: OPEN, headers: { 'Content-Type': undefined } }, 415],
  ['6 step 5', 'neither body nor tag', {}, 400],
  ['6 step 5', 'not XML', { body: '<presence' }, 400],
  ['6 step 5', 'another document', { body: '<note xmlns="urn:ietf:params:xml:ns:pidf"/>' }, 400],
  ['6 step 5', 'about somebody else', { body: presenceOf(boris, tuple('open')) }, 400],
  ['6 step 5', 'too large', { body: presenceOf(anna, tuple('open', `<note>${'x'.repeat(8_000)}</note>`)) }, 413],
]

t.test('RFC 3903 6: what is refused, in the order of its steps; nothing is stored', async (t) => {
  const before = await world.dump()
  for (const [section, what, options, status, headers = {}] of REFUSALS) {
    const answer = await phoneOf(anna).sends(options)
    t.equal(answer.status, status, `${section}: ${what}`)
    for (const [name, value] of Object.entries(headers)) t.equal(answer.header(name), value, `${section}: ${what}: ${name}`)
  }
  t.strictSame(await world.dump(), before)
})

t.test('RFC 3903 6 step 1: the Request-URI names whose state it is; where a proxy put a server there, To does', async (t) => {
  const phone = phoneOf(anna)
  const sent = (ruri: string): Promise<number> => phone.client.sendsRaw(phone.client.text('PUBLISH', { headers: { Event: 'presence', 'Content-Type': 'application/pidf+xml' }, body: OPEN }).replace(/^PUBLISH \S+/, `PUBLISH ${ruri}`)).then(({ status }) => status)
  t.equal(await sent('sip:presence.nordwind.example'), 200)
  t.equal(await sent(`sips:${anna};transport=tls`), 200)
  t.equal(await sent(`sip:${boris}`), 403)
  t.equal(await sent('sip:nobody@nordwind.example'), 404)
})

t.test('RFC 3903 6 step 4: Expires is granted as asked, by default, or shortened; the state ends at its second, and watchers hear it', async (t) => {
  await world.reset({ ...aggregating })
  for (const [asked, granted] of [['60', '60'], ['7200', '7200'], ['7201', '7200'], ['4294967295', '7200'], [undefined, '3600'], ['0', '0']] as const) {
    const phone = phoneOf(anna)
    const answer = await phone.sends({ body: OPEN, headers: { Expires: asked } })
    t.strictSame([answer.status, answer.header('Expires')], [200, granted], asked ?? 'none')
    if (granted !== '0') await phone.removes()
  }
  t.equal(await world.count('endpoint'), 0, 'an initial publication of no duration is answered and not kept')
  const phone = phoneOf(anna)
  await phone.sends({ body: OPEN, headers: { Expires: '60' } })
  t.equal((await loadEndpoints(session, anna))[0]?.expiresAt, world.now + 60_000, 'exactly, without the margin of registrations')
  t.equal(await pidfSeenBy(clara), 'open')
  world.advance(59)
  t.equal((await phone.sends({ headers: { Expires: '60' } })).status, 200)
  world.advance(60)
  t.equal((await phone.refreshes()).status, 412, 'whether or not a timer has run')
  await world.timers()
  t.equal(await world.count('endpoint'), 0)
  t.equal(await pidfSeenBy(clara), 'closed')
})

t.test('RFC 3903 4: the same request again gets the same answer and is not carried out again', async (t) => {
  const phone = phoneOf(anna)
  const again = { callId: 'again', fromTag: 'f' }
  const first = await phone.sends({ ...again, cseq: 1, body: OPEN })
  const dump = await world.dump()
  const repeated = await new Phone(phone.client).sends({ ...again, cseq: 1, body: OPEN })
  t.strictSame([repeated.status, repeated.header('SIP-ETag'), repeated.header('Expires'), repeated.toTag], [200, first.header('SIP-ETag'), '600', first.toTag])
  const tag = phone.tag
  const refreshed = await phone.sends({ ...again, cseq: 2 })
  t.equal((await phone.sends({ ...again, cseq: 2, headers: { 'SIP-If-Match': tag } })).header('SIP-ETag'), refreshed.header('SIP-ETag'), 'although its tag is void by now')
  const removed = await phone.sends({ ...again, cseq: 3, headers: { Expires: '0' } })
  t.equal((await phone.sends({ ...again, cseq: 3, headers: { Expires: '0', 'SIP-If-Match': refreshed.header('SIP-ETag') } })).header('SIP-ETag'), removed.header('SIP-ETag'))
  t.not(dump, await world.dump())
  t.equal((await new Phone(phone.client).sends({ ...again, cseq: 4, body: OPEN })).status, 200, 'another CSeq is another request')
})

t.test('two of the same tag at once: one is carried out, the other comes too late', async (t) => {
  const phone = phoneOf(anna)
  await phone.publishes(tuple('open'))
  const { tag } = phone
  const answers = await Promise.all([1, 2, 3].map((cseq) => phoneOf(anna).sends({ cseq, callId: `race${cseq}`, body: OPEN, headers: { 'SIP-If-Match': tag } })))
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 412, 412])
})

t.test('phones and clients of one user that publish all at once lose nothing, and what is computed fits what was published', async (t) => {
  await world.reset({ ...aggregating })
  const clients = ['a', 'b'].map((name) => world.client(anna, `${name}000000001`))
  const phones = ['p', 'q', 'r'].map((name) => phoneOf(anna, name))
  for (const client of clients) await client.registers()
  const answers = await Promise.all([
    ...clients.map((client, at) => client.publishes(arrival({ ...DESK, number: DESK.number + at }, anna))), ...phones.map((phone) => phone.publishes(tuple('open'), doing('meeting'))),
    clients[0]?.publishes(userState(9500)),
  ])
  t.strictSame(answers.map((answer) => answer?.status), [200, 200, 200, 200, 200, 200])
  await Promise.all([...phones.map((phone) => phone.publishes(tuple('closed'))), clients[1]?.deregisters()])
  const instances = await loadInstances(session, anna, 'all')
  t.equal(instances.filter(({ category, expireType }) => category === 'state' && expireType === 'endpoint').length, 8, 'one client and three phones in two containers')
  t.strictSame(aggregate(defaultPlan, { publisher: anna, instances, endpoints: await loadEndpoints(session, anna) }, world.now, 'all'), [])
})

t.test('a user has so many living tags; those that have run out do not count, and what is there may go on', async (t) => {
  const phones = ['a', 'b', 'c', 'd'].map((name) => phoneOf(anna, name))
  const [first, , , fourth] = phones
  t.strictSame(await Promise.all(phones.slice(0, 3).map(async (phone) => (await phone.publishes(tuple('open'))).status)), [200, 200, 200])
  const refused = await fourth?.publishes(tuple('open'))
  t.equal(refused?.status, 403)
  t.match(refused?.header('ms-diagnostics'), /at most 3/)
  t.equal((await first?.publishes(tuple('closed')))?.status, 200)
  t.equal((await phoneOf(boris).publishes(tuple('open'))).status, 200, 'each user')
  world.advance(600)
  t.equal((await fourth?.publishes(tuple('open')))?.status, 200)
})

t.test('switched off, the engine is one that does not know the method', async (t) => {
  await world.reset({ features: { ...world.engine.features, publish: false } })
  const answer = await phoneOf(anna).sends({ body: OPEN })
  t.strictSame([answer.status, answer.header('Allow')], [405, 'SERVICE, SUBSCRIBE'])
  await world.reset()
  t.equal((await world.client(anna).sends('MESSAGE')).header('Allow'), 'SERVICE, SUBSCRIBE, PUBLISH')
})

/** The state and other categories as each level sees them, in lines without versions. */
const levels = (stage: Stage): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(Object.entries(stage.heard()).map(([level, notifications]) => [level, (notifications.at(-1) ?? []).filter((line) => line.startsWith('state'))]))

t.test('a phone without any registration is seen by enhanced clients and phones alike; its removal leaves nothing', async (t) => {
  const stage = await openStage(world)
  const phone = phoneOf(anna)
  await phone.publishes(tuple('open'))
  t.strictSame(levels(stage), { 100: ['state#1: aggregate 3500'], 200: ['state#1: aggregate 3500 on deskphone'], 300: ['state#1: aggregate 3500 on deskphone'], 400: ['state#1: aggregate 3500 on deskphone'], 32000: [] })
  t.equal(await pidfSeenBy(clara), 'open')
  t.equal((await world.client(anna).subscribesSelf()).answer.status, 401, 'it is no registration')
  await phone.publishes(tuple('open'), doing('on-the-phone'))
  t.strictSame(levels(stage)[200], ['state#1: aggregate 6500 on-the-phone on deskphone'])
  t.equal(await pidfSeenBy(clara), 'open busy', 'at level 100 activities are not told')
  await phone.refreshes()
  t.strictSame(stage.heard(), { 100: [], 200: [], 300: [], 400: [], 32000: [] }, 'a refresh tells nobody anything')
  await phone.removes()
  t.strictSame(levels(stage)[200], ['state#0: aggregate 18000 since 08:00:00'])
  t.equal(await pidfSeenBy(clara), 'closed')
  t.strictSame((await stored(world)).filter((line) => / endpoint$| user$/.test(line)), [])
})

/** What a do-not-disturb key makes of a phone that was open, level by level. */
const KEYS: readonly (readonly [what: string, parts: readonly string[], seen: Readonly<Record<number, string>>, pidf: string])[] = [
  ['basic closed, as desk phones do', [tuple('closed')], { 100: '18500 since 08:00:00', 200: '18500 since 08:00:00', 300: '18500 since 08:00:00', 400: '18500 since 08:00:00' }, 'closed'],
  ['overriding willingness closed (OMA)', [tuple('open'), person('<op:overriding-willingness><op:basic>closed</op:basic></op:overriding-willingness>')],
    { 100: '9500', 200: '9500 on deskphone', 300: '6900 urgent-interruptions-only on deskphone', 400: '9500 on deskphone' }, 'open do-not-disturb busy'],
  ['the word under which we tell it ourselves', [tuple('open'), doing('busy', 'other=do-not-disturb')],
    { 100: '9500', 200: '9500 on deskphone', 300: '6900 urgent-interruptions-only on deskphone', 400: '9500 on deskphone' }, 'open do-not-disturb busy'],
]

t.test('do not disturb on a phone, and what each level is shown of it', async (t) => {
  for (const [what, parts, seen, pidf] of KEYS) {
    const stage = await openStage(world)
    const phone = phoneOf(anna)
    await phone.publishes(tuple('open'))
    stage.heard()
    await phone.publishes(...parts)
    t.strictSame(levels(stage), { ...Object.fromEntries(Object.entries(seen).map(([level, text]) => [level, [`state#1: aggregate ${text.replace('since 08:00:00', '').trim()}${text.includes('since') && level !== '100' ? ' since 08:00:00' : ''}`]])), 32000: [] }, what)
    t.equal(await pidfSeenBy(clara), pidf, what)
  }
})

t.test('two phones of a user compose: the most active counts, the busiest activity, each goes by itself', async (t) => {
  const stage = await openStage(world)
  const [desk, mobile] = [phoneOf(anna), phoneOf(anna, 'mobile')]
  await desk.publishes(tuple('open'), person('<rpid:user-input>idle</rpid:user-input>'))
  t.strictSame(levels(stage)[200], ['state#1: aggregate 5000 since 08:00:00 on deskphone'])
  await mobile.publishes(tuple('open'), doing('meeting', 'other=Quartalszahlen'))
  t.strictSame(levels(stage)[200], ['state#1: aggregate 6500 in-a-meeting on deskphone'])
  await mobile.publishes(tuple('closed'))
  t.strictSame(levels(stage)[200], ['state#1: aggregate 5000 since 08:00:00 on deskphone'], 'what it no longer says is gone')
  world.advance(599)
  await desk.refreshes()
  stage.heard()
  world.advance(1)
  world.delivery.wake(await cleanUpEndpoints(world.engine))
  await world.delivery.idle()
  t.equal(await world.count('endpoint WHERE entity_tag IS NOT NULL'), 1, 'the one that was not refreshed ran out')
  t.strictSame(stage.heard()[300], [], 'nobody sees a difference')
  await desk.removes()
  t.strictSame(levels(stage)[300], ['state#0: aggregate 18000 since 08:10:00'])
})

t.test('a phone and an enhanced client of one user: both count, and the departure of one leaves the other', async (t) => {
  const stage = await openStage(world)
  const desk = endpointOf(world, 'desk000001')
  await desk.client.registers({ granted: 100_000 })
  await desk.client.publishes([...arrival(DESK, anna), ...userState(6500)])
  const self = await desk.client.subscribesSelf()
  const phone = phoneOf(anna)
  stage.heard()
  desk.client.hears()
  world.advance(1)
  await phone.publishes(tuple('open'), doing('on-the-phone'), '<note>Bin im Lager</note>')
  t.strictSame(levels(stage)[400], ['state#1: aggregate 6500 on-the-phone on deskphone'], 'the phone is the one that published last')
  const told = desk.client.hears()
  t.match(told.flatMap(({ says }) => says).join('\n'), /note#\d+ in 200 v1 endpoint of [0-9a-f-]{36} "Bin im Lager"/, 'the other endpoints of the user hear what it published')
  t.match(told.flatMap(({ says }) => says).join('\n'), /pidf#\d+ in 1 v1 endpoint/)
  t.equal((await desk.client.registers({ contact: '*', headers: { Expires: '0' } })).action, 'removed')
  t.equal(await pidfSeenBy(boris), 'open busy on-the-phone "Bin im Lager"', 'Contact: * ends registrations, not what phones publish')
  await desk.client.registers({ granted: 100_000 })
  await desk.client.publishes(arrival(DESK, anna))
  await phone.removes()
  t.equal(await pidfSeenBy(boris), 'open busy', 'what the user set by hand stands')
  t.strictSame((await stored(world)).filter((line) => /^(note|pidf) /.test(line)), [])
  t.ok(self)
})

t.test('a phone never takes the place of what others published, nor do clients write what it is kept in', async (t) => {
  await world.reset({ ...aggregating })
  const client = world.client(anna)
  await client.registers()
  const tag = (await new Phone(world.client(anna, 'probe')).sends({ body: OPEN })).header('SIP-ETag') ?? ''
  const number = (Number.parseInt(endpointIdOfEpid(`event-state:${tag}`).slice(0, 8), 16) | 0x80000000) >>> 0
  t.equal((await client.publishes([{ category: 'pidf', container: 1, data: 'mine' }])).status, 403)
  t.match((await stored(world)).join('\n'), new RegExp(`pidf 1/${number} v1 endpoint`), 'the number comes of the endpoint')
  t.match((await stored(world)).join('\n'), new RegExp(`device 2/${number} v1 endpoint`))
  t.match((await stored(world)).join('\n'), new RegExp(`state 2/${0x30000000 + (number >>> 4)} v1 endpoint`))
})

t.test('what phones publish is no endpoint to anything else: REGISTER, SUBSCRIBE, the loss of a binding, admission by epid', async (t) => {
  await phoneOf(anna).publishes(tuple('open'))
  const [endpoint] = await loadEndpoints(session, anna)
  const instance = `<urn:uuid:${endpoint?.endpointId}>`
  const client = world.client(anna)
  t.equal((await client.subscribesSelf(undefined, { epid: undefined, contact: `<sip:anna@192.0.2.9>;+sip.instance="${instance}"` })).answer.status, 401)
  await client.losesBinding({ contact: endpoint?.contact ?? '' })
  t.equal((await client.deregisters()).action, 'removed')
  t.strictSame(await loadEndpoints(session, anna), endpoint === undefined ? [] : [endpoint])
})

t.test('all publications of a user together are bounded, and a phone that goes is never refused', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxPublisherBytes: 10_000 } })
  const phone = phoneOf(anna)
  const large = (size: number): string => tuple('open', `<note>${'x'.repeat(size)}</note>`)
  t.equal((await phone.publishes(large(100))).status, 200)
  const other = await phoneOf(anna, 'other').publishes(large(7_000))
  t.strictSame([other.status, /2010/.test(other.header('ms-diagnostics') ?? '')], [413, true])
  t.equal((await phone.removes()).status, 200)
})
