import t from 'tap'
import { notes, removal } from '../support/bodies.ts'
import { FLOW_WAIT_MS, openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara } = people

const bound = (expireType: string, data: string, instance = 0) => ({ category: 'device', container: 0, instance, expireType, data })

t.test('a registration is added, then refreshed; the answer names instance and GRUU (MS-SIPREGE)', async (t) => {
  const client = world.client(anna, 'c8ca638a15')
  t.strictSame(await client.registers(), {
    action: 'added', instance: '34d859db-6585-5f91-a3b4-de853c15347d', gruu: 'sip:anna@nordwind.example;opaque=user:epid:21nYNIVlkV-jtN6FPBU0fQAA;gruu', touched: [],
    allowEvents: 'vnd-microsoft-roaming-self,presence,vnd-microsoft-roaming-contacts,vnd-microsoft-provisioning-v2,vnd-microsoft-roaming-ACL,presence.wpending,presence.winfo',
  })
  t.match(await client.registers(), { action: 'refreshed' })
  t.equal(await world.count('endpoint'), 1)
  t.match(await client.deregisters(), { action: 'removed' })
  t.equal(await world.count('endpoint'), 0)
  t.match(await client.deregisters(), { action: 'removed' }, 'twice does no harm')
  t.match(await client.registers(), { action: 'added' })
})

t.test('a registration that has run out without a word is added anew', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 300 })
  world.advance(400)
  t.match(await client.registers({ granted: 300 }), { action: 'added' }, 'the client learns that its state is lost')
})

t.test('RFC 3261 10.3: a REGISTER that another proxy tells late changes nothing', async (t) => {
  const [old, moved] = [world.client(anna, 'one', 'kam1'), world.client(anna, 'one', 'kam2')]
  Object.assign(old, { contact: '<sip:anna@192.0.2.10:4100>', flow: 'old' })
  Object.assign(moved, { contact: '<sip:anna@192.0.2.10:4200>', flow: 'new' })
  await moved.registers({ cseq: 7 })
  const dialog = await moved.subscribesSelf()
  t.match(await old.registers({ cseq: 5 }), { action: 'refreshed' })
  t.match(await old.deregisters({ cseq: 6 }), { action: 'removed' })
  t.match(await old.registers({ cseq: 6, contact: '*', headers: { Expires: '0' } }), { action: 'removed' })
  await old.losesBinding({ callId: old.registerCallId })
  t.strictSame((await world.store.pool.query('SELECT proxy, flow, contact, cseq FROM endpoint')).rows, [{ proxy: 'kam2', flow: 'new', contact: 'sip:anna@192.0.2.10:4200', cseq: 7 }])
  t.equal((await dialog.refreshes()).status, 200)
  t.match(await old.registers({ cseq: 8 }), { action: 'refreshed' }, 'a later one does')
  t.match(await old.deregisters({ cseq: 8 }), { action: 'removed' })
  t.equal(await world.count('endpoint'), 0)
})

t.test('the time that the registrar granted counts, not the wish', async (t) => {
  const client = world.client(anna)
  await client.registers({ headers: { Expires: '7200' }, granted: 300 })
  world.advance(400)
  t.equal((await client.subscribesSelf()).answer.status, 401)
})

t.test('unknown and foreign users are ignored', async (t) => {
  for (const user of ['nobody@nordwind.example', clara]) t.strictSame(await world.client(user).registers(), { action: 'ignored', touched: [] })
  t.equal(await world.count('endpoint'), 0)
})

t.test('where it is allowed, the first registration creates a user of an enterprise domain', async (t) => {
  await world.reset({ createUsersOnRegister: true })
  t.match(await world.client('hanna@nordwind.example').registers(), { action: 'added' })
  t.match(await world.client(clara).registers(), { action: 'ignored' }, 'but not of another domain')
  t.match(await world.client('ivo@nordwind.example').deregisters(), { action: 'ignored' }, 'and not by leaving')
  t.strictSame((await world.store.pool.query('SELECT user_uri, display_name FROM presence_user WHERE user_uri LIKE $1', ['%an%'])).rows.map((row: { user_uri: string }) => row.user_uri).sort(), [anna, 'hanna@nordwind.example'])
  t.equal((await world.client('hanna@nordwind.example').publishes(notes('x', [0]))).status, 200)
})

t.test('3.2.5.5: an endpoint leaves: its publications and dialogs go, watchers and the publisher\'s other endpoints are told', async (t) => {
  const [one, two, watcher] = [world.client(anna, 'one'), world.client(anna, 'two'), world.client(boris)]
  for (const client of [one, two, watcher]) await client.registers()
  await one.publishes([bound('endpoint', 'pc', 1), ...notes('stays', [0])])
  await two.publishes([{ ...bound('endpoint', 'phone', 2), version: 0 }, { category: 'state', container: 0, expireType: 'user', data: 'online' }])
  await watcher.subscribes([anna], ['device', 'state', 'note'])
  await one.subscribesSelf(['categories'])
  const other = await two.subscribesSelf(['categories'])
  await one.deregisters()
  t.strictSame(watcher.learns(), [['device#2 "phone"']])
  t.match(two.learns(), [[/^device#2 in 0 v1 endpoint of .* "phone"$/]])
  t.strictSame(one.hears(), [], 'who has left hears nothing')
  t.equal((await other.refreshes()).status, 200)
  t.equal(await world.count("dialog WHERE subscriber = 'anna@nordwind.example'"), 1)
  await two.deregisters()
  t.strictSame(watcher.learns(), [['device (none)', 'state (none)']], '3.2.5.5.1: user-bounded ones go with the last endpoint; static ones stay')
  t.equal(await world.count('category_instance'), 1)
})

t.test('Contact: * takes all endpoints away', async (t) => {
  const [one, two] = [world.client(anna, 'one'), world.client(anna, 'two')]
  await one.registers()
  await two.registers()
  await one.publishes([{ category: 'state', container: 0, expireType: 'user', data: 'online' }])
  t.match(await one.deregisters({ contact: '*' }), { action: 'removed' })
  t.equal(await world.count('endpoint'), 0)
  t.equal(await world.count('category_instance'), 0)
})

t.test('one REGISTER may bring one Contact and take another', async (t) => {
  const client = world.client(anna, 'phone')
  const contact = (port: number, uuid: string, expires: number): string => `<sip:anna@192.0.2.1:${port}>;+sip.instance="<urn:uuid:00000000-0000-4000-8000-${uuid.repeat(12)}>";expires=${expires}`
  await client.registers({ contact: `${contact(1, 'a', 600)}, ${contact(2, 'b', 600)}` })
  t.equal(await world.count('endpoint'), 2)
  await client.registers({ contact: `${contact(3, 'a', 600)}, ${contact(1, 'a', 0)}, ${contact(2, 'b', 0)}` })
  const { rows } = await world.store.pool.query<{ contact: string }>('SELECT contact FROM endpoint')
  t.strictSame(rows.map((row) => row.contact), ['sip:anna@192.0.2.1:3'], 'a client that moves has not left')
})

t.test('a lost connection ends the endpoint that it was of', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await client.publishes([bound('endpoint', 'pc')])
  await watcher.subscribes([anna], ['device'])
  await client.losesBinding()
  t.strictSame(watcher.learns(), [['device (none)']])
  t.equal(await world.count('endpoint'), 1)
})

t.test('a lost connection under another Contact or Call-ID is stale and ignored', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.publishes([bound('endpoint', 'pc')])
  const old = client.contact.slice(1, -1)
  client.contact = '<sip:anna@192.0.2.10:5999;transport=tcp>'
  t.match(await client.registers(), { action: 'refreshed' }, 'the client came back under another Contact')
  const before = await world.dump()
  await client.losesBinding({ contact: old })
  await client.losesBinding({ callId: 'another call' })
  await world.loseBinding({ connectionLost: false, aor: 'sip:nobody@nordwind.example', contact: old, callId: undefined })
  t.strictSame(await world.dump(), before)
  await client.losesBinding({ callId: client.registerCallId })
  t.equal(await world.count('endpoint'), 0)
})

t.test('endpoints whose end nobody told end by the timer, a little after their time', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers({ granted: 300 })
  await watcher.registers({ granted: 7200 })
  await client.publishes([bound('endpoint', 'pc'), bound('user', 'user', 1), bound('static', 'static', 2)])
  await watcher.subscribes([anna], ['device'])
  await client.subscribesSelf()
  world.advance(300)
  await world.timers()
  t.strictSame(watcher.hears(), [], 'the registrar speaks first')
  world.advance(31)
  await world.timers()
  t.strictSame(watcher.learns(), [['device#2 "static"']])
  t.equal(await world.count("dialog WHERE kind = 'self'"), 0)
  t.strictSame(client.hears(), [])
})

t.test('3.3.5.2, 3.4.5.2: dialogs follow the endpoint to its new connection and proxy', async (t) => {
  const [client, publisher] = [world.client(boris), world.client(anna)]
  await client.registers()
  await publisher.registers()
  await client.subscribesSelf(['categories'])
  const batch = await client.subscribes([anna], ['note'])
  const old = client.flow
  client.flow = 'new-flow'
  client.proxy = 'kam2'
  await client.registers()
  await publisher.publishes(notes('x', [0]))
  await client.publishes(notes('y', [0]))
  t.strictSame(world.heardOn(old), [])
  t.strictSame(client.learns(), [['note#0 "x"'], ['note#0 in 0 v1 static "y"']])
  t.strictSame(world.proxies.kam2.asked, 2)
  client.flow = 'newest-flow'
  t.equal((await batch.refreshes()).status, 200, 'and a refresh moves its dialog')
  await publisher.publishes(notes('x', [0], 1))
  t.strictSame(client.learns(), [['note#0 "x"']])
})

t.test('a watcher whose connection is gone is waited for while its endpoint is registered, then it loses its dialog; the others are served', async (t) => {
  const [gone, here, publisher] = [world.client(boris, 'gone'), world.client(boris, 'here'), world.client(anna)]
  for (const client of [gone, here, publisher]) await client.registers({ granted: 7200 })
  const lost = await gone.subscribes([anna], ['note'])
  await here.subscribes([anna], ['note'])
  world.proxies.kam1.gone.add(gone.flow)
  await publisher.publishes(notes('x', [0]))
  t.strictSame([gone.hears().length, here.hears().length], [0, 1])
  t.equal(await world.count('deferred'), 1, 'it may come back on a new connection')
  for (let waited = 0; waited < FLOW_WAIT_MS - 1_000; waited += 1_000) {
    world.advance(1)
    await world.timers()
  }
  t.equal(await world.count('deferred'), 1, 'for as long as dialogs wait for their next connection, and no longer')
  for (let round = 0; round < 16; round += 1) {
    world.advance(1)
    await world.timers()
  }
  t.strictSame(gone.hears(), [])
  t.equal((await lost.refreshes()).status, 481)
  for (const table of ['dialog', 'dialog_resource', 'subscription']) t.equal(await world.count(table), 1, table)
})

t.test('what a proxy cannot take is owed: the latest state comes later, with a higher CSeq', async (t) => {
  const [client, other, publisher] = [world.client(boris), world.client('gerd@nordwind.example', 'g', 'kam2'), world.client(anna)]
  for (const each of [client, other, publisher]) await each.registers({ granted: 7200 })
  await client.subscribes([anna], ['note'])
  await other.subscribes([anna], ['note'])
  world.proxies.kam1.down = true
  await publisher.publishes(notes('missed', [0]))
  await publisher.publishes(notes('missed too', [0], 1))
  t.strictSame(other.learns(), [['note#0 "missed"'], ['note#0 "missed too"']], 'another proxy is not held up')
  t.equal(await world.count('deferred'), 1)
  t.equal(await world.count('change'), 0)
  world.advance(5)
  await world.timers()
  t.strictSame(client.hears(), [])
  t.equal(await world.count('deferred'), 1)
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  const [heard, ...more] = client.hears()
  t.strictSame(more, [])
  t.strictSame(heard?.says, ['note#0 "missed too"'])
  t.ok(Number(heard?.header('CSeq')?.split(' ', 1)[0]) > 1)
  t.equal(await world.count('deferred'), 0)
})

t.test('notify-failed: 481 ends the dialog, 408 owes it the state, the third failure in a row ends it', async (t) => {
  const [client, publisher] = [world.client(boris), world.client(anna)]
  await client.registers({ granted: 7200 })
  await publisher.registers({ granted: 7200 })
  await publisher.publishes(notes('x', [0]))
  const fail = async (dialog: { readonly toTag: string; readonly callId: string; readonly fromTag: string }, code: number, wrong = {}) =>
    world.notifyFailed({ code, subscriber: boris, callId: dialog.callId, localTag: dialog.toTag, remoteTag: dialog.fromTag, ...wrong })
  const first = await client.subscribes([anna], ['note'])
  for (const wrong of [{ callId: 'x' }, { localTag: 'x' }, { remoteTag: 'x' }, { subscriber: anna }]) t.equal(await fail(first, 481, wrong), 'unknown')
  t.equal(await fail(first, 481), 'ended')
  t.equal((await first.refreshes()).status, 481)
  const second = await client.subscribes([anna], ['note'])
  t.equal(await fail(second, 408), 'retried')
  world.advance(10)
  await world.timers()
  t.strictSame(client.learns(), [['note#0 "x"']])
  t.equal((await second.refreshes()).status, 200, 'a sign of life starts the count again')
  t.strictSame([await fail(second, 503), await fail(second, 408), await fail(second, 500)], ['retried', 'retried', 'retried'], 'one stall counts once')
  world.advance(30)
  t.equal(await fail(second, 408), 'retried')
  world.advance(30)
  t.equal(await fail(second, 500), 'ended')
  await world.timers()
  t.match(client.hears().at(-1)?.header('subscription-state'), /^terminated/, 'and is told so')
  const own = await client.subscribesSelf(['categories'])
  t.equal(await fail(own, 408), 'retried')
  await client.publishes([...notes('y', [200]), removal('state', 0, 0)])
  client.hears()
  world.advance(10)
  await world.timers()
  const [owed = [], ...more] = client.learns()
  t.strictSame([owed.filter((line) => !line.endsWith('in 0 (none)')), more], [['note#0 in 200 v1 static "y"'], []], 'a self dialog is owed everything; what is not there is named as gone')
})

t.test('notify-failed: by the table, over the transport of the dialog, with the numbers of what failed', async (t) => {
  const publisher = world.client(anna)
  await publisher.registers({ granted: 7200 })
  await publisher.publishes(notes('x', [0]))
  const opens = async (flow: string) => {
    const client = world.client(boris, flow.slice(0, 3))
    client.flow = flow
    await client.registers({ granted: 7200 })
    const dialog = await client.subscribesOne(anna, ['note'])
    const failing = (code: number, cseq: number, retryAfter?: number) => world.notifyFailed({ code, subscriber: boris, callId: dialog.callId, localTag: dialog.toTag, remoteTag: dialog.fromTag, cseq, retryAfter })
    return { client, dialog, failing }
  }
  const [udp, tls] = [await opens('udp/192.0.2.1/5060/192.0.2.9/5060/0'), await opens('tls/192.0.2.2/4100/192.0.2.9/5061/7')]
  t.strictSame([await udp.failing(408, 1), await tls.failing(408, 1)], ['retried', 'retried'])
  world.advance(13)
  t.strictSame([await udp.failing(408, 2), await tls.failing(408, 2)], ['ended', 'retried'], 'nobody else would say that a client without a connection is gone')
  t.strictSame([(await udp.dialog.refreshes()).status, (await tls.dialog.refreshes()).status], [481, 200])
  t.equal(await world.count('deferred'), 2, 'the refresh leaves the debt, and so does the end, until the timer')
  await world.timers()
  t.equal(await world.count('deferred'), 1)
  world.advance(60)
  await world.timers()
  t.strictSame([udp.client.hears().at(-1)?.header('subscription-state'), await world.count('deferred')], ['terminated;expires=0;reason=timeout', 0])
  t.strictSame([await tls.failing(415, 9), await world.count('deferred')], ['kept', 0], 'the same again would be refused again')
  const failed = async () => (await world.store.pool.query<object>('SELECT failures, failed_code, failed_at, failed_cseq FROM dialog WHERE subscriber = $1', [boris])).rows
  t.strictSame(await failed(), [{ failures: 1, failed_code: 415, failed_at: world.now, failed_cseq: 9 }])
  world.advance(20)
  t.strictSame([await tls.failing(415, 12), (await failed())[0]], ['kept', { failures: 1, failed_code: 415, failed_at: world.now, failed_cseq: 12 }], 'those between went well')
  world.advance(20)
  t.strictSame([await tls.failing(415, 13)], ['kept'])
  world.advance(20)
  t.strictSame([await tls.failing(503, 14, 600)], ['retried'])
  t.strictSame((await world.store.pool.query<object>('SELECT due_at, attempts, reason FROM deferred')).rows, [{ due_at: world.now + 600_000, attempts: 3, reason: 'NOTIFY answered 503' }])
  world.advance(20)
  t.strictSame([await tls.failing(415, 15)], ['ended'])
  t.strictSame([await tls.failing(415, 16)], ['unknown'], 'of what is over nothing is noted')
})

t.test('a dialog that ends while it is owed something takes the debt along', async (t) => {
  const [client, publisher] = [world.client(boris), world.client(anna)]
  await client.registers()
  await publisher.registers()
  const dialog = await client.subscribes([anna], ['note'])
  world.proxies.kam1.down = true
  await publisher.publishes(notes('x', [0]))
  t.equal(await world.count('deferred'), 1)
  await dialog.cancels()
  t.equal(await world.count('deferred'), 0)
})

t.test('a publish right after its REGISTER finds the endpoint', async (t) => {
  const client = world.client(anna)
  const [, answer] = await Promise.all([client.registers(), client.registers().then(() => client.publishes([bound('endpoint', 'pc')]))])
  t.equal(answer.status, 200)
})
