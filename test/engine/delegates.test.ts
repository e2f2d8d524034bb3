import t from 'tap'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/** Who may act for a publisher (2.2.2.10, 3.9). */

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people

const begin = async (scope: readonly string[] = ['delegates']) => {
  const boss = world.client(anna)
  await boss.registers()
  await boss.subscribesSelf(scope)
  return boss
}

/** Status and list of an answer. */
const told = ({ status, says }: Heard): readonly [number, readonly string[]] => [status, says]

t.test('3.9.5.2: add, modify, remove: each moves the version, answers with the whole list, and is told', async (t) => {
  const boss = await begin()
  t.strictSame((await boss.subscribesSelf(['delegates'], { headers: { Expires: '0' } })).answer.says, ['delegates v0: 0'])
  for (const [version, delegate, list] of [
    [0, { user: boris, action: 'add' }, `delegates v1: ${boris}`],
    [1, { user: gerd, action: 'add', publish: 'allow', redelegate: 'deny' }, `delegates v2: ${boris}, ${gerd} publish`],
    [2, { user: boris, action: 'modify', publish: 'deny', redelegate: 'allow' }, `delegates v3: ${boris} redelegate, ${gerd} publish`],
    [3, { user: gerd, action: 'remove' }, `delegates v4: ${boris} redelegate`],
    [4, { user: boris, action: 'remove', publish: 'allow' }, 'delegates v5: 0'],
  ] as const) {
    const answer = await boss.setsDelegates(version, delegate)
    t.strictSame(told(answer), [200, [list]], `version ${version}`)
    t.equal(answer.header('Content-Type'), 'application/vnd-microsoft-roaming-self+xml')
    const [heard, ...more] = boss.hears()
    t.strictSame([heard?.says, heard?.body, more], [[list], answer.body, []])
  }
  t.strictSame((await boss.subscribesSelf(['delegates'], { headers: { Expires: '0' } })).answer.says, ['delegates v5: 0'], 'the version outlives the last delegate')
})

t.test('3.9.5.2: add of an existing and modify of a missing one are fine; what is not allowed is denied', async (t) => {
  const boss = await begin()
  t.strictSame(told(await boss.setsDelegates(0, { user: boris, action: 'modify', publish: 'allow', redelegate: 'allow' })), [200, [`delegates v1: ${boris} publish redelegate`]])
  t.strictSame(told(await boss.setsDelegates(1, { user: boris, action: 'add', redelegate: 'allow' })), [200, [`delegates v2: ${boris} redelegate`]])
  t.strictSame(told(await boss.setsDelegates(2, { user: boris, action: 'modify' })), [200, [`delegates v3: ${boris}`]], 'absent means deny')
  t.strictSame(told(await boss.setsDelegates(3, { user: boris, action: 'add' })), [200, [`delegates v4: ${boris}`]], 'a change that changes nothing counts')
  t.equal(boss.hears().length, 4)
})

t.test('3.9.5.2: a delegate is any user of the deployment, also one whom another pool serves', async (t) => {
  const boss = await begin()
  await world.sets('away@nordwind.example', { displayName: 'Away' }, { homePool: 'sip:pool2.nordwind.example' })
  t.strictSame(told(await boss.setsDelegates(0, { user: 'away@nordwind.example', action: 'add', publish: 'allow' })), [200, ['delegates v1: away@nordwind.example publish']])
})

t.test('3.9.5.4: refusals change nothing and are told to nobody', async (t) => {
  const boss = await begin()
  await boss.setsDelegates(0, { user: boris, action: 'add' })
  boss.hears()
  const before = await world.dump()
  for (const [name, status, ask] of [
    ['remove of a missing one', 403, () => boss.setsDelegates(1, { user: gerd, action: 'remove' })],
    ['oneself', 400, () => boss.setsDelegates(1, { user: anna, action: 'add' })],
    ['remove of oneself', 400, () => boss.setsDelegates(1, { user: anna, action: 'remove' })],
    ['a user of another deployment', 404, () => boss.setsDelegates(1, { user: clara, action: 'add' })],
    ['nobody', 404, () => boss.setsDelegates(1, { user: 'nobody@nordwind.example', action: 'modify' })],
    ['remove of nobody', 404, () => boss.setsDelegates(1, { user: 'nobody@nordwind.example', action: 'remove' })],
    ['From is not To', 403, () => world.client(boris).setsDelegates(1, { user: boris, action: 'remove' }, { to: anna })],
    ['no user', 404, () => world.client('nobody@nordwind.example').setsDelegates(0, { user: boris, action: 'add' })],
    ['an action that there is not', 400, () => boss.setsDelegates(1, { user: gerd, action: 'delete' })],
    ['no body', 400, () => boss.setsDelegates(1, { user: gerd, action: 'add' }, { body: '' })],
    ['no XML', 400, () => boss.setsDelegates(1, { user: gerd, action: 'add' }, { body: '<setDelegates' })],
    ['another document', 400, () => boss.setsDelegates(1, { user: gerd, action: 'add' }, { body: '<setDelegates xmlns="http://schemas.microsoft.com/2007/09/sip/delegates" version="1"/>' })],
  ] as const) t.equal((await ask()).status, status, name)
  t.strictSame(boss.hears(), [])
  t.strictSame(await world.dump(), before)
})

t.test('2.2.2.10.4: 409 with both versions; nothing changes, and the version is judged first', async (t) => {
  const boss = await begin()
  await boss.setsDelegates(0, { user: boris, action: 'add' })
  await boss.setsDelegates(1, { user: gerd, action: 'add' })
  boss.hears()
  const before = await world.dump()
  for (const version of [0, 1, 3, 4_294_967_295]) {
    const stale = await boss.setsDelegates(version, { user: boris, action: 'remove' })
    t.strictSame(told(stale), [409, [`stale 1: ${version}, is 2 ""`]])
    t.equal(stale.header('Content-Type'), 'application/msrtc-fault+xml')
    t.match(stale.header('ms-diagnostics'), /^2141;reason="Delegate version is out of date"/)
    t.match(stale.body, '<Faultcode>Client.BadCall.WrongDelta</Faultcode>')
  }
  t.equal((await boss.setsDelegates(1, { user: anna, action: 'add' })).status, 409, 'before anything else')
  t.strictSame(boss.hears(), [])
  t.strictSame(await world.dump(), before)
  const refused = await world.client(boris).setsDelegates(1, { user: anna, action: 'add' })
  t.strictSame(told(refused), [409, ['stale 1: 1, is 0 ""']], 'each user has a list of its own')
})

t.test('3.9.5.4: 413 for one too many; what there is can be changed, and removal makes room', async (t) => {
  const boss = await begin()
  await world.adds('hugo@nordwind.example')
  await boss.setsDelegates(0, { user: boris, action: 'add' })
  await boss.setsDelegates(1, { user: gerd, action: 'add' })
  for (const action of ['add', 'modify']) t.equal((await boss.setsDelegates(2, { user: 'hugo@nordwind.example', action })).status, 413, action)
  t.equal((await boss.setsDelegates(2, { user: gerd, action: 'modify', publish: 'allow' })).status, 200)
  t.equal((await boss.setsDelegates(3, { user: gerd, action: 'remove' })).status, 200)
  t.strictSame(told(await boss.setsDelegates(4, { user: 'hugo@nordwind.example', action: 'add' })), [200, [`delegates v5: ${boris}, hugo@nordwind.example`]])
})

t.test('3.9.5.2: who has left the deployment can still be removed, but not changed', async (t) => {
  const boss = await begin()
  await boss.setsDelegates(0, { user: boris, action: 'add' })
  for (const table of ['publisher WHERE publisher', 'presence_user WHERE user_uri']) await world.store.pool.query(`DELETE FROM ${table} = '${boris}'`)
  t.equal((await boss.setsDelegates(1, { user: boris, action: 'modify', publish: 'allow' })).status, 404)
  t.strictSame(told(await boss.setsDelegates(1, { user: boris, action: 'remove' })), [200, ['delegates v2: 0']])
})

t.test('3.9.5.3: every self dialog with delegates in its scope hears it, no other one does', async (t) => {
  const boss = await begin(['delegates'])
  const [wide, narrow] = [world.client(anna, 'wide'), world.client(anna, 'narrow')]
  for (const client of [wide, narrow]) await client.registers()
  await wide.subscribesSelf()
  await narrow.subscribesSelf(['categories', 'containers', 'subscribers'])
  await narrow.subscribesContacts()
  const watcher = world.client(boris)
  await watcher.registers()
  await watcher.subscribesSelf()
  await watcher.subscribes([anna], ['note'])
  await wide.setsDelegates(0, { user: boris, action: 'add' })
  t.strictSame([boss.learns(), wide.learns(), narrow.learns(), watcher.learns()], [[[`delegates v1: ${boris}`]], [[`delegates v1: ${boris}`]], [], []])
})

t.test('design 18: a repeated request is carried out once and answered with the list as it is by then', async (t) => {
  const boss = await begin()
  const first = await boss.setsDelegates(0, { user: boris, action: 'add' }, { callId: 'same', cseq: 5 })
  const second = await boss.setsDelegates(0, { user: boris, action: 'add' }, { callId: 'same', cseq: 5 })
  t.strictSame([told(second), second.toTag, second.body], [[200, [`delegates v1: ${boris}`]], first.toTag, first.body])
  t.equal(boss.hears().length, 1)
  await boss.setsDelegates(1, { user: gerd, action: 'add' })
  t.strictSame(told(await boss.setsDelegates(0, { user: boris, action: 'add' }, { callId: 'same', cseq: 5 })), [200, [`delegates v2: ${boris}, ${gerd}`]])
  t.equal((await boss.setsDelegates(0, { user: boris, action: 'add' }, { callId: 'same', cseq: 6 })).status, 409, 'the next one is another one')
})

t.test('4.12.1: the media type as the documents print it, with a blank in it', async (t) => {
  const boss = await begin()
  t.equal((await boss.setsDelegates(0, { user: boris, action: 'add' }, { headers: { 'Content-Type': 'application/msrtc-setDelegate +xml' } })).status, 200)
})

t.test('of two endpoints that change one version at the same moment, one is first', async (t) => {
  const boss = await begin()
  const other = world.client(anna, 'other')
  await other.registers()
  const answers = await Promise.all([boss.setsDelegates(0, { user: boris, action: 'add' }), other.setsDelegates(0, { user: gerd, action: 'add' })])
  await world.delivery.idle()
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 409])
  t.equal(boss.hears().length, 1)
})

t.test('design 2.2: changes that could not be told are told as the latest list', async (t) => {
  const boss = await begin()
  world.proxies.kam1.failing.add(boss.flow)
  await boss.setsDelegates(0, { user: boris, action: 'add' })
  await boss.setsDelegates(1, { user: gerd, action: 'add' })
  world.restart()
  world.proxies.kam1.failing.clear()
  world.advance(60)
  await world.timers()
  t.strictSame(boss.learns(), [[`delegates v2: ${boris}, ${gerd}`]])
})
