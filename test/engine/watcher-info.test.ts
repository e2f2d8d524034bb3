import t, { type Test } from 'tap'
import { NUMBERS_AHEAD } from '../../src/core/subscriptions/dialog.ts'
import { endDialog } from '../../src/engine/end-dialog.ts'
import { resendDialog } from '../../src/engine/dialog-debts.ts'
import { PAST_WATCHERS_KEPT_MS } from '../../src/store/watchers.ts'
import { MOST_WAITING } from '../../src/store/end-edges.ts'
import { listBody } from '../support/bodies.ts'
import type { Client } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { hasStructure } from '../support/structure.ts'
import { openWorld, people } from '../support/world.ts'

/** Who watches a user, as that user's own phones are told it (RFC 3857, RFC 3858), and those who wait for a word (presence.wpending). */

const world = await openWorld(t)
const { anna, boris, clara, dan, gerd } = people
const documents: string[] = []

const joins = async (user: string, epid?: string): Promise<Client> => {
  const client = world.client(user, epid)
  await client.registers({ granted: 1_000_000 })
  return client
}

/** Time passes, and every timer has its turn. */
const passes = async (seconds: number): Promise<void> => {
  world.advance(seconds)
  await world.timers()
}

/** What a phone has been told since the last look. */
const told = (client: Client): readonly (readonly string[])[] => client.hears().filter(({ header }) => header('Event') === 'presence.winfo').map((heard) => {
  if (heard.body !== '') documents.push(heard.body)
  return heard.says
})

const decides = (client: Client, user: string, rights: string): Promise<Heard> => client.asksSoap('setACE', user === '*' ? { type: 'ALL', mask: '', rights } : { type: 'USER', mask: `sip:${user}`, rights })

const idOf = ({ body }: Pick<Heard, 'body'>, user: string): string | undefined => new RegExp(`<watcher id="([^"]+)"[^>]*>sip:${user}<`).exec(body)?.[1]

t.test('RFC 3857 5: the phone of the owner sees watchers come, wait, be let in, and go', async (t) => {
  const phone = await joins(anna)
  const dialog = await phone.subscribesWatchers()
  t.strictSame([dialog.answer.status, dialog.answer.header('Expires'), dialog.answer.body], [200, '3600', ''])
  const [first, ...more] = phone.hears()
  t.strictSame([first?.method, first?.header('Event'), first?.header('Content-Type'), first?.header('subscription-state'), first?.says, more], ['NOTIFY', 'presence.winfo', 'application/watcherinfo+xml', 'active;expires=3600', ['v0 full'], []])
  t.match(first?.body, `<watcher-list resource="sip:${anna}" package="presence"></watcher-list>`, 'an empty list is a list')
  await passes(10)
  const guest = await joins(boris)
  const watching = await guest.watches(anna, 'pidf')
  await decides(phone, '*', 'PA')
  await world.timers()
  t.strictSame(told(phone), [['v1 partial', `sip:${boris} "boris" pending subscribe`]], 'several changes at once are one')
  await passes(5)
  t.strictSame(told(phone), [], 'nothing new, no notification')
  const other = world.client(clara)
  await other.watches(anna, 'pidf', { displayName: 'Clara <S>' })
  await decides(phone, boris, 'AA')
  await passes(5)
  t.strictSame(told(phone), [['v2 partial', `sip:${boris} "boris" active approved`, `sip:${clara} "Clara <S>" pending subscribe`]])
  await watching.cancels()
  await passes(5)
  t.strictSame(told(phone), [['v3 partial', `sip:${boris} "boris" terminated timeout`]])
  await decides(phone, clara, 'DA')
  await passes(5)
  t.strictSame(told(phone), [['v4 partial', `sip:${clara} "Clara <S>" terminated rejected`]])
  await dialog.refreshes()
  t.strictSame(told(phone), [['v5 full']], 'a refresh tells all')
  await dialog.cancels()
  t.strictSame(phone.hears().map((heard) => [heard.header('subscription-state'), heard.body]), [['terminated;expires=0;reason=timeout', '']])
})

t.test('RFC 3857 4.7: every subscription to the presence of the user is a watcher, whatever it is told in; another package is none', async (t) => {
  const [phone, guest, second, other] = [await joins(anna), await joins(boris), await joins(boris, 'second'), await joins(gerd)]
  await guest.subscribes([anna, gerd], ['note'])
  await guest.watches(anna, 'msrtc')
  await second.watches(anna, 'pidf')
  await second.subscribesList([anna])
  await world.client(clara).subscribesOne(anna, ['note'])
  await other.subscribes([boris], ['note'])
  await phone.subscribesSelf()
  await phone.watches(anna, 'pidf')
  phone.hears()
  world.advance(90)
  await phone.subscribesWatchers({ headers: { Expires: '0' } })
  const [heard] = phone.hears()
  t.equal(heard?.header('subscription-state'), 'terminated;expires=0;reason=timeout', 'a poll gets all, and nothing is left of it')
  t.equal(await world.count("dialog WHERE kind = 'winfo'"), 0)
  t.strictSame(heard?.says, ['v0 full', `sip:${anna} "anna" active subscribe`, ...Array.from({ length: 4 }, () => `sip:${boris} "boris" active subscribe`), `sip:${clara} active subscribe`])
  const [list] = heard?.documents[0]?.children ?? []
  const watchers = list?.children ?? []
  t.equal(new Set(watchers.map(({ attributes }) => attributes['id'])).size, 6, 'each by itself')
  for (const { attributes } of watchers) t.strictSame([attributes['duration-subscribed'], attributes['expiration']], ['90', '3510'])
  t.notMatch(heard?.body, /tag0/, 'no tag of a dialog is given away')
  documents.push(heard?.body ?? '')
})

t.test('RFC 3857 4.10: at most one notification in five seconds, with all that happened meanwhile', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  await phone.subscribesWatchers()
  told(phone)
  for (const step of [1, 2, 3, 4]) {
    const passing = await guest.watches(anna, 'msrtc')
    await passes(1)
    await passing.cancels()
    await world.timers()
    t.strictSame(told(phone), [], `second ${step}`)
  }
  await passes(1)
  t.strictSame([told(phone), await world.count('deferred')], [[['v1 partial', ...Array.from({ length: 4 }, () => `sip:${boris} "boris" terminated timeout`)]], 0])
  await passes(20)
  await guest.watches(anna, 'msrtc', { headers: { Expires: '0' } })
  await passes(20)
  t.strictSame(told(phone), [], 'who asks once is told, and is no watcher (4.7.2)')
  await guest.watches(anna, 'msrtc')
  await world.timers()
  t.strictSame(told(phone), [['v2 partial', `sip:${boris} "boris" active subscribe`]], 'after a pause a change is told at once')
  world.advance(1)
  const later = await guest.watches(anna, 'pidf')
  await world.timers()
  t.strictSame(told(phone), [])
  await passes(5)
  t.strictSame(told(phone), [['v3 partial', `sip:${boris} "boris" active subscribe`]])
  await later.refreshes()
  await passes(10)
  t.strictSame(told(phone), [], 'a watcher that refreshes is no news')
})

t.test('RFC 3857 4.7.1: how subscriptions end', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  await phone.subscribesWatchers({ headers: { Expires: '7200' } })
  const ends = async (name: string, work: () => Promise<unknown>, ...expected: readonly string[]): Promise<void> => {
    await world.timers()
    await passes(5)
    told(phone)
    await work()
    await world.timers()
    await passes(5)
    t.strictSame(told(phone).map(([, ...lines]) => lines), [expected], name)
  }
  const brief = { headers: { Expires: '60' } }
  await guest.watches(anna, 'msrtc', brief)
  await ends('its time is over', async () => { await passes(61) }, `sip:${boris} "boris" terminated timeout`)
  const operated = await guest.watches(anna, 'msrtc')
  await ends('by the operator', () => endDialog(world.store.pool, { subscriber: boris, localTag: operated.toTag }, world.now), `sip:${boris} "boris" terminated deactivated`)
  const lost = await guest.watches(anna, 'pidf')
  await ends('its client has forgotten it', () => world.notifyFailed({ code: 481, subscriber: boris, localTag: lost.toTag, callId: lost.callId, remoteTag: lost.fromTag }), `sip:${boris} "boris" terminated timeout`)
  await guest.subscribes([anna, gerd], ['note'])
  await ends('by a newer one of the same endpoint', () => guest.subscribes([anna], ['note']), `sip:${boris} "boris" terminated deactivated`, `sip:${boris} "boris" active subscribe`)
  await ends('its endpoint leaves', () => guest.deregisters(), `sip:${boris} "boris" terminated timeout`)
  await guest.registers({ granted: 1_000_000 })
  const list = await guest.subscribesList([anna, gerd])
  await ends('one of a list', () => list.sends({ headers: { 'Content-Type': 'application/adrl+xml' }, body: listBody('delete', [anna]) }), `sip:${boris} "boris" terminated timeout`)
})

t.test('RFC 3857 4.7.1: who is pending and runs out of time waits, until it is decided, comes back, or is given up', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  const begins = async (): Promise<void> => {
    await guest.watches(anna, 'msrtc', { headers: { Expires: '60' } })
    await passes(61)
    guest.hears()
    told(phone)
  }
  const shows = async (): Promise<readonly string[]> => {
    await phone.subscribesWatchers({ headers: { Expires: '0' } })
    return told(phone)[0]?.slice(1) ?? []
  }
  await decides(phone, '*', 'PA')
  await begins()
  t.strictSame(await shows(), [`sip:${boris} "boris" waiting timeout`], 'though nobody was there to look')
  await phone.subscribesWatchers({ headers: { Expires: '7200' } })
  t.strictSame(told(phone), [['v0 full', `sip:${boris} "boris" waiting timeout`]])
  for (const [rights, event] of [['AA', 'approved'], ['BD', 'approved'], ['DA', 'rejected']] as const) {
    await decides(phone, boris, rights)
    await passes(10)
    t.strictSame(told(phone).map(([, ...lines]) => lines), [[`sip:${boris} "boris" terminated ${event}`]], rights)
    t.strictSame(await shows(), [], rights)
    await decides(phone, boris, 'PA')
    await begins()
    await passes(10)
    told(phone)
  }
  await guest.watches(anna, 'msrtc', { headers: { Expires: '60' } })
  await passes(10)
  t.strictSame(told(phone).map(([, ...lines]) => lines), [[`sip:${boris} "boris" terminated giveup`, `sip:${boris} "boris" pending subscribe`]], 'who comes back waits no longer besides')
  await passes(61)
  t.strictSame(told(phone).map(([, ...lines]) => lines), [[`sip:${boris} "boris" waiting timeout`]])
  await phone.setsSubscribers(boris)
  await passes(10)
  t.strictSame(told(phone).map(([, ...lines]) => lines), [[`sip:${boris} "boris" terminated giveup`]], 'acknowledged')
  await begins()
  await phone.subscribesWatchers({ headers: { Expires: '7200' } })
  told(phone)
  await passes(7_000)
  t.equal(await world.count("past_watcher WHERE status = 'waiting'"), 1)
  await phone.subscribesWatchers({ headers: { Expires: '7200' } })
  world.restart({ limits: { ...world.engine.limits, watcherWait: 3_600 } })
  told(phone)
  await passes(5)
  t.strictSame(told(phone), [['v1 partial', `sip:${boris} "boris" terminated giveup`]], 'after PRESENTIA_WATCHER_WAIT')
  await passes(PAST_WATCHERS_KEPT_MS / 1000 + 60)
  t.equal(await world.count('past_watcher'), 0, 'and forgotten')
})

t.test('RFC 3857 4.7.1: who only asks, and may not know yet, waits as well, once; and not too many may', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  const poll = { headers: { Expires: '0' } }
  await guest.watches(anna, 'msrtc', poll)
  t.equal(await world.count('past_watcher'), 0, 'who may know has been told')
  await decides(phone, '*', 'PA')
  await phone.subscribesWatchers()
  told(phone)
  await guest.watches(anna, 'msrtc', poll)
  await passes(5)
  t.strictSame(told(phone), [['v1 partial', `sip:${boris} "boris" waiting timeout`]])
  await guest.watches(anna, 'pidf', poll)
  await passes(5)
  t.strictSame([told(phone), await world.count('past_watcher')], [[], 1])
  const past = (status: string, from: number) => world.store.pool.query(`INSERT INTO past_watcher SELECT '${anna}', 'u' || n || '@suedwind.example', '${status}', '${status}', 'timeout', 0, ${world.now} FROM generate_series(${from}, ${MOST_WAITING}) AS n`)
  await past('terminated', 1)
  await world.client(clara).watches(anna, 'pidf', poll)
  await world.client(dan).watches(anna, 'pidf', { headers: { Expires: '60' } })
  await passes(61)
  t.equal(await world.count("past_watcher WHERE status = 'waiting'"), 3, 'those who have gone take no place of those who wait')
  await world.store.pool.query("DELETE FROM past_watcher WHERE subscriber <> $1", [boris])
  await past('waiting', 2)
  await world.client(clara).watches(anna, 'pidf', poll)
  await world.client(dan).watches(anna, 'pidf', { headers: { Expires: '60' } })
  await passes(61)
  t.equal(await world.count("past_watcher WHERE status = 'waiting'"), MOST_WAITING)
})

t.test('a watcher whose transaction is under way while the owner subscribes is told a little later; without one nothing is', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  await phone.subscribesWatchers()
  told(phone)
  t.equal(await world.count('deferred'), 1)
  await passes(5)
  t.strictSame([told(phone), await world.count('deferred')], [[], 0])
  // What is committed behind the owner's SUBSCRIBE, and did not see its dialog.
  const second = await joins(anna, 'second')
  await guest.watches(anna, 'pidf')
  const { toTag } = await second.subscribesWatchers()
  told(second)
  await world.store.pool.query('DELETE FROM deferred WHERE local_tag <> $1', [toTag])
  await passes(5)
  t.strictSame([told(second), told(phone)], [[['v1 partial', `sip:${boris} "boris" active subscribe`]], []])
})

t.test('RFC 3858 4.1: versions rise by one in each dialog, whoever sends, and are never used twice', async (t) => {
  const [phone, second, guest] = [await joins(anna), await joins(anna, 'second'), await joins(boris)]
  await phone.subscribesWatchers()
  await world.timers()
  await passes(10)
  await guest.watches(anna, 'msrtc')
  await passes(20)
  await second.subscribesWatchers()
  t.strictSame([told(phone), told(second)], [[['v0 full'], ['v1 partial', `sip:${boris} "boris" active subscribe`]], [['v0 full', `sip:${boris} "boris" active subscribe`]]], 'two dialogs count for themselves')
  await passes(5)
  world.restart()
  const other = await joins(gerd)
  const watching = await other.watches(anna, 'msrtc')
  await world.timers()
  t.strictSame([told(phone), told(second)], [[['v2 partial', `sip:${gerd} "gerd" active subscribe`]], [['v1 partial', `sip:${gerd} "gerd" active subscribe`]]], 'a restart goes on with them')
  world.proxies.kam1.failing.add(phone.flow)
  await passes(5)
  await watching.cancels()
  await world.timers()
  t.strictSame([told(phone), told(second)], [[], [['v2 partial', `sip:${gerd} "gerd" terminated timeout`]]])
  world.proxies.kam1.failing.clear()
  await passes(30)
  t.strictSame(told(phone), [['v4 partial', `sip:${gerd} "gerd" terminated timeout`]], 'the number of what could not be sent is lost, what it told is not')
  await other.watches(anna, 'msrtc')
  await world.store.pool.query("UPDATE dialog SET sender = 'another engine' WHERE kind = 'winfo'")
  await passes(5)
  await passes(5)
  t.strictSame(told(phone), [[`v${5 + NUMBERS_AHEAD} partial`, `sip:${gerd} "gerd" active subscribe`]], 'another engine skips some: the client sees that it has to ask')
})

t.test('whoever may have missed something is told everything', async (t) => {
  const [phone, guest, other] = [await joins(anna), await joins(boris), await joins(gerd)]
  const dialog = await phone.subscribesWatchers({ headers: { Expires: '7200' } })
  await guest.watches(anna, 'msrtc', { headers: { Expires: '7200' } })
  await passes(5)
  told(phone)
  const watching = await other.watches(anna, 'msrtc')
  await world.notifyFailed({ code: 408, subscriber: anna, localTag: dialog.toTag, callId: dialog.callId, remoteTag: dialog.fromTag, cseq: 2 })
  await passes(60)
  t.strictSame(told(phone).map(([head = '', ...lines]) => [head.split(' ')[1], ...lines]), [['full', `sip:${boris} "boris" active subscribe`, `sip:${gerd} "gerd" active subscribe`]], 'a notification was not answered')
  await resendDialog(world.store.pool, { subscriber: anna, localTag: dialog.toTag }, world.now)
  await world.timers()
  t.match(told(phone)[0]?.[0], /full/, 'the operator wants it')
  world.proxies.kam1.down = true
  await watching.cancels()
  await passes(5)
  await passes(PAST_WATCHERS_KEPT_MS / 1000 + 1)
  world.proxies.kam1.down = false
  await passes(60)
  await passes(60)
  t.strictSame(told(phone).map(([head = '', ...lines]) => [head.split(' ')[1], ...lines]), [['full', `sip:${boris} "boris" active subscribe`]], 'the proxy was away for longer than ends are kept')
})

t.test('presence.wpending: who cancels or runs out of time while it waits is told at once', async (t) => {
  const [client, guest] = [await joins(anna), await joins(boris)]
  await client.subscribesPending()
  await decides(client, '*', 'PA')
  const first = await guest.watches(anna, 'msrtc')
  t.strictSame(client.learns(), [[`sip:${boris} "boris" waits`]])
  await first.cancels()
  await world.timers()
  t.strictSame(client.learns(), [['nobody waits']])
  await guest.watches(anna, 'msrtc', { headers: { Expires: '60' } })
  client.learns()
  await passes(61)
  await world.timers()
  t.strictSame(client.learns(), [['nobody waits']])
  await decides(client, boris, 'AA')
  client.learns()
  const allowed = await guest.watches(anna, 'msrtc')
  await allowed.cancels()
  await passes(5)
  t.strictSame([client.learns(), await world.count('deferred')], [[], 0], 'of others nothing is told')
})

t.test('nobody looks: nothing is noted, owed or told', async (t) => {
  const [owner, guest] = [await joins(anna), await joins(boris)]
  const dialog = await guest.watches(anna, 'msrtc')
  await dialog.cancels()
  await guest.subscribes([anna, gerd], ['note'])
  await guest.deregisters()
  t.strictSame([await world.count('past_watcher'), await world.count('deferred'), await world.count("change WHERE touch LIKE '%atcher%'")], [0, 0, 0])
  t.strictSame(owner.hears(), [])
})

t.test('RFC 3857 4.3, 4.4, 4.5, 4.6: what is refused, and how long it lasts', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  const status = async (client: Client, options: Parameters<Client['subscribesWatchers']>[0]): Promise<readonly unknown[]> => {
    const { answer } = await client.subscribesWatchers(options)
    return [answer.status, ...['Accept', 'Unsupported', 'Min-Expires'].flatMap((name) => answer.header(name) ?? [])]
  }
  const before = await world.dump()
  for (const [name, client, options, expected] of [
    ['of another user', guest, { to: anna }, [403]],
    ['of nobody', phone, { to: 'nobody@nordwind.example' }, [404]],
    ['by a user of another domain', world.client(clara), { to: anna }, [403]],
    ['of the watchers of watchers', phone, { headers: { Event: 'presence.winfo.winfo' } }, [489]],
    ['of another package', phone, { headers: { Event: 'dialog.winfo' } }, [489]],
    ['in another form', phone, { headers: { Accept: 'application/pidf+xml' } }, [406]],
    ['with a body of another type', phone, { headers: { 'Content-Type': 'text/plain' }, body: 'x' }, [415, 'application/simple-filter+xml']],
    ['with an unknown extension', phone, { headers: { Require: 'eventlist' } }, [420, 'eventlist']],
    ['for too short a time', phone, { headers: { Expires: '10' } }, [423, '60']],
    ['without a Contact', phone, { contact: undefined }, [400]],
    ['in a dialog that is not there', phone, { toTag: 'none' }, [481]],
  ] as const) t.strictSame(await status(client, options), expected, name)
  t.strictSame(await world.dump(), before, 'nothing is left of any')
  t.strictSame(phone.hears(), [])
  for (const [asked, expires] of [[undefined, '3600'], ['60', '60'], ['100000', '7200']] as const) t.equal((await phone.subscribesWatchers({ headers: { Expires: asked } })).answer.header('Expires'), expires)
  for (const accept of [undefined, 'application/*', '*/*', 'text/plain, application/watcherinfo+xml']) t.strictSame(await status(phone, { headers: { Accept: accept } }), [200], accept ?? 'no Accept')
  t.strictSame(await status(phone, { headers: { 'Content-Type': 'application/simple-filter+xml' }, body: '<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"/>' }), [200], 'filters are passed over')
  const clash = await phone.subscribesWatchers({ headers: { Supported: 'ms-piggyback-first-notify', Event: 'Presence.WINFO' } })
  t.strictSame([clash.answer.says, clash.answer.header('Event')], [['v0 full'], 'presence.winfo'], 'in the 200 where that is supported')
  t.strictSame([(await clash.refreshes()).says], [['v1 full']])
})

t.test('two phones of the owner, and an owner that leaves', async (t) => {
  const [phone, second, guest] = [await joins(anna), await joins(anna, 'second'), await joins(boris)]
  await phone.subscribesWatchers()
  await second.subscribesWatchers()
  await passes(5)
  await guest.watches(anna, 'pidf')
  await world.timers()
  const [mine = [], theirs = []] = [phone.hears(), second.hears()]
  t.equal(idOf(mine.at(-1) ?? { body: '' }, boris), idOf(theirs.at(-1) ?? { body: '' }, boris), 'they know a watcher by the same id')
  await second.deregisters()
  const another = await guest.watches(anna, 'msrtc')
  await passes(5)
  await another.cancels()
  await passes(5)
  t.strictSame([told(phone).length, second.hears().length], [2, 0])
})

t.test('switched off: as a server that never had it, and nobody waits', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  await decides(phone, '*', 'PA')
  await guest.watches(anna, 'msrtc', { headers: { Expires: '60' } })
  await passes(61)
  const { answer: on } = await phone.subscribesWatchers({ headers: { Event: 'none' } })
  t.match(on.header('Allow-Events'), /,presence\.winfo$/)
  world.restart({ features: { ...world.engine.features, watcherInfo: false } })
  const { answer } = await phone.subscribesWatchers()
  t.strictSame([answer.status, answer.header('Allow-Events')], [489, 'vnd-microsoft-roaming-self,presence,vnd-microsoft-roaming-contacts,vnd-microsoft-provisioning-v2,vnd-microsoft-roaming-ACL,presence.wpending'])
  await guest.watches(anna, 'msrtc', { headers: { Expires: '0' } })
  await passes(1)
  t.equal(await world.count("past_watcher WHERE status = 'waiting'"), 0)
})

t.test('whoever is told when it is switched off hears the end, and nothing after that', async (t) => {
  const [phone, guest] = [await joins(anna), await joins(boris)]
  await phone.subscribesWatchers()
  phone.hears()
  world.restart({ features: { ...world.engine.features, watcherInfo: false } })
  await guest.watches(anna, 'pidf')
  await passes(10)
  t.strictSame([phone.hears().map((heard) => [heard.header('Subscription-State'), heard.body]), await world.count("dialog WHERE kind = 'winfo'"), await world.count('deferred')], [[['terminated;expires=0;reason=noresource', '']], 0, 0])
})

t.test('RFC 3858 6: all that was told has the structure of the document, read by another reader', async (t: Test) => {
  await hasStructure(t, 'watcherinfo', documents)
})
