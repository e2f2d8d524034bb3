import fc from 'fast-check'
import t from 'tap'
import { isProblem, openAdmin, type AdminCall } from '../support/admin.ts'
import { notes } from '../support/bodies.ts'
import type { Client, Subscription } from '../support/client.ts'
import { openWorld, people, START } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people

const CONTACTS = { Event: 'vnd-microsoft-roaming-contacts', Accept: 'application/vnd-microsoft-roaming-contacts+xml', 'Content-Type': undefined }
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString()
const sip = (user: string): string => `sip:${user}`
const place = (user: string, { toTag }: Subscription): string => `/subscriptions/${user}/${toTag}`

const signIn = async (user: string): Promise<Client> => {
  const client = world.client(user)
  await client.registers({ granted: 7200 })
  return client
}

interface Entry { readonly subscriber: string; readonly localTag: string; readonly kind: string; readonly watched: number; readonly owed: number }
interface Page<T> { readonly items: readonly T[]; readonly next?: string }

const list = async (call: AdminCall, query = ''): Promise<readonly Entry[]> => (await call('GET', `/subscriptions${query}`)).json<Page<Entry>>().items
const told = (entries: readonly Entry[]): readonly string[] => entries.map(({ subscriber, kind, watched }) => `${subscriber.slice(4, 8)} ${kind} ${watched}`).sort()

t.test('GET /users/{uri}/subscriptions: each dialog of the user with what it watches, was told last and is owed', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  await publisher.publishes(notes('first', [0]))
  world.advance(5)
  const self = await watcher.subscribesSelf(['categories', 'delegates'], { headers: { Supported: 'ms-benotify, ms-piggyback-first-notify, eventlist, com.microsoft.autoextend', Expires: '600' } })
  world.advance(5)
  const batch = await watcher.subscribes([gerd, anna], ['state', 'note'])
  const contacts = await watcher.subscribesSelf([], { body: '', headers: { ...CONTACTS, Supported: 'eventlist', 'Proxy-Require': undefined } })
  t.strictSame([self, batch, contacts].map(({ answer }) => answer.status), [200, 200, 200])
  watcher.hears()
  world.advance(10)
  world.proxies.kam1.failing.add(watcher.flow)
  await publisher.publishes(notes('second', [0], 1))
  const endpointId = (await world.store.pool.query<{ endpoint_id: string }>('SELECT endpoint_id FROM endpoint WHERE user_uri = $1', [boris])).rows[0]?.endpoint_id
  const common = { subscriber: sip(boris), network: 'sameEnterprise', proxy: 'kam1', flow: watcher.flow, target: watcher.contact.slice(1, -1), endpointId, remoteCseq: 1 }
  const { items } = (await call('GET', `/users/sip:${boris}/subscriptions`)).json<Page<{ kind: string; owed: readonly { dueAt: string }[] }>>()
  t.strictSame(items.slice(0, 1), [{
    ...common, localTag: self.toTag, remoteTag: self.fromTag, callId: self.callId, kind: 'self', event: 'vnd-microsoft-roaming-self', method: 'BENOTIFY', lastNotification: { cseq: 1, at: at(5) }, createdAt: at(5), expiresAt: at(605), extendsBy: 600,
    scope: ['categories', 'delegates'], watches: [], owed: [],
  }])
  t.strictSame(items.find(({ kind }) => kind === 'batch'), {
    ...common, localTag: batch.toTag, remoteTag: batch.fromTag, callId: batch.callId, kind: 'batch', event: 'presence', method: 'BENOTIFY', lastNotification: { cseq: 2, at: at(20) }, createdAt: at(10), expiresAt: at(3610),
    watches: [{ publisher: sip(anna), categories: ['state', 'note'] }, { publisher: sip(gerd), categories: ['state', 'note'] }],
    owed: [{ publisher: sip(anna), attempts: 1, reason: 'the proxy could not send it', dueAt: items.find(({ kind }) => kind === 'batch')?.owed[0]?.dueAt }],
  })
  t.match(items.find(({ kind }) => kind === 'contacts'), { localTag: contacts.toTag, method: 'NOTIFY', event: 'vnd-microsoft-roaming-contacts', watches: [], owed: [] })
  t.equal(items.length, 3)
  t.notOk(items.some((item) => item.kind !== 'self' && ('extendsBy' in item || 'scope' in item)), 'only where it is so')
  t.strictSame((await call('GET', place(boris, batch))).json(), items.find(({ kind }) => kind === 'batch'), 'the same by itself')
  t.strictSame((await list(call, `?subscriber=${boris}`)).map(({ kind, watched, owed }) => [kind, watched, owed]).sort(), [['batch', 2, 1], ['contacts', 0, 0], ['self', 0, 0]])
  t.strictSame((await call('GET', `/users/${gerd}/subscriptions`)).json(), { items: [] })
  world.advance(600)
  t.strictSame((await call('GET', `/users/${boris}/subscriptions`)).json<Page<{ kind: string }>>().items.map(({ kind }) => kind).sort(), ['batch', 'contacts'], 'past its time it is not shown, whatever the timers do')
  isProblem(t, await call('GET', place(boris, self)), 404, 'nor by itself')
  isProblem(t, await call('GET', `/users/${clara}/subscriptions`), 404, 'not of this server', /no such user/)
  isProblem(t, await call('GET', '/users/nobody/subscriptions'), 400, 'no user', /nobody/)
})

t.test('GET /users/{uri}/watchers: who watches through which dialog, page by page', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  const partner = world.client(clara)
  await publisher.publishes(notes('first', [0]))
  await publisher.subscribesSelf()
  const batch = await watcher.subscribes([anna, gerd], ['note', 'state'])
  const singles = [await partner.subscribesOne(anna, ['note']), await partner.subscribesOne(anna, ['device'])]
  await partner.subscribesOne(gerd, ['note'])
  world.advance(7)
  world.proxies.kam1.failing.add(partner.flow)
  await publisher.publishes(notes('second', [0], 1))
  const all = (await call('GET', `/users/${anna}/watchers`)).json<Page<{ subscriber: string; localTag: string; owed?: object }>>()
  t.notOk('next' in all)
  t.strictSame(all.items.find(({ localTag }) => localTag === batch.toTag), {
    subscriber: sip(boris), localTag: batch.toTag, callId: batch.callId, kind: 'batch', network: 'sameEnterprise', categories: ['note', 'state'], proxy: 'kam1', lastNotification: { cseq: 2, at: at(7) }, createdAt: at(0), expiresAt: at(3600),
  })
  t.match(all.items.find(({ localTag }) => localTag === singles[0]?.toTag), { subscriber: sip(clara), network: 'federated', kind: 'single', categories: ['note'], owed: { attempts: 1, reason: String, dueAt: /^2026/ } })
  t.strictSame(all.items.map(({ subscriber, owed }) => [subscriber, owed === undefined]).sort(), [[sip(boris), true], [sip(clara), false], [sip(clara), true]], 'the publisher itself is no watcher; those of others are not among them')
  const read: string[] = []
  let next: string | undefined
  do {
    const page = (await call('GET', `/users/${anna}/watchers?limit=1${next === undefined ? '' : `&cursor=${next}`}`)).json<Page<{ localTag: string }>>()
    t.equal(page.items.length, 1)
    read.push(...page.items.map(({ localTag }) => localTag))
    next = page.next
  } while (next !== undefined)
  t.strictSame(read, all.items.map(({ localTag }) => localTag))
  await batch.cancels()
  world.advance(3600)
  t.strictSame((await call('GET', `/users/${anna}/watchers`)).json(), { items: [] })
  isProblem(t, await call('GET', '/users/nobody@nordwind.example/watchers'), 404, 'nobody')
  for (const query of ['limit=0', 'cursor=x', `cursor=${Buffer.from('one').toString('base64url')}`, `cursor=${Buffer.from('a\nb\nc').toString('base64url')}`, 'more=1']) isProblem(t, await call('GET', `/users/${anna}/watchers?${query}`), 400, query)
})

t.test('GET /subscriptions: all of them, by kind, subscriber, publisher and proxy', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  const [partner, away] = [world.client(clara), world.client(gerd, 'gerd00', 'kam2')]
  await away.registers()
  await publisher.subscribesSelf()
  await publisher.subscribesSelf([], { body: '', headers: CONTACTS })
  await publisher.subscribes([boris], ['note'])
  await watcher.subscribes([anna, gerd], ['note'])
  await partner.subscribesOne(anna, ['note'])
  await away.subscribes([boris, anna], ['note'])
  await away.subscribesSelf()
  const everything = ['anna batch 1', 'anna contacts 0', 'anna self 0', 'bori batch 2', 'clar single 1', 'gerd batch 2', 'gerd self 0']
  for (const [query, expected] of [
    ['', everything], ['?kind=batch', ['anna batch 1', 'bori batch 2', 'gerd batch 2']], ['?kind=contacts', ['anna contacts 0']], [`?subscriber=${clara}`, ['clar single 1']], [`?subscriber=sip:${gerd}&kind=self`, ['gerd self 0']],
    [`?publisher=${anna}`, ['anna contacts 0', 'anna self 0', 'bori batch 2', 'clar single 1', 'gerd batch 2']], [`?publisher=${boris}`, ['anna batch 1', 'gerd batch 2']], ['?proxy=kam2', ['gerd batch 2', 'gerd self 0']],
    [`?publisher=${anna}&proxy=kam2`, ['gerd batch 2']], [`?publisher=${anna}&subscriber=${anna}`, ['anna contacts 0', 'anna self 0']], ['?proxy=kam3', []], [`?publisher=${clara}`, []], [`?subscriber=${boris}&kind=self`, []],
  ] as const) t.strictSame(told(await list(call, query)), expected, query)
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.constantFrom('', `&publisher=${anna}`, '&kind=self'), async (limit, filter) => {
    const read: Entry[] = []
    let next: string | undefined
    do {
      const page = (await call('GET', `/subscriptions?limit=${limit}${filter}${next === undefined ? '' : `&cursor=${next}`}`)).json<Page<Entry>>()
      if (page.items.length > limit || (page.next !== undefined && page.items.length < limit)) return false
      read.push(...page.items)
      next = page.next
    } while (next !== undefined)
    return JSON.stringify(read) === JSON.stringify(await list(call, filter.replace('&', '?')))
  }), { numRuns: 20 })
  const before = await world.dump()
  for (const query of ['kind=own', 'subscriber=nobody', 'publisher=x', 'proxy=', 'proxy=a%00', 'limit=1001', `cursor=${Buffer.from('one').toString('base64url')}`, 'cursor=%20', 'network=federated', `kind=self&kind=batch`]) isProblem(t, await call('GET', `/subscriptions?${query}`), 400, query)
  t.strictSame(await world.dump(), before)
})

t.test('DELETE /subscriptions/{subscriber}/{localTag}: the client is told at once, and nothing of it is left', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher] = [await signIn(anna), await signIn(boris)]
  const partner = world.client(clara)
  await publisher.publishes(notes('first', [0]))
  const [self, batch, single] = [await watcher.subscribesSelf(), await watcher.subscribes([anna, gerd], ['note']), await partner.subscribesOne(anna, ['note'])]
  for (const [name, client, user, dialog] of [['self', watcher, boris, self], ['batch', watcher, boris, batch], ['single', partner, clara, single]] as const) {
    const done = await call('DELETE', place(`sip:${user}`, dialog))
    t.strictSame([done.status, done.text], [204, ''], name)
    const heard = client.hears()
    t.strictSame(heard.map((one) => [one.method, one.header('Call-ID'), one.header('CSeq'), one.header('subscription-state'), one.header('Expires'), one.body]), [['BENOTIFY', dialog.callId, '2 BENOTIFY', 'terminated;expires=0;reason=deactivated', '0', '']], name)
    isProblem(t, await call('GET', place(user, dialog)), 404, `${name}: gone`)
    isProblem(t, await call('DELETE', place(user, dialog)), 404, `${name}: gone already`, /no such subscription/)
    t.equal((await dialog.refreshes()).status, 481, name)
  }
  for (const table of ['dialog', 'dialog_resource', 'subscription', 'deferred']) t.equal(await world.count(table), 0, table)
  await publisher.publishes(notes('second', [0], 1))
  t.strictSame([...watcher.hears(), ...partner.hears()], [])
  t.equal((await watcher.subscribes([anna], ['note'])).answer.status, 200, 'and may come again')
})

t.test('DELETE /subscriptions: only the one that is named, only while it lives; what cannot be told stays ended', async (t) => {
  const call = await openAdmin(world)
  const [publisher, watcher, other] = [await signIn(anna), await signIn(boris), await signIn(gerd)]
  const [mine, theirs] = [await watcher.subscribes([anna], ['note']), await other.subscribes([anna], ['note'])]
  const before = await world.dump()
  for (const [path, status] of [[`/subscriptions/${boris}/${theirs.toTag}`, 404], [`/subscriptions/${boris}/x`, 404], [`/subscriptions/nobody@nordwind.example/${mine.toTag}`, 404], [`/subscriptions/nobody/${mine.toTag}`, 400], [`/subscriptions/${boris}/a%00`, 400], [`/subscriptions/${boris}/${'x'.repeat(129)}`, 400]] as const) {
    isProblem(t, await call('DELETE', path), status, path.slice(0, 60))
    isProblem(t, await call('GET', path), status, path.slice(0, 60))
  }
  t.strictSame(await world.dump(), before)
  const deaf = await openAdmin(world, { endExpired: () => Promise.reject(new Error('no connection')) })
  t.equal((await deaf('DELETE', place(boris, mine))).status, 204)
  t.strictSame(told(await list(call)), ['gerd batch 1'])
  await publisher.publishes(notes('first', [0]))
  t.strictSame(watcher.hears(), [], 'it hears nothing more')
  t.strictSame(other.learns(), [['note#0 "first"']], 'the others go on')
  isProblem(t, await call('DELETE', place(boris, mine)), 404, 'ended already')
  await world.timers()
  t.strictSame(watcher.hears().map((heard) => heard.header('subscription-state')), ['terminated;expires=0;reason=deactivated'], 'the timer tells')
  world.advance(3600)
  isProblem(t, await call('DELETE', place(gerd, theirs)), 404, 'past its time')
})
