import t from 'tap'
import { added, batchBody, notes } from '../support/bodies.ts'
import type { Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/** Who wants a publisher to know of the subscription: context elements, the list, and its acknowledgement (1.3.1.4, 2.2.2.6, 3.4.5.1.3, 3.6). */

const world = await openWorld(t)
const { anna, boris, clara, dan, finn, gerd } = people

/** Anna at home with a self subscription of the given scope, and Boris signed in. */
const begin = async (scope: readonly string[] = ['subscribers']) => {
  const [publisher, watcher] = [world.client(anna), world.client(boris)]
  await publisher.registers()
  await watcher.registers()
  await publisher.publishes(notes('hello', [0]))
  const self = await publisher.subscribesSelf(scope)
  return { publisher, watcher, self }
}

/** What the rejection list of an answer says of each resource. */
const rejections = ({ documents: [list] }: Heard): readonly object[] => (list?.children ?? []).map(({ attributes, children }) => ({ ...attributes, ...children[0]?.attributes }))

/** The list as its owner polls it. */
const listOf = async (user: string): Promise<readonly string[]> => (await world.client(user).subscribesSelf(['subscribers'], { headers: { Expires: '0' } })).answer.says

const quotaExceeded = (user: string): object => ({ uri: `sip:${user}`, id: '0', state: 'terminated', reason: 'quotaExceeded', statusCode: '413', cid: user })

t.test('3.4.5.1.3: a context, empty or not, enters the subscriber once; the owner is told at once, and only once', async (t) => {
  const { publisher, watcher } = await begin()
  const dialog = await watcher.subscribes([added(anna)], ['note'])
  t.strictSame([dialog.answer.status, dialog.answer.says], [200, ['note#0 "hello"']])
  const [heard, ...more] = publisher.hears()
  t.strictSame(more, [])
  t.strictSame(heard?.says, [`subscriber ${boris} "boris" sameEnterprise`])
  t.equal(heard?.header('CSeq'), '2 BENOTIFY')
  t.strictSame((await watcher.subscribes([added(anna)], ['note'])).answer.status, 200, 'again, in another dialog')
  watcher.hears()
  t.equal((await dialog.refreshes()).status, 481)
  t.strictSame(publisher.hears(), [], 'who is on the list is not told again')
  t.strictSame(await listOf(anna), [`subscriber ${boris} "boris" sameEnterprise`])
})

t.test('3.4.5.1.3: without a context nobody is entered, nor by a poll, by an unsubscription, or on the own list', async (t) => {
  const { publisher, watcher } = await begin()
  const dialog = await watcher.subscribes([anna], ['note'])
  t.equal((await dialog.sends({ body: batchBody([{ name: 'unsubscribe', publishers: [added(anna)], categories: ['note'] }]) })).status, 200)
  t.equal((await watcher.subscribes([added(anna)], ['note'], { headers: { Expires: '0' } })).answer.status, 200)
  t.strictSame((await publisher.subscribes([added(anna)], ['note'])).answer.says, ['note#0 "hello"'])
  t.strictSame(publisher.hears(), [])
  t.equal(await world.count('subscriber_entry'), 0)
})

t.test('3.4.5.1.3: several contexts in one batch, in a refresh too; who cannot be watched here gets none', async (t) => {
  const { publisher, watcher } = await begin()
  const other = world.client(gerd)
  await other.registers()
  await other.subscribesSelf(['subscribers'])
  const dialog = await watcher.subscribes([added(anna), added(clara), added('nobody@nordwind.example')], ['note'])
  t.strictSame(dialog.answer.says, [`rejected sip:${clara} resubscribe`, 'rejected sip:nobody@nordwind.example resubscribe', 'note#0 "hello"'])
  t.strictSame([publisher.learns(), other.learns()], [[[`subscriber ${boris} "boris" sameEnterprise`]], []])
  t.strictSame((await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [added(gerd), added(anna)], categories: ['note'] }]) })).says, ['note (none)', 'note#0 "hello"'])
  t.strictSame([publisher.learns(), other.learns()], [[], [[`subscriber ${boris} "boris" sameEnterprise`]]])
  t.equal(await world.count('subscriber_entry'), 2)
})

t.test('2.2.2.6.1: the directory names our own users, From all others; a name that cannot be shown is the address', async (t) => {
  const { publisher, watcher } = await begin()
  await watcher.subscribes([added(anna)], ['note'], { displayName: 'The Boss' })
  await world.client(clara).subscribesOne(anna, ['note'], { displayName: 'Clara &amp; Söhne', actions: [{ name: 'subscribe', publishers: [added(anna)], categories: ['note'] }] })
  await world.client(finn).subscribesOne(anna, ['note'], { actions: [{ name: 'subscribe', publishers: [added(anna)], categories: ['note'] }] })
  t.strictSame(publisher.learns().at(-1), [`subscriber ${boris} "boris" sameEnterprise`, `subscriber ${clara} "Clara &amp; Söhne" federated`, `subscriber ${finn} "${finn}" federated`])
})

t.test('3.4.5.1.3: the source network of the SUBSCRIBE is kept, whatever comes later', async (t) => {
  const { publisher, watcher } = await begin()
  const asks = { actions: [{ name: 'subscribe', publishers: [added(anna)], categories: ['note'] }] }
  await world.client(dan).subscribesOne(anna, ['note'], asks)
  await watcher.subscribesOne(anna, ['note'], { ...asks, network: 'federated' })
  t.strictSame(publisher.learns().at(-1), [`subscriber ${boris} "boris" federated`, `subscriber ${dan} "${dan}" publicCloud`])
  await watcher.subscribes([added(anna)], ['note'])
  t.strictSame(await listOf(anna), [`subscriber ${boris} "boris" federated`, `subscriber ${dan} "${dan}" publicCloud`])
})

t.test('3.6.5.1: what stands in a context is copied as it is written; an empty one is left out', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, subscribers: { maxSubscribers: 9, maxContextBytes: 2_000, maxContextsBytes: 9_000 } } })
  const { publisher, watcher } = await begin()
  const odd = `<watcher xmlns='urn:w' xmlns:w="urn:w" w:b="1&lt;2"  a='ä'><!-- seen -->x<![CDATA[<y>]]>&#x41;<contactList xmlns=""/></watcher>`
  await watcher.subscribes([{ user: anna, context: odd }], ['note'])
  const [first] = publisher.hears()
  t.ok(first?.body.includes(`<context>${odd}</context>`), first?.body ?? '')
  await world.client(clara).subscribesOne(anna, ['note'], { actions: [{ name: 'subscribe', publishers: [{ user: anna, context: '<hello/>' }], categories: ['note'] }] })
  await world.client(dan).subscribesOne(anna, ['note'], { actions: [{ name: 'subscribe', publishers: [{ user: anna, context: ' \r\n ' }], categories: ['note'] }] })
  const [, ofClara, ofDan] = publisher.hears().at(-1)?.documents[0]?.children[0]?.children ?? []
  t.equal(ofClara?.children[0]?.children[0]?.name, '{http://schemas.microsoft.com/2006/01/sip/batch-subscribe}hello', 'its namespace comes along')
  t.strictSame([ofDan?.attributes['user'], ofDan?.children], [dan, []])
})

t.test('2.2.2.4.1: a delegation context reaches the delegate', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, subscribers: { maxSubscribers: 9, maxContextBytes: 2_000, maxContextsBytes: 9_000 } } })
  const [boss, delegate] = [world.client(boris), world.client(anna)]
  await boss.registers()
  await delegate.registers()
  await delegate.subscribesSelf(['subscribers', 'delegates'])
  t.equal((await boss.setsDelegates(0, { user: anna, action: 'add', publish: 'allow' })).status, 200)
  t.strictSame(delegate.hears(), [], 'the list of the delegator is not the business of the delegate')
  const context = '<subscriptionContext xmlns="http://schemas.microsoft.com/2008/09/sip/SubscriptionContext" majorVersion="1" minorVersion="0"><watcher><contactList/></watcher><delegation/></subscriptionContext>'
  await boss.subscribes([{ user: anna, context }], ['note'])
  const [heard, ...more] = delegate.hears()
  t.strictSame(more, [])
  t.strictSame(heard?.says, [`subscriber ${boris} "boris" sameEnterprise with context`])
  const [inside] = heard?.documents[0]?.children[0]?.children[0]?.children[0]?.children ?? []
  t.strictSame([inside?.name, inside?.children.map(({ name }) => name.replace(/.*\}/, ''))], ['{http://schemas.microsoft.com/2008/09/sip/SubscriptionContext}subscriptionContext', ['watcher', 'delegation']])
})

t.test('3.6.5.2: every self dialog with subscribers in its scope hears the whole list, no other one does', async (t) => {
  const { publisher, watcher } = await begin(['subscribers', 'categories'])
  const [narrow, wide] = [world.client(anna, 'narrow'), world.client(anna, 'wide')]
  for (const client of [narrow, wide]) await client.registers()
  await narrow.subscribesSelf(['categories', 'containers', 'delegates'])
  await wide.subscribesSelf()
  await wide.subscribesContacts()
  await watcher.subscribes([added(anna)], ['note'])
  await world.client(dan).subscribesOne(anna, ['note'], { actions: [{ name: 'subscribe', publishers: [added(anna)], categories: ['note'] }] })
  const both = [`subscriber ${boris} "boris" sameEnterprise`, `subscriber ${dan} "${dan}" publicCloud`]
  t.strictSame([publisher.learns(), narrow.learns(), wide.learns()], [[both.slice(0, 1), both], [], [both.slice(0, 1), both]])
  await publisher.setsSubscribers(boris)
  t.strictSame([publisher.learns(), narrow.learns(), wide.learns()], [[both.slice(1)], [], [both.slice(1)]], 'the one that acknowledged hears it too')
})

t.test('3.6.5.1: setSubscribers acknowledges, removes, and tells; a new context enters anew', async (t) => {
  const { publisher, watcher } = await begin()
  await watcher.subscribes([added(anna)], ['note'])
  publisher.hears()
  const answer = await publisher.setsSubscribers(`sip:${boris}`)
  t.strictSame([answer.status, answer.body, answer.header('Content-Type')], [200, '', undefined])
  t.strictSame(publisher.learns(), [['subscribers: 0']])
  t.equal(await world.count('subscriber_entry'), 0)
  await publisher.publishes(notes('still watched', [0], 1))
  t.strictSame(watcher.learns(), [['note#0 "still watched"']], 'the subscription itself is not concerned')
  await watcher.subscribes([added(anna)], ['note'])
  t.strictSame(publisher.learns().at(-1), [`subscriber ${boris} "boris" sameEnterprise`])
})

t.test('3.7.5.3: who entered without a context of its own stays on the list, acknowledged', async (t) => {
  const { publisher, watcher } = await begin()
  await watcher.subscribes([added(anna)], ['note'])
  await world.store.pool.query('UPDATE subscriber_entry SET kept = true, context = NULL')
  publisher.hears()
  t.equal((await publisher.setsSubscribers(boris)).status, 200)
  t.strictSame(publisher.learns(), [[`subscriber ${boris} "boris" sameEnterprise acknowledged`]])
  await publisher.setsSubscribers(boris)
  t.strictSame(publisher.learns(), [[`subscriber ${boris} "boris" sameEnterprise acknowledged`]], '3.6.5.2: told each time')
  await watcher.subscribes([added(anna)], ['note'])
  t.strictSame(publisher.learns(), [], 'no new prompt')
})

t.test('3.6.5.3: refusals of setSubscribers change nothing', async (t) => {
  const { publisher, watcher } = await begin()
  await watcher.subscribes([added(anna)], ['note'])
  publisher.hears()
  const before = await world.dump()
  const unknown = await publisher.setsSubscribers(gerd)
  t.equal(unknown.status, 400)
  t.match(unknown.header('ms-diagnostics'), /^2000;reason="Prompted subscriber does not exist"/)
  t.equal((await watcher.setsSubscribers(boris, { to: anna })).status, 403, 'From is not To')
  t.equal((await publisher.setsSubscribers(boris, { body: '' })).status, 400, 'no body')
  t.match((await publisher.setsSubscribers(boris, { body: '<setSubscribers' })).header('ms-diagnostics'), /^4001;/)
  t.equal((await publisher.setsSubscribers(boris, { body: '<setSubscribers xmlns="http://schemas.microsoft.com/2006/09/sip/presence-subscribers"/>' })).status, 400)
  t.equal((await publisher.setsSubscribers(boris, { headers: { 'Content-Type': 'application/msrtc-presence-setsubscribers+xml' } })).status, 415)
  t.equal((await world.client('nobody@nordwind.example').setsSubscribers(boris)).status, 404)
  t.strictSame(publisher.hears(), [])
  t.strictSame(await world.dump(), before)
})

t.test('3.6.5.3: a full list: a batch is told in its rejection list, and that resource is not watched', async (t) => {
  const { publisher, watcher } = await begin()
  for (const user of [clara, dan, finn]) await world.client(user).subscribesOne(anna, ['note'], { actions: [{ name: 'subscribe', publishers: [added(anna)], categories: ['note'] }] })
  publisher.hears()
  const edges = await world.count('subscription')
  const dialog = await watcher.subscribes([added(anna), gerd], ['note'])
  t.equal(dialog.answer.status, 200)
  t.strictSame(rejections(dialog.answer), [quotaExceeded(anna)])
  t.strictSame(dialog.answer.says.slice(1), ['note (none)'], 'the others are served')
  t.strictSame([publisher.hears(), await world.count('subscription')], [[], edges + 1])
  await publisher.publishes(notes('unseen', [0], 1))
  t.strictSame(watcher.hears(), [])
  t.strictSame((await dialog.refreshes()).says, ['note (none)'])
  const without = await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['note'] }]) })
  t.strictSame(without.says, ['note#0 "unseen"'], 'who does not want to be known may watch')
})

t.test('3.6.5.3: a full list: a single SUBSCRIBE is refused as a whole; a refresh that is refused leaves its dialog as it is', async (t) => {
  const { publisher, watcher } = await begin()
  const asks = { actions: [{ name: 'subscribe', publishers: [added(anna)], categories: ['note'] }] }
  for (const user of [clara, dan, finn]) await world.client(user).subscribesOne(anna, ['note'], asks)
  publisher.hears()
  const before = await world.dump()
  const single = await watcher.subscribesOne(anna, ['note'], asks)
  t.strictSame([single.answer.status, single.answer.body], [413, ''])
  t.strictSame(await world.dump(), before)
  t.equal((await single.refreshes()).status, 481)
  const known = await watcher.subscribesOne(anna, ['note'])
  t.equal((await known.sends({ body: batchBody(asks.actions), headers: { 'Content-Type': 'application/msrtc-adrl-categorylist+xml' } })).status, 413)
  t.strictSame((await known.refreshes()).says, ['note#0 "hello"'], 'RFC 6665 4.1.2.2: it goes on')
  await publisher.setsSubscribers(clara)
  t.equal((await watcher.subscribesOne(anna, ['note'], asks)).answer.status, 200, 'who was acknowledged makes room')
})

t.test('3.4.5.1.3: contexts have a size, one by one and together; an empty one always fits', async (t) => {
  const { publisher, watcher } = await begin()
  const sized = (bytes: number): string => `<c xmlns="urn:c">${'x'.repeat(bytes - 21)}</c>`
  t.equal(Buffer.byteLength(sized(60)), 60)
  const tooLarge = await watcher.subscribes([{ user: anna, context: sized(61) }, gerd], ['note'])
  t.strictSame(rejections(tooLarge.answer), [quotaExceeded(anna)])
  t.equal(await world.count('subscriber_entry'), 0)
  t.strictSame(rejections((await watcher.subscribes([{ user: anna, context: sized(60) }], ['note'])).answer), [])
  const asks = (context: string) => ({ actions: [{ name: 'subscribe', publishers: [{ user: anna, context }], categories: ['note'] }] })
  const single = await world.client(clara).subscribesOne(anna, ['note'], asks(sized(61)))
  t.strictSame([single.answer.status, single.answer.header('ms-diagnostics')?.slice(0, 5)], [413, '4008;'])
  t.equal((await world.client(clara).subscribesOne(anna, ['note'], asks(sized(41)))).answer.status, 413, 'together too much')
  t.equal((await world.client(clara).subscribesOne(anna, ['note'], asks(sized(40)))).answer.status, 200)
  t.equal((await world.client(dan).subscribesOne(anna, ['note'], asks(sized(22)))).answer.status, 413)
  t.equal((await world.client(dan).subscribesOne(anna, ['note'], asks(''))).answer.status, 200)
  t.equal(publisher.hears().length, 3, 'told of each that came in')
})

t.test('design 18: a repeated SUBSCRIBE enters once, a repeated setSubscribers is answered again', async (t) => {
  const { publisher, watcher } = await begin()
  const first = await watcher.subscribes([added(anna)], ['note'], { callId: 'same', fromTag: 'same' })
  const second = await watcher.subscribes([added(anna)], ['note'], { callId: 'same', fromTag: 'same' })
  t.strictSame([second.toTag, second.answer.says], [first.toTag, first.answer.says])
  t.equal(publisher.hears().length, 1)
  const done = await publisher.setsSubscribers(boris, { callId: 'ack', cseq: 3 })
  const again = await publisher.setsSubscribers(boris, { callId: 'ack', cseq: 3 })
  t.strictSame([again.status, again.toTag], [200, done.toTag])
  t.equal(publisher.hears().length, 1)
  t.equal((await publisher.setsSubscribers(boris, { callId: 'ack', cseq: 4 })).status, 400, 'another request is another one')
})

t.test('3.4.5.1.3: two users who add each other at the same moment wait for nobody, and both are told', async (t) => {
  const { publisher, watcher } = await begin()
  await watcher.subscribesSelf(['subscribers'])
  for (let round = 0; round < 5; round += 1) {
    const answers = await Promise.all([watcher.subscribes([added(anna)], ['note']), publisher.subscribes([added(boris)], ['note'])])
    t.strictSame(answers.map(({ answer }) => answer.status), [200, 200])
    await world.delivery.idle()
    t.strictSame([publisher.learns().filter((says) => says.length > 0), watcher.learns().filter((says) => says.length > 0)], [[[`subscriber ${boris} "boris" sameEnterprise`]], [[`subscriber ${anna} "anna" sameEnterprise`]]])
    t.strictSame((await Promise.all([publisher.setsSubscribers(boris), watcher.setsSubscribers(anna)])).map(({ status }) => status), [200, 200])
    await world.delivery.idle()
    t.strictSame([publisher.learns(), watcher.learns()], [[['subscribers: 0']], [['subscribers: 0']]])
  }
})

t.test('3.4.5.1.3: one user added by many endpoints at the same moment has one entry and is told once', async (t) => {
  const { publisher } = await begin()
  const clients = ['one', 'two', 'three', 'four'].map((epid) => world.client(boris, epid))
  for (const client of clients) await client.registers()
  t.strictSame((await Promise.all(clients.map((client) => client.subscribes([added(anna)], ['note'])))).map(({ answer }) => answer.status), [200, 200, 200, 200])
  await world.delivery.idle()
  t.strictSame(publisher.learns(), [[`subscriber ${boris} "boris" sameEnterprise`]])
})

t.test('3.6.5.2: what could not be delivered is told with the whole list later, over a restart', async (t) => {
  const { publisher, watcher } = await begin(['subscribers'])
  world.proxies.kam1.down = true
  await watcher.subscribes([added(anna)], ['note'])
  world.restart()
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  t.strictSame(publisher.learns(), [[`subscriber ${boris} "boris" sameEnterprise`]])
})
