import t, { type Test } from 'tap'
import { standardTemplate } from '../../src/core/containers/template.ts'
import { disregardAccess } from '../../src/store/access-lists.ts'
import { poolSession } from '../../src/store/session.ts'
import { soapBody, type SoapFields } from '../support/bodies.ts'
import { PLAIN, type Client } from '../support/client.ts'
import type { Heard } from '../support/heard.ts'
import { getsPresence } from '../support/legacy.ts'
import { openWorld, people } from '../support/world.ts'

/** Access lists of the clients before enhanced presence: their package, setACE, those who wait, and what every kind of watcher sees of it (MS-SIP 2.2.3, 3.7). */

const world = await openWorld(t)
const { anna, boris, clara, dan, gerd } = people

/** Users start with the containers of the standard layout. */
const template = { current: async () => standardTemplate, forget: () => undefined }

const ofAll = (rights: string, deltaNum?: number): SoapFields => ({ type: 'ALL', mask: '', rights, ...(deltaNum === undefined ? {} : { deltaNum }) })
const ofUser = (user: string, rights: string, deltaNum?: number): SoapFields => ({ type: 'USER', mask: `sip:${user}`, rights, ...(deltaNum === undefined ? {} : { deltaNum }) })
const ofDomain = (domain: string, rights: string, deltaNum?: number): SoapFields => ({ type: 'DOMAIN', mask: domain, rights, ...(deltaNum === undefined ? {} : { deltaNum }) })

/** Anna with the standard containers, published as available in 100, 200 and 300, offline to nobody; a registered client of hers. */
const begin = async (): Promise<Client> => {
  await world.reset({ template, limits: { ...world.engine.limits, maxContainerMembers: 12 } })
  const client = world.client(anna)
  await client.registers({ granted: 100_000 })
  await client.publishes([100, 200, 300].map((container) => ({ category: 'legacyInterop', container, data: '<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/legacyInterop" availability="3500"/>' })))
  return client
}

const joins = async (user: string, epid?: string): Promise<Client> => {
  const client = world.client(user, epid)
  await client.registers({ granted: 100_000 })
  return client
}

/** What a reader of presence documents makes of a message: the state of its subscription, and whether anybody is there. */
const reads = ({ header, body }: Heard): string => {
  const [state = '', ...rest] = (header('subscription-state') ?? '').split(';')
  const reason = rest.find((part) => part.startsWith('reason='))
  const seen = body === '' ? 'no document' : /aggregate="300"|<basic>open/.test(body) ? 'online' : /aggregate="0"|<basic>closed/.test(body) ? 'offline' : body
  return `${state}${reason === undefined ? '' : ` ${reason}`}: ${seen}`
}

const learns = (client: Client): readonly string[] => client.hears().map(reads)

const aclOf = async (client: Client): Promise<readonly string[]> => (await client.subscribesAcl({ headers: { Expires: '0' } })).answer.says
const pendingOf = async (client: Client): Promise<readonly string[]> => (await client.subscribesPending({ headers: { Expires: '0' } })).answer.says
/** Members of those containers that have some. */
const containersOf = async (client: Client): Promise<readonly string[]> => (await client.subscribesSelf(['containers'], { headers: { Expires: '0' } })).answer.says.filter((line) => !line.endsWith(':') && !line.startsWith('container 0 '))

const sets = async (t: Test, client: Client, fields: SoapFields, status = 200): Promise<Heard> => {
  const answer = await client.asksSoap('setACE', fields)
  t.equal(answer.status, status, JSON.stringify(fields))
  return answer
}

t.test('MS-SIP 3.7.5: the first answer is the whole list, which is never zero; every change is told by the whole list', async (t) => {
  const client = await begin()
  const { answer } = await client.subscribesAcl()
  t.equal(answer.status, 200)
  t.strictSame(answer.says, ['acl 1', 'ALL AA'])
  t.strictSame(['Content-Type', 'Event', 'subscription-state', 'ms-piggyback-cseq', 'Supported', 'Require'].map((name) => answer.header(name)), [
    'application/vnd-microsoft-roaming-acls+xml', 'vnd-microsoft-roaming-ACL', 'active;expires=3600', '1', 'ms-benotify, ms-piggyback-first-notify', undefined,
  ])
  t.equal(await world.count('access_list'), 0, 'looking at it stores nothing')
  const set = await sets(t, client, ofUser(boris, 'BD', 1))
  t.strictSame([set.body, set.header('Content-Type')], ['', undefined])
  const [heard, ...more] = client.hears()
  t.strictSame([heard?.says, heard?.header('Content-Type'), heard?.header('Require'), more], [['acl 2', 'ALL AA', `USER sip:${boris} BD`], 'application/vnd-microsoft-roaming-acls+xml', undefined, []])
  await sets(t, client, ofDomain('Suedwind.example', 'PA', 2))
  await sets(t, client, ofAll('AD', 3))
  await sets(t, client, ofUser(boris, 'AA', 4))
  await sets(t, client, ofUser(boris, 'AA'))
  t.strictSame(client.learns(), [
    ['acl 3', 'ALL AA', 'DOMAIN suedwind.example PA', `USER sip:${boris} BD`], ['acl 4', 'ALL AD', 'DOMAIN suedwind.example PA', `USER sip:${boris} BD`],
    ['acl 5', 'ALL AD', 'DOMAIN suedwind.example PA', `USER sip:${boris} AA`], ['acl 6', 'ALL AD', 'DOMAIN suedwind.example PA', `USER sip:${boris} AA`],
  ], 'what says nothing new counts too, and without a number nothing is checked')
  t.strictSame(await aclOf(client), ['acl 6', 'ALL AD', 'DOMAIN suedwind.example PA', `USER sip:${boris} AA`])
})

t.test('MS-SIP 3.7: every endpoint of the user hears it once, other packages and other users do not', async (t) => {
  const client = await begin()
  const [second, third, other] = [await joins(anna, 'second'), await joins(anna, 'third'), await joins(boris)]
  await client.subscribesAcl()
  const old = await second.subscribesAcl({ headers: PLAIN })
  t.strictSame([old.answer.body, second.learns()], ['', [['acl 1', 'ALL AA']]], 'a client without piggyback hears it in a NOTIFY')
  await third.subscribesContacts()
  await other.subscribesAcl()
  await sets(t, client, ofUser(gerd, 'AD', 1))
  const told = [['acl 2', 'ALL AA', `USER sip:${gerd} AD`]]
  t.strictSame([client.learns(), second.learns(), third.learns(), other.learns()], [told, told, [], []])
  world.proxies.kam1.failing.add(second.flow)
  await sets(t, client, ofUser(gerd, 'BD', 2))
  world.proxies.kam1.failing.clear()
  world.advance(60)
  await world.timers()
  t.strictSame(second.learns(), [['acl 3', 'ALL AA', `USER sip:${gerd} BD`]], 'what could not be told is owed')
})

t.test('design 18: a repeated request counts once, also inside the dialog', async (t) => {
  const client = await begin()
  const dialog = await client.subscribesAcl()
  const request = { callId: dialog.callId, fromTag: dialog.fromTag, toTag: dialog.toTag, cseq: 2, headers: { 'Content-Type': 'application/SOAP+xml' }, body: soapBody('setACE', ofUser(boris, 'BD', 1)) }
  const bytes = client.text('SERVICE', request).replace(/^SERVICE \S+/, 'SERVICE sip:kam1.test:5060;transport=tcp')
  for (const time of ['first', 'second']) t.strictSame([(await client.sendsRaw(bytes)).status, (await client.sendsRaw(bytes)).toTag], [200, dialog.toTag], time)
  t.strictSame(client.learns(), [['acl 2', 'ALL AA', `USER sip:${boris} BD`]])
})

t.test('MS-SIP 2.2.3: what each letter does to watchers that are there, and to those that come, in both formats', async (t) => {
  for (const [rights, told, comes] of [
    ['AD', [], 'active: online'], ['BD', ['active: offline'], 'active: offline'], ['PA', ['pending: no document'], 'pending: no document'], ['DA', ['terminated reason=rejected: no document'], 'accessDenied'],
  ] as const) {
    for (const fields of [ofUser(boris, rights, 1), ofDomain('example', rights, 1), ofAll(rights, 1)]) {
      const client = await begin()
      const watchers = [['msrtc', await joins(boris)], ['pidf', await joins(boris, 'phone')]] as const
      for (const [format, watcher] of watchers) t.strictSame([(await watcher.watches(anna, format)).answer].filter(({ body }) => body !== '').map(reads).concat(learns(watcher)), ['active: online'])
      await sets(t, client, fields)
      for (const [format, watcher] of watchers) {
        const name = `${fields['type']} ${rights} ${format}`
        t.strictSame(learns(watcher), told, `${name}: who is there`)
        const { answer } = await watcher.watches(anna, format)
        if (comes === 'accessDenied') t.strictSame([answer.status, answer.header('ms-diagnostics')?.slice(0, 4), watcher.hears()], [403, '2004', []], `${name}: who comes`)
        else t.strictSame([answer.status, format === 'msrtc' ? reads(answer) : learns(watcher)[0]], [200, comes], `${name}: who comes`)
      }
      await client.publishes([{ category: 'legacyInterop', container: 200, version: 1, data: '<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/legacyInterop" availability="3600"/>' }])
      for (const [format, watcher] of watchers) t.strictSame(learns(watcher), rights === 'AD' ? ['active: online', 'active: online'] : [], `${rights} ${format}: only who is allowed hears of changes`)
      if (rights === 'DA') t.equal(await world.count('subscription'), 0, 'nothing is left of them')
    }
  }
})

t.test('MS-SIP 2.2.3: a poll and a refresh show what the letter admits', async (t) => {
  for (const [rights, poll, refreshed] of [['AA', 'terminated: online', 'active: online'], ['BD', 'terminated: offline', 'active: offline'], ['PA', 'terminated: no document', 'pending: no document'], ['DD', '403', '403']] as const) {
    const client = await begin()
    const watcher = await joins(boris)
    const dialog = await watcher.watches(anna, 'msrtc')
    world.hushed = true
    await sets(t, client, ofUser(boris, rights, 1))
    const show = (heard: Heard): string => (heard.status === 200 ? reads(heard) : String(heard.status))
    t.equal(show((await watcher.watches(anna, 'msrtc', { headers: { Expires: '0' } })).answer), poll, `${rights}: poll`)
    t.equal(show(await dialog.refreshes()), refreshed, `${rights}: refresh`)
    t.equal((await getsPresence(watcher, anna)).status, rights === 'AA' ? 200 : 403, `${rights}: getPresence`)
  }
})

t.test('MS-SIP 3.3: in a list each contact stands by its own word, and the list goes on', async (t) => {
  /** The list document of a message: contact, state and reason of each, behind the version. */
  const lists = ({ documents }: Heard): readonly string[] => documents.filter(({ name }) => name.endsWith('}list')).flatMap(({ attributes, children }) => [`v${attributes['version']}`, ...children.map((resource) => {
    const { state, reason = '' } = resource.children[0]?.attributes ?? {}
    return `${resource.attributes['uri']} ${state} ${reason}`.trim()
  })])
  const client = await begin()
  const [watcher, other] = [await joins(boris), await joins(gerd)]
  const dialog = await watcher.subscribesList([anna, gerd])
  t.strictSame(lists(dialog.answer), ['v0', `sip:${anna} active`, `sip:${gerd} active`])
  await sets(t, client, ofUser(boris, 'PA', 1))
  t.strictSame(watcher.hears().map((heard) => [lists(heard), heard.header('subscription-state')]), [[['v1', `sip:${anna} pending`], 'active;expires=3600']])
  t.strictSame(await pendingOf(client), [`sip:${boris} "boris" waits`])
  t.strictSame(lists(await dialog.refreshes()), ['v2', `sip:${anna} pending`, `sip:${gerd} active`])
  await sets(t, client, ofUser(boris, 'AA', 2))
  t.strictSame(learns(watcher), ['active: online'], 'the document stands alone')
  await sets(t, other, ofUser(boris, 'BD', 1))
  t.strictSame(learns(watcher), ['active: offline'])
  await sets(t, client, ofUser(boris, 'DA', 3))
  t.strictSame(watcher.hears().map((heard) => [lists(heard), heard.header('subscription-state')]), [[['v3', `sip:${anna} terminated rejected`], 'active;expires=3600']])
  t.strictSame(lists(await dialog.refreshes()), ['v4', `sip:${anna} terminated rejected`, `sip:${gerd} active`])
  t.strictSame(lists((await watcher.subscribesList([anna, gerd])).answer), ['v0', `sip:${anna} terminated rejected`, `sip:${gerd} active`], 'and anew')
  watcher.hears()
  await sets(t, other, ofUser(boris, 'PA', 2))
  const waiting = await joins(boris, 'waiting')
  t.strictSame(lists((await waiting.subscribesList([gerd])).answer), ['v0', `sip:${gerd} pending`])
  t.strictSame(await pendingOf(other), [`sip:${boris} "boris" waits`])
})

t.test('presence.wpending: who waits is told to the owner, whose word decides', async (t) => {
  const client = await begin()
  const pending = await client.subscribesPending()
  t.strictSame([pending.answer.says, pending.answer.header('Content-Type'), pending.answer.header('Event')], [['nobody waits'], 'text/xml+msrtc.wpending', 'presence.wpending'])
  await sets(t, client, ofAll('PA', 1))
  t.strictSame(client.learns(), [])
  const [first, second] = [await joins(boris), world.client(clara)]
  await first.watches(anna, 'msrtc')
  t.strictSame(client.learns(), [[`sip:${boris} "boris" waits`]])
  await second.watches(anna, 'pidf', { displayName: 'Clara <S>' })
  t.strictSame(client.learns(), [[`sip:${boris} "boris" waits`, `sip:${clara} "Clara <S>" waits`]])
  t.strictSame([learns(first), learns(second)], [[], ['pending: no document']])
  await sets(t, client, ofUser(boris, 'AA', 2))
  t.strictSame([client.learns(), learns(first)], [[[`sip:${clara} "Clara <S>" waits`]], ['active: online']])
  await sets(t, client, ofUser(clara, 'BD', 3))
  t.strictSame([client.learns(), learns(second)], [[['nobody waits']], ['active: offline']])
  t.strictSame(await pendingOf(client), ['nobody waits'])
  await sets(t, client, ofUser(clara, 'PD', 4))
  t.strictSame([client.learns(), learns(second)], [[[`sip:${clara} "Clara <S>" waits`]], ['pending: no document']])
  await sets(t, client, ofUser(clara, 'DD', 5))
  t.strictSame([client.learns(), learns(second)], [[['nobody waits']], ['terminated reason=rejected: no document']])
  t.equal((await client.subscribesPending({ to: boris })).answer.status, 400, 'only of oneself')
})

t.test('both kinds of clients agree: a block of either is one of the other', async (t) => {
  const client = await begin()
  const modern = await joins(anna, 'modern')
  await modern.subscribesSelf(['containers'])
  await client.subscribesAcl()
  const [peer, legacy] = [await joins(boris, 'peer'), await joins(boris, 'old')]
  await peer.subscribes([anna], ['note'])
  await legacy.watches(anna, 'msrtc')
  await client.publishes([{ category: 'note', container: 200, data: 'here' }, { category: 'note', container: 32000, data: '' }])
  t.strictSame(peer.learns(), [['note#0 "here"']])
  await sets(t, client, ofUser(boris, 'BD', 1))
  t.strictSame([client.learns(), modern.learns(), peer.learns(), learns(legacy)], [
    [['acl 2', 'ALL AA', `USER sip:${boris} BD`]], [[`container 32000 v1: user ${boris}`]], [['note#0 ""']], ['active: offline'],
  ], 'setACE blocks in container 32000')
  t.equal((await modern.setsMembers([{ id: 32000, version: 1, members: [`-user ${boris}`] }])).status, 200)
  t.strictSame([client.learns(), modern.learns(), peer.learns(), learns(legacy)], [
    [['acl 3', 'ALL AA', `USER sip:${boris} AA`]], [['container 32000 v2:']], [['note#0 "here"']], ['active: online'],
  ], 'a modern client takes the block away')
  t.equal((await modern.setsMembers([{ id: 32000, version: 2, members: [`user ${boris}`, 'domain suedwind.example'] }])).status, 200)
  t.strictSame([client.learns(), learns(legacy)], [[['acl 4', 'ALL AA', 'DOMAIN suedwind.example BD', `USER sip:${boris} BD`]], ['active: offline']], 'and blocks')
  await sets(t, client, ofUser(boris, 'DA', 4))
  t.strictSame([client.learns(), modern.learns().length, learns(legacy)], [[['acl 5', 'ALL AA', 'DOMAIN suedwind.example BD', `USER sip:${boris} DA`]], 1, ['terminated reason=rejected: no document']], 'to deny is to block, for modern clients')
  t.equal((await modern.setsMembers([{ id: 300, version: 0, members: [`user ${gerd}`] }])).status, 200)
  t.strictSame(client.learns(), [], 'what says nothing of the list does not touch it')
  await sets(t, client, ofUser(gerd, 'PA', 5))
  client.hears()
  t.equal((await modern.setsMembers([{ id: 200, version: 0, members: [`user ${gerd}`] }])).status, 200)
  t.strictSame(client.learns(), [['acl 7', 'ALL AA', 'DOMAIN suedwind.example BD', `USER sip:${boris} DA`, `USER sip:${gerd} AA`]], 'who is put into a container waits no longer')
})

t.test('who is allowed stays visible to everybody, whatever blocks less specifically', async (t) => {
  const client = await begin()
  const [peer, carla] = [await joins(boris), world.client(clara)]
  await client.publishes([{ category: 'note', container: 200, data: 'inside' }, { category: 'note', container: 100, data: 'outside' }, { category: 'note', container: 32000, data: '' }])
  await peer.subscribes([anna], ['note'])
  const single = await carla.subscribesOne(anna, ['note'])
  t.strictSame(single.answer.says, ['note#0 "outside"'])
  await sets(t, client, ofUser(boris, 'AA', 1))
  await sets(t, client, ofAll('BD', 2))
  t.strictSame([peer.learns(), carla.learns()], [[], [['note#0 ""']]])
  t.strictSame(await containersOf(client), [
    'container 32000 v1: sameEnterprise, federated, publicCloud, everyone', `container 200 v1: sameEnterprise, user ${boris}, user ${anna}`, 'container 100 v0: federated',
  ])
  await sets(t, client, ofUser(clara, 'AA', 3))
  t.strictSame([carla.learns(), (await containersOf(client)).at(-1)], [[['note#0 "outside"']], `container 100 v1: federated, user ${clara}`])
  t.equal((await client.watches(anna, 'msrtc')).answer.status, 200)
  t.equal(reads((await client.watches(anna, 'msrtc', { headers: { Expires: '0' } })).answer), 'terminated: online', 'nobody blocks itself')
  await sets(t, client, ofAll('AA', 4))
  t.strictSame(await containersOf(client), [`container 200 v1: sameEnterprise, user ${boris}, user ${anna}`, `container 100 v1: federated, user ${clara}`], 'members stay where they are')
})

t.test('what was blocked before there were access lists stands in them; the template too', async (t) => {
  await world.reset({ template: { current: async () => [...standardTemplate.filter(({ id }) => id !== 32000), { id: 32000, members: [{ type: 'domain', value: 'cloud.example' }] }], forget: () => undefined } })
  const client = await joins(anna)
  t.strictSame(await aclOf(client), ['acl 1', 'ALL AA', 'DOMAIN cloud.example BD'])
  t.equal(reads((await world.client(dan).watches(anna, 'msrtc', { headers: { Expires: '0' } })).answer), 'terminated: offline')
})

t.test('design 1: whatever comes at the same time, what is kept of a watcher is what the list says', async (t) => {
  const client = await begin()
  const watchers = await Promise.all(['b1', 'b2', 'b3'].map((epid) => joins(boris, epid)))
  for (const rights of ['PA', 'BD', 'AA', 'DA', 'PD', 'AD', 'BA', 'DD', 'AA']) {
    const answers = await Promise.all([...watchers.map(async (watcher) => (await watcher.watches(anna, 'msrtc')).answer), client.asksSoap('setACE', ofUser(boris, rights)), watchers[0]?.subscribesList([anna]).then(({ answer }) => answer)])
    t.equal(answers[watchers.length]?.status, 200, rights)
    const kept = (await world.store.pool.query<{ access: string }>('SELECT DISTINCT access FROM subscription')).rows.map(({ access }) => access)
    t.strictSame(kept.filter((access) => access !== rights[0]), [], `${rights}: ${kept.join()}`)
    world.advance(1)
  }
})

t.test('refusals', async (t) => {
  const client = await begin()
  const conflict = await sets(t, client, ofUser(boris, 'BD', 7), 409)
  t.strictSame([conflict.header('Content-Type'), conflict.says], ['application/msrtc-fault+xml', ['stale 1: 7, is 1 ""']])
  for (const fields of [
    {}, { mask: '', rights: 'AA', deltaNum: 1 }, { type: 'all', mask: '', rights: 'AA' }, { type: 'ALL', mask: 'x', rights: 'AA' }, { type: 'DOMAIN', rights: 'AA' }, { type: 'DOMAIN', mask: '', rights: 'AA' },
    { type: 'DOMAIN', mask: '*.example', rights: 'AA' }, { type: 'USER', mask: '', rights: 'AA' }, { type: 'USER', mask: 'mailto:x@y', rights: 'AA' }, { type: 'USER', mask: 'sip:nordwind.example', rights: 'AA' },
    { type: 'ALL', mask: '', rights: '' }, { type: 'ALL', mask: '', rights: 'A' }, { type: 'ALL', mask: '', rights: 'AB' }, { type: 'ALL', mask: '', rights: 'aa' }, { type: 'ALL', mask: '', rights: 'AAA' }, { type: 'ALL', mask: '' },
    { type: 'ALL', mask: '', rights: 'AA', deltaNum: -1 }, { type: 'ALL', mask: '', rights: 'AA', deltaNum: 'x' },
  ]) await sets(t, client, fields, 400)
  t.equal((await client.asksSoap('setACE', ofAll('AA'), { to: boris })).status, 403)
  for (let at = 0; at < 4; at += 1) await sets(t, client, ofUser(`u${at}@nordwind.example`, 'AA', at + 1))
  t.strictSame((await sets(t, client, ofUser(boris, 'AA', 5), 403)).header('ms-diagnostics')?.includes('at most 5 entries'), true)
  await sets(t, client, ofUser('u0@nordwind.example', 'BD', 5))
  t.equal(await world.count('access_entry'), 5, 'one that is there is replaced; ALL counts')
  world.restart({ limits: { ...world.engine.limits, maxContainerMembers: 6 } })
  t.equal((await sets(t, client, ofAll('BD', 6), 413)).header('ms-diagnostics')?.slice(0, 4), '2006', 'members of containers have a limit of their own')
  t.equal((await client.subscribesAcl({ headers: { Accept: 'text/plain' } })).answer.status, 406)
  t.equal((await client.subscribesAcl({ to: boris })).answer.status, 400)
  t.equal((await world.client(clara).subscribesAcl()).answer.status, 404)
})

t.test('switched off: as a server that never had it, and nobody is kept out', async (t) => {
  const client = await begin()
  await sets(t, client, ofUser(boris, 'PA', 1))
  const watcher = await joins(boris)
  const dialog = await watcher.watches(anna, 'msrtc')
  t.equal(reads(dialog.answer), 'pending: no document')
  const off = { template, features: { ...world.engine.features, accessLists: false } }
  t.match(await client.registers({ granted: 100_000 }), { allowEvents: 'vnd-microsoft-roaming-self,presence,vnd-microsoft-roaming-contacts,vnd-microsoft-provisioning-v2,vnd-microsoft-roaming-ACL,presence.wpending,presence.winfo' })
  world.restart(off)
  await disregardAccess(poolSession(world.store.pool), world.now)
  t.match(await client.registers({ granted: 100_000 }), { allowEvents: 'vnd-microsoft-roaming-self,presence,vnd-microsoft-roaming-contacts,vnd-microsoft-provisioning-v2,presence.winfo' })
  for (const { answer } of [await client.subscribesAcl(), await client.subscribesPending()]) t.strictSame([answer.status, answer.header('Allow-Events')], [489, 'vnd-microsoft-roaming-self,presence,vnd-microsoft-roaming-contacts,vnd-microsoft-provisioning-v2,presence.winfo'])
  const refused = await sets(t, client, ofUser(boris, 'BD', 2), 400)
  t.match(refused.header('ms-diagnostics'), /none that this server carries out/)
  t.equal(reads(await dialog.refreshes()), 'active: online')
  t.equal(reads((await watcher.watches(anna, 'msrtc')).answer), 'active: online')
  await client.setsMembers([{ id: 32000, version: 0, members: [`user ${boris}`] }])
  t.equal(await world.count('access_entry'), 2, 'nothing follows')
})
