import t from 'tap'
import { allGranted } from '../../src/core/model/rights.ts'
import { noTouch, type Touch } from '../../src/core/model/touch.ts'
import { findAnswered, forgetAnswered, putAnswered } from '../../src/store/answered.ts'
import { appendChange, deleteChanges, deleteUnwatched, findLeftBehind, loadPending, loadRevisions, takeChanges, type PendingChange } from '../../src/store/changes.ts'
import { loadContainers, putContainer } from '../../src/store/containers.ts'
import { defer } from '../../src/store/deferred.ts'
import { deleteDomain, getDomain, listDomains, loadDomains, putDomain } from '../../src/store/domains.ts'
import { deleteEndpoints, findUsersWithExpiredEndpoints, loadEndpoints, putEndpoint } from '../../src/store/endpoints.ts'
import { deleteInstances, findPublishersWithExpiredInstances, loadInstances, loadLivingInstances, putInstances } from '../../src/store/instances.ts'
import { applyOutcome, loadUnderLock } from '../../src/store/publisher.ts'
import { insertDialog } from '../../src/store/dialogs.ts'
import { putResources } from '../../src/store/subscriptions.ts'
import { poolSession, statement, transact, type Transaction } from '../../src/store/session.ts'
import { countStock } from '../../src/store/stock.ts'
import { createUser, deleteUser, findExistingUsers, getUser, listUsers, lockPublisher, putUser } from '../../src/store/users.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { AWKWARD, anna, bert, carl, sampleDialog, sampleEndpoint, sampleInstance } from './samples.ts'
import { countChanges } from '../support/pending.ts'

const { store, reset } = await openTestStore(t)
const { pool, db } = store
const session = poolSession(pool)
t.beforeEach(reset)

const within = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => transact(pool, work)
const addUser = (user: string, name: string, properties: Readonly<Record<string, string>>, at: number): Promise<boolean> => within((tx) => putUser(tx, user, name, properties, [], at))
const touched: Touch = { categories: { note: [0, 300] }, publishedBefore: { note: [0] }, membersBefore: { 300: [{ type: 'user', value: bert }] } }

t.test('domains', async (t) => {
  t.equal(await putDomain(db, 'nordwind.example', 'enterprise', 10), true, 'new')
  t.equal(await putDomain(db, 'nordwind.example', 'blocked', 20), false, 'replaced')
  t.same(await getDomain(db, 'nordwind.example'), { domain: 'nordwind.example', kind: 'blocked', rights: allGranted, pidfForm: 'both', createdAt: 10, updatedAt: 20 })
  t.equal(await getDomain(db, 'other.example'), undefined)
  await t.rejects(putDomain(db, 'x.example', 'nonsense' as 'blocked', 1), { code: '23514' })
  for (const name of ['a', 'b', 'c']) await putDomain(db, `${name}.example`, 'federated', 30)
  t.same((await listDomains(db, 2)).map(({ domain }) => domain), ['a.example', 'b.example'])
  t.same((await listDomains(db, 9, 'b.example')).map(({ domain }) => domain), ['c.example', 'nordwind.example'])
  t.equal((await loadDomains(session)).get('nordwind.example'), 'blocked')
  t.equal(await deleteDomain(db, 'a.example'), true)
  t.equal(await deleteDomain(db, 'a.example'), false)
})

t.test('users: upsert keeps the creation, paging gives each once', async (t) => {
  const properties = { email: AWKWARD, phone: '+49 40 1' }
  t.equal(await addUser(carl, AWKWARD, properties, 10), true)
  t.same(await getUser(db, carl), { uri: carl, displayName: AWKWARD, properties, limits: {}, homePool: undefined, createdAt: 10, updatedAt: 10 })
  t.equal(await addUser(carl, 'Carl', {}, 20), false)
  t.same(await getUser(db, carl), { uri: carl, displayName: 'Carl', properties: {}, limits: {}, homePool: undefined, createdAt: 10, updatedAt: 20 })
  await within(async (tx) => { void createUser(tx, carl, 'not this', [], 30); void createUser(tx, anna, 'Anna', [], 30) })
  t.equal((await getUser(db, carl))?.displayName, 'Carl', 'createUser leaves an existing one alone')
  t.same([...await findExistingUsers(session, [anna, bert, carl])].sort(), [anna, carl])
  for (let at = 0; at < 25; at += 1) await addUser(`u${String(at).padStart(2, '0')}@page.example`, 'U', {}, 40)
  const seen: string[] = []
  for (let page = await listUsers(db, 7, undefined, 'page.example'); page.length > 0; page = await listUsers(db, 7, seen.at(-1), 'page.example')) seen.push(...page.map(({ uri }) => uri))
  t.same(seen, Array.from({ length: 25 }, (_, at) => `u${String(at).padStart(2, '0')}@page.example`))
  t.equal((await listUsers(db, 100)).length, 27)
})

t.test('deleting a user takes everything that it published', async (t) => {
  await addUser(anna, 'Anna', {}, 1)
  await within(async (tx) => {
    void putInstances(tx, anna, [sampleInstance()])
    void putContainer(tx, anna, 300, 1, [{ type: 'everyone', value: '' }], [])
    void appendChange(tx, anna, touched, 't', 1)
    void putAnswered(tx, { publisher: anna, callId: 'c', cseq: 1, fromTag: 'f' }, 't', 1)
  })
  await within(async (tx) => { void deleteUser(tx, anna) })
  for (const table of ['presence_user', 'publisher', 'category_instance', 'container', 'container_member', 'answered']) t.equal((await pool.query(`SELECT 1 FROM ${table}`)).rowCount, 0, table)
})

t.test('instances: all fields, the largest numbers, awkward texts', async (t) => {
  const full = sampleInstance({ category: AWKWARD, container: 32_767, instance: 4_294_967_295, instanceVersion: 4_294_967_296, expireType: 'time', expiresAt: 1_900_000_000_123, payload: AWKWARD })
  const bound = sampleInstance({ instance: 0, expireType: 'endpoint', endpointId: '0B1F7A52-33C4-5A7E-9D11-2E6B8C9F0A01', payload: '' })
  await within((tx) => putInstances(tx, carl, [full, bound]))
  t.same(await loadInstances(session, carl, [AWKWARD]), [full])
  t.same(await loadInstances(session, carl, ['note']), [bound])
  t.equal((await loadInstances(session, carl, 'all')).length, 2)
  t.same(await loadInstances(session, carl, []), [])
  t.same(await loadInstances(session, anna, 'all'), [])
  const replaced = { ...full, instanceVersion: 4_294_967_297, expireType: 'static' as const, expiresAt: undefined, payload: '', publishTime: 1 }
  await within((tx) => putInstances(tx, carl, [replaced]))
  t.same(await loadInstances(session, carl, [AWKWARD]), [replaced], 'an upsert replaces every field')
  await within((tx) => deleteInstances(tx, carl, [{ category: 'note', container: 0, instance: 1 }, replaced]))
  t.same(await loadInstances(session, carl, 'all'), [bound], 'only what is named exactly goes')
})

t.test('living instances end at their time, to the millisecond', async (t) => {
  const at = (expiresAt: number, instance: number) => sampleInstance({ expireType: 'time', expiresAt, instance })
  await within(async (tx) => { void putInstances(tx, anna, [at(999, 1), at(1_000, 2), at(1_001, 3), sampleInstance({ instance: 4 })]); void putInstances(tx, bert, [at(1_001, 1), sampleInstance({ category: 'state' })]) })
  const living = await loadLivingInstances(session, [anna, bert, carl], 'all', 1_000)
  t.same(living.get(anna)?.map(({ instance }) => instance).sort(), [3, 4])
  t.equal(living.get(bert)?.length, 2)
  t.equal(living.has(carl), false)
  t.same([...(await loadLivingInstances(session, [bert], ['state'], 1_000)).values()].flat().map(({ category }) => category), ['state'])
  t.same([...await findPublishersWithExpiredInstances(session, 1_000, 9)], [anna])
  t.same([...await findPublishersWithExpiredInstances(session, 1_001, 9)].sort(), [anna, bert])
  t.equal((await findPublishersWithExpiredInstances(session, 1_001, 1)).length, 1)
})

t.test('containers keep members in the order in which they were added', async (t) => {
  const members = [{ type: 'user', value: bert }, { type: 'domain', value: 'z.example' }, { type: 'domain', value: 'a.example' }, { type: 'everyone', value: '' }] as const
  await within(async (tx) => { void putContainer(tx, anna, 300, 1, members.slice(1, 3), []); void putContainer(tx, anna, 100, 1, [members[3]], []) })
  await within(async (tx) => { void putContainer(tx, anna, 300, 2, [members[0], members[1]], []) })
  t.same((await loadContainers(session, [anna, bert])).get(anna), [{ id: 100, membersVersion: 1, members: [members[3]] }, { id: 300, membersVersion: 2, members: [members[1], members[2], members[0]] }], 'one that is there stays where it is')
  await within(async (tx) => { void putContainer(tx, anna, 300, 3, [], [members[1], members[2], members[0], members[3]]) })
  t.same((await loadContainers(session, [anna])).get(anna)?.[1], { id: 300, membersVersion: 3, members: [] }, 'an empty one keeps its version')
  t.same((await loadContainers(session, [anna])).get(anna)?.[0]?.members.length, 1)
})

t.test('a container may be changed as often as its version counts', async (t) => {
  for (const version of [21_474, 21_475, 4_294_967_295]) {
    await t.resolves(within(async (tx) => { void putContainer(tx, anna, 300, version, [{ type: 'domain', value: `v${version}.example` }], []) }), `version ${version}`)
  }
  t.same((await loadContainers(session, [anna])).get(anna)?.[0]?.members.map(({ value }) => value), ['v21474.example', 'v21475.example', 'v4294967295.example'])
})

t.test('endpoints: all fields, upsert keeps the registration time', async (t) => {
  const endpoint = sampleEndpoint({ flow: AWKWARD })
  const bare = sampleEndpoint({ endpointId: 'ffffffff-33c4-5a7e-9d11-2e6b8c9f0a01', epid: undefined })
  await within(async (tx) => { void putEndpoint(tx, anna, bare); void putEndpoint(tx, anna, endpoint) })
  t.same(await loadEndpoints(session, anna), [endpoint, bare])
  const renewed = { ...endpoint, epid: undefined, instanceId: 'x', proxy: 'kam2', flow: 'f2', contact: 'sip:new', callId: 'reg-2', cseq: 9, registeredAt: 5, expiresAt: 7 }
  await within(async (tx) => { void putEndpoint(tx, anna, renewed) })
  t.same((await loadEndpoints(session, anna))[0], { ...renewed, registeredAt: endpoint.registeredAt })
  t.same([...await findUsersWithExpiredEndpoints(session, 6, 9)], [])
  t.same([...await findUsersWithExpiredEndpoints(session, 7, 9)], [anna])
  await within((tx) => deleteEndpoints(tx, anna, [endpoint.endpointId]))
  t.same(await loadEndpoints(session, anna), [bare])
})

t.test('endpoints of phones that publish: the tag is kept with each, they have no dialogs that could move, and go like all others', async (t) => {
  const phone = sampleEndpoint({ epid: undefined, proxy: '', flow: '', contact: 'event-state:x', callId: '', cseq: 0, entityTag: 'abc' })
  await within(async (tx) => { void putEndpoint(tx, anna, phone) })
  await within((tx) => insertDialog(tx, sampleDialog()))
  await within(async (tx) => { void putEndpoint(tx, anna, { ...phone, entityTag: 'def', expiresAt: 9 }) })
  t.same(await loadEndpoints(session, anna), [{ ...phone, entityTag: 'def', expiresAt: 9 }])
  t.match((await pool.query('SELECT proxy, flow FROM dialog')).rows, [{ proxy: 'kam1', flow: 'flow;1' }])
  t.same([...await findUsersWithExpiredEndpoints(session, 9, 9)], [anna])
  await within((tx) => deleteEndpoints(tx, anna, [phone.endpointId]))
  t.same(await loadEndpoints(session, anna), [])
})

t.test('answers are found by all that makes a request the same, and forgotten by age', async (t) => {
  const key = { publisher: anna, callId: AWKWARD, cseq: 2_147_483_647, fromTag: 'f' }
  const reply = AWKWARD
  await within((tx) => putAnswered(tx, key, reply, 100))
  t.same(await findAnswered(session, key), reply)
  for (const other of [{ publisher: bert }, { callId: 'x' }, { cseq: 1 }, { fromTag: 'F' }]) t.equal(await findAnswered(session, { ...key, ...other }), undefined, JSON.stringify(other))
  await t.rejects(within((tx) => putAnswered(tx, key, reply, 100)), { code: '23505' })
  await forgetAnswered(session, 100)
  t.same(await findAnswered(session, key), reply)
  await forgetAnswered(session, 101)
  t.equal(await findAnswered(session, key), undefined)
})

const claimAll = (): Promise<readonly PendingChange[]> => loadPending(session, [anna, bert, carl])

/** Changes get their ids from the revision, which every transaction on a publisher moves. */
const append = async (tx: Transaction, user: string, touch: Touch, trace: string, now: number): Promise<void> => {
  void tx.send(statement('test-revise', 'UPDATE publisher SET revision = revision + 1 WHERE publisher = $1'), [user])
  await appendChange(tx, user, touch, trace, now)
}

t.test('changes: ids rise within a publisher whatever the clock says', async (t) => {
  for (const user of [anna, bert]) await addUser(user, user, {}, 1)
  for (const now of [1_000, 1_000, 999, 1, 2_000, 1_999]) await within((tx) => append(tx, anna, { ...touched, categories: { [`c${now}`]: [0] } }, `t${now}`, now))
  await within((tx) => append(tx, bert, noTouch, AWKWARD, 5))
  const changes = await claimAll()
  t.same(changes.map(({ publisher, trace }) => [publisher, trace]), [...['t1000', 't1000', 't999', 't1', 't2000', 't1999'].map((trace) => [anna, trace]), [bert, AWKWARD]])
  const ids = changes.filter(({ publisher }) => publisher === anna).map(({ id }) => id)
  t.same(ids, [2, 3, 4, 5, 6, 7])
  t.same(changes[0], { publisher: anna, id: 2, touch: { ...touched, categories: { c1000: [0] } }, trace: 't1000', at: 1_000 })
  t.same(await countChanges(session), { pending: 7, oldest: 1 })
  t.same([...await findLeftBehind(session, 4, 9)], [anna])
  t.same([...await findLeftBehind(session, 5, 9)].sort(), [anna, bert])
  await takeChanges(session, changes.filter(({ publisher }) => publisher === bert), 8)
  t.same([[...await findLeftBehind(session, 7, 9)], [...await findLeftBehind(session, 8, 9)].sort()], [[anna], [anna, bert]], 'what somebody is telling is left to it for a while')
  await within((tx) => deleteChanges(tx, changes.slice(0, 2)))
  t.same((await claimAll()).map(({ id }) => id), [...ids.slice(2), 2])
  await within(async (tx) => deleteChanges(tx, await loadPending(tx, [anna, bert])))
  t.same(await countChanges(session), { pending: 0, oldest: undefined })
})

t.test('changes of those whom nobody watches are forgotten at once', async (t) => {
  for (const user of [anna, bert, carl]) {
    await addUser(user, user, {}, 1)
    await within((tx) => append(tx, user, touched, 't', 7))
  }
  await within(async (tx) => {
    void insertDialog(tx, sampleDialog({ subscriber: bert, kind: 'self' }))
    void insertDialog(tx, sampleDialog({ subscriber: 'dora@nordwind.example' }))
    void putResources(tx, { subscriber: 'dora@nordwind.example', localTag: 'local' }, 'sameEnterprise', [{ publisher: carl, categories: ['note'] }], 0)
  })
  t.same(await deleteUnwatched(session, [anna, bert, carl, 'nobody@nordwind.example']), [{ publisher: anna, at: 7 }], 'a self subscription counts, and so does a watcher')
  t.same((await claimAll()).map(({ publisher }) => publisher), [bert, carl])
  t.same([...await loadRevisions(session, [anna, bert, 'nobody@nordwind.example'])].sort(), [[anna, 2], [bert, 2]])
})

t.test('reads behind a lock see what the lock waited for', { skip: needsServer }, async (t) => {
  await addUser(anna, 'Anna', {}, 1)
  let locked = (): void => undefined
  const isLocked = new Promise<void>((resolve) => { locked = resolve })
  const first = within(async (tx) => {
    await lockPublisher(tx, anna)
    locked()
    await new Promise((resolve) => setTimeout(resolve, 150))
    await applyOutcome(tx, anna, { changes: [{ kind: 'putInstance', instance: sampleInstance() }, { kind: 'putContainer', id: 300, membersVersion: 1, added: [], removed: [] }, { kind: 'putEndpoint', endpoint: sampleEndpoint() }], touch: touched }, 't', 1)
  })
  await isLocked
  const state = await within((tx) => loadUnderLock(tx, anna, { instances: 'all', containers: true, endpoints: true }))
  await first
  t.same([state?.instances.length, state?.containers.length, state?.endpoints.length], [1, 1, 1])
  t.equal(await within((tx) => loadUnderLock(tx, bert, {})), undefined, 'no such user')
  t.equal((await countChanges(session)).pending, 1)
})

t.test('stock: what waits and what is past its time, debts proxy by proxy', async (t) => {
  const nothing = { pendingChanges: { count: 0, oldestMs: 0 }, debts: [], expired: { category_instance: 0, endpoint: 0, dialog: 0 } }
  t.strictSame(await countStock(session, 10_000), nothing)
  for (const user of [anna, bert]) await addUser(user, user, {}, 1)
  for (const [user, at] of [[anna, 7_000], [bert, 6_500], [anna, 12_000]] as const) await within((tx) => append(tx, user, touched, 't', at))
  const instances = [undefined, 9_999, 10_000, 10_001].map((expiresAt, instance) => sampleInstance({ instance, expiresAt }))
  await within(async (tx) => {
    void putInstances(tx, anna, instances)
    void putEndpoint(tx, anna, sampleEndpoint({ expiresAt: 10_000 }))
    for (const [localTag, expiresAt, proxy] of [['a', 9_000, 'kam1'], ['b', 11_000, 'kam2'], ['c', 12_000, 'kam1']] as const) void insertDialog(tx, sampleDialog({ localTag, expiresAt, proxy, remoteTag: localTag }))
    const owed = ([['a', anna, 9_400], ['c', anna, 9_900], ['c', bert, 99_000], ['b', bert, 30_000]] as const).map(([localTag, publisher, dueAt]) => ({ subscriber: anna, localTag, publisher, attempts: 0, dueAt }))
    void defer(tx, owed, 'proxy is away')
  })
  t.strictSame(await countStock(session, 10_000), {
    pendingChanges: { count: 3, oldestMs: 3_500 }, expired: { category_instance: 2, endpoint: 1, dialog: 1 },
    debts: [{ proxy: 'kam1', count: 3, overdueMs: 600 }, { proxy: 'kam2', count: 1, overdueMs: 0 }],
  })
})
