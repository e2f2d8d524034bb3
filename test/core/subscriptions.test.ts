import t from 'tap'
import { builtInRegistry } from '../../src/core/categories/registry.ts'
import { writeBatch } from '../../src/core/documents/batch.ts'
import { writeResourceList } from '../../src/core/documents/resource-list.ts'
import { writeRlmi, type InstanceState } from '../../src/core/documents/rlmi.ts'
import { noTouch } from '../../src/core/model/touch.ts'
import { viewOf, writeSeenState } from '../../src/core/notifications/category.ts'
import { entityTagOf } from '../../src/core/notifications/entity-tag.ts'
import { writeInstruction, type Notice } from '../../src/core/notifications/instruction.ts'
import { writeSelfChange, writeSelfState } from '../../src/core/notifications/self.ts'
import { decideCleanup, decideDeregistration } from '../../src/core/publications/expire.ts'
import type { Endpoint } from '../../src/core/model/endpoint.ts'
import { findEndpoint, readRegistration } from '../../src/core/registrations/register.ts'
import { readAdhocList } from '../../src/core/requests/adhoc-list.ts'
import { readBatchSubscribe, type BatchAction } from '../../src/core/requests/batch-subscribe.ts'
import { readRoamingList } from '../../src/core/requests/roaming-list.ts'
import { endpointIdOfEpid } from '../../src/core/sip/endpoint-id.ts'
import { asksForList, instanceOf, planList } from '../../src/core/subscriptions/adhoc-list.ts'
import { NUMBERS_AHEAD, openDialog, renewDialog, takeOver, type DialogTerms } from '../../src/core/subscriptions/dialog.ts'
import { checkInDialog, grantExpires, negotiate, piggybackHeaders, plainHeaders, readIntent } from '../../src/core/subscriptions/lifetime.ts'
import { foreign, homedElsewhere, notGranted, watchedByTooMany } from '../../src/core/subscriptions/watchability.ts'
import { applyPlan, checkSingle, isBatch, planResources } from '../../src/core/subscriptions/resources.ts'
import { anna, boris, bytes, clara, dialog, documents, endpoint, instance, member, must, now, request, state, verdict } from './support.ts'

const ROAMING = 'http://schemas.microsoft.com/2006/09/sip/roaming-self'
const CATEGORIES = 'http://schemas.microsoft.com/2006/09/sip/categories'
const roamingList = (content: string): Buffer => bytes(`<roamingList xmlns="${ROAMING}" xmlns:ex="http://schemas.microsoft.com/2007/09/sip/roaming-self-ex">${content}</roamingList>`)

t.test('3.3.5.3 and 6.6: the scope of a self SUBSCRIBE', async (t) => {
  const cases: readonly (readonly [name: string, body: Buffer, expected: string | readonly string[]])[] = [
    ['all four, in our order', roamingList('<ex:roamingEx type="delegates"/><roaming type="subscribers"/><roaming type="containers"/><roaming type="categories"/>'), ['categories', 'containers', 'subscribers', 'delegates']], ['one', roamingList('<roaming type="subscribers"/>'), ['subscribers']], ['twice the same', roamingList('<roaming type="containers"/><roaming type="containers"/>'), ['containers']],
    ['3.3.5.1: delegates alone', roamingList('<ex:roamingEx type="delegates"/>'), ['delegates']], ['an unknown roamingEx', roamingList('<roaming type="categories"/><ex:roamingEx type="later"/>'), ['categories']], ['a separator and foreign elements', roamingList('<roaming type="categories"/><presenceSeparator/><x xmlns="urn:x"/>'), ['categories']],
    ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('<roamingList'), 'bodyNotXml'], ['another root', bytes(`<roaming xmlns="${ROAMING}"/>`), 'bodyNotValid'], ['another namespace', bytes('<roamingList><roaming type="categories"/></roamingList>'), 'bodyNotValid'], ['nothing to roam', roamingList(''), 'bodyNotValid'],
    ['an unknown roaming', roamingList('<roaming type="contacts"/>'), 'bodyNotValid'], ['delegates as plain roaming', roamingList('<roaming type="delegates"/>'), 'bodyNotValid'], ['no type', roamingList('<roaming/>'), 'bodyNotValid'], ['roamingEx without type', roamingList('<ex:roamingEx/>'), 'bodyNotValid'], ['an unknown element of ours', roamingList('<roaming type="categories"/><roam/>'), 'bodyNotValid'],
  ]
  for (const [name, body, expected] of cases) {
    const read = readRoamingList(body)
    t.same(read.ok ? read.value : read.failure.name, expected, name)
  }
})

const list = '<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist"><category name="note"/><category name="state"/><category name="note"/></categoryList>'
const batch = (content: string): Buffer => bytes(`<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" uri="sip:anna@nordwind.example" name="">${content}</batchSub>`)
const action = (resources: string, name = 'subscribe', categories = list): string => `<action name="${name}" id="7"><adhocList>${resources}</adhocList>${categories}</action>`
const resource = (uri: string, content = ''): string => `<resource uri="${uri}">${content}</resource>`

t.test('3.4.5.3 and 6.8: the resources of a category SUBSCRIBE', async (t) => {
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['the smallest', batch(action(resource(`sip:${boris}`))), 'ok'], ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('x'), 'bodyNotXml'], ['another root', bytes('<batchSub/>'), 'bodyNotValid'], ['no action', batch(''), 'bodyNotValid'], ['no resource', batch(action('')), 'bodyNotValid'], ['no adhocList', batch(`<action name="subscribe">${list}</action>`), 'bodyNotValid'],
    ['no categoryList', batch(action(resource(`sip:${boris}`), 'subscribe', '')), 'bodyNotValid'], ['an empty categoryList', batch(action(resource(`sip:${boris}`), 'subscribe', list.replace(/<category name="\w+"\/>/g, ''))), 'bodyNotValid'], ['a category without name', batch(action(resource(`sip:${boris}`), 'subscribe', list.replace('<category name="note"/>', '<category/>'))), 'bodyNotValid'],
    ['a categoryList of another namespace', batch(action(resource(`sip:${boris}`), 'subscribe', '<categoryList><category name="note"/></categoryList>')), 'bodyNotValid'], ['unsubscribe', batch(action(resource(`sip:${boris}`), 'unsubscribe')), 'ok'], ['another action', batch(action(resource(`sip:${boris}`), 'poll')), 'bodyNotValid'], ['an action without name', batch(action(resource(`sip:${boris}`)).replace('name="subscribe"', '')), 'bodyNotValid'],
    ['a resource without uri', batch(action('<resource/>')), 'bodyNotValid'], ['a resource that is no user', batch(action(resource('sip:nordwind.example'))), 'bodyNotValid'], ['a resource that is no SIP URI', batch(action(resource('boris at home'))), 'bodyNotValid'], ['two elements of context', batch(action(resource(`sip:${boris}`, '<context><a/><b/></context>'))), 'bodyNotValid'],
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(readBatchSubscribe(body)), expected, name)
  t.same(must(readBatchSubscribe(batch(action(`${resource(`SIP:${boris}`)}${resource('sip:clara@Suedwind.Example', '<context/>')}${resource(`sip:${anna}`, '<context><c xmlns="urn:c">1</c></context>')}${resource(`sip:${boris}`)}`) + action(resource(`sip:${clara}`), 'unsubscribe')))), [
    { name: 'subscribe', categories: ['note', 'state'], resources: [{ user: boris, uri: `sip:${boris}`, context: undefined }, { user: clara, uri: 'sip:clara@Suedwind.Example', context: '' }, { user: anna, uri: `sip:${anna}`, context: '<c xmlns="urn:c">1</c>' }], resourceCount: 4 },
    { name: 'unsubscribe', categories: ['note', 'state'], resources: [{ user: clara, uri: `sip:${clara}`, context: undefined }], resourceCount: 1 },
  ], 'design 11: an empty context is told from none')
})

const asks = (name: 'subscribe' | 'unsubscribe', users: readonly string[], categories: readonly string[]): BatchAction => ({ name, categories, resources: [...new Set(users)].map((user) => ({ user, uri: `sip:${user}`, context: undefined })), resourceCount: users.length })

t.test('3.4.5.1.1 to 3.4.5.1.3.1: single or batch, plans, limits', async (t) => {
  t.same([['Require: adhoclist, categoryList'], ['Require: categorylist', 'Require: AdhocList'], ['Require: adhoclist'], ['Require: categoryList'], ['Supported: adhoclist, categoryList'], []].map((more) => isBatch(request('SUBSCRIBE', {}, more))), [true, true, false, false, false, false])
  const one = request('SUBSCRIBE', { To: `<sip:${anna}>` })
  const singles: readonly (readonly [name: string, actions: readonly BatchAction[], fits: boolean])[] = [
    ['one resource that is To', [asks('subscribe', [anna], ['note', 'state'])], true], ['1: more than one resource', [asks('subscribe', [anna, boris], ['note'])], false], ['1: the same resource twice', [asks('subscribe', [anna, anna], ['note'])], false], ['2: more than one action', [asks('subscribe', [anna], ['note']), asks('subscribe', [anna], ['state'])], false], ['3: unsubscribe', [asks('unsubscribe', [anna], ['note'])], false], ['4: not To', [asks('subscribe', [clara], ['note'])], false], ['no action', [], false],
  ]
  for (const [name, actions, fits] of singles) t.equal(checkSingle(one, actions)?.name, fits ? undefined : 'singleNotOneResource', `3.4.5.3 ${name}`)
  const plan = planResources([asks('subscribe', [anna, clara], ['note', 'routing', 'state', 'mwi']), asks('subscribe', [anna, clara], ['note', 'device', 'constructor']), asks('unsubscribe', [boris, clara], ['note', 'routing'])], new Map([[clara, foreign(clara)]]), builtInRegistry)
  t.same([[...plan.subscribe], plan.steps.filter(({ name }) => name === 'unsubscribe'), plan.rejections], [[[anna, ['note', 'state', 'device', 'constructor']]], [{ name: 'unsubscribe', user: boris, categories: ['note'] }, { name: 'unsubscribe', user: clara, categories: ['note'] }], [{ user: clara, state: 'resubscribe' }]], 'private categories are passed over, users elsewhere rejected once, unsubscribing never complains')
  const refusing = planResources([asks('subscribe', [anna, boris, clara], ['note']), asks('subscribe', [boris], ['state']), asks('unsubscribe', [boris], ['note'])], new Map([[boris, notGranted(boris)], [clara, foreign(clara)]]), builtInRegistry)
  t.same([[...refusing.subscribe.keys()], refusing.rejections, refusing.steps.map(({ name, user }) => `${name} ${user}`)], [[anna], [{ user: boris, state: 'terminated', reason: 'rejected', statusCode: 403 }, { user: clara, state: 'resubscribe' }], [`subscribe ${anna}`, `unsubscribe ${boris}`]], '3.4.5.3: who may not be watched is rejected for good, once; who is not here has no rights to ask for')
  const elsewhere = planResources([asks('subscribe', [anna, boris], ['note'])], new Map([[anna, homedElsewhere(anna, 'sip:pool2@nordwind.example;gruu')], [boris, watchedByTooMany(boris)]]), builtInRegistry)
  t.same(elsewhere.rejections, [{ user: anna, state: 'resubscribe', poolFqdn: 'sip:pool2@nordwind.example;gruu' }, { user: boris, state: 'terminated', reason: 'quotaExceeded', statusCode: 413 }], '3.4.5.1.3.1: homed elsewhere, watched by too many')
  const limits = { maxResourcesPerDialog: 2, maxCategoriesPerRequest: 2 }
  const before = new Map([[anna, ['note', 'state']], [boris, ['note']]])
  const cases: readonly (readonly [name: string, actions: readonly BatchAction[], after: readonly (readonly [string, readonly string[]])[] | string])[] = [
    ['subscribe adds categories', [asks('subscribe', [boris], ['device', 'note'])], [[anna, ['note', 'state']], [boris, ['note', 'device']]]], ['unsubscribe takes them away', [asks('unsubscribe', [anna], ['note', 'device'])], [[anna, ['state']], [boris, ['note']]]], ['actions in their order', [asks('subscribe', [boris], ['state']), asks('unsubscribe', [boris], ['note', 'state'])], [[anna, ['note', 'state']]]], ['with its last category the publisher goes', [asks('unsubscribe', [boris], ['note'])], [[anna, ['note', 'state']]]],
    ['unsubscribing what is not there', [asks('unsubscribe', [clara], ['note'])], [[anna, ['note', 'state']], [boris, ['note']]]], ['one contact too many', [asks('subscribe', [clara], ['note'])], 'subscribesTooMuch'], ['room made in the same request', [asks('unsubscribe', [boris], ['note']), asks('subscribe', [clara], ['note'])], [[anna, ['note', 'state']], [clara, ['note']]]],
    ['one category too many', [asks('subscribe', [boris], ['note', 'state', 'device'])], 'subscribesTooMuch'], ['private categories do not count', [asks('subscribe', [boris], ['note', 'state', 'mwi'])], [[anna, ['note', 'state']], [boris, ['note', 'state']]]],
  ]
  for (const [name, actions, expected] of cases) {
    const after = applyPlan(before, planResources(actions, new Map(), builtInRegistry), limits)
    t.same('name' in after ? after.name : [...after], expected, `design 12: ${name}`)
  }
  t.same([...before], [[anna, ['note', 'state']], [boris, ['note']]], 'what was is left alone')
})

const limits = { min: 60, default: 3600, max: 7200 }
const terms: DialogTerms = { kind: 'batch', localTag: 'srv1', endpointId: 'e1', path: { network: 'federated', networkNamed: false, proxy: 'edge', flow: 'f9', contact: 'sip:pool' }, scope: [], since: 0, limits, chance: 1, sender: 'here' }
const benotify = ['Supported: ms-benotify', 'Proxy-Require: ms-benotify']

t.test('3.4.5.1.2, RFC 6665 4.2.1: lifetimes', async (t) => {
  const granted: readonly (readonly [asked: number | undefined, chance: number, expected: number | string])[] = [
    [undefined, 0, 2700], [undefined, 0.5, 3150], [undefined, 1, 3600], [0, 1, 0], [1, 1, 'intervalTooBrief'], [59, 1, 'intervalTooBrief'], [60, 1, 60], [3600, 0, 3600], [7200, 1, 7200], [7201, 1, 7200], [0xffffffff, 1, 7200],
  ]
  for (const [asked, chance, expected] of granted) {
    const result = grantExpires(asked, limits, chance)
    t.equal(result.ok ? result.value : result.failure.name, expected, `${asked} by chance ${chance}`)
  }
  t.match(grantExpires(5, limits, 0), { failure: { headers: [['Min-Expires', '60']] } })
  t.same(grantExpires(3600, { ...limits, min: 5000 }, 0), { ok: true, value: 3600 }, 'RFC 6665 4.2.1.1: an hour is never too brief')
  const tagged = { To: '<sip:boris@nordwind.example>;tag=srv1' }
  t.same([request('SUBSCRIBE'), request('SUBSCRIBE', {}, ['Expires: 0']), request('SUBSCRIBE', tagged), request('SUBSCRIBE', tagged, ['Expires: 0']), request('SUBSCRIBE', tagged, ['Expires: 60'])].map(readIntent), ['create', 'poll', 'refresh', 'cancel', 'refresh'])
  t.same([[], benotify, ['Supported: ms-benotify'], ['Proxy-Require: ms-benotify'], ['Supported: ms-piggyback-first-notify, MS-BENOTIFY', 'Proxy-Require: ms-benotify']].map((more) => negotiate(request('SUBSCRIBE', {}, more))),
    [[false, false], [true, false], [false, false], [false, false], [true, true]].map(([benotify, piggyback]) => ({ benotify, piggyback, autoextend: false })), 'MS-SIP 3.5: BENOTIFY needs both')
  const refresh = (over: Readonly<Record<string, string>>): ReturnType<typeof request> => request('SUBSCRIBE', { ...tagged, Event: 'presence', ...over })
  const checks: readonly (readonly [name: string, over: Readonly<Record<string, string>>, held: ReturnType<typeof dialog> | undefined, expected: string | undefined])[] = [
    ['its own refresh', { CSeq: '3 SUBSCRIBE' }, dialog(), undefined], ['design 18: the same again', { CSeq: '2 SUBSCRIBE' }, dialog(), undefined], ['RFC 3261 12.2.2: an older one', { CSeq: '1 SUBSCRIBE' }, dialog(), 'outOfOrder'], ['no dialog', {}, undefined, 'dialogUnknown'], ['design 13: another Call-ID', { 'Call-ID': 'call-2' }, dialog(), 'dialogUnknown'],
    ['another From tag', { From: '<sip:boris@nordwind.example>;tag=cli2' }, dialog(), 'dialogUnknown'], ['another event', { Event: 'vnd-microsoft-roaming-self' }, dialog(), 'dialogUnknown'], ['RFC 6665 8.2.1: another id', { Event: 'presence;id=8' }, dialog({ event: 'presence;id=7' }), 'dialogUnknown'], ['no id', {}, dialog({ event: 'presence;id=7' }), 'dialogUnknown'],
    ['its id, RFC 6446 3.3: another rate', { Event: 'presence; max-rate=1 ;id = 7' }, dialog({ event: 'presence;id=7;max-rate=0.2' }), undefined], ['an ended dialog', {}, dialog({ expiresAt: now }), 'dialogUnknown'], ['its last millisecond', {}, dialog({ expiresAt: now + 1 }), undefined],
  ]
  for (const [name, over, held, expected] of checks) t.equal(checkInDialog(refresh(over), held, now)?.name, expected, name)
  t.same(piggybackHeaders(dialog({ cseq: 1, expiresAt: now + 34_560_000 }), { benotify: true, piggyback: true, autoextend: false }, 'a/b', now), [['Contact', '<sip:presence@pool.nordwind.example>'], ['Expires', '34560'], ['Require', 'eventlist'], ['Content-Type', 'a/b'], ['Event', 'presence'], ['subscription-state', 'active;expires=34560'], ['ms-piggyback-cseq', '1'], ['Supported', 'ms-benotify, ms-piggyback-first-notify']], '4.4.2, 4.5')
  t.match(piggybackHeaders(dialog({ expiresAt: now }), { benotify: false, piggyback: true, autoextend: false }, 'a/b', now).slice(5), [['subscription-state', 'terminated;expires=0'], ['ms-piggyback-cseq', '7'], ['Supported', 'ms-piggyback-first-notify']], 'a poll is over at once')
  t.same(plainHeaders(dialog(), { benotify: false, piggyback: false, autoextend: false }, now), [['Contact', '<sip:presence@pool.nordwind.example>'], ['Expires', '600']])
})

t.test('RFC 3261 12.2.2: numbers rise over engines: whoever takes a dialog over begins beyond all that another may have used', async (t) => {
  const own = dialog({ cseq: 7, sender: 'here' })
  t.equal(takeOver(own, 'here'), own)
  t.match(takeOver(own, 'there'), { cseq: 7 + NUMBERS_AHEAD, sender: 'there' })
  t.equal(takeOver(takeOver(own, 'there'), 'here').cseq, 7 + 2 * NUMBERS_AHEAD, 'there and back')
})

t.test('RFC 3261 12 and design 18: dialogs', async (t) => {
  const opening = request('SUBSCRIBE', { To: `<sip:${anna}>` }, ['Event: presence;id=1', 'Expires: 900', 'Record-Route: <sip:p1;lr>', 'Record-Route: <sip:p2;lr>', ...benotify])
  const opened = must(openDialog(opening, terms, now))
  t.same(opened, {
    subscriber: boris, localTag: 'srv1', remoteTag: 'cli1', callId: 'call-1', kind: 'batch', event: 'presence;id=1', endpointId: 'e1', localText: `<sip:${anna}>;tag=srv1`, remoteText: '<sip:boris@nordwind.example>;tag=cli1;epid=01010101', target: 'sip:boris@192.0.2.9;transport=tcp',
    routes: ['<sip:p1;lr>', '<sip:p2;lr>'], network: 'federated', networkNamed: false, proxy: 'edge', flow: 'f9', contact: 'sip:pool', benotify: true, cseq: 1, remoteCseq: 2, notifiedAt: now, scope: [], since: 0, createdAt: now, expiresAt: now + 900_000, extendMs: 0, sender: 'here', rlmiVersion: 0, ucs: false,
  })
  t.equal(verdict(openDialog(request('SUBSCRIBE', { Contact: '' }), terms, now)), 'contactMissing', '2.2.2.3.1')
  t.match(openDialog(request('SUBSCRIBE', { Contact: '' }, ['Expires: 0']), terms, now), { ok: true, value: { target: 'sip:boris@nordwind.example', expiresAt: now } }, 'a poll needs none')
  t.equal(verdict(openDialog(request('SUBSCRIBE', {}, ['Expires: 3']), terms, now)), 'intervalTooBrief')
  const path = { ...terms.path, flow: 'f10' }
  const renew = (over: Readonly<Record<string, string>>, more: readonly string[] = []): ReturnType<typeof renewDialog> => renewDialog(request('SUBSCRIBE', over, ['Event: presence;id=1', ...more]), opened, path, ['containers'], limits, 0, now + 5000)
  t.equal(must(renew({ CSeq: '2 SUBSCRIBE' }, ['Expires: 0'])), opened, 'the very same request changes nothing')
  t.same(must(renew({ CSeq: '3 SUBSCRIBE', Contact: '' })), { ...opened, flow: 'f10', scope: ['containers'], cseq: 2, remoteCseq: 3, notifiedAt: now + 5000, expiresAt: now + 5000 + 2_700_000 }, '3.3.5.1: the scope is overwritten; target, routes and BENOTIFY stay')
  t.match(must(renew({ CSeq: '9 SUBSCRIBE', Contact: '<sip:boris@192.0.2.10>' }, ['Expires: 0', 'Record-Route: <sip:p3;lr>'])), { target: 'sip:boris@192.0.2.10', routes: ['<sip:p3;lr>'], remoteCseq: 9, expiresAt: now + 5000, createdAt: now })
  t.equal(verdict(renew({ CSeq: '3 SUBSCRIBE' }, ['Expires: 3'])), 'intervalTooBrief')
})

t.test('MS-SIP 3.5 and 4.4.3: notifications', async (t) => {
  const head = 'From: <sip:boris@nordwind.example>;tag=srv1\r\nTo: "Boris" <sip:boris@nordwind.example>;tag=cli1;epid=01010101\r\nCall-ID: call-1\r\n'
  t.same(writeInstruction(dialog(), { body: { type: 'a/b', text: '<x/>' } }, now), { m: 'BENOTIFY', ruri: 'sip:boris@192.0.2.9;transport=tcp', flow: 'f2', h: `${head}CSeq: 7 BENOTIFY\r\nRequire: eventlist\r\nEvent: presence\r\nsubscription-state: active;expires=600\r\nContent-Type: a/b\r\n`, b: '<x/>' })
  t.same(writeInstruction(dialog({ benotify: false, routes: ['<sip:p1;lr>', '<sip:p2;lr>'] }), { body: undefined, terminated: 'timeout' }, now), {
    m: 'NOTIFY', ruri: 'sip:boris@192.0.2.9;transport=tcp', flow: 'f2', b: '', h: `${head}CSeq: 7 NOTIFY\r\nContact: <sip:presence@pool.nordwind.example>\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nRequire: eventlist\r\nEvent: presence\r\nsubscription-state: terminated;expires=0;reason=timeout\r\nExpires: 0\r\n`,
  })
  // Ordinary phones, to the letter of RFC 6665; the tag is that of the document, whether it is sent or not (RFC 5839 5.1).
  const phone = dialog({ kind: 'pidf', benotify: false, event: 'presence;id=7;max-rate=0.2' })
  const body = { type: 'application/pidf+xml', text: '<x/>' }
  const tag = entityTagOf('<x/>')
  t.match(tag, /^[\w-]{22}$/)
  const states: readonly (readonly [name: string, notice: Notice, lines: readonly string[], body: string])[] = [
    ['RFC 6665 4.1.3', { body }, ['Subscription-State: active;expires=600;max-rate=0.2', `SIP-ETag: ${tag}`, 'Content-Type: application/pidf+xml'], '<x/>'],
    ['RFC 5839 6.3: known', { body, suppressed: true }, ['Subscription-State: active;expires=600;max-rate=0.2', `SIP-ETag: ${tag}`], ''],
    ['RFC 6665 4.2.2: pending', { body: undefined, pending: true }, ['Subscription-State: pending;expires=600;max-rate=0.2'], ''],
    ...(['timeout', 'deactivated', 'noresource', 'rejected'] as const).map((reason) => [`RFC 6665 4.1.3: ${reason}`, { body: undefined, terminated: reason }, [`Subscription-State: terminated;reason=${reason}`], ''] as const),
    ['RFC 6665 4.4.3: a poll', { body, terminated: 'timeout' }, ['Subscription-State: terminated;reason=timeout', `SIP-ETag: ${tag}`, 'Content-Type: application/pidf+xml'], '<x/>'],
  ]
  for (const [name, notice, lines, text] of states) t.same(writeInstruction(phone, notice, now), { m: 'NOTIFY', ruri: 'sip:boris@192.0.2.9;transport=tcp', flow: 'f2', h: `${head}CSeq: 7 NOTIFY\r\nContact: <sip:presence@pool.nordwind.example>\r\n${['Event: presence;id=7', ...lines].join('\r\n')}\r\n`, b: text }, name)
})

t.test('MS-SIPREGE: registrations and who sends a request', async (t) => {
  const uuid = 'A8F9A3A8-EE61-56D7-B306-C67B08FB28D8'
  const named = `<sip:boris@192.0.2.9>;+sip.instance="<urn:uuid:${uuid}>"`
  const bare = '<sip:boris@nordwind.example>;tag=cli1'
  const read = (over: Readonly<Record<string, string>>, more: readonly string[] = [], granted?: number): unknown => {
    const result = readRegistration(request('REGISTER', over, more), { proxy: 'edge', flow: 'f1', granted }, now)
    return result.ok ? { present: result.value.present.map(({ endpointId, instanceId, expiresAt }) => [endpointId, instanceId, (expiresAt - now) / 1000]), leaving: result.value.leaving, all: result.value.all } : result.failure.name
  }
  const here = (endpointId: string, instanceId = endpointId, seconds = 3630): unknown => ({ present: [[endpointId, instanceId, seconds]], leaving: [], all: false })
  t.same(read({ Contact: named }), here(uuid.toLowerCase(), uuid), '+sip.instance before epid, shown as written')
  t.same(read({}), here(endpointIdOfEpid('01010101')), 'epid of From')
  t.same(read({ From: bare, Contact: '<sip:boris@nordwind.example;opaque=user:epid:qKP5qGHu11azBsZ7CPso2AAA;gruu>' }), here(uuid.toLowerCase()), 'the GRUU')
  t.same(read({ From: bare }), here(endpointIdOfEpid('sip:boris@192.0.2.9;transport=tcp')), 'the Contact itself')
  t.same(read({ Contact: `${named};expires=120` }, ['Expires: 7200']), here(uuid.toLowerCase(), uuid, 150), 'expires of the Contact before Expires')
  t.same(read({ Contact: named }, ['Expires: 7200']), here(uuid.toLowerCase(), uuid, 7230))
  t.same(read({ Contact: named }, ['Expires: 7200'], 300), here(uuid.toLowerCase(), uuid, 330), 'what the registrar granted counts')
  t.same([read({ Contact: named }, ['Expires: 0']), read({ Contact: `${named};expires=0` })], Array(2).fill({ present: [], leaving: [uuid.toLowerCase()], all: false }))
  t.same(read({ Contact: `<sip:boris@192.0.2.1>;expires=0, <sip:boris@192.0.2.2>` }), here(endpointIdOfEpid('01010101')), 'a moved Contact is not a departure')
  t.same([read({ Contact: '*' }, ['Expires: 0']), read({ Contact: '' })], [{ present: [], leaving: [], all: true }, 'contactMissing'])
  const known = [endpoint(), endpoint({ endpointId: uuid.toLowerCase(), epid: undefined, contact: 'sip:anna@192.0.2.8' }), endpoint({ endpointId: endpointIdOfEpid('c8ca638a15'), epid: undefined, contact: 'sip:anna@192.0.2.77' })]
  const finds: readonly (readonly [name: string, over: Readonly<Record<string, string>>, found: number | undefined])[] = [
    ['by epid', { From: `${bare};epid=01010101`, Contact: '' }, 0], ['by the id that the epid makes', { From: `${bare};epid=c8ca638a15`, Contact: '' }, 2], ['by +sip.instance', { From: bare, Contact: named }, 1], ['by GRUU', { From: bare, Contact: '<sip:x@y;opaque=user:epid:qKP5qGHu11azBsZ7CPso2AAA;gruu>' }, 1], ['by Contact', { From: bare, Contact: '<sip:anna@192.0.2.7:5060>' }, 0],
    ['by the GRUU that the registrar itself gave (RFC 5627)', { From: bare, Contact: `<sip:boris@nordwind.example;gr=urn:uuid:${uuid}>` }, 1],
    ['an unknown epid, a known instance', { From: `${bare};epid=ffff`, Contact: named }, 1], ['nobody', { From: `${bare};epid=ffff`, Contact: '<sip:x@y>' }, undefined], ['nothing to go by', { From: bare, Contact: '' }, undefined],
  ]
  for (const [name, over, found] of finds) t.equal(findEndpoint(request('SERVICE', over), known), found === undefined ? undefined : known[found], name)
  // What phones register with, what they subscribe with, over the connection that they registered on (f2) or another one.
  const phone = (contact: string, flow: string, over: Partial<Endpoint> = {}): Endpoint => endpoint({ endpointId: endpointIdOfEpid(contact), epid: undefined, contact, proxy: 'edge', flow, ...over })
  const phones = [phone('sip:20@192.0.2.20:5060;transport=udp', 'f2'), phone('sip:20@192.0.2.21:12088', 'f3'), phone('sip:20@192.0.2.22', 'shared'), phone('sip:20@192.0.2.22:5070', 'shared')]
  const desks: readonly (readonly [name: string, contact: string, flow: string, found: number | undefined])[] = [
    ['another port', '<sip:20@192.0.2.20:11940>', 'f9', 0], ['another transport', '<sip:20@192.0.2.20:5060;transport=tcp>', 'f9', 0], ['parameters of its proxy', '<sip:20@192.0.2.21:12088;alias=198.51.100.7~40122~1>', 'f9', 1], ['no Contact of use, the same connection', '<sip:random-8f3a@anonymous.invalid;ob>', 'f3', 1],
    ['an instance id that it did not register with', '<sip:20@192.0.2.21:5060>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-0004f2aabbcc>"', 'f9', 1], ['two at one address', '<sip:20@192.0.2.22:6000>', 'f9', undefined], ['two over one connection', '<sip:x@192.0.2.9>', 'shared', undefined], ['one of them by its Contact', '<sip:20@192.0.2.22:5070>', 'shared', 3],
    ['another user there', '<sip:21@192.0.2.20:5060>', 'f9', undefined], ['an epid that nobody has', '<sip:20@192.0.2.20:11940>', 'f2', undefined],
  ]
  for (const [name, contact, flow, found] of desks) t.equal(findEndpoint(request('SUBSCRIBE', { From: name.startsWith('an epid') ? `${bare};epid=ffff` : bare, Contact: contact }), phones, { proxy: 'edge', flow }), found === undefined ? undefined : phones[found], `a phone: ${name}`)
})

t.test('3.2.5.5 and 3.2.6.1: what ends by itself', async (t) => {
  const [one, two] = [endpoint(), endpoint({ endpointId: 'a8f9a3a8-ee61-56d7-b306-c67b08fb28d8' })]
  const instances = [instance({ container: 2, expireType: 'endpoint', endpointId: one.instanceId }), instance({ container: 3, expireType: 'endpoint', endpointId: 'A8F9A3A8-EE61-56D7-B306-C67B08FB28D8' }), instance({ category: 'state', expireType: 'user' }), instance({ category: 'device', expireType: 'time', expiresAt: now }), instance({ category: 'device', instance: 1, expireType: 'time', expiresAt: now + 1 }), instance({ container: 2, instance: 1 })]
  const ended = (outcome: ReturnType<typeof decideCleanup>): unknown => outcome.changes.map((change) => (change.kind === 'deleteInstance' ? `${change.key.category} ${change.key.container} ${change.key.instance}` : change.kind === 'deleteEndpoint' ? change.endpointId.slice(0, 4) : change.kind))
  const first = decideDeregistration([], state({ instances, endpoints: [one, two] }), [one.endpointId, 'unknown'], now - 1)
  t.same([ended(first), first.touch], [['note 2 0', '4b16'], { categories: { note: [2] }, publishedBefore: {}, membersBefore: {} }], 'its own instances, whatever letters its id is written in')
  const last = decideDeregistration([], state({ instances, endpoints: [one, two] }), [two.endpointId, one.endpointId], now - 1)
  t.same([ended(last), last.touch], [['note 2 0', 'note 3 0', 'state 200 0', '4b16', 'a8f9'], { categories: { note: [2, 3], state: [200] }, publishedBefore: { note: [2, 3], state: [200] }, membersBefore: {} }], '3.2.5.5.1: with the last one what is bound to the user')
  t.same(decideDeregistration([], state({ instances, endpoints: [] }), [one.endpointId], now - 1), { changes: [], touch: noTouch }, 'who is not here cannot leave')
  const swept = decideCleanup([], state({ instances }), now)
  t.same([ended(swept), swept.touch], [['device 200 0'], { categories: { device: [200] }, publishedBefore: {}, membersBefore: {} }])
  t.same(decideCleanup([], state({ instances }), now - 1), { changes: [], touch: noTouch })
})

const roaming = (content: string): string => `<roamingData xmlns="${ROAMING}">${content}</roamingData>`
const published = '2031-03-04T09:29:15.250'

t.test('4.4.2, 4.4.3, 4.9.1, 4.5: documents', async (t) => {
  const held = state({ instances: [instance({ category: 'state', container: 2, instance: 5, expireType: 'endpoint', endpointId: 'A8F9' }), instance({ container: 400, payload: '' }), instance({ container: 100, instance: 7 }), instance({ container: 100 })], containers: [{ id: 100, membersVersion: 5, members: [member('federated')] }, { id: 32000, membersVersion: 1, members: [member('user', boris), member('domain', 'suedwind.example')] }] })
  const notes = ['100" instance="0', '100" instance="7', '400" instance="0'].map((place) => `<category name="note" container="${place}" publishTime="${published}" version="1" expireType="static">${place.startsWith('4') ? '' : '<note xmlns="urn:n">hi</note>'}</category>`).join('')
  const stateInstance = `<category name="state" instance="5" publishTime="${published}" container="2" version="1" expireType="endpoint" endpointId="A8F9"><note xmlns="urn:n">hi</note></category>`
  const categories = (content: string): string => `<categories xmlns="${CATEGORIES}" uri="sip:${anna}">${content}</categories>`
  const containers = (content: string): string => `<containers xmlns="http://schemas.microsoft.com/2006/09/sip/containers">${content}</containers>`
  const c32000 = `<container id="32000" version="1"><member type="user" value="${boris}"/><member type="domain" value="suedwind.example"/></container>`
  const everything = containers(`${c32000}<container id="400" version="0"/><container id="100" version="5"><member type="federated"/></container><container id="2" version="0"/><container id="0" version="0"><member type="everyone"/></container>`)
  const empty = '<subscribers xmlns="http://schemas.microsoft.com/2006/09/sip/presence-subscribers"/><delegates xmlns="http://schemas.microsoft.com/2007/09/sip/delegates" version="0"/>'
  t.same(...documents(writeSelfState(held, ['categories', 'containers', 'subscribers', 'delegates'], now), roaming(categories(notes + stateInstance) + everything + empty)), '4.4.2: everything, every container that exists')
  t.same(...documents(writeSelfState(held, ['containers'], now), roaming(everything)), '3.3.5.1: what is in the scope')
  t.same(...documents(writeSelfState(state(), ['categories'], now), roaming(categories(''))), 'nothing published')
  const touch = { ...noTouch, categories: { note: [100, 300], device: [2] } }
  const device = '<category name="note" container="300"/><category name="device" container="2"/>'
  t.same(...documents(writeSelfChange(held, touch, ['categories', 'containers'], now) ?? '', roaming(categories(notes + device))), 'design 6 and 4.2.2: a touched category whole, cleared ones empty')
  t.same(...documents(writeSelfChange(held, { ...touch, membersBefore: { 32000: [] } }, ['containers'], now) ?? '', roaming(containers(c32000))), '4.9.1: the touched container, whole')
  t.same([writeSelfChange(held, touch, ['containers', 'subscribers'], now), writeSelfChange(held, noTouch, ['categories'], now)], [undefined, undefined], 'nothing to hear')
  const odd = state({ instances: [instance({ category: 'constructor' }), instance()] })
  t.same(...documents(writeSelfChange(odd, { ...noTouch, categories: { note: [200] } }, ['categories'], now) ?? '', roaming(categories(`<category name="note" instance="0" publishTime="${published}" container="200" version="1" expireType="static"><note xmlns="urn:n">hi</note></category>`))), 'names that objects know are categories like others')
  const rejections = [{ user: clara, state: 'resubscribe' as const, poolFqdn: 'sip:pool2@nordwind.example;gruu;opaque=srvr:HomeServer:x' }, { user: 'd&d@nordwind.example', state: 'terminated' as const, reason: 'quotaExceeded', statusCode: 413 }]
  t.same(...documents(writeRlmi(boris, rejections), `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:${boris}" version="0" fullState="false"><resource uri="sip:${clara}"><instance id="0" state="resubscribe" cid="${clara}" poolFqdn="sip:pool2@nordwind.example;gruu;opaque=srvr:HomeServer:x"/></resource>
    <resource uri="sip:d&amp;d@nordwind.example"><instance id="0" state="terminated" reason="quotaExceeded" statusCode="413" cid="d&amp;d@nordwind.example"/></resource></list>`), '3.4.5.1.3.1')
  const seen = writeSeenState(viewOf(held, () => false), { user: clara, network: 'federated' }, ['calendarData', 'note'])
  const { type, text } = writeBatch(boris, [], [seen], 'bb')
  t.equal(type, 'multipart/related; type="application/rlmi+xml";start=resourceList;boundary=bb')
  const parts = text.split('--bb').map((part) => part.trim().split('\r\n\r\n'))
  t.same(parts.map(([head]) => head), ['', 'Content-Transfer-Encoding: binary\r\nContent-ID: resourceList\r\nContent-Type: application/rlmi+xml', 'Content-Transfer-Encoding: binary\r\nContent-Type: application/msrtc-event-categories+xml', '--'])
  t.same(...documents(parts[1]?.[1] ?? '', `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:${boris}" version="0" fullState="false"/>`))
  t.equal(parts[2]?.[1], seen)
})

const adhoc = (content: string): Buffer => bytes(`<adhoclist xmlns="urn:ietf:params:xml:ns:adrl" uri="sip:${anna}" name="sip:${anna}">${content}</adhoclist>`)

t.test('MS-SIP 3.3: the action of a list', async (t) => {
  const one = `<resource uri="sip:${boris}"/>`
  const good: readonly (readonly [name: string, body: Buffer, action: string, users: readonly string[]])[] = [
    ['as clients write it', adhoc(`<create xmlns=""> <resource uri="sip:${boris}" /> <resource uri="sip:${clara}"/> </create>`), 'create', [boris, clara]], ['in the namespace of the list', adhoc(`<add>${one}</add>`), 'add', [boris]], ['with a prefix', bytes(`<a:adhoclist xmlns:a="urn:ietf:params:xml:ns:adrl"><a:delete><a:resource uri="sip:${boris}"/></a:delete></a:adhoclist>`), 'delete', [boris]],
    ['each user once, whatever the spelling', adhoc(`<create xmlns="">${one}<resource uri="SIPS:boris@Nordwind.Example;x=1"/><resource uri="${boris}"/>${one}</create>`), 'create', [boris]], ['one scheme too many', adhoc(`<add xmlns=""><resource uri=" sip:sip:${boris}"/><resource uri="sip:SIP:sips:${clara}"/></add>`), 'add', [boris, clara]],
    ['with what others add', adhoc(`<x xmlns="urn:x"/><create xmlns=""><name>n</name>${one}<x xmlns="urn:x"/><resource xmlns="urn:x" uri="sip:${clara}"/></create>`), 'create', [boris]],
  ]
  for (const [name, body, action, users] of good) t.same(must(readAdhocList(body)), { action, users }, name)
  const bad: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['nothing', bytes(''), 'bodyMissing'], ['no XML', bytes('adhoclist'), 'bodyNotXml'], ['a DOCTYPE', bytes(`<!DOCTYPE adhoclist>${adhoc('').toString()}`), 'bodyNotXml'], ['another root', bytes(`<list xmlns="urn:ietf:params:xml:ns:adrl"><create>${one}</create></list>`), 'bodyNotValid'],
    ['no namespace', bytes(`<adhoclist><create>${one}</create></adhoclist>`), 'bodyNotValid'], ['another namespace', bytes(`<adhoclist xmlns="urn:ietf:params:xml:ns:resource-lists"><create>${one}</create></adhoclist>`), 'bodyNotValid'], ['no action', adhoc(''), 'bodyNotValid'], ['an unknown action', adhoc(`<replace xmlns="">${one}</replace>`), 'bodyNotValid'],
    ['an action in capitals', adhoc(`<Create xmlns="">${one}</Create>`), 'bodyNotValid'], ['an action of others', adhoc(`<create xmlns="urn:x">${one}</create>`), 'bodyNotValid'], ['two actions', adhoc(`<add xmlns="">${one}</add><delete xmlns="">${one}</delete>`), 'bodyNotValid'], ['the same action twice', adhoc(`<add xmlns="">${one}</add><add xmlns="">${one}</add>`), 'bodyNotValid'],
    ['an action and more', adhoc(`<create xmlns="">${one}</create><refresh xmlns=""/>`), 'bodyNotValid'], ['resources without an action', adhoc(one), 'bodyNotValid'], ['no resource', adhoc('<create xmlns=""/>'), 'bodyNotValid'], ['a resource without uri', adhoc('<create xmlns=""><resource/></create>'), 'bodyNotValid'], ['an empty uri', adhoc('<create xmlns=""><resource uri=""/></create>'), 'bodyNotValid'],
    ['a number', adhoc('<create xmlns=""><resource uri="tel:+494012345"/></create>'), 'bodyNotValid'], ['a domain', adhoc('<create xmlns=""><resource uri="sip:nordwind.example"/></create>'), 'bodyNotValid'], ['schemes alone', adhoc('<create xmlns=""><resource uri="sip:sip:"/></create>'), 'bodyNotValid'], ['one bad among good ones', adhoc(`<create xmlns="">${one}<resource uri="boris at home"/></create>`), 'bodyNotValid'],
  ]
  for (const [name, body, expected] of bad) t.equal(verdict(readAdhocList(body)), expected, name)
})

t.test('MS-SIP 3.3: what asks for a list, what is planned, how it is told', async (t) => {
  const asks = (type: string | undefined, ...more: readonly string[]): boolean => asksForList({ ...request('SUBSCRIBE', {}, more), contentType: type })
  const forms: readonly (readonly [name: string, asked: boolean, expected: boolean])[] = [
    ['its body', asks('application/adrl+xml'), true], ['its tag alone', asks(undefined, 'Require: adhoclist', 'Accept: text/xml+msrtc.pidf'), true], ['its tag with another body', asks('text/plain', 'Require: adhoclist'), true], ['a batch', asks(undefined, 'Require: adhoclist, categoryList'), false],
    ['its tag with the body of a batch', asks('application/msrtc-adrl-categorylist+xml', 'Require: adhoclist'), false], ['its tag where categories are asked for', asks(undefined, 'Require: adhoclist', 'Accept: application/msrtc-event-categories+xml'), false], ['nothing of it', asks(undefined, 'Supported: adhoclist'), false],
  ]
  for (const [name, asked, expected] of forms) t.equal(asked, expected, name)

  const rejected: InstanceState = { state: 'terminated', reason: 'rejected' }
  const plan = (before: readonly string[], action: 'create' | 'add' | 'delete' | undefined, users: readonly string[], refused: readonly string[] = [], most = 3): unknown => {
    const planned = planList(before, action === undefined ? undefined : { action, users }, new Map(refused.map((user) => [user, rejected])), most)
    return 'name' in planned ? planned.name : [planned.watched, [...planned.listed].map(([user, state]) => `${user} ${state.state}${'reason' in state ? ` ${state.reason}` : ''}`), planned.fullState]
  }
  const cases: readonly (readonly [name: string, planned: unknown, expected: unknown])[] = [
    ['create', plan([], 'create', ['b', 'c'], ['c']), [['b'], ['b active', 'c terminated rejected'], true]], ['create anew', plan(['a', 'b'], 'create', ['c', 'b']), [['c', 'b'], ['c active', 'b active'], true]], ['a refresh', plan(['a', 'b'], undefined, []), [['a', 'b'], ['a active', 'b active'], true]],
    ['add', plan(['a'], 'add', ['b']), [['a', 'b'], ['b active'], false]], ['add what is there', plan(['a', 'b'], 'add', ['a']), [['b', 'a'], ['a active'], false]], ['add what was lost', plan(['a', 'b'], 'add', ['a'], ['a']), [['b'], ['a terminated rejected'], false]],
    ['delete', plan(['a', 'b'], 'delete', ['a', 'x']), [['b'], ['a terminated timeout', 'x terminated timeout'], false]], ['delete more than may be', plan(['a'], 'delete', ['a', 'b', 'c', 'd']), [[], ['a terminated timeout', 'b terminated timeout', 'c terminated timeout', 'd terminated timeout'], false]],
    ['as many as may be', plan(['a', 'b'], 'add', ['b', 'c']), [['a', 'b', 'c'], ['b active', 'c active'], false]], ['one more', plan(['a', 'b'], 'add', ['c', 'd']), 'subscribesTooMuch'], ['one more at once', plan([], 'create', ['a', 'b', 'c', 'd']), 'subscribesTooMuch'], ['one more, were they all to be had', plan([], 'create', ['a', 'b', 'c', 'd'], ['a', 'b']), 'subscribesTooMuch'],
    ['a refresh of what is too much by now', plan(['a', 'b'], undefined, [], [], 1), [['a', 'b'], ['a active', 'b active'], true]],
  ]
  for (const [name, planned, expected] of cases) t.same(planned, expected, name)

  const reasons: readonly (readonly [Parameters<typeof instanceOf>[0], Parameters<typeof instanceOf>[1], InstanceState])[] = [
    [foreign(anna), 'enterprise', { state: 'terminated', reason: 'noresource' }], [foreign(clara), 'federated', { state: 'terminated', reason: 'deactivated' }], [foreign(clara), 'publicCloud', { state: 'terminated', reason: 'deactivated' }], [foreign(clara), 'blocked', rejected], [homedElsewhere(anna, 'sip:pool2'), 'enterprise', { state: 'terminated', reason: 'deactivated' }],
    [notGranted(anna), 'enterprise', { ...rejected, statusCode: 403 }], [watchedByTooMany(anna), 'enterprise', { state: 'terminated', reason: 'quotaExceeded', statusCode: 413 }],
  ]
  for (const [unwatchable, domain, expected] of reasons) t.same(instanceOf(unwatchable, domain), expected, `${unwatchable.failure} ${domain}`)

  const document = { type: 'text/xml+msrtc.pidf', text: '<presentity/>' }
  const { type, text } = writeResourceList({ subscriber: anna, version: 7, fullState: true }, [
    { user: 'b&b@nordwind.example', instance: { state: 'active' }, document }, { user: boris, instance: { state: 'active' } }, { user: 'p@nordwind.example', instance: { state: 'pending' } }, { user: clara, instance: { ...rejected, statusCode: 403 } },
  ], 'bb')
  t.equal(type, 'multipart/related; type="application/rlmi+xml";start=resourceList;boundary=bb')
  const [, meta = '', ...parts] = text.split('--bb').map((part) => part.trim())
  t.same(...documents(meta.split('\r\n\r\n')[1] ?? '', `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:${anna}" version="7" fullState="true"><resource uri="sip:b&amp;b@nordwind.example"><instance id="0" state="active" cid="b&amp;b@nordwind.example"/></resource><resource uri="sip:${boris}"/>
    <resource uri="sip:p@nordwind.example"><instance id="0" state="pending"/></resource><resource uri="sip:${clara}"><instance id="0" state="terminated" reason="rejected" statusCode="403"/></resource></list>`), 'what is active without a part is not known yet')
  t.same(parts, ['Content-Transfer-Encoding: binary\r\nContent-ID: b&b@nordwind.example\r\nContent-Type: text/xml+msrtc.pidf\r\n\r\n<presentity/>', '--'])

  const listDialog = dialog({ kind: 'adrl', rlmiVersion: 4 })
  t.same([3, 2].map((cseq) => must(renewDialog({ ...request('SUBSCRIBE'), cseq }, listDialog, listDialog, [], { min: 60, default: 3600, max: 7200 }, 1, now)).rlmiVersion), [5, 4], 'each SUBSCRIBE a version; the same one again has the same')
  t.equal(must(renewDialog({ ...request('SUBSCRIBE'), cseq: 3 }, dialog(), dialog(), [], { min: 60, default: 3600, max: 7200 }, 1, now)).rlmiVersion, 0, 'batches do not count')
})
