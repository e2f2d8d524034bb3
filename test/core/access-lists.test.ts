import t from 'tap'
import { decideSetAce, followContainers, type AccessTerms } from '../../src/core/access-lists/change-access.ts'
import { decideAccess, effectiveEntries } from '../../src/core/access-lists/effective.ts'
import { readAceKey } from '../../src/core/requests/set-ace.ts'
import type { Ace, AccessLetter, AccessRights, AceType, LegacyWatcher } from '../../src/core/model/access-list.ts'
import { memberTypes, type Container, type ContainerMember } from '../../src/core/model/container.ts'
import { noDelegates } from '../../src/core/model/delegate.ts'
import { containersAfter, type Outcome } from '../../src/core/model/outcome.ts'
import type { PublisherState } from '../../src/core/model/publisher.ts'
import { mergeTouches, noTouch } from '../../src/core/model/touch.ts'
import { decideSetContainerMembers } from '../../src/core/containers/set-container-members.ts'

/** Access lists: who is decided by which entry, and how the list and the containers follow each other (core/access-lists/container-mapping.ts, row by row). */

const ANNA = 'anna@nord.example'

const ace = (text: string): Ace => {
  const [type = '', second = '', third = ''] = text.split(' ')
  const [mask, rights] = third === '' ? ['', second] : [second, third]
  return { type: type as AceType, mask, rights: rights as AccessRights }
}

const member = (text: string): ContainerMember => {
  const [type, value = ''] = text.split(' ')
  return { type: memberTypes.find((one) => one === type) ?? 'everyone', value }
}

/** `200: sameEnterprise, user x@y`. */
const container = (text: string): Container => {
  const [id = '', members = ''] = text.split(': ')
  return { id: Number(id), membersVersion: 0, members: members === '' ? [] : members.split(', ').map(member) }
}

const STANDARD = ['100: federated', '200: sameEnterprise', '300: ', '32000: '] as const
const EVERYBODY = 'sameEnterprise, federated, publicCloud, everyone'

const terms: AccessTerms = { maxAccessEntries: 10, maxContainerMembers: 20, networkOf: (user) => (user.endsWith('nord.example') ? 'sameEnterprise' : user.endsWith('cloud.example') ? 'publicCloud' : 'federated') }

const stateOf = (entries: readonly string[], containers: readonly string[], watchers: readonly LegacyWatcher[] = []): PublisherState => ({
  publisher: ANNA, revision: 1, instances: [], endpoints: [], subscribers: [], delegates: noDelegates, containers: containers.map(container), access: { list: { deltaNum: 5, entries: entries.map(ace) }, watchers },
})

const show = ({ type, mask, rights }: Ace): string => `${type} ${mask === '' ? '' : `${mask} `}${rights}`
const showContainers = (containers: readonly Container[]): readonly string[] =>
  [...containers].sort((a, b) => a.id - b.id).map(({ id, members }) => `${id}: ${members.map(({ type, value }) => `${type} ${value}`.trim()).join(', ')}`)

const listIn = ({ changes }: Outcome): readonly string[] => changes.flatMap((change) => (change.kind === 'putAccessList' ? [`${change.list.deltaNum}`, ...change.list.entries.map(show)] : []))
const regardedIn = ({ changes }: Outcome): readonly string[] => changes.flatMap((change) => (change.kind === 'regardWatchers' ? change.watchers.map(({ user, access }) => `${user} ${access}`) : []))

const set = (entries: readonly string[], containers: readonly string[], asked: string, watchers?: readonly LegacyWatcher[]) => {
  const state = stateOf(entries, containers, watchers)
  const decided = decideSetAce({ deltaNum: 5, ace: ace(asked) }, state, terms)
  if (!decided.ok) throw new Error(decided.failure.name)
  return { ...decided.value, containers: showContainers(containersAfter(state.containers, decided.value.changes)) }
}

t.test('MS-SIP 2.2.3: the most specific word decides', async (t) => {
  for (const [entries, containers, watcher, expected] of [
    [[], [], 'x@a.example', 'A'],
    [['ALL BD'], [`32000: ${EVERYBODY}`], 'x@a.example', 'B'],
    [['ALL DA'], [`32000: ${EVERYBODY}`], 'x@a.example', 'D'],
    [['ALL PA'], [], 'x@a.example', 'P'],
    [['ALL PA', 'DOMAIN a.example AA'], [], 'x@a.example', 'A'],
    [['ALL PA', 'DOMAIN a.example AA'], [], 'x@b.a.example', 'A'],
    [['ALL PA', 'DOMAIN a.example AA'], [], 'x@ba.example', 'P'],
    [['DOMAIN a.example PA', 'DOMAIN b.a.example AA'], [], 'x@c.b.a.example', 'A'],
    [['DOMAIN example PA', 'DOMAIN b.a.example DA'], ['32000: domain b.a.example'], 'x@b.a.example', 'D'],
    [['DOMAIN a.example PA', 'USER x@a.example AD'], [], 'x@a.example', 'A'],
    [['DOMAIN a.example PA', 'USER x@a.example AD'], [], 'y@a.example', 'P'],
    [['USER x@a.example DD'], ['32000: user x@a.example'], 'x@a.example', 'D'],
    // The container is right.
    [['USER x@a.example DD'], [], 'x@a.example', 'A'],
    [['USER x@a.example AA'], ['32000: user x@a.example'], 'x@a.example', 'B'],
    [['USER x@a.example PA'], ['32000: user x@a.example'], 'x@a.example', 'B'],
    [[], ['32000: domain a.example'], 'x@b.a.example', 'B'],
    [[], ['32000: everyone'], 'x@a.example', 'A'],
    // A membership elsewhere allows, but not against an entry that is as specific.
    [['ALL BD'], [`32000: ${EVERYBODY}`, '300: user x@a.example'], 'x@a.example', 'A'],
    [['ALL PA'], ['100: domain a.example'], 'x@a.example', 'A'],
    [['ALL PA'], ['100: federated'], 'x@a.example', 'P'],
    [['USER x@a.example PA'], ['300: user x@a.example'], 'x@a.example', 'P'],
    [['DOMAIN a.example BD'], ['32000: domain a.example', '300: user x@a.example'], 'x@a.example', 'A'],
    // Nobody is decided of by itself.
    [['ALL DA'], [`32000: ${EVERYBODY}`], ANNA, 'A'],
  ] as const satisfies readonly (readonly [readonly string[], readonly string[], string, AccessLetter])[]) {
    t.equal(decideAccess(entries.map(ace), containers.map(container), ANNA, watcher).letter, expected, `${entries.join(', ')} | ${containers.join(' ')} | ${watcher}`)
  }
})

t.test('the list as it is seen: ALL always, blocked members as clients write a block', async (t) => {
  for (const [entries, containers, seen] of [
    [[], STANDARD, ['ALL AA']],
    [[], ['32000: user x@a.example, domain b.example, federated'], ['ALL AA', 'DOMAIN b.example BD', 'USER x@a.example BD']],
    [['USER x@a.example BA', 'USER y@a.example DA'], ['32000: user x@a.example'], ['ALL AA', 'USER x@a.example BA', 'USER y@a.example AA']],
    [['ALL DD'], ['32000: sameEnterprise, federated, publicCloud'], ['ALL AA']],
    [[], [`32000: ${EVERYBODY}`], ['ALL BD']],
  ] as const) t.strictSame(effectiveEntries(entries.map(ace), containers.map(container)).map(show), seen, containers.join(' '))
})

t.test('the table: what setACE does to containers', async (t) => {
  for (const [name, entries, containers, asked, list, after] of [
    ['B puts in', [], STANDARD, 'USER x@a.example BD', ['6', 'ALL AA', 'USER x@a.example BD'], ['100: federated', '200: sameEnterprise', '300: ', '32000: user x@a.example']],
    ['D puts in', [], STANDARD, 'DOMAIN a.example DA', ['6', 'ALL AA', 'DOMAIN a.example DA'], ['100: federated', '200: sameEnterprise', '300: ', '32000: domain a.example']],
    ['B leaves it elsewhere', [], ['300: user x@a.example', '32000: '], 'USER x@a.example BD', ['6', 'ALL AA', 'USER x@a.example BD'], ['300: user x@a.example', '32000: user x@a.example']],
    ['B to D moves nothing', ['USER x@a.example BD'], ['32000: user x@a.example'], 'USER x@a.example DD', ['6', 'ALL AA', 'USER x@a.example DD'], ['32000: user x@a.example']],
    ['A takes out', ['USER x@a.example BD'], ['32000: user x@a.example, federated'], 'USER x@a.example AA', ['6', 'ALL AA', 'USER x@a.example AA'], ['100: user x@a.example', '32000: federated']],
    ['P takes out', ['USER x@a.example BD'], ['32000: user x@a.example, everyone'], 'USER x@a.example PA', ['6', 'ALL AA', 'USER x@a.example PA'], ['32000: everyone']],
    ['P is no membership where less blocks', ['DOMAIN a.example BD'], ['32000: domain a.example'], 'USER x@a.example PA', ['6', 'ALL AA', 'DOMAIN a.example BD', 'USER x@a.example PA'], ['32000: domain a.example']],
    ['A where nothing blocks is no membership', [], STANDARD, 'USER x@a.example AD', ['6', 'ALL AA', 'USER x@a.example AD'], ['100: federated', '200: sameEnterprise', '300: ', '32000: ']],
    ['A under a blocked domain: where its network is', ['DOMAIN a.example BD'], [...STANDARD.slice(0, 3), '32000: domain a.example'], 'USER x@a.example AA',
      ['6', 'ALL AA', 'DOMAIN a.example BD', 'USER x@a.example AA'], ['100: federated, user x@a.example', '200: sameEnterprise', '300: ', '32000: domain a.example']],
    ['A of a domain under a blocked one', ['DOMAIN a.example BD'], ['32000: domain a.example'], 'DOMAIN b.a.example AA', ['6', 'ALL AA', 'DOMAIN a.example BD', 'DOMAIN b.a.example AA'], ['100: domain b.a.example', '32000: domain a.example']],
    ['A of who is a member already', ['DOMAIN a.example BD'], ['300: user x@a.example', '32000: domain a.example'], 'USER x@a.example AA', ['6', 'ALL AA', 'DOMAIN a.example BD', 'USER x@a.example AA'], ['300: user x@a.example', '32000: domain a.example']],
    ['public clouds have no container of their own', ['DOMAIN cloud.example BD'], ['32000: domain cloud.example'], 'USER x@cloud.example AA', ['6', 'ALL AA', 'DOMAIN cloud.example BD', 'USER x@cloud.example AA'], ['100: user x@cloud.example', '32000: domain cloud.example']],
    ['ALL B is every kind, and not oneself', [], STANDARD, 'ALL BD', ['6', 'ALL BD'], ['100: federated', `200: sameEnterprise, user ${ANNA}`, '300: ', `32000: ${EVERYBODY}`]],
    ['whoever was allowed before stays visible', ['USER x@a.example AA', 'USER y@nord.example AA', 'USER z@a.example PA'], STANDARD, 'ALL DA',
      ['6', 'ALL DA', 'USER x@a.example AA', 'USER y@nord.example AA', 'USER z@a.example PA'], ['100: federated, user x@a.example', `200: sameEnterprise, user y@nord.example, user ${ANNA}`, '300: ', `32000: ${EVERYBODY}`]],
    ['ALL A takes every kind out; members stay', ['ALL BD'], [`200: sameEnterprise, user ${ANNA}`, `32000: ${EVERYBODY}, user x@a.example`], 'ALL AA', ['6', 'ALL AA', 'USER x@a.example BD'], [`200: sameEnterprise, user ${ANNA}`, '32000: user x@a.example']],
    ['ALL A leaves single networks alone', [], ['32000: federated'], 'ALL AA', ['6', 'ALL AA'], ['32000: federated']],
    ['ALL P blocks nobody', [], STANDARD, 'ALL PA', ['6', 'ALL PA'], ['100: federated', '200: sameEnterprise', '300: ', '32000: ']],
    ['what stands in 32000 is not forgotten', [], ['32000: user y@a.example'], 'USER x@a.example AA', ['6', 'ALL AA', 'USER x@a.example AA', 'USER y@a.example BD'], ['32000: user y@a.example']],
  ] as const) {
    const outcome = set(entries, containers, asked)
    t.strictSame([listIn(outcome), outcome.containers], [list, after], name)
    t.equal(outcome.touch.accessList, true, name)
  }
})

t.test('the table: what a change of containers does to the list', async (t) => {
  for (const [name, entries, containers, id, actions, list] of [
    ['into 32000', [], STANDARD, 32000, ['user x@a.example'], ['6', 'ALL AA', 'USER x@a.example BD']],
    ['into 32000, what was prompted', ['DOMAIN a.example PA'], STANDARD, 32000, ['domain a.example'], ['6', 'ALL AA', 'DOMAIN a.example BD']],
    ['out of 32000', ['USER x@a.example DA'], ['32000: user x@a.example'], 32000, ['-user x@a.example'], ['6', 'ALL AA', 'USER x@a.example AA']],
    ['one network is nobody\'s entry', [], STANDARD, 32000, ['federated'], []],
    ['every kind is ALL', [], STANDARD, 32000, EVERYBODY.split(', '), ['6', 'ALL BD']],
    ['into another one: nothing is said', ['USER x@a.example AD'], STANDARD, 300, ['user x@a.example'], []],
    ['into another one: let in', ['USER x@a.example PD', 'DOMAIN a.example PA'], STANDARD, 300, ['user x@a.example'], ['6', 'ALL AA', 'DOMAIN a.example PA', 'USER x@a.example AA']],
    ['nothing new', ['USER x@a.example BA'], ['32000: user x@a.example'], 32000, ['user x@a.example'], []],
  ] as const) {
    const state = stateOf(entries, containers)
    const decided = decideSetContainerMembers([{ id, version: 0, actions: actions.map((text) => ({ remove: text.startsWith('-'), member: member(text.replace('-', '')) })) }], state, 20)
    if (!decided.ok) throw new Error(decided.failure.name)
    const outcome = followContainers(state, decided.value)
    t.strictSame(listIn(outcome), list, name)
    t.strictSame(outcome.touch.membersBefore, decided.value.touch.membersBefore, `${name}: what the containers touched stays`)
  }
})

t.test('watchers are regarded anew only where something else is decided', async (t) => {
  const watchers = [{ user: 'x@a.example', access: 'A' }, { user: 'y@a.example', access: 'P' }, { user: 'z@b.example', access: 'A' }] as const
  const outcome = set([], STANDARD, 'DOMAIN a.example BD', watchers)
  t.strictSame([regardedIn(outcome), outcome.touch.regarded, outcome.touch.pendingWatchers], [['x@a.example B', 'y@a.example B'], ['x@a.example', 'y@a.example'], true])
  const none = set([], STANDARD, 'DOMAIN c.example BD', [watchers[0]])
  t.strictSame([regardedIn(none), none.touch.regarded, none.touch.pendingWatchers], [[], undefined, undefined])
  const state = stateOf(['ALL PA'], STANDARD, [{ user: 'x@a.example', access: 'P' }])
  const let1 = decideSetContainerMembers([{ id: 300, version: 0, actions: [{ remove: false, member: member('user x@a.example') }] }], state, 20)
  t.strictSame(let1.ok && regardedIn(followContainers(state, let1.value)), ['x@a.example A'], 'a membership decides, though the list reads as before')
  t.strictSame(mergeTouches([outcome.touch, { ...noTouch, regarded: ['x@a.example', 'q@a.example'] }]).regarded, ['x@a.example', 'y@a.example', 'q@a.example'])
})

t.test('masks as clients write them', async (t) => {
  for (const [type, written, expected] of [
    ['USER', ' sip:Bo@A.Example ', { type: 'USER', mask: 'Bo@a.example' }], ['USER', 'bo@a.example', { type: 'USER', mask: 'bo@a.example' }], ['DOMAIN', 'A.Example', { type: 'DOMAIN', mask: 'a.example' }], ['ALL', ' ', { type: 'ALL', mask: '' }],
  ] as const) t.strictSame(readAceKey(type, written), expected)
})
