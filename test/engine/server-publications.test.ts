import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import t from 'tap'
import type { AggregationPlan } from '../../src/core/aggregation/plan.ts'
import { builtInRegistry, type CategoryRegistry } from '../../src/core/categories/registry.ts'
import { compareDirectory, directoryCategories } from '../../src/core/publications/directory-publications.ts'
import type { EngineDeps } from '../../src/engine/deps.ts'
import { forgetDirectoryRound, publishDirectories } from '../../src/engine/directory-publish.ts'
import { UserHasData } from '../../src/engine/put-user.ts'
import type { RegistrationAnswer } from '../../src/engine/registration.ts'
import { removeUser } from '../../src/engine/remove-user.ts'
import { removeForUser } from '../../src/engine/server-publish.ts'
import { loadDirectoryPage } from '../../src/store/directory.ts'
import { poolSession, statement, transact } from '../../src/store/session.ts'
import { loadRound } from '../../src/store/user-rounds.ts'
import { lockPublisher } from '../../src/store/users.ts'
import { notes } from '../support/bodies.ts'
import { needsServer } from '../support/database.ts'
import { deskId, device } from '../core/aggregation-kit.ts'
import { openWorld, people, SERVER_PUBLICATION_MS } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, gerd } = people
const HANNA = 'hanna@nordwind.example'

const registryOf = (registry: CategoryRegistry): EngineDeps['categories'] => ({ registry: async () => registry, forget: () => undefined })
const on = { serverPublications: true, categories: registryOf(builtInRegistry) } as const
const within = (seconds: number): Promise<void> => { world.advance(seconds); return world.timers() }
const PERIOD_S = SERVER_PUBLICATION_MS / 1000

const CARD_CONTAINERS = [0, 100, 200, 300, 400, 32000]
/** What a self subscriber reads of a user whose publications all have these versions. */
const told = (card: string, properties: string, versions: readonly [card: number, properties: number] = [1, 1]): readonly string[] => [
  ...CARD_CONTAINERS.map((container) => `contactCard#0 in ${container} v${versions[0]} static "${card}"`), 'legacyInterop#0 in 32000 v1 static ""', `userProperties#0 in 1 v${versions[1]} static "${properties}"`,
].sort()
const says = (lines: readonly (readonly string[])[]): readonly string[] => lines.flat().sort()
const stored = async (user: string): Promise<readonly string[]> =>
  (await world.store.pool.query<{ text: string }>("SELECT category || ' ' || container || ' v' || instance_version AS text FROM category_instance WHERE publisher = $1 ORDER BY category, container, instance", [user])).rows.map(({ text }) => text)
const outcomeOf = ({ action, touched }: RegistrationAnswer): readonly unknown[] => [action, touched]
const all = (version: number): readonly string[] => [...CARD_CONTAINERS.map((container) => `contactCard ${container} v${version}`), 'legacyInterop 32000 v1', 'userProperties 1 v1']

t.test('3.2.6.2: a user is published with its creation, and each change with itself; self subscribers and watchers hear', async (t) => {
  await world.reset(on)
  t.equal(await world.sets(HANNA, { displayName: 'Hanna', email: 'hanna@nordwind.example' }), true)
  const [client, watcher] = [world.client(HANNA), world.client(boris)]
  await client.registers()
  await watcher.registers()
  t.strictSame(says([(await client.subscribesSelf(['categories'])).answer.says]), told('Hannahanna@nordwind.example', 'None'))
  t.strictSame((await watcher.subscribes([HANNA], ['contactCard'])).answer.says, ['contactCard#0 "Hannahanna@nordwind.example"'], 'the default container has it')
  t.equal(await world.sets(HANNA, { displayName: 'Hanna', email: 'h@nordwind.example', phone: '+49 431 17' }), false)
  t.strictSame(watcher.learns(), [['contactCard#0 "Hannah@nordwind.example"']])
  t.strictSame(says(client.learns()), told('Hannah@nordwind.example', 'tel:+4943117Uc', [2, 2]).filter((line) => !line.startsWith('legacyInterop')))
  await world.sets(HANNA, { displayName: 'Hanna', phone: '+49 431 17' })
  t.strictSame(watcher.learns(), [['contactCard#0 "Hanna"']], 'what the user no longer has is gone')
  t.equal(client.learns().flat().length, 6, 'in all containers, and nothing else changed')
  await world.sets(HANNA, { displayName: 'Hanna', phone: '+49 431 17', title: 'Captain' })
  t.strictSame([watcher.hears(), client.hears()], [[], []], 'what is published nowhere is told nobody')
  t.equal(await world.count('change'), 0)
})

t.test('a user that says the same again leaves nothing behind', async (t) => {
  await world.reset(on)
  const before = await world.dump()
  await world.sets(anna, { displayName: 'anna' })
  t.strictSame(await world.dump(), before)
})

t.test('what a user publishes itself stays, and may share the category', async (t) => {
  await world.reset(on)
  const client = world.client(anna)
  await client.registers()
  t.equal((await client.publishes([...notes('mine', [200]), { category: 'contactCard', container: 200, instance: 1, data: '<contactCard xmlns="http://schemas.microsoft.com/2006/09/sip/contactcard"/>' }])).status, 200)
  await world.sets(anna, { displayName: 'Anna P.' })
  t.strictSame((await stored(anna)).filter((line) => / 200 /.test(line)), ['contactCard 200 v2', 'contactCard 200 v1', 'note 200 v1'])
})

t.test('3.2.6.2: userProperties is closed to clients in container 1 and open elsewhere', async (t) => {
  await world.reset(on)
  const client = world.client(anna)
  await client.registers()
  const data = '<userProperties xmlns="http://schemas.microsoft.com/2006/09/sip/categories"/>'
  t.equal((await client.publishes([{ category: 'userProperties', container: 1, version: 1, data }])).status, 403)
  t.equal((await client.publishes([{ category: 'userProperties', container: 2, data }])).status, 200)
  await within(PERIOD_S)
  t.strictSame((await stored(anna)).filter((line) => line.startsWith('userProperties')), ['userProperties 1 v1', 'userProperties 2 v1'], 'and theirs is theirs')
})

t.test('the first registration publishes the user that it makes, once', async (t) => {
  await world.reset({ ...on, createUsersOnRegister: true })
  const client = world.client(HANNA)
  t.strictSame(outcomeOf(await client.registers()), ['added', [HANNA]])
  t.strictSame(says([(await client.subscribesSelf(['categories'])).answer.says]), told('hanna', 'None'))
  const before = await stored(HANNA)
  t.strictSame(outcomeOf(await client.registers()), ['refreshed', []])
  t.strictSame(outcomeOf(await world.client(HANNA, 'another').registers()), ['added', []])
  t.strictSame(await stored(HANNA), before)
  await world.sets(HANNA, { displayName: 'Dr. Hanna' })
  t.strictSame(outcomeOf(await world.client(HANNA, 'third').registers()), ['added', []], 'and never takes back what the operator has said')
  t.match((await client.subscribesSelf(['categories'])).answer.says.join(), /"Dr\. Hanna"/)
  t.equal(await removeForUser(world.engine, HANNA, { category: 'contactCard', container: 200, instance: 0 }, 'test'), true)
  t.strictSame(outcomeOf(await world.client(HANNA, 'fourth').registers()), ['added', []], 'further ones look at none of it')
})

t.test('a user that was deleted and comes back is published anew, and its watchers hear', async (t) => {
  await world.reset(on)
  const watcher = world.client(boris)
  await watcher.registers()
  await watcher.subscribes([anna], ['contactCard'])
  await removeUser(world.store.pool, anna, world.now)
  world.delivery.wake([anna])
  await world.delivery.idle()
  t.strictSame(watcher.learns(), [['contactCard (none)']])
  world.advance(1)
  await world.sets(anna, { displayName: 'Anna again' })
  t.strictSame(watcher.learns(), [['contactCard#0 "Anna again"']])
  t.strictSame(await stored(anna), all(1))
})

t.test('the timer publishes users from before', async (t) => {
  await world.reset()
  t.strictSame(await stored(anna), [], 'switched off, nothing is published')
  await world.timers()
  t.strictSame([await stored(anna), await world.count('user_round')], [[], 0])
  const watcher = world.client(boris)
  await watcher.registers()
  await watcher.subscribes([anna], ['contactCard'])
  world.restart(on)
  await world.timers()
  t.strictSame(await stored(anna), all(1), 'the first round is due at once')
  t.strictSame(watcher.learns(), [['contactCard#0 "anna"']])
})

t.test('the timer puts back what was overwritten or deleted, in its time, and tells', async (t) => {
  await world.reset(on)
  await world.timers()
  const client = world.client(anna)
  const watcher = world.client(boris)
  for (const each of [client, watcher]) await each.registers({ granted: 100_000 })
  await watcher.subscribes([anna], ['contactCard'], { headers: { Expires: '7200' } })
  t.equal((await client.publishes([{ category: 'contactCard', container: 0, version: 1, data: '<contactCard xmlns="http://schemas.microsoft.com/2006/09/sip/contactcard"><identity><name><displayName>Nobody</displayName></name></identity></contactCard>' }])).status, 200)
  t.equal(await removeForUser(world.engine, anna, { category: 'legacyInterop', container: 32000, instance: 0 }, 'test'), true)
  t.strictSame(watcher.learns(), [['contactCard#0 "Nobody"']])
  await within(PERIOD_S - 1)
  t.strictSame(watcher.hears(), [], 'not before its time')
  await within(1)
  t.strictSame(watcher.learns(), [['contactCard#0 "anna"']])
  t.strictSame((await stored(anna)).filter((line) => /Card 0|legacy/.test(line)), ['contactCard 0 v3', 'legacyInterop 32000 v1'])
  await within(PERIOD_S - 1)
  t.strictSame(watcher.hears(), [], 'nothing is published again')
  t.strictSame((await stored(anna)).filter((line) => !/ v1$/.test(line)), ['contactCard 0 v3'])
})

t.test('a round over users that are as they should be writes nothing but how far it has come', async (t) => {
  await world.reset(on)
  await world.timers()
  const { user_round: first, ...before } = await world.dump()
  world.advance(PERIOD_S)
  const { pool } = world.store
  const lookOnly = { query: pool.query.bind(pool), connect: () => { throw new Error('a transaction') } } as unknown as Pool
  t.strictSame(await publishDirectories({ ...world.engine, store: { ...world.store, pool: lookOnly } }, SERVER_PUBLICATION_MS), { touched: [], refused: [] }, 'nobody is locked')
  const { user_round: second, ...after } = await world.dump()
  t.strictSame(after, before)
  t.strictNotSame(second, first, 'there was a round')
})

t.test('removed categories are passed over and come back with the timer; refused ones are told', async (t) => {
  const without = (name: string): CategoryRegistry => ({ ...builtInRegistry, rules: new Map([...builtInRegistry.rules].filter(([category]) => category !== name)) })
  await world.reset({ ...on, categories: registryOf(without('contactCard')) })
  t.strictSame(await stored(anna), ['legacyInterop 32000 v1', 'userProperties 1 v1'])
  t.strictSame((await publishDirectories(world.engine, SERVER_PUBLICATION_MS)).refused, [])
  world.restart(on)
  await within(PERIOD_S)
  t.strictSame(await stored(anna), all(1))
  const rules = new Map([...builtInRegistry.rules].map(([name, rule]) => [name, name === 'contactCard' ? { ...rule, maxBytes: 10 } : rule]))
  world.restart({ ...on, categories: registryOf({ ...builtInRegistry, rules }) })
  t.equal(await world.sets(HANNA, { displayName: 'Hanna' }), true, 'the operator can work on')
  t.strictSame(await stored(HANNA), ['legacyInterop 32000 v1', 'userProperties 1 v1'])
  world.advance(PERIOD_S)
  const { touched, refused } = await publishDirectories(world.engine, SERVER_PUBLICATION_MS)
  t.strictSame([touched, refused.map(({ user, failure }) => `${user} ${failure.name}`)], [[], CARD_CONTAINERS.map(() => `${HANNA} publicationTooLarge`)])
})

t.test('the limit on what a user may publish is not the server\'s', async (t) => {
  await world.reset({ ...on, limits: { ...world.engine.limits, maxPublisherBytes: 10 } })
  t.strictSame(await stored(anna), all(1))
})

t.test('users of another pool are left to it, and published when they come back', async (t) => {
  await world.reset(on)
  const elsewhere = { homePool: 'sip:pool2.nordwind.example' }
  t.equal(await world.sets(HANNA, { displayName: 'Hanna' }, elsewhere), true)
  const watcher = world.client(boris)
  await watcher.registers()
  await watcher.subscribes([anna], ['contactCard'])
  t.equal(await world.sets(anna, { displayName: 'Anna' }, elsewhere), false, 'what the server published is no data of the user')
  await world.timers()
  t.strictSame([await stored(HANNA), await stored(anna), watcher.hears().length], [[], [], 1])
  await world.sets(anna, { displayName: 'Anna' })
  t.strictSame(await stored(anna), all(1))
  await world.client(anna).registers()
  await world.client(anna).publishes(notes('mine', [200]))
  const keptHere = (user: string): Promise<unknown> => world.sets(user, { displayName: 'Anna' }, elsewhere).catch((error: unknown) => error instanceof UserHasData && 'kept here')
  t.equal(await keptHere(anna), 'kept here')
  world.restart({ ...on, serverPublications: false })
  t.equal(await keptHere(gerd), 'kept here', 'where the server publishes nothing, these places are the user\'s')
})

t.test('3.8: what the server publishes counts for what it computes, in the same change', async (t) => {
  const plan: AggregationPlan = [
    { computes: 'dndState', from: { categories: ['legacyInterop'], container: 32000 }, outputs: [{ category: 'dndState', container: 2, shows: [] }] },
    { computes: 'services', from: { categories: ['device', 'userProperties'], container: 1 }, outputs: [{ category: 'services', container: 1, shows: [] }] },
  ]
  await world.reset({ ...on, plan })
  t.strictSame(await stored(anna), [...all(1).slice(0, -2), 'dndState 2 v1', ...all(1).slice(-2)])
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  t.equal((await client.publishes([{ category: 'device', container: 1, instance: 9, expireType: 'endpoint', data: device(deskId, [`sip:${anna}`, '<text render="true" capture="true" publish="false"/>']) }])).status, 200)
  const computed = async (): Promise<readonly string[]> => (await world.dump())['category_instance']?.filter((row) => row.includes(anna) && /"category":"(services|dndState)"/.test(row)) ?? []
  const before = await computed()
  t.equal(before.length, 2)
  world.restart({ ...on, plan: [] })
  await removeForUser(world.engine, anna, { category: 'legacyInterop', container: 32000, instance: 0 }, 'test')
  world.restart({ ...on, plan })
  await within(1)
  await world.sets(anna, { displayName: 'anna', phone: '+49 30 1' })
  t.strictSame((await stored(anna)).filter((line) => /legacy|user/.test(line)), ['legacyInterop 32000 v1', 'userProperties 1 v2'])
  t.strictSame(await computed(), before, 'nothing is computed from half of what there is')
})

/** Many users whom nobody has published yet. */
const addMany = (count: number): Promise<unknown> => poolSession(world.store.pool).send(statement('test-many-users', `
  WITH names AS (SELECT 'u' || lpad(n::text, 5, '0') || '@nordwind.example' AS name FROM generate_series(1, $1::int) AS n), made AS (
    INSERT INTO presence_user (user_uri, domain, display_name, created_at, updated_at) SELECT name, 'nordwind.example', name, 1, 1 FROM names)
  INSERT INTO publisher (publisher, revision) SELECT name, 1 FROM names`), [count])

const published = (): Promise<number> => world.count("(SELECT DISTINCT publisher FROM category_instance WHERE category = 'legacyInterop' AND publisher LIKE 'u0%') AS found")

t.test('a round goes on page by page, over runs and restarts, until everybody had their turn', async (t) => {
  await world.reset()
  await addMany(600)
  world.restart(on)
  // A clock that moves with each look at it: the first run has time for one page.
  const slow = { ...world.engine, now: () => { world.now += 300; return world.now } }
  await publishDirectories(slow, SERVER_PUBLICATION_MS)
  const some = await published()
  t.ok(some > 0 && some < 600, `${some} after the first run`)
  const halfway = await loadRound(poolSession(world.store.pool), 'server publications')
  t.match(halfway?.position, /^u00\d{3}@/)
  world.restart(on)
  world.now = (halfway?.startedAt ?? 0) + 2 * SERVER_PUBLICATION_MS
  await publishDirectories(world.engine, SERVER_PUBLICATION_MS)
  t.equal(await published(), 600, 'another process went on where the first had stopped')
  const { startedAt, position } = await loadRound(poolSession(world.store.pool), 'server publications') ?? {}
  t.strictSame([startedAt, position], [halfway?.startedAt, undefined], 'the same round, over now')
})

t.test('a page that was not finished is done again', async (t) => {
  await world.reset()
  await addMany(30)
  let asked = 0
  // Behind the first user the process dies.
  const dying: EngineDeps = { ...world.engine, ...on, now: () => { asked += 1; if (asked > 8) throw new Error('killed'); return world.now } }
  await t.rejects(publishDirectories(dying, SERVER_PUBLICATION_MS), { message: 'killed' })
  const some = await published()
  t.ok(some < 30, `${some} were done`)
  world.restart(on)
  await world.timers()
  t.equal(await published(), 30)
  await within(60)
  t.equal(await world.count('change'), 0, 'and told')
})

t.test('switched off and on again, everybody is looked at right away', async (t) => {
  await world.reset(on)
  await world.timers()
  world.restart({ serverPublications: false })
  await world.sets(anna, { displayName: 'Anna P.' })
  t.strictSame(await stored(anna), all(1), 'what was published stays')
  await forgetDirectoryRound(world.engine)
  world.restart(on)
  await world.timers()
  t.strictSame(await stored(anna), all(2).map((line) => line.replace(/^(legacy|user)(.*)v2/, '$1$2v1')))
})

t.test('whatever happens at the same time, in the end everybody is published as the directory has them', async (t) => {
  await world.reset({ ...on, createUsersOnRegister: true })
  const users = [anna, boris, HANNA]
  for (let round = 0; round < 6; round += 1) {
    world.advance(PERIOD_S)
    await Promise.all([
      ...users.flatMap((user) => [1, 2].map((at) => world.sets(user, { displayName: `name ${round} ${at}`, phone: `+49 ${round}${at}` }))),
      ...users.map((user) => world.client(user, `epid${round}`).registers()),
      publishDirectories(world.engine, SERVER_PUBLICATION_MS), publishDirectories(world.engine, SERVER_PUBLICATION_MS),
      ...(round % 2 === 0 ? [removeUser(world.store.pool, users[round % 3] ?? anna, world.now)] : []),
    ])
    const page = await loadDirectoryPage(poolSession(world.store.pool), '', 100, directoryCategories, 0)
    t.ok(page.length >= 3)
    for (const { user, entry, instances } of page) t.strictSame(compareDirectory(entry, instances, builtInRegistry).publications, [], `${user} in round ${round}`)
  }
})

t.test('a change of a user and its deletion wait for each other in one order', { skip: needsServer }, async (t) => {
  await world.reset(on)
  const change = await transact(world.store.pool, async (tx) => {
    await lockPublisher(tx, anna)
    const changing = world.sets(anna, { displayName: 'Anna P.' })
    await sleep(200)
    await tx.send(statement('test-lock-timeout', "SET LOCAL lock_timeout = '300ms'"), [])
    await tx.send(statement('test-delete-row', 'DELETE FROM presence_user WHERE user_uri = $1'), [anna])
    return { changing }
  })
  t.equal(await change.changing, true, 'it was made anew')
})
