import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { builtInRegistry } from '../../src/core/categories/registry.ts'
import type { FeedSource } from '../../src/core/model/directory-feed.ts'
import { createDirectoryFeed, FEED, type DirectoryFeed, type DirectoryFeedDeps } from '../../src/engine/directory-feed.ts'
import { createLdapClient } from '../../src/ldap/ldap-client.ts'
import { createLdapFeed } from '../../src/ldap/ldap-feed.ts'
import { attributeMap } from '../../src/core/ldap/attribute-map.ts'
import { start } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { loadFeed, type FeedReport } from '../../src/store/directory-feed.ts'
import { poolSession } from '../../src/store/session.ts'
import { getUser } from '../../src/store/users.ts'
import { KEY, openAdmin } from '../support/admin.ts'
import { createDataDirectory } from '../support/database.ts'
import { BASE, crew, needsSlapd, person, READER, SMALL_READER, startSlapd, type Slapd } from '../support/slapd.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const HANNA = 'hanna@nordwind.example'
const EVERY_MS = 60_000
const FULL_EVERY_MS = 3_600_000
const on = { serverPublications: true, categories: { registry: async () => builtInRegistry, forget: () => undefined } } as const

/** Everything that the directory was asked for, and every page that came back. */
interface Feeding {
  readonly feed: DirectoryFeed
  readonly lines: string[]
  readonly metrics: ReturnType<typeof createMetrics>
  readonly pages: number[]
}

/** One engine that feeds from the directory, `pageSize` entries at a time. */
const feeding = (t: Test, slapd: Slapd, options: Partial<DirectoryFeedDeps> = {}, { pageSize = 15, userFilter = '(objectClass=inetOrgPerson)', bind = READER } = {}): Feeding => {
  const lines: string[] = []
  const pages: number[] = []
  const metrics = createMetrics()
  const client = createLdapClient({ url: slapd.url, startTls: false, ca: undefined, bind, timeoutMs: 5_000 }, BASE, () => world.now)
  t.teardown(client.close)
  const read = createLdapFeed(client, { where: slapd.url, kind: 'generic', map: attributeMap('generic'), userFilter, isOurs: async (user) => (await world.engine.domains.kindOf(user)) === 'enterprise' }, pageSize)
  const source: FeedSource = { ...read, async* readPages(since) {
    for await (const page of read.readPages(since)) {
      pages.push(page.people.length + page.passedOver)
      yield page
    }
  } }
  const feed = createDirectoryFeed({
    ...world.engine, source, holder: `engine${world.next()}`, everyMs: EVERY_MS, fullEveryMs: FULL_EVERY_MS, gone: 'keep', goneMaxPercent: 5, wake: (publishers) => world.delivery.wake(publishers),
    log: createLog('info', { write: (line: string) => { lines.push(line) } }), metrics, ...options,
  })
  t.teardown(feed.stop)
  return { feed, lines, metrics, pages }
}

const report = async (): Promise<FeedReport | undefined> => (await loadFeed(poolSession(world.store.pool), FEED))?.report

/** What the last run did: kind, entries read, and who was created, changed, gone and removed. */
const did = async (): Promise<string> => {
  const last = await report()
  return last === undefined ? 'nothing' : `${last.kind} ${last.read}-${last.passedOver} +${last.created} ~${last.changed} ?${last.gone} -${last.removed}${last.error === undefined ? '' : ` ${last.error}`}`
}

const writes = async (): Promise<unknown> => (await world.store.pool.query('SELECT count(*) AS n, max(updated_at) AS at, sum(revision) AS r FROM presence_user JOIN publisher ON publisher = user_uri')).rows[0]

const after = (milliseconds: number): void => { world.now += milliseconds }

t.test('who seems to be gone is asked for a few at a time, so that no piece of a run is a long one', async (t) => {
  await world.reset()
  let there = Array.from({ length: 60 }, (_, at) => ({ user: `reader${at}@nordwind.example`, displayName: `Reader ${at}`, properties: {} }))
  const asked: number[] = []
  const source: FeedSource = {
    how: '', properties: new Set(), async* readPages() { yield { people: there, passedOver: 0, latest: undefined } },
    findPresent: async (users) => { asked.push(users.length); return new Set(users.slice(0, 1)) },
  }
  const feed = createDirectoryFeed({
    ...world.engine, source, holder: 'one', everyMs: EVERY_MS, fullEveryMs: FULL_EVERY_MS, gone: 'remove', goneMaxPercent: 100, wake: () => undefined, log: createLog('silent', { write: () => undefined }), metrics: createMetrics(),
  })
  t.teardown(feed.stop)
  await feed.run()
  t.equal(await did(), 'full 60-0 +60 ~0 ?0 -0')
  there = there.slice(0, 1)
  after(FULL_EVERY_MS)
  for (let piece = 0; piece < 10; piece += 1) await feed.run()
  t.same([asked, await did(), await world.count("presence_user WHERE user_uri LIKE 'reader%'")], [[50, 9], 'full 1-0 +0 ~0 ?59 -57', 3])
})

t.test('users from a real slapd', { skip: needsSlapd }, async (t) => {
  const CREW = 60
  const hanna = person('hanna', 'Hanna', 'Holm', { objectClass: ['inetOrgPerson', 'extensibleObject'], telephoneNumber: '+49 431 17', l: 'Kiel', c: 'DE', labeledURI: 'https://nordwind.example/hanna her page', facsimileTelephoneNumber: '+49 431 18' })
  const seed = [hanna, person('guest', 'Gus', 'Guest', { mail: 'gus@elsewhere.example' }), person('double', 'Do', 'Uble', { mail: 'Hanna@nordwind.example' }), ...crew(CREW)]
  const uid = (name: string): string => `uid=${name},ou=people,${BASE}`
  const open = async (t: Test, options: Parameters<typeof world.reset>[0] = {}): Promise<Slapd> => {
    await world.reset(options)
    // The directory stamps what changes with the time of this machine.
    world.now = Date.now()
    return startSlapd(t, seed)
  }

  t.test('they are created, kept and changed; what the operator set beside stays; watchers hear', async (t) => {
    const slapd = await open(t, on)
    const { feed, lines, metrics, pages } = feeding(t, slapd)
    await world.sets(HANNA, { displayName: 'Old name', city: 'Lübeck', fax: 'old', mobile: '+49 171 1', voiceMail: 'EUM:hanna' }, { rights: { incomingFederated: false }, limits: { maxContacts: 7 } })
    const watcher = world.client(people.boris)
    await watcher.registers()
    await watcher.subscribes([HANNA], ['contactCard'])
    await feed.run()
    await world.delivery.idle()
    t.strictSame([await did(), pages], [`full ${CREW + 3}-2 +${CREW} ~1 ?0 -0`, [15, 15, 15, 15, 3]], 'page by page; two entries are no users, one of them because it names one again')
    const stored = await getUser(world.store.db, HANNA)
    t.match(stored, { displayName: 'Hanna Holm', limits: { maxContacts: 7 } })
    t.strictSame(stored?.properties, { voiceMail: 'EUM:hanna', email: 'hanna@nordwind.example', phone: '+49 431 17', fax: '+49 431 18', givenName: 'Hanna', surname: 'Holm', city: 'Kiel', country: 'DE', url: 'https://nordwind.example/hanna' },
      'the directory has the say in what it maps, the operator in the rest')
    t.equal(await world.count(`presence_user WHERE user_uri = '${HANNA}' AND incoming_federated = false`), 1)
    t.strictSame(watcher.learns(), [['contactCard#0 "Hanna Holmhanna@nordwind.example"']])
    t.equal(await world.count("category_instance WHERE publisher = 'crew007@nordwind.example'"), 8, 'the server publishes of those who are new, too')
    t.equal(await world.count("presence_user WHERE user_uri LIKE 'gus%'"), 0, 'of our domains only')

    const before = await writes()
    await feed.run()
    t.equal((await did()).split(' ', 1)[0], 'full', 'not due yet')
    after(EVERY_MS)
    await feed.run()
    t.strictSame([await did(), pages.length], ['changes 63-2 +0 ~0 ?0 -0', 10], 'the directory was filled long ago, and all in one second')
    t.strictSame(await writes(), before, 'who is as it must be costs no write')

    slapd.modify(uid('crew003'), { displayName: ['Käpt’n Blaubär ⚓'], title: [] })
    slapd.add([person('fresh', 'Fresh', 'Hand', { modifyTimestamp: [], createTimestamp: [] })])
    after(EVERY_MS)
    pages.length = 0
    await feed.run()
    t.strictSame(pages.length, 5, 'the mark of the time before does not know better')
    t.match(await getUser(world.store.db, 'crew003@nordwind.example'), { displayName: 'Käpt’n Blaubär ⚓', properties: { title: undefined, phone: '+49 431 1003' } })
    t.equal(await did(), 'changes 64-2 +1 ~1 ?0 -0')
    slapd.modify(uid('crew004'), { sn: ['Later'] })
    after(EVERY_MS)
    pages.length = 0
    await feed.run()
    t.strictSame([await did(), pages], ['changes 3-0 +0 ~1 ?0 -0', [3]], 'only what has changed since')
    after(EVERY_MS)
    await feeding(t, slapd, {}, { pageSize: 200, userFilter: '(&(objectClass=inetOrgPerson)(uid=crew*))' }).feed.run()
    t.equal(await did(), 'full 60-0 +0 ~0 ?2 -0', 'read in another way, everything is read')
    t.match(await metrics.text(), /presentia_directory_feed_users_total\{result="created"\} 61\n[^]*presentia_directory_feed_users_total\{result="changed"\} 3/)
    t.equal(lines.length, 3, 'a line for each run that changed something')
  })

  t.test('who is gone stays, unless told otherwise, and never too many at once', async (t) => {
    const slapd = await open(t, on)
    const { feed, metrics, lines } = feeding(t, slapd, { gone: 'remove', goneMaxPercent: 6 })
    const keeper = feeding(t, slapd)
    await feed.run()
    slapd.remove([uid('crew010'), uid('crew011')])
    slapd.modify(uid('crew012'), { mail: ['crew.twelve@nordwind.example'] })
    after(FULL_EVERY_MS)
    await keeper.feed.run()
    t.equal(await did(), `full ${CREW + 1}-2 +1 ~0 ?3 -0`, 'another address is another user')
    after(FULL_EVERY_MS)
    const watcher = world.client(people.boris)
    await watcher.registers()
    await watcher.subscribes(['crew010@nordwind.example'], ['contactCard'])
    await feed.run()
    await world.delivery.idle()
    t.equal(await did(), `full ${CREW + 1}-2 +0 ~0 ?3 -3`)
    t.equal(await world.count("presence_user WHERE user_uri IN ('crew010@nordwind.example', 'crew011@nordwind.example', 'crew012@nordwind.example')"), 0)
    t.strictSame(watcher.learns(), [['contactCard (none)']], 'its watchers are told')
    t.equal(await world.count(`presence_user WHERE user_uri IN ('${people.anna}', '${people.boris}', '${people.gerd}')`), 3, 'whom the directory never named it does not take away')

    slapd.remove(Array.from({ length: 5 }, (_, at) => uid(`crew02${at}`)))
    after(FULL_EVERY_MS)
    await feed.run()
    t.match(await did(), /^full 56-2 \+0 ~0 \?5 -0 5 of 59 users are gone from the directory, more than 6 %: none was removed/)
    t.equal(await world.count("presence_user WHERE user_uri LIKE 'crew02%'"), 10)
    t.match(await metrics.text(), /presentia_directory_feed_failures_total 1/)
    t.equal(lines.filter((line) => line.includes('failed')).length, 1)
    const state = await loadFeed(poolSession(world.store.pool), FEED)
    t.equal(state?.fullDueAt, world.now + FULL_EVERY_MS, 'reading it again would find the same')
  })

  t.test('a directory that loses its place between two pages takes nobody away', async (t) => {
    const slapd = await open(t)
    await feeding(t, slapd).feed.run()
    const { feed } = feeding(t, slapd, { gone: 'remove', goneMaxPercent: 100, source: (() => {
      const client = createLdapClient({ url: slapd.url, startTls: false, ca: undefined, bind: READER, timeoutMs: 5_000 }, BASE, () => world.now)
      t.teardown(client.close)
      const whole = createLdapFeed(client, { where: slapd.url, kind: 'generic', map: attributeMap('generic'), userFilter: '(objectClass=inetOrgPerson)', isOurs: async (user) => user.endsWith('@nordwind.example') }, 25)
      return { ...whole, async* readPages(since) { for await (const page of whole.readPages(since)) { yield page; return } } } satisfies FeedSource
    })() })
    slapd.remove([uid('crew059')])
    after(FULL_EVERY_MS)
    await feed.run()
    t.match(await did(), /^full 25-\d \+0 ~0 \?\d\d -1$/, 'only who is really gone')
    t.equal(await world.count("presence_user WHERE user_uri LIKE 'crew%'"), CREW - 1)
  })

  t.test('of several engines one does it; a run that was left behind begins anew', async (t) => {
    const slapd = await open(t)
    const [one, other] = [feeding(t, slapd, { now: () => { world.now += 600; return world.now } }), feeding(t, slapd)]
    await one.feed.run()
    const begun = one.pages.length
    t.ok(begun > 0 && begun < 5, 'a piece only')
    t.equal(await report(), undefined)
    await other.feed.run()
    t.strictSame(other.pages, [], 'somebody is at it')
    after(70_000)
    await other.feed.run()
    t.match(await did(), /^full 63-2 /, 'the other one has died, for all that is known')
    t.ok(Number((await report())?.created) < CREW && Number((await report())?.created) > 0, 'what was done is done')
    const before = await writes()
    await one.feed.run()
    t.equal(one.pages.length, begun, 'the first one finds that it has lost the run')
    t.strictSame(await writes(), before)

    after(EVERY_MS)
    await one.feed.run()
    await one.feed.stop()
    await other.feed.run()
    t.ok(other.pages.length >= 10, 'who stops leaves it to others at once')
  })

  t.test('a directory that is away is said once and changes nothing; the operator sees why, and asks for a run', async (t) => {
    const slapd = await open(t)
    const { feed, lines, metrics } = feeding(t, slapd)
    const admin = await openAdmin(world)
    t.strictSame((await admin('GET', '/directory-feed')).json(), { state: 'waiting' })
    await slapd.stop()
    await feed.run()
    after(EVERY_MS)
    await feed.run()
    t.match((await admin('GET', '/directory-feed')).json(), { state: 'waiting', lastRun: { kind: 'full', read: 0, error: /^LDAP: connect ECONNREFUSED/ }, succeededAt: undefined })
    t.equal(lines.length, 1, 'said once')
    t.match(await metrics.text(), /presentia_directory_feed_failures_total 2/)
    await slapd.start()
    await feed.run()
    t.equal((await report())?.error?.startsWith('LDAP: connect'), true, 'it is left alone for a while')
    after(30_000)
    await feed.run()
    t.match((await admin('GET', '/directory-feed')).json(), { state: 'waiting', lastRun: { read: 63, created: CREW + 1, error: undefined }, succeededAt: String, readUntil: '2026-01-05T08:00:00.000Z' })
    t.equal(lines.filter((line) => line.includes('again')).length, 1)

    t.equal((await admin('POST', '/directory-feed')).status, 202)
    await feed.run()
    t.match((await admin('GET', '/directory-feed')).json(), { lastRun: { kind: 'changes' } })
    t.equal((await admin('POST', '/directory-feed?full=true')).status, 202)
    await feed.run()
    t.match((await admin('GET', '/directory-feed')).json(), { lastRun: { kind: 'full' } })
    t.equal((await admin('POST', '/directory-feed?full=yes')).status, 400)
    for (const [bind, error] of [[{ ...READER, password: 'changed' }, /Invalid credentials|0x31/i], [SMALL_READER, /0x4$/]] as const) {
      const other = feeding(t, slapd, { gone: 'remove' }, { bind })
      await admin('POST', '/directory-feed?full=true')
      await other.feed.run()
      t.match(await report(), { removed: 0, gone: 0, error }, 'who may not read all is told so, and takes nobody away')
      after(30_000)
    }
    t.notMatch(JSON.stringify((await admin('GET', '/directory-feed')).json()), /reader of all/, 'no password')
    const off = await openAdmin(world, { feedsUsers: false })
    t.strictSame([(await off('GET', '/directory-feed')).json(), (await off('POST', '/directory-feed')).status], [{ state: 'off' }, 409])
  })

  t.test('a whole engine by its settings: users of a domain come when it becomes ours', async (t) => {
    const slapd = await startSlapd(t, seed)
    const engine = await start(readConfig({
      PRESENTIA_DATA_DIR: await createDataDirectory(t), PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_KEY: KEY, PRESENTIA_LOG_LEVEL: 'silent', PRESENTIA_LDAP_URL: slapd.url, PRESENTIA_LDAP_START_TLS: 'true',
      PRESENTIA_LDAP_CA_FILE: slapd.ca, PRESENTIA_LDAP_BASE_DN: BASE, PRESENTIA_LDAP_BIND_DN: READER.dn, PRESENTIA_LDAP_PASSWORD: READER.password, PRESENTIA_LDAP_SYNC_MS: '1000', PRESENTIA_LDAP_USER_FILTER: '(uid=crew00*)', PRESENTIA_LDAP_ATTRIBUTES: '{"title":[]}',
    }), createLog('silent'))
    const call = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> =>
      (await fetch(`${engine.adminAddress}/admin/v1${path}`, { method, headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).json() as Promise<Record<string, unknown>>
    const until = async (holds: (feed: { readonly lastRun?: Record<string, unknown> }) => boolean): Promise<void> => { while (!holds(await call('GET', '/directory-feed'))) await sleep(50) }
    try {
      await until(({ lastRun }) => lastRun?.['passedOver'] === 10)
      await call('PUT', '/domains/nordwind.example', { kind: 'enterprise' })
      await until(({ lastRun }) => lastRun?.['created'] === 10)
      t.match(await call('GET', '/users/crew003@nordwind.example'), { displayName: 'Crew Member 003', phone: '+49 431 1003', title: undefined })
      t.strictSame(await engine.query("SELECT surname, phone FROM directory_entry WHERE user_uri = 'crew003@nordwind.example'"), [{ surname: 'member 003', phone: '+494311003' }], 'searches find them, too')
      t.match(await call('GET', '/users/crew003@nordwind.example/publications'), { items: [{ category: 'contactCard' }] })
    } finally {
      await engine.stop()
    }
  })
})
