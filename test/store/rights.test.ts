import t from 'tap'
import { allGranted, grants, rightNames, type OwnRights, type Rights } from '../../src/core/model/rights.ts'
import { sourceNetworks } from '../../src/core/model/network.ts'
import { findUntold } from '../../src/store/changes.ts'
import { insertDialog, loadDialogs } from '../../src/store/dialogs.ts'
import { getDomain, putDomain } from '../../src/store/domains.ts'
import { findEdgesNotGranted, findMisplacedDialogs, FROM_START, loadRights } from '../../src/store/rights.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { loadResourcesOfMany, loadSubscriptions, moveToNetwork, putResources } from '../../src/store/subscriptions.ts'
import { createUser, putUser } from '../../src/store/users.ts'
import { openTestStore } from '../support/database.ts'
import { anna, bert, sampleDialog } from './samples.ts'

const { store, reset } = await openTestStore(t)
const { pool, db } = store
const session = poolSession(pool)
t.beforeEach(reset)

const without = (...names: readonly (keyof Rights)[]): Rights => ({ ...allGranted, ...Object.fromEntries(names.map((name) => [name, false])) })
const DOMAIN = 'nordwind.example'

t.test('rights come back as they were stored, each in its own column', async (t) => {
  t.same([...await loadRights(session, [anna])], [], 'not a user')
  for (const name of rightNames) {
    await putDomain(db, DOMAIN, 'enterprise', 1, without(name))
    t.same((await getDomain(db, DOMAIN))?.rights, without(name), `${name} of the domain`)
    await transact(pool, (tx) => putUser(tx, anna, 'Anna', {}, [], 1, {}))
    t.same((await loadRights(session, [anna])).get(anna), { own: {}, effective: without(name) })
    for (const value of [true, false]) {
      await transact(pool, (tx) => putUser(tx, anna, 'Anna', {}, [], 1, { [name]: value }))
      t.same((await loadRights(session, [anna])).get(anna), { own: { [name]: value }, effective: { ...allGranted, [name]: value } }, `${name} of the user: ${value}`)
    }
  }
  await putDomain(db, DOMAIN, 'enterprise', 1)
  t.same((await getDomain(db, DOMAIN))?.rights, allGranted, 'granted unless taken')
  await pool.query('DELETE FROM domain')
  await transact(pool, async (tx) => { void createUser(tx, bert, 'Bert', [], 1) })
  t.same([...await loadRights(session, [bert, 'nobody@nordwind.example'])], [[bert, { own: {}, effective: allGranted }]], 'a user whose domain nobody knows, as the first registration makes it')
})

const edge = async (localTag: string, subscriber: string, network: (typeof sourceNetworks)[number], publishers: readonly string[], over: Parameters<typeof sampleDialog>[0] = {}): Promise<void> => {
  await transact(pool, async (tx) => {
    void insertDialog(tx, sampleDialog({ localTag, subscriber, network, endpointId: undefined, kind: 'single', ...over }))
    void putResources(tx, { subscriber, localTag }, network, publishers.map((publisher) => ({ publisher, categories: ['note'] })), 0)
  })
}

t.test('the statement that finds what is not granted says the same as the pure rule, for all rights of domain and user', async (t) => {
  await putDomain(db, DOMAIN, 'enterprise', 1)
  await transact(pool, (tx) => putUser(tx, anna, 'Anna', {}, [], 1))
  for (const network of sourceNetworks) await edge(network, 'x@elsewhere.example', network, [anna])
  for (const right of ['incomingFederated', 'incomingPublicCloud'] as const) {
    for (const ofDomain of [true, false]) {
      for (const own of [undefined, true, false]) {
        const rights: OwnRights = own === undefined ? {} : { [right]: own }
        await putDomain(db, DOMAIN, 'enterprise', 1, { ...allGranted, outgoingFederated: false, outgoingPublicCloud: false, [right]: ofDomain })
        await transact(pool, (tx) => putUser(tx, anna, 'Anna', {}, [], 1, rights))
        const { effective } = (await loadRights(session, [anna])).get(anna) ?? { effective: allGranted }
        t.same((await findEdgesNotGranted(session, FROM_START, 9)).map(({ localTag }) => localTag), sourceNetworks.filter((network) => !grants(effective, 'incoming', network)), `${right} of the domain ${ofDomain}, of the user ${own}`)
      }
    }
  }
})

t.test('both scans go on behind the last row of a page', async (t) => {
  await putDomain(db, DOMAIN, 'enterprise', 1, without('incomingFederated'))
  await putDomain(db, 'out.example', 'blocked', 1)
  for (const user of [anna, bert]) await transact(pool, (tx) => putUser(tx, user, user, {}, [], 1))
  for (let at = 0; at < 5; at += 1) for (const tag of ['a', 'b']) await edge(`${tag}${at}`, `u${at}@out.example`, 'federated', [anna, bert])
  const edges: string[] = []
  for (let page = await findEdgesNotGranted(session, FROM_START, 3); page.length > 0;) {
    edges.push(...page.map(({ publisher, subscriber, localTag }) => `${publisher} ${subscriber} ${localTag}`))
    const last = page.at(-1)
    page = last === undefined ? [] : await findEdgesNotGranted(session, [last.publisher, last.subscriber, last.localTag], 3)
  }
  t.equal(new Set(edges).size, 20)
  t.equal(edges.length, 20, 'each once')
  const dialogs: string[] = []
  for (let page = await findMisplacedDialogs(session, 'federated', 1, FROM_START, 3); page.length > 0;) {
    dialogs.push(...page.map(({ subscriber, localTag }) => `${subscriber} ${localTag}`))
    const last = page.at(-1)
    page = last === undefined ? [] : await findMisplacedDialogs(session, 'federated', 1, [last.subscriber, last.localTag, ''], 3)
  }
  t.equal(new Set(dialogs).size, 10)
  t.equal(dialogs.length, 10, 'each once')
})

t.test('misplaced are living dialogs without an endpoint whose domain says another network, unless the proxy named it, or is blocked', async (t) => {
  for (const [domain, kind] of [['fed.example', 'federated'], ['cloud.example', 'publicCloud'], [DOMAIN, 'enterprise'], ['bad.example', 'blocked']] as const) await putDomain(db, domain, kind, 1)
  const cases = [
    ['right', 'a@fed.example', 'federated', {}, undefined], ['wrong', 'a@fed.example', 'publicCloud', {}, 'federated'], ['named', 'a@fed.example', 'publicCloud', { networkNamed: true }, undefined],
    ['over', 'a@fed.example', 'publicCloud', { expiresAt: 100 }, undefined], ['just living', 'a@fed.example', 'publicCloud', { expiresAt: 101 }, 'federated'], ['ours, registered', bert, 'publicCloud', { endpointId: 'e' }, undefined],
    ['now ours', bert, 'federated', {}, 'enterprise'], ['ours', bert, 'sameEnterprise', {}, undefined], ['cloud', 'b@cloud.example', 'sameEnterprise', {}, 'publicCloud'], ['unknown', 'c@new.example', 'publicCloud', {}, 'federated'], ['unknown, right', 'c@new.example', 'federated', {}, undefined],
    ['blocked', 'd@bad.example', 'federated', {}, 'blocked'], ['blocked, named', 'd@bad.example', 'federated', { networkNamed: true }, 'blocked'], ['a sub-domain is a domain of its own', 'e@sub.bad.example', 'federated', {}, undefined], ['no user part', 'cloud.example', 'federated', {}, 'publicCloud'],
  ] as const
  for (const [localTag, subscriber, network, over] of cases) await edge(localTag, subscriber, network, [], over)
  const found = new Map((await findMisplacedDialogs(session, 'federated', 100, FROM_START, 99)).map(({ localTag, domainKind }) => [localTag, domainKind]))
  for (const [localTag, , , , expected] of cases) t.equal(found.get(localTag), expected, localTag)
})

t.test('moving writes both sides, and only those named', async (t) => {
  await transact(pool, async (tx) => { for (const user of [anna, bert]) void createUser(tx, user, user, [], 1) })
  await edge('moves', 'x@a.example', 'federated', [anna, bert])
  await edge('stays', 'x@a.example', 'federated', [anna])
  const refs = [{ subscriber: 'x@a.example', localTag: 'moves' }]
  t.same((await loadResourcesOfMany(session, refs)).map(({ localTag, publisher, categories }) => [localTag, publisher, categories]).sort(), [['moves', anna, ['note']], ['moves', bert, ['note']]])
  await transact(pool, async (tx) => { void moveToNetwork(tx, refs.map((ref) => ({ ...ref, network: 'publicCloud' })), refs.flatMap((ref) => [anna, bert].map((publisher) => ({ ...ref, publisher, network: 'publicCloud' as const })))) })
  t.same((await loadDialogs(session, 'x@a.example')).map(({ localTag, network }) => `${localTag} ${network}`).sort(), ['moves publicCloud', 'stays federated'])
  t.same((await loadSubscriptions(session, [anna, bert])).map(({ localTag, publisher, network }) => `${localTag} ${publisher} ${network}`).sort(), [`moves ${anna} publicCloud`, `moves ${bert} publicCloud`, `stays ${anna} federated`])
  await pool.query("INSERT INTO change (publisher, id, touch, trace, at) VALUES ($1, 1, '{}', 't', 1), ($1, 2, '{}', 't', 1)", [anna])
  t.same([...await findUntold(session, [anna, bert])], [anna])
})
