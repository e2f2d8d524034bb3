import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createPayers } from '../../src/delivery/payers.ts'
import { createSlots } from '../../src/delivery/slots.ts'
import { removeUser } from '../../src/engine/remove-user.ts'
import { defer } from '../../src/store/deferred.ts'
import { insertDialog } from '../../src/store/dialogs.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { putResources } from '../../src/store/subscriptions.ts'
import { createUser } from '../../src/store/users.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { addUsers, createClock, createFakeProxy, createNode, quiesce, type EngineNode, type HandedOver } from './engine-kit.ts'
import { createListener, lastHeard, listen, storedFor, type Listener } from './listener.ts'
import { sampleDialog } from './samples.ts'
import { publishText, subscribeText } from './sip-texts.ts'
import { countChanges, countDeferred } from '../support/pending.ts'

/** Faults in the middle of telling, each at the moment where it does most harm. */

const { store, reset } = await openTestStore(t)
const session = poolSession(store.pool)
t.beforeEach(reset)

const [anna, bert, paul] = ['anna', 'bert', 'paul'].map((name) => `${name}@nordwind.example`) as [string, string, string]

const watch = async (node: EngineNode, user: string, proxy?: string): Promise<Listener> => {
  const epid = user.split('@', 1)[0] ?? ''
  await node.register(user, epid, `flow-of-${epid}`, proxy)
  const listener = createListener(user, `watch-${epid}`)
  listen(listener, await node.sip(subscribeText({ user, epid, callId: listener.callId, cseq: 1, publishers: [paul] }), proxy))
  return listener
}

const refreshText = ({ user, callId, toTag }: Listener, cseq: number): string => subscribeText({ user, epid: user.split('@', 1)[0] ?? '', callId, cseq, toTag })

t.test('a node that becomes another sender between two portions of watchers tells the others all the same', async (t) => {
  const clock = createClock()
  const fake = createFakeProxy()
  const node = createNode({ name: 'one', store, clock, client: fake.client, random: () => 0.5 })
  await addUsers(store, [paul], clock.time)
  await transact(store.pool, async (tx) => {
    for (let at = 0; at < 1_200; at += 1) {
      const dialog = sampleDialog({ subscriber: `w${at}@nordwind.example`, localTag: `t${at}`, callId: `c${at}`, expiresAt: clock.time + 36_000_000, sender: node.deps.sender.id() })
      void insertDialog(tx, dialog)
      void putResources(tx, dialog, 'sameEnterprise', [{ publisher: paul, categories: ['note'] }], 0)
    }
  })
  let once = true
  fake.behave = () => {
    if (once) node.deps.sender.renew()
    once = false
    return 'sent'
  }
  await node.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'one' }]))
  await node.delivery.idle()
  t.ok(await quiesce([node], clock))
  t.equal(fake.heard.size, 1_200)
  t.same([(await countChanges(session)).pending, await countDeferred(session)], [0, 0])
})

t.test('a refresh waits until it is known which numbers a transaction that broke behind its back has used', { skip: needsServer }, async (t) => {
  const clock = createClock()
  const fake = createFakeProxy()
  const node = createNode({ name: 'one', store, clock, client: fake.client, random: () => 0.5 })
  await addUsers(store, [paul, bert], clock.time)
  const listener = await watch(node, bert)
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  const seen: HandedOver[] = []
  fake.behave = async (one) => {
    seen.push(one)
    if (seen.length === 1) await held
    return 'sent' as const
  }
  await node.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'one' }]))
  while (seen.length === 0) await pause(5)
  await store.pool.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()")
  const refreshing = node.sip(refreshText(listener, 2))
  await pause(100)
  release()
  listen(listener, await refreshing)
  await node.delivery.idle()
  t.ok(await quiesce([node], clock))
  const numbers = [...listener.answers, ...seen].map(({ cseq }) => cseq)
  t.equal(new Set(numbers).size, numbers.length, numbers.join())
})

t.test('requests that wait for dialogs of a slow proxy leave connections to others', { skip: needsServer }, async (t) => {
  const clock = createClock()
  const [good, bad] = [createFakeProxy(), createFakeProxy()]
  const node = createNode({ name: 'one', store, clock, client: good.client, more: { kam2: bad.client }, random: () => 0.5 })
  const users = Array.from({ length: 10 }, (_, at) => `u${at}@nordwind.example`)
  await addUsers(store, [paul, anna, ...users], clock.time)
  const listeners: Listener[] = []
  for (const user of users) listeners.push(await watch(node, user, 'kam2'))
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  let asked = 0
  bad.behave = async () => { asked += 1; await held; return 'sent' as const }
  await node.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'one' }]))
  while (asked === 0) await pause(5)
  const refused: unknown[] = []
  const refreshes = listeners.map((listener) => node.sip(refreshText(listener, 2), 'kam2').catch((error: unknown) => { refused.push(error) }))
  t.equal((await node.sip(publishText(anna, 'c', 1, [{ version: 0, data: 'other' }]), 'kam1')).reply.status, 200, 'while the proxy has not answered yet')
  await Promise.all(refreshes)
  t.equal(refused.length, users.length, 'their own requests are refused rather than kept waiting')
  t.match(refused[0], { code: '55P03' })
  release()
  await node.delivery.idle()
  t.ok(await quiesce([node], clock))
})

t.test('while a slow proxy is waited for, what a phone there hears later holds up nobody who is told of the same user elsewhere', { skip: needsServer }, async (t) => {
  const clock = createClock()
  const [good, bad] = [createFakeProxy(), createFakeProxy()]
  const node = createNode({ name: 'one', store, clock, client: good.client, more: { kam2: bad.client }, random: () => 0.5, gapMs: 5_000 })
  await addUsers(store, [paul, anna, bert, 'carl@nordwind.example'], clock.time)
  const [quick, slow] = [await watch(node, anna), await watch(node, bert, 'kam2')]
  await node.register('carl@nordwind.example', 'carl', 'flow-of-carl', 'kam2')
  const phone = `SUBSCRIBE sip:${paul} SIP/2.0\r\nFrom: <sip:carl@nordwind.example>;tag=d;epid=carl\r\nTo: <sip:${paul}>\r\nCall-ID: phone\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:carl@127.0.0.1:5062;transport=tcp>\r\nEvent: presence\r\nAccept: application/pidf+xml\r\nExpires: 30000\r\nContent-Length: 0\r\n\r\n`
  const { toTag } = (await node.sip(phone, 'kam2')).reply
  await transact(store.pool, async (tx) => {
    await defer(tx, [{ subscriber: 'carl@nordwind.example', localTag: toTag, publisher: paul, attempts: 0, dueAt: clock.time }, { subscriber: bert, localTag: slow.toTag ?? '', publisher: paul, attempts: 0, dueAt: clock.time }], 'the dialog was busy')
  })
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  let asked = 0
  bad.behave = async () => { asked += 1; await held; return 'sent' as const }
  const paying = node.delivery.payDeferred()
  while (asked === 0) await pause(5)
  await node.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'one' }, { category: 'legacyInterop', version: 0, data: '<legacyInterop availability="6500"/>' }]))
  for (let tries = 0; tries < 500 && (await countChanges(session)).pending > 0; tries += 1) await pause(10)
  t.same([(await countChanges(session)).pending, good.heard.get(quick.callId)?.length, node.errors], [0, 1, []], 'all that is to be told is told, or noted')
  release()
  await paying
  await node.delivery.idle()
  t.ok(await quiesce([node], clock))
  t.same(node.errors, [])
})

t.test('a debt that is noted while its dialog moves follows it, although the proxy of before is never seen again', async (t) => {
  const clock = createClock()
  const good = createFakeProxy()
  const node = createNode({ name: 'one', store, clock, client: good.client, random: () => 0.5 })
  await addUsers(store, [paul, bert], clock.time)
  const listener = await watch(node, bert, 'kam9')
  await transact(store.pool, async (tx) => { await defer(tx, [{ subscriber: bert, localTag: listener.toTag ?? '', publisher: paul, attempts: 0, dueAt: clock.time }], 'its proxy is slow or down') })
  await store.pool.query("UPDATE dialog SET proxy = 'kam1'")
  await node.delivery.payDeferred()
  t.equal(await countDeferred(session), 1)
  await node.delivery.tidyDebts()
  await node.delivery.payDeferred()
  t.same([await countDeferred(session), good.heard.get(listener.callId)?.length], [0, 1])
})

t.test('what a node remembers of a user that was deleted is not shown of another one of that name', async (t) => {
  const clock = createClock()
  const fake = createFakeProxy()
  const node = createNode({ name: 'one', store, clock, client: fake.client, random: () => 0.5 })
  await addUsers(store, [paul, bert], clock.time)
  const listener = await watch(node, bert)
  await node.sip(publishText(paul, 'c', 1, [{ version: 0, data: 'of the old one' }]))
  await node.delivery.idle()
  await removeUser(store.pool, paul, clock.time)
  node.delivery.wake([paul])
  await node.delivery.idle()
  // By an engine whose clock is five seconds behind, so that revisions are lower than before.
  await transact(store.pool, async (tx) => { void createUser(tx, paul, paul, [], clock.time - 5_000) })
  await transact(store.pool, async (tx) => { await defer(tx, [{ subscriber: bert, localTag: listener.toTag ?? '', publisher: paul, attempts: 0, dueAt: clock.time }], 'test') })
  await node.delivery.payDeferred()
  t.same(lastHeard(listener, fake.heard.get(listener.callId) ?? []), await storedFor(store, listener, clock.time))
})

t.test('payers: one round for each proxy in turn; one that is owed a lot does not keep the others waiting', async (t) => {
  const rounds: string[] = []
  const left = new Map([['slow', 5], ['slower', 5], ['quick', 1]])
  const payers = createPayers({
    ids: ['slow', 'slower', 'down', 'quick'], isReady: (proxy) => proxy !== 'down', most: 1,
    round: async (proxy) => {
      rounds.push(proxy)
      await pause(1)
      left.set(proxy, (left.get(proxy) ?? 0) - 1)
      return (left.get(proxy) ?? 0) > 0
    },
  })
  const all = payers.pay()
  void payers.pay()
  await all
  t.same(rounds.slice(0, 5), ['slow', 'slower', 'quick', 'slow', 'slower'])
  t.same([left.get('slow'), left.get('slower')], [0, 0])
  left.set('slow', 1_000)
  const paying = payers.pay()
  await payers.stop()
  await paying
  t.ok((left.get('slow') ?? 0) >= 998, 'stopped behind the round that was under way')
})

t.test('slots: so many at a time, in order, and one that fails makes room', async (t) => {
  const slots = createSlots(2)
  const begun: number[] = []
  let running = 0
  let most = 0
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((at) => slots(async () => {
    begun.push(at)
    running += 1
    most = Math.max(most, running)
    await pause(1)
    running -= 1
    if (at === 1) throw new Error('this one')
    return at
  })))
  t.same(begun, [0, 1, 2, 3, 4])
  t.equal(most, 2)
  t.same(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
})
