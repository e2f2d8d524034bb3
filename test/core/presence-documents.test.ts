import fc from 'fast-check'
import t from 'tap'
import { mainPhone, readContactCards } from '../../src/core/categories/contact-card.ts'
import { readLegacyInterop } from '../../src/core/categories/legacy-interop.ts'
import { readPersonalNote } from '../../src/core/categories/note.ts'
import { writeLegacyDevice, writeLegacyUserInfo } from '../../src/core/categories/legacy-presence.ts'
import { builtInRegistry, isPrivate } from '../../src/core/categories/registry.ts'
import { writeMsrtcPresence } from '../../src/core/documents/msrtc.ts'
import { pidfForms, writePidf, type PidfForm } from '../../src/core/documents/pidf.ts'
import { nothingSeen, type PresenceSeen } from '../../src/core/documents/presence-seen.ts'
import { presenceTable, rowOf, rpidActivities } from '../../src/core/documents/presence-tables.ts'
import { watcherId, writeWatcherInfo } from '../../src/core/documents/watcher-info.ts'
import { endReasons } from '../../src/core/model/dialog.ts'
import { touchOfInstances } from '../../src/core/model/diff.ts'
import type { Container } from '../../src/core/model/container.ts'
import type { SourceNetwork } from '../../src/core/model/network.ts'
import { instanceKeyText, type CategoryInstance } from '../../src/core/model/publication.ts'
import { noTouch, type Touch } from '../../src/core/model/touch.ts'
import { eventOfEnd, watcherEvents, watcherStatuses, type Watcher } from '../../src/core/model/watcher.ts'
import { changesDevices } from '../../src/core/notifications/devices.ts'
import { presenceCategories, presenceViewOf, writePresenceChanges, writePresenceState, type PresenceTerms, type PresenceWatcher } from '../../src/core/notifications/presence.ts'
import { writeUserUri } from '../../src/core/sip/uri.ts'
import { checkPresenceSubscribe, choosePresence, negotiatePresence } from '../../src/core/subscriptions/presence-format.ts'
import { namespaces } from '../../src/core/xml/namespaces.ts'
import { escapeXml } from '../../src/core/xml/write.ts'
import { parseXml } from '../../src/core/xml/parse.ts'
import { findFaults, hasStructure } from '../support/structure.ts'
import { anna, boris, bytes, clara, instance, member, must, now, readIndependently, request, state, verdict, type Infoset } from './support.ts'

const seen = (over: Partial<PresenceSeen> = {}): PresenceSeen => ({ ...nothingSeen, availability: 3500, ...over })
const { pidf, draftRpidStatus, dataModel, rpid, cipid, msrtcPresence, xsi } = namespaces

/** A golden document as people read it, brought to the form in which it is sent. */
const golden = (text: string): string => text.trim().replace(/>\s+</g, '><').replace(/\s+(?=[\w:]+=")/g, ' ')

const find = (node: Infoset, ...path: readonly string[]): Infoset | undefined => {
  const [next, ...rest] = path
  if (next === undefined) return node
  const child = node.children.find(({ name }) => name === next)
  return child === undefined ? undefined : find(child, ...rest)
}

const valueOf = (node: Infoset | undefined, name: string): string | undefined => node?.attributes.find((text) => text.startsWith(`{}${name}=`))?.slice(`{}${name}=`.length)

/** The six values of 3.7.5.5 in a document, read by another library. */
const msrtcOf = (availability: number, token?: string): readonly unknown[] => {
  const root = readIndependently(writeMsrtcPresence(anna, seen({ availability, token })))
  const state = find(root, `{${msrtcPresence}}aggregate`, `{${msrtcPresence}}states`, `{${msrtcPresence}}state`)
  return [Number(valueOf(state, 'avail')), state?.text, Number(valueOf(find(root, `{${msrtcPresence}}availability`), 'aggregate')), Number(valueOf(find(root, `{${msrtcPresence}}activity`), 'aggregate'))]
}

const basicOf = (root: Infoset): string | undefined => find(root, `{${pidf}}tuple`, `{${pidf}}status`, `{${pidf}}basic`)?.text

/** Basic, the activity of the draft, those of RFC 4480 and user-input. */
const pidfOf = (availability: number, token?: string): readonly unknown[] => {
  const root = readIndependently(writePidf(anna, seen({ availability, token }), 'both'))
  const person = find(root, `{${dataModel}}person`)
  const local = (name: string): string => name.slice(name.indexOf('}') + 1)
  return [
    basicOf(root),
    find(root, `{${pidf}}tuple`, `{${pidf}}status`, `{${draftRpidStatus}}activities`, `{${draftRpidStatus}}activity`)?.text ?? '-',
    person === undefined ? 'no person' : find(person, `{${rpid}}activities`)?.children.map(({ name, text }) => (text === '' ? local(name) : `${local(name)}=${text}`)).join(' ') ?? '-',
    find(root, `{${dataModel}}person`, `{${rpid}}user-input`)?.text ?? '-',
  ]
}

// 3.7.5.5, 3.7.5.4 and what ordinary phones read, as the documents print them: written down apart from the table of the code.
const rows: readonly (readonly [from: number, to: number, token: string | undefined, msrtc: readonly unknown[], pidf: readonly unknown[]])[] = [
  [0, 2999, undefined, [18500, 'offline', 0, 100], ['closed', '-', 'no person', '-']],
  [3000, 4499, undefined, [3500, 'online', 300, 400], ['open', '-', 'no person', '-']],
  [4500, 5999, undefined, [15500, 'idle', 300, 100], ['open', 'away', 'away', 'idle']],
  [6000, 7499, undefined, [6500, 'busy', 300, 600], ['open', 'busy', 'busy', '-']],
  [6000, 7499, 'on-the-phone', [6500, 'on-the-phone', 300, 500], ['open', 'on-the-phone', 'busy on-the-phone', '-']],
  [6000, 7499, 'On-The-Phone', [6500, 'On-The-Phone', 300, 600], ['open', 'busy', 'other=On-The-Phone busy', '-']],
  [7500, 8999, undefined, [15500, 'away', 300, 100], ['open', 'away', 'busy away', 'idle']],
  [9000, 11999, undefined, [9500, 'do-not-disturb', 300, 600], ['open', 'busy', 'other=do-not-disturb busy', '-']],
  [12000, 14999, undefined, [12500, 'be-right-back', 300, 300], ['open', 'away', 'away', '-']],
  [15000, 17999, undefined, [15500, 'away', 300, 100], ['open', 'away', 'away', '-']],
  [18000, 4294967295, undefined, [18500, 'offline', 0, 100], ['closed', '-', 'no person', '-']],
]

t.test('3.7.5.4 and 3.7.5.5: every row at both ends and between', async (t) => {
  for (const [from, to, token, msrtc, pidf] of rows) {
    for (const availability of [from, Math.floor((from + to) / 2), to]) {
      t.same(msrtcOf(availability, token), msrtc, `MSRTC ${availability} ${token ?? ''}`)
      t.same(pidfOf(availability, token), pidf, `PIDF ${availability} ${token ?? ''}`)
    }
  }
  t.equal(presenceTable.length, rows.length - 1, 'no row but these')
  for (let at = 1; at < rows.length; at += 1) {
    const [from, to] = rows[at] ?? []
    const [lastFrom, lastTo = 0] = rows[at - 1] ?? []
    t.ok(from === lastTo + 1 || (from === lastFrom && to === lastTo), `no gap before ${from}`)
  }
})

t.test('3.7.5.5: the state element equals the token of legacyInterop whatever the availability; only on-the-phone of the busy class has a row of its own', async (t) => {
  for (const [from, , , [avail, , availability]] of rows) {
    t.same(msrtcOf(from, 'urgent-interruptions-only').slice(0, 3), [avail, 'urgent-interruptions-only', availability])
    if (from !== 6000) t.equal(msrtcOf(from, 'on-the-phone')[3], msrtcOf(from)[3], `${from} on-the-phone`)
  }
})

t.test('RFC 4480 3.2: tokens become activities, each once, those in words of our own first', async (t) => {
  const cases: readonly (readonly [availability: number, token: string, activities: readonly unknown[]])[] = [
    [3500, 'online', []], [5000, 'idle', ['away']], [6500, 'busy', ['busy']], [9500, 'do-not-disturb', [{ other: 'do-not-disturb' }, 'busy']], [12500, 'be-right-back', ['away']], [15500, 'away', ['away']], [18000, 'offline', []],
    [7000, 'in-a-conference', ['busy', 'on-the-phone']], [6500, 'in-a-meeting', ['busy', 'meeting']], [9000, 'presenting', [{ other: 'do-not-disturb' }, 'busy', 'presentation']], [9000, 'in-presentation', [{ other: 'do-not-disturb' }, 'busy', 'presentation']], [15500, 'out-of-office', ['away']],
    [15500, 'off-work', ['away']], [12500, 'out-to-lunch', ['away', 'meal']], [6900, 'urgent-interruptions-only', [{ other: 'urgent-interruptions-only' }, 'busy']], [8400, 'urgent-interruptions-only', [{ other: 'urgent-interruptions-only' }, 'busy', 'away']], [3500, 'gardening', [{ other: 'gardening' }]], [3500, 'constructor', [{ other: 'constructor' }]],
  ]
  for (const [availability, token, expected] of cases) t.same(rpidActivities(rowOf(availability, token), token), expected, `${availability} ${token}`)
  t.equal(pidfOf(18500, 'out-of-office')[2], 'no person', 'of who is not there nothing is told')
})

t.test('2.2.2.9.2 and 4.11: MSRTC documents as in the examples, attribute by attribute', async (t) => {
  const document = (activity: number, avail: number, word: string): string => golden(`
    <presentity uri="anna@nordwind.example"
                xmlns="http://schemas.microsoft.com/2002/09/sip/presence"
                xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
      <availability aggregate="300"/>
      <activity aggregate="${activity}"/>
      <displayName displayName="Anna Nord"/>
      <email email="anna.nord@nordwind.example"/>
      <phoneNumber number="+49 (40) 5550100 X17"/>
      <aggregate>
        <states>
          <state avail="${avail}" xsi:type="userState">${word}</state>
        </states>
      </aggregate>
    </presentity>`)
  const known = { displayName: 'Anna Nord', email: 'anna.nord@nordwind.example', phone: '+49 (40) 5550100 X17' }
  t.equal(writeMsrtcPresence(anna, seen(known)), document(400, 3500, 'online'))
  t.equal(writeMsrtcPresence(anna, seen({ ...known, availability: 6500 })), document(600, 6500, 'busy'))
  t.equal(find(readIndependently(writeMsrtcPresence(anna, seen())), `{${msrtcPresence}}aggregate`, `{${msrtcPresence}}states`, `{${msrtcPresence}}state`)?.attributes.includes(`{${xsi}}type=userState`), true, 'xsi:type in its namespace')
  t.match(writeMsrtcPresence(anna, seen()), '<displayName displayName=""/><email email=""/><phoneNumber number=""/>', 'notes 40 and 41: empty where the directory knows nothing')
  t.equal(valueOf(readIndependently(writeMsrtcPresence('an:na"<@nordwind.example', seen())), 'uri'), 'an%3Ana%22%3C@nordwind.example', 'a user part is escaped as in a URI')
})

const linked = { primary: anna, secondary: ['anna@west.example', 'C0FFEE17@cid.west.example'], cid: 'C0FFEE17' }

t.test('2.2.2.8.1 and 4.10: PIDF documents as in the examples', async (t) => {
  const wanted = golden(`
    <?xml version="1.0" encoding="utf-8"?>
    <presence xmlns="urn:ietf:params:xml:ns:pidf"
              xmlns:ep="urn:ietf:params:xml:ns:pidf:status:rpid-status"
              xmlns:et="urn:ietf:params:xml:ns:pidf:rpid-tuple"
              xmlns:ci="urn:ietf:params:xml:ns:pidf:cipid"
              entity="sip:anna@nordwind.example">
      <tuple id="0">
        <status>
          <basic>open</basic>
          <ep:activities>
            <ep:activity>away</ep:activity>
          </ep:activities>
        </status>
      </tuple>
      <linked-identities primary-id="anna@nordwind.example">
        <secondary-identities>
          <secondary-identity>anna@west.example</secondary-identity>
          <secondary-identity>C0FFEE17@cid.west.example</secondary-identity>
        </secondary-identities>
      </linked-identities>
      <cid>C0FFEE17</cid>
      <ci:display-name>Anna Nord</ci:display-name>
    </presence>`)
  const away = seen({ availability: 15500, displayName: 'Anna Nord', note: 'Back at five', linked })
  t.equal(writePidf(anna, away, 'microsoft'), wanted)
  const person = '<dm:person id="person"><rpid:activities><rpid:away/></rpid:activities><ci:display-name>Anna Nord</ci:display-name><dm:note>Back at five</dm:note></dm:person>'
  t.equal(writePidf(anna, away, 'both').replace(person, '').replace(` xmlns:dm="${dataModel}" xmlns:rpid="${rpid}"`, ''), wanted, 'both: the person of RFC 4479 is all there is more')
  t.match(writePidf(anna, away, 'both'), person)
  t.equal(writePidf(anna, away, 'rfc4480'), `<?xml version="1.0" encoding="utf-8"?><presence xmlns="${pidf}" xmlns:dm="${dataModel}" xmlns:rpid="${rpid}" xmlns:ci="${cipid}" entity="sip:anna@nordwind.example"><tuple id="presence"><status><basic>open</basic></status></tuple>${person}</presence>`)
  t.notMatch(writePidf(anna, { ...away, linked: { ...linked, cid: undefined } }, 'microsoft'), '<cid>')
  for (const form of pidfForms) t.notMatch(writePidf(anna, { ...away, availability: 18500 }, form), 'Back at five', `${form}: of who is not there no note`)
})

/** What is wrong with a document by the schemas of RFC 3863, 4479 and 4480, as far as this server makes use of them. */
const faultsOf = (root: Infoset): readonly string[] => {
  const faults: string[] = []
  const expect = (fine: boolean, what: string): void => { if (!fine) faults.push(what) }
  const [tuple, ...extensions] = root.children
  const ids = [tuple, ...extensions].flatMap((node) => valueOf(node, 'id') ?? [])
  expect(root.name === `{${pidf}}presence` && valueOf(root, 'entity') === `sip:${anna}`, 'presence')
  expect(tuple?.name === `{${pidf}}tuple` && tuple.children.length === 1, 'tuple')
  expect(ids.every((id) => /^[A-Za-z_][\w.-]*$/.test(id)) && new Set(ids).size === ids.length && valueOf(tuple, 'id') !== undefined, 'ids')
  expect(find(root, `{${pidf}}tuple`, `{${pidf}}status`)?.children[0]?.name === `{${pidf}}basic` && ['open', 'closed'].includes(basicOf(root) ?? ''), 'basic')
  expect(extensions.every(({ name }) => !name.startsWith(`{${pidf}}`)) && extensions.filter(({ name }) => name === `{${dataModel}}person`).length <= 1, 'extensions')
  const person = find(root, `{${dataModel}}person`)
  const order = person?.children.map(({ name }) => name.startsWith(`{${dataModel}}`)) ?? []
  expect(order.every((own, at) => own || order[at - 1] !== true), 'notes come last in a person')
  const activities = find(root, `{${dataModel}}person`, `{${rpid}}activities`)?.children ?? []
  expect(activities.every(({ name, text }) => (name === `{${rpid}}other` ? text !== '' : ['away', 'busy', 'meal', 'meeting', 'on-the-phone', 'presentation'].some((local) => name === `{${rpid}}${local}`) && text === '')), 'activities')
  expect(person === undefined || person.children.length > 0, 'an empty person')
  return faults
}

const texts = fc.oneof(fc.constantFrom('', ' ', '<&>"\'', ']]>', 'Änne\u{1f600}', 'x\ny'), fc.string())
const writable = texts.map((text) => text.toWellFormed().replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, ''))
const anySeen: fc.Arbitrary<PresenceSeen> = fc.record({
  availability: fc.oneof(fc.nat(20_000), fc.nat(0xffffffff)), token: fc.option(fc.oneof(fc.constantFrom('on-the-phone', 'out-to-lunch', 'away'), writable.filter((text) => text.trim() !== '')), { nil: undefined }), displayName: fc.option(writable, { nil: undefined }),
  email: fc.option(writable, { nil: undefined }), phone: fc.option(writable, { nil: undefined }), note: fc.option(writable, { nil: undefined }), timeOffset: fc.constantFrom(undefined, 0, -210), phones: fc.constant([]), linked: fc.option(fc.constant(linked), { nil: undefined }),
  userInfo: fc.constantFrom(undefined, '<userInfo xmlns="http://schemas.microsoft.com/2002/09/sip/presence"><x xmlns=""/></userInfo>'),
  devices: fc.array(fc.record({ epid: writable, age: fc.nat(), availability: fc.nat(999), activity: fc.nat(999), content: fc.constantFrom('', '<availability aggregate="300"/>') }), { maxLength: 3 }),
})

t.test('RFC 3863, 4479, 4480: whatever is seen, documents are well-formed and of the shape of their schemas', async (t) => {
  fc.assert(fc.property(anySeen, (any) => {
    for (const text of [writeMsrtcPresence(anna, any), ...pidfForms.map((form) => writePidf(anna, any, form))]) must(parseXml(bytes(text)))
    t.same(faultsOf(readIndependently(writePidf(anna, any, 'rfc4480'))), [])
    // The id and the linked identities of the examples are outside of the schema; the rest must not be.
    t.same(faultsOf(readIndependently(writePidf(anna, { ...any, linked: undefined }, 'both'))).filter((fault) => fault !== 'ids'), [])
    const name = find(readIndependently(writePidf(anna, any, 'microsoft')), `{${cipid}}display-name`)
    t.equal(name?.text, any.displayName, 'the name as it is')
  }), { numRuns: 200 })
})

const interop = (attributes: string): string => `<legacyInterop xmlns="${namespaces.categories}" ${attributes}/>`
const card = (inside: string): string => `<contactCard xmlns="http://schemas.microsoft.com/2006/09/sip/contactcard">${inside}</contactCard>`
const named = (displayName: string, email = ''): string => card(`<identity><name><displayName>${displayName}</displayName></name>${email === '' ? '' : `<email>${email}</email>`}</identity>`)
const phone = (type: string, uri: string, display = ''): string => `<phone${type === '' ? '' : ` type="${type}"`}><uri>${uri}</uri>${display === '' ? '' : `<displayString>${display}</displayString>`}</phone>`
const noteOf = (text: string, type = 'type="personal"'): string => `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body ${type} uri="">${text}</body></note>`

t.test('2.2.2.7.6: legacyInterop payloads, and what is none', async (t) => {
  const cases: readonly (readonly [payload: string, expected: unknown])[] = [
    [interop('availability="8400" token="urgent-interruptions-only"'), { availability: 8400, token: 'urgent-interruptions-only' }], [interop('availability=" +03500 " dndState="true"'), { availability: 3500, token: undefined }], ['<legacyInterop availability="0"/>', { availability: 0, token: undefined }], ['<p:legacyInterop xmlns:p="urn:p" availability="4294967295" token=""/>', { availability: 4294967295, token: undefined }],
    [interop('availability="-0" token="a &amp;&#10; b"'), { availability: 0, token: 'a & b' }], ['', undefined], [' ', undefined], [interop(''), undefined], [interop('availability="-1"'), undefined], [interop('availability="4294967296"'), undefined], [interop('availability="busy"'), undefined], [interop('availability=""'), undefined], ['<state availability="3500"/>', undefined], ['<legacyInterop availability="3500"><x/></legacyInterop>', undefined], ['legacyInterop', undefined], ['<legacyInterop availability="3500"', undefined],
  ]
  for (const [payload, expected] of cases) t.same(readLegacyInterop(payload), expected, payload)
})

t.test('2.2.2.7.5: contact cards of several instances', async (t) => {
  const none = { displayName: undefined, email: undefined, phones: [] }
  t.same(readContactCards([named('Anna Nord', 'anna.nord@nordwind.example'), card(phone('mobile', 'tel:+491710') + phone('work', 'tel:+49405550100;phone-context=dialstring')), named('Anna', 'a@b')]), { displayName: 'Anna Nord', email: 'anna.nord@nordwind.example', phones: [{ type: 'mobile', number: '+491710' }, { type: 'work', number: '+49405550100' }] }, 'the first name, all phones')
  for (const payload of ['', 'x', '<contactCard', '<note/>', card('<identity><name><displayName/></name><email> </email></identity>'), card('<phone type="work"><displayString>no uri</displayString></phone>'), `${named('A').slice(0, -1)}`]) t.same(readContactCards([payload]), none, payload)
  t.same(readContactCards(['<state/>', named(' Anna\n  <!-- c --> Nord&#x21; ')]), { ...none, displayName: 'Anna Nord!' }, 'what is no card is passed over; white space and references are resolved')
  t.same(readContactCards([named('<![CDATA[A & B]]>')]).displayName, 'A & B')
  const numbers: readonly (readonly [phones: string, expected: string | undefined])[] = [
    ['', undefined], [phone('home', 'tel:+1') + phone('', 'tel:+2') + phone('custom1', 'tel:+3') + phone('other', 'tel:+4') + phone('mobile', 'tel:+5') + phone('work', 'tel:+6'), '+6'], [phone('home', 'tel:+1') + phone('', 'tel:+2') + phone('custom1', 'tel:+3') + phone('other', 'tel:+4') + phone('mobile', 'tel:+5'), '+5'], [phone('home', 'tel:+1') + phone('', 'tel:+2') + phone('custom1', 'tel:+3') + phone('other', 'tel:+4'), '+4'],
    [phone('home', 'tel:+1') + phone('', 'tel:+2') + phone('custom1', 'tel:+3'), '+3'], [phone('home', 'tel:+1') + phone('boat', 'tel:+2'), '+2'], [phone('home', 'tel:+1'), '+1'], [phone('work', 'tel:+1') + phone('work', 'tel:+2'), '+1'], [phone('work', 'tel:+1', '+49 (40) 1'), '+49 (40) 1'], [phone('work', 'TEL:+1;phone-context=a;ext=17'), '+1 X17'], [phone('work', '12345'), '12345'], [phone('work', 'tel:'), undefined], [phone('work', 'tel:;ext=1') + phone('home', 'tel:+1'), '+1'],
  ]
  for (const [phones, expected] of numbers) t.equal(mainPhone(readContactCards([card(phones)])), expected, phones)
  t.same([[noteOf('At sea')], [noteOf('Gone fishing', 'type="OOF"'), noteOf('Ashore')], [noteOf('Gone', 'type="OOF"')], [noteOf('x', '')], [noteOf(' ')], ['<body>x</body>'], ['<note'], []].map(readPersonalNote), ['At sea', 'Ashore', undefined, 'x', undefined, undefined, undefined, undefined])
})

const open: PresenceTerms = { categories: [], isHidden: isPrivate(builtInRegistry), pidfForm: () => 'both', showsDevices: new Set([200]), showsPhones: new Set([200]), now }
const watcher = (user: string, network: SourceNetwork, format: 'msrtc' | 'pidf'): PresenceWatcher => ({ user, network, format })
const put = (category: string, container: number, payload: string, number = 0): CategoryInstance => instance({ category, container, payload, instance: number })
const containers: readonly Container[] = [
  { id: 32000, membersVersion: 1, members: [member('user', 'boris@nordwind.example')] }, { id: 200, membersVersion: 1, members: [member('sameEnterprise')] }, { id: 100, membersVersion: 1, members: [member('federated')] },
]
const dora = 'dora@nordwind.example'

/** A publisher as the server and a client set it up: everyone knows the name, colleagues the state and the phones. */
const published: readonly CategoryInstance[] = [
  ...[0, 100, 200, 32000].map((container) => put('contactCard', container, named('Anna Nord', 'anna.nord@nordwind.example'))), put('contactCard', 200, card(phone('work', 'tel:+49405550100')), 1),
  put('legacyInterop', 32000, interop('availability="18500"')), put('legacyInterop', 100, interop('availability="6500"'), 1), put('legacyInterop', 200, interop('availability="6500" token="on-the-phone"'), 1), put('note', 200, noteOf('In the harbour')),
]

t.test('3.7.5.1, 3.7.5.2: a watcher is resolved as for legacyInterop, private or not; cards and notes come from containers of their own', async (t) => {
  const annas = state({ containers, instances: published })
  const view = presenceViewOf(annas, open)
  const of = (user: string, network: SourceNetwork): PresenceSeen => view.see(view.resolve({ user, network }))
  const known = { displayName: 'Anna Nord', email: 'anna.nord@nordwind.example' }
  t.same(of(dora, 'sameEnterprise'), { ...nothingSeen, ...known, availability: 6500, token: 'on-the-phone', phone: '+49405550100', note: 'In the harbour' })
  t.same(of(clara, 'federated'), { ...nothingSeen, ...known, availability: 6500 }, 'no phones and no activity for other domains')
  t.same(of(clara, 'publicCloud'), { ...nothingSeen, ...known }, 'no legacyInterop for everyone: offline')
  t.same(writePresenceState(view, watcher(dora, 'sameEnterprise', 'msrtc'), open), { type: 'text/xml+msrtc.pidf', text: writeMsrtcPresence(anna, of(dora, 'sameEnterprise')) })
  for (const form of pidfForms) t.same(writePresenceState(view, watcher(dora, 'sameEnterprise', 'pidf'), { ...open, pidfForm: (user) => (user === dora ? form : 'both') }), { type: 'application/pidf+xml', text: writePidf(anna, of(dora, 'sameEnterprise'), form) }, form)
  const places = { legacyInterop: 100, contactCard: undefined, note: undefined, state: undefined }
  t.same([100, undefined, 32000].map((legacyInterop) => presenceViewOf(annas, { ...open, linked }).see({ ...places, legacyInterop }).linked), [linked, undefined, undefined], 'linked identities only for whoever sees the presence, not for who is blocked')
  const twisted = presenceViewOf(state({ instances: [put('contactCard', 0, named('Annie'), 3), put('contactCard', 0, named('Anna Nord')), put('note', 0, noteOf('later'), 2), put('note', 0, noteOf('first'), 1), put('state', 0, interop('availability="3500"'), 1), put('legacyInterop', 0, interop('availability="6500"'))] }), open)
  t.match(twisted.see(twisted.resolve({ user: dora, network: 'federated' })), { displayName: 'Anna Nord', note: 'first', availability: 6500 }, 'the lowest instance first; nothing out of other categories')
  t.same(presenceViewOf(annas, { ...open, isHidden: () => true }).resolve({ user: dora, network: 'sameEnterprise' }), { legacyInterop: 200, contactCard: undefined, note: undefined, state: undefined }, 'an operator may make cards and notes private')
  const two = presenceViewOf(state({ containers, instances: [{ ...put('legacyInterop', 200, interop('availability="18000"')), publishTime: now - 9 }, { ...put('legacyInterop', 200, interop('availability="3500"'), 1), publishTime: now - 5 }, { ...put('legacyInterop', 200, 'no'), publishTime: now, instance: 2 }] }), open)
  t.equal(two.see(two.resolve({ user: dora, network: 'sameEnterprise' })).availability, 3500, 'the newest one that says something')
})

t.test('1.3.1.3.4: blocked, not published, unreadable and signed out look alike', async (t) => {
  const one = state({ containers, instances: published })
  const write = (instances: readonly CategoryInstance[], user: string, network: SourceNetwork): readonly string[] =>
    (['msrtc', 'pidf'] as const).map((format) => writePresenceState(presenceViewOf({ ...one, instances }, open), watcher(user, network, format), open).text)
  const blocked = write(published, boris, 'sameEnterprise')
  const signedOut = published.map((other) => (other.category === 'legacyInterop' && other.container === 100 ? { ...other, payload: interop('availability="18000"') } : other))
  t.same(write(signedOut, clara, 'federated'), blocked, 'blocked in 32000 and signed out')
  t.same(write(published.filter(({ category }) => category !== 'legacyInterop'), clara, 'federated'), blocked, 'nothing published')
  t.same(write(published, clara, 'publicCloud'), blocked, 'member of no container that has it')
  t.same(write(signedOut.map((other) => (other.category === 'legacyInterop' ? { ...other, payload: '<x/>' } : other)), clara, 'federated'), blocked, 'unreadable')
  t.same(write([], clara, 'federated'), [writeMsrtcPresence(anna, nothingSeen), writePidf(anna, nothingSeen, 'both')], 'of nobody nothing')
})

const payloads = fc.oneof(
  texts, fc.constantFrom(interop('availability="3500"'), interop('availability="18000"'), interop('availability="6500" token="on-the-phone"'), named('Anna'), card(phone('work', 'tel:+1')), noteOf('Here'), '<contactCard><identity/></contactCard>'),
  texts.map((text) => interop(`availability="3500" token="${text}"`)), texts.map((text) => named(text.replace(/[<&]/g, escapeXml))), texts.map((text) => noteOf(`&#${text.charCodeAt(0) || 0};`)), fc.nat(0x11ffff).map((code) => named(`a&#${code};b`)),
)
const said = (aggregate: number, extensions = ''): string => writeLegacyDevice('e1', { availability: { aggregate, description: undefined }, activity: { aggregate: 400, description: 'Hier & da', note: undefined }, extensions })
const machine = (availability: number): string => `<state xmlns="${namespaces.state}" xmlns:xsi="${xsi}" xsi:type="machineState"><availability>${availability}</availability></state>`
const anyOther = fc.record({ category: fc.constantFrom(...presenceCategories, 'state'), container: fc.constantFrom(0, 100, 200, 32000), instance: fc.nat(1), payload: payloads }).map((over) => instance(over))
// What single endpoints say: the first one in the words of an old client, all of them in those of newer ones.
const anyDevice = fc.oneof(
  fc.record({ payload: fc.constantFrom(said(300), said(200), said(0), said(300, '<x xmlns=""/>'), '', '<devicePresence/>'), publishTime: fc.constantFrom(now - 9_000, now) }).map((over) => instance({ category: 'legacyDevice', container: 1, expireType: 'endpoint', endpointId: 'ID-1', ...over })),
  fc.record({ instance: fc.nat(2), payload: fc.constantFrom(3500, 5000, 18000).map(machine) }).map((over) => instance({ category: 'state', container: 2, expireType: 'endpoint', endpointId: `Id-${over.instance}`, ...over })),
  fc.constantFrom('a', 'b').map((text) => instance({ category: 'legacyUserInfo', container: 1, payload: writeLegacyUserInfo(text) })),
)
const distinct = (instances: readonly CategoryInstance[]): readonly CategoryInstance[] => [...new Map(instances.map((one) => [instanceKeyText(one), one])).values()]
const anyInstances = fc.array(fc.oneof({ weight: 2, arbitrary: anyOther }, { weight: 1, arbitrary: anyDevice }), { maxLength: 10 }).map(distinct)
const anyDevices = fc.array(anyDevice, { maxLength: 3 })
const anyMembers = fc.array(fc.constantFrom(member('user', boris), member('domain', 'suedwind.example'), member('sameEnterprise'), member('federated'), member('everyone')), { maxLength: 3 })
const anyContainers: fc.Arbitrary<readonly Container[]> = fc.tuple(anyMembers, anyMembers, anyMembers).map((members) => [100, 200, 32000].map((id, at) => ({ id, membersVersion: 1, members: members[at] ?? [] })))
const watchers = [boris, clara, dora].flatMap((subscriber) => (['sameEnterprise', 'federated'] as const).flatMap((network) => (['msrtc', 'pidf'] as const).map((format) => ({ subscriber, network, format }))))
const forms = fc.constantFrom<PidfForm>(...pidfForms)

/** That a device is older by now is no change (MS-SIP 2.2.1). */
const ageless = (text: string): string => text.replaceAll(/ ageOfPresence="\d+"/g, '')

t.test('no payload makes a document fail or ill-formed', async (t) => {
  t.doesNotThrow(() => fc.assert(fc.property(anyInstances, anyContainers, forms, (instances, containers, form) => {
    const terms = { ...open, pidfForm: () => form, linked }
    const view = presenceViewOf(state({ instances, containers }), terms)
    for (const { subscriber, network, format } of watchers) must(parseXml(bytes(writePresenceState(view, { user: subscriber, network, format }, terms).text)))
  }), { numRuns: 300 }))
})

t.test('3.7.5.4, 3.7.5.5: whoever sees another document than before hears it; whoever hears one gets what a refresh would show', async (t) => {
  let heardAtAll = 0
  let silent = 0
  fc.assert(fc.property(anyInstances, anyInstances, anyContainers, anyContainers, fc.boolean(), forms, fc.option(fc.tuple(anyDevices, anyDevices)), (some, others, containersBefore, containersAfter, membersToo, form, devices) => {
    // Of colleagues who see somebody who is there, what single devices say is all that changes.
    const shown = (said: readonly CategoryInstance[]): readonly CategoryInstance[] => distinct([...some, put('legacyInterop', 200, interop('availability="3500"')), ...said])
    const [before, after] = devices === null ? [some, others] : [shown(devices[0]), shown(devices[1])]
    const terms = { ...open, pidfForm: () => form, epids: new Map([['id-2', 'e2']]) }
    const was = state({ instances: before, containers: devices === null ? containersBefore : containers })
    const is = state({ instances: after, containers: membersToo && devices === null ? containersAfter : was.containers })
    const keys = new Map([...before, ...after].map((one) => [instanceKeyText(one), one]))
    const same = new Set(after.filter((one) => before.some((other) => instanceKeyText(other) === instanceKeyText(one) && other.payload === one.payload && other.endpointId === one.endpointId)).map(instanceKeyText))
    const changed = [...keys.values()].filter((one) => !same.has(instanceKeyText(one)))
    const touched = touchOfInstances(before, after, changed)
    const touch: Touch = { ...touched, ...(changesDevices(touched, before, after) ? { devices: true } : {}), membersBefore: is.containers !== was.containers ? Object.fromEntries(was.containers.map(({ id, members }) => [id, members])) : {} }
    const heard = writePresenceChanges(is, touch, watchers, terms)
    const [first, second] = [presenceViewOf(was, terms), presenceViewOf(is, terms)]
    for (const one of watchers) {
      const who = { user: one.subscriber, network: one.network, format: one.format }
      const body = heard.get(one)
      const latest = writePresenceState(second, who, terms)
      if (body === undefined) silent += 1
      else heardAtAll += 1
      if (body !== undefined) t.same(body, latest)
      else if (ageless(writePresenceState(first, who, terms).text) !== ageless(latest.text)) throw new Error(`${one.subscriber} ${one.format} ${form} was not told`)
    }
  }), { numRuns: 300 })
  t.ok(heardAtAll > 100 && silent > 100, `both cases occur: ${heardAtAll}, ${silent}`)
})

t.test('3.7.5.4: only those whose view changed hear, with one body per view and format', async (t) => {
  const subscriptions = [{ subscriber: dora, network: 'sameEnterprise', format: 'pidf' }, { subscriber: 'emil@nordwind.example', network: 'sameEnterprise', format: 'pidf' }, { subscriber: dora, network: 'sameEnterprise', format: 'msrtc' }, { subscriber: clara, network: 'federated', format: 'msrtc' }, { subscriber: boris, network: 'sameEnterprise', format: 'msrtc' }] as const
  const annas = state({ containers, instances: published })
  const touched = (categories: Touch['categories']): Touch => ({ ...noTouch, categories })
  const hearing = (touch: Touch, terms = open): readonly number[] => [...writePresenceChanges(annas, touch, subscriptions, terms).keys()].map((one) => subscriptions.indexOf(one))
  t.same(hearing(touched({ legacyInterop: [200] })), [0, 1, 2])
  t.same(hearing(touched({ legacyInterop: [100] })), [3])
  t.same(hearing(touched({ legacyInterop: [0, 400] })), [], 'containers that satisfy nobody')
  t.same(hearing(touched({ state: [100, 200], device: [200] })), [], 'no other category')
  t.same(hearing(touched({ note: [200] })), [0, 1], 'a note is in no MSRTC document')
  t.same(hearing(touched({ note: [200] }), { ...open, pidfForm: (user) => (user === dora ? 'microsoft' : 'rfc4480') }), [1], 'nor in the PIDF of other clouds')
  t.same(hearing(touched({ contactCard: [200, 32000] })), [0, 1, 2, 4])
  t.same(hearing(touched({ contactCard: [200] }), { ...open, isHidden: () => true }), [], 'private cards are in no document')
  t.same([hearing({ ...touched({ contactCard: [200] }), publishedBefore: { contactCard: [0] } }), hearing({ ...touched({ contactCard: [200] }), publishedBefore: { contactCard: [0] } }, { ...open, isHidden: () => true })], [[0, 1, 2, 3, 4], []], 'nor do they move in any')
  t.same(hearing({ ...noTouch, membersBefore: { 32000: [] } }), [4], '3.5.5.4: who was blocked just now')
  t.same(hearing({ ...noTouch, categories: { legacyInterop: [200] }, publishedBefore: { legacyInterop: [100, 32000] } }), [0, 1, 2], '1.3.1.3.9: published for the first time')
  t.same(hearing({ ...noTouch, subscribers: true, delegates: true }), [])
  const heard = [...writePresenceChanges(annas, touched({ legacyInterop: [200] }), subscriptions, open).values()]
  t.equal(heard[0], heard[1], 'one body for two watchers of one view')
  t.not(heard[0]?.type, heard[2]?.type)
})

const [cats, msrtcType, pidfType, xpidf] = ['application/msrtc-event-categories+xml', 'text/xml+msrtc.pidf', 'application/pidf+xml', 'application/xpidf+xml']

t.test('1.3.3, RFC 3856 6.5: the format of a presence SUBSCRIBE', async (t) => {
  const cases: readonly (readonly [accept: string, plain: string, batch: string])[] = [
    [`${pidfType}, ${msrtcType}, ${cats}`, 'categories', 'categories'], [`${pidfType}, ${msrtcType}`, 'msrtc', 'notAcceptable'], [pidfType, 'pidf', 'notAcceptable'], [`${xpidf}, ${msrtcType}, ${pidfType}`, 'msrtc', 'notAcceptable'], [`${xpidf}, ${pidfType}`, 'pidf', 'notAcceptable'], [xpidf, 'notAcceptable', 'notAcceptable'],
    ['', 'pidf', 'categories'], ['*/*', 'pidf', 'categories'], ['application/*', 'pidf', 'categories'], ['text/*', 'msrtc', 'notAcceptable'], [`text/*, ${pidfType}`, 'pidf', 'notAcceptable'], [`*/*, ${msrtcType}`, 'msrtc', 'categories'], ['APPLICATION/PIDF+XML;q=0.5', 'pidf', 'notAcceptable'], ['application/rlmi+xml, multipart/related', 'notAcceptable', 'notAcceptable'], ['text/plain', 'notAcceptable', 'notAcceptable'],
  ]
  for (const [accept, plain, batch] of cases) {
    const lines = accept === '' ? [] : [`Accept: ${accept}`]
    const choice = (more: Partial<ReturnType<typeof request>>, extra: readonly string[] = []): string => {
      const chosen = choosePresence({ ...request('SUBSCRIBE', { To: `<sip:${anna}>` }, [...lines, ...extra]), ...more })
      return chosen.ok ? chosen.value : verdict(chosen)
    }
    t.equal(choice({}), plain, `${accept} without body`)
    t.equal(choice({ contentType: 'application/simple-filter+xml', body: bytes('<f/>') }), plain, `${accept} with a filter`)
    t.equal(choice({ contentType: 'application/msrtc-adrl-categorylist+xml', body: bytes('<b/>') }), batch, `${accept} with a batchSub body`)
    t.equal(choice({ contentType: 'application/msrtc-adrl-categorylist+xml' }), plain, `${accept} with the type of a body only`)
    t.equal(choice({}, ['Require: adhoclist, categorylist']), batch, `${accept} with the option tags of a batch`)
  }
  t.equal(verdict(choosePresence(request('SUBSCRIBE', {}, [`Accept: ${xpidf}`, `Accept: ${pidfType}`]))), 'ok', 'several header lines are one list')
})

t.test('2.2.2.8.1, 2.2.2.9.1: what is refused of an MSRTC or PIDF SUBSCRIBE, and what it negotiates', async (t) => {
  const all = ['Supported: ms-benotify, ms-piggyback-first-notify, com.microsoft.autoextend', 'Proxy-Require: ms-benotify']
  const check = (format: 'msrtc' | 'pidf', more: readonly string[], type?: string): unknown => {
    const failed = checkPresenceSubscribe({ ...request('SUBSCRIBE', {}, more), ...(type === undefined ? {} : { contentType: type, body: bytes('<x/>') }) }, format)
    return failed === undefined ? undefined : [failed.name, failed.headers?.[0]?.join(': ')]
  }
  const cases: readonly (readonly [more: readonly string[], type: string | undefined, pidf: unknown, msrtc: unknown])[] = [
    [[], undefined, undefined, undefined], [all, undefined, undefined, undefined], [[], 'application/simple-filter+xml', undefined, undefined],
    [['Require: eventlist, AdhocList'], undefined, ['extensionUnsupported', 'Unsupported: eventlist, adhoclist'], ['extensionUnsupported', 'Unsupported: eventlist, adhoclist']],
    [['Require: ms-benotify'], undefined, ['extensionUnsupported', 'Unsupported: ms-benotify'], undefined], [['Require: com.microsoft.autoextend', 'Require: ms-piggyback-first-notify, x'], undefined, ['extensionUnsupported', 'Unsupported: com.microsoft.autoextend, ms-piggyback-first-notify, x'], ['extensionUnsupported', 'Unsupported: x']], [['Require: "a b"'], undefined, ['extensionUnsupported', undefined], ['extensionUnsupported', undefined]],
    [[], 'application/adrl+xml', ['mediaTypeUnknown', 'Accept: application/simple-filter+xml, application/msrtc-adrl-categorylist+xml'], ['mediaTypeUnknown', 'Accept: application/simple-filter+xml, application/msrtc-adrl-categorylist+xml']],
  ]
  for (const [more, type, pidf, msrtc] of cases) t.same([check('pidf', more, type), check('msrtc', more, type)], [pidf, msrtc], `${more.join(' ')} ${type ?? ''}`)
  const asked = request('SUBSCRIBE', {}, all)
  t.same(negotiatePresence(asked, 'pidf', 'sameEnterprise'), { benotify: false, piggyback: false, autoextend: false }, '3.7.5.4: always NOTIFY')
  t.same(negotiatePresence(asked, 'msrtc', 'sameEnterprise'), { benotify: true, piggyback: true, autoextend: true }, '3.7.5.5')
  t.same(negotiatePresence(asked, 'msrtc', 'federated'), { benotify: false, piggyback: true, autoextend: true }, '4.11: NOTIFY to another domain')
  t.same(negotiatePresence(request('SUBSCRIBE'), 'msrtc', 'sameEnterprise'), { benotify: false, piggyback: false, autoextend: false })
})

t.test('RFC 3858 4: watcher information, by the number of the notification that carries it', async (t) => {
  const base: Watcher = { user: 'boris@nordwind.example', localTag: 'tag1', displayName: undefined, status: 'active', event: 'subscribe', beganAt: now - 61_900, expiresAt: now + 59_001 }
  const id = watcherId('tag1')
  const rows: readonly (readonly [section: string, watcher: Partial<Watcher>, written: string])[] = [
    ['4.3: what must be there', {}, `<watcher id="${id}" status="active" event="subscribe" expiration="60" duration-subscribed="61">sip:boris@nordwind.example</watcher>`],
    ['4.3: the name', { displayName: 'B. "<&>"', status: 'pending' }, `<watcher id="${id}" status="pending" event="subscribe" display-name="B. &quot;&lt;&amp;&gt;&quot;" expiration="60" duration-subscribed="61">sip:boris@nordwind.example</watcher>`],
    ['4.3: without a name none', { displayName: '', event: 'approved' }, `<watcher id="${id}" status="active" event="approved" expiration="60" duration-subscribed="61">sip:boris@nordwind.example</watcher>`],
    ['RFC 3857 4.7.1: behind the subscription', { status: 'waiting', event: 'timeout', expiresAt: undefined }, `<watcher id="${id}" status="waiting" event="timeout">sip:boris@nordwind.example</watcher>`],
    ['4.3: times are never negative', { beganAt: now + 5_000, expiresAt: now - 1 }, `<watcher id="${id}" status="active" event="subscribe" expiration="0" duration-subscribed="0">sip:boris@nordwind.example</watcher>`],
    ['4.3: a URI of any characters', { user: "a'&b@nordwind.example" }, `<watcher id="${id}" status="active" event="subscribe" expiration="60" duration-subscribed="61">${escapeXml(writeUserUri("a'&b@nordwind.example"))}</watcher>`],
  ]
  const texts: string[] = []
  for (const [section, over, written] of rows) {
    const text = writeWatcherInfo(anna, 'partial', [{ ...base, ...over }], now)(8)
    texts.push(text)
    t.equal(text, `<?xml version="1.0" encoding="utf-8"?><watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="7" state="partial"><watcher-list resource="sip:${anna}" package="presence">${written}</watcher-list></watcherinfo>`, section)
  }
  const whole = writeWatcherInfo(anna, 'full', watcherStatuses.flatMap((status) => watcherEvents.map((event) => ({ ...base, status, event, localTag: `${status} ${event}` }))), now)
  t.match(whole(1), ' version="0" state="full">', '4.1: the first one is 0')
  t.equal(whole(4_294_967_295).match(/ version="(\d+)"/)?.[1], '4294967294')
  await hasStructure(t, 'watcherinfo', [...texts, whole(1), writeWatcherInfo(anna, 'full', [], now)(1)])
  t.ok((await findFaults('watcherinfo', [whole(1).replace('status="pending"', 'status="gone"')])).length > 0, 'the reader would see what is wrong')
  t.strictSame([watcherId('tag1'), watcherId('tag2') === id, id.includes('tag')], [id, false, false])
  t.strictSame(endReasons.map(eventOfEnd), ['timeout', 'deactivated', 'noresource', 'rejected', 'deactivated'], 'RFC 6665 4.1.3 and RFC 3858 4.3 have the same words')
})
