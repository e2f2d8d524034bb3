import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { uncheckedRegistry as builtInRegistry } from '../support/unchecked.ts'
import { decideSetContainerMembers } from '../../src/core/containers/set-container-members.ts'
import { writeContainers } from '../../src/core/documents/containers.ts'
import { defaultContainer, memberKey, memberTypes, type Container, type ContainerMember } from '../../src/core/model/container.ts'
import type { Subscription } from '../../src/core/model/dialog.ts'
import { networkOfKind, sourceNetworks } from '../../src/core/model/network.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { isTouched, mergeTouches, noTouch, type Touch } from '../../src/core/model/touch.ts'
import { viewOf, writeSeenChanges, writeSeenState } from '../../src/core/notifications/category.ts'
import { decidePublish } from '../../src/core/publications/publish.ts'
import { readMember, readSetContainerMembers, type ContainerActions } from '../../src/core/requests/set-container-members.ts'
import { indexMembership, pickContainer, rankContainers, withMembersBefore, type MembershipIndex, type Watcher } from '../../src/core/resolution/membership.ts'
import { readUserKey } from '../../src/core/sip/uri.ts'
import { naiveResolve, naiveRuleOf } from './naive.ts'
import { anna, applyChanges, boris, bytes, clara, documents, endpoint, instance, member, must, now, readIndependently, state, verdict, type Infoset } from './support.ts'

const open = (): boolean => false
const resolveContainer = (index: MembershipIndex, watcher: Watcher, published: ReadonlySet<number>): number | undefined => pickContainer(rankContainers(index)(watcher), published)

const NS = 'http://schemas.microsoft.com/2006/09/sip/container-management'
const request = (content: string): Buffer => bytes(`<setContainerMembers xmlns="${NS}">${content}</setContainerMembers>`)
const single = (attributes: string, container = 'id="300" version="0"'): Buffer => request(`<container ${container}><member ${attributes}/></container>`)

t.test('3.5.5.5: 400 when the body is missing or not a valid setContainerMembers document (6.11)', async (t) => {
  const cases: readonly (readonly [name: string, body: Buffer, verdict: string])[] = [
    ['the smallest request', single('type="everyone"'), 'ok'], ['no body', bytes(''), 'bodyMissing'], ['no XML', bytes('x'), 'bodyNotXml'], ['another root', bytes(`<container xmlns="${NS}"/>`), 'bodyNotValid'], ['another namespace', bytes('<setContainerMembers xmlns="urn:x"/>'), 'bodyNotValid'], ['no container', request(''), 'bodyNotValid'], ['no member', request('<container id="1" version="0"/>'), 'bodyNotValid'],
    ['no id', single('type="everyone"', 'version="0"'), 'bodyNotValid'], ['no version', single('type="everyone"', 'id="1"'), 'bodyNotValid'], ['1.3.1.3.3: container 0', single('type="everyone"', 'id="0" version="0"'), 'bodyNotValid'], ['container 32767', single('type="everyone"', 'id="32767" version="0"'), 'ok'], ['container 32768', single('type="everyone"', 'id="32768" version="0"'), 'bodyNotValid'], ['version -1', single('type="everyone"', 'id="1" version="-1"'), 'bodyNotValid'],
    ['no type', single('value="x"'), 'bodyNotValid'], ['type friends', single('type="friends"'), 'bodyNotValid'], ['type Everyone', single('type="Everyone"'), 'bodyNotValid'], ...['sameEnterprise', 'federated', 'publicCloud', 'everyone'].flatMap((type) => [[type, single(`type="${type}"`), 'ok'] as const, [`3.5.5.2: ${type} with a value`, single(`type="${type}" value="x"`), 'bodyNotValid'] as const]),
    ['action add', single('type="everyone" action="add"'), 'ok'], ['action remove', single('type="everyone" action="remove"'), 'ok'], ['action delete', single('type="everyone" action="delete"'), 'ok'], ['action replace', single('type="everyone" action="replace"'), 'bodyNotValid'], ['an empty action', single('type="everyone" action=""'), 'bodyNotValid'],
    ['a user', single(`type="user" value="${boris}"`), 'ok'], ['a user with scheme', single(`type="user" value="sip:${boris}"`), 'ok'], ['a user without value', single('type="user"'), 'bodyNotValid'], ['a user without host', single('type="user" value="boris@"'), 'bodyNotValid'], ['a user that is a host', single('type="user" value="nordwind.example"'), 'bodyNotValid'], ['a user with a blank', single('type="user" value="bo ris@x"'), 'bodyNotValid'],
    ['a domain', single('type="domain" value="suedwind.example"'), 'ok'], ['a domain without value', single('type="domain"'), 'bodyNotValid'], ['an empty domain', single('type="domain" value=""'), 'bodyNotValid'], ...['-x.example', 'x-.example', 'x..example', '.example', 'example.', 'x_y.example', 'b@example', 'x y', 'x:5060', '*.example', `${'a'.repeat(64)}.example`, `${'a.'.repeat(127)}a`].map((value) => [`RFC 1034 3.1: ${value.slice(0, 20)}`, single(`type="domain" value="${value}"`), 'bodyNotValid'] as const),
    ['one bad member among good ones', request('<container id="1" version="0"><member type="everyone"/><member type="?"/></container>'), 'bodyNotValid'], ['one bad container among good ones', request('<container id="1" version="0"><member type="everyone"/></container><container id="0" version="0"><member type="everyone"/></container>'), 'bodyNotValid'],
  ]
  for (const [name, body, expected] of cases) t.equal(verdict(readSetContainerMembers(body)), expected, name)
  t.same(must(readSetContainerMembers(request('<container id="300" version="2"><member type="user" value="SIP:Boris@Nordwind.Example"/><member action="delete" type="domain" value="SuedWind.Example"/><x xmlns="urn:x"/></container><container id="1" version="0"><member action="remove" type="federated"/></container>'))), [
    { id: 300, version: 2, actions: [{ remove: false, member: member('user', 'Boris@nordwind.example') }, { remove: true, member: member('domain', 'suedwind.example') }] }, { id: 1, version: 0, actions: [{ remove: true, member: member('federated') }] },
  ], 'design 2: delete and remove are one; users keep their letters, hosts and domains do not')
})

const add = (...members: readonly ContainerMember[]): ContainerActions['actions'] => members.map((one) => ({ remove: false, member: one }))
const remove = (...members: readonly ContainerMember[]): ContainerActions['actions'] => members.map((one) => ({ remove: true, member: one }))
const user = member('user', boris)
const everyone = member('everyone')

t.test('3.5.5.2 and 3.5.5.5: setContainerMembers', async (t) => {
  const containers: readonly Container[] = [{ id: 300, membersVersion: 2, members: [user, member('domain', 'suedwind.example')] }, { id: 400, membersVersion: 1, members: [] }]
  const decide = (actions: readonly ContainerActions[], max = 5): ReturnType<typeof decideSetContainerMembers> => decideSetContainerMembers(actions, state({ containers }), max)
  const cases: readonly (readonly [name: string, actions: readonly ContainerActions[], max: number, verdict: string])[] = [
    ['the current version', [{ id: 300, version: 2, actions: add(everyone) }], 5, 'ok'], ['an older one', [{ id: 300, version: 1, actions: add(everyone) }], 5, 'containersConflict'], ['a newer one', [{ id: 300, version: 3, actions: add(everyone) }], 5, 'containersConflict'], ['version 0 of what has a version', [{ id: 300, version: 0, actions: add(everyone) }], 5, 'containersConflict'],
    ['a new container', [{ id: 7, version: 0, actions: add(everyone) }], 5, 'ok'], ['a new container with version 1', [{ id: 7, version: 1, actions: add(everyone) }], 5, 'containersConflict'], ['400 when one container comes twice', [{ id: 7, version: 0, actions: add(user) }, { id: 7, version: 0, actions: add(everyone) }], 5, 'duplicateContainer'], ['several containers', [{ id: 7, version: 0, actions: add(user) }, { id: 400, version: 1, actions: add(everyone) }], 5, 'ok'],
    ['413 when there are too many members', [{ id: 400, version: 1, actions: add(user) }], 2, 'containerMembersExceeded'], ['as many as may be', [{ id: 400, version: 1, actions: add(user) }], 3, 'ok'], ['all containers count', [{ id: 400, version: 1, actions: add(user) }, { id: 7, version: 0, actions: add(user) }], 3, 'containerMembersExceeded'], ['what goes makes room', [{ id: 400, version: 1, actions: add(user) }, { id: 300, version: 2, actions: remove(user) }], 2, 'ok'],
    ['what is there already does not count twice', [{ id: 300, version: 2, actions: add(user, user) }], 2, 'ok'], ['a lowered limit does not forbid to remove', [{ id: 300, version: 2, actions: remove(user) }], 0, 'ok'],
  ]
  for (const [name, actions, max, expected] of cases) t.equal(verdict(decide(actions, max)), expected, name)
  const conflict = decide([{ id: 300, version: 1, actions: add(everyone) }, { id: 400, version: 1, actions: add(everyone) }, { id: 7, version: 4, actions: add(everyone) }])
  t.same(...documents((conflict.ok ? undefined : conflict.failure.body?.text) ?? '', '<Fault><Faultcode>Client.BadCall.WrongDelta</Faultcode><details><operation index="1" version="1" curVersion="2"/><operation index="3" version="4" curVersion="0"/></details></Fault>'), '2.2.2.5.3: every stale container, from 1, without data')
  t.same(must(decide([{ id: 300, version: 2, actions: [...add(everyone), ...remove(user), ...add(user), ...remove(everyone)] }, { id: 7, version: 0, actions: [...remove(user), ...add(user, user)] }])), {
    changes: [{ kind: 'putContainer', id: 300, membersVersion: 3, added: [], removed: [] }, { kind: 'putContainer', id: 7, membersVersion: 1, added: [user], removed: [] }],
    touch: { categories: {}, publishedBefore: {}, membersBefore: { 300: containers[0]?.members, 7: [] } },
  }, 'actions work in order; adding what is there and removing what is not are passed over')
  t.same(...documents(writeContainers([{ id: 32000, membersVersion: 1, members: [user] }, { id: 400, membersVersion: 1, members: [] }, defaultContainer]),
    `<containers xmlns="http://schemas.microsoft.com/2006/09/sip/containers"><container id="32000" version="1"><member type="user" value="${boris}"/></container><container id="400" version="1"/><container id="0" version="0"><member type="everyone"/></container></containers>`), '2.2.2.5.1 and 4.9.1')
})

const holding = (...lists: readonly (readonly [number, ...ContainerMember[]])[]): readonly Container[] => lists.map(([id, ...members]) => ({ id, membersVersion: 1, members }))

t.test('3.2.5.3, 1.3.1.3.7, design 1: which container shows a category', async (t) => {
  const all = holding([1, everyone], [2, member('publicCloud')], [3, member('federated')], [4, member('sameEnterprise')], [5, member('domain', 'nordwind.example')], [6, user])
  const cases: readonly (readonly [name: string, containers: readonly Container[], published: readonly number[], watcher: Watcher, expected: number | undefined])[] = [
    ['rule 1: the user', all, [0, 1, 4, 5, 6], { user: boris, network: 'sameEnterprise' }, 6], ['rule 1 before higher containers', holding([6, user], [400, everyone], [300, member('domain', 'nordwind.example')]), [6, 300, 400], { user: boris, network: 'sameEnterprise' }, 6], ['users are told apart by letters', all, [5, 6], { user: 'Boris@nordwind.example', network: 'sameEnterprise' }, 5],
    ['rule 2: the domain', all, [0, 1, 4, 5], { user: boris, network: 'sameEnterprise' }, 5], ['rule 2 in a sub-domain', all, [0, 5], { user: 'b@lab.nordwind.example', network: 'federated' }, 5], ['rule 2, not by letters alone', all, [0, 5], { user: 'b@mynordwind.example', network: 'federated' }, 0], ['rule 2, not upwards', all, [0, 5], { user: 'b@example', network: 'federated' }, 0],
    ['rule 2: the longest suffix before the highest number', holding([2, member('domain', 'lab.nordwind.example')], [9, member('domain', 'nordwind.example')]), [2, 9], { user: 'b@x.lab.nordwind.example', network: 'federated' }, 2], ['rule 2: a suffix that does not publish is passed over', holding([2, member('domain', 'lab.nordwind.example')], [9, member('domain', 'nordwind.example')]), [9], { user: 'b@lab.nordwind.example', network: 'federated' }, 9],
    ['rule 3: same enterprise', all, [0, 1, 2, 3, 4], { user: boris, network: 'sameEnterprise' }, 4], ['rule 4: federated', all, [0, 1, 2, 3, 4], { user: clara, network: 'federated' }, 3], ['rule 5: public cloud', all, [0, 1, 2, 3, 4], { user: clara, network: 'publicCloud' }, 2],
    ['everyone', all, [0, 1], { user: clara, network: 'federated' }, 1], ['everyone before a container of another network', holding([1, everyone], [9, member('federated')]), [1, 9], { user: boris, network: 'sameEnterprise' }, 1], ['rule 6: container 0', all, [0], { user: clara, network: 'federated' }, 0], ['1.3.1.3.4: blocked', all, [6], { user: clara, network: 'federated' }, undefined], ['not published', all, [], { user: boris, network: 'sameEnterprise' }, undefined],
    ['1.3.1.3.6: the highest number inside a rule', holding([3, user], [300, user], [20, user]), [3, 20, 300], { user: boris, network: 'sameEnterprise' }, 300], ['the highest number that publishes', holding([3, user], [300, user], [20, user]), [3, 20], { user: boris, network: 'sameEnterprise' }, 20], ['a container without the category does not block', holding([1, user]), [0], { user: boris, network: 'sameEnterprise' }, 0],
  ]
  for (const [name, containers, published, watcher, expected] of cases) t.equal(resolveContainer(indexMembership(containers), watcher, new Set(published)), expected, name)
  t.same(['enterprise', 'federated', 'publicCloud', 'blocked'].map((kind) => networkOfKind(kind as 'blocked')), ['sameEnterprise', 'federated', 'publicCloud', undefined])
  t.same(withMembersBefore(holding([1, everyone], [2, user]), { 2: [], 3: [user] }).map(({ id, members }) => [id, members.length]), [[1, 1], [2, 0], [3, 1]])
})

const ids = [1, 2, 300]
const members = fc.oneof(
  fc.record({ type: fc.constant('user' as const), value: fc.constantFrom(boris, clara, 'dora@lab.nordwind.example') }), fc.record({ type: fc.constant('domain' as const), value: fc.constantFrom('nordwind.example', 'lab.nordwind.example', 'suedwind.example', 'example') }),
  fc.record({ type: fc.constantFrom(...memberTypes.slice(2)), value: fc.constant('') }),
)
const watchers = fc.record({ user: fc.constantFrom(boris, clara, 'dora@lab.nordwind.example', 'eve@wind.example'), network: fc.constantFrom(...sourceNetworks) })

const written = {
  user: fc.tuple(fc.constantFrom('', 'sip:', 'SIP:'), fc.constantFrom('boris', 'Boris', '%42oris', 'dora'), fc.constantFrom('nordwind.example', 'NordWind.Example', 'lab.nordwind.example', 'deep.lab.nordwind.example', 'suedwind.example', 'mynordwind.example', 'wind.example'), fc.constantFrom('', ';transport=tcp', ':5061'))
    .map(([scheme, user, host, rest]) => `${scheme}${user}@${host}${rest}`),
  domain: fc.constantFrom('nordwind.example', 'NORDWIND.example', 'lab.nordwind.example', 'deep.lab.nordwind.example', 'suedwind.example', 'wind.example', 'example'),
}
const writtenMember = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('user' as const), value: written.user }) }, { weight: 2, arbitrary: fc.record({ type: fc.constant('domain' as const), value: written.domain }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom(...memberTypes.slice(2)), value: fc.constant('') }) },
)
const writtenContainers = fc.uniqueArray(fc.record({ id: fc.oneof(fc.constantFrom(1, 2, 3, 300, 32000), fc.integer({ min: 1, max: 32767 })), members: fc.array(writtenMember, { maxLength: 4 }) }), { selector: ({ id }) => id, maxLength: 6 })

/** Members as a request brings them in and the store keeps them: read, and each once. */
const taken = (members: readonly { readonly type: ContainerMember['type']; readonly value: string }[]): readonly ContainerMember[] => {
  const read = members.map(({ type, value }) => readMember(type, type === 'user' || type === 'domain' ? value : undefined))
  return [...new Map(read.map((one) => { assert.ok(typeof one !== 'string', String(one)); return [memberKey(one), one] as const })).values()]
}

t.test('property: resolution is what the rules say, whatever the way in which members and subscribers are written', async (t) => {
  const seen = new Map<string, number>()
  fc.assert(fc.property(writtenContainers, fc.array(fc.record({ user: written.user, network: fc.constantFrom(...sourceNetworks) }), { minLength: 1, maxLength: 4 }), fc.infiniteStream(fc.boolean()), (containers, subscribers, chance) => {
    const published = new Set([0, 7, ...containers.map(({ id }) => id)].filter(() => chance.next().value))
    // One after the other by one function, as in a fan-out: what it keeps of one must not reach another.
    const rank = rankContainers(indexMembership(containers.map(({ id, members: list }) => ({ id, members: taken(list) }))))
    for (const subscriber of subscribers) {
      const resolved = pickContainer(rank({ user: must(readUserKey(subscriber.user)), network: subscriber.network }), published)
      assert.equal(resolved, naiveResolve(containers, subscriber, published))
      const rule = resolved === undefined ? 'blocked' : naiveRuleOf(containers.find(({ id }) => id === resolved) ?? { id: 0, members: [] }, subscriber)?.replace(/ .*/, '') ?? 'none'
      seen.set(rule, (seen.get(rule) ?? 0) + 1)
    }
  }), { numRuns: 3000 })
  for (const rule of ['user', 'domain', ...sourceNetworks, 'everyone', 'default', 'blocked']) t.ok((seen.get(rule) ?? 0) > 20, `${rule} decided in ${seen.get(rule) ?? 0} of the cases`)
})

type Step = { readonly publish: readonly { category: string; container: number; instance: number; gone: boolean }[] } | { readonly container: number; readonly actions: ContainerActions['actions'] }
const steps = fc.array(fc.oneof<fc.Arbitrary<Step>[]>(
  fc.record({ publish: fc.uniqueArray(fc.record({ category: fc.constantFrom('note', 'state'), container: fc.constantFrom(0, ...ids), instance: fc.constantFrom(0, 1), gone: fc.boolean() }), { selector: (one) => JSON.stringify({ ...one, gone: 0 }), minLength: 1, maxLength: 3 }) }),
  fc.record({ container: fc.constantFrom(...ids), actions: fc.array(fc.record({ remove: fc.boolean(), member: members }), { minLength: 1, maxLength: 3 }) }),
), { minLength: 1, maxLength: 7 })

const perform = (before: PublisherState, step: Step, at: number): readonly [PublisherState, Touch] => {
  const outcome = 'publish' in step
    ? must(decidePublish({ uri: `sip:${anna}`, publications: step.publish.map(({ gone, ...key }) => ({
      ...key, version: before.instances.find((held) => held.category === key.category && held.container === key.container && held.instance === key.instance)?.instanceVersion ?? 0, expireType: 'static', expires: gone ? { seconds: 0 } : undefined, payload: '<p/>',
    })) }, before, { now: at, registry: builtInRegistry, endpoint: endpoint(), weight: 0, maxWeight: 1_000_000, plan: [] }))
    : must(decideSetContainerMembers([{ id: step.container, version: before.containers.find(({ id }) => id === step.container)?.membersVersion ?? 0, actions: step.actions }], before, 1000))
  return [applyChanges(before, outcome.changes), outcome.touch]
}

const nameOf = (node: Infoset): string => node.attributes.find((text) => text.startsWith('{}name='))?.slice(7) ?? ''

/** What a client remembers: of each category the document's last word. */
const hear = (memory: ReadonlyMap<string, string>, body: string | undefined): ReadonlyMap<string, string> => {
  const heard = body === undefined ? [] : readIndependently(body).children
  return new Map([...memory, ...[...new Set(heard.map(nameOf))].map((name) => [name, JSON.stringify(heard.filter((node) => nameOf(node) === name))] as const)])
}

const subscription = (watcher: Watcher, categories: readonly string[]): Subscription => ({ publisher: anna, subscriber: watcher.user, localTag: `${watcher.user}${watcher.network}`, network: watcher.network, categories, since: 0 })
const places = (instances: readonly CategoryInstance[], category: string): ReadonlySet<number> => new Set(instances.filter((held) => held.category === category).map(({ container }) => container))
const shown = (held: PublisherState, category: string, container: number | undefined): string => JSON.stringify(held.instances.filter((one) => one.category === category && one.container === container).sort((a, b) => a.instance - b.instance))

t.test('property: watchers hear of every change of their view, of nothing else, and merged touches end in the same view', async () => {
  fc.assert(fc.property(steps, steps, fc.uniqueArray(watchers, { minLength: 1, maxLength: 4, selector: ({ user, network }) => `${user}${network}` }), (setting, sequence, people) => {
    let at = now
    let current = state()
    for (const step of setting) [current] = perform(current, step, at += 1)
    const first = current
    const subscriptions = people.map((watcher, index) => subscription(watcher, index % 2 === 0 ? ['note', 'state'] : ['note']))
    const look = (held: PublisherState, { subscriber, network, categories }: Subscription): string => writeSeenState(viewOf(held, open), { user: subscriber, network }, categories)
    const start = subscriptions.map((one) => hear(new Map(), look(first, one)))
    let stepwise = start
    const touches: Touch[] = []
    for (const step of sequence) {
      const [next, touch] = perform(current, step, at += 1)
      const heard = writeSeenChanges(next, touch, subscriptions, open)
      for (const one of subscriptions) {
        const watcher = { user: one.subscriber, network: one.network }
        const changed = one.categories.filter((category) => {
          const [was, is] = [naiveResolve(current.containers, watcher, places(current.instances, category)), naiveResolve(next.containers, watcher, places(next.instances, category))]
          return was !== is || shown(current, category, was) !== shown(next, category, is)
        })
        const body = heard.get(one)
        assert.deepEqual(body === undefined ? [] : [...new Set(readIndependently(body).children.map(nameOf))], changed)
      }
      stepwise = stepwise.map((memory, index) => hear(memory, heard.get(subscriptions[index] as Subscription)))
      touches.push(touch)
      current = next
    }
    const merged = mergeTouches(touches)
    const told = writeSeenChanges(current, merged, subscriptions, open)
    subscriptions.forEach((one, index) => {
      const end = hear(new Map(), look(current, one))
      assert.deepEqual(stepwise[index], end, 'told one by one')
      assert.deepEqual(hear(start[index] ?? new Map(), told.get(one)), end, 'told at once')
      if (look(first, one) === look(current, one) && one.categories.every((category) => merged.categories[category] === undefined) && Object.keys(merged.membersBefore).length === 0) assert.equal(told.get(one), undefined)
    })
    assert.deepEqual(mergeTouches([mergeTouches(touches.slice(0, 2)), ...touches.slice(2)]), merged, 'merging may be done in pieces')
  }), { numRuns: 150 })
})

t.test('1.3.1.3.9: merged touches remember the oldest before', async (t) => {
  const went = (container: number, ...before: readonly number[]): Touch => ({ categories: { note: [container] }, publishedBefore: { note: before }, membersBefore: {} })
  const merged = mergeTouches([went(300, 0, 200, 300), went(200, 0, 200), { ...noTouch, membersBefore: { 7: [user], 8: [] } }, { ...noTouch, membersBefore: { 7: [everyone] } }])
  t.same(merged, { categories: { note: [200, 300] }, publishedBefore: { note: [0, 200, 300] }, membersBefore: { 7: [user], 8: [] } })
  t.same(mergeTouches([]), noTouch)
  const fallen = subscription({ user: boris, network: 'sameEnterprise' }, ['note'])
  const left = state({ containers: holding([300, user]), instances: [instance({ container: 0 })] })
  t.match(writeSeenChanges(left, mergeTouches([went(300, 0, 200, 300), went(200, 0, 200)]), [fallen], open).get(fallen), / instance="0"/, 'who fell to container 0 in the first of two hears it')
})

t.test('3.2.5.3: what watchers read', async (t) => {
  const held = state({ containers: holding([300, user]), instances: [instance({ instance: 1, payload: '' }), instance({ container: 300, instance: 2 }), instance({ container: 300, instance: 1, expireType: 'time', expiresAt: now + 9000, endpointId: 'x' })] })
  const [seesAll, blocked] = [subscription({ user: boris, network: 'sameEnterprise' }, ['note', 'state']), subscription({ user: clara, network: 'federated' }, ['note'])]
  const published = new Date(now - 60_000).toISOString().replace('Z', '')
  t.same(...documents(writeSeenState(viewOf(held, open), { user: boris, network: 'sameEnterprise' }, ['state', 'note']), `<categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:${anna}"><category name="state"/>
    <category name="note" instance="1" publishTime="${published}"><note xmlns="urn:n">hi</note></category><category name="note" instance="2" publishTime="${published}"><note xmlns="urn:n">hi</note></category></categories>`), 'no container, version, expiry or endpoint; 1.3.1.3.4: an empty value for what is not shown')
  const touch: Touch = { ...noTouch, categories: { note: [300] } }
  t.same([...writeSeenChanges(held, touch, [seesAll, blocked], open).keys()], [seesAll])
  t.same([...writeSeenChanges(held, { ...noTouch, categories: { note: [200] } }, [seesAll, blocked], open).keys()], [], 'a container that one does not see')
  const moved = writeSeenChanges(held, { ...noTouch, membersBefore: { 300: [user, member('user', clara)] } }, [seesAll, blocked], open)
  t.same([...moved].map(([one, body]) => [one.subscriber, body]), [[clara, `<categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:${anna}"><category name="note"/></categories>`]], '3.5.5.4: who is put out sees an empty value')
  t.same([isTouched(noTouch), isTouched(touch), isTouched({ ...noTouch, membersBefore: { 1: [] } })], [false, true, true])
  const odd = state({ instances: [instance({ category: 'constructor', container: 0 })] })
  t.same([...writeSeenChanges(odd, { ...noTouch, categories: { note: [0] } }, [subscription({ user: boris, network: 'sameEnterprise' }, ['constructor'])], open)], [], 'names that objects know are categories like others')
})
