import t from 'tap'
import { readTimeOffset } from '../../src/core/categories/time-offset.ts'
import { writePidf } from '../../src/core/documents/pidf.ts'
import { nothingSeen, type PresenceSeen } from '../../src/core/documents/presence-seen.ts'
import type { Container } from '../../src/core/model/container.ts'
import { noTouch, type Touch } from '../../src/core/model/touch.ts'
import { findPhones } from '../../src/core/notifications/phones.ts'
import { presenceViewOf, writePresenceChanges, writePresenceState, writeWithheldState, type PresenceTerms } from '../../src/core/notifications/presence.ts'
import { namespaces } from '../../src/core/xml/namespaces.ts'
import { person, presenceOf, tuple } from '../support/phone.ts'
import { findFaults, hasStructure } from '../support/structure.ts'
import { anna, instance, member, now, readIndependently, state, type Infoset } from './support.ts'

/** Documents for ordinary phones: what they show of other phones, in words of their own, and the shape of RFC 3863, 4479, 4480 and 4482, judged by another reader. */

const seen = (over: Partial<PresenceSeen> = {}): PresenceSeen => ({ ...nothingSeen, availability: 6500, displayName: 'Anna Nord', ...over })
const kept = (number: number, payload: string, publishTime = now) => instance({ category: 'pidf', container: 1, instance: number, payload, publishTime, expireType: 'endpoint', endpointId: `e${number}` })
const phonesOf = (...documents: readonly string[]) => findPhones(documents.map((payload, at) => kept(0x80000001 + at, payload, now - at)))

const short = (name: string): string => name.replace(/^\{.*[:/]([^:/}]*)\}/, (_, last: string) => (last === 'pidf' ? '' : `${last}:`))

/** A document, an element a line, its place shown by blanks; attributes other than declarations. */
const outline = ({ name, attributes, text, children }: Infoset, depth = 0): readonly string[] =>
  [`${' '.repeat(depth)}${[short(name), ...attributes.map((one) => one.replace(/^\{[^}]*\}/, '')), ...(text.trim() === '' ? [] : [`"${text}"`])].join(' ')}`, ...children.flatMap((child) => outline(child, depth + 1))]

const outlineOf = (text: string): readonly string[] => readIndependently(text).children.flatMap((child) => outline(child))

const desk = presenceOf(anna,
  tuple('open', '<op:service-description><op:service-id>org.3gpp.voice</op:service-id></op:service-description><contact priority="0.8">sip:20@192.0.2.20:5060</contact><note xml:lang="de">Nur Sprache</note><timestamp>2026-03-02T07:00:00+01:00</timestamp>', 'voice'),
  tuple('closed', '<contact>im:anna@nordwind.example</contact>', 'im 2'),
  person('<rpid:activities><rpid:on-the-phone/></rpid:activities><rpid:mood id="m1"><rpid:happy/></rpid:mood><rpid:user-input>active</rpid:user-input><rpid:time-offset>60</rpid:time-offset><ci:display-name>Other</ci:display-name><ci:homepage>http://nordwind.example/</ci:homepage><op:overriding-willingness><op:basic>open</op:basic></op:overriding-willingness><v:colour xmlns:v="urn:v" shade="7">blue</v:colour><dm:note>In Werk 2</dm:note>'),
  '<dm:device id="d1"><rpid:user-input id="u1">active</rpid:user-input><dm:deviceID>urn:x-mac:0003ba4811e3</dm:deviceID><dm:note>Desk</dm:note></dm:device>', '<dm:device id="d2"><rpid:class>x</rpid:class></dm:device>',
  '<note>Back at noon</note>', '<v:extra xmlns:v="urn:v"><v:deep/></v:extra>')

t.test('RFC 3863, 4479: services, devices and what nobody here knows are shown as the phone said it, the rest once and by the server', async (t) => {
  const text = writePidf(anna, seen({ token: 'on-the-phone', note: 'In Werk 2', timeOffset: 60, phones: phonesOf(desk) }), 'rfc4480')
  t.same(outlineOf(text), [
    'tuple id=presence', ' status', '  basic "open"',
    'tuple id=p80000001-voice', ' status', '  basic "open"', ' oma-pres:service-description', '  oma-pres:service-id "org.3gpp.voice"', ' contact priority=0.8 "sip:20@192.0.2.20:5060"', ' note lang=de "Nur Sprache"', ' timestamp "2026-03-02T06:00:00.000Z"',
    'tuple id=p80000001-im_2', ' status', '  basic "closed"', ' contact "im:anna@nordwind.example"', 'note "Back at noon"',
    'data-model:person id=person', ' rpid:activities', '  rpid:busy', '  rpid:on-the-phone', ' rpid:time-offset "60"', ' cipid:display-name "Anna Nord"',
    ' rpid:mood id=m1', '  rpid:happy', ' cipid:homepage "http://nordwind.example/"', ' oma-pres:overriding-willingness', '  oma-pres:basic "open"', ' v:colour shade=7 "blue"', ' data-model:note "In Werk 2"',
    'data-model:device id=p80000001-d1', ' rpid:user-input id=u1 "active"', ' data-model:deviceID "urn:x-mac:0003ba4811e3"', ' data-model:note "Desk"', 'v:extra', ' v:deep',
  ])
  const both = writePidf(anna, seen({ token: 'on-the-phone', note: 'In Werk 2', timeOffset: 60, phones: phonesOf(desk) }), 'both')
  t.same(outlineOf(both).filter((line) => /^(tuple|data-model|v:)/.test(line)), ['tuple id=0', 'tuple id=p80000001-voice', 'tuple id=p80000001-im_2', 'data-model:person id=person', 'data-model:device id=p80000001-d1', 'v:extra'], 'behind the one tuple of the other presence clouds')
  t.equal(writePidf(anna, seen({ phones: phonesOf(desk) }), 'microsoft'), writePidf(anna, seen(), 'microsoft'), 'which read nothing of it')
  await hasStructure(t, 'pidf', [text])
})

t.test('several phones: nothing that there is once stands twice, every id is one', async (t) => {
  const other = presenceOf(anna, tuple('open', '', 'voice'), person('<rpid:mood id="m1"><rpid:sad/></rpid:mood><rpid:sphere id="m1"><rpid:work/></rpid:sphere><rpid:place-type id="person"><rpid:other>x</rpid:other></rpid:place-type><v:colour xmlns:v="urn:v">red</v:colour><w:colour xmlns:w="urn:w">red</w:colour>', 'q'), '<note>Back at noon</note>', '<v:extra xmlns:v="urn:v"/>')
  const text = writePidf(anna, seen({ phones: phonesOf(desk, other, desk) }), 'rfc4480')
  const lines = outlineOf(text)
  t.same(lines.filter((line) => line.startsWith('tuple')), ['presence', 'p80000001-voice', 'p80000001-im_2', 'p80000002-voice', 'p80000003-voice', 'p80000003-im_2'].map((id) => `tuple id=${id}`))
  t.same(lines.filter((line) => /^( ?(rpid:(mood|sphere|place-type)|.:)|note|data-model:device id)/.test(line)), ['note "Back at noon"', ' rpid:mood id=m1', ' v:colour shade=7 "blue"', ' w:colour "red"', 'data-model:device id=p80000001-d1', 'data-model:device id=p80000003-d1', 'v:extra', ' v:deep'])
  t.equal(lines.filter((line) => line.includes('person ')).length, 1, 'one person')
  await hasStructure(t, 'pidf', [text])
})

t.test('whatever phones say: the document keeps its shape', async (t) => {
  const odd: readonly (readonly [name: string, document: string])[] = [
    ['nothing', presenceOf(anna)], ['no basic', presenceOf(anna, '<tuple id="a"><status/></tuple>')], ['ids of all sorts', presenceOf(anna, ...['a b', 'a_b', '1', '-', 'ä', 'a:b', '\u{1f600}', 'a"&amp;b'.replace('"', '')].map((id) => tuple('open', '', id)))],
    ['the status of the draft', presenceOf(anna, `<tuple id="0"><status><basic>open</basic><ep:activities xmlns:ep="${namespaces.draftRpidStatus}"><ep:activity>busy</ep:activity></ep:activities><ep:other xmlns:ep="${namespaces.draftRpidStatus}"/></status></tuple>`)],
    ['no namespaces and that of PIDF', presenceOf(anna, tuple('open', '<x xmlns=""/><y/><im xmlns="urn:im"/>'), person('<x xmlns=""/><z/><dm:unheard/>'), '<stray/><stray xmlns=""/>')],
    ['contacts', presenceOf(anna, tuple('open', '<contact priority="2">sip:a@b</contact>'), tuple('open', '<contact priority="0.1234">sip:a@b</contact>', 'b'), tuple('open', '<contact>not a URI</contact>', 'c'), tuple('open', '<contact>sip:a%20b@c;x=&quot;&amp;lt;y&quot;</contact>', 'd'))],
    ['notes and times', presenceOf(anna, tuple('open', '<note xml:lang="not a language">a &lt;b&gt;</note><note xml:lang="en-GB">b</note><note/><timestamp>yesterday</timestamp>'), '<note xml:lang="">c</note>')],
    ['no closing of CDATA', presenceOf(anna, person('<v:x xmlns:v="urn:v"><![CDATA[</dm:person></presence>]]></v:x>'))], ['mandatory parts', presenceOf(anna, tuple('open', '<v:x xmlns:v="urn:v" xmlns:p="urn:ietf:params:xml:ns:pidf" p:mustUnderstand="1"/>'))],
    ['a prefix that means something else here', presenceOf(anna, person('<rpid:x xmlns:rpid="urn:other" xmlns:dm="urn:more"><dm:y/></rpid:x><ci:x xmlns:ci="urn:third"/>'))],
  ]
  const documents = odd.map(([, document]) => writePidf(anna, seen({ note: 'x', phones: phonesOf(document) }), 'rfc4480'))
  await hasStructure(t, 'pidf', documents, 'all of them')
  t.same(await findFaults('pidf', [documents[0]?.replace('<tuple id="presence">', '<tuple>') ?? '']).then((faults) => faults.length > 0), true, 'the other reader does find faults')
  t.same(outlineOf(documents[2] ?? '').filter((line) => line.startsWith('tuple')).map((line) => line.slice('tuple id='.length + 10)), ['', 'a_b', 'a_b.2', '1', '-', '_', 'a_b.3', '__', 'a_b.4'])
  t.same(outlineOf(documents[3] ?? '').filter((line) => /activit|other/.test(line)), ['  rpid-status:other', ' rpid:activities'], 'activities are the person\'s')
  t.same(outlineOf(documents[4] ?? '').filter((line) => /\b([xyz]|stray|im|unheard)$/.test(line)), [' im:im'], 'only what may be an extension')
  t.same(outlineOf(documents[5] ?? '').filter((line) => line.startsWith(' contact')), [' contact "sip:a@b"', ' contact "sip:a@b"'], 'no priority that is none, no contact that is none')
})

t.test('a notification must fit: the newest phones are shown', async (t) => {
  const big = (mark: string): string => presenceOf(anna, tuple('open', `<note>${mark}</note>`), ...Array.from({ length: 20 }, (_, at) => tuple('closed', `<v:x xmlns:v="urn:v">${'x'.repeat(500)}</v:x>`, `u${at}`)))
  const text = writePidf(anna, seen({ phones: phonesOf(big('one'), big('two'), big('three')) }), 'rfc4480')
  t.same(['one', 'two', 'three'].map((mark) => text.includes(`<note>${mark}</note>`)), [true, false, false])
  t.ok(text.length < 20_000)
  const heavy = `<presence xmlns="${namespaces.pidf}" xmlns:a="urn:${'a'.repeat(1000)}" xmlns:b="urn:${'b'.repeat(1000)}" entity="sip:${anna}">${'<a:x>b:</a:x>'.repeat(900)}</presence>`
  t.ok(heavy.length < 16_384, 'it may be published')
  const without = writePidf(anna, seen({ phones: phonesOf(heavy) }), 'rfc4480')
  t.equal(without, writePidf(anna, seen(), 'rfc4480'), 'what weighs more here than it was sent with, too')
})

const containers: readonly Container[] = [{ id: 100, membersVersion: 1, members: [member('federated')] }, { id: 200, membersVersion: 1, members: [member('sameEnterprise')] }, { id: 32000, membersVersion: 1, members: [member('user', 'boris@nordwind.example')] }]
const terms: PresenceTerms = { categories: [], isHidden: (name) => name === 'legacyInterop' || name === 'pidf', pidfForm: () => 'rfc4480', showsDevices: new Set(), showsPhones: new Set([200, 300, 400]), now }
const interop = (container: number, availability: number) => instance({ category: 'legacyInterop', container, payload: `<legacyInterop xmlns="${namespaces.categories}" availability="${availability}"/>` })
const zone = (bias: number, type = 'aggregateState'): string => `<state xmlns="${namespaces.state}" xmlns:xsi="${namespaces.xsi}" xsi:type="${type}"><availability>3500</availability><delimiter xmlns="${namespaces.commonTypes}"/><timeZoneBias>${bias}</timeZoneBias><end xmlns="${namespaces.commonTypes}"/></state>`

t.test('who is shown phones and time zone: the containers that show devices, while the user can be reached', async (t) => {
  const of = (availability: number) => state({ containers, instances: [interop(100, availability), interop(200, availability), interop(32000, 18500), kept(9, desk), instance({ category: 'state', container: 200, payload: zone(-60) })] })
  const sees = (user: string, network: 'sameEnterprise' | 'federated', availability = 3500): unknown => {
    const view = presenceViewOf(of(availability), terms)
    const lines = outlineOf(writePresenceState(view, { user, network, format: 'pidf' }, terms).text)
    return [lines.filter((line) => line.startsWith('tuple')).length, lines.find((line) => line.includes('time-offset'))?.trim()]
  }
  t.same([sees('dora@nordwind.example', 'sameEnterprise'), sees('clara@suedwind.example', 'federated'), sees('boris@nordwind.example', 'sameEnterprise'), sees('dora@nordwind.example', 'sameEnterprise', 18000)],
    [[3, 'rpid:time-offset "60"'], [1, undefined], [1, undefined], [1, undefined]], 'colleagues; partners, the blocked and everybody while she is away see nothing of it')
  const view = presenceViewOf(of(3500), terms)
  t.equal(outlineOf(writeWithheldState(view, { user: 'dora@nordwind.example', network: 'sameEnterprise', format: 'pidf' }, terms).text).length, 3, 'nor does who is blocked politely')
  const touch: Touch = { ...noTouch, categories: { pidf: [1] } }
  const watchers = [['dora@nordwind.example', 'sameEnterprise'], ['clara@suedwind.example', 'federated'], ['boris@nordwind.example', 'sameEnterprise']] as const
  const hears = (availability: number, form: 'rfc4480' | 'both' | 'microsoft', format: 'pidf' | 'msrtc' = 'pidf'): readonly string[] =>
    [...writePresenceChanges(of(availability), touch, watchers.map(([subscriber, network]) => ({ subscriber, network, format })), { ...terms, pidfForm: () => form }).keys()].map(({ subscriber }) => subscriber)
  t.same([hears(3500, 'rfc4480'), hears(3500, 'both'), hears(3500, 'microsoft'), hears(18000, 'rfc4480'), hears(3500, 'both', 'msrtc')], [['dora@nordwind.example'], ['dora@nordwind.example'], [], [], []], 'a change is heard by those who see it')
})

t.test('3.8.5.1.2.7: where the user is, in words of a phone, is for those who are shown places', (t) => {
  const place = '<rpid:place-is><rpid:note>At the doctor</rpid:note></rpid:place-is><rpid:place-type><rpid:other>clinic</rpid:other></rpid:place-type>'
  const located = '<gp:geopriv xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"><gp:location-info>50.1 8.6</gp:location-info></gp:geopriv>'
  const document = presenceOf(anna, `<tuple id="a"><status><basic>open</basic>${located}</status>${place}<rpid:time-offset>60</rpid:time-offset></tuple>`, person(`${place}<rpid:mood><rpid:happy/></rpid:mood>`), `<dm:device id="d"><dm:deviceID>urn:x</dm:deviceID>${located}</dm:device>`, located)
  const sees = (showsPlaces: readonly number[]): readonly string[] => {
    const own = { ...terms, showsPlaces: new Set(showsPlaces) }
    const view = presenceViewOf(state({ containers, instances: [interop(200, 3500), kept(9, document)] }), own)
    const { text } = writePresenceState(view, { user: 'dora@nordwind.example', network: 'sameEnterprise', format: 'pidf' }, own)
    return [...text.matchAll(/<rpid:(place-is|place-type|mood|time-offset)|<gp:(geopriv)|<(tuple|dm:device) /g)].map(([, ...found]) => found.find((name) => name !== undefined) ?? '')
  }
  t.same(sees([300]), ['tuple', 'tuple', 'mood', 'dm:device'])
  t.same(sees([200]), ['tuple', 'tuple', 'geopriv', 'place-is', 'place-type', 'place-is', 'place-type', 'mood', 'dm:device', 'geopriv', 'geopriv'])
  t.end()
})

t.test('where notes are given to nobody, those of phones are not either', (t) => {
  const sees = (hidden: readonly string[]): readonly string[] => {
    const own = { ...terms, isHidden: (name: string) => terms.isHidden(name) || hidden.includes(name) }
    const { text } = writePresenceState(presenceViewOf(state({ containers, instances: [interop(200, 3500), kept(9, desk)] }), own), { user: 'dora@nordwind.example', network: 'sameEnterprise', format: 'pidf' }, own)
    return outlineOf(text).filter((line) => line.includes('note ')).map((line) => line.trim())
  }
  t.same(sees([]), ['note lang=de "Nur Sprache"', 'note "Back at noon"', 'data-model:note "Desk"'])
  t.same(sees(['note']), [])
  t.end()
})

t.test('3.8.5.1.2.7: who says to be away is not given away by a phone that says otherwise', async (t) => {
  const said = (availability: number, number = 9) => instance({ category: 'state', container: 2, instance: 0x30000000 + number, expireType: 'endpoint', endpointId: `e${number}`, payload: zone(0, 'machineState').replace('3500', String(availability)) })
  const lines = (shown: number, own: number | undefined): readonly string[] => {
    const view = presenceViewOf(state({ containers, instances: [interop(200, shown), kept(9, desk), ...(own === undefined ? [] : [said(3500), { ...said(own), instance: 1 }])] }), terms)
    return outlineOf(writePresenceState(view, { user: 'dora@nordwind.example', network: 'sameEnterprise', format: 'pidf' }, terms).text).filter((line) => line.startsWith('tuple'))
  }
  t.same(([[3500, 3500], [11999, 3500], [12000, 3500], [15500, 15500], [15500, 12500], [15500, undefined]] as const).map(([shown, own]) => lines(shown, own).length), [3, 3, 1, 3, 1, 1])
  const touch: Touch = { ...noTouch, categories: { pidf: [1] } }
  const hears = (shown: number, own: number): number => writePresenceChanges(state({ containers, instances: [interop(200, shown), kept(9, desk), said(own)] }), touch, [{ subscriber: 'dora@nordwind.example', network: 'sameEnterprise', format: 'pidf' }], terms).size
  t.same([hears(6500, 3500), hears(15500, 15500), hears(15500, 3500)], [1, 1, 0], 'nor by being heard of')
})

t.test('RFC 4480 3.13: time-offset counts to the east, timeZoneBias to the west', async (t) => {
  for (const [payload, offset] of [[zone(-60), 60], [zone(300), -300], [zone(0), 0], [zone(-60, 'machineState'), undefined], [zone(1441), undefined], [zone(-99999), undefined], ['<state/>', undefined], ['', undefined], ['x', undefined]] as const) t.equal(readTimeOffset(payload), offset, payload)
})
