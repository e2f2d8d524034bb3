import fc from 'fast-check'
import t from 'tap'
import { builtInRegistry, type CategoryRegistry, type CategoryRule } from '../../src/core/categories/registry.ts'
import { writeContactCard } from '../../src/core/documents/contact-card.ts'
import { directoryText, type DirectoryEntry } from '../../src/core/model/directory.ts'
import { noDelegates } from '../../src/core/model/delegate.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { compareDirectory, directoryCategories, directoryPlan, directoryPublications } from '../../src/core/publications/directory-publications.ts'
import { decideServerPublish } from '../../src/core/publications/server-publish.ts'
import { toTelUri } from '../../src/core/sip/tel-uri.ts'
import { compareXml, readInfoset } from '../support/infoset.ts'
import { anna, must, now } from './support.ts'

const full: Required<DirectoryEntry> = {
  displayName: 'Anna Petersen', email: 'anna.petersen@nordwind.example', phone: '+49 431 5550-17', fax: '+494315550018', voiceMail: 'EUM:anna@nordwind.example;phone-context=box.nordwind.example',
  street: '7 Quay Street', city: 'Kiel', state: 'Holstein', postalCode: '24103', country: 'de', url: 'https://nordwind.example/~anna',
}

const CARD = 'http://schemas.microsoft.com/2006/09/sip/contactcard'
const CATEGORIES = 'http://schemas.microsoft.com/2006/09/sip/categories'

const stateOf = (instances: readonly CategoryInstance[]): PublisherState => ({ publisher: anna, revision: 1, instances, containers: [], endpoints: [], subscribers: [], delegates: noDelegates })

const stored = (over: Partial<CategoryInstance> & Pick<CategoryInstance, 'category' | 'container'>): CategoryInstance =>
  ({ instance: 0, instanceVersion: 1, expireType: 'static', expiresAt: undefined, endpointId: undefined, publishTime: now - 1000, payload: '', ...over })

/** What is stored when the server has published for an entry and nothing else has happened. */
const settled = (entry: DirectoryEntry): readonly CategoryInstance[] => directoryPublications(entry).map(({ category, container, payload }) => stored({ category, container, payload }))

const placesOf = (found: readonly { readonly category: string; readonly container: number }[]): readonly string[] => found.map(({ category, container }) => `${category} ${container}`)

const EVERYTHING = ['contactCard 0', 'contactCard 100', 'contactCard 200', 'contactCard 300', 'contactCard 400', 'contactCard 32000', 'legacyInterop 32000', 'userProperties 1']

const rules = (changes: Readonly<Record<string, Partial<CategoryRule> | 'removed'>>): CategoryRegistry => ({
  openTo: undefined,
  rules: new Map([...builtInRegistry.rules].flatMap(([name, rule]) => { const change = changes[name]; return change === 'removed' ? [] : [[name, { ...rule, ...change }]] })),
})

t.test('3.2.6.2: the table of containers, all in instance 0 and static', async (t) => {
  const found = directoryPublications(full)
  t.strictSame(placesOf(found), EVERYTHING)
  for (const { instance, expiresAt } of found) t.strictSame([instance, expiresAt], [0, undefined])
  t.strictSame(directoryCategories, ['contactCard', 'legacyInterop', 'userProperties'])
})

t.test('3.2.6.2, 4.13: what stands in each container', async (t) => {
  const payloads = new Map(directoryPublications(full).map(({ category, container, payload }) => [`${category} ${container}`, payload]))
  for (const container of [0, 100, 200, 300, 400, 32000]) {
    t.equal(compareXml(`<contactCard xmlns="${CARD}"><identity><name><displayName>Anna Petersen</displayName></name><email>anna.petersen@nordwind.example</email></identity></contactCard>`, payloads.get(`contactCard ${container}`) ?? ''), undefined, `contactCard in ${container}`)
  }
  t.equal(compareXml(`<legacyInterop xmlns="${CATEGORIES}" availability="18500"/>`, payloads.get('legacyInterop 32000') ?? ''), undefined)
  t.equal(compareXml(`<userProperties xmlns="${CATEGORIES}">
    <lines><line lineType="Uc">tel:+49431555017</line></lines><telephonyMode>Uc</telephonyMode><facsimileTelephoneNumber>+494315550018</facsimileTelephoneNumber><streetAddress>7 Quay Street</streetAddress><l>Kiel</l><st>Holstein</st>
    <countryCode>DE</countryCode><postalCode>24103</postalCode><wWWHomePage>https://nordwind.example/~anna</wWWHomePage><exumEnabled>1</exumEnabled><exumURL>EUM:anna@nordwind.example;phone-context=box.nordwind.example</exumURL>
  </userProperties>`, payloads.get('userProperties 1') ?? ''), undefined)
})

t.test('4.4.2: a user of whom nothing but the name is known', async (t) => {
  const payloads = directoryPublications({ displayName: 'Anna' }).map(({ payload }) => payload)
  t.equal(compareXml(`<contactCard xmlns="${CARD}"><identity><name><displayName>Anna</displayName></name></identity></contactCard>`, payloads[0] ?? ''), undefined)
  t.equal(compareXml(`<userProperties xmlns="${CATEGORIES}"><telephonyMode>None</telephonyMode></userProperties>`, payloads.at(-1) ?? ''), undefined)
})

t.test('each field of userProperties comes and goes by itself (2.2.2.7.4)', async (t) => {
  const write = (entry: Partial<DirectoryEntry>): readonly string[] => readInfoset(directoryPublications({ displayName: 'Anna', ...entry }).at(-1)?.payload ?? '').children.map(({ name, text, children }) => `${name.replace(/^.*\}/, '')}=${text}${children.map((child) => child.text).join()}`)
  for (const [entry, expected] of [
    [{ phone: '+4912' }, ['lines=tel:+4912', 'telephonyMode=Uc']],
    [{ phone: 'ask Boris' }, ['telephonyMode=None']],
    [{ fax: '+49 1' }, ['telephonyMode=None', 'facsimileTelephoneNumber=+49 1']],
    [{ street: 'Quay 7\r\n  2nd floor' }, ['telephonyMode=None', 'streetAddress=Quay 7 2nd floor']],
    [{ city: 'Kiel' }, ['telephonyMode=None', 'l=Kiel']],
    [{ state: 'SH' }, ['telephonyMode=None', 'st=SH']],
    [{ country: 'DE' }, ['telephonyMode=None', 'countryCode=DE']],
    [{ country: ' fr ' }, ['telephonyMode=None', 'countryCode=FR']],
    [{ country: 'Germany' }, ['telephonyMode=None']],
    [{ country: 'D1' }, ['telephonyMode=None']],
    [{ postalCode: '1' }, ['telephonyMode=None', 'postalCode=1']],
    [{ url: 'x' }, ['telephonyMode=None', 'wWWHomePage=x']],
    [{ voiceMail: 'EUM:x' }, ['telephonyMode=None', 'exumEnabled=1', 'exumURL=EUM:x']],
    [{ email: 'a@b', street: ' ', voiceMail: '\u0001' }, ['telephonyMode=None']],
  ] as const) t.strictSame(write(entry), expected, JSON.stringify(entry))
})

t.test('numbers as people write them become tel URIs (RFC 3966)', async (t) => {
  for (const [text, expected] of [
    ['+49 431 5550-17', 'tel:+49431555017'],
    ['+49 (0)431 555', 'tel:+49431555'],
    ['+1 (206) 555.0123', 'tel:+12065550123'],
    ['+1 206 555 0123 ext. 45', 'tel:+12065550123;ext=45'],
    ['+1 206 555 0123 x45', 'tel:+12065550123;ext=45'],
    ['+12065550123;ext=45', 'tel:+12065550123;ext=45'],
    ['tel:+12065550123;ext=45', 'tel:+12065550123;ext=45'],
    ['tel:+1-206-555', 'tel:+1-206-555'],
    ['tel: +1 206 555', 'tel:+1206555'],
    ['0431 / 555', 'tel:0431555;phone-context=dialstring'],
    ['(0)431 555', 'tel:0431555;phone-context=dialstring'],
    ['4711', 'tel:4711;phone-context=dialstring'],
    ['4711 #2', 'tel:4711;ext=2;phone-context=dialstring'],
    ['tel:4711', 'tel:4711;phone-context=dialstring'],
    ['tel:4711;phone-context=nordwind.example', 'tel:4711;phone-context=nordwind.example'],
    ['', undefined], ['+', undefined], ['ask Boris', undefined], ['tel:', undefined], ['+49 43a', undefined], ['sip:anna@x', undefined], ['tel:+1 2;x="<', undefined], ['++49', undefined], ['- /', undefined], ['1'.repeat(65), undefined], ['1'.repeat(64), `tel:${'1'.repeat(64)};phone-context=dialstring`],
  ] as const) t.equal(toTelUri(text), expected, text)
})

t.test('what XML cannot carry, or a token may not have, does not get into it', async (t) => {
  for (const [text, expected] of [[' a \t b\r\nc ', 'a b c'], ['a\u0000\u0008b', 'ab'], ['\ud800x', 'x'], ['\uffff', undefined], ['', undefined], [' ', undefined], ['🎈é', '🎈é'], [undefined, undefined], [7, undefined]] as const) t.equal(directoryText(text), expected)
  t.equal(compareXml(`<contactCard xmlns="${CARD}"><identity/></contactCard>`, writeContactCard({ displayName: undefined, email: undefined })), undefined)
  t.equal(compareXml(`<contactCard xmlns="${CARD}"><identity><name><displayName>A &amp; "B" &lt;/name></displayName></name><email>&lt;a&amp;b></email></identity></contactCard>`, directoryPublications({ displayName: 'A & "B" </name>', email: '<a&b>' })[0]?.payload ?? ''), undefined)
  const text = fc.string({ unit: fc.oneof(fc.constantFrom('<', '&', '>', '"', ']]>', '\n'), fc.string({ unit: 'binary', maxLength: 1 })), maxLength: 20 })
  fc.assert(fc.property(fc.record({ displayName: text, email: text, phone: text, fax: text, voiceMail: text, street: text, city: text, state: text, postalCode: text, country: text, url: text }), (entry) => {
    for (const { category, payload } of directoryPublications(entry)) {
      readInfoset(payload)
      t.equal(builtInRegistry.rules.get(category)?.check?.(payload), undefined, payload)
    }
    const [card] = directoryPublications(entry)
    return readInfoset(card?.payload ?? '').children[0]?.children.find(({ name }) => name === `{${CARD}}email`)?.text === directoryText(entry.email)
  }), { numRuns: 200 })
})

t.test('3.2.6.2: only what differs is published, and nothing that is the same', async (t) => {
  const instances = settled(full)
  const differing = (entry: DirectoryEntry, of: readonly CategoryInstance[]): readonly string[] => placesOf(compareDirectory(entry, of, builtInRegistry).publications)
  t.strictSame(differing(full, []), EVERYTHING, 'a new user')
  t.strictSame(differing(full, instances), [])
  t.strictSame(differing({ ...full, displayName: 'Anna P.' }, instances), EVERYTHING.slice(0, 6))
  t.strictSame(differing({ ...full, email: '' }, instances), EVERYTHING.slice(0, 6), 'what a user no longer has')
  t.strictSame(differing({ ...full, city: 'Husum' }, instances), ['userProperties 1'])
  const replace = (category: string, container: number, over: Partial<CategoryInstance>): readonly CategoryInstance[] => instances.map((instance) => (instance.category === category && instance.container === container ? { ...instance, ...over } : instance))
  t.strictSame(differing(full, instances.filter(({ container }) => container !== 300)), ['contactCard 300'], 'deleted')
  t.strictSame(differing(full, replace('contactCard', 200, { payload: '<contactCard/>' })), ['contactCard 200'], 'overwritten')
  t.strictSame(differing(full, replace('contactCard', 200, { expireType: 'user' })), ['contactCard 200'], 'overwritten with the same for a shorter life')
  t.strictSame(differing(full, replace('contactCard', 200, { expireType: 'time', expiresAt: now + 1 })), ['contactCard 200'])
  t.strictSame(differing(full, replace('legacyInterop', 32000, { expireType: 'time', expiresAt: now })), ['legacyInterop 32000'], 'past its time')
  t.strictSame(differing(full, [...instances, stored({ category: 'contactCard', container: 200, instance: 1 }), stored({ category: 'contactCard', container: 500 })]), [], 'other instances and containers are not the server\'s')
})

t.test('a category taken away is passed over; what bounds and schema do not let through keeps nothing else back', async (t) => {
  for (const [name, registry, published, refused] of [
    ['removed', rules({ legacyInterop: 'removed' }), EVERYTHING.filter((place) => !place.startsWith('legacyInterop')), []],
    ['all removed', rules({ legacyInterop: 'removed', contactCard: 'removed', userProperties: 'removed' }), [], []],
    ['read-only', rules({ contactCard: { readOnlyContainers: [0, 100, 200, 300, 400, 32000] } }), EVERYTHING, []],
    ['no quota', rules({ contactCard: { quotaBytes: 1 } }), EVERYTHING, []],
    ['too large', rules({ userProperties: { maxBytes: 20 } }), EVERYTHING.slice(0, 7), ['publicationTooLarge']],
    ['schema', rules({ contactCard: { check: () => 'contactCard: not today' } }), EVERYTHING.slice(6), Array.from({ length: 6 }, () => 'payloadNotValid')],
  ] as const) {
    const found = compareDirectory(full, [], registry)
    t.strictSame([placesOf(found.publications), found.refused.map((failure) => failure.name)], [published, refused], name)
  }
  t.strictSame(compareDirectory(full, settled(full), rules({ contactCard: { check: () => 'no' } })).refused, [], 'what is there already is not judged again')
})

t.test('publishing what differs settles it, for any two entries', async (t) => {
  const entry: fc.Arbitrary<DirectoryEntry> = fc.record({ displayName: fc.constantFrom('A', 'B', ' '), email: fc.constantFrom('', 'a@b'), phone: fc.constantFrom('', '1', 'no'), city: fc.constantFrom('', 'Kiel') })
  fc.assert(fc.property(entry, entry, (before, after) => {
    const instances = settled(before)
    const { publications } = compareDirectory(after, instances, builtInRegistry)
    const { changes, touch } = must(decideServerPublish(publications, stateOf(instances), builtInRegistry, [], now))
    const put = changes.flatMap((change) => (change.kind === 'putInstance' ? [change.instance] : []))
    t.equal(put.length, changes.length)
    t.strictSame(Object.keys(touch.categories).sort(), [...new Set(publications.map(({ category }) => category))].sort())
    const merged = instances.map((instance) => put.find(({ category, container }) => category === instance.category && container === instance.container) ?? instance)
    return compareDirectory(after, merged, builtInRegistry).publications.length === 0 && put.every(({ instanceVersion }) => instanceVersion === 2)
  }))
})

t.test('no two rows of the plan publish into one place', async (t) => {
  const places = directoryPlan.flatMap(({ category, containers }) => containers.map((container) => `${category} ${container}`))
  t.equal(new Set(places).size, places.length)
})
