import t from 'tap'
import { builtInRegistry } from '../../src/core/categories/registry.ts'
import { createCategoryDirectory } from '../../src/engine/category-directory.ts'
import { createDomainDirectory } from '../../src/engine/domain-directory.ts'
import { createPresenceTerms } from '../../src/engine/presence-terms.ts'
import { CACHE_AGE_MS } from '../../src/engine/short-cache.ts'
import { poolSession } from '../../src/store/session.ts'
import { isProblem, openAdmin, type AdminCall } from '../support/admin.ts'
import type { Client, RequestOptions } from '../support/client.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris, clara, dan, eve, gerd } = people

const PIDF = 'application/pidf+xml'
const MSRTC = 'text/xml+msrtc.pidf'

/** A SUBSCRIBE in another format; `Expires: 0` only asks. */
const watches = async (client: Client, accept: string, options: RequestOptions = {}): Promise<void> => {
  const answer = await client.sends('SUBSCRIBE', { to: anna, ...options, headers: { Event: 'presence', Accept: accept, ...options.headers } })
  if (answer.status !== 200) throw new Error(`${client.user}: ${answer.status}`)
}

const bodies = (client: Client): readonly string[] => client.hears().map(({ body }) => body)

/** What somebody who asks right now is told. */
const polls = async (user: string, accept: string): Promise<string> => {
  const client = world.client(user, 'poll')
  await watches(client, accept, { headers: { Expires: '0' } })
  return bodies(client).join()
}

const viewAs = (call: AdminCall, subscriber: string, query: string) => call('GET', `/users/${anna}/view-as?subscriber=${subscriber}${query}`)

const interop = (container: number, availability: number, token = '') =>
  ({ category: 'legacyInterop', container, data: `<legacyInterop xmlns="http://schemas.microsoft.com/2006/09/sip/categories" availability="${availability}"${token === '' ? '' : ` token="${token}"`}/>` })

const note = (text: string) => ({ category: 'note', container: 0, data: `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal">${text}</body></note>` })

/** Anna is busy for everyone, with a note; blocked people are shown what the server publishes for them. */
const begin = async (): Promise<{ readonly call: AdminCall; readonly publisher: Client }> => {
  const { limits } = world.engine
  await world.reset({ categories: { registry: async () => builtInRegistry, forget: () => undefined }, serverPublications: true, limits: { ...limits, subscribers: { ...limits.subscribers, maxSubscribers: 50 } } })
  const publisher = world.client(anna)
  await publisher.registers({ granted: 7200 })
  const published = await publisher.publishes([interop(0, 6500, 'in-a-meeting'), note('In the harbour')])
  const set = await publisher.setsMembers([{ id: 32000, version: 0, members: [`user ${gerd}`] }])
  if (published.status !== 200 || set.status !== 200) throw new Error(`the story does not begin: ${published.status} ${set.status}`)
  return { call: await openAdmin(world), publisher }
}

const opens = async (user: string, accept: string, epid?: string): Promise<Client> => {
  const client = world.client(user, epid)
  if (user.endsWith('@nordwind.example')) await client.registers({ granted: 7200 })
  await watches(client, accept)
  client.hears()
  return client
}

const pass = async (milliseconds: number): Promise<void> => {
  world.advance(milliseconds / 1000)
  await world.timers()
}

t.test('2.2.2.8.1: a domain reads one form of PIDF; those who watch hear of a change once every node knows it', async (t) => {
  const { call } = await begin()
  const [partner, own, msrtc, cloud] = [await opens(clara, PIDF), await opens(boris, PIDF), await opens(clara, MSRTC, 'second'), await opens(dan, PIDF)]
  const categories = world.client(clara, 'third')
  await categories.subscribesOne(anna, ['note'])
  const silent = [own, msrtc, cloud, categories]
  t.match((await call('GET', '/domains/suedwind.example')).json(), { kind: 'federated', pidfForm: 'both' })
  const both = await polls(clara, PIDF)
  t.match(both, /<tuple id="0">.*<dm:note>In the harbour<\/dm:note>/)
  const put = (pidfForm?: string) => call('PUT', '/domains/suedwind.example', { kind: 'federated', ...(pidfForm === undefined ? {} : { pidfForm }) })
  const changed = await put('rfc4480')
  t.strictSame([changed.status, changed.json<{ pidfForm: string }>().pidfForm], [200, 'rfc4480'])
  t.match((await call('GET', '/domains')).json<{ items: { domain: string; pidfForm: string }[] }>().items.map(({ domain, pidfForm }) => `${domain} ${pidfForm}`), ['blocked.example both', 'cloud.example both', 'nordwind.example both', 'suedwind.example rfc4480'])
  const standard = await polls(clara, PIDF)
  t.match(standard, /<tuple id="presence">/, 'the caches of this node are fresh')
  await pass(CACHE_AGE_MS - 1)
  t.strictSame(bodies(partner), [], 'another node may still have the old form')
  await pass(1)
  t.strictSame(bodies(partner), [standard])
  await put('rfc4480')
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(partner), [], 'nothing has changed')
  await put('microsoft')
  await pass(CACHE_AGE_MS)
  t.match(bodies(partner).join('\n'), /^(?!.*(dm:|\n)).*<ep:activity>busy<\/ep:activity>/)
  await put()
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(partner), [both], 'PUT replaces: without a form it is both again')
  await put('microsoft')
  await pass(CACHE_AGE_MS)
  partner.hears()
  t.equal((await call('DELETE', '/domains/suedwind.example')).status, 204)
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(partner), [both], 'so is a domain that is not in the table')
  await call('DELETE', '/domains/cloud.example')
  await pass(CACHE_AGE_MS)
  t.equal((await put('rfc4480')).status, 201)
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(partner), [standard], 'a new one counts from its first word on')
  t.strictSame(silent.flatMap(bodies), [], 'nobody else hears of any of it')
  for (const wrong of ['', 'Both', 'msrtc', 4480, null]) isProblem(t, await call('PUT', '/domains/suedwind.example', { kind: 'federated', pidfForm: wrong }), 400, JSON.stringify(wrong), /pidfForm/)
  t.match((await call('GET', '/domains/suedwind.example')).json(), { pidfForm: 'rfc4480' })
})

t.test('a node with old caches pays the debt in the new form', async (t) => {
  const { call } = await begin()
  const session = poolSession(world.store.pool)
  const [domains, categories] = [createDomainDirectory(session, () => world.now, 'federated'), createCategoryDirectory(session, () => world.now, false)]
  const other = await openAdmin(world, { domains, categories, presenceTerms: createPresenceTerms(categories, domains, world.engine) })
  const partner = await opens(clara, PIDF)
  await other('PUT', '/domains/suedwind.example', { kind: 'federated', pidfForm: 'microsoft' })
  for (let second = 0; second < 5; second += 1) await pass(1_000)
  t.match(bodies(partner), [/^(?!.*dm:).*<tuple id="0">/], 'once, and right')
  t.equal((await viewAs(call, clara, '&format=pidf')).text, await polls(clara, PIDF))
})

t.test('2.2.2.8.1: other addresses of a person are kept, shown, and told to those who read them', async (t) => {
  const { call } = await begin()
  await call('PUT', '/domains/suedwind.example', { kind: 'federated', pidfForm: 'rfc4480' })
  const [reader, cloud, standard, msrtc] = [await opens(boris, PIDF), await opens(dan, PIDF), await opens(clara, PIDF), await opens(boris, MSRTC, 'second')]
  const categories = world.client(boris, 'third')
  await categories.registers()
  await categories.subscribes([anna], ['note'])
  await pass(CACHE_AGE_MS)
  for (const client of [reader, cloud, standard, msrtc]) client.hears()
  const put = (linkedIdentities?: object) => call('PUT', `/users/${anna}`, { displayName: 'anna', ...(linkedIdentities === undefined ? {} : { linkedIdentities }) })
  const before = await polls(boris, PIDF)
  const asked = { primary: 'Anna@Nordwind.example', secondary: ['sip:anna@west.example', 'anna@west.example', 'b17@cid.west.example'], cid: 'b17' }
  const stored = { primary: 'sip:Anna@nordwind.example', secondary: ['sip:anna@west.example', 'sip:b17@cid.west.example'], cid: 'b17' }
  const done = await put(asked)
  const { primary } = done.json<{ linkedIdentities: { primary: string } }>().linkedIdentities
  t.equal(primary.toLowerCase(), stored.primary.toLowerCase())
  const shown = { ...stored, primary }
  t.strictSame([done.status, done.json<{ linkedIdentities: object }>().linkedIdentities], [200, shown])
  t.strictSame((await call('GET', `/users/${anna}`)).json<{ linkedIdentities: object }>().linkedIdentities, shown)
  t.strictSame((await call('GET', '/users')).json<{ items: { linkedIdentities?: object }[] }>().items.map(({ linkedIdentities }) => linkedIdentities), [shown, undefined, undefined])
  await pass(CACHE_AGE_MS)
  const linked = await polls(boris, PIDF)
  t.match(linked, `<linked-identities primary-id="${primary.slice(4)}"><secondary-identities><secondary-identity>anna@west.example</secondary-identity><secondary-identity>b17@cid.west.example</secondary-identity></secondary-identities></linked-identities><cid>b17</cid>`)
  t.strictSame([bodies(reader), bodies(cloud)], [[linked], [linked]])
  t.notMatch(await polls(gerd, PIDF), /linked-identities|cid/, 'not to who is blocked')
  await put(shown)
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(reader), [], 'nothing has changed')
  await put({ primary, secondary: [] })
  await pass(CACHE_AGE_MS)
  t.match(bodies(reader), [/<secondary-identities><\/secondary-identities><\/linked-identities>(?!<cid>)/])
  t.notOk('linkedIdentities' in (await put()).json<object>(), 'PUT replaces')
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(reader), [before])
  t.strictSame([standard, msrtc, categories].flatMap(bodies), [], 'who reads other documents hears of none of it')
  const untouched = await world.dump()
  for (const [name, wrong, says] of [
    ['no user', { primary: 'anna', secondary: [] }, /linkedIdentities\/primary/], ['another scheme', { primary: 'tel:+4940', secondary: [] }, /linkedIdentities\/primary/], ['no secondary', { primary: anna }, /secondary/],
    ['a wrong secondary', { primary: anna, secondary: [boris, 'nobody'] }, /linkedIdentities\/secondary\/1/], ['too many', { primary: anna, secondary: Array.from({ length: 65 }, (_, at) => `a${at}@west.example`) }, /secondary/],
    ['a cid of no letters', { primary: anna, secondary: [], cid: '\u0001' }, /cid/], ['an empty cid', { primary: anna, secondary: [], cid: '' }, /cid/], ['an unknown field', { primary: anna, secondary: [], more: 1 }, /more/],
  ] as const) isProblem(t, await put(wrong), 400, name, says)
  t.strictSame(await world.dump(), untouched)
})

t.test('of whom nobody sees anything, nobody is told', async (t) => {
  const call = await openAdmin(world)
  const watcher = await opens(boris, PIDF)
  t.equal((await call('PUT', `/users/${anna}`, { displayName: 'anna', linkedIdentities: { primary: anna, secondary: [] } })).status, 200)
  await pass(CACHE_AGE_MS)
  t.strictSame(bodies(watcher), [])
})

t.test('one that leaves for another pool owes nobody its addresses', async (t) => {
  await world.reset({ serverPublications: true })
  const call = await openAdmin(world)
  const watcher = await opens(boris, PIDF)
  t.equal((await call('DELETE', `/users/${anna}/subscribers/${boris}`)).status, 204)
  const linkedIdentities = { primary: `sip:${anna}`, secondary: [] }
  const gone = await call('PUT', `/users/${anna}`, { displayName: 'anna', homePool: 'sip:pool2.nordwind.example', linkedIdentities })
  t.match([gone.status, gone.json()], [200, { homePool: 'sip:pool2.nordwind.example', linkedIdentities }])
  t.equal(await world.count('deferred'), 0)
  t.match(watcher.hears(), [{ body: '' }])
})

t.test('view-as renders in each format what a subscriber really receives', async (t) => {
  const { call, publisher } = await begin()
  await call('PUT', '/domains/suedwind.example', { kind: 'federated', pidfForm: 'rfc4480' })
  await call('PUT', '/domains/cloud.example', { kind: 'publicCloud', pidfForm: 'microsoft' })
  await call('PUT', `/users/${anna}`, { displayName: 'Anna', email: 'a@nordwind.example', linkedIdentities: { primary: anna, secondary: ['anna@west.example'] } })
  const watchers = [boris, clara, dan, gerd, 'f@nowhere.example']
  const live = new Map<string, Client>()
  for (const user of watchers) live.set(`${user} ${PIDF}`, await opens(user, PIDF)).set(`${user} ${MSRTC}`, await opens(user, MSRTC, 'second'))
  const documents = new Set<string>()
  for (const [step, act] of [
    ['at first', async () => undefined], ['after a publish', () => publisher.publishes([{ ...interop(0, 15500), version: 1 }, { ...note('At home'), version: 1 }])], ['when nothing is left', () => publisher.publishes([{ category: 'legacyInterop', container: 0, version: 2, expires: 0, data: '' }])],
  ] as readonly (readonly [string, () => Promise<unknown>])[]) {
    await act()
    for (const user of watchers) {
      for (const [format, type] of [['pidf', PIDF], ['msrtc', MSRTC]] as const) {
        const view = await viewAs(call, user, `&format=${format}`)
        t.strictSame([view.status, view.type, view.text], [200, `${type}; charset=utf-8`, await polls(user, type)], `${step}: ${user} in ${format}`)
        const told = bodies(live.get(`${user} ${type}`) ?? publisher)
        if (told.length > 0) t.equal(told.at(-1), view.text, `${step}: what ${user} was notified of in ${format}`)
        documents.add(view.text)
      }
    }
  }
  t.equal(documents.size, 11, 'twice three forms and MSRTC; offline for the blocked and for RFC 4480 besides, the same as where nothing is left')
  t.equal((await viewAs(call, clara, '&format=categories&category=note')).text, (await viewAs(call, clara, '&category=note')).text)
  t.notMatch((await viewAs(call, clara, '')).text, /legacyInterop/, 'who watches in another format sees no private categories')
  isProblem(t, await viewAs(call, eve, '&format=pidf'), 403, 'of a blocked domain')
  await call('PUT', `/users/${anna}`, { displayName: 'Anna', rights: { incomingFederated: false } })
  isProblem(t, await viewAs(call, clara, '&format=msrtc'), 403, 'not granted')
  isProblem(t, await call('GET', `/users/nobody@nordwind.example/view-as?subscriber=${clara}&format=pidf`), 404, 'nobody')
  for (const wrong of ['&format=xpidf', '&format=', '&format=pidf&format=msrtc', '&format=pidf&category=note']) isProblem(t, await viewAs(call, boris, wrong), 400, wrong, /format/)
})
