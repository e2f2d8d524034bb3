import t from 'tap'
import { cutBatches } from '../../src/delivery/kamailio.ts'
import { createProxies } from '../../src/delivery/proxies.ts'
import type { NotifyInstruction } from '../../src/core/model/dialog.ts'
import { notes } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, gerd } = people

t.test('3.4.5.1.3: contacts that do not fit into one answer are told right after it', async (t) => {
  const watcher = world.client(boris)
  await watcher.registers()
  for (const user of [anna, gerd]) {
    const client = world.client(user)
    await client.registers()
    await client.publishes(notes(user.slice(0, 4).padEnd(12_000, 'x'), [0]))
  }
  const dialog = await watcher.subscribes([anna, gerd], ['note'])
  t.equal(dialog.answer.status, 200)
  t.equal(dialog.answer.says.length, 1, 'one fits')
  world.advance(1)
  await world.timers()
  t.match(watcher.learns().join(), /gerdx|annax/, 'the other follows')
})

t.test('3.2.5.1.2: all publications of a user together have a limit, empty ones count too', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxPublisherBytes: 2_000 } })
  const client = world.client(anna)
  await client.registers()
  const before = await world.dump()
  t.equal((await client.publishes(Array.from({ length: 8 }, (_, instance) => ({ category: 'note', container: 0, instance })))).status, 413)
  t.strictSame(await world.dump(), before)
  t.equal((await client.publishes(Array.from({ length: 7 }, (_, instance) => ({ category: 'note', container: 0, instance })))).status, 200)
  const over = await client.publishes([{ category: 'state', container: 0, data: 'busy' }])
  t.equal(over.status, 413)
  t.match(over.header('ms-diagnostics'), /^2010;/)
  t.equal((await client.publishes([{ category: 'note', container: 0, version: 1, expires: 0 }])).status, 200, 'freeing is always possible')
})

const instruction = (b: string, flow = 'f'): NotifyInstruction => ({ m: 'BENOTIFY', ruri: 'sip:a@b', flow, h: 'X: y\r\n', b })

t.test('design 2.2: one instruction that no proxy can carry does not hold up the others', async (t) => {
  const batches = cutBatches([instruction('a'), instruction('x'.repeat(600_000)), instruction('b')])
  t.same(batches.flatMap(({ places }) => places), [0, 2])
  t.equal(cutBatches(Array.from({ length: 120 }, () => instruction('a'))).length, 3)
  t.ok(cutBatches(Array.from({ length: 10 }, () => instruction('x'.repeat(90_000)))).every(({ json }) => Buffer.byteLength(json) <= 200_000))
})

t.test('design 2.2: what a proxy took before it failed stays taken; it rests for a while', async (t) => {
  let now = 0
  let asked = 0
  const proxies = createProxies(new Map([['p', { close: () => undefined, deliver: async (instructions) => { asked += 1; return { results: instructions.map((_, at) => (at === 0 ? 'sent' as const : 'unreached' as const)), error: new Error('cut off') } } }]]), () => now, () => 0, () => undefined)
  t.same(await proxies.handOver('p', [instruction('a'), instruction('b')], 'brief'), { results: ['sent', 'unreached'], trouble: 'cut off' })
  t.same((await proxies.handOver('p', [instruction('a')], 'brief')).results, ['unreached'])
  t.equal(asked, 1, 'not asked while it rests')
  now = 60_000
  await proxies.handOver('p', [instruction('a')], 'brief')
  t.equal(asked, 2)
  t.match(await proxies.handOver('nobody', [instruction('a')], 'brief'), { results: ['unreached'], trouble: /no proxy/ })
})

t.test('3.4.5.1.1: in a dialog its kind counts: a single one is refreshed with the option tags of a batch too', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(people.clara)]
  await client.registers()
  await client.publishes(notes('hello', [0]))
  const dialog = await watcher.subscribesOne(anna, ['note'])
  t.equal(dialog.answer.status, 200)
  const refreshed = await dialog.refreshes({ headers: { Require: 'adhoclist, categoryList', 'Content-Type': 'application/msrtc-adrl-categorylist+xml' }, body: '<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe"><action name="subscribe"><adhocList><resource uri="sip:anna@nordwind.example"/></adhocList><categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist"><category name="note"/></categoryList></action></batchSub>' })
  t.equal(refreshed.status, 200)
  t.strictSame(refreshed.says, ['note#0 "hello"'])
})
