import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { removeUser } from '../../src/engine/remove-user.ts'
import { connectStore, type Store } from '../../src/store/connect.ts'
import { defer, LEFT_TO_SENDER_MS } from '../../src/store/deferred.ts'
import { loadDialogs, lockDialog } from '../../src/store/dialogs.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { loadSubscriptions } from '../../src/store/subscriptions.ts'
import { watcherId } from '../../src/core/documents/watcher-info.ts'
import { loadWatchers } from '../../src/store/watchers.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { addUsers, createClock, createFakeProxy, createNode, quiesce, seeded, type EngineNode, type FakeProxy } from './engine-kit.ts'
import { createListener, lastHeard, listen, storedFor, type Listener } from './listener.ts'
import { publishText, subscribeText, watchersText } from './sip-texts.ts'

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
  const pool = (await open()).pool
  let holding: Promise<void> = Promise.resolve()
  await new Promise<void>((isHeld) => {
    holding = transact(pool, async (tx) => {
      await lockDialog(tx, { subscriber: anna, localTag: busy.toTag ?? '' })
      isHeld()
      await held
    })
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

/** The watchers that a client has in front of it after documents in the order of their versions (RFC 3858 4.2): id to status. */
const readWatchers = (bodies: readonly string[]): ReadonlyMap<string, string> => {
  const table = new Map<string, string>()
  for (const body of bodies) {
    if (body.includes('state="full"')) table.clear()
    for (const [, id = '', status = ''] of body.matchAll(/<watcher id="([^"]+)" status="([^"]+)"/g)) {
      if (status === 'terminated') table.delete(id)
      else table.set(id, status)
    }
  }
  return table
}

t.test('RFC 3858 4.2: users who watch each other and come and go at once, on two engines, each with a phone that looks on: all phones end up right', async (t) => {
  const { clock, fake, one, two } = await setStage(t)
  const users = [anna, bert, paul, quentin]
  const random = seeded(7)
  const phones = new Map<string, string>()
  for (const user of users) {
    const epid = user.split('@', 1)[0] ?? ''
    for (const endpoint of [`phone-${epid}`, epid, `other-${epid}`]) await one.register(user, endpoint)
    phones.set(user, (await one.sip(watchersText(user, `phone-${epid}`, `winfo-${epid}`, 1))).reply.body)
  }
  const open = new Map<string, { readonly callId: string; readonly toTag: string }>()
  for (let round = 0; round < 24; round += 1) {
    if (round % 3 === 0) clock.time += 6_000
    // Now and then the proxy takes nothing.
    fake.behave = round % 7 === 3 ? () => 'throw' : () => 'sent'
    const watching = users.flatMap((user) => ['', 'other-'].map(async (prefix) => {
      const epid = `${prefix}${user.split('@', 1)[0] ?? ''}`
      const node = random() < 0.5 ? one : two
      const held = open.get(epid)
      if (held !== undefined && random() < 0.4) {
        open.delete(epid)
        await node.sip(subscribeText({ user, epid, ...held, cseq: 2, expires: 0 }))
        return
      }
      const callId = `${epid}-${round}`
      const { reply } = await node.sip(subscribeText({ user, epid, callId, cseq: 1, publishers: users.filter(() => random() < 0.6).concat(user) }))
      t.equal(reply.status, 200)
      open.set(epid, { callId, toTag: reply.toTag })
    }))
    await Promise.all([...watching, one.delivery.payDeferred(), two.delivery.payDeferred()])
  }
  fake.behave = () => 'sent'
  t.ok(await quiesce([one, two], clock))
  for (const user of users) {
    const heard = fake.heard.get(`winfo-${user.split('@', 1)[0] ?? ''}`) ?? []
    const bodies = [phones.get(user) ?? '', ...heard.map(({ body }) => body)]
    const versions = bodies.map((body) => Number(/ version="(\d+)"/.exec(body)?.[1]))
    t.same(versions, [...new Set(versions)].sort((a, b) => a - b), `${user}: versions rise`)
    t.ok(bodies.filter((body) => body.includes('state="partial"')).length > 5, `${user}: most is told in part`)
    const watchers = await loadWatchers(poolSession(store.pool), user, clock.time)
    t.ok(watchers.length > 0)
    t.same([...readWatchers(bodies)].sort(), watchers.map(({ localTag, status }) => [watcherId(localTag), status]).sort(), user)
  }
  t.same([...one.errors, ...two.errors], [])
})

t.test('RFC 3856 6.10: phones hear of changes in their time, whichever engine makes and tells them, and of the last one for certain', { skip: needsServer }, async (t) => {
  const clock = createClock()
  const fake = createFakeProxy()
  await addUsers(store, [anna, paul], clock.time)
  const gapMs = 5_000
  const nodes = await Promise.all(['one', 'two'].map(async (name) => {
    const opened = await connectStore({ url: url ?? '', poolSize: 4, onError: () => undefined })
    t.teardown(() => opened.close())
    return createNode({ name, store: opened, clock, client: fake.client, random: () => 0.7, gapMs })
  }))
  const [one, two] = nodes as [EngineNode, EngineNode]
  await one.register(anna, 'desk')
  const head = `SUBSCRIBE sip:${paul} SIP/2.0\r\nFrom: <sip:${anna}>;tag=d;epid=desk\r\nTo: <sip:${paul}>\r\nCall-ID: desk\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:desk@127.0.0.1:5062;transport=tcp>\r\nEvent: presence\r\nAccept: application/pidf+xml\r\n`
  t.equal((await one.sip(`${head}Expires: 30000\r\nContent-Length: 0\r\n\r\n`)).reply.status, 200)
  const times: number[] = []
  let seed = 7
  const chance = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
  fake.behave = () => {
    const result = chance() < 0.15 ? 'throw' : chance() < 0.1 ? 'failed' : 'sent'
    if (result === 'sent') times.push(clock.time)
    return result
  }
  const rounds = 120
  for (let version = 0; version < rounds; version += 1) {
    const node = chance() < 0.5 ? one : two
    const other = node === one ? two : one
    const [top = '', body = ''] = publishText(paul, `p${version}`, 1, [{ category: 'legacyInterop', version, data: `<legacyInterop availability="6500" token="v${version}"/>` }]).replace(/<\/?value[^>]*>/g, '').split('\r\n\r\n')
    await node.sip(`${top.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(body)}`)}\r\n\r\n${body}`)
    await Promise.all([node.delivery.idle(), ...(chance() < 0.5 ? [other.delivery.payDeferred(), other.delivery.findLeftBehind()] : [])])
    clock.time += Math.round(chance() * 3_000)
    await node.delivery.payDeferred()
  }
  t.ok(times.every((at, index) => index === 0 || at - (times[index - 1] ?? 0) >= gapMs), 'never too soon')
  t.ok(times.length > 10 && times.length < rounds / 2, `${times.length} notifications of ${rounds} changes`)
  fake.behave = () => 'sent'
  t.ok(await quiesce(nodes, clock), 'nothing is left')
  const heard = fake.heard.get('desk') ?? []
  t.match(heard.at(-1)?.body, new RegExp(`<rpid:other>v${rounds - 1}</rpid:other>`), 'the last state')
  t.ok(heard.every(({ cseq }, at) => at === 0 || cseq > (heard[at - 1]?.cseq ?? 0)), 'in order')
})
