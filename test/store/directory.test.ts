import t from 'tap'
import { loadDirectoryEntry, loadDirectoryPage } from '../../src/store/directory.ts'
import { putInstances } from '../../src/store/instances.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { forgetRound, loadRound, moveRound, startRound } from '../../src/store/user-rounds.ts'
import { createUser, putUser } from '../../src/store/users.ts'
import { openTestStore } from '../support/database.ts'
import { AWKWARD, anna, bert, carl, sampleInstance } from './samples.ts'

const { store, reset } = await openTestStore(t)
const { pool } = store
const session = poolSession(pool)
t.beforeEach(reset)

const add = (user: string, name: string, properties: Readonly<Record<string, string>> = {}): Promise<boolean> => transact(pool, (tx) => putUser(tx, user, name, properties, [], 1))

t.test('createUser says whether the user is new', async (t) => {
  const create = (): Promise<readonly unknown[]> => transact(pool, (tx) => createUser(tx, anna, 'Anna', [], 1))
  t.strictSame(await create(), [{ user_uri: anna }])
  t.strictSame(await create(), [])
})

t.test('what the directory knows of a user', async (t) => {
  await add(anna, AWKWARD, { email: AWKWARD, displayName: 'not this one' })
  t.strictSame(await loadDirectoryEntry(session, anna), { email: AWKWARD, displayName: AWKWARD })
  t.equal(await loadDirectoryEntry(session, bert), undefined)
})

t.test('pages of the users served here, each with the instances asked for', async (t) => {
  for (const [user, name] of [[bert, 'Bert'], [anna, 'Anna'], [carl, 'Carl']] as const) await add(user, name)
  await pool.query("INSERT INTO presence_user (user_uri, domain, display_name, created_at, updated_at, home_pool) VALUES ('away@nordwind.example', 'nordwind.example', 'Away', 1, 1, 'pool2')")
  const card = sampleInstance({ category: 'contactCard', instance: 0, instanceVersion: 2 ** 33, payload: AWKWARD })
  const timed = sampleInstance({ category: 'mwi', instance: 0, expireType: 'time', expiresAt: 1_900_000_000_001 })
  await transact(pool, (tx) => putInstances(tx, anna, [card, timed, { ...card, instance: 1 }, sampleInstance({ instance: 0 })]))
  const page = (after: string, limit: number) => loadDirectoryPage(session, after, limit, ['contactCard', 'mwi'], 0)
  const [first, ...others] = await page('', 10)
  t.strictSame([first?.user, first?.entry, [...first?.instances ?? []].sort((a, b) => (a.category < b.category ? -1 : 1))], [anna, { displayName: 'Anna' }, [card, timed]])
  t.strictSame(others.map(({ user, instances }) => [user, instances]), [[bert, []], [carl, []]])
  t.strictSame((await page('', 2)).map(({ user }) => user), [anna, bert])
  t.strictSame((await page(bert, 2)).map(({ user }) => user), [carl])
  t.strictSame(await page(carl, 2), [])
})

t.test('a round is started once, moved by whoever did the page, and over at its end', async (t) => {
  const load = () => loadRound(session, 'a')
  t.equal(await load(), undefined)
  await Promise.all([startRound(session, 'a', undefined, 10), startRound(session, 'a', undefined, 10)])
  await startRound(session, 'a', undefined, 11)
  t.strictSame(await load(), { startedAt: 10, position: '' }, 'another that found none does not start it again')
  t.equal(await moveRound(session, 'a', { startedAt: 10, position: '' }, anna), true)
  t.equal(await moveRound(session, 'a', { startedAt: 10, position: '' }, anna), false, 'the page was done already')
  t.equal(await moveRound(session, 'a', { startedAt: 9, position: anna }, bert), false, 'of another round')
  t.equal(await moveRound(session, 'b', { startedAt: 10, position: anna }, bert), false, 'of another timer')
  await startRound(session, 'a', { startedAt: 10, position: undefined }, 20)
  t.strictSame(await load(), { startedAt: 10, position: anna }, 'one that is under way is not started again')
  t.equal(await moveRound(session, 'a', { startedAt: 10, position: anna }, undefined), true)
  t.strictSame(await load(), { startedAt: 10, position: undefined })
  await startRound(session, 'a', { startedAt: 9, position: undefined }, 20)
  t.strictSame(await load(), { startedAt: 10, position: undefined }, 'by one who looked too early')
  await startRound(session, 'a', { startedAt: 10, position: undefined }, 20)
  t.strictSame(await load(), { startedAt: 20, position: '' })
  await startRound(session, 'b', undefined, 5)
  await forgetRound(session, 'a')
  t.strictSame([await load(), await loadRound(session, 'b')], [undefined, { startedAt: 5, position: '' }])
})
