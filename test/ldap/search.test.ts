import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { DirectoryError, type DirectoryResults, type SearchTerm } from '../../src/core/model/directory-search.ts'
import { openConnection } from '../../src/ldap/ldap-connection.ts'
import { createDirectory } from '../../src/engine/directory.ts'
import { createUserDirectory } from '../../src/store/directory-search.ts'
import { searchBody } from '../support/bodies.ts'
import { openWorld } from '../support/world.ts'
import { openLdap, type Ldap, type LdapOptions } from '../../src/ldap/open-ldap.ts'
import { BASE, crew, needsSlapd, person, READER, SMALL_LIMIT, SMALL_READER, startSlapd, STRANGER } from '../support/slapd.ts'

const people = [
  person('anna', 'Anna', 'Berg', { telephoneNumber: '+49 431 17', title: 'Captain', l: 'Kiel', st: 'SH', o: 'Nordwind', physicalDeliveryOfficeName: 'Bridge', carLicense: 'a secret', userPassword: 'a secret' }),
  person('annika', 'Annika', 'Aalto'), person('jan', 'Jan', 'Bergström', { displayName: 'Jan Bergström ⚓', l: 'Göteborg' }), person('renate', 'Renate', 'Über', { cn: ['Renate Über', 'Nate*)(uid=*'] }),
  person('caps', 'Carl', 'Capital', { mail: ['carl@elsewhere.example', 'Carl.Capital@Nordwind.Example'] }), person('guest', 'Anna', 'Guest', { mail: 'guest@elsewhere.example' }),
  { dn: `cn=anna the printer,ou=people,${BASE}`, objectClass: ['device', 'extensibleObject'], cn: 'anna the printer', mail: 'printer@nordwind.example' },
  ...crew(200),
]

/** Opens the directory as the reader, unless told otherwise, and closes it with the test. */
const open = (t: Test, url: string, options: Partial<LdapOptions> = {}): Ldap => {
  const ldap = openLdap({
    url, baseDn: BASE, bind: READER, startTls: false, ca: undefined, timeoutMs: 2_000, kind: 'generic', userFilter: undefined, attributes: undefined, isOurs: async (user) => user.endsWith('@nordwind.example'), now: () => performance.now(), ...options,
  })
  t.teardown(ldap.close)
  return ldap
}

const terms = (conditions: Readonly<Record<string, string>>): readonly SearchTerm[] => Object.entries(conditions).map(([attribute, value]) => ({ attribute, value }))

/** The short names of those who are found, in order, with a + behind them when there are more. */
const short = ({ people: found, more }: DirectoryResults): string => found.map(({ user }) => user.split('@', 1)[0]).sort().join(' ') + (more ? ' +' : '')

const whyOf = (search: Promise<unknown>): Promise<string> => search.then(() => 'found', (error: unknown) => (error instanceof DirectoryError ? error.why : `no DirectoryError: ${String(error)}`))

t.test('a real slapd', { skip: needsSlapd }, async (t) => {
  const slapd = await startSlapd(t, people)
  const { source } = open(t, slapd.url)
  const find = async (conditions: Readonly<Record<string, string>>, limit = 100): Promise<string> => short(await source.search({ terms: terms(conditions), limit }))

  t.test('all conditions, each from its beginning, without regard to case', async (t) => {
    for (const [conditions, found] of [
      [{ givenname: 'anna' }, 'anna'], [{ givenname: 'ANN' }, 'anna annika'], [{ givenname: 'ann', sn: 'b' }, 'anna'], [{ givenname: 'ann', sn: 'x' }, ''], [{ sn: 'erg' }, ''], [{ sn: 'bergst' }, 'jan'], [{ sn: 'BERGSTRÖM' }, 'jan'],
      [{ sn: 'ü' }, 'renate'], [{ displayname: 'jan bergström ⚓' }, 'jan'], [{ l: 'göte' }, 'jan'], [{ company: 'nord' }, 'anna'], [{ physicaldeliveryofficename: 'bri' }, 'anna'], [{ telephonenumber: '+49431 17' }, 'anna'],
      [{ anr: 'ann' }, 'anna annika'], [{ anr: 'berg' }, 'anna jan'], [{ anr: 'anna berg' }, 'anna'], [{ anr: 'berg  anna ' }, 'anna'], [{ anr: 'ann aal' }, 'annika'], [{ anr: 'anna@nord' }, 'anna'], [{ anr: 'printer' }, ''],
      [{ msrtcuri: 'sip:anna@' }, 'anna'], [{ msrtcuri: 'jan@nordwind' }, 'jan'], [{ msrtcmail: 'annika@' }, 'annika'], [{ 'msrtcsip-primaryuseraddress': 'sip:carl.cap' }, 'carl.capital'], [{ cn: 'renate über' }, 'renate'],
    ] as const) t.equal(await find(conditions), found, JSON.stringify(conditions))
  })

  t.test('what is known of somebody comes along, what is not is missing', async (t) => {
    const { people: [anna] } = await source.search({ terms: terms({ mail: 'anna@' }), limit: 5 })
    t.strictSame(anna, { user: 'anna@nordwind.example', displayName: 'Anna Berg', title: 'Captain', office: 'Bridge', phone: '+49 431 17', company: 'Nordwind', city: 'Kiel', state: 'SH', email: 'anna@nordwind.example' })
    const { people: [annika] } = await source.search({ terms: terms({ mail: 'annika@' }), limit: 5 })
    t.strictSame(annika, { user: 'annika@nordwind.example', displayName: 'Annika Aalto', email: 'annika@nordwind.example' })
  })

  t.test('so many and no more, and whether there are others', async (t) => {
    const count = async (limit: number, options: Partial<LdapOptions> = {}): Promise<readonly unknown[]> => {
      const { people: found, more } = await (options.bind === undefined ? source : open(t, slapd.url, options).source).search({ terms: terms({ givenname: 'Crew' }), limit })
      return [found.length, more]
    }
    t.strictSame([await count(1), await count(199), await count(200), await count(201)], [[1, true], [199, true], [200, false], [200, false]])
    t.strictSame([await count(SMALL_LIMIT - 1, { bind: SMALL_READER }), await count(100, { bind: SMALL_READER })], [[SMALL_LIMIT - 1, true], [SMALL_LIMIT, true]], 'a limit of the server below ours is no failure')
  })

  t.test('nothing in a value means anything', async (t) => {
    for (const value of ['*', '*)(uid=*', 'anna)(|(uid=*', '\\00', '\u0000', '(|', 'anna\\', 'a*', '\\2a', ')', '(', '&', 'anna*', '))(&(objectClass=*)', '(objectClass=*)', ' ', '\t', '\u00ad', '\u200b', '\u0301', '\ufe0f', 'a\u0000']) {
      for (const attribute of ['givenname', 'cn', 'anr', 'msrtcuri', 'mail']) {
        t.equal(await find({ [attribute]: value }), '', `${attribute} = ${JSON.stringify(value)}`)
      }
    }
    t.equal(await find({ cn: 'nate*)(uid=*' }), 'renate', 'who is really called that is found')
    t.equal(await find({ uid: 'anna', cn: '*' }), '')
  })

  t.test('people are searched by what they are known by, and not by what entries hold beside it', async (t) => {
    for (const attribute of ['carlicense', 'userpassword', 'unicodepwd', 'objectclass', 'modifytimestamp', 'uid)(cn', 'uid=*)(cn', 'a b', '', '2.5.4.3', 'cn;lang-de', 'anr*', 'ünicode']) t.equal(await find({ [attribute]: 'a' }), '', attribute)
    t.equal(short(await open(t, slapd.url, { attributes: { description: ['carLicense'] } }).source.search({ terms: terms({ carlicense: 'a' }), limit: 5 })), 'anna', 'unless the operator maps it')
    t.equal(await find({ samaccountname: 'anna' }), '', 'an attribute that this server does not have finds nobody')
  })

  t.test('who we are, and what the operator says', async (t) => {
    const search = (options: Partial<LdapOptions>): Promise<DirectoryResults> => open(t, slapd.url, options).source.search({ terms: terms({ anr: 'ann' }), limit: 10 })
    let now = 0
    const bind = { ...READER, password: 'wrong' }
    const stubborn = open(t, slapd.url, { bind, now: () => now })
    const again = (): Promise<string> => whyOf(stubborn.source.search({ terms: [], limit: 1 }))
    t.equal(await again(), 'forbidden')
    bind.password = READER.password
    t.equal(await again(), 'forbidden', 'it is not asked at once again, lest the account be locked')
    now += 30_000
    t.equal(await again(), 'found')
    t.equal(await whyOf(search({ bind: { dn: `cn=nobody,${BASE}`, password: 'x' } })), 'forbidden')
    t.equal(await whyOf(search({ bind: STRANGER })), 'failed', 'a server that hides its entries says that there are none')
    t.equal(await whyOf(search({ baseDn: 'dc=elsewhere,dc=example' })), 'failed')
    t.equal(await whyOf(search({ bind: { dn: 'no name at all', password: 'x' } })), 'failed')
    t.equal(short(await search({ userFilter: '(&(objectClass=inetOrgPerson)(title=*))' })), 'anna')
    t.equal(short(await search({ userFilter: '(mail=*)', attributes: { displayName: ['cn'] } })), 'anna annika printer')
    t.equal(short(await search({ attributes: { address: ['uid'] } })), '', 'no address, no user')
  })

  t.test('TLS, from the beginning or later, and only with somebody we believe', async (t) => {
    const ca = readFileSync(slapd.ca, 'utf8')
    const search = (url: string, options: Partial<LdapOptions>): Promise<string> => open(t, url, options).source.search({ terms: terms({ anr: 'berg' }), limit: 10 }).then(short)
    t.equal(await search(slapd.tlsUrl, { ca }), 'anna jan')
    t.equal(await search(slapd.url, { ca, startTls: true }), 'anna jan')
    t.equal(await whyOf(search(slapd.tlsUrl, {})), 'busy')
    t.equal(await whyOf(search(slapd.url, { startTls: true })), 'busy')
    t.equal(await whyOf(search(slapd.url.replace('127.0.0.1', 'localhost'), { startTls: true, ca })), 'busy', 'the certificate is of another name')
  })

  t.test('many at once', async (t) => {
    const all = await Promise.all(Array.from({ length: 40 }, (_, at) => find({ sn: `Member 0${String(at).padStart(2, '0')}` })))
    t.strictSame(all, Array.from({ length: 40 }, (_, at) => `crew0${String(at).padStart(2, '0')}`))
  })

  t.test('a server that goes away and comes back', async (t) => {
    const ca = readFileSync(slapd.ca, 'utf8')
    let now = 0
    const clock = { now: () => now }
    const [plain, tls, anonymous] = [open(t, slapd.url, clock), open(t, slapd.url, { ...clock, startTls: true, ca }), open(t, slapd.url, { ...clock, bind: undefined })]
    const search = (ldap: Ldap): Promise<string> => ldap.source.search({ terms: terms({ anr: 'berg' }), limit: 10 }).then(short)
    t.strictSame([await search(plain), await search(tls), await whyOf(search(anonymous))], ['anna jan', 'anna jan', 'forbidden'])
    await slapd.stop()
    t.strictSame([await whyOf(search(plain)), await whyOf(search(tls)), await whyOf(search(anonymous))], ['busy', 'busy', 'busy'])
    await slapd.start()
    t.strictSame([await whyOf(search(plain)), await whyOf(search(tls))], ['busy', 'busy'], 'it is left alone for a moment')
    now += 1_000
    t.strictSame([await search(plain), await search(tls), await whyOf(search(anonymous))], ['anna jan', 'anna jan', 'forbidden'])
    const kept = await Promise.all([slapd.url, slapd.tlsUrl].map((url) => openConnection({ url, startTls: false, ca, bind: READER, timeoutMs: 2_000 }, new AbortController().signal)))
    await slapd.stop()
    await slapd.start()
    for (const { client, isAlive } of kept) {
      t.notOk(isAlive())
      await t.rejects(client.search(BASE), { message: 'the connection was lost' }, 'nothing is said over a connection that nobody made safe')
    }
    t.strictSame([await search(plain), await search(tls)], ['anna jan', 'anna jan'], 'a connection that was lost meanwhile is nobody\'s trouble')
  })
})

t.test('a server that says nothing is busy, and whoever waits for a connection does not wait for ever', async (t) => {
  const sockets: Socket[] = []
  const server = createServer((socket) => { sockets.push(socket) })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { for (const socket of sockets) socket.destroy(); server.close() })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  for (const options of [{}, { startTls: true }, { url: `ldaps://127.0.0.1:${port}` }, { bind: undefined }]) {
    const { source } = open(t, `ldap://127.0.0.1:${port}`, { timeoutMs: 150, ...options })
    t.strictSame(await Promise.all(Array.from({ length: 6 }, () => whyOf(source.search({ terms: [], limit: 1 })))), Array.from({ length: 6 }, () => 'busy'), JSON.stringify(options))
  }
  const { source, close } = open(t, `ldap://127.0.0.1:${port}`, { timeoutMs: 60_000 })
  const waiting = Array.from({ length: 5 }, () => whyOf(source.search({ terms: [], limit: 1 })))
  while (sockets.length < 4) await sleep(5)
  close()
  t.equal(await waiting[4], 'busy', 'nobody waits for a directory that is closed')
})

t.test('a client searches: the SERVICE request finds users of the engine and people of the directory, each once (MS-PRES 3.1)', { skip: needsSlapd }, async (t) => {
  const slapd = await startSlapd(t, people)
  const world = await openWorld(t)
  const { source, close } = openLdap({ url: slapd.url, baseDn: BASE, bind: READER, startTls: false, ca: undefined, timeoutMs: 2_000, kind: 'generic', userFilter: undefined, attributes: undefined, isOurs: async (user) => user.endsWith('@nordwind.example'), now: () => world.now })
  t.teardown(close)
  await world.reset()
  world.restart({ directory: createDirectory({ sources: [createUserDirectory(world.store.db), source], maxResults: 10, atATime: 1, onFailed: (error) => t.fail(error.message) }) })
  const asks = async (attribute: string, value: string): Promise<string> => {
    const { status, body } = await world.client('boris@nordwind.example').sends('SERVICE', { to: 'nordwind.example', body: searchBody([[attribute, value]]), headers: { 'Content-Type': 'application/SOAP+xml' } })
    return `${status} ${[...body.matchAll(/m:uri="sip:([^@"]+)@/g)].map(([, name]) => name).sort().join(' ')}${body.includes('<m:moreAvailable>true<') ? ' +' : ''}`
  }
  t.equal(await asks('msRTCURI', 'anna@'), '200 anna', 'known here and there')
  t.equal(await asks('givenName', 'ann'), '200 anna annika')
  t.equal(await asks('displayName', 'boris'), '200 boris', 'known here alone')
  t.match(await asks('givenName', 'Crew'), /^200 (\S+ ){10}\+$/, 'as many as may be, and more')
  t.equal(await asks('cn', '*)(uid=*'), '200 ', 'what is a filter elsewhere is a value here')
})
