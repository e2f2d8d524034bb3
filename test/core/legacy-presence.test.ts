import t from 'tap'
import { defaultPlan } from '../../src/core/aggregation/plan.ts'
import { readLegacyDevice, writeLegacyDevice } from '../../src/core/categories/legacy-presence.ts'
import { readLegacyInterop } from '../../src/core/categories/legacy-interop.ts'
import { buildRegistry, builtInRegistry, defaultCategoryLimits, findCategory, type CategoryRegistry } from '../../src/core/categories/registry.ts'
import { readStatePayload } from '../../src/core/categories/state-payload.ts'
import { writeMsrtcPresence } from '../../src/core/documents/msrtc.ts'
import { nothingSeen, type DeviceSeen } from '../../src/core/documents/presence-seen.ts'
import { rowOf } from '../../src/core/documents/presence-tables.ts'
import type { SetPresence } from '../../src/core/model/legacy-presence.ts'
import type { Outcome } from '../../src/core/model/outcome.ts'
import { mergeTouches, noTouch } from '../../src/core/model/touch.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { findDevices } from '../../src/core/notifications/devices.ts'
import { decideDeregistration } from '../../src/core/publications/expire.ts'
import { legacyStates, statesOfLegacy } from '../../src/core/publications/legacy-states.ts'
import { decideSetPresence, type SetPresenceContext } from '../../src/core/publications/set-presence.ts'
import { readPresentity } from '../../src/core/requests/presentity.ts'
import { readSetPresence } from '../../src/core/requests/set-presence.ts'
import { readSoap } from '../../src/core/requests/soap.ts'
import { endpointIdOfEpid } from '../../src/core/sip/endpoint-id.ts'
import { namespaces } from '../../src/core/xml/namespaces.ts'
import { parseXml } from '../../src/core/xml/parse.ts'
import { ACTION_NS, actionBody, CLIENT_NS, setPresenceBody } from '../support/legacy.ts'
import { anna, applyChanges, bytes, endpoint, instance, must, now, readIndependently, state, verdict } from './support.ts'

const desk = endpoint({ endpointId: endpointIdOfEpid('desk'), instanceId: endpointIdOfEpid('desk').toUpperCase(), epid: 'desk' })
const laptop = endpoint({ endpointId: endpointIdOfEpid('laptop'), instanceId: endpointIdOfEpid('laptop'), epid: 'laptop' })

const says = (availability: number, activity: number, more: Partial<SetPresence> = {}): SetPresence => ({
  user: anna, availability: { aggregate: availability, description: undefined }, activity: { aggregate: activity, description: undefined, note: undefined }, extensions: '', userInfo: undefined, ...more,
})
const context = (over: Partial<SetPresenceContext> = {}): SetPresenceContext => ({ now, registry: builtInRegistry, plan: defaultPlan, endpoint: desk, epid: 'desk', maxWeight: 1_000_000, ...over })
const both = state({ endpoints: [desk, laptop] })

/** The state behind some setPresence requests, each with what is different about it. */
const after = (before: PublisherState, ...requests: readonly (readonly [SetPresence, Partial<SetPresenceContext>?])[]): PublisherState =>
  requests.reduce((current, [request, over]) => applyChanges(current, must(decideSetPresence(request, current, context(over))).changes), before)

/** What clients of every kind are shown of a state, in the numbers of legacy ones, and the word for it. */
const shownIn = ({ instances }: PublisherState, container: number): readonly unknown[] => {
  const interop = readLegacyInterop(instances.find((one) => one.category === 'legacyInterop' && one.container === container)?.payload ?? '')
  const { msrtc } = rowOf(interop?.availability ?? 0, interop?.token)
  return [msrtc.availability, msrtc.activity, interop?.token ?? msrtc.defaultToken]
}

/** The states of an endpoint in a container: `machine 3500, phone 6500 on-the-phone 6500-8999`. */
const statesOf = ({ instances }: PublisherState, container: number, of = desk): string => instances
  .filter((one) => one.category === 'state' && one.container === container && one.endpointId === of.instanceId).sort((a, b) => a.instance - b.instance)
  .map(({ payload }) => { const said = readStatePayload(payload); return `${said?.type.replace('State', '')} ${said?.availability}${(said?.activities ?? []).map(({ token, minAvailability, maxAvailability }) => ` ${token} ${minAvailability}-${maxAvailability}`).join('')}` }).join(', ')

// MS-SIP 2.2.1 and what becomes of it, written down apart from the table of the code: numbers, the states, and the numbers and the word that come back by 3.7.5.5.
const rows: readonly (readonly [availability: readonly [number, number], activity: readonly [number, number], states: string, back: readonly unknown[]])[] = [
  [[0, 99], [0, 999], 'machine 18000', [0, 100, 'offline']],
  [[100, 199], [0, 99], 'machine 15500', [300, 100, 'away']],
  [[200, 299], [0, 99], 'machine 5000', [300, 100, 'idle']],
  [[300, 999], [0, 99], 'machine 3500', [300, 400, 'online']],
  [[100, 999], [100, 149], 'machine 15500', [300, 100, 'away']],
  [[100, 999], [150, 199], 'machine 15500 out-to-lunch 15000-17999', [300, 100, 'out-to-lunch']],
  // 3.7.5.5 has no number for idle but that of away.
  [[100, 999], [200, 299], 'machine 5000', [300, 100, 'idle']],
  [[100, 999], [300, 399], 'machine 12500 be-right-back 12000-14999', [300, 300, 'be-right-back']],
  [[100, 999], [400, 499], 'machine 3500', [300, 400, 'online']],
  [[100, 999], [500, 599], 'machine 3500, phone 6500 on-the-phone 6500-8999', [300, 500, 'on-the-phone']],
  [[100, 999], [600, 699], 'user 6500, machine 3500', [300, 600, 'busy']],
  // Away has two numbers; the lower one comes back.
  [[100, 999], [700, 799], 'machine 15500', [300, 100, 'away']],
  [[100, 999], [800, 999], 'machine 3500', [300, 400, 'online']],
]

t.test('MS-SIP 2.2.1, row by row at every corner: numbers to states, and back by 3.7.5.5', async (t) => {
  t.equal(legacyStates.length, rows.length, 'no row but these')
  for (const [availabilities, activities, states, back] of rows) {
    for (const availability of availabilities) {
      for (const activity of activities) {
        const name = `${availability} ${activity}`
        const is = after(both, [says(availability, activity)])
        t.same([2, 3].map((container) => statesOf(is, container)), [states, states], name)
        t.same([200, 300, 400].map((container) => shownIn(is, container)), [back, back, back], name)
        t.same(shownIn(is, 100).slice(0, 2), [back[0], back[1] === 500 ? 600 : back[1]], `${name}: other domains see no token`)
        for (const one of is.instances) t.equal(findCategory(builtInRegistry, one.category)?.check?.(one.payload), undefined, `${name} ${one.category}`)
      }
    }
  }
  for (let availability = 0; availability <= 999; availability += 1) {
    for (const activity of [0, 99, 100, 149, 150, 199, 200, 299, 300, 399, 400, 499, 500, 599, 600, 699, 700, 799, 800, 999]) {
      const found = rows.find(([[from, to], [low, high]]) => availability >= from && availability <= to && activity >= low && activity <= high)
      if (found === undefined || statesOfLegacy(availability, activity).length !== found[2].split(', ').length) t.fail(`${availability} ${activity}`)
    }
  }
})

t.test('several endpoints: the most available one decides (MS-SIP 2.2.1), whoever is taken up more than any', async (t) => {
  const cases: readonly (readonly [desk: readonly [number, number], laptop: readonly [number, number], shown: readonly unknown[]])[] = [
    [[300, 400], [300, 100], [300, 400, 'online']], [[300, 300], [300, 400], [300, 400, 'online']], [[300, 150], [300, 400], [300, 400, 'online']], [[300, 600], [300, 400], [300, 600, 'busy']], [[300, 500], [300, 100], [300, 500, 'on-the-phone']],
    [[0, 600], [300, 400], [300, 400, 'online']], [[0, 0], [300, 300], [300, 300, 'be-right-back']], [[0, 400], [0, 400], [0, 100, 'offline']],
  ]
  for (const [one, other, shown] of cases) t.same([shownIn(after(both, [says(...one)], [says(...other), { endpoint: laptop, epid: 'laptop' }]), 200), shownIn(after(both, [says(...other), { endpoint: laptop, epid: 'laptop' }], [says(...one)]), 200)], [shown, shown], `${one} and ${other}, in either order`)
})

const keysOf = ({ instances }: PublisherState, category: string): readonly string[] => instances.filter((one) => one.category === category && (category !== 'state' || one.expireType === 'endpoint'))
  .map(({ container, instance: number, instanceVersion, expireType, endpointId }) => `${container}/${number.toString(16)} v${instanceVersion} ${expireType}${endpointId === undefined ? '' : ` ${endpointId}`}`).sort()

t.test('MS-SIP 3.2.4.2: a setPresence is the whole truth about its endpoint; the server counts versions', async (t) => {
  const hash = desk.endpointId.slice(0, 7)
  const first = after(both, [says(300, 600, { userInfo: '<x/>' })])
  t.same(keysOf(first, 'state'), [2, 3].flatMap((container) => [`${container}/2${hash} v1 endpoint ${desk.instanceId}`, `${container}/3${hash} v1 endpoint ${desk.instanceId}`]))
  t.same(keysOf(first, 'legacyDevice'), [`1/3${hash} v1 endpoint ${desk.instanceId}`])
  t.same(keysOf(first, 'legacyUserInfo'), ['1/0 v1 static'])
  const second = after(first, [says(300, 500)])
  t.same(keysOf(second, 'state'), [2, 3].flatMap((container) => [`${container}/3${hash} v1 endpoint ${desk.instanceId}`, `${container}/8${hash} v1 endpoint ${desk.instanceId}`]), 'busy is gone, the machine is the same')
  t.same([keysOf(second, 'legacyDevice'), keysOf(second, 'legacyUserInfo')], [[`1/3${hash} v2 endpoint ${desk.instanceId}`], ['1/0 v1 static']], 'what it does not say of its user stays')
  t.same(keysOf(after(second, [says(300, 100)]), 'state'), [2, 3].map((container) => `${container}/3${hash} v2 endpoint ${desk.instanceId}`))
  t.same(keysOf(after(second, [says(300, 500, { userInfo: '' })]), 'legacyUserInfo'), [], 'said to be nothing')
  t.same(statesOf(after(second, [says(300, 600), { endpoint: laptop, epid: 'laptop' }]), 2), 'machine 3500, phone 6500 on-the-phone 6500-8999', 'another endpoint takes nothing away')

  const foreign = [instance({ category: 'state', container: 2, instance: 0x20000000, expireType: 'static', payload: 'by hand' }), instance({ category: 'note', container: 200 })]
  t.same(after({ ...both, instances: foreign }, [says(300, 400)]).instances.filter((one) => foreign.includes(one)), foreign, 'what else the user has published')
  const expired = { ...both, instances: [instance({ category: 'legacyUserInfo', container: 1, instance: 0, instanceVersion: 1, expireType: 'time', expiresAt: now - 1 }), instance({ category: 'note', container: 5, expireType: 'time', expiresAt: now })] }
  const swept = must(decideSetPresence(says(300, 400, { userInfo: 'x' }), expired, context()))
  t.same([keysOf(applyChanges(expired, swept.changes), 'legacyUserInfo'), keysOf(applyChanges(expired, swept.changes), 'note'), swept.touch.categories['legacyUserInfo'], swept.touch.categories['note']], [['1/0 v1 static'], [], [1], [5]], 'what is past its time counts as gone')

  const gone = applyChanges(first, decideDeregistration(defaultPlan, first, [desk.endpointId, laptop.endpointId], now).changes)
  t.same([keysOf(gone, 'state'), keysOf(gone, 'legacyDevice'), keysOf(gone, 'legacyUserInfo'), shownIn(gone, 200)], [[], [], ['1/0 v1 static'], [0, 100, 'offline']], '3.2.5.5.1: userInfo survives signing out')
})

t.test('what is said again is not published again, and nobody hears of it; the device is as young as what it said last', async (t) => {
  const request = says(300, 600, { extensions: '<x xmlns=""/>', userInfo: 'x' })
  const is = after(both, [request])
  const again: Outcome = must(decideSetPresence(request, is, context({ now: now + 60_000 })))
  t.same(again.touch, noTouch)
  t.same(again.changes.map((change) => change.kind === 'putInstance' && [change.instance.category, change.instance.instanceVersion, change.instance.publishTime]), [['legacyDevice', 1, now + 60_000]])
  t.same(must(decideSetPresence(request, is, context({ now: now - 60_000 }))).changes.map((change) => change.kind === 'putInstance' && change.instance.publishTime), [now + 1], 'clocks of several engines may differ')
  const other = must(decideSetPresence({ ...request, extensions: '<y xmlns=""/>' }, is, context({ now: now + 1 })))
  t.same([other.touch.categories, other.touch.devices], [{ legacyDevice: [1] }, true], 'the device alone')
  t.same([must(decideSetPresence({ ...request, userInfo: 'y' }, is, context())).touch].map(({ categories, devices }) => [categories, devices]), [[{ legacyUserInfo: [1] }, undefined]])
  t.equal(must(decideSetPresence(says(0, 400), after(both, [says(0, 100)]), context())).touch.devices, undefined, 'whoever hides is no device to be seen')
  t.ok(must(decideSetPresence(says(0, 400), after(both, [says(300, 400)]), context())).touch.devices, 'but is gone')
  t.same([mergeTouches([noTouch, { ...noTouch, devices: true }, noTouch]).devices, mergeTouches([noTouch]).devices], [true, undefined], 'changes that are told together')
})

t.test('what is refused of a setPresence', async (t) => {
  const registry = (name: string, change: object | undefined): CategoryRegistry => ({ ...builtInRegistry, rules: new Map([...builtInRegistry.rules].flatMap(([key, rule]) => (key !== name ? [[key, rule]] : change === undefined ? [] : [[key, { ...rule, ...change }]]))) })
  const cases: readonly (readonly [name: string, over: Partial<SetPresenceContext>, more: Partial<SetPresence>, expected: string])[] = [
    ['fine', {}, {}, 'ok'], ['not registered', { endpoint: undefined }, {}, 'publishingEndpointNotRegistered'], ['no states here', { registry: registry('state', undefined) }, {}, 'categoryNotRegistered'], ['not there', { registry: registry('state', { readOnlyContainers: [3] }) }, {}, 'categoryReadOnly'],
    ['states are too large', { registry: registry('state', { maxBytes: 10 }) }, {}, 'publicationTooLarge'], ['8 KB', {}, { extensions: `<x>${'y'.repeat(8192)}</x>` }, 'publicationTooLarge'], ['of userInfo', {}, { userInfo: 'y'.repeat(8192) }, 'publicationTooLarge'], ['too much in all', { maxWeight: 500 }, {}, 'categoryQuotaExceeded'],
  ]
  for (const [name, over, more, expected] of cases) t.equal(verdict(decideSetPresence(says(300, 400, more), both, context(over))), expected, name)
  const is = after(both, [says(300, 600, { extensions: '<xxxx/>' })])
  t.equal(verdict(decideSetPresence(says(300, 400), is, context({ maxWeight: 500 }))), 'ok', 'who frees space is never over the quota')
  const meddled = buildRegistry(['legacyDevice', 'legacyUserInfo'].map((name) => ({ name, removed: name === 'legacyUserInfo', private: false, readOnlyContainers: [], ...defaultCategoryLimits, check: undefined })), false)
  for (const name of ['legacyDevice', 'legacyUserInfo']) t.match(findCategory(meddled, name), { private: true, serverOnly: true }, `${name} is nothing that a row of the database could change`)
})

/** What the request says, or why it is refused. */
const read = (body: string): unknown => {
  const soap = readSoap(bytes(body))
  const asked = soap.ok ? readSetPresence(soap.value) : soap
  return asked.ok ? asked.value : asked.failure.name
}

const SAID = { availability: { aggregate: 300, description: 'online' }, activity: { aggregate: 400, description: '', note: undefined }, extensions: '', userInfo: undefined }

t.test('MS-SIP 3.2.4.2: requests as clients write them', async (t) => {
  const plain = { availability: 300, activity: 400 }
  const device = `<deviceName xmlns="${CLIENT_NS}" name="PULT &amp; 1"/>`
  const cases: readonly (readonly [name: string, body: string, expected: object])[] = [
    ['as in the example', setPresenceBody(anna, plain), {}], ['sip:sip:', setPresenceBody(anna, { ...plain, uri: `sip:sip:${anna}` }), {}], ['SIPS:sip: and blanks', setPresenceBody(anna, { ...plain, uri: ` SIPS:sip:${anna} ` }), {}], ['without a scheme', setPresenceBody(anna, { ...plain, uri: anna }), {}],
    ['bare attributes', setPresenceBody(anna, plain).replace(/ m:(?=[a-z]+=)/g, ' '), {}],
    ['no prefixes at all', `<s:Envelope xmlns:s="${namespaces.soapEnvelope}"><s:Body><setPresence xmlns="${ACTION_NS}"><presentity uri="sip:${anna}"><availability aggregate="300" description="online"/><activity aggregate="400" description=""/></presentity></setPresence></s:Body></s:Envelope>`, {}],
    ['the namespace of the document', setPresenceBody(anna, plain).replace(/<(\/?)m:(presentity|availability|activity)/g, '<$1p:$2').replace('<p:presentity', `<p:presentity xmlns:p="${namespaces.msrtcPresence}"`), {}],
    ['no namespace', actionBody('setPresence', `<presentity uri="sip:${anna}"><availability aggregate="+300" description="online"/><activity aggregate=" 0400 " description=""/></presentity>`), {}],
    ['words', setPresenceBody(anna, { ...plain, description: 'Am &quot;Kai&quot;', note: 'bis <3'.replace('<', '&lt;') }), { activity: { aggregate: 400, description: 'Am "Kai"', note: 'bis <3' } }],
    ['0 and 999', setPresenceBody(anna, { availability: 0, activity: 999 }), { availability: { aggregate: 0, description: 'online' }, activity: { aggregate: 999, description: '', note: undefined } }],
    ['a device by name', setPresenceBody(anna, { ...plain, more: device }), { extensions: device }],
    ['CDATA', setPresenceBody(anna, { ...plain, more: `<r:devicedata xmlns:r="${CLIENT_NS}" namespace="rtcService"><![CDATA[<caps><renders_gif/></caps>]]></r:devicedata>` }), { extensions: `<r:devicedata xmlns:r="${CLIENT_NS}" xmlns="" namespace="rtcService"><![CDATA[<caps><renders_gif/></caps>]]></r:devicedata>`.replace(`<r:devicedata xmlns:r="${CLIENT_NS}" xmlns=""`, `<r:devicedata xmlns="" xmlns:r="${CLIENT_NS}"`) }],
    ['CDATA with its marks escaped', setPresenceBody(anna, { ...plain, more: '<d xmlns="urn:d">&lt;![CDATA[ <caps/>]]&gt;</d>' }), { extensions: '<d xmlns="urn:d">&lt;![CDATA[ <caps/>]]&gt;</d>' }],
    ['prefixes from around', setPresenceBody(anna, { ...plain, more: '<m:other><m:x/></m:other>' }), { extensions: `<m:other xmlns="" xmlns:m="${ACTION_NS}"><m:x/></m:other>` }],
    ['userInfo', setPresenceBody(anna, { ...plain, more: `<userInfo xmlns="${namespaces.msrtcPresence}">a<note>b</note></userInfo>${device}` }), { userInfo: `a<note xmlns="${namespaces.msrtcPresence}">b</note>`, extensions: `<userInfo>a<note xmlns="${namespaces.msrtcPresence}">b</note></userInfo>${device}` }],
    ['userInfo with the prefix of the action', setPresenceBody(anna, { ...plain, more: '<m:userInfo><note/></m:userInfo>' }), { userInfo: '<note xmlns=""/>', extensions: '<userInfo><note xmlns=""/></userInfo>' }],
    ['empty userInfo', setPresenceBody(anna, { ...plain, more: '<m:userInfo/>' }), { userInfo: '', extensions: '<userInfo></userInfo>' }],
    ['1024 characters of it', setPresenceBody(anna, { ...plain, more: `<m:userInfo>${'ü'.repeat(1024)}</m:userInfo>` }), { userInfo: 'ü'.repeat(1024), extensions: `<userInfo>${'ü'.repeat(1024)}</userInfo>` }],
    ['somebody else\'s userInfo', setPresenceBody(anna, { ...plain, more: '<userInfo xmlns="urn:u"/><availability xmlns="urn:u" aggregate="x"/>' }), { extensions: '<userInfo xmlns="urn:u"/><availability xmlns="urn:u" aggregate="x"/>' }],
  ]
  for (const [name, body, expected] of cases) t.same(read(body), { user: anna, ...SAID, ...expected }, name)
})

t.test('MS-SIP 3.2.4.2: what is not a request', async (t) => {
  const plain = { availability: 300, activity: 400 }
  const good = setPresenceBody(anna, plain)
  const inside = (content: string): string => actionBody('setPresence', content)
  const cases: readonly (readonly [body: string, expected: string])[] = [
    [inside(''), 'bodyNotValid'], [good.replace('<m:presentity', '<m:presentity m:uri="sip:x@y"/><m:presentity'), 'bodyNotValid'], [good.replace(/ m:uri="[^"]*"/, ''), 'bodyNotValid'], [good.replace('m:uri', 'xml:uri'), 'bodyNotValid'], [good.replace(`sip:${anna}`, 'tel:+4940'), 'bodyNotValid'], [good.replace(`sip:${anna}`, 'sip:nordwind.example'), 'bodyNotValid'], [good.replace(`sip:${anna}`, 'sip:sip:'), 'bodyNotValid'], [good.replace(`sip:${anna}`, ''), 'bodyNotValid'],
    [good.replace(/<m:availability[^>]*>/, ''), 'bodyNotValid'], [good.replace(/<m:activity[^>]*>/, ''), 'bodyNotValid'], [good.replace(/(<m:activity[^>]*>)/, '$1$1'), 'bodyNotValid'], [good.replace('"300"', '""'), 'bodyNotValid'], [good.replace(' m:aggregate="300"', ''), 'bodyNotValid'],
    ...['1000', '-1', '3e2', '300.0', 'online', '99999999999999999999', '0x10', '３００'].map((text) => [setPresenceBody(anna, { ...plain, availability: text }), 'bodyNotValid'] as const), ...['1000', '-0', ''].map((text) => [setPresenceBody(anna, { ...plain, activity: text }), 'bodyNotValid'] as const),
    [setPresenceBody(anna, { ...plain, more: '<m:userInfo/><userInfo/>' }), 'bodyNotValid'], [setPresenceBody(anna, { ...plain, more: `<m:userInfo>${'x'.repeat(1025)}</m:userInfo>` }), 'publicationTooLarge'], [setPresenceBody(anna, { ...plain, more: `<x>${'x'.repeat(8192)}</x>` }), 'publicationTooLarge'],
    [good.replace(ACTION_NS, `${ACTION_NS}/`), 'bodyNotValid'], [good.replace('</m:presentity>', ''), 'bodyNotXml'], ['', 'bodyMissing'],
  ]
  for (const [body, expected] of cases) t.equal(read(body), expected, body.slice(0, 400))
  t.same(must(readPresentity({ action: must(readSoap(bytes(actionBody('getPresence', `<presentity uri="sip:${anna}"/>`)))).action })).user, anna, 'MS-SIP 3.2.4.3: getPresence without a prefix')
})

t.test('what a device says is kept as it was said', async (t) => {
  const extensions = `<deviceName xmlns="${CLIENT_NS}" name="PULT"/><d xmlns="urn:d"><![CDATA[ <caps/> ]]></d>`
  const payload = writeLegacyDevice('ab12', { availability: { aggregate: 305, description: '<"&' }, activity: { aggregate: 7, description: undefined, note: 'é' }, extensions })
  t.match(readLegacyDevice(payload), { epid: 'ab12', availability: 305, activity: 7, content: `<availability aggregate="305" description="&lt;&quot;&amp;"/><activity aggregate="7" note="é"/>${extensions}` })
  for (const wrong of ['', 'x', '<devicePresence/>', payload.replaceAll('devicePresence', 'device'), payload.replace('"305"', '"x"'), payload.replace('<activity', '<other'), payload.slice(0, -2)]) t.equal(readLegacyDevice(wrong), undefined, wrong)
  t.equal(readLegacyDevice(writeLegacyDevice(undefined, { availability: { aggregate: 1, description: undefined }, activity: { aggregate: 2, description: undefined, note: undefined }, extensions: '' }))?.epid, undefined)
})

const device = (epid: string, availability: number, activity: number, age: number): DeviceSeen => ({ epid, availability, activity, age, content: `<availability aggregate="${availability}"/><activity aggregate="${activity}"/>` })

t.test('MS-SIP 2.2.1: the most available device is named at the top; only hundreds count', async (t) => {
  const cases: readonly (readonly [order: string, devices: readonly DeviceSeen[]])[] = [
    ['', []], ['a', [device('a', 300, 400, 5)]], ['b a', [device('a', 200, 900, 0), device('b', 300, 0, 9)]], ['b a', [device('a', 300, 400, 0), device('b', 300, 500, 9)]], ['b a', [device('a', 399, 499, 9), device('b', 300, 400, 8)]], ['a b', [device('b', 300, 400, 8), device('a', 300, 400, 8)]], ['c b a', [device('a', 100, 400, 1), device('b', 300, 100, 1), device('c', 300, 600, 1)]],
  ]
  for (const [order, devices] of cases) {
    const root = readIndependently(writeMsrtcPresence(anna, { ...nothingSeen, availability: 3500, devices }))
    const local = (name: string): string => name.slice(name.indexOf('}') + 1)
    const listed = root.children.find(({ name }) => local(name) === 'devices')?.children ?? []
    const epidOf = (attributes: readonly string[]): string | undefined => attributes.find((text) => text.startsWith('{}epid='))?.slice('{}epid='.length).replaceAll('"', '')
    t.equal(listed.map(({ attributes }) => epidOf(attributes)).join(' '), order)
    const top = root.children.filter(({ name }) => ['availability', 'activity'].includes(local(name))).map(({ attributes }) => epidOf(attributes))
    const [first] = order === '' ? [undefined] : order.split(' ')
    t.same(top, [first, first])
    t.same(root.children.map(({ name }) => local(name)), ['availability', 'activity', 'displayName', 'email', 'phoneNumber', ...(order === '' ? [] : ['devices']), 'aggregate'], 'aggregate is the last (9)')
  }
  const info = '<userInfo xmlns="http://schemas.microsoft.com/2002/09/sip/presence"><x xmlns="urn:x"/></userInfo>'
  t.match(writeMsrtcPresence(anna, { ...nothingSeen, userInfo: info, devices: [device('a', 300, 400, 30)] }), /<phoneNumber number=""\/><userInfo.*<\/userInfo><devices><devicePresence epid="a" ageOfPresence="30"><availability/)
  t.ok(parseXml(bytes(writeMsrtcPresence(anna, { ...nothingSeen, userInfo: info }))).ok)
})

t.test('devices: those of every kind of client, each once, those that can be reached', async (t) => {
  const machine = (availability: number, of = laptop, more = ''): ReturnType<typeof instance> => instance({
    category: 'state', container: 2, instance: 0x30000001, expireType: 'endpoint', endpointId: of.instanceId, publishTime: now - 7, payload: `<state xmlns="${namespaces.state}" xmlns:xsi="${namespaces.xsi}" xsi:type="machineState"><availability>${availability}</availability>${more}</state>`,
  })
  const brief = (instances: PublisherState['instances']): readonly string[] => findDevices(instances).map(({ endpointId, epid, availability, activity }) => `${endpointId === desk.endpointId ? 'desk' : 'laptop'} ${epid ?? '-'} ${availability} ${activity}`)
  const { instances } = after(both, [says(310, 600)])
  t.same(brief(instances), ['desk desk 310 600'], 'its machineState is its own')
  t.same(brief([...instances, machine(5000)]), ['desk desk 310 600', 'laptop - 300 100'])
  t.same(brief([machine(3500, desk)]), ['desk - 300 400'])
  t.same(brief([{ ...machine(5000), instance: 0x30000000 }, machine(3500)]), ['laptop - 300 400'], 'the more active of two')
  t.same(brief([machine(18000), { ...machine(3500), container: 3 }, { ...machine(3500), expireType: 'static' }, { ...machine(3500), payload: '<x/>' }]), [], 'neither the ones that are off nor what is no machineState of an endpoint')
  t.same(brief(after(both, [says(99, 900)]).instances), [])
  t.same(findDevices([machine(3500)]).map(({ at, content }) => [at, content]), [[now - 7, '<availability aggregate="300"/><activity aggregate="400"/>']])
})
