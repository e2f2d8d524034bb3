import t from 'tap'
import { removeUser } from '../../src/engine/remove-user.ts'
import { createSender } from '../../src/store/sender.ts'
import { openAdmin } from '../support/admin.ts'
import { listBody } from '../support/bodies.ts'
import { AUTOEXTEND, PLAIN, type Client, type RequestOptions } from '../support/client.ts'
import { cutParts, type Heard } from '../support/heard.ts'
import { readInfoset, type Infoset } from '../support/infoset.ts'
import { openWorld, people } from '../support/world.ts'

/** Lists of presentities of the clients before enhanced presence (MS-SIP 3.3, 4.3, 4.4). */

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people
const nobody = 'nobody@nordwind.example'

const MSRTC = 'text/xml+msrtc.pidf'
const LIST_BODY = { 'Content-Type': 'application/adrl+xml' }

const interop = (availability: number, version = 0, container = 0) => ({
  category: 'legacyInterop', container, version, data: `<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/categories" availability="${availability}"/>`,
})

const local = ({ name }: Infoset): string => name.replace(/^\{[^}]*\}/, '')

/** Who is seen with which activity number: `boris 600`. */
const seen = (presentity: Infoset): string => `${presentity.attributes['uri']?.split('@', 1)[0]} ${presentity.children.find((child) => local(child) === 'activity')?.attributes['aggregate']}`

const short = (uri = ''): string => uri.replace(/^sip:/, '').split('@', 1)[0] ?? ''

/** A list in words: its version with `full` or `part`, `boris active`, `clara terminated rejected`, `gerd unknown`; then the documents by Content-ID. */
const listOf = (heard: Pick<Heard, 'body' | 'header'>): readonly string[] => {
  const [meta, ...documents] = cutParts(heard.header('Content-Type') ?? '', heard.body)
  const root = readInfoset(meta?.text ?? '')
  const resources = root.children.map(({ attributes, children: [instance] }) => {
    const { id, state, reason, cid } = instance?.attributes ?? {}
    if (instance === undefined) return `${short(attributes['uri'])} unknown`
    if (id !== '0' || (cid !== undefined && cid !== attributes['uri']?.replace('sip:', ''))) throw new Error(`instance ${id}, cid ${cid} of ${attributes['uri']}`)
    return `${short(attributes['uri'])} ${state}${reason === undefined ? '' : ` ${reason}`}${cid === undefined && state === 'active' ? ' without cid' : ''}`
  })
  return [`${root.attributes['version']} ${root.attributes['fullState'] === 'true' ? 'full' : 'part'}`, ...resources, ...documents.map(({ headers, text }) => {
    const found = readInfoset(text)
    if (!headers.includes(`Content-ID: ${found.attributes['uri']}`) || !headers.includes(`Content-Type: ${MSRTC}`)) throw new Error(headers.join())
    return seen(found)
  })]
}

/** What a notification says, with what every one of a list must carry: `BENOTIFY 2: boris 600`. */
const notified = (heard: Heard): string => {
  if (heard.header('Require') !== 'eventlist' || heard.header('Event') !== 'presence') throw new Error('not of a list')
  const type = heard.header('Content-Type')
  const body = type === undefined ? heard.header('subscription-state') : type === MSRTC ? heard.documents.map(seen).join() : listOf(heard).join(', ')
  return `${heard.method} ${heard.header('CSeq')?.split(' ', 1)[0]}: ${body}`
}

const hears = (client: Client): readonly string[] => client.hears().map(notified)

/** Everybody is registered; Boris is busy, Gerd available. */
const begin = async (): Promise<{ readonly watcher: Client; readonly publisher: Client }> => {
  const [watcher, publisher, other] = [world.client(anna), world.client(boris), world.client(gerd)]
  for (const client of [watcher, publisher, other]) await client.registers({ granted: 7200 })
  await publisher.publishes([interop(6500)])
  await other.publishes([interop(3500)])
  return { watcher, publisher }
}

const sends = (action: string, users: readonly string[], options: RequestOptions = {}): RequestOptions => ({ body: listBody(action, users), ...options, headers: { ...LIST_BODY, ...options.headers } })

t.test('create, update, add, delete, refresh, end', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await watcher.subscribesList([boris, nobody, clara, boris])
  t.strictSame([list.answer.status, listOf(list.answer)], [200, ['0 full', 'boris active', 'nobody terminated noresource', 'clara terminated deactivated', 'boris 600']])
  t.strictSame(['Require', 'Event', 'subscription-state', 'ms-piggyback-cseq', 'Expires', 'Supported'].map(list.answer.header), ['eventlist', 'presence', 'active;expires=3600', '1', '3600', 'ms-benotify, ms-piggyback-first-notify'])
  await publisher.publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), ['BENOTIFY 2: boris 400'])
  t.strictSame(listOf(await list.sends(sends('add', [gerd, boris, nobody]))), ['1 part', 'gerd active', 'boris active', 'nobody terminated noresource', 'gerd 400', 'boris 400'])
  t.strictSame(listOf(await list.refreshes()), ['2 full', 'boris active', 'gerd active', 'boris 400', 'gerd 400'])
  t.strictSame(listOf(await list.sends(sends('delete', [boris, nobody]))), ['3 part', 'boris terminated timeout', 'nobody terminated timeout'])
  await publisher.publishes([interop(6500, 2)])
  await world.client(gerd).publishes([interop(12500, 1)])
  t.strictSame(hears(watcher), ['BENOTIFY 6: gerd 300'], 'of what was deleted nothing more is told')
  const cancelled = await list.cancels()
  t.strictSame([cancelled.status, cancelled.header('Expires'), cancelled.body], [200, '0', ''])
  await world.client(gerd).publishes([interop(3500, 2)])
  t.strictSame([hears(watcher), await world.count('dialog'), await world.count('subscription'), await world.count('dialog_resource')], [[], 0, 0, 0])
  t.equal((await list.refreshes()).status, 481)
})

t.test('without piggyback the list comes in a NOTIFY, and updates without BENOTIFY in others', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await watcher.subscribesList([boris, clara], { headers: PLAIN })
  t.strictSame([list.answer.status, list.answer.body, list.answer.header('Require')], [200, '', 'eventlist'])
  t.strictSame(hears(watcher), ['NOTIFY 1: 0 full, boris active, clara terminated deactivated, boris 600'])
  await publisher.publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), ['NOTIFY 2: boris 400'])
  t.strictSame([(await list.refreshes()).body, hears(watcher)], ['', ['NOTIFY 3: 1 full, boris active, boris 400']])
  await list.cancels()
  t.strictSame(hears(watcher), ['NOTIFY 4: terminated;expires=0;reason=timeout'])
})

t.test('a poll is answered with data and leaves nothing behind', async (t) => {
  const { watcher } = await begin()
  await world.client(boris).subscribesSelf(['subscribers'])
  const before = await world.dump()
  const poll = (await watcher.subscribesList([boris, gerd], { headers: { Expires: '0' } })).answer
  t.strictSame([listOf(poll), poll.header('Expires'), poll.header('subscription-state'), poll.header('Require')], [['0 full', 'boris active', 'gerd active', 'boris 600', 'gerd 400'], '0', 'terminated;expires=0', 'eventlist'])
  t.equal((await watcher.subscribesList([boris], { headers: { ...PLAIN, Expires: '0' }, contact: undefined })).answer.body, '')
  const [told] = watcher.hears()
  if (told === undefined) throw new Error('nothing was told')
  t.strictSame([listOf(told), told.header('subscription-state')], [['0 full', 'boris active', 'boris 600'], 'terminated;expires=0;reason=timeout'])
  t.strictSame(await world.dump(), before)
  t.strictSame(world.client(boris).hears(), [], 'of those who only ask nobody is told')
})

t.test('memberships decide what is shown; who is deleted looks offline and stays on the list', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await watcher.subscribesList([boris])
  await publisher.publishes([interop(3500, 0, 300)])
  t.strictSame(hears(watcher), [])
  await publisher.setsMembers([{ id: 300, version: 0, members: [`user ${anna}`] }])
  t.strictSame(hears(watcher), ['BENOTIFY 2: boris 400'])
  await publisher.setsMembers([{ id: 32000, version: 0, members: [`user ${anna}`] }])
  await publisher.publishes([interop(18500, 0, 32000)])
  t.strictSame(hears(watcher), ['BENOTIFY 3: boris 100'], 'blocked looks offline')
  await publisher.setsMembers([{ id: 32000, version: 1, members: [`-user ${anna}`] }])
  t.strictSame(hears(watcher), ['BENOTIFY 4: boris 400'])
  await removeUser(world.store.pool, boris, world.now)
  world.delivery.wake([boris])
  await world.delivery.idle()
  t.strictSame(hears(watcher), ['BENOTIFY 5: boris 100'])
  t.strictSame(listOf(await list.refreshes()), ['1 full', 'boris active', 'boris 100'])
  t.strictSame(listOf(await list.sends(sends('add', [boris]))), ['2 part', 'boris terminated noresource'], 'who asks for them again learns that they are gone')
})

t.test('whoever is watched has the watcher on the subscriber list, once; a full list takes no more', async (t) => {
  const { watcher, publisher } = await begin()
  await publisher.subscribesSelf(['subscribers'])
  const list = await watcher.subscribesList([anna, boris])
  t.strictSame(publisher.learns(), [[`subscriber ${anna} "anna" sameEnterprise`]])
  await list.refreshes()
  await list.sends(sends('add', [boris]))
  t.strictSame(publisher.learns(), [])
  world.restart({ limits: { ...world.engine.limits, subscribers: { ...world.engine.limits.subscribers, maxSubscribers: 0 } } })
  t.strictSame(listOf(await list.sends(sends('add', [gerd]))), ['3 part', 'gerd terminated quotaExceeded'])
  t.strictSame(listOf(await list.refreshes()), ['4 full', 'anna active', 'boris active', 'anna 100', 'boris 600'])
})

t.test('limits: too many resources refuse the whole request; publishers that take no more are listed so', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxDialogsPerPair: 1 } })
  const { watcher } = await begin()
  const users = [anna, boris, gerd, clara, nobody]
  const before = await world.dump()
  const refused = (await watcher.subscribesList(users)).answer
  t.match([refused.status, refused.header('ms-diagnostics')], [403, /^2012;.*at most 4 contacts/])
  t.strictSame(await world.dump(), before)
  const list = await watcher.subscribesList(users.slice(0, 4))
  t.equal(list.answer.status, 200)
  t.equal((await list.sends(sends('add', ['u1@nordwind.example', 'u2@nordwind.example']))).status, 200, 'who cannot be watched takes no room')
  await world.adds(nobody)
  t.strictSame([(await list.sends(sends('add', [nobody]))).status, (await list.sends(sends('delete', [anna]))).status], [200, 200])
  await world.sets(anna, { displayName: 'anna' }, { limits: { maxResourcesPerDialog: 2 } })
  t.strictSame([(await list.sends(sends('add', [anna]))).status, (await list.refreshes()).status, (await watcher.subscribesList([anna, boris, gerd])).answer.status], [403, 200, 403], 'a user may have less; what is there stays')
  await world.sets(anna, { displayName: 'anna' }, { homePool: undefined, limits: {} })
  world.restart({ limits: { ...world.engine.limits, maxIncoming: 1 } })
  const other = world.client(gerd)
  t.strictSame(listOf((await other.subscribesList([boris, nobody])).answer), ['0 full', 'boris terminated quotaExceeded', 'nobody terminated quotaExceeded'])
  const single = { to: boris, headers: { Event: 'presence', Accept: MSRTC } }
  t.strictSame([(await watcher.subscribes([boris], ['note'])).answer.status, (await watcher.sends('SUBSCRIBE', single)).status, (await watcher.sends('SUBSCRIBE', single)).status], [200, 200, 413], 'of the dialogs on one publisher lists and batches are not counted')
  world.restart({ limits: { ...world.engine.limits, maxIncoming: 500 } })
  t.strictSame(listOf((await watcher.subscribesList([boris])).answer), ['0 full', 'boris active', 'boris 600'], 'nor do others count against a list')
})

t.test('users of other pools and of blocked domains, and publishers who are not granted', async (t) => {
  await begin()
  const away = 'away@nordwind.example'
  await world.sets(away, { displayName: 'Away' }, { homePool: 'sip:pool2.nordwind.example' })
  t.strictSame(listOf((await world.client(anna).subscribesList([away, people.eve, gerd])).answer), ['0 full', 'away terminated deactivated', 'eve terminated rejected', 'gerd active', 'gerd 400'])
  await world.sets(boris, { displayName: 'boris' }, { rights: { incomingFederated: false } })
  const outside = world.client(clara)
  t.strictSame(listOf((await outside.subscribesList([boris, gerd])).answer), ['0 full', 'boris terminated rejected', 'gerd active', 'gerd 400'])
  await world.sets(gerd, { displayName: 'gerd' }, { rights: { incomingFederated: false } })
  await world.enforces()
  t.strictSame(hears(outside), ['NOTIFY 2: terminated;expires=0;reason=deactivated'], 'its client opens it anew and learns who is rejected')
})

t.test('what does not fit into the answer is told right after it, document by document', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxAnswerBytes: 500 } })
  const { watcher } = await begin()
  const list = await watcher.subscribesList([boris, gerd, clara])
  t.strictSame(listOf(list.answer), ['0 full', 'boris active', 'gerd unknown', 'clara terminated deactivated', 'boris 600'])
  await world.timers()
  t.strictSame(hears(watcher), ['BENOTIFY 2: gerd 400'])
  t.strictSame(listOf((await watcher.subscribesList([boris, gerd], { headers: { Expires: '0' } })).answer), ['0 full', 'boris active', 'gerd active', 'boris 600', 'gerd 400'], 'a poll has nothing after it')
})

t.test('what names the contacts counts, too: the whole answer keeps within its bound', async (t) => {
  const maxAnswerBytes = 12_000
  await world.reset({ limits: { ...world.engine.limits, maxAnswerBytes, maxResourcesPerDialog: 60, subscribers: { ...world.engine.limits.subscribers, maxSubscribers: 60 } } })
  const users = Array.from({ length: 60 }, (_, at) => `contact-${at}@nordwind.example`)
  // Half of them are no users, and are named as such.
  for (const user of users.slice(30)) await world.adds(user)
  const { watcher } = await begin()
  const { answer } = await watcher.subscribesList(users)
  t.equal(answer.status, 200)
  t.ok(Buffer.byteLength(answer.body) <= maxAnswerBytes, `${Buffer.byteLength(answer.body)} bytes`)
  const told = cutParts(answer.header('Content-Type') ?? '', answer.body).length - 1
  t.ok(told > 0 && told < 30, `${told} documents`)
  await world.timers()
  t.equal(watcher.hears().length, 30 - told, 'the others come right after it')
})

t.test('requests that come twice are answered again and not applied again', async (t) => {
  const { watcher } = await begin()
  const again = { callId: 'same', fromTag: 'same' }
  const [list, twin] = [await watcher.subscribesList([boris], again), await watcher.subscribesList([boris], again)]
  t.strictSame([twin.toTag, listOf(twin.answer), twin.answer.header('ms-piggyback-cseq'), await world.count('dialog')], [list.toTag, listOf(list.answer), '1', 1])
  const added = await list.sends(sends('add', [gerd]))
  const repeated = await list.sends(sends('add', [gerd], { cseq: 2 }))
  t.strictSame([listOf(repeated), repeated.header('ms-piggyback-cseq')], [listOf(added), added.header('ms-piggyback-cseq')])
  t.equal((await list.refreshes({ cseq: 1 })).status, 500, 'out of order')
  t.equal(listOf(await list.refreshes({ cseq: 3 }))[0], '2 full')
  // Both at once: whichever loses answers as the other does.
  const both = await Promise.all([1, 2].map(() => watcher.subscribesList([gerd], { callId: 'race', fromTag: 'race' })))
  t.strictSame([new Set(both.map(({ toTag }) => toTag)).size, both.map(({ answer }) => answer.status)], [1, [200, 200]])
})

t.test('an endpoint has one list: a newer one ends the older; batches and other endpoints keep theirs', async (t) => {
  const { watcher, publisher } = await begin()
  const second = world.client(anna, 'second')
  await second.registers()
  await watcher.subscribes([boris], ['note'])
  const older = await watcher.subscribesList([boris])
  await second.subscribesList([boris])
  await watcher.subscribesList([gerd])
  t.strictSame(watcher.hears().map((heard) => [heard.header('Call-ID'), heard.header('subscription-state')]), [[older.callId, 'terminated;expires=0;reason=deactivated']])
  await publisher.publishes([interop(3500, 1)])
  t.strictSame([hears(second), hears(watcher)], [['BENOTIFY 2: boris 400'], []])
  t.strictSame((await world.store.pool.query<{ kind: string }>('SELECT kind FROM dialog ORDER BY kind')).rows.map(({ kind }) => kind), ['adrl', 'adrl', 'batch'])
  t.equal((await older.refreshes()).status, 481)
})

t.test('clients that refresh with all that the list shall hold lay it down anew', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await watcher.subscribesList([boris])
  t.strictSame(listOf(await list.sends(sends('create', [gerd, clara]))), ['1 full', 'gerd active', 'clara terminated deactivated', 'gerd 400'])
  await publisher.publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), [])
  t.strictSame(listOf(await list.refreshes()), ['2 full', 'gerd active', 'gerd 400'])
})

t.test('the version rises over a restart of the engine, and between two engines', async (t) => {
  const { watcher } = await begin()
  const list = await watcher.subscribesList([boris])
  t.equal(listOf(await list.refreshes())[0], '1 full')
  world.restart()
  t.equal(listOf(await list.refreshes())[0], '2 full')
  const engines = [world.engine, { ...world.engine, sender: createSender(() => 'another engine') }]
  const answers: readonly Heard[] = await Promise.all(Array.from({ length: 8 }, async (_, at) => {
    const engine = engines[at % 2]
    if (engine !== undefined) world.engine = engine
    return list.refreshes({ cseq: 10 + at })
  }))
  const heard = answers.filter(({ status }) => status === 200)
  const numbers = heard.map((answer) => [Number(listOf(answer)[0]?.split(' ')[0]), Number(answer.header('ms-piggyback-cseq'))] as const)
  t.ok(heard.length > 0 && answers.every(({ status }) => status === 200 || status === 500), 'whoever comes late is out of order')
  for (const [at, [version, cseq]] of numbers.entries()) {
    const [lastVersion, lastCseq] = numbers[at - 1] ?? [2, 0]
    t.ok(version > lastVersion && cseq > lastCseq, `version ${version} with number ${cseq}`)
  }
  t.equal(numbers.at(-1)?.[0], 2 + heard.length, 'no version is left out')
})

t.test('where every notification extends the life, those of a list do', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await watcher.subscribesList([boris], { headers: { ...AUTOEXTEND, Supported: `${AUTOEXTEND.Supported}, eventlist`, Expires: '100' } })
  world.advance(90)
  await publisher.publishes([interop(3500, 1)])
  t.match([list.answer.header('Supported'), watcher.hears()[0]?.header('subscription-state')], [/com\.microsoft\.autoextend/, 'active;expires=100'])
  world.advance(90)
  t.equal((await list.refreshes()).status, 200)
  world.advance(200)
  await world.timers()
  t.strictSame(hears(watcher), ['BENOTIFY 4: terminated;expires=0;reason=timeout'])
})

t.test('every refusal with its status, and nothing changes', async (t) => {
  const { watcher } = await begin()
  const list = await watcher.subscribesList([boris])
  const batch = await watcher.subscribes([boris], ['note'])
  const before = await world.dump()
  const opening: readonly (readonly [name: string, options: RequestOptions, status: number, header?: readonly [string, string]])[] = [
    ['add outside of a dialog', { body: listBody('add', [gerd]) }, 400], ['delete outside of a dialog', { body: listBody('delete', [gerd]) }, 400], ['nothing', { body: '', headers: { 'Content-Type': undefined } }, 400],
    ['another body', { headers: { 'Content-Type': 'application/resource-lists+xml' } }, 415, ['Accept', 'application/adrl+xml']], ['Supported lacks eventlist', { headers: { Supported: 'ms-benotify' } }, 421, ['Require', 'eventlist']],
    ['more than is offered', { headers: { Require: 'adhoclist, timer' } }, 420, ['Unsupported', 'timer']],
    ['cannot read lists', { headers: { Accept: 'text/xml+msrtc.pidf, multipart/related' } }, 406], ['cannot read parts', { headers: { Accept: 'text/xml+msrtc.pidf, application/rlmi+xml' } }, 406], ['cannot read presence', { headers: { Accept: 'multipart/related, application/rlmi+xml' } }, 406],
    ['for another', { to: boris }, 403], ['for somebody of another deployment', { to: clara }, 403], ['no Contact', { contact: undefined }, 400], ['too brief', { headers: { Expires: '59' } }, 423, ['Min-Expires', '60']], ['an unknown endpoint', { epid: 'unknown', contact: '<sip:anna@192.0.2.99>' }, 401],
  ]
  for (const [name, options, status, header] of opening) {
    const { answer } = await watcher.subscribesList([gerd], options)
    t.strictSame([answer.status, header === undefined ? undefined : answer.header(header[0])], [status, header?.[1]], name)
  }
  const inside: readonly (readonly [name: string, options: RequestOptions, status: number])[] = [
    ['more than is offered', { headers: { Require: 'timer' } }, 420], ['the body of a batch', { body: '<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe"/>', headers: { 'Content-Type': 'application/msrtc-adrl-categorylist+xml' } }, 415], ['no list', sends('add', []), 400], ['an unknown action', sends('replace', [gerd]), 400],
    ['for another', sends('add', [gerd], { to: boris }), 403], ['another dialog', sends('add', [gerd], { toTag: 'other' }), 481], ['another event', { headers: { Event: 'message-summary' } }, 489], ['too brief', { headers: { Expires: '59' } }, 423],
  ]
  for (const [name, options, status] of inside) t.equal((await list.sends({ ...options, cseq: 2 })).status, status, name)
  t.equal((await batch.sends(sends('add', [gerd]))).status, 415, 'a batch stays a batch')
  t.strictSame(await world.dump(), before)
  world.advance(7300)
  t.equal((await list.refreshes({ cseq: 9 })).status, 481)
})

t.test('switched off, it answers as a server without lists: the client subscribes one by one', async (t) => {
  const { watcher } = await begin()
  const list = await watcher.subscribesList([boris])
  const features = { ...world.engine.features, adhocLists: false }
  world.restart({ features })
  const refused = (await watcher.subscribesList([boris])).answer
  t.strictSame([refused.status, refused.header('Unsupported')], [420, 'adhoclist'])
  t.equal((await watcher.subscribesList([boris], { headers: { Require: undefined } })).answer.status, 415)
  t.equal((await list.refreshes()).status, 481, 'also where the list was opened before')
  t.strictSame([await world.count('dialog'), await world.count('subscription')], [0, 0])
  world.restart()
  const another = await watcher.subscribesList([boris])
  world.restart({ features })
  t.equal((await another.cancels()).status, 200)
  t.equal((await watcher.sends('SUBSCRIBE', { to: boris, headers: { Event: 'presence', Accept: MSRTC } })).status, 200)
})

t.test('the operator sees lists among the subscriptions, and why something is shown in them', async (t) => {
  const { watcher } = await begin()
  const list = await watcher.subscribesList([boris, gerd])
  const call = await openAdmin(world)
  t.match((await call('GET', '/subscriptions?kind=adrl')).json(), { items: [{ subscriber: `sip:${anna}`, localTag: list.toTag, kind: 'adrl', event: 'presence', watched: 2, owed: 0, method: 'BENOTIFY' }] })
  t.match((await call('GET', `/users/${boris}/watchers`)).json(), { items: [{ subscriber: `sip:${anna}`, kind: 'adrl' }] })
  const explained = (await call('GET', `/explain?publisher=${boris}&subscriber=${anna}`)).json<{ dialogs: { kind: string }[] }>()
  t.match(explained.dialogs, [{ kind: 'adrl', localTag: list.toTag, lastNotification: { cseq: 1 } }])
  t.equal((await call('DELETE', `/subscriptions/${anna}/${list.toTag}`)).status, 204)
  t.strictSame(hears(watcher), ['BENOTIFY 2: terminated;expires=0;reason=deactivated'])
})
