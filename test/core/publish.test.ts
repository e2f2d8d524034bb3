import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { writePublishTime } from '../../src/core/base/instant.ts'
import { findCategory, type CategoryRegistry } from '../../src/core/categories/registry.ts'
import { uncheckedRegistry as builtInRegistry } from '../support/unchecked.ts'
import type { Outcome } from '../../src/core/model/outcome.ts'
import { isTouched, type Touch } from '../../src/core/model/touch.ts'
import { instanceKeyText, type CategoryInstance } from '../../src/core/model/publication.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { decidePublish, type PublishContext } from '../../src/core/publications/publish.ts'
import { readPublishRequest, type Publication } from '../../src/core/requests/publish.ts'
import { mediaTypes } from '../../src/core/sip/media-types.ts'
import { anna, applyChanges, bytes, documents, endpoint, instance, must, now, readIndependently, state, verdict, type Infoset } from './support.ts'

const NS = 'http://schemas.microsoft.com/2006/09/sip/rich-presence'
const publish = (content: string, uri = ` uri="sip:${anna}"`): Buffer => bytes(`<publish xmlns="${NS}"><publications${uri}>${content}</publications></publish>`)
const one = (attributes: string, content = ''): Buffer => publish(`<publication ${attributes}>${content}</publication>`)
const BASE = 'categoryName="note" instance="0" version="0" container="200" expireType="static"'
const swap = (name: string, value: string | undefined): string => BASE.replace(new RegExp(` ?${name}="[^"]*"`), value === undefined ? '' : ` ${name}="${value}"`)

t.test('3.2.5.4: 400 when the body is missing or not a valid publish document (6.10)', async (t) => {
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['the smallest request', one(BASE), 'ok'], ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('{}'), 'bodyNotXml'], ['another root', bytes(`<publications xmlns="${NS}"/>`), 'bodyNotValid'], ['another namespace', bytes('<publish xmlns="urn:x"/>'), 'bodyNotValid'],
    ['no namespace', bytes('<publish><publications uri="sip:a@b"/></publish>'), 'bodyNotValid'], ['no publications', bytes(`<publish xmlns="${NS}"/>`), 'bodyNotValid'], ['no uri', publish(`<publication ${BASE}/>`, ''), 'bodyNotValid'], ['no publication', publish(''), 'bodyNotValid'],
    ['only foreign publications', publish(`<publication xmlns="urn:x" ${BASE}/>`), 'bodyNotValid'], ['foreign elements beside', publish(`<publication ${BASE}/><x xmlns="urn:x"/>`), 'ok'],
    ...['categoryName', 'instance', 'version', 'container', 'expireType'].map((name) => [`no ${name}`, one(swap(name, undefined)), 'bodyNotValid'] as const),
    ['an empty categoryName', one(swap('categoryName', '')), 'bodyNotValid'], ['a categoryName of 128', one(swap('categoryName', 'n'.repeat(128))), 'ok'], ['a categoryName of 129', one(swap('categoryName', 'n'.repeat(129))), 'bodyNotValid'],
    ['design 7: instance 2^32-1', one(swap('instance', '4294967295')), 'ok'], ['instance 2^32', one(swap('instance', '4294967296')), 'bodyNotValid'], ['instance -1', one(swap('instance', '-1')), 'bodyNotValid'], ['instance 1.5', one(swap('instance', '1.5')), 'bodyNotValid'], ['instance 0x10', one(swap('instance', '0x10')), 'bodyNotValid'], ['an empty instance', one(swap('instance', '')), 'bodyNotValid'], ['blanks around a number', one(swap('instance', ' 7 ')), 'ok'],
    ['version in words', one(swap('version', 'one')), 'bodyNotValid'], ['container 32767', one(swap('container', '32767')), 'ok'], ['6.1: container 32768', one(swap('container', '32768')), 'bodyNotValid'], ['container 0', one(swap('container', '0')), 'ok'],
    ['expireType forever', one(swap('expireType', 'forever')), 'bodyNotValid'], ['expireType Static', one(swap('expireType', 'Static')), 'bodyNotValid'], ...['static', 'endpoint', 'user', 'time'].map((type) => [`expireType ${type}`, one(swap('expireType', type)), 'ok'] as const),
    ['expires in words', one(`${BASE} expires="soon"`), 'bodyNotValid'], ['expires negative', one(`${BASE} expires="-1"`), 'bodyNotValid'], ['expires past 32 bits', one(`${BASE} expires="4294967296"`), 'bodyNotValid'], ['an empty expires', one(`${BASE} expires=""`), 'bodyNotValid'], ['an impossible date', one(`${BASE} expires="2031-13-01T00:00:00Z"`), 'bodyNotValid'],
    ['two data elements', one(BASE, '<a/><b/>'), 'bodyNotValid'], ['text as data', one(BASE, 'hi'), 'bodyNotValid'], ['text beside data', one(BASE, 'x<a/>'), 'bodyNotValid'], ['blanks and comments beside data', one(BASE, ' <!-- x -->\n<a/> '), 'ok'],
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(readPublishRequest(body)), expected, name)
})

t.test('2.2.2.2.1: what a request says', async (t) => {
  const body = bytes(`<?xml version="1.0"?><r:publish xmlns:r="${NS}" xmlns:n="urn:n"><r:publications uri="SIP:${anna}"><r:publication categoryName="no&amp;te" instance="3" version="2" container="400" expireType="time" expires="90"><n:note a='1'>&lt;</n:note></r:publication><r:publication ${swap('expireType', 'endpoint')}/></r:publications></r:publish>`)
  t.same(must(readPublishRequest(body)), { uri: `SIP:${anna}`, publications: [
    { category: 'no&te', instance: 3, version: 2, container: 400, expireType: 'time', expires: { seconds: 90 }, payload: `<n:note xmlns="" xmlns:n="urn:n" a='1'>&lt;</n:note>` },
    { category: 'note', instance: 0, version: 0, container: 200, expireType: 'endpoint', expires: undefined, payload: '' },
  ] })
  const expires = (text: string): unknown => must(readPublishRequest(one(`${swap('expireType', 'time')} expires="${text}"`))).publications[0]?.expires
  t.same(['0', '000', '4294967295'].map(expires), [{ seconds: 0 }, { seconds: 0 }, { seconds: 4294967295 }])
  t.same(['2031-03-04T09:31:00Z', '2031-03-04T09:31:00', '2031-03-04T09:31', '2031-03-04T11:31:00.000+02:00'].map(expires), Array(4).fill({ at: Date.UTC(2031, 2, 4, 9, 31) }), 'design 4: ISO-8601, UTC where no zone is named')
})

const publication = (over: Partial<Publication> = {}): Publication => ({ category: 'note', instance: 0, version: 0, container: 200, expireType: 'static', expires: undefined, payload: '<n xmlns="urn:n"/>', ...over })
const context = (over: Partial<PublishContext> = {}): PublishContext => ({ now, registry: builtInRegistry, endpoint: endpoint(), weight: 0, maxWeight: 1_000_000, plan: [], ...over })
const decide = (publications: readonly Publication[], instances: readonly CategoryInstance[] = [], over: Partial<PublishContext> = {}): ReturnType<typeof decidePublish> =>
  decidePublish({ uri: `sip:${anna}`, publications }, state({ instances }), context(over))
const gone = { seconds: 0 }
const small: CategoryRegistry = { rules: new Map([['note', { name: 'note', private: false, readOnlyContainers: [], maxBytes: 10, quotaBytes: 25, check: undefined }]]), openTo: undefined }
const open: CategoryRegistry = { ...builtInRegistry, openTo: { name: '', private: false, readOnlyContainers: [], maxBytes: 100, quotaBytes: 100, check: undefined } }

t.test('3.2.5.4 and 3.2.5.1.2: what is refused, what is not', async (t) => {
  const held = instance({ instanceVersion: 3 })
  const full = [0, 1].map((container) => instance({ container, payload: 'x'.repeat(10) }))
  const cases: readonly (readonly [name: string, publications: readonly Publication[], instances: readonly CategoryInstance[], over: Partial<PublishContext>, verdict: string])[] = [
    ['a new instance', [publication()], [], {}, 'ok'], ['400 when time-bounded without expires', [publication({ expireType: 'time' })], [], {}, 'expiryMissing'], ['time-bounded with expires', [publication({ expireType: 'time', expires: { seconds: 1 } })], [], {}, 'ok'],
    ...(['static', 'endpoint', 'user'] as const).map((expireType) => [`2.2.2.2.1: a nonzero expires on ${expireType}`, [publication({ expireType, expires: { seconds: 5 } })], [], {}, 'expiryForbidden'] as const),
    ['2.2.2.2.1: an instant to come on static', [publication({ expires: { at: now + 1 } })], [], {}, 'expiryForbidden'], ['an instant gone by on static unpublishes', [publication({ expires: { at: now }, version: 3 })], [held], {}, 'ok'],
    ['403 when the name is not registered', [publication({ category: 'holidays' })], [], {}, 'categoryNotRegistered'], ['the name in other letters', [publication({ category: 'Note' })], [], {}, 'categoryNotRegistered'], ['an open registry', [publication({ category: 'holidays' })], [], { registry: open }, 'ok'],
    ['403 when read-only in the container', [publication({ category: 'userProperties', container: 1 })], [], {}, 'categoryReadOnly'], ['deleting what is read-only', [publication({ category: 'userProperties', container: 1, expires: gone })], [], {}, 'categoryReadOnly'], ['the same category elsewhere', [publication({ category: 'userProperties', container: 2 })], [], {}, 'ok'],
    ['400 when one instance comes twice', [publication(), publication({ version: 1 })], [], {}, 'duplicatePublication'], ['the instance twice, in two containers', [publication(), publication({ container: 300 })], [], {}, 'ok'], ['two instances', [publication(), publication({ instance: 1 })], [], {}, 'ok'], ['two categories', [publication(), publication({ category: 'state' })], [], {}, 'ok'],
    ['413 when one is too large', [publication({ payload: 'x'.repeat(11) })], [], { registry: small }, 'publicationTooLarge'], ['as large as it may be', [publication({ payload: 'x'.repeat(10) })], [], { registry: small }, 'ok'], ['bytes count, not characters', [publication({ payload: '\u00e4'.repeat(6) })], [], { registry: small }, 'publicationTooLarge'],
    ['413 when the quota is exceeded', [publication({ payload: 'x'.repeat(6) })], full, { registry: small }, 'categoryQuotaExceeded'], ['the quota filled', [publication({ payload: 'x'.repeat(5) })], full, { registry: small }, 'ok'], ['the quota counts what replaces, not what is replaced', [publication({ container: 0, version: 1, payload: 'y'.repeat(10) })], full, { registry: small }, 'ok'],
    ['the quota after what the request frees', [publication({ payload: 'x'.repeat(10) }), publication({ container: 0, version: 1, expires: gone, payload: '' })], full, { registry: small }, 'ok'], ['expired instances take no quota', [publication({ payload: 'x'.repeat(10) })], full.map((held) => ({ ...held, expireType: 'time' as const, expiresAt: now })), { registry: small }, 'ok'],
    ['413 when all publications together are too large', [publication({ payload: 'x'.repeat(10) })], [], { weight: 1000, maxWeight: 1265 }, 'categoryQuotaExceeded'], ['each counts 256 bytes besides its data', [publication({ payload: 'x'.repeat(10) })], [], { weight: 1000, maxWeight: 1266 }, 'ok'], ['also without data', [publication({ payload: '' }), publication({ container: 0, payload: '' })], [], { weight: 0, maxWeight: 511 }, 'categoryQuotaExceeded'],
    ['a lowered quota does not forbid to free', [publication({ container: 0, version: 1, expires: gone, payload: '' })], [...full, instance({ container: 5, payload: 'x'.repeat(30) })], { registry: small }, 'ok'],
    ['488 when endpoint-bounded and not registered', [publication({ expireType: 'endpoint' })], [], { endpoint: undefined }, 'publishingEndpointNotRegistered'], ['user-bounded needs no endpoint', [publication({ expireType: 'user' })], [], { endpoint: undefined }, 'ok'], ['nor does unpublishing', [publication({ expireType: 'endpoint', expires: gone })], [], { endpoint: undefined }, 'ok'],
    ['1.3.1.6.1: create with version 0', [publication()], [], {}, 'ok'], ['rule 3: create with version 1', [publication({ version: 1 })], [], {}, 'publicationConflict'], ['1.3.1.6.1: create what exists', [publication()], [held], {}, 'publicationConflict'], ['1.3.1.6.2: update with the current version', [publication({ version: 3 })], [held], {}, 'ok'],
    ['update with an older version', [publication({ version: 2 })], [held], {}, 'publicationConflict'], ['update with a newer version', [publication({ version: 4 })], [held], {}, 'publicationConflict'], ['1.3.1.6.3: delete with the current version', [publication({ version: 3, expires: gone })], [held], {}, 'ok'],
    ['delete with an older version', [publication({ version: 2, expires: gone })], [held], {}, 'publicationConflict'], ['design 5: delete what is not there with version 0', [publication({ expires: gone })], [], {}, 'ok'], ['delete what is not there with version 1', [publication({ version: 1, expires: gone })], [], {}, 'publicationConflict'],
    ['a time-bounded instance is there until its time', [publication()], [instance({ expireType: 'time', expiresAt: now + 1 })], {}, 'publicationConflict'], ['and gone at its time', [publication()], [instance({ expireType: 'time', expiresAt: now })], {}, 'ok'],
  ]
  for (const [name, publications, instances, over, expected] of cases) t.equal(verdict(decide(publications, instances, over)), expected, name)
  const refused = decide([publication(), publication({ category: 'holidays', instance: 9, container: 3 })])
  t.match(refused.ok ? '' : refused.failure.detail, /publication 2 .*holidays.*9.*3/, 'the detail names the place')
  t.same([findCategory(builtInRegistry, 'constructor'), findCategory(builtInRegistry, 'note')?.private, findCategory(builtInRegistry, 'routing')?.private], [undefined, false, true])
  t.strictSame([...builtInRegistry.rules.values()].filter((rule) => rule.private).map(({ name }) => name).sort(), [
    'dndState', 'gcFilterSetting', 'legacyDevice', 'legacyInterop', 'legacyUserInfo', 'linkedPICContacts', 'mwi', 'pidf', 'roomInvitation', 'roomSetting', 'roomUpdate', 'routing', 'workingHours',
  ], '1.3.1.2, 2.2.2.7.6, .9, .10, .12, .13, of clients before enhanced presence, and what phones publish as they wrote it: what nobody else is given')
})

t.test('2.2.2.2.3, design 3 and 19: the fault lists every stale publication, from 1', async (t) => {
  const held = [instance({ instanceVersion: 2, payload: '<note xmlns="urn:n">current</note>' }), instance({ container: 300, instanceVersion: 7, payload: '' }), instance({ container: 400, instanceVersion: 1 })]
  const result = decide([publication({ version: 1 }), publication({ container: 400, version: 1 }), publication({ container: 300, version: 0 }), publication({ category: 'state', version: 9 })], held)
  const body = result.ok ? undefined : result.failure.body
  t.equal(body?.type, 'application/msrtc-fault+xml')
  t.same(...documents(body?.text ?? '', `<Fault><Faultcode>Client.BadCall.WrongDelta</Faultcode><details><operation index="1" version="1" curVersion="2"><note xmlns="urn:n">current</note></operation>
    <operation index="3" version="0" curVersion="7"/><operation index="4" version="9" curVersion="0"/></details></Fault>`))
})

const at = writePublishTime
const roaming = (categories: string): string => `<roamingData xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:${anna}">${categories}</categories></roamingData>`

t.test('2.2.2.2.2 and 4.2: what is written, answered and touched', async (t) => {
  const old = instance({ container: 400, instanceVersion: 4 })
  const other = instance({ category: 'state', container: 2 })
  const created = must(decide([publication({ container: 300 }), publication({ expireType: 'endpoint' }), publication({ container: 32000, expireType: 'time', expires: { seconds: 90 }, payload: '' })], [old, other]))
  t.same(created.changes, [[300, 'static', undefined, undefined], [200, 'endpoint', undefined, endpoint().instanceId], [32000, 'time', now + 90_000, undefined]].map(([container, expireType, expiresAt, endpointId]) => ({
    kind: 'putInstance', instance: { category: 'note', container, instance: 0, instanceVersion: 1, expireType, expiresAt, endpointId, publishTime: now, payload: expireType === 'time' ? '' : '<n xmlns="urn:n"/>' },
  })))
  t.same(created.touch, { categories: { note: [200, 300, 32000] }, publishedBefore: { note: [400] }, membersBefore: {} })
  t.equal(created.answer?.type, mediaTypes.roamingSelf)
  t.same(...documents(created.answer?.text ?? '', roaming(`<category name="note" instance="0" publishTime="${at(now)}" container="200" version="1" expireType="endpoint" endpointId="${endpoint().instanceId}"><n xmlns="urn:n"/></category>
    <category name="note" instance="0" publishTime="${at(now)}" container="300" version="1" expireType="static"><n xmlns="urn:n"/></category><category name="note" instance="0" publishTime="${at(now - 60_000)}" container="400" version="4" expireType="static"><note xmlns="urn:n">hi</note></category>
    <category name="note" instance="0" publishTime="${at(now)}" container="32000" version="1" expireType="time" expires="90"/>`)), 'design 6: the untouched container 400 is listed, the category that was not named is not')
  const cleared = must(decide([publication({ version: 4, container: 400, expires: gone }), publication({ container: 200, expires: gone })], [old]))
  t.same(cleared.changes.map((change) => change.kind === 'deleteInstance' && instanceKeyText(change.key)), ['note\n400\n0'])
  t.same(cleared.touch, { categories: { note: [400] }, publishedBefore: { note: [400] }, membersBefore: {} }, 'nothing is touched where nothing was')
  t.same(...documents(cleared.answer?.text ?? '', roaming('<category name="note" container="200"/><category name="note" container="400"/>')), '4.2.2')
  const updated = must(decide([publication({ version: 4, container: 400, expireType: 'time', expires: { at: now + 500 } })], [old]))
  t.same(updated.touch, { categories: { note: [400] }, publishedBefore: {}, membersBefore: {} }, '1.3.1.3.9: an update moves nobody')
  t.match(updated.changes, [{ kind: 'putInstance', instance: { instanceVersion: 5, expiresAt: now + 500, expireType: 'time' } }])
  t.match(updated.answer?.text, / expires="1"/, 'what is left of a second is one second')
  t.notOk(isTouched(must(decide([publication({ expires: gone })])).touch), 'design 5: nothing happens')
  const swept = must(decide([publication({ container: 300 })], [instance({ expireType: 'time', expiresAt: now - 1 })]))
  t.match(swept.changes, [{ kind: 'putInstance', instance: { container: 300 } }, { kind: 'deleteInstance', key: { container: 200 } }], '3.2.6.1: what is past its time goes along')
  t.same(swept.touch, { categories: { note: [200, 300] }, publishedBefore: { note: [200] }, membersBefore: {} })
  const ahead = must(decide([publication({ version: 1 }), publication({ container: 300 })], [instance({ publishTime: now + 5000 })]))
  t.same(ahead.changes.map((change) => change.kind === 'putInstance' && change.instance.publishTime), [now + 5001, now + 5001], '1.3.1.6.4: publishTime never goes back, and is one for the request')
})

t.test('names that objects know are categories like others', async (t) => {
  for (const category of ['constructor', '__proto__']) {
    const { touch } = must(decide([publication({ category })], [instance({ category, container: 5 })], { registry: open }))
    t.same([Object.entries(touch.categories), Object.entries(touch.publishedBefore)], [[[category, [200]]], [[category, [5]]]], category)
  }
})

interface Held { version: number; expireType: string; expiresAt: number; payload: string; publishTime: number }
interface Asked extends Omit<Publication, 'version'> { readonly version: number | 'current' }
const asked = fc.record<Asked>({
  category: fc.constantFrom('note', 'state'), container: fc.constantFrom(0, 2, 200), instance: fc.constantFrom(0, 1), version: fc.oneof({ weight: 6, arbitrary: fc.constant('current' as const) }, { weight: 1, arbitrary: fc.nat(3) }),
  expireType: fc.constantFrom('static', 'endpoint', 'user', 'time', 'time'), expires: fc.constantFrom(undefined, { seconds: 0 }, { seconds: 2 }, { seconds: 5 }), payload: fc.constantFrom('', '<a/>', `<b>${'x'.repeat(20)}</b>`),
})
const requests = fc.array(fc.record({ pass: fc.constantFrom(-500, 0, 1, 1000, 3000), signedIn: fc.boolean(), publications: fc.array(asked, { minLength: 1, maxLength: 4 }) }), { maxLength: 12 })
const limited: CategoryRegistry = { rules: new Map(['note', 'state'].map((name) => [name, { name, private: false, readOnlyContainers: name === 'state' ? [0] : [], maxBytes: 100, quotaBytes: 60, check: undefined }])), openTo: undefined }

t.test('property: any sequence of requests against a naive model', async () => {
  fc.assert(fc.property(requests, (sequence) => {
    let stored: PublisherState = state()
    let model = new Map<string, Held>()
    let clock = now
    for (const { pass, signedIn, publications } of sequence) {
      clock += pass
      const names = new Set(publications.map(({ category }) => category))
      const wrong = new Set<string>()
      const next = new Map([...model].filter(([key, held]) => !names.has(key.split('\n')[0] ?? '') || held.expiresAt > clock))
      const living = new Map(next)
      const keys = publications.map(instanceKeyText)
      const sent = publications.map((asked, index): Publication => ({ ...asked, version: asked.version === 'current' ? living.get(keys[index] ?? '')?.version ?? 0 : asked.version }))
      if (new Set(keys).size < keys.length) wrong.add('duplicatePublication')
      sent.forEach(({ expireType, expires, category, container, payload, version }, index) => {
        const key = keys[index] ?? ''
        const seconds = expires !== undefined && 'seconds' in expires ? expires.seconds : undefined
        if (expireType === 'time' && seconds === undefined) wrong.add('expiryMissing')
        if (expireType !== 'time' && seconds !== undefined && seconds > 0) wrong.add('expiryForbidden')
        if (category === 'state' && container === 0) wrong.add('categoryReadOnly')
        if (expireType === 'endpoint' && seconds !== 0 && !signedIn) wrong.add('publishingEndpointNotRegistered')
        if (version !== (living.get(key)?.version ?? 0)) wrong.add('publicationConflict')
        if (seconds === 0) next.delete(key)
        else next.set(key, { version: version + 1, expireType, expiresAt: seconds === undefined ? Infinity : clock + seconds * 1000, payload, publishTime: 0 })
      })
      for (const name of names) if ([...next].filter(([key]) => key.startsWith(`${name}\n`)).reduce((sum, [, { payload }]) => sum + payload.length, 0) > 60) wrong.add('categoryQuotaExceeded')
      const seen = { ...stored, instances: stored.instances.filter(({ category }) => names.has(category)) }
      const result = decidePublish({ uri: `sip:${anna}`, publications: sent }, seen, { now: clock, registry: limited, endpoint: signedIn ? endpoint() : undefined, weight: 0, maxWeight: 1_000_000, plan: [] })
      if (!result.ok) {
        assert.ok(wrong.has(result.failure.name), `${result.failure.name}, but wrong is ${[...wrong].join()}`)
        if (result.failure.name === 'publicationConflict') assert.equal(result.failure.body?.text.split('<operation ').length, 1 + sent.filter(({ version }, index) => version !== (living.get(keys[index] ?? '')?.version ?? 0)).length)
        continue
      }
      assert.deepEqual([...wrong], [])
      const before = seen.instances
      stored = applyChanges(stored, result.value.changes)
      model = next
      assert.deepEqual(new Map(stored.instances.map((held) => [instanceKeyText(held), [held.instanceVersion, held.expireType, held.expiresAt ?? Infinity, held.payload]])), new Map([...model].map(([key, held]) => [key, [held.version, held.expireType, held.expiresAt, held.payload]])))
      const after = stored.instances.filter(({ category }) => names.has(category))
      for (const held of after) {
        const was = before.find((candidate) => instanceKeyText(candidate) === instanceKeyText(held))
        if (was !== undefined && was !== held && living.has(instanceKeyText(held))) assert.ok(held.publishTime > was.publishTime, 'publishTime grows with every update')
      }
      assert.deepEqual(result.value.touch, naiveTouch(before, after))
      checkAnswer(result.value, after, sent)
    }
  }), { numRuns: 250 })
})

const naiveTouch = (before: readonly CategoryInstance[], after: readonly CategoryInstance[]): Touch => {
  const touch = { categories: {} as Record<string, number[]>, publishedBefore: {} as Record<string, number[]>, membersBefore: {} }
  const containersOf = (instances: readonly CategoryInstance[], name: string): number[] => [0, 2, 200].filter((container) => instances.some((held) => held.category === name && held.container === container))
  for (const name of ['note', 'state']) {
    const at = (instances: readonly CategoryInstance[], container: number): string => instances.filter((held) => held.category === name && held.container === container).map((held) => JSON.stringify(held)).sort().join()
    const changed = [0, 2, 200].filter((container) => at(before, container) !== at(after, container))
    if (changed.length > 0) touch.categories[name] = changed
    if (containersOf(before, name).join() !== containersOf(after, name).join()) touch.publishedBefore[name] = containersOf(before, name)
  }
  return touch
}

const checkAnswer = ({ answer }: Outcome, after: readonly CategoryInstance[], sent: readonly Publication[]): void => {
  const value = (node: Infoset, name: string): string => node.attributes.find((text) => text.startsWith(`{}${name}=`))?.split('=')[1] ?? ''
  const listed = readIndependently(answer?.text ?? '').children[0]?.children ?? []
  const full = listed.filter((node) => value(node, 'version') !== '').map((node) => ['name', 'container', 'instance', 'version', 'publishTime'].map((name) => value(node, name)).join('|')).sort()
  assert.deepEqual(full, after.map((held) => [held.category, held.container, held.instance, held.instanceVersion, at(held.publishTime)].join('|')).sort())
  const empty = listed.filter((node) => value(node, 'version') === '').map((node) => `${value(node, 'name')}|${value(node, 'container')}`).sort()
  const places = new Set(after.map((held) => `${held.category}|${held.container}`))
  assert.deepEqual(empty, [...new Set(sent.map((asked) => `${asked.category}|${asked.container}`))].filter((place) => !places.has(place)).sort())
}
