import t from 'tap'
import { defaultPlan } from '../../src/core/aggregation/plan.ts'
import { readPersonalNote } from '../../src/core/categories/note.ts'
import { builtInPayloadChecks } from '../../src/core/categories/validate-payload.ts'
import { builtInRegistry, type CategoryRegistry } from '../../src/core/categories/registry.ts'
import { readStatePayload } from '../../src/core/categories/state-payload.ts'
import type { Endpoint } from '../../src/core/model/endpoint.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { findEventState, decideEventState, type EventStateContext } from '../../src/core/publications/publish-event-state.ts'
import { phoneInstances } from '../../src/core/publications/pidf-instances.ts'
import { MAX_CUSTOM, readStates, stateRows } from '../../src/core/publications/pidf-table.ts'
import { MAX_PARTS, readKeptPidf, readPidf, type PidfDocument } from '../../src/core/requests/pidf.ts'
import { doing, person, presenceOf, tuple } from '../support/phone.ts'
import { anna, applyChanges, bytes, endpoint, instance, must, now, state, verdict } from './support.ts'

const ID = '0a1b2c3d-0000-5000-8000-000000000001'
/** 0x0a1b2c3d with the highest bit set, which keeps it away from the small numbers. */
const HASH = 0x8a1b2c3d

const read = (...parts: readonly string[]): PidfDocument => must(readPidf(bytes(presenceOf(anna, ...parts)), anna, 100_000))

t.test('RFC 3863, RFC 4479, RFC 4480, OMA: everything of a document is read', async (t) => {
  const document = read(
    tuple('open', '<rpid:class>x</rpid:class><contact priority="0.8">sip:anna@192.0.2.1:5070</contact><note xml:lang="de">Am Platz</note><timestamp>2031-03-04T09:00:00Z</timestamp>' +
      '<op:willingness><op:basic>closed</op:basic></op:willingness><op:service-description><op:service-id>voice</op:service-id></op:service-description><x:y xmlns:x="urn:x">z</x:y>'),
    '<tuple id="t2"><status><basic>closed</basic><rpid:activities><rpid:busy/></rpid:activities><ext xmlns="urn:e"/></status></tuple>',
    person('<rpid:activities from="2031-03-04T09:00:00Z"><rpid:note>Im Gespräch</rpid:note><rpid:on-the-phone/><rpid:other>Inventur</rpid:other></rpid:activities><rpid:mood><rpid:happy/></rpid:mood>' +
      '<rpid:place-is><rpid:note>Halle 4</rpid:note><rpid:audio><rpid:noisy/></rpid:audio></rpid:place-is><rpid:time-offset description="Europe/Berlin">+60</rpid:time-offset>' +
      '<rpid:user-input last-input="2031-03-04T09:29:00Z">active</rpid:user-input><op:overriding-willingness><op:basic>open</op:basic></op:overriding-willingness><dm:note>Hallo</dm:note><dm:timestamp>2031-03-04T09:01:00Z</dm:timestamp>'),
    '<dm:device id="d1"><rpid:user-input>idle</rpid:user-input><dm:deviceID>urn:x-mac:1</dm:deviceID></dm:device>',
    '<note>Alle</note><ci:display-name>Anna N.</ci:display-name>')
  const [first, second] = document.tuples
  t.match(first, { id: 't1', basic: 'open', contact: { uri: 'sip:anna@192.0.2.1:5070', priority: '0.8' }, willingness: 'closed', notes: [{ lang: 'de', text: 'Am Platz' }], timestamp: Date.UTC(2031, 2, 4, 9), activities: [] })
  t.strictSame(first?.extensions.map((text) => text.slice(0, 24)), ['<rpid:class xmlns="urn:i', '<op:willingness xmlns="u', '<op:service-description ', '<x:y xmlns="urn:ietf:par'], 'verbatim, each with the declarations that it needs')
  t.match(second, { basic: 'closed', contact: undefined, activities: [{ name: 'busy', text: '' }] })
  t.strictSame(second?.statusExtensions.map((text) => /<([\w:-]+)/.exec(text)?.[1]), ['rpid:activities', 'ext'])
  t.match(document.persons, [{
    activities: [{ name: 'on-the-phone' }, { name: 'other', text: 'Inventur' }], notes: [{ text: 'Hallo' }, { text: 'Im Gespräch' }], place: 'Halle 4', timeOffset: { minutes: 60, description: 'Europe/Berlin' },
    userInput: { state: 'active', lastInput: Date.UTC(2031, 2, 4, 9, 29) }, overridingWillingness: 'open', timestamp: Date.UTC(2031, 2, 4, 9, 1),
  }])
  t.strictSame(document.persons[0]?.extensions.map((text) => /<([\w:-]+)/.exec(text)?.[1]), ['rpid:activities', 'rpid:mood', 'rpid:place-is', 'rpid:time-offset', 'rpid:user-input', 'op:overriding-willingness'])
  t.match(document.devices, [{ id: 'd1', userInput: { state: 'idle', lastInput: undefined } }])
  t.strictSame([document.notes.map(({ text }) => text), document.extensions.map((text) => /<([\w:-]+)/.exec(text)?.[1])], [['Alle'], ['ci:display-name']])
  t.strictSame(readKeptPidf(document.source), document, 'what is kept reads the same')
})

const ENTITIES: readonly (readonly [entity: string | undefined, expected: string])[] = [
  [`entity="sip:${anna}"`, 'ok'], [`entity="pres:${anna}"`, 'ok'], [`entity="sips:anna@NORDWIND.example;transport=tls"`, 'ok'], [`entity="${anna}"`, 'ok'], ['entity=""', 'ok'], [undefined, 'ok'],
  ['entity="sip:boris@nordwind.example"', 'bodyNotValid'], ['entity="tel:+4930"', 'bodyNotValid'], ['entity="anna"', 'bodyNotValid'],
]

t.test('RFC 3863 4.1.1: the entity is the publisher, or nobody', async (t) => {
  for (const [entity, expected] of ENTITIES) t.equal(verdict(readPidf(bytes(`<presence xmlns="urn:ietf:params:xml:ns:pidf" ${entity ?? ''}>${tuple('open')}</presence>`), anna, 10_000)), expected, entity ?? 'none')
})

const many = (count: number): string => Array.from({ length: count }, (_, at) => tuple('open', '', `t${at}`)).join('')

const DOCUMENTS: readonly (readonly [what: string, body: string, expected: string])[] = [
  ['no part at all', presenceOf(anna), 'ok'],
  ['a tuple without basic', presenceOf(anna, '<tuple id="a"><status/></tuple>'), 'ok'],
  ['a tuple without status (4.1.2)', presenceOf(anna, '<tuple id="a"/>'), 'bodyNotValid'],
  ['a tuple without id (4.1.2)', presenceOf(anna, '<tuple><status><basic>open</basic></status></tuple>'), 'bodyNotValid'],
  ['an empty id', presenceOf(anna, tuple('open', '', ' ')), 'bodyNotValid'],
  ['an id twice (4.1.2)', presenceOf(anna, tuple('open'), tuple('closed')), 'bodyNotValid'],
  ['a person of the same id as a tuple', presenceOf(anna, tuple('open', '', 'x'), person('', 'x')), 'ok'],
  ['two persons of one id', presenceOf(anna, person(''), person('')), 'bodyNotValid'],
  ['another word for basic (4.1.4)', presenceOf(anna, tuple('ajar')), 'bodyNotValid'],
  ['as many parts as may be', presenceOf(anna, many(MAX_PARTS)), 'ok'],
  ['one more', presenceOf(anna, many(MAX_PARTS), person('')), 'bodyNotValid'],
  ['another root', presenceOf(anna).replaceAll('presence', 'absence'), 'bodyNotValid'],
  ['another namespace', '<presence xmlns="urn:x" entity=""/>', 'bodyNotValid'],
  ['nothing', '', 'bodyMissing'],
  ['no XML', 'presence', 'bodyNotXml'],
  ['an entity of its own', '<!DOCTYPE presence [<!ENTITY x "y">]><presence xmlns="urn:ietf:params:xml:ns:pidf">&x;</presence>', 'bodyNotXml'],
  ['too deep', presenceOf(anna, `${'<a>'.repeat(80)}${'</a>'.repeat(80)}`), 'bodyNotXml'],
  ['too large', presenceOf(anna, `<note>${'x'.repeat(20_000)}</note>`), 'inputTooLarge'],
]

t.test('RFC 3863 4.1: which documents are refused', async (t) => {
  for (const [what, body, expected] of DOCUMENTS) t.equal(verdict(readPidf(bytes(body), anna, 20_000)), expected, what)
  t.equal(readKeptPidf('<x/>'), undefined)
  t.equal(readKeptPidf('not XML'), undefined)
})

const CONTACTS: readonly (readonly [contact: string, expected: object | undefined])[] = [
  ['<contact>sip:anna@h.example</contact>', { uri: 'sip:anna@h.example', priority: undefined }], ['<contact priority="1">tel:+4930</contact>', { uri: 'tel:+4930', priority: '1' }],
  ['<contact priority="0.725">im:anna@h</contact>', { uri: 'im:anna@h', priority: '0.725' }], ['<contact priority="1.1">im:anna@h</contact>', { uri: 'im:anna@h', priority: undefined }],
  ['<contact priority="0.1234">im:anna@h</contact>', { uri: 'im:anna@h', priority: undefined }], ['<contact priority="0.5"></contact>', undefined], ['<contact>anna</contact>', undefined], ['<contact>sip:a b</contact>', undefined],
  ['<contact>sip:a&lt;b&gt;</contact>', undefined], [`<contact>sip:${'x'.repeat(600)}</contact>`, undefined],
]

t.test('RFC 3863 4.1.5: a contact is a URI, or nothing', async (t) => {
  for (const [contact, expected] of CONTACTS) t.strictSame(read(tuple('open', contact)).tuples[0]?.contact, expected, contact)
})

const MUST = 'xmlns:impp="urn:ietf:params:xml:ns:pidf" impp:mustUnderstand'

t.test('RFC 3863 4.2.3: an element whose mandatory content is not known is passed over whole; what is not mandatory is passed over alone', async (t) => {
  const names = (content: string): readonly string[] => read(person(`<rpid:activities>${content}</rpid:activities>`)).persons.flatMap(({ activities }) => activities.map(({ name }) => name))
  t.strictSame(names('<rpid:busy/><x:new xmlns:x="urn:x"/>'), ['busy'])
  t.strictSame(names(`<rpid:busy/><x:new xmlns:x="urn:x" ${MUST}="0"/>`), ['busy'])
  for (const value of ['1', 'true']) t.strictSame(names(`<rpid:busy/><x:new xmlns:x="urn:x" ${MUST}="${value}"/>`), [], value)
  const kept = read(`<tuple id="a"><status><basic>open</basic><x:new xmlns:x="urn:x" ${MUST}="1"/></status></tuple>`).tuples[0]
  t.strictSame([kept?.basic, kept?.statusExtensions.length], ['open', 1], 'basic stands, and others are shown the extension as it came')
})

/** What is published for a document, a line an instance: category, number, container, and what it says. */
const published = (...parts: readonly string[]): readonly string[] =>
  phoneInstances(anna, ID, read(...parts), now).flatMap(({ category, instance: number, payloads }) => [...payloads].map(([container, payload]) => {
    t.equal(builtInPayloadChecks.get(category)?.(payload), undefined, `${category} is what section 7 says: ${payload}`)
    const said = readStatePayload(payload)
    const activities = said?.activities.map(({ token, custom, minAvailability, maxAvailability }) => ` ${token === '' ? `'${custom.replace(/<[^>]*>/g, '')}'` : `${token} ${minAvailability}-${maxAvailability}`}`).join('') ?? ''
    const what = said === undefined ? '' : ` ${said.type}${said.manual ? ' manual' : ''} ${said.availability ?? 'none'}${activities}`
    return `${category} 0x${number.toString(16)} ${container}${what}`
  }))

const states = (...parts: readonly string[]): readonly string[] => published(...parts).filter((line) => line.startsWith('state')).map((line) => line.slice('state '.length))

/** A state that is the same in both containers. */
const both = (number: string, what: string): readonly string[] => [`${number} 2 ${what}`, `${number} 3 ${what}`]

const input = (state_: string, secondsAgo?: number): string => `<rpid:user-input${secondsAgo === undefined ? '' : ` last-input="${new Date(now - secondsAgo * 1000).toISOString()}"`}>${state_}</rpid:user-input>`

const MACHINES: readonly (readonly [what: string, parts: readonly string[], availability: number])[] = [
  ['open', [tuple('open')], 3500], ['nothing is said', [], 3500], ['no basic', ['<tuple id="a"><status/></tuple>'], 3500],
  ['closed', [tuple('closed')], 18500], ['all closed', [tuple('closed', '', 'a'), tuple('closed', '', 'b')], 18500], ['one open', [tuple('closed', '', 'a'), tuple('open', '', 'b')], 3500],
  ['not willing (OMA)', [tuple('open', '<op:willingness><op:basic>closed</op:basic></op:willingness>')], 18500],
  ['not willing, as softphones spell it', [tuple('open', '<x:willingness xmlns:x="urn:ietf:params:xml:ns:pidf:oma-pres"><x:basic>closed</x:basic></x:willingness>')], 18500],
  ['closed counts more than idle', [tuple('closed'), person(input('idle'))], 18500],
  ['idle', [tuple('open'), person(input('idle'))], 5000], ['idle device', [tuple('open'), `<dm:device id="d">${input('idle')}</dm:device>`], 5000], ['idle service', [tuple('open', input('idle'))], 5000],
  ['active', [tuple('open'), person(input('active'))], 3500], ['used just now', [tuple('open'), person(input('active', 300))], 3500], ['unused for 5 minutes', [tuple('open'), person(input('active', 301))], 5000],
  ['idle, used just now', [tuple('open'), person(input('idle', 1))], 5000], ['unused for 20 minutes', [tuple('open'), person(input('idle', 1200))], 5000], ['longer', [tuple('open'), person(input('idle', 1201))], 15500],
  ['a clock ahead of ours', [tuple('open'), person(input('active', -900))], 3500], ['another word', [tuple('open'), person(input('asleep'))], 3500],
  ['the most active part counts', [tuple('open', input('active', 10)), person(input('idle', 5000))], 3500],
  ['away', [tuple('open'), doing('away')], 15500], ['away and sleeping', [tuple('open'), doing('away', 'sleeping')], 15500], ['away and in a meeting', [tuple('open'), doing('away', 'meeting')], 3500],
]

t.test('the table: the state of the phone', async (t) => {
  for (const [what, parts, availability] of MACHINES) t.strictSame(states(...parts).slice(0, 2), both('0x38a1b2c3', `machineState ${availability}`), what)
})

const USER = 'userState'
const ACTIVITIES: readonly (readonly [name: string, states: readonly string[]])[] = [
  ['on-the-phone', both('0x88a1b2c4', 'phoneState 6500 on-the-phone 6500-8999')],
  ...['meeting', 'appointment'].map((name) => [name, both('0x48a1b2c5', 'calendarState 6500 in-a-meeting 6500-8999')] as const),
  ...['busy', 'working', 'worship', 'performance', 'steering'].map((name) => [name, both('0x28a1b2c6', `${USER} 6500`)] as const),
  ['presentation', both('0xa8a1b2c7', 'presentingState 9000 in-presentation 9000-11999')],
  ...['away', 'in-transit', 'travel', 'shopping'].map((name) => [name, both('0x28a1b2c8', `${USER} 15500 away 15000-17999`)] as const),
  ...['breakfast', 'lunch', 'dinner', 'meal'].map((name) => [name, both('0x28a1b2c9', `${USER} 12500 be-right-back 12000-14999`)] as const),
  ...['holiday', 'vacation', 'permanent-absence'].map((name) => [name, both('0x58a1b2ca', 'calendarState none out-of-office 12000-Infinity')] as const),
  ['sleeping', both('0x28a1b2cb', `${USER} 15500 off-work 15000-17999`)],
  ...['tv', 'playing', 'spectator'].map((name) => [name, both('0x28a1b2cc', `${USER} none '${name}'`)] as const),
  ['looking-for-work', both('0x28a1b2cc', `${USER} none 'looking for work'`)], ['other=Inventur &amp; mehr', both('0x28a1b2cc', `${USER} none 'Inventur &amp; mehr'`)], ['a-new-one', both('0x28a1b2cc', `${USER} none 'a new one'`)],
  ['other=', []], ['unknown', []],
  ['other=do-not-disturb', ['0x28a1b2c3 2 userState manual 9500', '0x28a1b2c3 3 userState manual 6900 urgent-interruptions-only 6900-8999']],
]

t.test('the table: activities, row by row', async (t) => {
  for (const [name, expected] of ACTIVITIES) t.strictSame(states(tuple('open'), doing(name)).slice(2), expected, name)
  t.strictSame(states(tuple('open'), person('<op:overriding-willingness><op:basic>closed</op:basic></op:overriding-willingness>')).slice(2), ACTIVITIES.at(-1)?.[1], 'OMA')
  t.strictSame(states(tuple('open'), person('<rpid:activities><rpid:busy>Do not disturb</rpid:busy></rpid:activities>')).slice(2, 4), ACTIVITIES.at(-1)?.[1], 'as Linphone writes it')
  t.strictSame(states(`<tuple id="t"><status><basic>open</basic><ep:activities xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status"><ep:activity>on-the-phone</ep:activity></ep:activities></status></tuple>`).slice(2), ACTIVITIES[0]?.[1], 'in a tuple, in the words of the draft (MS-PRES 2.2.2.8.1)')
  t.strictSame(states(tuple('open'), doing('busy', 'on-the-phone', 'working', 'other=A', 'other=A')).slice(2).filter((line) => line.includes(' 2 ')), ['0x88a1b2c4 2 phoneState 6500 on-the-phone 6500-8999', '0x28a1b2c6 2 userState 6500', "0x28a1b2cc 2 userState none 'A'"], 'several: each row once, under its own number')
  t.equal(readStates(read(doing(...Array.from({ length: 9 }, (_, at) => `other=${at}`))), now).customs.length, MAX_CUSTOM)
  t.equal(readStates(read(doing('x'.repeat(5_000))), now).customs[0]?.length, 512, 'long ones are cut')
  t.equal(new Set(stateRows.map(({ input: name }) => name)).size, stateRows.length)
})

t.test('the table: device, note and the document itself; place and time zone go with the state of the phone', async (t) => {
  const rest = (...parts: readonly string[]): readonly string[] => published(...parts).filter((line) => !line.startsWith('state'))
  const number = `0x${HASH.toString(16)}`
  t.strictSame(rest(tuple('open')), [`device ${number} 2`, `pidf ${number} 1`])
  t.strictSame(rest(tuple('closed')), [`pidf ${number} 1`], 'who cannot be reached offers no service')
  t.strictSame(rest(tuple('open'), '<note>da</note>'), [`device ${number} 2`, `note ${number} 200`, `note ${number} 300`, `note ${number} 400`, `pidf ${number} 1`])
  const note = (...parts: readonly string[]): string | undefined => readPersonalNote(phoneInstances(anna, ID, read(...parts), now).filter(({ category }) => category === 'note').flatMap(({ payloads }) => [...payloads.values()]).slice(0, 1))
  t.equal(note(tuple('open', '<note>t</note>'), '<note>p</note>', person('<dm:note> </dm:note><dm:note>a &lt; b</dm:note>')), 'a < b')
  t.equal(note(tuple('open', '<note>t</note>'), '<note>p</note>'), 'p')
  t.equal(note(tuple('open', '<note>t</note>')), 't')
  t.equal(note(tuple('open')), undefined)
  const [machine] = phoneInstances(anna, ID, read(person('<rpid:place-is><rpid:note>Kai 3</rpid:note></rpid:place-is><rpid:time-offset description="Europe/Berlin">60</rpid:time-offset>')), now)
  const said = readStatePayload(machine?.payloads.get(2) ?? '')
  t.match(said?.endpointLocation, 'Kai 3')
  t.match(said?.timeZone, /<timeZoneBias[^>]*>-60<.*<timeZoneName[^>]*>Europe\/Berlin</)
  t.match(said?.device, 'deskphone')
})

const context = (over: Partial<EventStateContext> = {}): EventStateContext =>
  ({ now, tag: undefined, newTag: 'tag1', limits: { maxPerUser: 2 }, registry: builtInRegistry, plan: defaultPlan, maxWeight: 100_000, ...over })

const asks = (expires: number, ...parts: readonly string[]) => ({ ok: true, value: { expires, document: parts.length === 0 ? undefined : read(...parts) } } as const)

/** A state after a request, and the tag to go on with. */
const after = (before: PublisherState, over: Partial<EventStateContext>, ...parts: readonly string[]): PublisherState => applyChanges(before, must(decideEventState(asks(600, ...parts), before, context(over))).changes)

const lines = ({ instances }: PublisherState): readonly string[] => instances.map(({ category, container, instance: number, instanceVersion, expireType }) => `${category} ${container}/0x${number.toString(16)} v${instanceVersion} ${expireType}`).sort()

t.test('a modification puts what changed, keeps what did not, removes what is said no more; a refresh only moves its end', async (t) => {
  const first = after(state(), {}, tuple('open'), doing('busy'))
  const [phone] = first.endpoints
  t.match(phone, { proxy: '', flow: '', entityTag: 'tag1', expiresAt: now + 600_000, registeredAt: now })
  const second = after(first, { tag: 'tag1', newTag: 'tag2', now: now + 1000 }, tuple('open'), doing('meeting'))
  t.strictSame(second.endpoints.map(({ endpointId, entityTag, expiresAt }) => [endpointId, entityTag, expiresAt]), [[phone?.endpointId, 'tag2', now + 601_000]], 'the endpoint stays, the tag does not')
  const [was, is] = [lines(first).filter((line) => / endpoint$/.test(line)), lines(second).filter((line) => / endpoint$/.test(line))]
  t.equal(was.length, 6)
  t.strictSame(is.filter((line) => was.includes(line)).map((line) => line.split(' ')[0]), ['device', 'state', 'state'], 'device and the state of the phone are as they were')
  t.equal(is.filter((line) => line.startsWith('pidf')).length, 1)
  t.match(is.find((line) => line.startsWith('pidf')), / v2 /)
  const refreshed = must(decideEventState(asks(60), second, context({ tag: 'tag2', newTag: 'tag3', now: now + 2000 })))
  t.match(refreshed, { changes: [{ kind: 'putEndpoint', endpoint: { entityTag: 'tag3', expiresAt: now + 62_000 } }], touch: { categories: {} } })
  t.equal(refreshed.changes.length, 1)
  const removed = applyChanges(second, must(decideEventState(asks(0), second, context({ tag: 'tag2', newTag: 'tag3' }))).changes)
  t.strictSame([removed.endpoints, removed.instances.filter(({ expireType }) => expireType !== 'static')], [[], []])
})

t.test('412 for what is not current, or past its time; the bound on living tags', async (t) => {
  const registered = endpoint({ endpointId: 'r' })
  const tagged = (entityTag: string, expiresAt = now + 1): Endpoint => endpoint({ endpointId: entityTag, entityTag, expiresAt })
  const judge = (tag: string | undefined, ...endpoints: readonly Endpoint[]): string => verdict(decideEventState(asks(600, tuple('open')), state({ endpoints }), context({ tag })))
  t.equal(judge('a', registered, tagged('b')), 'conditionFailed')
  t.equal(judge('a', tagged('a', now)), 'conditionFailed', 'at its second')
  t.equal(judge('a', tagged('a')), 'ok')
  t.equal(judge(undefined, registered, tagged('b')), 'ok', 'registered endpoints do not count')
  t.equal(judge(undefined, tagged('a'), tagged('b')), 'eventStatesExceeded')
  t.equal(judge(undefined, tagged('a'), tagged('b', now)), 'ok')
  t.equal(judge('b', tagged('a'), tagged('b')), 'ok')
  t.equal(findEventState([tagged('a')], 'a', now)?.entityTag, 'a')
})

t.test('a number that somebody else has is passed over; what the operator took away or narrowed is left out', async (t) => {
  const [phone] = after(state(), {}, tuple('open')).endpoints
  const hash = (Number.parseInt(phone?.endpointId.slice(0, 8) ?? '', 16) | 0x80000000) >>> 0
  const mine = instance({ category: 'state', container: 3, instance: 0x30000000 + (hash >>> 4), payload: '' })
  const crowded = state({ instances: [mine, instance({ category: 'note', container: 300, instance: hash })] })
  const beside = after(crowded, {}, tuple('open'), '<note>x</note>')
  t.ok(beside.instances.includes(mine), 'untouched')
  t.strictSame(beside.instances.filter(({ category, expireType, instance: number }) => expireType === 'endpoint' && (category === 'note' || number === mine.instance + 1)).map(({ category, container, instance: number }) => [category, container, number - (category === 'note' ? hash : mine.instance)]),
    [['state', 2, 1], ['state', 3, 1], ['note', 200, 1], ['note', 300, 1], ['note', 400, 1]], 'the next one, the same in all containers')
  const again = after(beside, { tag: 'tag1', newTag: 'tag2', now: now + 1 }, tuple('open'), '<note>x</note>')
  t.strictSame(lines(again), lines(beside), 'and found again')
  const rules = new Map([...builtInRegistry.rules].filter(([name]) => name !== 'note').map(([name, rule]) => [name, name === 'pidf' ? { ...rule, maxBytes: 10 } : rule]))
  const narrow: CategoryRegistry = { rules, openTo: undefined }
  t.strictSame([...new Set(after(state(), { registry: narrow }, tuple('open'), '<note>x</note>').instances.filter(({ expireType }) => expireType === 'endpoint').map(({ category }) => category))], ['state', 'device'])
  t.equal(verdict(decideEventState(asks(600, tuple('open')), state(), context({ maxWeight: 500 }))), 'categoryQuotaExceeded')
})
