import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { failureEntry, type FailureName } from '../../src/core/base/failure.ts'
import { decideSetDelegates } from '../../src/core/delegates/set-delegates.ts'
import { writeDelegates } from '../../src/core/documents/delegates.ts'
import { writeRlmi } from '../../src/core/documents/rlmi.ts'
import { writeSubscribers } from '../../src/core/documents/subscribers.ts'
import { noDelegates, type Delegate, type Delegates } from '../../src/core/model/delegate.ts'
import { selfScopes } from '../../src/core/model/dialog.ts'
import type { Outcome } from '../../src/core/model/outcome.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import type { SubscriberEntry } from '../../src/core/model/subscriber-entry.ts'
import { isTouched, mergeTouches, noTouch, type Touch } from '../../src/core/model/touch.ts'
import { writeSeenChanges } from '../../src/core/notifications/category.ts'
import { writeSelfChange, writeSelfState } from '../../src/core/notifications/self.ts'
import { readBatchSubscribe } from '../../src/core/requests/batch-subscribe.ts'
import { readSetDelegates, type DelegateAction } from '../../src/core/requests/set-delegates.ts'
import { readSetSubscribers } from '../../src/core/requests/set-subscribers.ts'
import { bareValue } from '../../src/core/sip/header-values.ts'
import { mediaTypes } from '../../src/core/sip/media-types.ts'
import { readUserKey, writeBareUri } from '../../src/core/sip/uri.ts'
import { decideRecordSubscriber, decideRecordWatcher, rejectionOf, type Newcomer, type SubscriberLimits } from '../../src/core/subscribers/record-subscriber.ts'
import { decideSetSubscribers } from '../../src/core/subscribers/set-subscribers.ts'
import { parseXml } from '../../src/core/xml/parse.ts'
import { anna, applyChanges, boris, bytes, clara, documents, infosetOf, instance, must, now, state, verdict } from './support.ts'

const SUBSCRIBERS = 'http://schemas.microsoft.com/2006/09/sip/presence-subscribers'
const DELEGATES = 'http://schemas.microsoft.com/2007/09/sip/delegates'
const MANAGEMENT = 'http://schemas.microsoft.com/2007/09/sip/delegate-management'
const dora = 'dora@nordwind.example'

const setSubscribers = (content: string, attributes = ''): Buffer => bytes(`<setSubscribers xmlns="${SUBSCRIBERS}"${attributes}>${content}</setSubscribers>`)
const acknowledge = (attributes: string, content = ''): Buffer => setSubscribers(`<subscriber ${attributes}>${content}</subscriber>`)
const setDelegates = (content: string, attributes = 'version="1"'): Buffer => bytes(`<setDelegates xmlns="${MANAGEMENT}" ${attributes}>${content}</setDelegates>`)
const change = (attributes: string, content = ''): Buffer => setDelegates(`<delegate ${attributes}>${content}</delegate>`)
const roaming = (content: string): string => `<roamingData xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self">${content}</roamingData>`
const subscribers = (content: string): string => `<subscribers xmlns="${SUBSCRIBERS}">${content}</subscribers>`
const delegates = (version: number, content: string): string => `<delegates xmlns="${DELEGATES}" version="${version}">${content}</delegates>`

t.test('6.12, 2.2.2.6.2, 3.6.5.3: 400 when the body is missing or not a valid setSubscribers document', async (t) => {
  const good = `user="${boris}" acknowledged="true"`
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['the smallest request', acknowledge(good), 'ok'], ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('x'), 'bodyNotXml'], ['the notified document', bytes(subscribers(`<subscriber ${good}/>`)), 'bodyNotValid'], ['another namespace', bytes('<setSubscribers xmlns="urn:x"/>'), 'bodyNotValid'], ['a prefix', bytes(`<s:setSubscribers xmlns:s="${SUBSCRIBERS}"><s:subscriber ${good}/></s:setSubscribers>`), 'ok'],
    ['no subscriber', setSubscribers(''), 'bodyNotValid'], ['two subscribers', setSubscribers(`<subscriber ${good}/><subscriber ${good}/>`), 'bodyNotValid'], ['a subscriber of another namespace only', setSubscribers(`<subscriber xmlns="urn:x" ${good}/>`), 'bodyNotValid'], ['an extension beside it', setSubscribers(`<subscriber ${good}/><x xmlns="urn:x"/><y xmlns="urn:y"/>`), 'ok'], ['an own element that is not known', setSubscribers(`<subscriber ${good}/><group/>`), 'bodyNotValid'], ['one of no namespace', setSubscribers(`<subscriber ${good}/><x xmlns=""/>`), 'bodyNotValid'], ['text beside it', setSubscribers(`<subscriber ${good}/>yes`), 'bodyNotValid'],
    ['an attribute on the root', setSubscribers(`<subscriber ${good}/>`, ' version="1"'), 'bodyNotValid'], ['a foreign one', setSubscribers(`<subscriber ${good}/>`, ' xmlns:x="urn:x" x:version="1"'), 'ok'], ['a qualified attribute of its own', bytes(`<s:setSubscribers xmlns:s="${SUBSCRIBERS}"><s:subscriber s:user="${boris}" acknowledged="true"/></s:setSubscribers>`), 'bodyNotValid'],
    ['an extension inside', acknowledge(good, '<x xmlns="urn:x"/><y xmlns="urn:y"/>'), 'ok'], ['a context inside', acknowledge(good, '<context/>'), 'bodyNotValid'], ['text inside', acknowledge(good, 'yes'), 'bodyNotValid'], ['white space inside', acknowledge(good, '\r\n '), 'ok'], ['an attribute that is not known', acknowledge(`${good} type="federated"`), 'bodyNotValid'],
    ['no user', acknowledge('acknowledged="true"'), 'bodyNotValid'], ['no acknowledged', acknowledge(`user="${boris}"`), 'bodyNotValid'], ['acknowledged 1', acknowledge(`user="${boris}" acknowledged="1"`), 'ok'], ['acknowledged with blanks', acknowledge(`user="${boris}" acknowledged=" true "`), 'ok'], ...['false', '0', '', 'TRUE', 'True', 'yes', '11', 'truefalse', '1true'].map((value) => [`acknowledged "${value}"`, acknowledge(`user="${boris}" acknowledged="${value}"`), 'bodyNotValid'] as const),
    ...['', 'boris', 'boris@', '@nordwind.example', 'tel:+49301234', 'bo ris@nordwind.example', 'sip:nordwind.example'].map((user) => [`user "${user}"`, acknowledge(`user="${user}" acknowledged="true"`), 'bodyNotValid'] as const),
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(readSetSubscribers(body)), expected, name)
  t.same(['Boris@Nordwind.Example', 'sip:boris@nordwind.example;user=phone', 'd%25ra@nordwind.example'].map((user) => must(readSetSubscribers(acknowledge(`acknowledged="true" user="${user}"`)))), ['Boris@nordwind.example', boris, 'd%ra@nordwind.example'], 'users with and without scheme, by their keys')
  const places: readonly (readonly [body: Buffer, detail: RegExp])[] = [[acknowledge(good, '<context/>'), /^<context>: .*subscriber/], [acknowledge(`${good} type="x"`), /^<subscriber>: .*type/], [acknowledge('acknowledged="true" user="x"'), /^<subscriber>: user="x"/], [setSubscribers('x'), /^<setSubscribers>: .*text/]]
  for (const [body, detail] of places) {
    const refused = readSetSubscribers(body)
    t.match(refused.ok ? '' : refused.failure.detail, detail, 'the place is named')
  }
})

t.test('6.14, 2.2.2.10.2, 3.9.5.4: 400 when the body is missing or not a valid setDelegates document', async (t) => {
  const good = `uri="sip:${boris}" action="add"`
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['the smallest request', change(good), 'ok'], ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('<setDelegates'), 'bodyNotXml'], ['the notified document', bytes(delegates(1, '')), 'bodyNotValid'], ['the namespace that 3.9.5.4 names', bytes('<setDelegates xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self" version="1"/>'), 'bodyNotValid'], ['a prefix', bytes(`<d:setDelegates xmlns:d="${MANAGEMENT}" version="1"><d:delegate ${good}><d:publishOperation authorization="allow"/></d:delegate></d:setDelegates>`), 'ok'],
    ['no version', setDelegates(`<delegate ${good}/>`, ''), 'bodyNotValid'], ...([['-1', 'bodyNotValid'], ['', 'bodyNotValid'], ['one', 'bodyNotValid'], ['1.0', 'bodyNotValid'], ['0', 'ok'], ['4294967295', 'ok'], ['4294967296', 'bodyNotValid']] as const).map(([version, expected]) => [`version "${version}"`, setDelegates(`<delegate ${good}/>`, `version="${version}"`), expected] as const),
    ['no delegate', setDelegates(''), 'bodyNotValid'], ['3.9.5.1: two delegates', setDelegates(`<delegate ${good}/><delegate ${good}/>`), 'bodyNotValid'], ['an extension beside it', setDelegates(`<delegate ${good}/><x xmlns="urn:x"/>`), 'bodyNotValid'], ['an extension in its place', setDelegates(`<delegate xmlns="urn:x" ${good}/>`), 'bodyNotValid'], ['a foreign attribute', setDelegates(`<delegate ${good}/>`, 'version="1" xmlns:x="urn:x" x:y="1"'), 'ok'], ['an attribute that is not known', setDelegates(`<delegate ${good}/>`, 'version="1" uri="x"'), 'bodyNotValid'], ['text', setDelegates(`x<delegate ${good}/>`), 'bodyNotValid'],
    ['no uri', change('action="add"'), 'bodyNotValid'], ['no action', change(`uri="${boris}"`), 'bodyNotValid'], ...([['add', 'ok'], ['remove', 'ok'], ['modify', 'ok'], ['delete', 'bodyNotValid'], ['Add', 'bodyNotValid'], ['', 'bodyNotValid']] as const).map(([action, expected]) => [`action "${action}"`, change(`uri="${boris}" action="${action}"`), expected] as const), ...['', 'boris', 'tel:+49301234', 'sip:nordwind.example', 'a b@c'].map((uri) => [`uri "${uri}"`, change(`uri="${uri}" action="add"`), 'bodyNotValid'] as const), ['publish as an attribute', change(`${good} publish="true"`), 'bodyNotValid'],
    ['both operations', change(good, '<publishOperation authorization="allow"/><redelegateOperation authorization="deny"/>'), 'ok'], ['in the other order', change(good, '<redelegateOperation authorization="deny"/><publishOperation authorization="allow"/>'), 'ok'], ['one extension', change(good, '<publishOperation authorization="allow"/><x xmlns="urn:x"/>'), 'ok'], ['two extensions', change(good, '<x xmlns="urn:x"/><x xmlns="urn:x"/>'), 'bodyNotValid'], ['an operation that is not known', change(good, '<callOperation authorization="allow"/>'), 'bodyNotValid'], ['text inside', change(good, 'x'), 'bodyNotValid'],
    ...['publishOperation', 'redelegateOperation'].flatMap((name) => [['twice', `<${name} authorization="allow"/><${name} authorization="allow"/>`], ['without authorization', `<${name}/>`], ['with another authorization', `<${name} authorization="maybe"/>`], ['in capitals', `<${name} authorization="Allow"/>`], ['with an element', `<${name} authorization="allow"><x xmlns="urn:x"/></${name}>`], ['with text', `<${name} authorization="allow">x</${name}>`], ['with an attribute that is not known', `<${name} authorization="allow" until="x"/>`]].map(([how = '', content]) => [`${name} ${how}`, change(good, content), 'bodyNotValid'] as const)),
    ['a faulty operation of what is removed', change(`uri="${boris}" action="remove"`, '<publishOperation authorization="x"/>'), 'bodyNotValid'],
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(readSetDelegates(body)), expected, name)
  const read = (content: string): Delegate => must(readSetDelegates(change(good, content))).delegate
  t.same(must(readSetDelegates(setDelegates('<delegate uri="SIP:Boris@Nordwind.Example" action="modify"/>', 'version="7"'))), { version: 7, action: 'modify', delegate: { user: 'Boris@nordwind.example', publish: false, redelegate: false } }, '3.9.5.2: absent operations are denied')
  t.same([read('<publishOperation authorization="allow"/>'), read('<redelegateOperation authorization="allow"/><publishOperation authorization="deny"/>')], [{ user: boris, publish: true, redelegate: false }, { user: boris, publish: false, redelegate: true }])
})

t.test('2.2.2.6.2, 2.2.2.10.2: the requests are known by their Content-Type, however it is written', async (t) => {
  t.same(['application/msrtc-presence-setsubscriber+xml', 'application/msrtc-setDelegate+xml'].map(bareValue), [mediaTypes.setSubscribers, mediaTypes.setDelegates])
})

const entry = (over: Partial<SubscriberEntry> = {}): SubscriberEntry => ({ user: boris, displayName: 'Boris', network: 'sameEnterprise', acknowledged: false, context: '', kept: false, ...over })
const newcomer: Newcomer = { user: boris, displayName: 'Boris', network: 'sameEnterprise' }
const limits: SubscriberLimits = { maxSubscribers: 3, maxContextBytes: 20, maxContextsBytes: 30 }
const told = { ...noTouch, subscribers: true } as const
const nothing: Outcome = { changes: [], touch: noTouch }

t.test('1.3.1.4, 3.4.5.1.3: a context enters the subscriber, once', async (t) => {
  const record = (context: string | undefined, held: readonly SubscriberEntry[] = [], from = newcomer): Outcome => must(decideRecordSubscriber(from, context, state({ subscribers: held }), limits))
  t.same(record('<a/>'), { changes: [{ kind: 'putSubscriber', entry: entry({ context: '<a/>' }) }], touch: told })
  t.same(record(''), { changes: [{ kind: 'putSubscriber', entry: entry() }], touch: told }, 'design 11: an empty context too')
  t.same(record(undefined), nothing, 'without a context nothing')
  t.same(record('<new/>', [entry({ user: clara }), entry({ context: '<old/>' })]), nothing, '1.3.1.4: who is on the list is left alone')
  t.same(record('<new/>', [entry({ kept: true, acknowledged: true })]), nothing, 'acknowledged or not')
  t.same(record('', [entry({ user: clara })]).changes.length, 1, 'others do not count')
  for (const network of ['sameEnterprise', 'federated', 'publicCloud', 'unknown'] as const) t.match(record('', [], { ...newcomer, network }).changes, [{ entry: { network } }], network)
  const names: readonly (readonly [name: string, shown: string])[] = [['', boris], ['  ', boris], ['\u0001', boris], [' Boris & Söhne ', 'Boris & Söhne'], ['a\u0007b\ufffec', 'a b c'], ['x'.repeat(300), 'x'.repeat(256)], ['\u{1f600}'.repeat(300), '\u{1f600}'.repeat(256)], ['\ud800', '\ufffd']]
  for (const [displayName, shown] of names) t.match(record('', [], { ...newcomer, displayName }).changes, [{ entry: { displayName: shown } }], `the name ${JSON.stringify(displayName).slice(0, 20)}`)
})

t.test('3.4.5.1.3, 3.6.5.1, 3.6.5.3: limits of the subscriber list', async (t) => {
  const others = (...contexts: readonly (string | undefined)[]): readonly SubscriberEntry[] => contexts.map((context, at) => entry({ user: `user${at}@nordwind.example`, context }))
  const cases: readonly (readonly [name: string, held: readonly SubscriberEntry[], context: string | undefined, verdict: string])[] = [
    ['room for one more', others('', ''), '', 'ok'], ['the list is full', others('', '', ''), '', 'subscribersExceeded'], ['kept ones fill it too', others('', '').concat(entry({ user: clara, kept: true, acknowledged: true })), '', 'subscribersExceeded'], ['a full list without a context', others('', '', ''), undefined, 'ok'], ['a full list with the subscriber in it', [...others('', '', ''), entry()], 'x', 'ok'],
    ['a context of the full size', [], 'x'.repeat(20), 'ok'], ['a larger one', [], 'x'.repeat(21), 'contextTooLarge'], ['bytes count, not letters', [], 'ö'.repeat(11), 'contextTooLarge'], ['a larger one of who is there', [entry()], 'x'.repeat(21), 'ok'],
    ['all contexts together', others('x'.repeat(20)), 'x'.repeat(10), 'ok'], ['too much together', others('x'.repeat(20)), 'x'.repeat(11), 'contextQuotaExceeded'], ['in bytes', others('ö'.repeat(10)), 'x'.repeat(11), 'contextQuotaExceeded'], ['an empty context needs no room', others('x'.repeat(99)), '', 'ok'], ['a watcher has none', others(undefined, 'x'.repeat(20)), 'x'.repeat(10), 'ok'],
  ]
  for (const [name, held, context, expected] of cases) t.equal(verdict(decideRecordSubscriber(newcomer, context, state({ subscribers: held }), limits)), expected, name)
  t.same(...documents(writeRlmi(boris, (['subscribersExceeded', 'contextTooLarge', 'contextQuotaExceeded'] as const).map((name) => rejectionOf(anna, { name }))),
    `<list xmlns="urn:ietf:params:xml:ns:rlmi" uri="sip:${boris}" version="0" fullState="false">${`<resource uri="sip:${anna}"><instance id="0" state="terminated" reason="quotaExceeded" statusCode="413" cid="${anna}"/></resource>`.repeat(3)}</list>`), '3.4.5.1.3.1: a batch rejects the resource alone')
})

t.test('3.7.5.3: MSRTC and PIDF watchers enter without a context and stay', async (t) => {
  const watch = (held: readonly SubscriberEntry[]): ReturnType<typeof decideRecordWatcher> => decideRecordWatcher(newcomer, state({ subscribers: held }), limits)
  t.same(must(watch([])), { changes: [{ kind: 'putSubscriber', entry: entry({ context: undefined, kept: true }) }], touch: told })
  t.same(must(watch([entry({ kept: true })])), nothing, 'once')
  t.same(must(watch([entry({ kept: true, acknowledged: true })])), nothing, '3.6.5.1: an acknowledged one does not prompt again')
  t.same(must(watch([entry({ context: '<a/>' })])), { changes: [{ kind: 'putSubscriber', entry: entry({ context: '<a/>', kept: true }) }], touch: noTouch }, 'an entry by context is kept from now on, silently')
  const full = ['x', 'y', 'z'].map((name) => entry({ user: `${name}@nordwind.example` }))
  t.same([verdict(watch(full)), verdict(watch([...full.slice(1), entry()]))], ['subscribersExceeded', 'ok'])
})

t.test('3.6.5.1, 3.6.5.3, 3.7.5.3: setSubscribers', async (t) => {
  const held = state({ subscribers: [entry(), entry({ user: clara, kept: true, context: undefined }), entry({ user: dora, kept: true, acknowledged: true })] })
  t.same(must(decideSetSubscribers(boris, held)), { changes: [{ kind: 'deleteSubscriber', user: boris }], touch: told }, 'who is acknowledged is removed')
  t.same(must(decideSetSubscribers(clara, held)), { changes: [{ kind: 'putSubscriber', entry: entry({ user: clara, kept: true, acknowledged: true, context: undefined }) }], touch: told }, 'watchers stay')
  const again = must(decideSetSubscribers(dora, held))
  t.same([again.touch, applyChanges(held, again.changes)], [told, held], '3.6.5.2: a repeated acknowledgement is told too')
  for (const user of ['eva@nordwind.example', 'Boris@nordwind.example']) {
    const refused = decideSetSubscribers(user, held)
    t.same(refused, { ok: false, failure: { name: 'subscriberNotListed', detail: user } })
  }
  const statuses: Readonly<Partial<Record<FailureName, readonly [status: number, code?: number]>>> = {
    subscriberNotListed: [400, 2000], subscribersExceeded: [413], contextTooLarge: [413], contextQuotaExceeded: [413], delegateIsDelegator: [400], delegateNotListed: [403], delegateNotUser: [404], delegatesConflict: [409, 2141], delegatesExceeded: [413],
  }
  for (const [name, [status, code]] of Object.entries(statuses)) {
    const { status: actual, diagnostics } = failureEntry(name as FailureName)
    t.same([actual, code === undefined ? undefined : diagnostics?.id], [status, code], `3.6.5.3, 3.9.5.4: ${name}`)
  }
})

const CONTEXT = '<subscriptionContext xmlns="http://schemas.microsoft.com/2008/09/sip/SubscriptionContext" majorVersion="1" minorVersion="0"><watcher><contactList/></watcher><delegation/></subscriptionContext>'

t.test('2.2.2.6.1, 6.4: the subscribers document', async (t) => {
  t.same(...documents(writeSubscribers([]), subscribers('')))
  t.equal(writeSubscribers([]), `<subscribers xmlns="${SUBSCRIBERS}"/>`, '4.4.3: an empty list is an empty element')
  t.same(...documents(writeSubscribers([
    entry({ user: dora, displayName: 'Dora "D" <x>&', kept: true, acknowledged: true, context: undefined, network: 'unknown' }), entry({ user: clara, displayName: '', network: 'federated' }), entry({ context: CONTEXT }), entry({ user: 'anton@nordwind.example', displayName: 'A', network: 'publicCloud' }),
  ]), subscribers(`<subscriber user="anton@nordwind.example" displayName="A" acknowledged="false" type="publicCloud"/><subscriber user="${boris}" displayName="Boris" acknowledged="false" type="sameEnterprise"><context>${CONTEXT}</context></subscriber>
    <subscriber user="${clara}" displayName="" acknowledged="false" type="federated"/><subscriber user="${dora}" displayName="Dora &quot;D&quot; &lt;x&gt;&amp;" acknowledged="true" type="unknown"/>`)), '3.6.5.1, 3.6.5.2: all entries, sorted; a context only where it is not empty')
})

t.test('2.2.2.10.1, 6.5: the delegates document', async (t) => {
  t.equal(writeDelegates(noDelegates), `<delegates xmlns="${DELEGATES}" version="0"/>`, '3.9.5.2: nothing yet')
  t.equal(writeDelegates({ version: 9, members: [] }), `<delegates xmlns="${DELEGATES}" version="9"/>`, '3.9.5.3: none left')
  t.same(...documents(writeDelegates({ version: 3, members: [{ user: clara, publish: true, redelegate: false }, { user: boris, publish: false, redelegate: true }] }), delegates(3, `<delegate uri="${boris}" publish="false" redelegate="true"/><delegate uri="${clara}" publish="true" redelegate="false"/>`)))
})

const set = (action: DelegateAction['action'], user: string, version: number, publish = false, redelegate = false): DelegateAction => ({ version, action, delegate: { user, publish, redelegate } })
const two: Delegates = { version: 5, members: [{ user: boris, publish: true, redelegate: true }, { user: dora, publish: false, redelegate: false }] }

t.test('3.9.5.2, 3.9.5.4: setDelegates', async (t) => {
  const cases: readonly (readonly [name: string, action: DelegateAction, held: Delegates, exists: boolean, max: number, verdict: string])[] = [
    ['the first delegate', set('add', boris, 0), noDelegates, true, 2, 'ok'], ['the first one on a later version', set('add', boris, 1), noDelegates, true, 2, 'delegatesConflict'], ['an older version', set('modify', boris, 4), two, true, 2, 'delegatesConflict'], ['a newer one', set('modify', boris, 6), two, true, 2, 'delegatesConflict'], ['an empty list keeps its version', set('add', boris, 0), { version: 5, members: [] }, true, 2, 'delegatesConflict'],
    ['add of who is there', set('add', boris, 5), two, true, 2, 'ok'], ['modify of who is not', set('modify', clara, 5), two, true, 3, 'ok'], ['remove', set('remove', boris, 5), two, true, 2, 'ok'], ['remove of who is not there', set('remove', clara, 5), two, true, 2, 'delegateNotListed'], ['users are told apart by letters', set('remove', 'Boris@nordwind.example', 5), two, true, 2, 'delegateNotListed'],
    ...(['add', 'modify', 'remove'] as const).map((action) => [`${action} of oneself`, set(action, anna, 5), two, true, 2, 'delegateIsDelegator'] as const), ...(['add', 'modify', 'remove'] as const).map((action) => [`${action} of who is no user`, set(action, clara, 5), two, false, 9, 'delegateNotUser'] as const), ...(['add', 'modify'] as const).map((action) => [`${action} of a delegate who is a user no more`, set(action, boris, 5), two, false, 9, 'delegateNotUser'] as const), ['remove of a delegate who is a user no more', set('remove', boris, 5), two, false, 2, 'ok'],
    ['413: add to a full list', set('add', clara, 5), two, true, 2, 'delegatesExceeded'], ['413: modify that would add to it', set('modify', clara, 5), two, true, 2, 'delegatesExceeded'], ['as many as may be', set('add', clara, 5), two, true, 3, 'ok'], ['a lowered limit forbids neither change', set('modify', boris, 5), two, true, 1, 'ok'], ['nor removal', set('remove', boris, 5), two, true, 0, 'ok'],
    ['3.9.5.2: the version is looked at first', set('add', anna, 4), two, false, 0, 'delegatesConflict'], ['then who it is', set('add', anna, 5), two, false, 0, 'delegateIsDelegator'], ['then whether there is such a user', set('remove', clara, 5), two, false, 0, 'delegateNotUser'],
  ]
  for (const [name, action, held, exists, maxDelegates, expected] of cases) t.equal(verdict(decideSetDelegates(action, state({ delegates: held }), { exists, maxDelegates })), expected, name)
  const decide = (action: DelegateAction): Outcome => must(decideSetDelegates(action, state({ delegates: two }), { exists: true, maxDelegates: 9 }))
  const touch = { ...noTouch, delegates: true }
  t.match(decide(set('add', clara, 5, true)), { changes: [{ kind: 'putDelegates', version: 6, put: [{ user: clara, publish: true, redelegate: false }], removed: [] }], touch })
  t.match(decide(set('remove', boris, 5, true, true)), { changes: [{ kind: 'putDelegates', version: 6, put: [], removed: [boris] }], touch })
  for (const action of ['add', 'modify'] as const) {
    const { changes, answer } = decide(set(action, boris, 5, false, true))
    t.same(changes, [{ kind: 'putDelegates', version: 6, put: [{ user: boris, publish: false, redelegate: true }], removed: [] }], `${action} replaces what is there: what is not allowed is denied`)
    t.equal(answer?.type, 'application/vnd-microsoft-roaming-self+xml')
    t.same(...documents(answer?.text ?? '', roaming(delegates(6, `<delegate uri="${boris}" publish="false" redelegate="true"/><delegate uri="${dora}" publish="false" redelegate="false"/>`))), '2.2.2.10.3: the complete list')
  }
  const conflict = decideSetDelegates(set('add', boris, 1), state({ delegates: two }), { exists: true, maxDelegates: 9 })
  const body = conflict.ok ? undefined : conflict.failure.body
  t.equal(body?.type, 'application/msrtc-fault+xml')
  t.same(...documents(body?.text ?? '', '<Fault><Faultcode>Client.BadCall.WrongDelta</Faultcode><details><operation index="1" version="1" curVersion="5"/></details></Fault>'), '2.2.2.10.4: both versions, an empty operation')
})

t.test('2.2.2.3.3, 3.6.5.2, 3.9.5.3: what self subscriptions read', async (t) => {
  const held = state({ instances: [instance()], subscribers: [entry()], delegates: two })
  const list = subscribers(`<subscriber user="${boris}" displayName="Boris" acknowledged="false" type="sameEnterprise"/>`)
  const people = delegates(5, `<delegate uri="${boris}" publish="true" redelegate="true"/><delegate uri="${dora}" publish="false" redelegate="false"/>`)
  t.same(...documents(writeSelfState(held, ['subscribers', 'delegates'], now), roaming(list + people)), '3.3.5.1: everything in the scope')
  t.same(...documents(writeSelfState(held, ['delegates'], now), roaming(people)))
  t.same(...documents(writeSelfState(held, ['subscribers'], now), roaming(list)))
  const both: Touch = { ...noTouch, subscribers: true, delegates: true }
  const cases: readonly (readonly [name: string, touch: Touch, scope: typeof selfScopes[number][], expected: string | undefined])[] = [
    ['subscribers', told, [...selfScopes], list], ['delegates', { ...noTouch, delegates: true }, [...selfScopes], people], ['both', both, [...selfScopes], list + people], ['only in the scope', both, ['delegates'], people], ['and the other', both, ['subscribers'], list], ['outside the scope', both, ['categories', 'containers'], undefined], ['another touch', { ...noTouch, membersBefore: { 9: [] } }, ['subscribers', 'delegates'], undefined],
  ]
  for (const [name, touch, scope, expected] of cases) {
    const text = writeSelfChange(held, touch, scope, now)
    if (expected === undefined || text === undefined) t.equal(text, expected, name)
    else t.same(...documents(text, roaming(expected)), name)
  }
  t.same(...documents(writeSelfChange(state({ delegates: { version: 6, members: [] } }), both, [...selfScopes], now) ?? '', roaming(subscribers('') + delegates(6, ''))), 'lists that ran empty are shown empty')
  t.same([...writeSeenChanges(held, both, [{ publisher: anna, subscriber: boris, localTag: 'a', network: 'sameEnterprise', categories: ['note'], since: 0 }], () => false)], [], 'watchers hear nothing of either')
})

t.test('touches of the lists: asked for, merged, and read as they were written before there were any', async (t) => {
  const old = JSON.parse('{"categories":{"note":[0]},"publishedBefore":{},"membersBefore":{}}') as Touch
  t.same([isTouched({ ...noTouch, subscribers: true }), isTouched({ ...noTouch, delegates: true }), isTouched(old), isTouched(noTouch)], [true, true, true, false])
  t.strictSame(mergeTouches([old, noTouch]), old, 'no list without a touch')
  t.strictSame(mergeTouches([told, old, { ...noTouch, delegates: true }]), { ...old, subscribers: true, delegates: true })
  t.strictSame(mergeTouches([old, told]), { ...old, subscribers: true })
  t.strictSame(JSON.parse(JSON.stringify(told)), told)
  t.equal(writeSelfChange(state(), old, ['subscribers', 'delegates'], now), undefined)
})

const scope = ['categories', 'containers', 'subscribers', 'delegates'] as const
const hear = (held: PublisherState, { changes, touch }: Outcome): readonly [PublisherState, string] => {
  const after = applyChanges(held, changes)
  return [after, writeSelfChange(after, touch, scope, now) ?? 'nothing']
}
const NAMESPACES = `xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self" xmlns:cat="http://schemas.microsoft.com/2006/09/sip/categories" xmlns:con="http://schemas.microsoft.com/2006/09/sip/containers" xmlns:sub="${SUBSCRIBERS}" xmlns:del="${DELEGATES}"`

t.test('golden 4.8: Anna adds Boris, Boris is prompted and acknowledges', async (t) => {
  const actions = must(readBatchSubscribe(bytes(`<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" uri="sip:${anna}" name=""><action name="subscribe" id="7"><adhocList><resource uri="sip:${boris}"><context/></resource></adhocList>
    <categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist"><category name="note"/></categoryList></action></batchSub>`)))
  const [resource] = actions[0]?.resources ?? []
  t.equal(resource?.user, boris)
  const [prompted, first] = hear(state({ publisher: boris }), must(decideRecordSubscriber({ user: anna, displayName: 'Anna', network: 'sameEnterprise' }, resource?.context, state({ publisher: boris }), limits)))
  t.same(...documents(first, `<roamingData ${NAMESPACES}><subscribers xmlns="${SUBSCRIBERS}"><subscriber user="${anna}" displayName="Anna" acknowledged="false" type="sameEnterprise"/></subscribers></roamingData>`))
  const user = must(readSetSubscribers(bytes(`<setSubscribers xmlns="${SUBSCRIBERS}">\r\n  <subscriber user="${anna}" acknowledged="true"/>\r\n</setSubscribers>`)))
  const [done, last] = hear(prompted, must(decideSetSubscribers(user, prompted)))
  t.same(...documents(last, `<roamingData ${NAMESPACES}><subscribers xmlns="${SUBSCRIBERS}"/></roamingData>`), '4.8.1')
  t.same([done.subscribers, verdict(decideSetSubscribers(user, done))], [[], 'subscriberNotListed'])
  const [watched] = hear(state({ publisher: boris }), must(decideRecordWatcher({ user: clara, displayName: 'Clara', network: 'federated' }, state({ publisher: boris }), limits)))
  t.same(...documents(hear(watched, must(decideSetSubscribers(clara, watched)))[1], `<roamingData ${NAMESPACES}><subscribers xmlns="${SUBSCRIBERS}"><subscriber user="${clara}" displayName="Clara" acknowledged="true" type="federated"/></subscribers></roamingData>`), '4.4.3, last example: a watcher stays, acknowledged')
})

t.test('golden 4.12.1: Anna adds Boris as delegate', async (t) => {
  const held = state({ delegates: { version: 3, members: [] } })
  const outcome = must(decideSetDelegates(must(readSetDelegates(bytes(`<setDelegates xmlns="${MANAGEMENT}" version="3">\r\n  <delegate uri="sip:${boris}" action="add"/>\r\n</setDelegates>`))), held, { exists: true, maxDelegates: 5 }))
  const wanted = `<roamingData ${NAMESPACES}><delegates xmlns="${DELEGATES}" version="4"><delegate uri="${boris}" publish="false" redelegate="false"/></delegates></roamingData>`
  t.same(...documents(outcome.answer?.text ?? '', wanted), 'the 200')
  const [after, notified] = hear(held, outcome)
  t.same(...documents(notified, wanted), 'every self subscription of Anna')
  const removed = must(decideSetDelegates(set('remove', boris, 4), after, { exists: true, maxDelegates: 5 }))
  t.same(...documents(hear(after, removed)[1], `<roamingData ${NAMESPACES}><delegates xmlns="${DELEGATES}" version="5"/></roamingData>`), '3.9.5.3: and away again')
})

t.test('2.2.2.4.1: a delegate learns of it from the context of the delegator\'s SUBSCRIBE, copied as it is', async (t) => {
  const [action] = must(readBatchSubscribe(bytes(`<b:batchSub xmlns:b="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" xmlns:s="http://schemas.microsoft.com/2008/09/sip/SubscriptionContext"><b:action name="subscribe"><b:adhocList><b:resource uri="sip:${boris}"><b:context>
    <s:subscriptionContext majorVersion="1" minorVersion="0"><s:watcher><s:contactList/></s:watcher><s:delegation/></s:subscriptionContext></b:context></b:resource></b:adhocList><c:categoryList xmlns:c="http://schemas.microsoft.com/2006/09/sip/categorylist"><c:category name="note"/></c:categoryList></b:action></b:batchSub>`)))
  const roomy = { maxSubscribers: 9, maxContextBytes: 1000, maxContextsBytes: 1000 }
  const boriss = state({ publisher: boris })
  const [after, notified] = hear(boriss, must(decideRecordSubscriber({ ...newcomer, user: anna, displayName: 'Anna' }, action?.resources[0]?.context, boriss, roomy)))
  const wanted = roaming(subscribers(`<subscriber user="${anna}" displayName="Anna" acknowledged="false" type="sameEnterprise"><context>${CONTEXT}</context></subscriber>`))
  t.same(...documents(notified, wanted), 'in Boris\' self subscriptions, whatever prefixes Anna used')
  t.same(...documents(writeSelfState(after, ['subscribers'], now), wanted), 'and when he signs in later')
  t.same(after.delegates, noDelegates, 'it makes nobody a delegate')
})

const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
const keys = fc.tuple(names, fc.constantFrom('nordwind.example', 'suedwind.example', 'a-b.example')).map(([user, domain]) => `${encodeURIComponent(user.toWellFormed())}@${domain}`).map((text) => readUserKey(text)).filter((read) => read.ok).map((read) => must(read))

t.test('property: whoever is shown in a list can be named as shown', async () => {
  fc.assert(fc.property(keys, fc.string({ unit: 'binary', maxLength: 12 }), (user, displayName) => {
    const [prompted] = hear(state(), must(decideRecordSubscriber({ user, displayName, network: 'federated' }, '', state(), limits)))
    const document = must(parseXml(bytes(writeSubscribers(prompted.subscribers))))
    const shown = infosetOf(document.root).children[0]?.attributes.find((text) => text.startsWith('{}user='))?.slice('{}user='.length) ?? ''
    assert.equal(shown, writeBareUri(user))
    const named = must(readSetSubscribers(bytes(`<setSubscribers xmlns="${SUBSCRIBERS}"><subscriber user="${shown.replaceAll('&', '&amp;')}" acknowledged="true"/></setSubscribers>`)))
    assert.equal(named, user)
    assert.deepEqual(applyChanges(prompted, must(decideSetSubscribers(named, prompted)).changes).subscribers, [])
  }), { numRuns: 500 })
})

const few = [boris, clara, dora, anna] as const

t.test('property: the subscriber list is what the rules of 3.6 and 3.7.5.3 make of it, and is told when it looks different', async () => {
  const step = fc.record({ what: fc.constantFrom('context', 'watcher', 'acknowledge'), user: fc.constantFrom(...few), context: fc.option(fc.constantFrom('', '<a/>', '<bbbbbbbb/>'), { nil: undefined }) })
  fc.assert(fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
    let held = state()
    const watched = new Set<string>()
    for (const { what, user, context } of steps) {
      const from = { ...newcomer, user }
      const was = held.subscribers.find((one) => one.user === user)
      const result = what === 'context' ? decideRecordSubscriber(from, context, held, limits) : what === 'watcher' ? decideRecordWatcher(from, held, limits) : decideSetSubscribers(user, held)
      if (!result.ok) {
        assert.ok(what === 'acknowledge' ? was === undefined : was === undefined && (held.subscribers.length === 3 || context !== undefined), `${what} ${result.failure.name}`)
        continue
      }
      if (what === 'watcher') watched.add(user)
      const [after, notified] = hear(held, result.value)
      const is = after.subscribers.find((one) => one.user === user)
      if (writeSubscribers(after.subscribers) !== writeSubscribers(held.subscribers)) assert.notEqual(notified, 'nothing')
      if (what === 'acknowledge') assert.notEqual(notified, 'nothing')
      assert.equal(is?.acknowledged ?? true, what === 'acknowledge' ? true : was?.acknowledged ?? (is === undefined))
      assert.ok([...watched].every((who) => after.subscribers.some((one) => one.user === who)), 'watchers are never removed')
      assert.ok(after.subscribers.length <= limits.maxSubscribers)
      assert.ok(after.subscribers.reduce((sum, one) => sum + (one.context ?? '').length, 0) <= limits.maxContextsBytes)
      assert.deepEqual(after.subscribers.filter((one) => one.user !== user), held.subscribers.filter((one) => one.user !== user), 'nobody else is changed')
      held = after
    }
  }), { numRuns: 500 })
})

t.test('property: the delegate list is a map that remembers how often it was changed, and the answer shows it', async () => {
  const step = fc.record({ action: fc.constantFrom('add' as const, 'modify' as const, 'remove' as const), user: fc.constantFrom(...few), publish: fc.boolean(), redelegate: fc.boolean(), stale: fc.boolean() })
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    let held = state()
    let version = 0
    const model = new Map<string, Delegate>()
    for (const { action, user, publish, redelegate, stale } of steps) {
      const delegate = { user, publish, redelegate }
      const result = decideSetDelegates({ version: stale ? version + 1 : version, action, delegate }, held, { exists: true, maxDelegates: 2 })
      const refused = stale ? 'delegatesConflict' : user === anna ? 'delegateIsDelegator' : model.has(user) ? 'ok' : action === 'remove' ? 'delegateNotListed' : model.size === 2 ? 'delegatesExceeded' : 'ok'
      assert.equal(verdict(result), refused)
      if (!result.ok) continue
      version += 1
      if (action === 'remove') model.delete(user)
      else model.set(user, delegate)
      const [after, notified] = hear(held, result.value)
      assert.equal(notified, result.value.answer?.text, 'the answer says what the notification says')
      assert.equal(after.delegates.version, version)
      assert.deepEqual(new Map(after.delegates.members.map((one) => [one.user, one])), model)
      assert.equal(after.delegates.members.length, model.size)
      held = after
    }
  }), { numRuns: 300 })
})
