import t from 'tap'
import { noTouch } from '../../src/core/model/touch.ts'
import { createKnownPublishers, type KnownPublisher } from '../../src/store/known-publishers.ts'
import { readForPublish, writePublishes, type PublishWrite } from '../../src/store/publish-hot-path.ts'
import { applyOutcome, lockForContacts } from '../../src/store/publisher.ts'
import { createSender } from '../../src/store/sender.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { shareRuns } from '../../src/store/share-runs.ts'
import { createUser } from '../../src/store/users.ts'
import { needsServer, openTestStore } from '../support/database.ts'
import { anna, AWKWARD, bert, carl, sampleInstance } from './samples.ts'

const { store, reset } = await openTestStore(t)
const session = poolSession(store.pool)
t.beforeEach(reset)

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('shared runs: who comes while one is under way shares the next one; equal keys never meet; one that fails takes nobody along', async (t) => {
  const runs: string[][] = []
  let release: (() => void)[] = []
  const shared = shareRuns<string, string>({
    run: async (items) => {
      runs.push([...items])
      await new Promise<void>((resolve) => { release.push(resolve) })
      if (items.includes('bad')) throw new Error('one of them is bad')
      return items.map((item) => item.toUpperCase())
    },
    keyOf: (item) => item.slice(0, 1), most: 3, concurrency: 1,
  })
  const next = async (): Promise<void> => {
    await turn()
    const [first, ...others] = release
    release = others
    first?.()
    await turn()
  }
  const [a, b] = [shared('a1'), shared('b1')]
  await turn()
  t.same(runs, [['a1', 'b1']], 'what comes with one turn of the event loop goes together')
  const later = ['c', 'd', 'd2', 'e', 'f'].map(shared)
  await next()
  t.same(await Promise.all([a, b]), ['A1', 'B1'])
  t.same(runs.at(-1), ['c', 'd', 'e'], 'three at most, and one of each key')
  await next()
  await next()
  t.same(await Promise.all(later), ['C', 'D', 'D2', 'E', 'F'])
  const [bad, good] = [shared('bad'), shared('good')]
  bad.catch(() => undefined)
  for (let step = 0; step < 3; step += 1) await next()
  await t.rejects(bad, /bad/)
  t.equal(await good, 'GOOD')
  t.same(runs.slice(-3), [['bad', 'good'], ['bad'], ['good']])
})

const known = (publisher: string, weight: number, revision = 1): KnownPublisher => ({ publisher, revision, instances: [], endpoints: [], weight })

t.test('what is remembered of publishers is bounded by weight; the longest unused go first', async (t) => {
  const memory = createKnownPublishers(10_000)
  for (const name of ['a', 'b', 'c']) memory.put(known(name, 2_000))
  t.ok(memory.get('a'), 'used last')
  memory.put(known('d', 2_000))
  t.same(['a', 'b', 'c', 'd'].filter((name) => memory.get(name) !== undefined), ['a', 'c', 'd'])
  memory.put(known('a', 8_500, 2))
  t.same(['a', 'c', 'd'].filter((name) => memory.get(name) !== undefined), ['a'])
  t.equal(memory.get('a')?.revision, 2, 'the newer one in its place')
  memory.put(known('huge', 50_000))
  t.same(['a', 'huge'].filter((name) => memory.get(name) !== undefined), [], 'nor more than fits')
  memory.put(known('e', 1))
  memory.forgetAll()
  t.equal(memory.get('e'), undefined)
})

t.test('numbers of a dialog are used by one transaction at a time; after one that failed this node is another sender', async (t) => {
  let made = 0
  const sender = createSender(() => `sender-${(made += 1)}`)
  const [one, two] = [{ subscriber: anna, localTag: 'a' }, { subscriber: anna, localTag: 'b' }]
  const release = await sender.begin([one, two])
  let begun = false
  const second = sender.begin([two]).then((end) => { begun = true; return end })
  const other = await sender.begin([{ subscriber: bert, localTag: 'a' }])
  await turn()
  t.equal(begun, false, 'whose outcome is not known yet')
  sender.renew()
  release()
  const end = await second
  t.ok(begun)
  t.equal(sender.id(), 'sender-2')
  end()
  other()
  ;(await sender.begin([one, two]))()
})

const write = (publisher: string, revision: number, cseq: number, payload: string): PublishWrite => ({
  publisher, callId: 'call', cseq, fromTag: 'tag', revision, toTag: `to-${cseq}`, trace: 'trace', now: 5,
  outcome: { changes: [{ kind: 'putInstance', instance: sampleInstance({ payload }) }], touch: { ...noTouch, categories: { note: [0] } } },
})

const begin = async (): Promise<void> => transact(store.pool, async (tx) => { for (const user of [anna, bert, carl]) void createUser(tx, user, user, [], 10) })

t.test('a group of publishes: each is written if its publisher has the revision that it was decided on, and no other', async (t) => {
  await begin()
  const key = (publisher: string, cseq: number) => ({ publisher, callId: 'call', cseq, fromTag: 'tag' })
  t.same(await writePublishes(session, [write(anna, 10, 1, AWKWARD), write(bert, 9, 1, 'stale'), write(carl, 10, 1, 'c'), write('nobody@nordwind.example', 10, 1, 'n')]), [true, false, true, false])
  const [first, second, third, none] = await readForPublish(session, [key(anna, 1), key(bert, 1), key(carl, 2), key('nobody@nordwind.example', 1)])
  t.match(first, { answered: 'to-1', known: { publisher: anna, revision: 11, instances: [sampleInstance({ payload: AWKWARD })] } })
  t.match(second, { answered: undefined, known: { revision: 10, instances: [] } })
  t.match(third, { answered: undefined, known: { revision: 11 } })
  t.equal(none, undefined)
  t.same(await writePublishes(session, [write(anna, 11, 1, 'the same request again')]), [false], 'what was answered is not carried out again')
  t.same((await store.pool.query('SELECT publisher, id FROM change ORDER BY publisher')).rows, [{ publisher: anna, id: 11 }, { publisher: carl, id: 11 }], 'a change has the revision that it made')
})

t.test('a publisher whom another transaction holds is passed over, and holds nobody up', { skip: needsServer }, async (t) => {
  await begin()
  await transact(store.pool, async (tx) => {
    await lockForContacts(tx, anna)
    t.same(await writePublishes(session, [write(anna, 10, 1, 'a'), write(bert, 10, 1, 'b')]), [false, true])
    await applyOutcome(tx, anna, { changes: [{ kind: 'putInstance', instance: sampleInstance() }], touch: noTouch }, 'x', 1)
  })
  t.same(await writePublishes(session, [write(anna, 10, 1, 'a')]), [false], 'its revision has moved')
})
