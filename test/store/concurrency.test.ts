import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connectStore } from '../../src/store/connect.ts'
import { loadDialogs } from '../../src/store/dialogs.ts'
import { poolSession } from '../../src/store/session.ts'
import { openTestStore } from '../support/database.ts'
import { addUsers, createClock, createFakeProxy, createNode, quiesce, seeded, type Behaviour, type EngineNode, type FakeProxy } from './engine-kit.ts'
import { brokenOrder, createListener, lastHeard, listen, storedFor, type Listener } from './listener.ts'
import { membersText, publishText, resourceListText, selfSubscribeText, subscribeText, versionsIn } from './sip-texts.ts'

const { store, reset, url } = await openTestStore(t)
// Two engines share the database; the embedded one has a single connection, which they share too.
const otherStore = url === undefined ? store : await connectStore({ url, onError: () => undefined })
if (otherStore !== store) t.teardown(() => otherStore.close())
t.beforeEach(reset)

const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
const clock = createClock()

/** Interleavings played; with the one connection of the embedded database fewer orders are possible. */
const ROUNDS = url === undefined ? 40 : 120

const createNodes = (fake: FakeProxy): readonly [EngineNode, EngineNode] => [
  createNode({ name: 'one', store, clock, client: fake.client, random: seeded(seed) }),
  // Its clock goes three seconds ahead.
  createNode({ name: 'two', store: otherStore, clock: { get time() { return clock.time + 3_000 } }, client: fake.client, random: seeded(seed + 1) }),
]

const anna = 'anna@nordwind.example'

t.test('of concurrent publishes of one version exactly one wins, and versions have no gaps', async (t) => {
  const nodes = createNodes(createFakeProxy())
  await addUsers(store, [anna], clock.time)
  for (let version = 0; version < 15; version += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => (at % 2 === 0 ? nodes[0] : nodes[1]).sip(publishText(anna, `c${version}-${at}`, 1, [{ version, data: `${version} by ${at}` }]))))
    const winners = answers.filter(({ reply }) => reply.status === 200)
    t.equal(winners.length, 1, `version ${version}`)
    t.same(versionsIn(winners[0]?.reply.body ?? ''), [version + 1])
    for (const { reply } of answers) if (reply.status !== 200) t.match(reply, { status: 409, body: new RegExp(`curVersion="${version + 1}"`) })
  }
  const { rows } = await store.pool.query('SELECT instance_version FROM category_instance')
  t.same(rows, [{ instance_version: 15 }])
  await Promise.all(nodes.map(({ delivery }) => delivery.idle()))
})

t.test('writers that read the version and try again all get through', async (t) => {
  const nodes = createNodes(createFakeProxy())
  await addUsers(store, [anna], clock.time)
  const write = async (writer: number): Promise<void> => {
    let version = 0
    for (let done = 0, cseq = 1; done < 5; cseq += 1) {
      const { reply } = await (writer % 2 === 0 ? nodes[0] : nodes[1]).sip(publishText(anna, `w${writer}`, cseq, [{ version, data: `${writer}.${done}` }]))
      if (reply.status === 200) done += 1
      version = reply.status === 200 ? versionsIn(reply.body)[0] ?? 0 : Number(/curVersion="(\d+)"/.exec(reply.body)?.[1])
    }
  }
  await Promise.all([0, 1, 2, 3, 4, 5].map(write))
  t.same((await store.pool.query('SELECT instance_version FROM category_instance')).rows, [{ instance_version: 30 }])
  await Promise.all(nodes.map(({ delivery }) => delivery.idle()))
})

t.test('a request repeated at the same time is applied once and answered alike', async (t) => {
  const nodes = createNodes(createFakeProxy())
  await addUsers(store, [anna], clock.time)
  for (const [at, text] of [publishText(anna, 'same', 7, [{ version: 0, data: 'once' }]), membersText(anna, 'same', 8, { container: 300, version: 0, member: 'sip:bert@nordwind.example' })].entries()) {
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? nodes[0] : nodes[1]).sip(text)))
    for (const { reply } of answers) t.same(reply, answers[0]?.reply)
    t.equal(answers[0]?.reply.status, 200)
    t.equal(answers.filter(({ touched }) => touched.length > 0).length, 1, 'one of them changed something')
    t.equal((await store.pool.query('SELECT 1 FROM answered')).rowCount, at + 1)
  }
  t.same((await store.pool.query('SELECT instance_version FROM category_instance')).rows, [{ instance_version: 1 }])
  t.same((await store.pool.query('SELECT members_version FROM container')).rows, [{ members_version: 1 }])
  await Promise.all(nodes.map(({ delivery }) => delivery.idle()))
})

t.test('a SUBSCRIBE repeated at the same time opens one dialog, a newer one replaces it', async (t) => {
  const nodes = createNodes(createFakeProxy())
  await addUsers(store, [anna], clock.time)
  await nodes[0].register(anna, 'desk')
  const texts = { batch: subscribeText({ user: anna, epid: 'desk', callId: 'batch', cseq: 1, publishers: [anna] }), self: selfSubscribeText(anna, 'desk', 'self', 1) }
  for (const [kind, text] of Object.entries(texts)) {
    const answers = await Promise.all(Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? nodes[0] : nodes[1]).sip(text)))
    t.same([...new Set(answers.map(({ reply }) => reply.status))], [200])
    t.equal(new Set(answers.map(({ reply }) => reply.toTag)).size, 1, `${kind}: all answers name one dialog`)
    t.equal((await loadDialogs(poolSession(store.pool), anna)).filter((dialog) => dialog.kind === kind).length, 1, `${kind}: one is stored`)
  }
  await Promise.all(Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? nodes[0] : nodes[1]).sip(subscribeText({ user: anna, epid: 'desk', callId: `new-${at}`, cseq: 1, publishers: [anna] }))))
  t.equal((await loadDialogs(poolSession(store.pool), anna)).filter((dialog) => dialog.kind === 'batch').length, 1, 'an endpoint has one batch dialog')
  await Promise.all(nodes.map(({ delivery }) => delivery.idle()))
})

interface Round { readonly publisher: string; readonly other: string; readonly watchers: readonly string[] }

/** One interleaving: two publishers publish and regroup while watchers subscribe and refresh, each step on a random engine at a random moment. */
const play = async (nodes: readonly [EngineNode, EngineNode], { publisher, other, watchers }: Round, random: () => number): Promise<readonly Listener[]> => {
  const node = (): EngineNode => (random() < 0.5 ? nodes[0] : nodes[1])
  const breathe = async (): Promise<void> => { if (random() < 0.7) await pause(Math.floor(random() * 4)) }
  const expect = async (answer: Promise<{ readonly reply: { readonly status: number; readonly body: string } }>): Promise<void> => {
    const { reply } = await answer
    if (reply.status !== 200) throw new Error(`${reply.status} ${reply.body}`)
  }
  const publishing = async (user: string, times: number): Promise<void> => {
    const versions = [0, 0]
    for (let cseq = 1; cseq <= times; cseq += 1) {
      await breathe()
      const container = random() < 0.3 ? 1 : 0
      await expect(node().sip(publishText(user, `publish-${user}`, cseq, [{ container: container * 200, version: versions[container] ?? 0, data: `${cseq} by ${user}` }, { category: 'state', version: cseq - 1, data: `state ${cseq}` }])))
      versions[container] = (versions[container] ?? 0) + 1
    }
  }
  const regrouping = async (): Promise<void> => {
    for (let version = 0; version < 2; version += 1) {
      await breathe()
      await expect(node().sip(membersText(publisher, `members-${publisher}`, version + 1, { container: 200, version, member: `sip:${watchers[0] ?? ''}`, remove: version === 1 && random() < 0.5 })))
    }
  }
  const watching = async (user: string): Promise<Listener> => {
    const listener = createListener(user, `watch-${user}`)
    const head = { user, epid: user.split('@', 1)[0] ?? '', callId: listener.callId }
    await breathe()
    listen(listener, await node().sip(subscribeText({ ...head, cseq: 1, publishers: [publisher, other], categories: ['note', 'state'] })))
    if (random() < 0.5) {
      await breathe()
      listen(listener, await node().sip(subscribeText({ ...head, cseq: 2, toTag: listener.toTag })))
    }
    return listener
  }
  const selfWatching = async (): Promise<Listener> => {
    const listener = createListener(publisher, `self-${publisher}`)
    await breathe()
    listen(listener, await node().sip(selfSubscribeText(publisher, publisher.split('@', 1)[0] ?? '', listener.callId, 1)))
    return listener
  }
  const [listeners, self] = await Promise.all([Promise.all(watchers.map(watching)), selfWatching(), publishing(publisher, 5), publishing(other, 2), regrouping()])
  return [...listeners, self]
}

const playMany = async (t: Test, rounds: number, behave: (random: () => number) => Behaviour): Promise<{ readonly ended: number; readonly gone: ReadonlySet<string> }> => {
  t.comment(`TEST_SEED=${seed}`)
  const random = seeded(seed + rounds)
  const fake = createFakeProxy()
  const cut = new Set<string>()
  const behaviour = behave(random)
  fake.behave = async (instruction) => {
    if (random() < 0.3) await pause(Math.floor(random() * 4))
    // A lost connection stays lost.
    const result = cut.has(instruction.callId) ? 'gone' : await behaviour(instruction)
    if (result === 'gone') cut.add(instruction.callId)
    return result
  }
  const nodes = createNodes(fake)
  const all = Array.from({ length: rounds }, (_, at): Round => ({ publisher: `p${at}@nordwind.example`, other: `q${at}@nordwind.example`, watchers: ['u', 'v', 'w'].map((letter) => `${letter}${at}@nordwind.example`) }))
  await addUsers(store, all.flatMap(({ publisher, other, watchers }) => [publisher, other, ...watchers]), clock.time)
  for (const { publisher, watchers } of all) await Promise.all([publisher, ...watchers].map((user) => nodes[0].register(user, user.split('@', 1)[0] ?? '')))
  let playing = true
  const trouble: unknown[] = []
  // Timers of both engines, with time going a hundred times too fast, so that debts fall due while everything else goes on.
  const timers = nodes.map(async ({ delivery }) => {
    while (playing) {
      clock.time += 400
      await Promise.all([delivery.payDeferred(), delivery.findLeftBehind()]).catch((error: unknown) => trouble.push(error))
      await pause(3)
    }
  })
  const listeners: Listener[] = []
  const waiting = [...all]
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let round = waiting.shift(); round !== undefined; round = waiting.shift()) listeners.push(...await play(nodes, round, random))
  }))
  playing = false
  await Promise.all(timers)
  fake.behave = ({ callId }) => (cut.has(callId) ? 'gone' : 'sent')
  t.ok(await quiesce(nodes, clock), 'everything is told in the end')
  t.same([...trouble, ...nodes.flatMap(({ errors }) => errors)], [], 'without trouble')
  let ended = 0
  const faults: string[] = []
  for (const listener of listeners) {
    const notifications = fake.heard.get(listener.callId) ?? []
    const broken = brokenOrder(notifications)
    if (broken !== undefined) faults.push(`${listener.callId}: ${broken}`)
    const numbers = [...listener.answers, ...notifications].map(({ cseq }) => cseq)
    if (new Set(numbers).size !== numbers.length) faults.push(`${listener.callId}: a CSeq was used twice: ${numbers.sort((a, b) => a - b).join(' ')}`)
    const stored = await storedFor(store, listener, clock.time)
    if (stored === undefined) ended += 1
    else {
      const heard = lastHeard(listener, notifications)
      for (const [what, content] of stored) if (heard.get(what) !== content) faults.push(`${listener.callId} heard last of ${what}:\n${heard.get(what) ?? 'nothing'}\nstored is:\n${content}`)
    }
    if ((stored === undefined) !== fake.ended.has(listener.callId)) faults.push(`${listener.callId} ${stored === undefined ? 'ended without reason' : 'lives on after its end'}`)
  }
  for (const fault of faults.slice(0, 10)) t.fail(fault)
  t.equal(faults.length, 0, `${listeners.length} dialogs`)
  return { ended, gone: fake.ended }
}

const count = async (table: string): Promise<number> => Number((await store.pool.query(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n)

t.test('subscribing while publishing: everyone ends up with the stored state, in order', async (t) => {
  const { ended } = await playMany(t, ROUNDS, () => () => 'sent')
  t.equal(ended, 0)
})

t.test('with a proxy that fails, breaks down and loses connections nothing is lost and what is gone is cleaned up', async (t) => {
  const { ended, gone } = await playMany(t, ROUNDS, (random) => () => {
    const dice = random()
    return dice < 0.08 ? 'failed' : dice < 0.12 ? 'throw' : dice < 0.15 ? 'gone' : 'sent'
  })
  t.ok(ended > 0 && gone.size === ended, `${ended} dialogs ended`)
  t.equal(await count('dialog'), 4 * ROUNDS - ended)
  for (const [table, where] of [['subscription', 'subscription'], ['dialog_resource', 'dialog_resource'], ['deferred', 'deferred']] as const) {
    t.equal(await count(`${table} WHERE NOT EXISTS (SELECT 1 FROM dialog WHERE dialog.subscriber = ${where}.subscriber AND dialog.local_tag = ${where}.local_tag)`), 0, `${table}: nothing hangs on ended dialogs`)
  }
  t.equal(await count('subscription'), await count('dialog_resource'), 'both sides of the edges agree')
})

/** What a phone keeps of a list, by RFC 4662 5.6: it discards what is not newer, and wants the whole list when a version is missing before a part. */
interface Phone {
  version: number
  refreshes: boolean
  table: Map<string, string>
}

const take = (phone: Phone, { cseq, body }: { readonly cseq: number; readonly body: string }): string | undefined => {
  const [, version = '', full] = /version="(\d+)" fullState="(true|false)"/.exec(body) ?? []
  if (Number(version) !== cseq - 1) return `version ${version} in NOTIFY ${cseq}`
  if (Number(version) <= phone.version) return undefined
  if (full === 'true') [phone.table, phone.refreshes] = [new Map(), false]
  else if (Number(version) > phone.version + 1) phone.refreshes = true
  phone.version = Number(version)
  for (const [, user = '', state = '', cid] of body.matchAll(/<resource uri="sip:([^"]+)"><instance id="0" state="(\w+)"(?: reason="\w+")?(?: cid="([^"]+)")?/g)) {
    const document = cid === undefined ? '' : body.split(`Content-ID: <${cid}>\r\n`)[1]?.split('\r\n\r\n')[1] ?? 'missing'
    phone.table.set(user, `${state} ${document}`)
  }
  return undefined
}

t.test('lists of ordinary phones: whoever tells what at the same time, the phone ends up with what a poll shows, and asks for it only where a version is missing', async (t) => {
  const random = seeded(seed + 2)
  const fake = createFakeProxy()
  const nodes = createNodes(fake)
  const publishers = ['paul', 'quentin', 'rosa', 'udo'].map((name) => `${name}@nordwind.example`)
  await addUsers(store, [anna, ...publishers], clock.time)
  await nodes[0].register(anna, 'phone')
  const phone: Phone = { version: -1, refreshes: false, table: new Map() }
  const faults: string[] = []
  const inbox: { cseq: number; body: string }[] = []
  let [cseq, toTag] = [0, undefined as string | undefined]
  const pick = (): EngineNode => (random() < 0.5 ? nodes[0] : nodes[1])
  const subscribes = async (users: readonly string[], more: { readonly callId?: string; readonly expires?: number } = {}): Promise<readonly { cseq: number; body: string }[]> => {
    const poll = more.expires === 0
    if (!poll) cseq += 1
    const answer = await pick().sip(resourceListText({ user: anna, epid: 'phone', callId: 'list', cseq: poll ? 1 : cseq, toTag: poll ? undefined : toTag, publishers: users, ...more }))
    if (answer.reply.status !== 200) throw new Error(`${answer.reply.status}`)
    if (!poll) toTag = answer.reply.toTag
    return answer.notify.map(({ h, b }) => ({ cseq: Number(/^CSeq: (\d+)/m.exec(h)?.[1]), body: b }))
  }
  fake.behave = (handed) => {
    if (random() < 0.1) return 'failed'
    if (random() < 0.05) return 'throw'
    inbox.push(handed)
    return 'sent'
  }
  inbox.push(...await subscribes(publishers.slice(0, 3)))
  const versions = new Map<string, number>()
  const publishes = async (publisher: string): Promise<void> => {
    const version = versions.get(publisher) ?? 0
    versions.set(publisher, version + 1)
    const xml = `<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/categories" availability="${[3500, 6500, 15500, 18500][Math.floor(random() * 4)]}"/>`
    await pick().sip(publishText(publisher, `p-${publisher}-${version}`, 1, [{ category: 'legacyInterop', version, data: '', xml }]))
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const work = publishers.filter(() => random() < 0.5).map(publishes)
    if (random() < 0.15) work.push(subscribes(random() < 0.5 ? [] : publishers.filter(() => random() < 0.7).concat(anna)).then((told) => { inbox.push(...told) }))
    await Promise.all(work)
    if (random() < 0.3) {
      clock.time += 500
      for (const { delivery } of nodes) await delivery.payDeferred()
    }
  }
  fake.behave = (handed) => {
    inbox.push(handed)
    return 'sent'
  }
  t.ok(await quiesce(nodes, clock), 'nothing is left to tell')
  for (const told of inbox.splice(0)) faults.push(...[take(phone, told)].flatMap((fault) => fault ?? []))
  if (phone.refreshes) for (const told of await subscribes([])) take(phone, told)
  t.same(faults, [])
  const shown: Phone = { version: -1, refreshes: false, table: new Map() }
  const watched = (await store.pool.query<{ publisher: string }>('SELECT publisher FROM dialog_resource')).rows.map((row) => row.publisher)
  for (const told of await subscribes(watched, { callId: 'poll', expires: 0 })) take(shown, told)
  t.same([...phone.table].sort(), [...shown.table].sort(), `seed ${seed}`)
  t.ok(phone.version > 10)
  t.same(nodes.flatMap(({ errors }) => errors), [])
})
