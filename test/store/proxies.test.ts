import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { poolSession } from '../../src/store/session.ts'
import { openTestStore } from '../support/database.ts'
import { addUsers, createClock, createFakeProxy, createNode, quiesce, type EngineNode, type FakeProxy } from './engine-kit.ts'
import { brokenOrder, createListener, lastHeard, listen, storedFor, type Listener } from './listener.ts'
import { publishText, subscribeText } from './sip-texts.ts'
import { countDeferred } from '../support/pending.ts'

/** Several proxies: what is wrong with one of them is felt by its own dialogs only. */

const { store, reset } = await openTestStore(t)
t.beforeEach(reset)

const [anna, bert, paul] = ['anna', 'bert', 'paul'].map((name) => `${name}@nordwind.example`) as [string, string, string]

interface Stage {
  readonly clock: { time: number }
  readonly good: FakeProxy
  readonly bad: FakeProxy
  readonly node: EngineNode
  readonly atGood: Listener
  readonly atBad: Listener
  readonly publish: (version: number) => Promise<void>
}

/** Anna watches Paul through one proxy, Bert through another. */
const setStage = async (): Promise<Stage> => {
  const clock = createClock()
  const [good, bad] = [createFakeProxy(), createFakeProxy()]
  const node = createNode({ name: 'one', store, clock, client: good.client, more: { kam2: bad.client }, random: () => 0.5 })
  await addUsers(store, [anna, bert, paul], clock.time)
  const watch = async (user: string, proxy: string): Promise<Listener> => {
    const epid = user.split('@', 1)[0] ?? ''
    await node.register(user, epid, `flow-of-${epid}`, proxy)
    const listener = createListener(user, `watch-${epid}`)
    listen(listener, await node.sip(subscribeText({ user, epid, callId: listener.callId, cseq: 1, publishers: [paul] }), proxy))
    return listener
  }
  const publish = async (version: number): Promise<void> => { await node.sip(publishText(paul, 'c', version + 1, [{ version, data: `${version + 1} by paul` }])) }
  return { clock, good, bad, node, atGood: await watch(anna, 'kam1'), atBad: await watch(bert, 'kam2'), publish }
}

const heardBy = ({ heard }: FakeProxy, { callId }: Listener): number => (heard.get(callId) ?? []).length

const until = async (holds: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await holds()) return
    await pause(5)
  }
  throw new Error(`not so in five seconds: ${what}`)
}

const bothSee = async (t: Test, { good, bad, atGood, atBad, clock }: Stage): Promise<void> => {
  for (const [fake, listener] of [[good, atGood], [bad, atBad]] as const) {
    const notifications = fake.heard.get(listener.callId) ?? []
    t.same(lastHeard(listener, notifications), await storedFor(store, listener, clock.time), `${listener.user} heard the stored state last`)
    t.equal(brokenOrder(notifications), undefined)
    const numbers = [...listener.answers, ...notifications].map(({ cseq }) => cseq)
    t.equal(new Set(numbers).size, numbers.length, 'no CSeq twice')
  }
}

t.test('a proxy that hangs is not waited for: the watchers of the other one hear everything meanwhile', async (t) => {
  const stage = await setStage()
  const { good, bad, node, atGood, atBad, publish, clock } = stage
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => { release = resolve })
  let asked = 0
  bad.behave = async () => { asked += 1; await held; return 'sent' as const }
  for (let version = 0; version < 5; version += 1) {
    await publish(version)
    await until(() => heardBy(good, atGood) === version + 1, `the watcher at the good proxy hears change ${version + 1}`)
  }
  await node.delivery.idle()
  t.equal(heardBy(bad, atBad), 0)
  t.equal(asked, 1, 'and nothing more is handed to it as long as it has not answered')
  t.equal(await countDeferred(poolSession(store.pool)), 1, 'its watcher is owed the latest state, once')
  release()
  await until(() => heardBy(bad, atBad) === 1, 'what it was handed first is told at last')
  await until(() => node.proxies.isReady('kam2'), 'it is ready again')
  t.ok(await quiesce([node], clock))
  await bothSee(t, stage)
  t.ok(heardBy(bad, atBad) <= 3, 'many changes have become one')
})

t.test('a proxy that is down rests; its watchers get the latest state when it is back', async (t) => {
  const stage = await setStage()
  const { good, bad, node, atGood, atBad, publish, clock } = stage
  let asked = 0
  bad.behave = () => { asked += 1; return 'throw' }
  for (let version = 0; version < 5; version += 1) {
    await publish(version)
    await node.delivery.idle()
    t.equal(heardBy(good, atGood), version + 1)
  }
  t.equal(asked, 1, 'it is asked once, and rests')
  await node.delivery.payDeferred()
  t.equal(asked, 1)
  clock.time += 20_000
  await node.delivery.payDeferred()
  t.equal(asked, 2, 'somebody looks whether it is back')
  bad.behave = () => 'sent'
  t.ok(await quiesce([node], clock))
  t.equal(heardBy(bad, atBad), 1, 'all changes are one document')
  await bothSee(t, stage)
})

t.test('a client that comes back through another proxy is told there what it missed', async (t) => {
  const stage = await setStage()
  const { good, bad, node, atBad, publish, clock } = stage
  bad.behave = () => 'throw'
  await publish(0)
  await node.delivery.idle()
  await node.register(bert, 'bert', 'flow-of-bert-at-the-other', 'kam1')
  t.ok(await quiesce([node], clock))
  t.equal(heardBy(good, atBad), 1)
  t.same(lastHeard(atBad, good.heard.get(atBad.callId) ?? []), await storedFor(store, atBad, clock.time))
})
