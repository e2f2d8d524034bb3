import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { removeUser } from '../../src/engine/remove-user.ts'
import { connectStore, type Store } from '../../src/store/connect.ts'
import { defer, LEFT_TO_SENDER_MS } from '../../src/store/deferred.ts'
import { loadDialogs, lockDialog } from '../../src/store/dialogs.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { loadSubscriptions } from '../../src/store/subscriptions.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { addUsers, createClock, createFakeProxy, createNode, quiesce, type EngineNode, type FakeProxy } from './engine-kit.ts'
import { createListener, lastHeard, listen, storedFor, type Listener } from './listener.ts'
import { publishText, subscribeText } from './sip-texts.ts'

/** Races told step by step, each with the locks that make it certain. */

const { store, reset, url } = await openTestStore(t)
// Deadlocks are found after a second by default; here after a tenth, on every connection opened from now on.
if (url !== undefined) await store.pool.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET deadlock_timeout = '100ms'`)
t.beforeEach(reset)

const [anna, bert, paul, quentin] = ['anna', 'bert', 'paul', 'quentin'].map((name) => `${name}@nordwind.example`) as [string, string, string, string]

interface Stage {
  readonly clock: { time: number }
  readonly fake: FakeProxy
  readonly one: EngineNode
  readonly two: EngineNode
  readonly open: () => Promise<Store>
}

/** Two engines with stores of their own, and all users. */
const setStage = async (t: Test): Promise<Stage> => {
  const clock = createClock()
  const fake = createFakeProxy()
  const open = async (): Promise<Store> => {
    if (url === undefined) return store
    const opened = await connectStore({ url, poolSize: 4, onError: () => undefined })
    t.teardown(() => opened.close())
    return opened
  }
  const node = async (name: string): Promise<EngineNode> => createNode({ name, store: await open(), clock, client: fake.client, random: () => 0.5 })
  await addUsers(store, [anna, bert, paul, quentin], clock.time)
  return { clock, fake, one: await node('one'), two: await node('two'), open }
}

const watch = async (node: EngineNode, user: string, publisher: string): Promise<Listener> => {
  const epid = user.split('@', 1)[0] ?? ''
  await node.register(user, epid)
  const listener = createListener(user, `watch-${epid}`)
  listen(listener, await node.sip(subscribeText({ user, epid, callId: listener.callId, cseq: 1, publishers: [publisher] })))
  return listener
}

const owe = (on: Store, { user, toTag }: Listener, publisher: string, dueAt: number): Promise<unknown> =>
  transact(on.pool, (tx) => defer(tx, [{ subscriber: user, localTag: toTag ?? '', publisher, attempts: 1, dueAt }], 'test'))

const sees = async (t: Test, { fake, clock }: Stage, listener: Listener): Promise<void> => {
  const heard = lastHeard(listener, fake.heard.get(listener.callId) ?? [])
  t.same(heard, await storedFor(store, listener, clock.time), `${listener.user} heard the stored state last`)
}

t.test('a debt whose dialog is held is passed over, and does not hold up others; nothing pays with an old state', { skip: needsServer }, async (t) => {
  const stage = await setStage(t)
  const { clock, fake, one, two, open } = stage
  await one.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'old' }]))
  await one.delivery.idle()
  const busy = await watch(one, anna, quentin)
  const listener = await watch(one, bert, paul)
  await owe(store, busy, quentin, clock.time)
  await owe(store, listener, paul, clock.time)
  // Anna's dialog is held up, as by a slow proxy that is being told something else; both debts are due in one round.
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  const holding = transact((await open()).pool, async (tx) => {
    await lockDialog(tx, { subscriber: anna, localTag: busy.toTag ?? '' })
    await held
  })
  clock.time += LEFT_TO_SENDER_MS
  // The first round makes the dialog the second engine's own, as its sender has not paid.
  await two.delivery.payDeferred()
  t.equal((fake.heard.get(listener.callId) ?? []).length, 1)
  t.equal((fake.heard.get(busy.callId) ?? []).length, 0)
  await owe(store, listener, paul, clock.time)
  await Promise.all([two.delivery.payDeferred(), one.sip(publishText(paul, 'c', 2, [{ version: 1, data: 'new' }]))])
  release()
  await holding
  await one.delivery.idle()
  await quiesce([one, two], clock)
  await sees(t, stage, listener)
})

t.test('a debt that is being paid and a slow proxy that fails do not stop each other, and no CSeq goes out twice', { skip: needsServer }, async (t) => {
  const stage = await setStage(t)
  const { clock, fake, one, two } = stage
  const listener = await watch(one, bert, paul)
  await owe(store, listener, paul, clock.time)
  const numbers: number[] = []
  let slow = true
  fake.behave = async ({ cseq }) => {
    numbers.push(cseq)
    if (!slow) return 'sent'
    slow = false
    await pause(250)
    return 'failed'
  }
  const telling = one.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'new' }])).then(() => one.delivery.idle())
  while (numbers.length === 0) await pause(5)
  await Promise.all([telling, two.delivery.payDeferred()])
  await quiesce([one, two], clock)
  t.same(numbers, [...new Set(numbers)], 'each number went out once')
  t.same([...one.errors, ...two.errors], [])
  await sees(t, stage, listener)
})

t.test('a publish goes through while the proxy is slow', { skip: needsServer }, async (t) => {
  const stage = await setStage(t)
  const { fake, one, clock } = stage
  const listener = await watch(one, bert, paul)
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  let told = 0
  fake.behave = async () => { told += 1; await held; return 'sent' as const }
  await one.sip(publishText(paul, 'c', 1, [{ version: 0, data: '1' }]))
  while (told === 0) await pause(5)
  const started = performance.now()
  for (let version = 1; version < 10; version += 1) t.equal((await one.sip(publishText(paul, 'c', version + 1, [{ version, data: `${version + 1}` }]))).reply.status, 200)
  t.ok(performance.now() - started < 2_000)
  release()
  await one.delivery.idle()
  await quiesce([one], clock)
  t.ok((fake.heard.get(listener.callId) ?? []).length <= 3, 'what was published meanwhile is told together')
  await sees(t, stage, listener)
})

t.test('a dialog that another engine is sending in is owed what this one has to tell', { skip: needsServer }, async (t) => {
  const stage = await setStage(t)
  const { fake, one, two, clock } = stage
  const listener = await watch(one, bert, paul)
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  let told = 0
  fake.behave = async () => { told += 1; await held; return 'sent' as const }
  await one.sip(publishText(paul, 'c', 1, [{ version: 0, data: '1' }]))
  while (told === 0) await pause(5)
  await two.sip(publishText(paul, 'c', 2, [{ version: 1, data: '2' }]))
  await two.delivery.idle()
  t.equal(told, 1, 'the second engine does not wait for the proxy of the first')
  release()
  await one.delivery.idle()
  await quiesce([one, two], clock)
  await sees(t, stage, listener)
})

t.test('watchers of a deleted user are told although the proxy is down at that moment', async (t) => {
  const stage = await setStage(t)
  const { fake, one, clock } = stage
  await one.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'here' }]))
  await one.delivery.idle()
  const listener = await watch(one, bert, paul)
  fake.behave = () => 'throw'
  t.ok(await removeUser(one.store.pool, paul, clock.time))
  one.delivery.wake([paul])
  await one.delivery.idle()
  fake.behave = () => 'sent'
  await quiesce([one], clock)
  t.match(lastHeard(listener, fake.heard.get(listener.callId) ?? []).get(`${paul} note`), /^<category name="note"\/>$/, 'the note is gone at the watcher')
  t.equal((await loadSubscriptions(poolSession(store.pool), [paul])).length, 1, 'the subscription is the watcher\'s own')
  t.equal((await loadDialogs(poolSession(store.pool), bert)).length, 1)
})
