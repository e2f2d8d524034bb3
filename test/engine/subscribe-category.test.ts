import t from 'tap'
import { handleSip } from '../../src/engine/engine.ts'
import { PLAIN, type Client } from '../support/client.ts'
import { added, batchBody, notes, publishBody, removal } from '../support/bodies.ts'
import { cutParts, type Heard } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, finn, gerd } = people

const sees = (answer: { readonly says: readonly string[] }): readonly string[] => answer.says

/** Anna and Boris registered, Anna with a note for all. */
const begin = async () => {
  const [publisher, watcher] = [world.client(anna), world.client(boris)]
  await publisher.registers()
  await watcher.registers()
  await publisher.publishes(notes('for all', [0]))
  return { publisher, watcher }
}

t.test('4.5: a batch: subscribe, hear, add, remove, cancel', async (t) => {
  const { publisher, watcher } = await begin()
  const other = world.client(gerd)
  await other.registers()
  await other.publishes([{ category: 'note', container: 0, data: 'from gerd' }, { category: 'note', container: 0, instance: 3, data: 'more' }])
  const dialog = await watcher.subscribes([anna], ['note', 'state'])
  t.equal(dialog.answer.status, 200)
  t.equal(dialog.answer.header('ms-piggyback-cseq'), '1')
  t.strictSame(sees(dialog.answer), ['note#0 "for all"', 'state (none)'])
  await publisher.publishes(notes('changed', [0], 1))
  await other.publishes(notes('not watched yet', [0], 1))
  t.strictSame(watcher.hears().map((heard) => [heard.header('CSeq'), heard.header('Content-Type'), heard.says]), [['2 BENOTIFY', 'application/msrtc-event-categories+xml', ['note#0 "changed"']]])
  const added = await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [gerd], categories: ['note'] }]) })
  t.equal(added.header('ms-piggyback-cseq'), '3')
  t.strictSame(sees(added), ['note#0 "not watched yet"', 'note#3 "more"'], 'the data of what was added')
  const removed = await dialog.sends({ body: batchBody([{ name: 'unsubscribe', publishers: [anna], categories: ['state', 'note'] }]) })
  t.strictSame(sees(removed), [])
  t.equal(removed.header('ms-piggyback-cseq'), '4')
  await publisher.publishes(notes('nobody hears', [0], 2))
  await other.publishes([removal('note', 0, 2)])
  t.strictSame(watcher.hears().map((heard) => [heard.header('CSeq'), heard.says]), [['5 BENOTIFY', ['note#3 "more"']]])
  const cancelled = await dialog.cancels()
  t.strictSame([cancelled.status, cancelled.body, cancelled.header('Expires')], [200, '', '0'])
  for (const table of ['dialog', 'dialog_resource', 'subscription', 'deferred']) t.equal(await world.count(table), 0, table)
  t.equal((await dialog.refreshes()).status, 481)
})

t.test('2.2.2.4.2: the form of the answer', async (t) => {
  const { watcher } = await begin()
  const { answer } = await watcher.subscribes([anna, clara], ['note'])
  const type = answer.header('Content-Type') ?? ''
  t.match(type, /^multipart\/related; type="application\/rlmi\+xml";start=resourceList;boundary=[A-Za-z0-9]+$/)
  t.equal(answer.header('Require'), 'eventlist')
  t.equal(answer.header('Event'), 'presence')
  const parts = cutParts(type, answer.body)
  t.strictSame(parts.map(({ headers }) => headers), [
    ['Content-Transfer-Encoding: binary', 'Content-ID: resourceList', 'Content-Type: application/rlmi+xml'],
    ['Content-Transfer-Encoding: binary', 'Content-Type: application/msrtc-event-categories+xml'],
  ])
  const [list, categories] = answer.documents
  t.strictSame(list?.attributes, { fullState: 'false', uri: 'sip:boris@nordwind.example', version: '0' })
  t.strictSame(list?.children[0]?.attributes, { uri: 'sip:clara@suedwind.example' })
  t.strictSame(list?.children[0]?.children[0]?.attributes, { cid: clara, id: '0', state: 'resubscribe' })
  t.equal(categories?.attributes['uri'], 'sip:anna@nordwind.example')
  t.strictSame(Object.keys(categories?.children[0]?.attributes ?? {}), ['instance', 'name', 'publishTime'], 'watchers learn neither container nor version nor expiry')
})

t.test('3.4.5.1.3.1: foreign and unknown users are rejected with resubscribe, the rest is served', async (t) => {
  const { watcher } = await begin()
  const { answer } = await watcher.subscribes([clara, anna, 'nobody@nordwind.example'], ['note'])
  t.equal(answer.status, 200)
  t.strictSame(sees(answer), ['rejected sip:clara@suedwind.example resubscribe', 'rejected sip:nobody@nordwind.example resubscribe', 'note#0 "for all"'])
  const none = await watcher.subscribes([clara], ['note'])
  t.equal(none.answer.status, 200)
  t.strictSame(sees(none.answer), ['rejected sip:clara@suedwind.example resubscribe'])
})

t.test('several actions in one request, subscribe and unsubscribe', async (t) => {
  const { publisher, watcher } = await begin()
  await world.client(gerd).registers()
  const dialog = await watcher.subscribes([anna], ['note', 'state'])
  const both = await dialog.sends({ body: batchBody([{ name: 'unsubscribe', publishers: [anna], categories: ['state'] }, { name: 'subscribe', publishers: [gerd], categories: ['note'] }]) })
  t.strictSame(sees(both), ['note (none)'])
  t.strictSame((await dialog.refreshes()).says, ['note#0 "for all"', 'note (none)'], 'a refresh without body shows all that is watched')
  await publisher.publishes([{ category: 'state', container: 0, data: 'busy' }])
  t.strictSame(watcher.hears(), [])
  t.strictSame(sees(await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['state'] }]) })), ['state#0 "busy"'])
  t.strictSame((await dialog.refreshes()).says, ['note#0 "for all"', 'state#0 "busy"', 'note (none)'])
  t.equal((await dialog.sends({ body: batchBody([{ name: 'unsubscribe', publishers: ['nobody@nordwind.example', clara], categories: ['note'] }]) })).status, 200, 'what is not there is unsubscribed without complaint')
})

t.test('3.4.5.1.3: private categories are passed over in silence', async (t) => {
  const { publisher, watcher } = await begin()
  await publisher.publishes([{ category: 'routing', container: 0, data: 'secret' }])
  const { answer } = await watcher.subscribes([anna], ['routing', 'note', 'mwi'])
  t.strictSame(sees(answer), ['note#0 "for all"'])
  t.notMatch(answer.body, 'secret')
  await publisher.publishes([{ category: 'routing', container: 0, version: 1, data: 'secret' }])
  t.strictSame(watcher.hears(), [])
  t.notMatch((await watcher.subscribes([anna], ['routing'])).answer.body, 'secret')
})

t.test('3.4.5.1.3: one batch dialog an endpoint: the newest stays, the older one hears its end', async (t) => {
  const { publisher, watcher } = await begin()
  const second = world.client(boris, 'second')
  await second.registers()
  await second.subscribes([anna], ['note'])
  const old = await watcher.subscribes([anna], ['note'])
  const fresh = await watcher.subscribes([anna], ['note'])
  const [ending, ...more] = watcher.hears()
  t.strictSame(more, [])
  t.match(ending?.header('From'), `tag=${old.toTag}`)
  t.match(ending?.header('subscription-state'), /^terminated;expires=0/)
  t.equal(ending?.header('Expires'), '0')
  t.strictSame([(await old.refreshes()).status, (await fresh.refreshes()).status], [481, 200])
  await publisher.publishes(notes('x', [0], 1))
  t.strictSame([watcher.hears().length, second.hears().length], [1, 1])
})

t.test('3.4.5.1.2: polls are answered and leave nothing, registered or not', async (t) => {
  const { watcher } = await begin()
  const before = await world.dump()
  for (const client of [watcher, world.client(boris, 'unregistered'), world.client(clara)]) {
    const { answer } = await client.subscribes([anna], ['note'], { headers: { Expires: '0' } })
    t.strictSame([answer.status, answer.header('Expires'), answer.says], [200, '0', ['note#0 "for all"']])
    t.match(answer.header('subscription-state'), /^terminated;expires=0/)
  }
  t.strictSame(await world.dump(), before)
  const plain = await watcher.subscribes([anna], ['note'], { headers: { ...PLAIN, Expires: '0' } })
  t.equal(plain.answer.body, '')
  const [heard] = watcher.hears()
  t.match(heard, { method: 'NOTIFY', says: ['note#0 "for all"'] })
  t.match(heard?.header('subscription-state'), /^terminated;expires=0/)
})

t.test('RFC 6665: without piggyback a 200 first, then a NOTIFY with the whole multipart', async (t) => {
  const { publisher, watcher } = await begin()
  const dialog = await watcher.subscribes([anna, clara], ['note'], { headers: PLAIN })
  t.equal(dialog.answer.body, '')
  const [first] = watcher.hears()
  t.equal(first?.header('CSeq'), '1 NOTIFY')
  t.match(first?.header('Content-Type'), /^multipart\/related/)
  t.strictSame(first?.says, ['rejected sip:clara@suedwind.example resubscribe', 'note#0 "for all"'])
  await publisher.publishes(notes('x', [0], 1))
  t.strictSame(watcher.hears().map((heard) => heard.header('CSeq')), ['2 NOTIFY'])
  await dialog.cancels({ headers: PLAIN })
  t.match(watcher.hears()[0]?.header('subscription-state'), /^terminated;/)
})

t.test('3.4.5.1.1, 3.4.5.3: a single category SUBSCRIBE', async (t) => {
  const { publisher } = await begin()
  const watcher = world.client(clara)
  const dialog = await watcher.subscribesOne(anna, ['note', 'state'])
  t.equal(dialog.answer.status, 200)
  t.strictSame(sees(dialog.answer), ['note#0 "for all"', 'state (none)'])
  await publisher.publishes(notes('x', [0], 1))
  t.strictSame(watcher.learns(), [['note#0 "x"']])
  t.strictSame((await dialog.refreshes()).says, ['note#0 "x"', 'state (none)'])
  const second = await watcher.subscribesOne(anna, ['note'])
  t.strictSame([(await dialog.refreshes()).status, (await second.refreshes()).status], [200, 200], 'there may be several')
  const subscribe = (publishers: readonly string[]) => ({ name: 'subscribe', publishers, categories: ['note'] })
  for (const [actions, to, status] of [
    [[subscribe([anna, boris])], anna, 400], [[subscribe([anna]), subscribe([anna])], anna, 400], [[{ ...subscribe([anna]), name: 'unsubscribe' }], anna, 400],
    [[subscribe([boris])], anna, 400], [[subscribe(['nobody@nordwind.example'])], 'nobody@nordwind.example', 404],
  ] as const) t.equal((await watcher.subscribesOne(to, [], { actions })).answer.status, status, JSON.stringify(actions))
  t.equal((await world.client(boris, 'unregistered').subscribesOne(anna, ['note'])).answer.status, 401)
})

t.test('3.4.5.3: a batch from one to another is 403', async (t) => {
  const { watcher } = await begin()
  t.equal((await watcher.subscribes([anna], ['note'], { to: anna })).answer.status, 403)
})

t.test('only both tags in Require make a batch, whatever their case', async (t) => {
  const { watcher } = await begin()
  t.equal((await watcher.subscribes([anna], ['note'], { headers: { Require: 'ADHOCLIST,categorylist' } })).answer.status, 200)
  t.equal((await watcher.subscribes([anna], ['note'], { headers: { Require: 'adhoclist' } })).answer.status, 400, 'a single one then, to oneself')
})

t.test('3.4.5.3: refusals', async (t) => {
  const { watcher } = await begin()
  const stranger = world.client(boris, 'unregistered')
  t.equal((await stranger.subscribes([anna], ['note'])).answer.status, 401)
  t.equal((await watcher.subscribes([anna], ['note'], { headers: { Accept: 'application/pidf+xml' } })).answer.status, 406)
  t.equal((await watcher.subscribes([anna], ['note'], { headers: { Accept: undefined } })).answer.status, 200, 'no Accept is no restriction')
  t.equal((await watcher.subscribes([anna], ['note'], { headers: { 'Content-Type': 'application/pidf+xml' } })).answer.status, 415)
  t.equal((await watcher.subscribes([], [], { body: '' })).answer.status, 400)
  t.equal((await watcher.subscribes([anna], ['note'], { contact: undefined })).answer.status, 400)
  t.equal((await watcher.subscribes([anna], ['note'], { headers: { Expires: '59' } })).answer.header('Min-Expires'), '60')
  t.equal((await watcher.sends('SUBSCRIBE', { toTag: 'none', headers: { Event: 'presence' } })).status, 481)
  for (const Accept of ['application/pidf+xml', 'text/xml+msrtc.pidf']) for (const Expires of ['0', '600']) {
    t.equal((await watcher.sends('SUBSCRIBE', { to: anna, toTag: 'none', headers: { Event: 'presence', Accept, Expires } })).status, 481, `${Accept}, ${Expires}: a dialog that is gone has no format; its watcher must learn to begin anew (RFC 6665 4.1.2.2)`)
  }
  t.equal((await world.client(eve).subscribesOne(anna, ['note'])).answer.status, 403, 'a blocked domain')
})

t.test('3.7.5.4: a PIDF watcher that ends its dialog is told by a last NOTIFY, whatever it supports; an MSRTC one by the 200 alone', async (t) => {
  const { watcher } = await begin()
  for (const [Accept, last] of [['application/pidf+xml', 1], ['text/xml+msrtc.pidf', 0]] as const) {
    const headers = { Event: 'presence', Accept, Supported: 'ms-benotify, ms-piggyback-first-notify', 'Proxy-Require': 'ms-benotify' }
    const opened = await watcher.sends('SUBSCRIBE', { to: anna, callId: Accept, headers })
    watcher.hears()
    const ended = await watcher.sends('SUBSCRIBE', { to: anna, callId: Accept, toTag: opened.toTag, cseq: 2, headers: { ...headers, Expires: '0' } })
    t.strictSame([opened.status, ended.status, watcher.hears().length], [200, 200, last], Accept)
  }
})

t.test('3.4.5.3: 401 for a refresh by an endpoint whose registration has run out', async (t) => {
  const { watcher } = await begin()
  const dialog = await watcher.subscribes([anna], ['note'])
  world.advance(700)
  t.equal((await dialog.refreshes()).status, 401)
})

t.test('3.4.5.1.3: limits on contacts and categories', async (t) => {
  const { watcher } = await begin()
  const wide = await watcher.subscribes([anna], ['note', 'state', 'device', 'services', 'contactCard', 'calendarData', 'userProperties'])
  t.equal(wide.answer.status, 403)
  t.match(wide.answer.header('ms-diagnostics'), /^2012;/)
  const dialog = await watcher.subscribes([anna, boris, gerd], ['note'])
  t.equal(dialog.answer.status, 200)
  for (const name of ['one', 'two']) await world.adds(`${name}@nordwind.example`)
  const before = await world.dump()
  t.equal((await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: ['one@nordwind.example', 'two@nordwind.example'], categories: ['note'] }]) })).status, 403)
  t.strictSame(await world.dump(), before)
})

t.test('a repeated SUBSCRIBE opens one dialog and is answered alike', async (t) => {
  const { watcher } = await begin()
  const first = await watcher.subscribes([anna], ['note'], { callId: 'same', fromTag: 'same' })
  const second = await watcher.subscribes([anna], ['note'], { callId: 'same', fromTag: 'same' })
  t.strictSame([second.toTag, second.answer.says, second.answer.header('ms-piggyback-cseq')], [first.toTag, first.answer.says, '1'])
  t.equal(await world.count('dialog'), 1)
  t.strictSame(watcher.hears(), [])
})

t.test('watchers of other domains need no registration; their network follows their domain', async (t) => {
  const { publisher } = await begin()
  await publisher.publishes([...notes('federated', [100]), ...notes('cloud', [150])])
  await publisher.setsMembers([{ id: 100, version: 0, members: ['federated'] }, { id: 150, version: 0, members: ['publicCloud'] }])
  for (const [user, seen] of [[clara, 'federated'], [dan, 'cloud'], [finn, 'federated']] as const) t.strictSame((await world.client(user).subscribesOne(anna, ['note'])).answer.says, [`note#0 "${seen}"`], user)
  t.strictSame((await world.client(boris).subscribesOne(anna, ['note'], { network: 'publicCloud' })).answer.says, ['note#0 "cloud"'], 'the proxy knows better')
})

t.test('a second engine, started in between, keeps serving the dialog', async (t) => {
  const { publisher, watcher } = await begin()
  const dialog = await watcher.subscribes([anna], ['note'])
  world.restart()
  await publisher.publishes(notes('after', [0], 1))
  t.strictSame(watcher.learns(), [['note#0 "after"']])
  t.strictSame((await dialog.refreshes()).says, ['note#0 "after"'])
  t.equal((await dialog.cancels()).status, 200)
})

t.test('changes that were committed but not told are told later, once, with the latest state', async (t) => {
  const { publisher, watcher } = await begin()
  await watcher.subscribes([anna], ['note'])
  for (const version of [1, 2, 3]) {
    // A crash right after the commit: nobody is woken.
    const text = publisher.text('SERVICE', { headers: { 'Content-Type': 'application/msrtc-category-publish+xml' }, body: publishBody(anna, notes(`v${version}`, [0], version)) })
    await handleSip(world.engine, new TextEncoder().encode(text), { proxy: 'kam1', flow: 'f', contact: 'sip:kam1.test', user: undefined, network: undefined, survivable: false, trace: 'x' }, world.entry)
  }
  t.strictSame(watcher.hears(), [])
  world.restart()
  await world.timers()
  t.strictSame(watcher.hears(), [], 'the node that made the change gets its chance first')
  world.advance(1)
  await world.timers()
  t.strictSame(watcher.learns(), [['note#0 "v3"']])
  t.equal(await world.count('change'), 0)
})

/** What the rejection list of an answer says of each resource. */
const rejections = ({ documents: [list] }: Heard): readonly object[] => (list?.children ?? []).map(({ children }) => children[0]?.attributes ?? {})

const quotaExceeded = (user: string): object => ({ cid: user, id: '0', state: 'terminated', reason: 'quotaExceeded', statusCode: '413' })

const limitTo = (user: string, own: Readonly<Record<string, number>>): Promise<unknown> => world.store.pool.query('UPDATE presence_user SET limits = $2::jsonb WHERE user_uri = $1', [user, JSON.stringify(own)])

t.test('3.4.5.1.3.1: who is homed elsewhere: a batch is sent there, a single one finds nobody', async (t) => {
  const { watcher } = await begin()
  const pool = 'sip:pool2.nordwind.example@nordwind.example;gruu;opaque=srvr:HomeServer:Qx7'
  await world.store.pool.query(`INSERT INTO presence_user (user_uri, domain, display_name, properties, created_at, updated_at, home_pool) VALUES ('hugo@nordwind.example', 'nordwind.example', 'Hugo', '{}'::jsonb, 1, 1, $1)`, [pool])
  const { answer } = await watcher.subscribes(['hugo@nordwind.example', anna, clara], ['note'])
  t.strictSame(rejections(answer), [{ cid: 'hugo@nordwind.example', id: '0', state: 'resubscribe', poolFqdn: pool }, { cid: clara, id: '0', state: 'resubscribe' }])
  t.strictSame(answer.says.slice(2), ['note#0 "for all"'], 'the rest is served')
  t.equal((await watcher.subscribesOne('hugo@nordwind.example', ['note'])).answer.status, 404)
  t.strictSame(rejections((await watcher.subscribes(['hugo@nordwind.example'], ['note'], { headers: { Expires: '0' } })).answer), [{ cid: 'hugo@nordwind.example', id: '0', state: 'resubscribe', poolFqdn: pool }], 'a poll too')
})

t.test('3.4.5.1.3.1: as many watch a user as may: terminated in a batch, 413 for a single one; who watches already may again', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxIncoming: 2 } })
  const { publisher, watcher } = await begin()
  const first = await world.client(clara).subscribesOne(anna, ['note'])
  await watcher.subscribes([anna], ['note'])
  const late = world.client(gerd)
  await late.registers()
  const dialog = await late.subscribes([added(anna), boris], ['note'])
  t.strictSame([dialog.answer.status, rejections(dialog.answer)], [200, [quotaExceeded(anna)]])
  t.equal(await world.count('subscriber_entry'), 0, 'nor is she asked to know of it')
  t.strictSame(dialog.answer.says.slice(1), ['note (none)'])
  const single = await world.client(dan).subscribesOne(anna, ['note'])
  t.strictSame([single.answer.status, single.answer.body], [413, ''])
  t.strictSame(rejections(await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['note'] }]) })), [quotaExceeded(anna)], 'in a refresh too')
  await publisher.publishes(notes('x', [0], 1))
  t.strictSame(late.hears(), [], 'and nothing is heard')
  const again = world.client(boris, 'again')
  await again.registers()
  t.strictSame(rejections((await again.subscribes([anna], ['note'])).answer), [], 'another endpoint of who watches already')
  await first.cancels()
  t.strictSame(rejections((await world.client(boris, 'again').subscribes([anna], ['state'])).answer), [])
  t.equal((await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['note'] }]) })).says.length, 1, 'its two endpoints count as two')
  await again.deregisters()
  t.strictSame((await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['note'] }]) })).says, ['note#0 "x"'], 'who leaves makes room')
})

t.test('3.4.5.1.3.1: one subscriber watches one publisher through so many dialogs and no more, in whatever format', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxDialogsPerPair: 3 } })
  const { publisher, watcher } = await begin()
  const partner = world.client(clara)
  const inFormat = (client: Client, Accept: string, headers: Readonly<Record<string, string>> = {}) => client.sends('SUBSCRIBE', { to: anna, headers: { Event: 'presence', Accept, Expires: '600', ...headers } })
  for (const client of [watcher, partner]) {
    const first = await client.subscribesOne(anna, ['note'])
    t.strictSame([(await inFormat(client, 'application/pidf+xml')).status, (await inFormat(client, 'text/xml+msrtc.pidf')).status], [200, 200])
    const full = await client.subscribesOne(anna, ['note'])
    t.match([full.answer.status, full.answer.header('ms-diagnostics')], [413, /^2012;reason="Category subscription limit exceeded"/])
    t.strictSame([(await inFormat(client, 'application/pidf+xml')).status, (await inFormat(client, 'text/xml+msrtc.pidf')).status], [413, 413])
    t.equal((await first.refreshes({ body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['state'] }]) })).status, 200, 'of what it has nothing is taken')
    t.equal((await client.subscribesOne(boris, ['note'])).answer.status, 200, 'others count by themselves')
    t.strictSame([(await client.subscribesOne(anna, ['note'], { headers: { Expires: '0' } })).answer.status, (await inFormat(client, 'application/pidf+xml', { Expires: '0' })).status], [200, 200], 'a poll leaves nothing behind')
    await first.cancels()
    const again = await client.subscribesOne(anna, ['note'])
    t.equal(again.answer.status, 200, 'who ends one makes room')
    const same = { callId: again.callId, fromTag: again.fromTag }
    t.strictSame([(await client.subscribesOne(anna, ['note'], same)).answer.status, (await client.subscribesOne(anna, ['note'], { ...same, cseq: 2 })).answer.status], [200, 200], 'the same request again, and another in its place')
  }
  t.strictSame(rejections((await watcher.subscribes([anna], ['note'])).answer), [], 'the batch dialog of an endpoint is one by itself')
  t.strictSame(rejections((await partner.subscribes([anna, boris], ['note'])).answer), [quotaExceeded(anna)], 'whoever registers elsewhere may open any number of them, which count')
  t.equal(await world.count('dialog'), 3 + 1 + 1 + 3 + 1 + 1)
  world.advance(601)
  const later: number[] = []
  for (let asked = 0; asked < 3; asked += 1) later.push((await inFormat(partner, 'application/pidf+xml')).status)
  t.strictSame(later, [200, 200, 413], 'those past their time no longer count, told so or not')
  await publisher.registers()
  const storm = await Promise.all([1, 2, 3, 4, 5, 6].map(() => publisher.subscribesOne(boris, ['note'])))
  t.strictSame(storm.map(({ answer }) => answer.status).sort(), [200, 200, 200, 413, 413, 413], 'all at once: of our own users exactly so many')
})

t.test('3.4.5.1.3: limits of a single user in place of those of all', async (t) => {
  const { watcher } = await begin()
  await limitTo(anna, { maxIncoming: 1 })
  await limitTo(boris, { maxResourcesPerDialog: 1, maxCategoriesPerRequest: 1 })
  const [other] = [world.client(gerd)]
  await other.registers()
  t.strictSame(rejections((await other.subscribes([anna, boris], ['note', 'state'])).answer), [])
  t.strictSame(rejections((await watcher.subscribes([anna], ['note'])).answer), [quotaExceeded(anna)])
  const wide = await watcher.subscribes([gerd], ['note', 'state'])
  t.strictSame([wide.answer.status, wide.answer.header('ms-diagnostics')?.slice(0, 5)], [403, '2012;'])
  t.equal((await watcher.subscribes([gerd, boris], ['note'])).answer.status, 403)
  const dialog = await watcher.subscribes([gerd], ['note'])
  t.equal(dialog.answer.status, 200)
  t.equal((await dialog.sends({ body: batchBody([{ name: 'subscribe', publishers: [boris], categories: ['note'] }]) })).status, 403)
  t.strictSame((await dialog.sends({ body: batchBody([{ name: 'unsubscribe', publishers: [gerd], categories: ['note'] }, { name: 'subscribe', publishers: [boris], categories: ['note'] }]) })).says, ['note (none)'], 'one for another')
  await limitTo(boris, { maxResourcesPerDialog: 5 })
  t.equal((await watcher.subscribes([anna, boris, gerd, 'nobody@nordwind.example'], ['note', 'state'])).answer.status, 200)
})

t.test('3.4.5.3: a refresh that is refused changes nothing', async (t) => {
  const { watcher } = await begin()
  const dialog = await watcher.subscribes([anna], ['note'])
  const before = await world.dump()
  for (const [status, options] of [
    [400, { body: '<batchSub' }], [400, { body: '<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe"/>' }], [400, { body: batchBody([{ name: 'resubscribe', publishers: [anna], categories: ['note'] }]) }],
    [403, { body: batchBody([{ name: 'subscribe', publishers: [gerd], categories: ['1', '2', '3', '4', '5', '6', '7'] }]) }], [403, { to: gerd, body: batchBody([{ name: 'subscribe', publishers: [gerd], categories: ['note'] }]) }],
    [406, { headers: { Accept: 'text/plain' } }], [423, { headers: { Expires: '5' } }], [481, { toTag: 'other' }],
  ] as const) t.equal((await dialog.refreshes(options)).status, status, JSON.stringify(options))
  t.strictSame(await world.dump(), before)
})

t.test('3.4.5.1.3: a single one is refreshed with the very same body, as clients do, and cannot become another', async (t) => {
  const { publisher } = await begin()
  const watcher = world.client(clara)
  const dialog = await watcher.subscribesOne(anna, ['note'])
  const typed = { headers: { 'Content-Type': 'application/msrtc-adrl-categorylist+xml' } }
  t.strictSame((await dialog.sends({ ...typed, body: batchBody([{ name: 'subscribe', publishers: [anna], categories: ['note', 'state'] }]) })).says, ['note#0 "for all"', 'state (none)'])
  t.equal((await dialog.sends({ ...typed, body: batchBody([{ name: 'subscribe', publishers: [boris], categories: ['note'] }]) })).status, 400)
  t.equal((await dialog.sends({ ...typed, body: batchBody([{ name: 'unsubscribe', publishers: [anna], categories: ['note'] }]) })).status, 400)
  await publisher.publishes([...notes('y', [0], 1), { category: 'state', container: 0, data: 'busy' }])
  t.strictSame(watcher.learns(), [['note#0 "y"', 'state#0 "busy"']])
})
