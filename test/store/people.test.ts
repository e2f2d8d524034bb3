import t from 'tap'
import { newContactList, type ContactChange, type ContactDelta } from '../../src/core/model/contact.ts'
import { noTouch } from '../../src/core/model/touch.ts'
import { loadContactList, putContactDeltas } from '../../src/store/contacts.ts'
import { loadDelegates, putDelegates } from '../../src/store/delegates.ts'
import { insertDialog, loadDialogs, loadSelfDialogs, refreshDialog } from '../../src/store/dialogs.ts'
import { findHomePools, findWatchedByTooMany, loadUserLimits } from '../../src/store/limits.ts'
import { applyContacts, applyOutcome, loadUnderLock, lockForContacts, withOwnLists } from '../../src/store/publisher.ts'
import { takeNumbers } from '../../src/store/numbering.ts'
import { poolSession, transact, type Transaction } from '../../src/store/session.ts'
import { deleteSubscriberEntries, findListing, loadSubscriberEntries, putSubscriberEntry } from '../../src/store/subscriber-entries.ts'
import { putResources } from '../../src/store/subscriptions.ts'
import { createUser, deleteUser, findExistingUsers, loadDisplayName } from '../../src/store/users.ts'
import { openTestStore } from '../support/database.ts'
import { AWKWARD, anna, bert, carl, sampleDialog, SENDER } from './samples.ts'
import { countChanges } from '../support/pending.ts'

/** Subscriber lists, delegates, contact lists, and the bounds of single users. */

const { store, reset } = await openTestStore(t)
const session = poolSession(store.pool)
t.beforeEach(reset)

const within = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => transact(store.pool, work)
const addUsers = (...users: readonly string[]): Promise<void> => within(async (tx) => { for (const user of users) void createUser(tx, user, `name of ${user}`, [], 1) })

const entry = { user: bert, displayName: AWKWARD, network: 'federated', acknowledged: false, context: AWKWARD, kept: false } as const

t.test('subscriber entries: all fields, an empty context is not none, an entry is replaced as a whole', async (t) => {
  const bare = { ...entry, user: carl, network: 'unknown', context: undefined, acknowledged: true, kept: true } as const
  await within(async (tx) => { void putSubscriberEntry(tx, anna, bare); void putSubscriberEntry(tx, anna, entry); void putSubscriberEntry(tx, bert, { ...entry, user: carl, context: '' }) })
  t.strictSame(await loadSubscriberEntries(session, anna), [entry, bare], 'by user')
  t.equal((await loadSubscriberEntries(session, bert))[0]?.context, '')
  t.strictSame([...await findListing(session, [anna, bert, carl], carl)].sort(), [anna, bert])
  t.strictSame([...await findListing(session, [bert], bert)], [])
  await within((tx) => putSubscriberEntry(tx, anna, { ...bare, user: bert, displayName: '' }))
  t.strictSame((await loadSubscriberEntries(session, anna))[0], { ...bare, user: bert, displayName: '' })
  await t.rejects(within((tx) => putSubscriberEntry(tx, anna, { ...entry, network: 'moon' as 'federated' })), { code: '23514' })
  await within((tx) => deleteSubscriberEntries(tx, anna, [bert, 'nobody']))
  t.strictSame([(await loadSubscriberEntries(session, anna)).map(({ user }) => user), (await loadSubscriberEntries(session, bert)).length], [[carl], 1])
})

t.test('delegates: the version outlives the last one; what is not named stays', async (t) => {
  t.strictSame(await loadDelegates(session, anna), { version: 0, members: [] })
  const [one, two] = [{ user: carl, publish: true, redelegate: false }, { user: bert, publish: false, redelegate: true }]
  await within(async (tx) => { void putDelegates(tx, anna, 1, [one, two], []); void putDelegates(tx, bert, 9, [one], []) })
  t.strictSame(await loadDelegates(session, anna), { version: 1, members: [two, one] })
  const changed = { user: bert, publish: true, redelegate: true }
  await within(async (tx) => { void putDelegates(tx, anna, 4_294_967_296, [changed], [carl, 'nobody']) })
  t.strictSame(await loadDelegates(session, anna), { version: 4_294_967_296, members: [changed] })
  await within(async (tx) => { void putDelegates(tx, anna, 3, [], [bert]) })
  t.strictSame([await loadDelegates(session, anna), (await loadDelegates(session, bert)).members], [{ version: 3, members: [] }, [one]])
})

t.test('an outcome writes both lists under the publisher\'s lock, with a change to tell; the lock reads only what is asked for', async (t) => {
  await addUsers(anna)
  const changes = [{ kind: 'putSubscriber', entry }, { kind: 'putSubscriber', entry: { ...entry, user: carl } }, { kind: 'deleteSubscriber', user: carl }, { kind: 'putDelegates', version: 1, put: [{ user: bert, publish: true, redelegate: false }], removed: [] }] as const
  await within((tx) => applyOutcome(tx, anna, { changes, touch: { ...noTouch, subscribers: true, delegates: true } }, 't', 1))
  const all = await within((tx) => loadUnderLock(tx, anna, { subscribers: true, delegates: true }))
  t.strictSame([all?.subscribers, all?.delegates.version, all?.delegates.members.length], [[entry], 1, 1])
  const none = await within((tx) => loadUnderLock(tx, anna, {}))
  t.strictSame([none?.subscribers, none?.delegates], [[], { version: 0, members: [] }])
  t.ok((none?.revision ?? 0) > 1, 'decisions without the lock are void')
  const own = await withOwnLists(session, anna, { ...none, publisher: anna, instances: [], containers: [], endpoints: [], subscribers: [], delegates: { version: 0, members: [] } })
  t.strictSame([own.subscribers.length, own.delegates.version], [1, 1])
  t.equal((await countChanges(session)).pending, 1)
})

const deltas = (from: number, ...changes: readonly ContactChange[]): readonly ContactDelta[] => changes.map((change, at) => ({ prevDeltaNum: from + at, deltaNum: from + at + 1, change }))
const contact = (user: string, more: object = {}) => ({ user, displayName: AWKWARD, groups: [1, 2], subscribed: false, externalUri: AWKWARD, extension: AWKWARD, ...more })

t.test('contact lists: nothing is stored before the first change, and then the default group with it', async (t) => {
  t.strictSame(await loadContactList(session, anna), newContactList)
  await within(async (tx) => { void putContactDeltas(tx, anna, []) })
  t.equal((await store.pool.query('SELECT 1 FROM contact_group')).rowCount, 0)
  const group = { id: 2, name: AWKWARD, externalUri: AWKWARD }
  await within(async (tx) => { void putContactDeltas(tx, anna, deltas(1, { kind: 'addedGroup', group }, { kind: 'addedContact', contact: contact(carl) }, { kind: 'addedContact', contact: contact(bert, { groups: [2], displayName: '', subscribed: true, externalUri: '', extension: '' }) })) })
  t.strictSame(await loadContactList(session, anna), { deltaNum: 4, groups: [...newContactList.groups, group], contacts: [contact(bert, { groups: [2], displayName: '', subscribed: true, externalUri: '', extension: '' }), contact(carl)] })
  t.strictSame(await loadContactList(session, bert), newContactList)
  const renamed = { id: 1, name: 'Mine', externalUri: '' }
  await within(async (tx) => { void putContactDeltas(tx, anna, deltas(4, { kind: 'modifiedGroup', group: renamed }, { kind: 'modifiedContact', contact: contact(carl, { groups: [1] }) }, { kind: 'deletedGroup', id: 2 }, { kind: 'deletedContact', user: bert })) })
  t.strictSame(await loadContactList(session, anna), { deltaNum: 8, groups: [renamed], contacts: [contact(carl, { groups: [1] })] }, 'the default group is begun once only')
})

t.test('contact lists: changes are written in their order, under the lock of the user', async (t) => {
  await addUsers(anna)
  t.strictSame([await within((tx) => lockForContacts(tx, anna)), await within((tx) => lockForContacts(tx, bert))], [true, false])
  const again = deltas(1, { kind: 'addedContact', contact: contact(bert) }, { kind: 'deletedContact', user: bert }, { kind: 'addedContact', contact: contact(bert, { groups: [1] }) })
  await within(async (tx) => { applyContacts(tx, anna, again, 't', 5) })
  t.strictSame(await loadContactList(session, anna), { deltaNum: 4, groups: newContactList.groups, contacts: [contact(bert, { groups: [1] })] })
  const { rows: [change] } = await store.pool.query<{ id: number; touch: string }>('SELECT id, touch FROM change')
  t.strictSame([JSON.parse(change?.touch ?? '{}'), change?.id], [{ ...noTouch, contacts: again }, 2], 'the change carries the deltas, and the new revision')
  await within(async (tx) => { applyContacts(tx, anna, [], 't', 5) })
  t.equal((await countChanges(session)).pending, 1, 'nothing is nothing')
})

t.test('what a deleted user leaves: nothing of its own, its name on the lists of others', async (t) => {
  await addUsers(anna, bert)
  await within(async (tx) => {
    for (const [owner, other] of [[anna, bert], [bert, anna]] as const) {
      void putSubscriberEntry(tx, owner, { ...entry, user: other })
      void putDelegates(tx, owner, 1, [{ user: other, publish: false, redelegate: false }], [])
      void putContactDeltas(tx, owner, deltas(1, { kind: 'addedContact', contact: contact(other) }))
    }
  })
  await within(async (tx) => { void deleteUser(tx, anna) })
  t.strictSame([await loadSubscriberEntries(session, anna), await loadDelegates(session, anna), await loadContactList(session, anna)], [[], { version: 0, members: [] }, newContactList])
  for (const [table, column] of [['subscriber_entry', 'publisher'], ['delegate', 'publisher'], ['delegate_list', 'publisher'], ['contact', 'user_uri'], ['contact_group', 'user_uri'], ['contact_list', 'user_uri']] as const) {
    t.strictSame((await store.pool.query<{ owner: string }>(`SELECT ${column} AS owner FROM ${table}`)).rows.map(({ owner }) => owner), [bert], table)
  }
})

t.test('limits of a user, and who is watched by too many', async (t) => {
  await addUsers(anna, bert)
  t.strictSame([await loadUserLimits(session, anna), await loadUserLimits(session, carl)], [{}, {}])
  await store.pool.query('UPDATE presence_user SET limits = $2 WHERE user_uri = $1', [anna, JSON.stringify({ maxContacts: 3, maxIncoming: 1 })])
  t.strictSame([await loadUserLimits(session, anna), await loadUserLimits(session, bert)], [{ maxContacts: 3, maxIncoming: 1 }, {}])
  await within(async (tx) => {
    for (const [subscriber, localTag] of [[carl, 'one'], [carl, 'two'], [bert, 'three']] as const) void putResources(tx, { subscriber, localTag }, 'federated', [{ publisher: bert, categories: ['note'] }, ...(localTag === 'one' ? [{ publisher: anna, categories: ['note'] }] : [])], 0)
  })
  const tooMany = (subscriber: string, max: number): Promise<readonly string[]> => findWatchedByTooMany(session, [anna, bert, carl], subscriber, max)
  t.strictSame([await tooMany('dora@x.example', 4), await tooMany('dora@x.example', 3), await tooMany('dora@x.example', 0)], [[anna], [anna, bert], [anna, bert]], 'its own limit goes before that of all')
  t.strictSame([await tooMany(carl, 2), await tooMany(carl, 1)], [[], [bert]], 'what it watches already takes no more room')
  t.equal(await loadDisplayName(session, bert), `name of ${bert}`)
  t.equal(await loadDisplayName(session, carl), undefined)
})

t.test('who is homed elsewhere is no publisher here', async (t) => {
  await store.pool.query(`INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at, home_pool) VALUES ($1, 'x', 'Carl', '{}'::jsonb, 1, 1, $2)`, [carl, AWKWARD])
  await addUsers(anna, carl)
  t.strictSame([...await findExistingUsers(session, [anna, carl])], [anna], 'not even after its first registration')
  t.strictSame([...await findHomePools(session, [anna, bert, carl])], [[carl, AWKWARD]])
  t.equal(await loadDisplayName(session, carl), 'Carl')
})

t.test('autoextend: numbering moves the end of a dialog, seldom, and never below what it is told', async (t) => {
  const now = 1_900_000_000_000
  const insert = sampleDialog({ localTag: 'grows', extendMs: 80_000, expiresAt: now + 80_000 })
  await within(async (tx) => { void insertDialog(tx, insert); void insertDialog(tx, sampleDialog({ localTag: 'counts', expiresAt: now + 80_000 })); void insertDialog(tx, sampleDialog({ localTag: 'over', extendMs: 80_000, expiresAt: now + 1_000 })) })
  t.equal((await loadDialogs(session, anna)).find(({ localTag }) => localTag === 'grows')?.extendMs, 80_000)
  const after = async (ms: number): Promise<object> => Object.fromEntries((await within((tx) => takeNumbers(tx, ['grows', 'counts', 'over'].map((localTag) => ({ subscriber: anna, localTag, count: 1, trace: 'x' })), SENDER, now + ms))).map(({ localTag, expiresAt }) => [localTag, expiresAt - now]).sort())
  t.strictSame(await after(0), { counts: 80_000, grows: 80_000, over: 90_000 })
  t.strictSame(await after(1), { counts: 80_000, grows: 90_001, over: 90_000 })
  t.strictSame(await after(10_000), { counts: 80_000, grows: 90_001, over: 90_000 }, 'it still lives as long as it is told')
  t.strictSame(await after(10_002), { counts: 80_000, grows: 100_002, over: 100_002 })
  t.strictSame(await after(95_000), { grows: 185_000, over: 185_000 })
  t.strictSame(await after(185_000), {}, 'what is over stays over')
  await within((tx) => refreshDialog(tx, { ...insert, extendMs: 0, expiresAt: now + 1 }))
  t.match((await loadDialogs(session, anna)).find(({ localTag }) => localTag === 'grows'), { extendMs: 0, expiresAt: now + 1 })
})

t.test('contact lists are watched by dialogs of their own kind, loaded beside self dialogs', async (t) => {
  await within(async (tx) => { for (const kind of ['self', 'contacts', 'single'] as const) void insertDialog(tx, sampleDialog({ localTag: kind, kind, expiresAt: 101 })) })
  t.strictSame((await loadSelfDialogs(session, [anna], 100)).map(({ kind }) => kind).sort(), ['contacts', 'self'])
  t.strictSame(await loadSelfDialogs(session, [anna], 101), [])
})
