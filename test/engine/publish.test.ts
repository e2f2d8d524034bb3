import t from 'tap'
import { notes, publishBody, removal } from '../support/bodies.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

t.test('3.2.5.1.2: an instance is created at version 0, updated at its version, deleted, and created again', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const created = await client.publishes(notes('one', [200]))
  t.equal(created.status, 200)
  t.equal(created.header('Content-Type'), 'application/vnd-microsoft-roaming-self+xml')
  t.strictSame(created.says, ['note#0 in 200 v1 static "one"'])
  t.strictSame((await client.publishes(notes('two', [200], 1))).says, ['note#0 in 200 v2 static "two"'])
  t.strictSame((await client.publishes([removal('note', 200, 2)])).says, ['note in 200 (none)'])
  t.equal(await world.count('category_instance'), 0)
  t.strictSame((await client.publishes(notes('three', [200]))).says, ['note#0 in 200 v1 static "three"'])
})

t.test('2.2.2.1: publishTime is the server\'s, in UTC, and never goes back', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const timeOf = (heard: Awaited<ReturnType<typeof client.publishes>>): string | undefined => heard.documents[0]?.children[0]?.children[0]?.attributes['publishTime']
  t.equal(timeOf(await client.publishes(notes('one', [200]))), '2026-03-02T08:00:00.000')
  world.advance(1.5)
  t.equal(timeOf(await client.publishes(notes('two', [200], 1))), '2026-03-02T08:00:01.500')
  world.advance(-60)
  const back = timeOf(await client.publishes(notes('three', [200], 2)))
  t.ok(back !== undefined && back > '2026-03-02T08:00:01.500', String(back))
})

t.test('3.2.5.1.2: the answer lists a named category with all its instances in all containers', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.publishes([...notes('here', [200, 300]), { category: 'state', container: 2, instance: 4294967295, data: 'busy' }])
  const answer = await client.publishes([{ category: 'note', container: 300, version: 1, data: 'changed' }, removal('note', 400, 0)])
  t.strictSame(answer.says, ['note#0 in 200 v1 static "here"', 'note#0 in 300 v2 static "changed"', 'note in 400 (none)'])
})

t.test('3.2.5.4: a wrong version is 409 with every stale operation, and nothing of the request is kept', async (t) => {
  const client = world.client(anna)
  const watcher = world.client(boris)
  await client.registers()
  await watcher.registers()
  await client.publishes([...notes('now', [200, 300]), { category: 'note', container: 0, data: 'all' }])
  await watcher.subscribes([anna], ['note', 'state'])
  const before = await world.dump()
  const refused = await client.publishes([
    { category: 'note', container: 200, version: 0, data: 'x' }, { category: 'state', container: 0, version: 0, data: 'good' },
    { category: 'note', container: 300, version: 7, data: 'x' }, { category: 'note', container: 400, version: 3, data: 'x' },
  ])
  t.equal(refused.status, 409)
  t.equal(refused.header('Content-Type'), 'application/msrtc-fault+xml')
  t.match(refused.header('ms-diagnostics'), /^2044;reason="Publication version out of date";source="presentia.test"/)
  t.equal(refused.documents[0]?.name, 'Fault', 'the fault is in no namespace')
  t.equal(refused.documents[0]?.children[0]?.text, 'Client.BadCall.WrongDelta')
  t.strictSame(refused.says, ['stale 1: 0, is 1 "now"', 'stale 3: 7, is 1 "now"', 'stale 4: 3, is 0 ""'])
  t.strictSame(await world.dump(), before, 'nothing has changed')
  t.strictSame(watcher.hears(), [])
})

t.test('a publish that is refused for its last publication changes nothing (all or nothing)', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.subscribesSelf(['categories'])
  const before = await world.dump()
  for (const [bad, status, code] of [
    [{ category: 'weather', container: 0, data: 'x' }, 403, '4000'],
    [{ category: 'userProperties', container: 1, data: 'x' }, 403, '2003'],
    [{ category: 'note', container: 0, expireType: 'time', data: 'x' }, 400, '4000'],
    [{ category: 'note', container: 0, expires: 60, data: 'x' }, 400, '4000'],
    [{ category: 'note', container: 0, expireType: 'forever', data: 'x' }, 400, '4001'],
    [{ category: 'note', container: 32768, data: 'x' }, 400, '4001'],
    [{ category: 'note', container: 0, instance: -1, data: 'x' }, 400, '4001'],
    [{ category: 'note', container: 0, instance: 4294967296, data: 'x' }, 400, '4001'],
    [{ category: 'note', container: 0, data: `<note>${'x'.repeat(33_000)}</note>` }, 413, '2010'],
    [{ category: 'state', container: 200, data: 'again' }, 400, '4000'],
  ] as const) {
    const refused = await client.publishes([{ category: 'state', container: 200, data: 'good' }, bad])
    t.equal(refused.status, status, JSON.stringify(bad).slice(0, 100))
    t.equal(refused.header('ms-diagnostics')?.split(';', 1)[0], code)
    t.strictSame(await world.dump(), before)
  }
  t.strictSame(client.hears(), [])
})

t.test('3.2.5.4: From must be To (403), and the uri of publications too (400)', async (t) => {
  const client = world.client(anna)
  await client.registers()
  t.equal((await client.publishes(notes('x', [0]), { to: boris })).status, 403)
  t.equal((await client.publishes([], { body: publishBody(boris, notes('x', [0])) })).status, 400)
  t.equal((await client.publishes([], { body: publishBody('Anna@nordwind.example', notes('x', [0])) })).status, 400, 'the user part is case-sensitive')
  t.equal((await client.publishes([], { body: publishBody('anna@NordWind.example', notes('x', [0])) })).status, 200, 'the domain is not')
})

t.test('a publisher that is not configured gets 404 with 2005', async (t) => {
  const stranger = world.client('nobody@nordwind.example')
  const refused = await stranger.publishes(notes('x', [0]))
  t.equal(refused.status, 404)
  t.match(refused.header('ms-diagnostics'), /^2005;reason="From user not found"/)
  t.equal((await world.client(people.clara).publishes(notes('x', [0]))).status, 404)
})

t.test('3.2.5.1.2: deleting what is not there succeeds and does nothing', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.subscribesSelf(['categories'])
  t.strictSame((await client.publishes([removal('note', 300, 0)])).says, ['note in 300 (none)'])
  t.strictSame(client.hears(), [])
  t.equal((await client.publishes([removal('note', 300, 1)])).status, 409, 'but only with version 0')
})

t.test('3.2.5.4: an endpoint-bounded publication needs a registered endpoint (488)', async (t) => {
  const client = world.client(anna)
  const device = { category: 'device', container: 2, instance: 412819398, expireType: 'endpoint', data: 'pc' }
  t.equal((await client.publishes([device])).status, 488)
  await client.registers()
  const answer = await client.publishes([device])
  t.match(answer.says[0], /^device#412819398 in 2 v1 endpoint of [0-9a-f-]{36} "pc"$/)
  await world.client(anna, 'other').registers()
  t.equal((await world.client(anna, 'third').publishes([{ ...device, version: 1 }], { contact: undefined })).status, 488)
  t.equal((await world.client(anna, 'third').publishes(notes('unbounded ones do not', [0]), { contact: undefined })).status, 200)
})

t.test('2.2.2.1: endpointId is the UUID of +sip.instance as the client wrote it', async (t) => {
  const client = world.client(anna)
  const uuid = 'A8F9A3A8-EE61-56D7-B306-C67B08FB28D8'
  await client.registers({ contact: `${client.contact};+sip.instance="<urn:uuid:${uuid}>"` })
  t.strictSame((await client.publishes([{ category: 'device', container: 2, expireType: 'endpoint', data: 'pc' }])).says, [`device#0 in 2 v1 endpoint of ${uuid} "pc"`])
})

t.test('2.2.2.2.1: time-bounded ones tell the seconds left, and are gone at their time whatever the cleanup does', async (t) => {
  const client = world.client(anna)
  const watcher = world.client(boris)
  await client.registers()
  await watcher.registers()
  t.strictSame((await client.publishes([{ category: 'note', container: 0, expireType: 'time', expires: 90, data: 'soon' }])).says, ['note#0 in 0 v1 time 90s "soon"'])
  const dialog = await watcher.subscribes([anna], ['note'])
  t.strictSame(dialog.answer.says, ['note#0 "soon"'])
  const own = await client.subscribesSelf(['categories'])
  world.advance(89)
  t.strictSame((await dialog.refreshes()).says, ['note#0 "soon"'])
  t.strictSame((await own.refreshes()).says, ['note#0 in 0 v1 time 1s "soon"'])
  world.advance(1)
  t.strictSame((await dialog.refreshes()).says, ['note (none)'])
  t.strictSame((await own.refreshes()).says, [])
  t.equal((await client.publishes([{ category: 'note', container: 0, version: 1, data: 'late' }])).status, 409, 'a version of what has expired is stale')
  t.strictSame((await client.publishes([{ category: 'note', container: 0, version: 0, data: 'new' }])).says, ['note#0 in 0 v1 static "new"'])
})

t.test('3.2.6.1: the cleanup timer deletes and tells watchers and the publisher', async (t) => {
  const client = world.client(anna)
  const watcher = world.client(boris)
  await client.registers()
  await watcher.registers()
  await client.publishes([{ category: 'note', container: 0, expireType: 'time', expires: 90, data: 'soon' }, ...notes('stays', [200])])
  await watcher.subscribes([anna], ['note', 'state'])
  await client.subscribesSelf(['categories'])
  await world.timers()
  t.strictSame([...client.hears(), ...watcher.hears()], [])
  world.advance(90)
  await world.timers()
  t.strictSame(watcher.learns(), [['note (none)']])
  t.strictSame(client.learns(), [['note#0 in 200 v1 static "stays"', 'note in 0 (none)']])
  await world.timers()
  t.strictSame([...client.hears(), ...watcher.hears()], [], 'once')
})

t.test('the expiry of the prose, an ISO-8601 instant, is read as well', async (t) => {
  const client = world.client(anna)
  await client.registers()
  t.strictSame((await client.publishes([{ category: 'note', container: 0, expireType: 'time', expires: '2026-03-02T08:05:00Z', data: 'x' }])).says, ['note#0 in 0 v1 time 300s "x"'])
  t.strictSame((await client.publishes([{ category: 'note', container: 0, version: 1, expireType: 'time', expires: '2026-03-02T07:00:00', data: 'x' }])).says, ['note in 0 (none)'], 'the past takes it away')
})

t.test('a repeated request is answered again, not carried out again', async (t) => {
  const client = world.client(anna)
  await client.registers()
  await client.subscribesSelf(['categories'])
  const text = client.text('SERVICE', { callId: 'same', cseq: 4, headers: { 'Content-Type': 'application/msrtc-category-publish+xml' }, body: publishBody(anna, notes('one', [200])) })
  const first = await client.sendsRaw(text)
  world.advance(5)
  const after = await world.dump()
  const second = await client.sendsRaw(text)
  t.equal(second.status, 200)
  t.equal(second.body, first.body)
  t.equal(second.toTag, first.toTag)
  t.strictSame(await world.dump(), after)
  t.equal(client.hears().length, 1)
  world.advance(65)
  await world.timers()
  t.equal(await world.count('answered'), 0, 'forgotten after the life of a retransmission')
  t.equal((await client.sendsRaw(text)).status, 409)
})

t.test('category data is opaque: namespaces, comments and CDATA come back as they went in', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const data = '<x:note xmlns:x="urn:example:x" x:a="1&amp;2">\n <!-- kept --><y xmlns=""><![CDATA[<&>]]></y> ü 😀</x:note>'
  const answer = await client.publishes([{ category: 'note', container: 0, data }])
  t.match(answer.body, '\n <!-- kept --><y xmlns=""><![CDATA[<&>]]></y> ü 😀</x:note>')
  const empty = await client.publishes([{ category: 'note', container: 2 }])
  t.strictSame(empty.says.at(-1), 'note#0 in 2 v1 static ""')
})

t.test('quota: all instances of a category together have a limit (413 with 2010)', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const data = `<note>${'x'.repeat(32_000)}</note>`
  for (let container = 1; container <= 16; container += 1) t.equal((await client.publishes([{ category: 'note', container, data }])).status, 200)
  const refused = await client.publishes([{ category: 'note', container: 17, data }])
  t.equal(refused.status, 413)
  t.match(refused.header('ms-diagnostics'), /^2010;/)
  t.equal((await client.publishes([removal('note', 1, 1), { category: 'note', container: 17, data }])).status, 200, 'what the same request frees counts')
})

t.test('many publishes of one publisher at once: each version is won by one', async (t) => {
  const client = world.client(anna)
  await client.registers()
  const answers = await Promise.all(Array.from({ length: 8 }, (_, at) => client.publishes(notes(`number ${at}`, [200]))))
  t.strictSame(answers.map(({ status }) => status).sort(), [200, ...Array.from({ length: 7 }, () => 409)])
})
