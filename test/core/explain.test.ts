import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { defaultContainer, memberKey, memberTypes, type Container, type ContainerMember } from '../../src/core/model/container.ts'
import { publishedContainers } from '../../src/core/model/diff.ts'
import { sourceNetworks } from '../../src/core/model/network.ts'
import { viewOf, writeSeenState } from '../../src/core/notifications/category.ts'
import { explainResolution, type ResolutionTrail } from '../../src/core/resolution/explain.ts'
import { indexMembership, pickContainer, rankContainers, tryRules, type Watcher } from '../../src/core/resolution/membership.ts'
import { naiveResolve, naiveRuleOf, naiveRules } from './naive.ts'
import { boris, clara, instance, member, readIndependently, state } from './support.ts'

const holding = (...lists: readonly (readonly [number, ...ContainerMember[]])[]): readonly Container[] => lists.map(([id, ...members], at) => ({ id, membersVersion: at + 1, members }))
const user = (value: string): ContainerMember => member('user', value)

// 1.3.1.3.8 in our own people: Hugo is a colleague who gets a blocked view of the state, Dora a colleague and Clara a partner who are named.
const [hugo, dora, paul, cleo] = ['hugo@nordwind.example', 'dora@nordwind.example', 'paul@suedwind.example', 'cleo@cloud.example']
const figure = holding([1, user(hugo), member('publicCloud')], [2, member('sameEnterprise')], [3, user(clara), user(dora)])
const publishedInFigure: Readonly<Record<string, readonly number[]>> = { state: [0, 1, 2], phone: [2, 3], meeting: [2], note: [0, 2, 3] }

/** What someone reads of the four categories: the container of each, or a dash for an empty value. */
const reads = (published: Readonly<Record<string, readonly number[]>>, watcher: Watcher): Readonly<Record<string, string>> => {
  const instances = Object.entries(published).flatMap(([category, containers]) => containers.map((container) => instance({ category, container, payload: `<d xmlns="urn:d">${container}</d>` })))
  const body = writeSeenState(viewOf(state({ containers: figure, instances }), () => false), watcher, ['state', 'phone', 'meeting', 'note'])
  const entries = readIndependently(body).children.map(({ attributes, children }) => [attributes.find((text) => text.startsWith('{}name='))?.slice(7) ?? '', children[0]?.text ?? '-'] as const)
  assert.equal(entries.length, 4, 'each category once')
  for (const [category, seen] of entries) {
    const trail = explainResolution(figure, watcher, publishedContainers(instances).get(category) ?? new Set())
    assert.equal(String(trail.container ?? '-'), seen, `${watcher.user} ${category}: the explanation says what is shown`)
  }
  return Object.fromEntries(entries)
}

t.test('1.3.1.3.8: the example of Figure 1: who gets state, phone, meeting and note from which container', async (t) => {
  const cases: readonly (readonly [name: string, watcher: Watcher, expected: readonly [state: string, phone: string, meeting: string, note: string]])[] = [
    ['named in container 1: a blocked view of the state; the rest as a colleague, since 1 does not publish it', { user: hugo, network: 'sameEnterprise' }, ['1', '2', '2', '2']],
    ['the public cloud shares the blocked view of the state; the default for all else', { user: cleo, network: 'publicCloud' }, ['1', '-', '-', '0']],
    ['a colleague', { user: boris, network: 'sameEnterprise' }, ['2', '2', '2', '2']],
    ['a colleague who is named: more of phone and note, the rest as a colleague', { user: dora, network: 'sameEnterprise' }, ['2', '3', '2', '3']],
    ['a partner who is named: phone and note of 3, the default state, no meeting', { user: clara, network: 'federated' }, ['0', '3', '-', '3']],
    ['any other partner: the default publications', { user: paul, network: 'federated' }, ['0', '-', '-', '0']],
  ]
  for (const [name, watcher, [ofState, phone, meeting, note]] of cases) t.strictSame(reads(publishedInFigure, watcher), { state: ofState, phone, meeting, note }, name)
  const all = { state: [0, 1, 2], phone: [1, 2, 3], meeting: [1, 2], note: [0, 1, 2, 3] }
  t.strictSame(reads(all, { user: hugo, network: 'sameEnterprise' }), { state: '1', phone: '1', meeting: '1', note: '1' }, 'what is published into container 1 as well is kept from him: his URI goes before his enterprise, whatever the numbers')
  t.strictSame(reads(all, { user: cleo, network: 'publicCloud' }), { state: '1', phone: '1', meeting: '1', note: '1' })
  for (const [name, watcher, [ofState, phone, meeting, note]] of cases.slice(2)) t.strictSame(reads(all, watcher), { state: ofState, phone, meeting, note }, `${name}: not concerned`)
  t.strictSame(reads({}, { user: dora, network: 'sameEnterprise' }), { state: '-', phone: '-', meeting: '-', note: '-' }, 'blocked and unpublished look alike')
})

t.test('1.3.1.3.7: everyone comes after the networks, the default container last of all', async (t) => {
  const everyone = member('everyone')
  const cases: readonly (readonly [name: string, containers: readonly Container[], published: readonly number[], container: number | undefined])[] = [
    ['everyone before the default container', holding([1, everyone]), [0, 1], 1], ['the default container when everyone is shown nothing', holding([1, everyone]), [0], 0], ['the network before everyone, whatever the numbers', holding([1, member('federated')], [9, everyone]), [0, 1, 9], 1],
    ['another network is not enough', holding([1, member('sameEnterprise')], [2, member('publicCloud')]), [0, 1, 2], 0], ['no default: blocked', holding([1, member('sameEnterprise')], [2, member('publicCloud')]), [1, 2], undefined], ['a container without any member is nobody\'s', holding([1]), [0, 1], 0],
    ['a container that exists by publication alone is nobody\'s', [], [0, 7], 0], ['nothing published', holding([1, everyone]), [], undefined], ['of several for everyone the highest', holding([1, everyone], [9, everyone], [4, everyone]), [0, 1, 4, 9], 9],
  ]
  for (const [name, containers, published, expected] of cases) {
    t.equal(explainResolution(containers, { user: clara, network: 'federated' }, new Set(published)).container, expected, name)
    t.strictSame(tryRules(indexMembership(containers), { user: clara, network: 'federated' }).slice(-2).map(({ rule }) => rule), ['everyone', 'default'])
  }
  t.strictSame(tryRules(indexMembership([]), { user: 'dora@deep.lab.nordwind.example', network: 'publicCloud' }).map(({ rule, value }) => `${rule} ${value}`.trim()),
    ['user dora@deep.lab.nordwind.example', 'domain deep.lab.nordwind.example', 'domain lab.nordwind.example', 'domain nordwind.example', 'domain example', 'publicCloud', 'everyone', 'default'], 'the rules in order')
})

t.test('the trail of one resolution: every rule, every container, every reason', async (t) => {
  const containers = holding([300, user(boris), user(clara)], [20, user(boris)], [100, member('domain', 'nordwind.example')], [400, member('everyone')], [500, user(boris)], [32000, user(clara)])
  t.strictSame(explainResolution(containers, { user: boris, network: 'sameEnterprise' }, new Set([0, 7, 20, 100, 300, 400, 32000])), {
    rules: [
      { rule: 'user', value: boris, containers: [500, 300, 20], picks: 300 }, { rule: 'domain', value: 'nordwind.example', containers: [100], picks: 100 }, { rule: 'domain', value: 'example', containers: [], picks: undefined },
      { rule: 'sameEnterprise', value: '', containers: [], picks: undefined }, { rule: 'everyone', value: '', containers: [400], picks: 400 }, { rule: 'default', value: '', containers: [0], picks: 0 },
    ],
    candidates: [
      { container: 32000, membersVersion: 6, members: [user(clara)], published: true, rule: undefined, outcome: 'notMember', why: 'none of its members matches the subscriber' },
      { container: 500, membersVersion: 5, members: [user(boris)], published: false, rule: 'user', outcome: 'notPublished', why: 'does not publish the category' },
      { container: 400, membersVersion: 4, members: [member('everyone')], published: true, rule: 'everyone', outcome: 'laterRule', why: `matched by rule everyone only, which comes after rule user ${boris}` },
      { container: 300, membersVersion: 1, members: [user(boris), user(clara)], published: true, rule: 'user', outcome: 'wins', why: `matched by rule user ${boris}: the first rule that matches a container with the category, and its highest number` },
      { container: 100, membersVersion: 3, members: [member('domain', 'nordwind.example')], published: true, rule: 'domain', outcome: 'laterRule', why: `matched by rule domain nordwind.example only, which comes after rule user ${boris}` },
      { container: 20, membersVersion: 2, members: [user(boris)], published: true, rule: 'user', outcome: 'lowerNumber', why: `matched by the same rule user ${boris}, but 300 is a higher number` },
      { container: 7, membersVersion: 0, members: [], published: true, rule: undefined, outcome: 'notMember', why: 'none of its members matches the subscriber' },
      { container: 0, membersVersion: 0, members: [member('everyone')], published: true, rule: 'default', outcome: 'laterRule', why: `matched by rule default only, which comes after rule user ${boris}` },
    ],
    container: 300,
  })
  const blocked = explainResolution(holding([300, user(clara)]), { user: boris, network: 'sameEnterprise' }, new Set([300]))
  t.strictSame([blocked.container, blocked.candidates.map(({ container, outcome }) => [container, outcome])], [undefined, [[300, 'notMember'], [0, 'notPublished']]], '1.3.1.3.4: blocked')
  t.strictSame(explainResolution([], { user: boris, network: 'sameEnterprise' }, new Set()).candidates, [
    { container: 0, membersVersion: 0, members: [member('everyone')], published: false, rule: 'default', outcome: 'notPublished', why: 'does not publish the category' },
  ], '1.3.1.3.3: nothing at all: the default container is still a candidate, and everyone is in it')
})

t.test('1.3.1.2: what is withheld has no container; the one that would win says so, all else reads as ever', async (t) => {
  const containers = holding([300, user(boris)], [200, member('sameEnterprise')])
  const because = 'the category is private'
  const withheld = explainResolution(containers, { user: boris, network: 'sameEnterprise' }, new Set([0, 200, 300]), because)
  t.equal(withheld.container, undefined)
  t.strictSame(withheld.candidates.map(({ container, rule, outcome, why }) => [container, rule, outcome, why]), [
    [300, 'user', 'withheld', 'would be the one, but the category is private'], [200, 'sameEnterprise', 'laterRule', `matched by rule sameEnterprise only, which comes after rule user ${boris}`], [0, 'default', 'laterRule', `matched by rule default only, which comes after rule user ${boris}`],
  ])
  t.strictSame(withheld.rules, explainResolution(containers, { user: boris, network: 'sameEnterprise' }, new Set([0, 200, 300])).rules)
  t.strictSame(explainResolution(containers, { user: clara, network: 'federated' }, new Set([0, 200]), because).candidates.map(({ container, outcome }) => [container, outcome]), [[300, 'notPublished'], [200, 'notMember'], [0, 'withheld']], 'the default container too')
  t.strictSame(explainResolution(containers, { user: boris, network: 'sameEnterprise' }, new Set(), because), explainResolution(containers, { user: boris, network: 'sameEnterprise' }, new Set()), 'where nothing would be seen nothing is withheld')
})

const users = ['boris@nordwind.example', 'Boris@nordwind.example', 'dora@lab.nordwind.example', 'clara@suedwind.example', 'eve@mynordwind.example']
const anyMember = fc.oneof(
  fc.record({ type: fc.constant('user' as const), value: fc.constantFrom(...users) }), fc.record({ type: fc.constant('domain' as const), value: fc.constantFrom('nordwind.example', 'lab.nordwind.example', 'suedwind.example', 'example') }),
  fc.record({ type: fc.constantFrom(...memberTypes.slice(2)), value: fc.constant('') }),
)
const anyContainers = fc.uniqueArray(
  fc.record({ id: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(1, 2, 3, 300, 32000) }, fc.integer({ min: 1, max: 32767 })), membersVersion: fc.nat(9), members: fc.uniqueArray(anyMember, { maxLength: 4, selector: memberKey }) }),
  { selector: ({ id }) => id, maxLength: 6 },
)
const anyWatcher = fc.record({ user: fc.constantFrom(...users), network: fc.constantFrom(...sourceNetworks) })

/** Judges one container by reading the rules aloud: where it stands among the rules, and what that makes of it beside the one that is seen. */
const judgeAloud = (container: Container, containers: readonly Container[], watcher: Watcher, published: ReadonlySet<number>): { readonly outcome: string; readonly rule: string | undefined } => {
  const order = [...naiveRules(watcher).map(({ name }) => name), 'default']
  const placeOf = (id: number): number => order.indexOf(naiveRuleOf(containers.find((one) => one.id === id) ?? { id, members: [] }, watcher) ?? '')
  const seen = naiveResolve(containers, watcher, published)
  const place = placeOf(container.id)
  const rule = order[place]?.replace(/ .*/, '')
  if (seen === container.id) return { outcome: 'wins', rule }
  if (!published.has(container.id)) return { outcome: 'notPublished', rule }
  if (place < 0) return { outcome: 'notMember', rule }
  assert.ok(seen !== undefined, 'a member of a container that publishes the category sees something')
  assert.ok(place >= placeOf(seen), 'no container of an earlier rule is passed over')
  return { outcome: place === placeOf(seen) ? 'lowerNumber' : 'laterRule', rule }
}

t.test('property: the explanation is the decision, and every reason in it is true', async (t) => {
  const outcomes = new Map<string, number>()
  const check = (containers: readonly Container[], watcher: Watcher, published: ReadonlySet<number>): ResolutionTrail => {
    const trail = explainResolution(containers, watcher, published)
    const seen = naiveResolve(containers, watcher, published)
    const index = indexMembership(containers)
    assert.equal(trail.container, seen)
    assert.equal(pickContainer(rankContainers(index)(watcher), published), seen)
    assert.deepEqual(trail.candidates.filter(({ outcome }) => outcome === 'wins').map(({ container }) => container), seen === undefined ? [] : [seen])
    // Each container once, highest number first: those with members, those with publications, the default one.
    assert.deepEqual(trail.candidates.map(({ container }) => container), [...new Set([0, ...published, ...containers.map(({ id }) => id)])].sort((a, b) => b - a))
    for (const candidate of trail.candidates) {
      const stored = [defaultContainer, ...containers].find(({ id }) => id === candidate.container) ?? { id: candidate.container, membersVersion: 0, members: [] }
      const { outcome, rule } = judgeAloud(stored, containers, watcher, published)
      assert.deepEqual(candidate, { container: stored.id, membersVersion: stored.membersVersion, members: stored.members, published: published.has(stored.id), rule, outcome, why: candidate.why }, `container ${stored.id}`)
      if (outcome === 'lowerNumber') assert.ok(stored.id < (seen ?? -1), 'the same rule loses by its number')
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    const aloud = naiveRules(watcher).filter(({ name }) => name === watcher.network || !sourceNetworks.some((network) => network === name))
    assert.deepEqual(trail.rules.map(({ rule, value }) => `${rule}${rule === 'domain' ? ` ${value}` : ''}`), [...aloud.map(({ name }) => name), 'default'])
    for (const [at, { fits }] of aloud.entries()) {
      const having = containers.filter(({ members }) => members.some(fits)).map(({ id }) => id).sort((a, b) => b - a)
      assert.deepEqual([trail.rules[at]?.containers, trail.rules[at]?.picks], [having, having.find((id) => published.has(id))])
    }
    assert.equal(trail.rules.find(({ picks }) => picks !== undefined)?.picks, seen, 'the first rule that picks something decides')
    const candidates = trail.candidates.map((candidate) => (candidate.container === seen ? { ...candidate, outcome: 'withheld', why: 'would be the one, but it is kept back' } : candidate))
    assert.deepEqual(explainResolution(containers, watcher, published, 'it is kept back'), { ...trail, candidates, container: undefined }, 'what is withheld changes the winner and nothing else')
    return trail
  }
  fc.assert(fc.property(anyContainers, anyWatcher, fc.infiniteStream(fc.boolean()), (containers, watcher, chance) => {
    check(containers, watcher, new Set([0, 7, ...containers.map(({ id }) => id)].filter(() => chance.next().value)))
  }), { numRuns: 2000 })
  for (const outcome of ['wins', 'notPublished', 'notMember', 'lowerNumber', 'laterRule']) t.ok((outcomes.get(outcome) ?? 0) > 20, `${outcome}: ${outcomes.get(outcome) ?? 0} times`)
})
