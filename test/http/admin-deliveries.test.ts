import t from 'tap'
import { isProblem, openAdmin, type AdminCall } from '../support/admin.ts'
import { notes } from '../support/bodies.ts'
import type { Client, Subscription } from '../support/client.ts'
import { openWorld, people, START } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people

const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString()
const sip = (user: string): string => `sip:${user}`
const place = (user: string, { toTag }: Subscription): string => `/deliveries/${user}/${toTag}`

interface Debt { readonly publisher: string; readonly attempts: number; readonly reason: string; readonly since: string; readonly dueAt: string; readonly trace?: string; readonly proxy: string }
interface Item { readonly state: 'pending' | 'failing' | 'told'; readonly publisher?: string; readonly subscriber?: string; readonly localTag?: string; readonly kind?: string; readonly failures?: number; readonly owed?: number; readonly debts?: readonly Debt[] }
interface Page { readonly items: readonly Item[]; readonly next?: string }

const signIn = async (user: string, proxy: 'kam1' | 'kam2' = 'kam1'): Promise<Client> => {
  const client = world.client(user, undefined, proxy)
  await client.registers({ granted: 7200 })
  return client
}

const list = async (call: AdminCall, query = ''): Promise<readonly Item[]> => (await call('GET', `/deliveries${query}`)).json<Page>().items

/** Items in short: what is pending of whom, and dialogs by kind with how much they are owed. */
const told = (items: readonly Item[]): readonly string[] =>
  items.map(({ state, publisher, subscriber, kind, owed }) => (state === 'pending' ? `${publisher?.slice(4, 8)} pending` : `${subscriber?.slice(4, 8)} ${kind} ${state} ${owed}`))

const fails = (user: string, dialog: Subscription, code: number, cseq: number) => world.notifyFailed({ code, cseq, subscriber: user, callId: dialog.callId, localTag: dialog.toTag, remoteTag: dialog.fromTag })

/** What is due goes out; no time passes. */
const pays = (): Promise<void> => world.delivery.payDeferred()

t.test('GET /deliveries: changes not told yet, and each dialog with its last notification, its failures and what it is owed', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  await publisher.publishes(notes('first', [0]))
  const batch = await watcher.subscribes([anna, gerd], ['note'])
  const single = await world.client(clara).subscribesOne(anna, ['note'])
  t.strictSame(await list(call, '?state=failing'), [], 'all is well')
  t.strictSame(await list(call, '?state=pending'), [])
  t.equal(await fails(boris, batch, 408, 1), 'retried')
  t.equal(await fails(clara, single, 415, 1), 'kept')
  world.hushed = true
  world.advance(3)
  await publisher.publishes(notes('second', [0], 1))
  world.advance(2)
  await publisher.publishes(notes('third', [0], 2))
  const traces = (await world.store.pool.query<{ trace: string }>('SELECT trace FROM change ORDER BY id')).rows.map(({ trace }) => trace)
  world.advance(4)
  const { items } = (await call('GET', '/deliveries')).json<Page>()
  t.strictSame(items, [
    { state: 'pending', publisher: sip(anna), changes: 2, since: at(3), ageMs: 6_000, traces },
    {
      state: 'failing', subscriber: sip(boris), localTag: batch.toTag, callId: batch.callId, kind: 'batch', proxy: 'kam1', flow: watcher.flow, method: 'BENOTIFY', lastNotification: { cseq: 1, at: at(0) }, failures: 1, lastFailure: { code: 408, at: at(0) },
      owed: 2, debts: [anna, gerd].map((user) => ({ publisher: sip(user), attempts: 1, reason: 'NOTIFY answered 408', since: at(0), dueAt: at(5), proxy: 'kam1' })), expiresAt: at(3600),
    },
    {
      state: 'failing', subscriber: sip(clara), localTag: single.toTag, callId: single.callId, kind: 'single', proxy: 'kam1', flow: world.client(clara).flow, method: 'BENOTIFY', lastNotification: { cseq: 1, at: at(0) }, failures: 1, lastFailure: { code: 415, at: at(0) },
      owed: 0, debts: [], expiresAt: at(3600),
    },
  ])
  t.equal(traces.length, 2)
  t.strictSame((await call('GET', place(boris, batch))).json(), items[1], 'one by itself')
  await single.refreshes()
  t.strictSame(told(await list(call, '?state=failing')), ['bori batch failing 2'], 'a sign of life')
  t.match((await list(call, `?subscriber=${clara}`))[0], { state: 'told', failures: 0, lastFailure: { code: 415, at: at(0) } }, 'what was stays to be seen')
  await world.store.pool.query("UPDATE dialog SET notified_trace = 'abc'; UPDATE deferred SET trace = 'def' WHERE publisher = 'gerd@nordwind.example'")
  t.match((await call('GET', place(boris, batch))).json(), { lastNotification: { trace: 'abc' }, debts: [{ publisher: sip(anna), trace: undefined }, { publisher: sip(gerd), trace: 'def' }] }, 'the request behind each')
  // Debts and changes of one publisher wait for each other: what met the other one is done in the next round.
  for (let round = 0; round < 2; round += 1) await world.timers()
  t.strictSame(told(await list(call)), ['bori batch failing 0', 'clar single told 0'], 'told and paid')
  world.advance(3600)
  t.strictSame(await list(call), [], 'past their time they are not shown')
  isProblem(t, await call('GET', place(boris, batch)), 404, 'nor by itself', /no such subscription/)
})

t.test('GET /deliveries: by state, proxy, subscriber and publisher, page by page', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher, away] = [await signIn(anna), await signIn(boris), await signIn(gerd, 'kam2')]
  const self = await publisher.subscribesSelf()
  await watcher.subscribes([anna, gerd], ['note'])
  const second = await away.subscribes([boris, anna], ['note'])
  const single = await world.client(clara).subscribesOne(anna, ['note'])
  world.proxies.kam1.failing.add(watcher.flow)
  await away.publishes(notes('x', [0]))
  t.equal(await fails(gerd, second, 503, 1), 'retried')
  t.equal(await fails(clara, single, 400, 1), 'kept')
  world.hushed = true
  await publisher.publishes(notes('y', [0]))
  await watcher.publishes(notes('z', [0]))
  for (const [query, expected] of [
    ['', ['anna pending', 'bori pending', 'anna self told 0', 'bori batch failing 1', 'clar single failing 0', 'gerd batch failing 2']],
    ['?state=all', ['anna pending', 'bori pending', 'anna self told 0', 'bori batch failing 1', 'clar single failing 0', 'gerd batch failing 2']],
    ['?state=pending', ['anna pending', 'bori pending']], ['?state=failing', ['bori batch failing 1', 'clar single failing 0', 'gerd batch failing 2']],
    ['?proxy=kam2', ['gerd batch failing 2']], ['?proxy=kam1&state=failing', ['bori batch failing 1', 'clar single failing 0']], ['?proxy=kam3', []], [`?subscriber=${anna}`, ['anna self told 0']], [`?subscriber=sip:${clara}&state=failing`, ['clar single failing 0']],
    [`?publisher=${anna}`, ['anna pending', 'anna self told 0', 'bori batch told 0', 'clar single failing 0', 'gerd batch failing 1']], [`?publisher=${gerd}&state=failing`, ['bori batch failing 1']],
    [`?publisher=${anna}&state=failing`, ['clar single failing 0', 'gerd batch failing 1']], [`?publisher=${boris}&state=pending`, ['bori pending']], [`?publisher=${gerd}&state=pending`, []], ['?state=pending&proxy=kam1', []], [`?state=pending&subscriber=${boris}`, []],
  ] as const) {
    t.strictSame(told(await list(call, query)), expected, query)
    for (const limit of [1, 2, 5]) {
      const read: Item[] = []
      let next: string | undefined
      do {
        const page: Page = (await call('GET', `/deliveries?limit=${limit}${query.replace('?', '&')}${next === undefined ? '' : `&cursor=${next}`}`)).json<Page>()
        t.ok(page.items.length <= limit && (page.next === undefined || page.items.length === limit), `${query}: a page of ${limit}`)
        read.push(...page.items)
        next = page.next
      } while (next !== undefined)
      t.strictSame(told(read), expected, `${query} by ${limit}`)
    }
  }
  t.strictSame((await list(call, `?publisher=${anna}&proxy=kam2`))[0]?.debts?.map((debt) => debt.publisher), [sip(anna)], 'asked about one publisher, debts about others are left out')
  const cursor = (text: string): string => Buffer.from(text).toString('base64url')
  const before = await world.dump()
  for (const query of ['state=told', 'proxy=', 'proxy=a%00', 'subscriber=nobody', 'publisher=x', 'limit=0', 'kind=self', `cursor=${cursor('a\nb\nc')}`, 'cursor=%20', `state=failing&cursor=${cursor(anna)}`, `subscriber=${boris}&cursor=${cursor(anna)}`, `state=pending&cursor=${cursor(`${anna}\n${self.toTag}`)}`]) {
    isProblem(t, await call('GET', `/deliveries?${query}`), 400, query)
  }
  t.strictSame(await world.dump(), before)
})

t.test('GET /deliveries: ten debts of each dialog, all of them of one', async (t) => {
  const limits = { ...world.engine.limits, maxResourcesPerDialog: 50 }
  await world.reset({ limits })
  const call = await openAdmin(world)
  const users = Array.from({ length: 12 }, (_, number) => `u${String(number).padStart(2, '0')}@nordwind.example`)
  for (const user of users) await world.adds(user)
  const watcher = await signIn(boris)
  const dialog = await watcher.subscribes(users, ['note'])
  await fails(boris, dialog, 500, 1)
  const [item] = await list(call, '?state=failing')
  t.strictSame([item?.owed, item?.debts?.map(({ publisher }) => publisher)], [12, users.slice(0, 10).map(sip)])
  t.strictSame((await call('GET', place(boris, dialog))).json<Item>().debts?.map(({ publisher }) => publisher), users.map(sip))
})

t.test('POST …/retry: what is owed is due now; POST …/resend: everything is owed and due now, to a self dialog too', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  await publisher.publishes(notes('first', [0]))
  const batch = await watcher.subscribes([anna, gerd], ['note'])
  const self = await publisher.subscribesSelf(['categories'])
  const contacts = await publisher.subscribesContacts()
  for (const client of [publisher, watcher]) client.hears()
  world.proxies.kam1.failing.add(watcher.flow)
  await publisher.publishes(notes('second', [0], 1))
  publisher.hears()
  await pays()
  t.strictSame(watcher.hears(), [], 'not due yet')
  const owed = (await call('GET', place(boris, batch))).json<Item>().debts?.[0]
  t.match(owed, { publisher: sip(anna), trace: /^trace\d+$/, dueAt: /^2026-03-02T08:00:00\.[1-9]/ })
  world.proxies.kam1.failing.clear()
  t.strictSame((await call('POST', `${place(`sip:${boris}`, batch)}/retry`)).json(), { due: 1 })
  await pays()
  t.strictSame([watcher.learns(), await world.count('deferred')], [[['note#0 "second"']], 0])
  t.strictSame((await call('GET', place(boris, batch))).json<{ lastNotification: { trace?: string } }>().lastNotification.trace, owed?.trace, 'the publish can be followed to the notification')
  t.strictSame([(await call('POST', `${place(boris, batch)}/retry`)).json(), (await call('POST', `${place(boris, batch)}/resend`)).json()], [{ due: 0 }, { due: 2 }], 'nothing is owed; all is')
  t.match((await call('GET', place(boris, batch))).json(), { owed: 2, debts: [{ attempts: 0, reason: 'the operator has it sent again', since: at(0), dueAt: at(0) }] })
  await pays()
  t.strictSame([...watcher.learns()].sort(), [['note (none)'], ['note#0 "second"']], 'what nobody publishes is named as such')
  t.strictSame([(await call('POST', `${place(anna, self)}/resend`)).json(), (await call('POST', `${place(anna, contacts)}/resend`)).json()], [{ due: 1 }, { due: 1 }])
  await pays()
  const own = publisher.hears()
  t.strictSame(own.map((heard) => heard.header('Call-ID')).sort(), [self.callId, contacts.callId].sort())
  t.ok(own.find((heard) => heard.header('Call-ID') === self.callId)?.says.includes('note#0 in 0 v2 static "second"'))
  t.equal(await fails(boris, batch, 503, 4), 'retried')
  t.strictSame((await call('POST', `${place(boris, batch)}/resend`)).json(), { due: 2 }, 'nor does it wait for a pause')
  await pays()
  t.equal(watcher.hears().length, 2)
})

t.test('DELETE /deliveries/{subscriber}/{localTag}: debts are forgotten, of one publisher or all; the next change is told', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  const [batch, other] = [await watcher.subscribes([anna, gerd], ['note']), await world.client(clara).subscribesOne(anna, ['note'])]
  await fails(boris, batch, 500, 1)
  await fails(clara, other, 500, 1)
  t.strictSame((await call('DELETE', `${place(boris, batch)}?publisher=sip:${gerd}`)).json(), { dropped: 1 })
  t.strictSame((await list(call, `?subscriber=${boris}`))[0]?.debts?.map((debt) => debt.publisher), [sip(anna)])
  t.strictSame([(await call('DELETE', `${place(boris, batch)}?publisher=${gerd}`)).json(), (await call('DELETE', place(boris, batch))).json(), (await call('DELETE', place(boris, batch))).json()], [{ dropped: 0 }, { dropped: 1 }, { dropped: 0 }])
  t.equal(await world.count('deferred'), 1, 'those of others stay')
  world.advance(60)
  await pays()
  t.strictSame(watcher.hears(), [], 'it keeps what it has')
  await publisher.publishes(notes('next', [0]))
  t.strictSame(watcher.learns(), [['note#0 "next"']])
  const before = await world.dump()
  for (const [path, status] of [[`/deliveries/${boris}/x`, 404], [place(gerd, batch), 404], [place('nobody', batch), 400], [`/deliveries/${boris}/a%00`, 400]] as const) {
    for (const [method, more] of [['GET', ''], ['DELETE', ''], ['POST', '/retry'], ['POST', '/resend']] as const) isProblem(t, await call(method, path + more), status, `${method} ${path}${more}`)
  }
  for (const query of ['publisher=nobody', 'proxy=kam1', `publisher=${anna}&publisher=${gerd}`]) isProblem(t, await call('DELETE', `${place(boris, batch)}?${query}`), 400, query)
  t.strictSame(await world.dump(), before)
})

t.test('a connection that is gone: what is owed goes out at once over the next one, whichever proxy has it', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  await watcher.subscribes([anna], ['note'])
  for (const [version, proxy] of [[0, 'kam1'], [1, 'kam2']] as const) {
    world.proxies.kam1.gone.add(watcher.flow)
    await publisher.publishes(notes(`version ${version}`, [0], version))
    t.match(await list(call, '?state=failing'), [{ owed: 1, debts: [{ reason: 'the connection is gone', proxy: 'kam1' }] }])
    await watcher.registers({ granted: 7200 })
    await pays()
    t.strictSame(watcher.hears(), [], 'the same connection again is none to be paid over before its time')
    watcher.flow = `next flow ${version}`
    watcher.proxy = proxy
    await watcher.registers({ granted: 7200 })
    t.match(await list(call, '?state=failing'), [{ owed: 1, proxy, debts: [{ dueAt: at(0), proxy }] }])
    await pays()
    t.strictSame([watcher.learns(), await list(call, '?state=failing')], [[[`note#0 "version ${version}"`]], []])
  }
})
