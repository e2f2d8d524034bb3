import t from 'tap'
import { createSender } from '../../src/store/sender.ts'
import { putResourceList } from '../../src/store/resource-lists.ts'
import { poolSession } from '../../src/store/session.ts'
import { isProblem, openAdmin } from '../support/admin.ts'
import { resourceListsBody, type ListEntryText } from '../support/bodies.ts'
import type { Client, RequestOptions, Subscription } from '../support/client.ts'
import { cutParts, type Heard } from '../support/heard.ts'
import { readInfoset, type Infoset } from '../support/infoset.ts'
import { hasStructure, noteDocuments, type Documents } from '../support/structure.ts'
import { openWorld, people } from '../support/world.ts'

/** Lists of resources of ordinary phones (RFC 4662, RFC 5367). */

const world = await openWorld(t)
const { anna, boris, clara, gerd } = people
const nobody = 'nobody@nordwind.example'
const stranger = 'ute@suedwind.example'
const service = 'lists@nordwind.example'
const team = 'team-of-anna@nordwind.example'

const documents: Documents = new Map()

const interop = (availability: number, version = 0, container = 0) => ({
  category: 'legacyInterop', container, version, data: `<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/categories" availability="${availability}"/>`,
})

const local = ({ name }: Infoset): string => name.replace(/^\{[^}]*\}/, '')
const short = (uri = ''): string => uri.replace(/^sip:/, '').split('@', 1)[0] ?? ''
const find = (name: string, infoset: Infoset): Infoset | undefined => (local(infoset) === name ? infoset : infoset.children.map((child) => find(name, child)).find((found) => found !== undefined))
const nameIn = ({ children }: Infoset): string => {
  const name = children.find((child) => local(child) === 'name')?.text
  return name === undefined ? '' : ` "${name}"`
}

/**
 * A list in words: its version with `full` or `part`, its URI and its name where it has one; `boris "Boris B." open`, `clara terminated rejected`, `gerd pending`, `gerd unknown`. Every part
 * must be named by exactly one instance, under an identifier of its own.
 */
const listOf = ({ header, body }: Pick<Heard, 'body' | 'header'>): string => {
  const type = header('Content-Type') ?? ''
  noteDocuments(documents, type, body)
  const [meta, ...parts] = cutParts(type, body)
  if (meta === undefined || !/^multipart\/related; type="application\/rlmi\+xml";start="<[^<>"\s]+@nordwind\.example>";boundary=/.test(type)) throw new Error(type)
  const idOf = ({ headers }: { readonly headers: readonly string[] }): string => /^Content-ID: <([^<>\s]+@[^<>\s]+)>$/m.exec(headers.join('\n'))?.[1] ?? 'none'
  if (!type.includes(`start="<${idOf(meta)}>"`)) throw new Error(`${type} does not begin with ${idOf(meta)}`)
  const documentOf = new Map(parts.map((part) => [idOf(part), part]))
  if (documentOf.size !== parts.length) throw new Error('two parts with one identifier')
  const root = readInfoset(meta.text)
  const resources = root.children.filter((child) => local(child) === 'resource').map((resource) => {
    const who = short(resource.attributes['uri']) + nameIn(resource)
    const instance = resource.children.find((child) => local(child) === 'instance')
    if (instance === undefined) return `${who} unknown`
    const { state, reason, cid } = instance.attributes
    if (state !== 'active') return `${who} ${state}${reason === undefined ? '' : ` ${reason}`}${cid === undefined ? '' : ' with cid'}`
    const part = documentOf.get(cid ?? '')
    documentOf.delete(cid ?? '')
    if (part === undefined || !part.headers.includes('Content-Type: application/pidf+xml')) throw new Error(`no document of ${who}`)
    const presence = readInfoset(part.text)
    if (presence.attributes['entity'] !== resource.attributes['uri']) throw new Error(`${presence.attributes['entity']} in the part of ${who}`)
    return `${who} ${find('basic', presence)?.text}`
  })
  if (documentOf.size > 0) throw new Error('a part that no instance names')
  return [`${root.attributes['version']} ${root.attributes['fullState'] === 'true' ? 'full' : 'part'} ${short(root.attributes['uri'])}${nameIn(root)}`, ...resources].join(', ')
}

/** What a notification says, with what every one of a list must carry: `1 active: 0 full lists, boris open`. */
const notified = (heard: Heard): string => {
  if (heard.method !== 'NOTIFY' || heard.header('Require') !== 'eventlist' || heard.header('Event') !== 'presence') throw new Error('not of a list')
  return `${heard.header('CSeq')?.split(' ', 1)[0]} ${heard.header('subscription-state')?.replace(/;expires=\d+/, '')}: ${listOf(heard)}`
}

const hears = (client: Client): readonly string[] => client.hears().map(notified)

const PHONE = { Event: 'presence', Accept: 'application/pidf+xml, application/rlmi+xml, multipart/related', Supported: 'eventlist' }
const LIST_BODY = { Require: 'recipient-list-subscribe', 'Content-Type': 'application/resource-lists+xml', 'Content-Disposition': 'recipient-list' }

const brings = (entries: readonly ListEntryText[], options: RequestOptions = {}, name?: string): RequestOptions => ({ body: resourceListsBody(entries, name), ...options, headers: { ...PHONE, ...LIST_BODY, ...options.headers } })

/** Opens (or polls) with a list of its own (RFC 5367). */
const subscribes = (client: Client, entries: readonly ListEntryText[], options: RequestOptions = {}): Promise<Subscription> => client.opens({ to: service, ...brings(entries, options) })

/** Opens a stored list. */
const opensTeam = (client: Client, options: RequestOptions = {}): Promise<Subscription> => client.opens({ to: team, ...options, headers: { ...PHONE, ...options.headers } })

/** A refresh without a body. */
const plainly = (list: Subscription, options: RequestOptions = {}): Promise<Heard> => list.sends({ body: '', ...options, headers: { Require: undefined, 'Content-Disposition': undefined, ...options.headers } })

const begin = async (): Promise<{ readonly watcher: Client; readonly publisher: Client; readonly other: Client }> => {
  const [watcher, publisher, other] = [world.client(anna), world.client(boris), world.client(gerd)]
  for (const client of [watcher, publisher, other]) await client.registers({ granted: 7200 })
  await publisher.publishes([interop(6500)])
  await other.publishes([interop(18500)])
  return { watcher, publisher, other }
}

const put = (entries: readonly ListEntryText[], more: { readonly owner?: string; readonly subscribers?: readonly string[]; readonly name?: string } = {}) =>
  putResourceList(poolSession(world.store.pool), {
    uri: team, name: more.name, owner: more.owner, subscribers: more.subscribers ?? [], entries: entries.map((entry) => (typeof entry === 'string' ? { user: entry } : { user: entry[0], name: entry[1] })),
  }, world.now)

t.test('a list that the phone brings along: open, change, refresh, replace, end', async (t) => {
  const { watcher, publisher, other } = await begin()
  const list = await subscribes(watcher, [[boris, 'Boris B.'], gerd, nobody, stranger, boris])
  t.strictSame(['Require', 'Expires', 'Event', 'Content-Type'].map(list.answer.header), ['eventlist', '3600', undefined, undefined], 'the 200 (RFC 4662 4.1)')
  t.strictSame([list.answer.status, list.answer.body, hears(watcher)], [200, '', ['1 active: 0 full lists, boris "Boris B." open, gerd closed, nobody terminated noresource, ute terminated deactivated']])
  await publisher.publishes([interop(18500, 1)])
  await other.publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), ['2 active: 1 part lists, boris "Boris B." closed', '3 active: 2 part lists, gerd open'])
  t.equal((await plainly(list)).header('Require'), 'eventlist')
  t.strictSame(hears(watcher), ['4 active: 3 full lists, boris "Boris B." closed, gerd open, nobody terminated noresource, ute terminated deactivated'], 'without a body it stays')
  t.equal((await list.sends(brings([gerd, anna], {}, 'Kollegen'))).status, 200)
  t.strictSame(hears(watcher), ['5 active: 4 full lists "Kollegen", gerd open, anna closed'], 'a body replaces it (RFC 5367)')
  await publisher.publishes([interop(6500, 2)])
  t.strictSame(hears(watcher), [], 'who is not on it any more')
  t.strictSame([(await list.cancels({ body: '', headers: { Require: undefined } })).status, hears(watcher)], [200, ['6 terminated;reason=timeout: 5 full lists "Kollegen", gerd open, anna closed']])
  await other.publishes([interop(18500, 2)])
  t.strictSame([hears(watcher), await world.count('dialog'), await world.count('dialog_list'), await world.count('dialog_resource'), await world.count('subscription')], [[], 0, 0, 0, 0])
  t.equal((await plainly(list)).status, 481)
})

t.test('who came to be a user is seen from the next refresh on', async (t) => {
  const { watcher } = await begin()
  const list = await subscribes(watcher, [nobody])
  await world.adds(nobody)
  await plainly(list)
  t.strictSame(hears(watcher), ['1 active: 0 full lists, nobody terminated noresource', '2 active: 1 full lists, nobody closed'])
})

t.test('a poll is answered and leaves nothing behind', async (t) => {
  const { watcher } = await begin()
  const before = await world.dump()
  const poll = await subscribes(watcher, [boris, gerd], { headers: { Expires: '0' } })
  t.strictSame([poll.answer.status, poll.answer.header('Expires'), poll.answer.header('Require'), hears(watcher)], [200, '0', 'eventlist', ['1 terminated;reason=timeout: 0 full lists, boris open, gerd closed']])
  t.strictSame(await world.dump(), before)
})

t.test('the end by time, by the operator, and by a lost right carries meta-information, too', async (t) => {
  const { watcher } = await begin()
  await subscribes(watcher, [boris])
  t.strictSame(hears(watcher).length, 1)
  world.advance(3601)
  await world.timers()
  t.strictSame(hears(watcher), ['2 terminated;reason=timeout: 1 part lists'])
  t.equal(await world.count('dialog_list'), 0)
  const guest = world.client(stranger)
  await subscribes(guest, [boris])
  t.strictSame(hears(guest), ['1 active: 0 full lists, boris open'])
  await world.sets(boris, { displayName: 'boris' }, { rights: { incomingFederated: false } })
  t.strictSame([(await world.enforces()).ended, hears(guest)], [1, ['2 terminated;reason=deactivated: 1 part lists']])
  t.equal((await subscribes(guest, [boris, gerd])).answer.status, 200)
  t.strictSame(hears(guest), ['1 active: 0 full lists, boris terminated rejected, gerd closed'])
})

t.test('access lists: who is asked, who refuses, who is shown nothing', async (t) => {
  const { watcher, publisher, other } = await begin()
  const ace = (client: Client, rights: string, deltaNum: number) => client.asksSoap('setACE', { type: 'USER', mask: anna, rights, deltaNum: String(deltaNum) })
  t.equal((await ace(publisher, 'PA', 1)).status, 200)
  t.equal((await ace(other, 'DA', 1)).status, 200)
  const list = await subscribes(watcher, [boris, gerd])
  t.strictSame(hears(watcher), ['1 active: 0 full lists, boris pending, gerd terminated rejected'])
  await ace(publisher, 'AA', 2)
  t.strictSame(hears(watcher), ['2 active: 1 part lists, boris open'])
  await ace(publisher, 'DA', 3)
  t.strictSame(hears(watcher), ['3 active: 2 part lists, boris terminated rejected'], 'one resource ends, not the list')
  await ace(other, 'AA', 2)
  await plainly(list)
  t.strictSame(hears(watcher), ['4 active: 3 full lists, boris terminated rejected, gerd closed'])
})

t.test('one subscriber has so many lists at a time, whomever they name; each ends by itself', async (t) => {
  const { watcher } = await begin()
  world.restart({ limits: { ...world.engine.limits, maxDialogsPerPair: 2 } })
  const [first] = [await subscribes(watcher, [nobody]), await subscribes(watcher, [nobody])]
  const third = () => subscribes(watcher, [gerd]).then(({ answer }) => answer.status)
  t.strictSame([await third(), await world.count('dialog_list'), (await plainly(first)).status], [413, 2, 200])
  t.equal((await subscribes(watcher, [gerd], { headers: { Expires: '0' } })).answer.status, 200, 'a poll is none')
  await first.cancels({ body: '', headers: { Require: undefined } })
  t.strictSame([await third(), await world.count('dialog_list')], [200, 2])
})

t.test('names that a list brings along are cut', async (t) => {
  const { watcher } = await begin()
  await watcher.opens({ to: service, ...brings([[boris, '\u{1f600}'.repeat(5000)]], {}, 'x'.repeat(5000)) })
  t.strictSame(hears(watcher), [`1 active: 0 full lists "${'x'.repeat(256)}", boris "${'\u{1f600}'.repeat(256)}" open`])
})

t.test('what is owed is told together, in one notification', async (t) => {
  const { watcher, publisher, other } = await begin()
  const list = await subscribes(watcher, [boris, gerd])
  hears(watcher)
  world.proxies.kam1.down = true
  await publisher.publishes([interop(18500, 1)])
  await other.publishes([interop(3500, 1)])
  world.proxies.kam1.down = false
  world.advance(60)
  await world.timers()
  // How many numbers were lost depends on how soon the proxy was found to be down.
  t.match(hears(watcher), [/^(\d) active: \d full lists, boris closed, gerd open$/], 'whole, since versions are missing')
  t.equal(await world.notifyFailed({ code: 408, subscriber: anna, callId: list.callId, cseq: 3, localTag: list.toTag, remoteTag: list.fromTag }), 'retried')
  world.advance(60)
  await world.timers()
  t.match(hears(watcher), [/^(\d) active: \d full lists, boris closed, gerd open$/], 'what was lost on the way')
  t.equal(await world.count('deferred'), 0)
})

t.test('versions rise by one with each NOTIFY; behind an engine that died they jump and never come back', async (t) => {
  const { watcher, publisher } = await begin()
  const list = await subscribes(watcher, [boris])
  await publisher.publishes([interop(18500, 1)])
  t.strictSame(hears(watcher).map((text) => text.split(' ').slice(2, 4).join(' ')), ['0 full', '1 part'])
  world.restart({ sender: createSender(() => 'another engine') })
  const numbers = (): readonly number[] => hears(watcher).flatMap((text) => {
    const [, cseq = '', version = ''] = /^(\d+) active: (\d+) (?:full|part) lists, boris/.exec(text) ?? []
    t.equal(Number(version), Number(cseq) - 1, text)
    return [Number(version)]
  })
  await plainly(list)
  const [full = 0] = numbers()
  await publisher.publishes([interop(6500, 2)])
  const [told = 0] = numbers()
  await publisher.publishes([interop(18500, 3)])
  t.ok(full > 1 + 200 && told > full + 200, 'each engine begins beyond all that the other may have used')
  t.strictSame(numbers(), [told + 1])
})

t.test('what does not fit is named and told right after', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxAnswerBytes: 1 } })
  const { watcher } = await begin()
  await subscribes(watcher, [boris, gerd])
  t.strictSame(hears(watcher), ['1 active: 0 full lists, boris open, gerd unknown'])
  await world.timers()
  t.strictSame(hears(watcher), ['2 active: 1 part lists, gerd closed'])
})

t.test('names and reasons count, too: no notification outgrows the bound', async (t) => {
  const maxAnswerBytes = 12_000
  await world.reset({ limits: { ...world.engine.limits, maxAnswerBytes, maxResourcesPerDialog: 60 } })
  const users = Array.from({ length: 60 }, (_, at) => [`contact-${at}@nordwind.example`, `Kontakt ${'x'.repeat(40)} ${at}`] as const)
  for (const [user] of users.slice(30)) await world.adds(user)
  const { watcher } = await begin()
  await subscribes(watcher, users)
  for (let rounds = 0; await world.count('deferred') > 0 && rounds < 9; rounds += 1) await world.timers()
  const heard = watcher.hears()
  for (const { body } of heard) t.ok(Buffer.byteLength(body) <= maxAnswerBytes, `${Buffer.byteLength(body)} bytes`)
  const told = heard.map((one) => (listOf(one).match(/closed/g) ?? []).length)
  t.ok(told.length > 2 && told.every((count) => count > 0), told.join())
  t.equal(told.reduce((sum, count) => sum + count, 0), 30)
})

t.test('a stored list: open, watch, change, delete', async (t) => {
  const { watcher, publisher } = await begin()
  const call = await openAdmin(world)
  const body = { displayName: 'Team Nord', entries: [{ uri: boris, displayName: 'Boris B.' }, { uri: `sip:${gerd}` }] }
  const created = await call('PUT', `/resource-lists/${team}`, body)
  t.strictSame([created.status, created.json()], [201, { uri: `sip:${team}`, displayName: 'Team Nord', subscribers: [], entries: [{ uri: `sip:${boris}`, displayName: 'Boris B.' }, { uri: `sip:${gerd}` }], createdAt: new Date(world.now).toISOString(), updatedAt: new Date(world.now).toISOString() }])
  const list = await opensTeam(watcher)
  t.strictSame([list.answer.status, hears(watcher)], [200, ['1 active: 0 full team-of-anna "Team Nord", boris "Boris B." open, gerd closed']])
  world.advance(1)
  t.equal((await call('PUT', `/resource-lists/${team}`, { entries: [{ uri: anna }, { uri: gerd, displayName: 'Gerd' }, { uri: nobody }] })).status, 200)
  await world.delivery.payDeferred()
  t.strictSame(hears(watcher), ['2 active: 1 full team-of-anna, anna closed, gerd "Gerd" closed, nobody terminated noresource'], 'a change is told as a whole')
  await publisher.publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), [])
  await world.client(gerd).publishes([interop(3500, 1)])
  t.strictSame(hears(watcher), ['3 active: 2 part team-of-anna, gerd "Gerd" open'])
  t.equal((await plainly(list)).status, 200)
  t.equal(hears(watcher).length, 1)
  t.equal((await list.sends({ ...brings([boris]) })).status, 415, 'no body of its own')
  world.advance(1)
  await call('PUT', `/resource-lists/${team}`, { entries: [{ uri: anna }, { uri: gerd, displayName: 'Gerd' }, { uri: nobody }] })
  await world.timers()
  t.strictSame(hears(watcher), [], 'put as it was')
  t.match((await call('GET', '/subscriptions?kind=list')).json(), { items: [{ subscriber: `sip:${anna}`, kind: 'list', watched: 2, owed: 0, method: 'NOTIFY' }] })
  t.match((await call('GET', '/resource-lists')).json(), { items: [{ uri: `sip:${team}` }] })
  t.match((await call('GET', `/resource-lists/${team}`)).json(), { uri: `sip:${team}`, entries: [{}, {}, {}] })
  t.equal((await call('DELETE', `/resource-lists/${team}`)).status, 204)
  t.strictSame([hears(watcher), await world.count('dialog'), await world.count('dialog_list')], [['5 terminated;reason=noresource: 4 part team-of-anna'], 0, 0])
  t.equal((await opensTeam(watcher)).answer.status, 404)
})

t.test('who may subscribe to a stored list', async (t) => {
  const { watcher } = await begin()
  await world.adds(clara.replace('@suedwind', '@nordwind'))
  const [guest, publisher] = [world.client(stranger), world.client(boris)]
  for (const [name, terms, statuses] of [
    ['named nobody', {}, [200, 200, 403]], ['the owner', { owner: anna }, [200, 403, 403]], ['the named', { subscribers: [boris, stranger] }, [403, 200, 200]], ['both', { owner: anna, subscribers: [boris] }, [200, 200, 403]],
  ] as const) {
    world.advance(1)
    await put([gerd], terms)
    t.strictSame(await Promise.all([watcher, publisher, guest].map(async (client) => (await opensTeam(client, { headers: { Expires: '0' } })).answer.status)), statuses, name)
  }
  await put([gerd], { owner: anna })
  const list = await opensTeam(watcher)
  watcher.hears()
  world.advance(1)
  await put([gerd], { owner: boris })
  t.equal((await plainly(list)).status, 403)
  await world.timers()
  t.strictSame(hears(watcher), ['2 terminated;reason=rejected: 1 part team-of-anna'])
})

t.test('a change of a stored list reaches dialogs though the engine dies in between, and what does not fit comes after', async (t) => {
  await world.reset({ limits: { ...world.engine.limits, maxAnswerBytes: 20_000 } })
  const { watcher } = await begin()
  await put([boris])
  await opensTeam(watcher)
  hears(watcher)
  world.advance(1)
  await put([gerd, boris])
  world.restart()
  await world.timers()
  t.strictSame(hears(watcher), ['2 active: 1 full team-of-anna, gerd closed, boris open'])
  t.strictSame(await Promise.all(['deferred', 'dialog_resource', 'subscription'].map((table) => world.count(table))), [0, 2, 2])
})

t.test('a user goes before a list of the same name', async (t) => {
  const { watcher } = await begin()
  await put([boris])
  await world.adds(team)
  await opensTeam(watcher)
  t.equal(watcher.hears()[0]?.header('Content-Type'), 'application/pidf+xml')
})

t.test('refusals', async (t) => {
  const { watcher } = await begin()
  await put([boris])
  const lists = (content: string): string => `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">${content}</resource-lists>`
  const before = await world.dump()
  for (const [name, options, status, header] of [
    ['not claimed to read lists', { to: team, headers: { Supported: undefined } }, 421, ['Require', 'eventlist']],
    ['the same, with a list of its own', brings([boris], { headers: { Supported: 'timer' } }), 421, ['Require', 'eventlist']],
    ['no multipart', { to: team, headers: { Accept: 'application/pidf+xml, application/rlmi+xml' } }, 406], ['no meta-information', brings([boris], { headers: { Accept: 'application/pidf+xml, multipart/related' } }), 406],
    ['no presence', brings([boris], { headers: { Accept: 'application/rlmi+xml, multipart/related' } }), 406], ['what nobody offers', brings([boris], { headers: { Require: 'recipient-list-subscribe, timer' } }), 420, ['Unsupported', 'timer']],
    ['no body', { headers: { ...LIST_BODY } }, 400], ['another body', brings([boris], { headers: { 'Content-Type': 'text/plain' } }), 415, ['Accept', 'application/resource-lists+xml, application/simple-filter+xml']],
    ['another disposition', brings([boris], { headers: { 'Content-Disposition': 'render' } }), 415], ['a body for a stored list', { to: team, body: '<x/>', headers: { 'Content-Type': 'text/plain' } }, 415, ['Accept', 'application/simple-filter+xml']],
    ['a list longer than may be', brings([boris, gerd, anna, nobody, stranger]), 403], ['a life too short', brings([boris], { headers: { Expires: '5' } }), 423, ['Min-Expires', String(world.engine.limits.subscriptionExpires.min)]],
    ['no XML', brings([], { body: 'boris' }), 400], ['another root', brings([], { body: '<list xmlns="urn:ietf:params:xml:ns:resource-lists"/>' }), 400], ['another namespace', brings([], { body: resourceListsBody([boris]).replace('urn:ietf:params:xml:ns:resource-lists', 'urn:x') }), 400],
    ['nobody on it', brings([]), 400], ['no list', brings([], { body: lists('') }), 400], ['an entry without URI', brings([], { body: lists('<list><entry/></list>') }), 400], ['a telephone', brings([], { body: lists('<list><entry uri="tel:+49401"/></list>') }), 400],
    ['a list elsewhere', brings([], { body: lists(`<list><entry uri="sip:${boris}"/><external anchor="http://x.example/"/></list>`) }), 400], ['an entry elsewhere', brings([], { body: lists('<list><list><entry-ref ref="x"/></list></list>') }), 400],
    ['a DOCTYPE', brings([], { body: `<!DOCTYPE resource-lists>${lists(`<list><entry uri="sip:${boris}"/></list>`)}` }), 400], ['in a dialog that is none', brings([boris], { toTag: 'none' }), 481], ['another package', brings([boris], { headers: { Event: 'dialog' } }), 489],
  ] as const satisfies readonly (readonly [string, RequestOptions, number, (readonly [string, string])?])[]) {
    const { answer } = await watcher.opens({ to: service, ...options, headers: { ...PHONE, ...options.headers } })
    t.strictSame([answer.status, ...(header === undefined ? [] : [answer.header(header[0])])], [status, ...(header === undefined ? [] : [header[1]])], name)
  }
  t.strictSame([await world.dump(), watcher.hears()], [before, []], 'nothing is left of them')
  t.equal((await subscribes(world.client(clara.replace('@suedwind', '@nordwind')), [boris])).answer.status, 401, 'not registered')
})

t.test('what a list may be written like', async (t) => {
  const { watcher } = await begin()
  for (const [name, body, headers, expected] of [
    ['nested, prefixed, with extensions', `<r:resource-lists xmlns:r="urn:ietf:params:xml:ns:resource-lists" xmlns:cp="urn:ietf:params:xml:ns:copycontrol"><r:list name="a"><r:display-name>Alle</r:display-name><r:entry uri="sip:${boris}" cp:copyControl="to"/><r:list name="b"><r:entry uri="pres:${gerd}"><r:display-name> Gerd &amp; Co </r:display-name></r:entry></r:list></r:list></r:resource-lists>`, {}, '0 full lists "Alle", boris open, gerd "Gerd & Co" closed'],
    ['two lists', `<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list><display-name>A</display-name><entry uri="sip:${gerd};transport=tcp"/></list><list><entry uri="sips:${boris}"/></list></resource-lists>`, {}, '0 full lists, gerd closed, boris open'],
    ['without what it must require', resourceListsBody([boris]), { Require: undefined, 'Content-Disposition': undefined }, '0 full lists, boris open'], ['with what it need not require', resourceListsBody([boris]), { Require: 'eventlist, recipient-list-subscribe', Supported: undefined }, '0 full lists, boris open'],
    ['without Accept', resourceListsBody([boris]), { Accept: undefined }, '0 full lists, boris open'],
  ] as const) {
    await watcher.opens({ to: service, body, headers: { ...PHONE, ...LIST_BODY, ...headers, Expires: '0' } })
    t.strictSame(hears(watcher), [`1 terminated;reason=timeout: ${expected}`], name)
  }
})

t.test('switched off, it is a server that never had lists', async (t) => {
  const { watcher } = await begin()
  await put([boris])
  const list = await subscribes(watcher, [boris])
  watcher.hears()
  world.restart({ features: { ...world.engine.features, resourceLists: false } })
  t.strictSame([(await subscribes(watcher, [boris])).answer.status, (await opensTeam(watcher)).answer.status, (await opensTeam(watcher, { headers: { Supported: undefined } })).answer.status], [420, 404, 404])
  t.strictSame([(await plainly(list)).status, await world.count('dialog_list')], [481, 0])
  t.equal((await (await openAdmin(world))('GET', '/resource-lists')).status, 404)
})

t.test('what the operator may not put', async (t) => {
  const call = await openAdmin(world)
  for (const [name, uri, body, status, says] of [
    ['no domain of ours', 'team@suedwind.example', { entries: [] }, 400, /domain/], ['no user part', 'nordwind.example', { entries: [] }, 400, /URI/], ['a user', boris, { entries: [] }, 409, /user/],
    ['somebody twice', team, { entries: [{ uri: boris }, { uri: `sip:${boris}` }] }, 400, /twice/], ['nobody', team, { entries: [{ uri: 'tel:1' }] }, 400, /entries\/0/], ['too many', team, { entries: [anna, boris, gerd, clara, nobody].map((one) => ({ uri: one })) }, 400, /at most 4/],
    ['no owner', team, { owner: '@', entries: [] }, 400, /owner/], ['no subscriber', team, { subscribers: ['@'], entries: [] }, 400, /subscribers/], ['more than there is', team, { entries: [], colour: 'red' }, 400, /colour/], ['no entries', team, {}, 400, /entries/],
  ] as const) isProblem(t, await call('PUT', `/resource-lists/${uri}`, body), status, name, says)
  isProblem(t, await call('GET', `/resource-lists/${team}`), 404, 'none there')
  isProblem(t, await call('DELETE', `/resource-lists/${team}`), 404, 'none to delete')
  t.equal((await call('PUT', `/resource-lists/${team}`, { entries: [] })).status, 201)
  await begin()
  const watcher = world.client(anna)
  await opensTeam(watcher)
  t.strictSame(hears(watcher), ['1 active: 0 full team-of-anna'], 'an empty list can be watched')
})

t.test('a reader that shares nothing with ours finds the structure of RFC 4662', async (t) => {
  await hasStructure(t, 'rlmi', documents.get('rlmi') ?? [])
  t.ok((documents.get('rlmi')?.length ?? 0) > 30)
})
