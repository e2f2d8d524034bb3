import t from 'tap'
import { notes, removal } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

t.test('design 16: a client that runs into the same conflict for ever is stopped, told to pause, and forgiven', async (t) => {
  const client = world.client(anna)
  const other = world.client(anna, 'laptop')
  await client.registers()
  await other.registers()
  await client.publishes(notes('stored', [200]))
  const stubborn = () => client.publishes(notes('again', [200]))
  for (let tries = 1; tries <= 25; tries += 1) t.equal((await stubborn()).status, 409, `conflict ${tries}`)
  const stopped = await stubborn()
  t.equal(stopped.status, 500)
  t.match(stopped.header('Retry-After'), /^\d+$/)
  t.equal(world.engine.conflicts.storms(), 1, 'and counted')
  t.equal((await other.publishes(notes('again', [200]))).status, 409, 'another endpoint has a run of its own')
  t.equal((await client.publishes(notes('elsewhere', [300]))).status, 200, 'other instances are not concerned')
  t.equal((await client.publishes(notes('taken in', [200], 1))).status, 200, 'the current version is always welcome')
  t.equal((await stubborn()).status, 409, 'a success ends the run')
  for (let tries = 2; tries <= 26; tries += 1) await stubborn()
  world.advance(11)
  t.equal((await stubborn()).status, 409, 'ten seconds later the run has ended too')
})

t.test('3.2.5.5: an endpoint that lost its connection is given a while to come back, and then loses nothing', async (t) => {
  await world.reset({ lostConnectionGraceMs: 5_000 })
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers({ granted: 7200 })
  await client.publishes([{ category: 'device', container: 0, expireType: 'endpoint', data: 'pc' }, { category: 'state', container: 0, expireType: 'user', data: 'here' }, ...notes('stays', [0])])
  const self = await client.subscribesSelf()
  await watcher.subscribes([anna], ['device', 'state', 'note'])
  await client.losesBinding({ connectionLost: true })
  world.advance(4)
  await world.timers()
  t.strictSame(watcher.hears(), [], 'nobody hears of a short loss')
  t.equal((await client.registers()).action, 'refreshed')
  world.advance(30)
  await world.timers()
  t.strictSame(watcher.hears(), [])
  t.equal((await self.refreshes()).status, 200, 'its dialogs live on')

  await client.losesBinding({ connectionLost: true })
  world.advance(6)
  await world.timers()
  t.strictSame(watcher.learns(), [['device (none)', 'state (none)']], 'not back in time: endpoint and user publications go')
  t.equal(await world.count('endpoint'), 1)
})

t.test('3.2.5.5: what is told while the connection is lost waits for the endpoint, and reaches it on its new connection', async (t) => {
  await world.reset({ lostConnectionGraceMs: 5_000 })
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await watcher.subscribes([anna], ['note'])
  world.proxies.kam1.gone.add(watcher.flow)
  await watcher.losesBinding({ connectionLost: true })
  await client.publishes(notes('meanwhile', [0]))
  t.strictSame(watcher.hears(), [])
  watcher.flow = 'tcp/new'
  await watcher.registers()
  world.advance(2)
  await world.timers()
  t.match(watcher.learns().join(), /meanwhile/)
})

t.test('3.2.6.1: a time-bounded instance is gone at its second whatever the timer does; re-creation starts at 1', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await client.publishes([{ category: 'note', container: 0, expireType: 'time', expires: 60, data: 'timed' }])
  world.advance(59)
  t.match((await watcher.subscribes([anna], ['note'])).answer.says.join(), /timed/)
  world.advance(1)
  t.strictSame((await watcher.subscribes([anna], ['note'])).answer.says, ['note (none)'], 'no timer has run')
  t.strictSame((await client.publishes(notes('new', [0]))).says, ['note#0 in 0 v1 static "new"'])
  t.equal((await client.publishes([removal('note', 0, 1)])).status, 200)
})
