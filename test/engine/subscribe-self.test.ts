import t from 'tap'
import { PLAIN } from '../support/client.ts'
import { added, notes, removal, roamingBody } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

t.test('4.4: sign-in: register, subscribe, publish, hear, cancel', async (t) => {
  const client = world.client(anna)
  t.match(await client.registers(), { action: 'added' })
  const dialog = await client.subscribesSelf()
  t.equal(dialog.answer.status, 200)
  t.strictSame(dialog.answer.says, ['container 0 v0: everyone', 'subscribers: 0', 'delegates v0: 0'])
  t.strictSame(dialog.answer.documents[0]?.children.map(({ name }) => name.replace(/.*\}/, '')), ['categories', 'containers', 'subscribers', 'delegates'])
  await client.publishes(notes('hello', [200]))
  const [heard, ...more] = client.hears()
  t.strictSame(more, [])
  t.equal(heard?.method, 'BENOTIFY')
  t.strictSame(heard?.says, ['note#0 in 200 v1 static "hello"'])
  t.equal(heard?.header('CSeq'), '2 BENOTIFY')
  const cancelled = await dialog.cancels()
  t.equal(cancelled.status, 200)
  t.equal(cancelled.header('Expires'), '0')
  t.equal(cancelled.body, '')
  t.equal(cancelled.toTag, dialog.toTag)
  t.strictSame(client.hears(), [], 'clients with piggyback do not wait for a last NOTIFY')
  t.equal(await world.count('dialog'), 0)
  t.equal((await dialog.refreshes()).status, 481)
  t.match((await dialog.cancels()).header('ms-diagnostics-public'), /^2014;/)
})

t.test('3.3.5.1: all data: categories by container, containers that exist, members', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.publishes([...notes('a', [300, 200]), { category: 'state', container: 2, instance: 1, expireType: 'user', data: '3500' }])
  await client.setsMembers([{ id: 100, version: 0, members: ['federated'] }, { id: 32000, version: 0, members: ['user sip:boris@nordwind.example', 'domain Suedwind.example'] }])
  const { answer } = await client.subscribesSelf()
  t.strictSame(answer.says, [
    'note#0 in 200 v1 static "a"', 'note#0 in 300 v1 static "a"', 'state#1 in 2 v1 user "3500"',
    'container 32000 v1: user boris@nordwind.example, domain suedwind.example', 'container 300 v0:', 'container 200 v0:', 'container 100 v1: federated', 'container 2 v0:', 'container 0 v0: everyone',
    'subscribers: 0', 'delegates v0: 0',
  ])
})

t.test('3.3.5.1: any combination of scopes; what is outside of it is neither shown nor told', async (t) => {
  const [one, two] = [world.client(anna, 'one'), world.client(anna, 'two')]
  await one.registers()
  await two.registers()
  t.strictSame((await one.subscribesSelf(['containers'])).answer.says, ['container 0 v0: everyone'])
  t.strictSame((await two.subscribesSelf(['delegates', 'categories'])).answer.says, ['delegates v0: 0'])
  await one.publishes(notes('x', [200]))
  t.strictSame([one.learns(), two.learns()], [[], [['note#0 in 200 v1 static "x"']]])
  await one.setsMembers([{ id: 200, version: 0, members: ['sameEnterprise'] }])
  t.strictSame([one.learns(), two.learns()], [[['container 200 v1: sameEnterprise']], []])
})

t.test('3.3.5.1: a refresh with a body replaces the scope, without one keeps it; all data comes either way', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.publishes(notes('x', [200]))
  const dialog = await client.subscribesSelf(['categories'])
  world.advance(100)
  const kept = await dialog.refreshes()
  t.equal(kept.status, 200)
  t.strictSame(kept.says, ['note#0 in 200 v1 static "x"'])
  t.equal(kept.header('ms-piggyback-cseq'), '2')
  t.equal(kept.header('Expires'), '3600')
  const replaced = await dialog.refreshes({ body: roamingBody(['subscribers']) })
  t.strictSame(replaced.says, ['subscribers: 0'])
  await client.publishes(notes('y', [200], 1))
  t.strictSame(client.hears(), [], 'categories are out of scope now')
  t.strictSame((await dialog.refreshes({ body: roamingBody(['categories', 'containers']) })).says, ['note#0 in 200 v2 static "y"', 'container 200 v0:', 'container 0 v0: everyone'])
})

t.test('MS-SIP 3.4: piggyback: one counter for answers and notifications', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const dialog = await client.subscribesSelf(['categories'])
  t.equal(dialog.answer.header('ms-piggyback-cseq'), '1')
  await client.publishes(notes('x', [200]))
  await client.publishes(notes('y', [200], 1))
  t.strictSame(client.hears().map((heard) => heard.header('CSeq')), ['2 BENOTIFY', '3 BENOTIFY'])
  t.equal((await dialog.refreshes()).header('ms-piggyback-cseq'), '4')
  await client.publishes([removal('note', 200, 2)])
  t.strictSame(client.hears().map((heard) => heard.header('CSeq')), ['5 BENOTIFY'])
})

t.test('RFC 6665: without piggyback a 200 comes first and a NOTIFY follows it', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.publishes(notes('x', [200]))
  const dialog = await client.subscribesSelf(['categories'], { headers: PLAIN })
  t.equal(dialog.answer.status, 200)
  t.equal(dialog.answer.body, '')
  t.equal(dialog.answer.header('ms-piggyback-cseq'), undefined)
  t.equal(dialog.answer.header('Supported'), undefined)
  t.equal(dialog.answer.header('Expires'), '3600')
  const [first] = client.hears()
  t.match(first, { method: 'NOTIFY', says: ['note#0 in 200 v1 static "x"'] })
  t.equal(first?.header('CSeq'), '1 NOTIFY')
  t.equal(first?.header('subscription-state'), 'active;expires=3600')
  t.match(first?.header('Contact'), /^<sip:.+>$/)
  t.equal((await dialog.refreshes({ headers: PLAIN })).body, '')
  t.strictSame(client.hears().map((heard) => [heard.header('CSeq'), heard.says]), [['2 NOTIFY', ['note#0 in 200 v1 static "x"']]])
  await client.publishes(notes('y', [200], 1))
  t.strictSame(client.hears().map((heard) => heard.header('CSeq')), ['3 NOTIFY'])
  const cancelled = await dialog.cancels({ headers: PLAIN })
  t.equal(cancelled.header('Expires'), '0')
  const [last] = client.hears()
  t.equal(last?.header('CSeq'), '4 NOTIFY')
  t.match(last?.header('subscription-state'), /^terminated;/)
})

t.test('MS-SIP 3.5: BENOTIFY only when it stands in Supported and in Proxy-Require', async (t) => {
  const client = world.client(anna)
  await client.registers()
  for (const [supported, proxyRequire, method, answered] of [
    ['ms-benotify, ms-piggyback-first-notify', 'ms-benotify', 'BENOTIFY', 'ms-benotify, ms-piggyback-first-notify'],
    ['ms-benotify, ms-piggyback-first-notify', undefined, 'NOTIFY', 'ms-piggyback-first-notify'],
    ['ms-piggyback-first-notify', 'ms-benotify', 'NOTIFY', 'ms-piggyback-first-notify'],
    ['MS-BENOTIFY', 'Ms-Benotify', 'BENOTIFY', 'ms-benotify'],
  ] as const) {
    const dialog = await client.subscribesSelf(['categories'], { headers: { Supported: supported, 'Proxy-Require': proxyRequire } })
    t.equal(dialog.answer.header('Supported'), answered)
    client.hears()
    await client.publishes(notes('x', [200]))
    t.strictSame(client.hears().map((heard) => heard.method), [method])
    await client.publishes([removal('note', 200, 1)])
    await dialog.cancels()
    client.hears()
  }
})

t.test('3.3.5.1: a poll is answered and leaves nothing', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.publishes(notes('x', [200]))
  const before = await world.dump()
  const { answer } = await client.subscribesSelf(['categories'], { headers: { Expires: '0' } })
  t.equal(answer.status, 200)
  t.equal(answer.header('Expires'), '0')
  t.match(answer.header('subscription-state'), /^terminated;expires=0/)
  t.strictSame(answer.says, ['note#0 in 200 v1 static "x"'])
  const plain = await client.subscribesSelf(['categories'], { headers: { ...PLAIN, Expires: '0' }, contact: undefined })
  t.equal(plain.answer.body, '')
  const [heard, ...more] = client.hears()
  t.strictSame(more, [])
  t.match(heard?.header('subscription-state'), /^terminated;expires=0/)
  t.strictSame(heard?.says, ['note#0 in 200 v1 static "x"'])
  t.strictSame(await world.dump(), before)
})

t.test('3.3.5.1: a second dialog of one endpoint ends the first; other endpoints keep theirs', async (t) => {
  const [one, two] = [world.client(anna, 'one'), world.client(anna, 'two')]
  await one.registers()
  await two.registers()
  const first = await one.subscribesSelf(['categories'])
  await two.subscribesSelf(['categories'])
  const second = await one.subscribesSelf(['categories'])
  const [ending, ...more] = one.hears()
  t.strictSame(more, [])
  t.equal(ending?.header('From')?.includes(`tag=${first.toTag}`), true)
  t.match(ending?.header('subscription-state'), /^terminated;expires=0/)
  t.equal(ending?.header('Expires'), '0')
  t.equal(ending?.header('CSeq'), '2 BENOTIFY')
  t.equal((await first.refreshes()).status, 481)
  t.equal((await second.refreshes()).status, 200)
  await one.publishes(notes('x', [200]))
  t.strictSame([one.hears().length, two.hears().length], [1, 1])
})

t.test('a SUBSCRIBE that is repeated opens one dialog and is answered alike', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const first = await client.subscribesSelf(['categories'], { callId: 'same', fromTag: 'same' })
  const second = await client.subscribesSelf(['categories'], { callId: 'same', fromTag: 'same' })
  t.equal(second.toTag, first.toTag)
  t.equal(second.answer.body, first.answer.body)
  t.equal(second.answer.header('ms-piggyback-cseq'), '1')
  t.equal(await world.count('dialog'), 1)
  const refreshed = await first.refreshes()
  const dump = await world.dump()
  const again = await first.refreshes({ cseq: 2 })
  t.equal(again.header('ms-piggyback-cseq'), refreshed.header('ms-piggyback-cseq'))
  t.strictSame(await world.dump(), dump)
})

t.test('RFC 3261 12.2.2, RFC 6665: order, unknown dialogs, expiry bounds', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const dialog = await client.subscribesSelf(['categories'], { cseq: 7 })
  t.equal((await dialog.refreshes({ cseq: 6 })).status, 500, 'a lower CSeq')
  for (const wrong of [{ toTag: 'other' }, { callId: 'other' }, { fromTag: 'other' }, { headers: { Event: 'presence', Accept: undefined } }]) {
    t.equal((await dialog.refreshes({ ...wrong, cseq: 9 })).status, 481, JSON.stringify(wrong))
  }
  const brief = await client.subscribesSelf(['categories'], { headers: { Expires: '30' } })
  t.equal(brief.answer.status, 423)
  t.equal(brief.answer.header('Min-Expires'), '60')
  t.equal((await dialog.refreshes({ cseq: 10, headers: { Expires: '59' } })).status, 423)
  t.equal((await dialog.refreshes({ cseq: 11, headers: { Expires: '99999' } })).header('Expires'), '7200', 'more than allowed is shortened')
  t.equal((await dialog.refreshes({ cseq: 12, headers: { Expires: '90' } })).header('Expires'), '90')
})

t.test('3.3.5.3: refusals', async (t) => {
  const client = world.client(anna)
  t.equal((await client.subscribesSelf()).answer.status, 401, 'not registered')
  await client.registers()
  t.equal((await client.subscribesSelf([], { to: 'nobody@nordwind.example', body: roamingBody(['categories']) })).answer.status, 404)
  t.equal((await client.subscribesSelf([], { to: boris, body: roamingBody(['categories']) })).answer.status, 400)
  t.equal((await client.subscribesSelf([], { body: '' })).answer.status, 400, 'no body')
  t.equal((await client.subscribesSelf(['presence'])).answer.status, 400, 'no such roaming type')
  t.equal((await client.subscribesSelf(undefined, { contact: undefined })).answer.status, 400, 'no Contact')
  t.equal((await client.subscribesSelf(undefined, { headers: { Accept: 'application/pidf+xml' } })).answer.status, 406)
  const type = await client.subscribesSelf(undefined, { headers: { 'Content-Type': 'text/plain' } })
  t.equal(type.answer.status, 415)
  t.equal(type.answer.header('Accept'), 'application/vnd-microsoft-roaming-self+xml')
  const event = await client.subscribesSelf(undefined, { headers: { Event: 'vnd-microsoft-unheard-of' } })
  t.equal(event.answer.status, 489)
  t.equal(event.answer.header('Allow-Events'), 'vnd-microsoft-roaming-self,presence,vnd-microsoft-roaming-contacts,vnd-microsoft-provisioning-v2,vnd-microsoft-roaming-ACL,presence.wpending,presence.winfo')
  const method = await client.sends('MESSAGE')
  t.equal(method.status, 405)
  t.equal(method.header('Allow'), 'SERVICE, SUBSCRIBE, PUBLISH')
  t.equal(await world.count('dialog'), 0)
})

t.test('RFC 6665 4.2.2: a dialog that runs out is told so, once', async (t) => {
  const client = world.client(anna)
  await client.registers({ headers: { Expires: '7200' } })
  const dialog = await client.subscribesSelf(['categories'], { headers: { Expires: '120' } })
  world.advance(119)
  await world.timers()
  t.strictSame(client.hears(), [])
  world.advance(1)
  t.equal((await dialog.refreshes()).status, 481, 'over at its time, whatever the timer does')
  await client.publishes(notes('x', [200]))
  t.strictSame(client.hears(), [], 'and silent')
  await world.timers()
  const [last, ...more] = client.hears()
  t.strictSame(more, [])
  t.equal(last?.header('subscription-state'), 'terminated;expires=0;reason=timeout')
  t.equal(last?.header('Expires'), '0')
  t.equal(await world.count('dialog'), 0)
})

t.test('subscription-state counts down to the end of the dialog', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.subscribesSelf(['categories'], { headers: { Expires: '500' } })
  world.advance(120)
  await client.publishes(notes('x', [200]))
  t.strictSame(client.hears().map((heard) => heard.header('subscription-state')), ['active;expires=380'])
})

t.test('a restart of the engine keeps dialogs, numbers and debts', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const dialog = await client.subscribesSelf(['categories'])
  world.proxies.kam1.down = true
  await client.publishes(notes('x', [200]))
  t.equal(await world.count('deferred'), 1)
  world.restart()
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  const [paid, ...more] = client.hears()
  t.equal(paid?.says[0], 'note#0 in 200 v1 static "x"')
  t.ok(paid?.says.slice(1).every((line) => line.endsWith('in 0 (none)')), 'what else there may have been is named as gone')
  t.strictSame(more, [])
  const refreshed = await dialog.refreshes()
  t.equal(refreshed.status, 200)
  t.ok(Number(refreshed.header('ms-piggyback-cseq')) > 2)
})

t.test('3.3.5.1: each combination of scopes shows and tells exactly its parts', async (t) => {
  const parts = ['categories', 'containers', 'subscribers', 'delegates'] as const
  const [owner, watcher] = [world.client(anna, 'owner'), world.client(boris)]
  await owner.registers()
  await watcher.registers()
  // Every set of parts, the empty one aside, on an endpoint of its own.
  const sets = Array.from({ length: 15 }, (_, at) => parts.filter((_part, bit) => ((at + 1) >> bit) % 2 === 1))
  const endpoints = await Promise.all(sets.map(async (scope) => {
    const client = world.client(anna, `epid${scope.map(([first, second]) => `${first}${second}`).join('')}`)
    await client.registers()
    const { answer } = await client.subscribesSelf(scope)
    t.strictSame(answer.documents[0]?.children.map(({ name }) => name.replace(/.*\}/, '')), scope, scope.join())
    return { client, scope }
  }))
  const told: Readonly<Record<(typeof parts)[number], string>> = {
    categories: 'note#0 in 200 v1 static "x"', containers: 'container 300 v1: federated', subscribers: `subscriber ${boris} "boris" sameEnterprise`, delegates: `delegates v1: ${boris}`,
  }
  await owner.publishes(notes('x', [200]))
  await owner.setsMembers([{ id: 300, version: 0, members: ['federated'] }])
  await watcher.subscribes([added(anna)], ['note'])
  await owner.setsDelegates(0, { user: boris, action: 'add' })
  for (const { client, scope } of endpoints) t.strictSame(client.learns(), scope.map((part) => [told[part]]), scope.join())
})

t.test('2.2.2.3.1: unknown roamingEx types are passed over', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const extended = (...types: readonly string[]): string => `<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self">${types.map((type) => `<roamingEx xmlns="http://schemas.microsoft.com/2007/09/sip/roaming-self-ex" type="${type}"/>`).join('')}</roamingList>`
  t.strictSame((await client.subscribesSelf([], { body: extended('weather', 'delegates') })).answer.says, ['delegates v0: 0'])
  client.hears()
  const none = await client.subscribesSelf([], { body: extended('weather') })
  t.strictSame([none.answer.status, none.answer.says], [200, []])
  client.hears()
  await client.publishes(notes('x', [200]))
  t.strictSame(client.hears(), [])
})

t.test('3.3.5.1: every answer carries all data, whatever has changed meanwhile, heard or not', async (t) => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  const dialog = await client.subscribesSelf()
  world.proxies.kam1.down = true
  await client.publishes([...notes('x', [200, 300]), { category: 'state', container: 2, data: 'busy' }])
  await client.publishes([removal('note', 200, 1)])
  await client.setsMembers([{ id: 300, version: 0, members: ['sameEnterprise'] }])
  await watcher.subscribes([added(anna)], ['note'])
  await client.setsDelegates(0, { user: boris, action: 'add', publish: 'allow' })
  const all = [
    'note#0 in 300 v1 static "x"', 'state#0 in 2 v1 static "busy"', 'container 300 v1: sameEnterprise', 'container 2 v0:', 'container 0 v0: everyone', `subscriber ${boris} "boris" sameEnterprise`, `delegates v1: ${boris} publish`,
  ]
  t.strictSame((await dialog.refreshes()).says, all, 'a refresh')
  t.strictSame((await client.subscribesSelf(undefined, { headers: { Expires: '0' } })).answer.says, all, 'a poll')
  t.strictSame((await client.subscribesSelf()).answer.says, all, 'a new dialog')
})

t.test('3.3.5.1: who is in survivable mode is shown everything and gets no dialog', async (t) => {
  const [client, stranger] = [world.client(anna), world.client(anna, 'stranger')]
  await client.registers()
  await client.publishes(notes('x', [200]))
  const kept = await client.subscribesSelf(['categories'])
  await client.subscribesContacts()
  const before = await world.dump()
  for (const one of [client, stranger]) {
    const { answer } = await one.subscribesSelf(['categories'], { survivable: true, headers: { Expires: '600' } })
    t.strictSame([answer.status, answer.header('Expires'), answer.says], [200, '0', ['note#0 in 200 v1 static "x"']])
    t.match(answer.header('subscription-state'), /^terminated;expires=0/)
    t.equal((await one.subscribesContacts({ survivable: true })).answer.header('Expires'), '0')
  }
  t.strictSame(await world.dump(), before)
  t.strictSame([client.hears(), stranger.hears()], [[], []], 'no dialog of before is replaced')
  t.equal((await kept.refreshes()).status, 200)
})

t.test('3.3.5.3: 401 for a refresh by an endpoint that is no longer registered', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const [self, contacts] = [await client.subscribesSelf(['categories']), await client.subscribesContacts()]
  const other = world.client(anna, 'other')
  await other.registers({ granted: 100_000 })
  world.advance(700)
  t.strictSame([(await self.refreshes()).status, (await contacts.refreshes()).status], [401, 401])
  t.equal((await client.subscribesSelf()).answer.status, 401)
  await world.timers()
  t.strictSame([(await self.refreshes()).status, (await contacts.refreshes()).status], [481, 481], 'and then its dialogs are gone')
})

t.test('3.3.5.3: a refresh that is refused changes nothing', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const dialog = await client.subscribesSelf(['categories'])
  const before = await world.dump()
  for (const [status, options] of [
    [400, { body: '<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"/>' }], [400, { body: '<roamingList' }], [400, { body: roamingBody(['everything']) }], [400, { body: roamingBody(['categories']), to: boris }],
    [404, { to: 'nobody@nordwind.example' }], [406, { headers: { Accept: 'text/plain' } }], [423, { headers: { Expires: '1' } }],
  ] as const) t.equal((await dialog.refreshes(options)).status, status, JSON.stringify(options))
  t.equal((await dialog.refreshes({ body: roamingBody(['containers']), headers: { 'Content-Type': 'text/xml' } })).status, 415)
  t.strictSame(await world.dump(), before)
})

t.test('2.2.2.3.2: a lost word of what was cleared is made good: the debt names what is there no more', async (t) => {
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  await client.publishes([...notes('x', [200, 300]), { category: 'state', container: 2, data: 'busy' }])
  await client.subscribesSelf(['categories'])
  world.proxies.kam1.down = true
  await client.publishes([removal('note', 200, 1), removal('note', 300, 1)])
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  // Clients forget what they hold of a category when it is named, and only then.
  const heard = client.learns().flat()
  t.ok(heard.some((line) => line.startsWith('note ')), `note is named: ${heard.join('; ')}`)
})
