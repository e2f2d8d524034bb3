import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../src/cli/free-port.ts'
import { createDirectory, type Teardown } from './database.ts'

const SLAPD = '/usr/sbin/slapd'

/** Said where a test needs a real slapd and there is none; the value of tap's `skip` option. REQUIRE_SLAPD=1 has it fail instead. */
export const needsSlapd: string | false = existsSync(SLAPD) || process.env['REQUIRE_SLAPD'] === '1' ? false : 'slapd is not installed (REQUIRE_SLAPD=1 makes that a failure)'

export const BASE = 'dc=nordwind,dc=example'
/** Reads everything, without a limit. */
export const READER = { dn: `cn=reader,${BASE}`, password: 'reader of all-17' }
/** Reads everything, but not more than some entries at a time. */
export const SMALL_READER = { dn: `cn=small,${BASE}`, password: 'small reader-17' }
export const SMALL_LIMIT = 30
/** May bind, and see nothing. */
export const STRANGER = { dn: `cn=stranger,${BASE}`, password: 'stranger-17' }
const ADMIN = { dn: `cn=admin,${BASE}`, password: 'admin of all-17' }

/** One entry of a directory: its name below the base, and the values of each attribute. */
export type Entry = Readonly<Record<string, string | readonly string[]>> & { readonly dn: string }

/** A throw-away LDAP server on loopback. */
export interface Slapd {
  readonly url: string
  readonly tlsUrl: string
  /** The certificate of the authority that signed the server's. */
  readonly ca: string
  readonly start: () => Promise<void>
  /** Ends the server and all its connections; the data stay. */
  readonly stop: () => Promise<void>
  readonly add: (entries: readonly Entry[]) => void
  /** Replaces attributes of an entry; an empty list takes one away. */
  readonly modify: (dn: string, changes: Readonly<Record<string, readonly string[]>>) => void
  readonly remove: (dns: readonly string[]) => void
}

const base64 = (value: string): string => Buffer.from(value, 'utf8').toString('base64')

const ldif = ({ dn, ...attributes }: Entry): string =>
  [`dn:: ${base64(dn)}`, ...Object.entries(attributes).flatMap(([name, values]) => [values].flat().map((value) => `${name}:: ${base64(value)}`))].join('\n')

const openssl = (directory: string, ...parameters: readonly string[]): void => { execFileSync('openssl', parameters, { cwd: directory, stdio: 'ignore' }) }

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'] as const

/** An authority of our own, and a server certificate of it for 127.0.0.1. */
const makeCertificates = (directory: string): void => {
  const subject = (name: string): readonly string[] => ['-subj', `/CN=${name}`]
  openssl(directory, 'req', '-x509', ...KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', ...subject('An authority of tests'))
  openssl(directory, 'req', ...KEY, '-keyout', 'server.key', '-out', 'server.csr', ...subject('A server of tests'))
  writeFileSync(join(directory, 'names'), 'subjectAltName=IP:127.0.0.1\n')
  openssl(directory, 'x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'server.pem', '-days', '2', '-extfile', 'names')
}

const configuration = (directory: string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${directory}/slapd.pid
TLSCACertificateFile ${directory}/ca.pem
TLSCertificateFile ${directory}/server.pem
TLSCertificateKeyFile ${directory}/server.key
database mdb
maxsize 67108864
suffix "${BASE}"
rootdn "${ADMIN.dn}"
rootpw "${ADMIN.password}"
directory ${directory}/data
index objectClass eq
index mail,cn,sn,givenName,displayName,uid eq,pres,sub
index modifyTimestamp eq
limits dn.exact="${SMALL_READER.dn}" size=${SMALL_LIMIT}
limits dn.exact="${READER.dn}" size=unlimited
access to attrs=userPassword by anonymous auth by dn.exact="${READER.dn}" read by * none
access to * by dn.exact="${READER.dn}" read by dn.exact="${SMALL_READER.dn}" read by anonymous auth by * none
`

const account = ({ dn, password }: { readonly dn: string; readonly password: string }): Entry =>
  ({ dn, objectClass: ['applicationProcess', 'simpleSecurityObject'], cn: /cn=(\w+)/.exec(dn)?.[1] ?? '', userPassword: password })

/** A server with these entries below `ou=people`, ended and removed with the test. Operational attributes (modifyTimestamp) are taken as they are. */
export const startSlapd = async (t: Teardown, entries: readonly Entry[]): Promise<Slapd> => {
  const directory = createDirectory(t)
  const [port, tlsPort] = [await freePort(), await freePort()]
  const [url, tlsUrl] = [`ldap://127.0.0.1:${port}`, `ldaps://127.0.0.1:${tlsPort}`]
  const file = (name: string): string => join(directory, name)
  mkdirSync(file('data'))
  makeCertificates(directory)
  writeFileSync(file('slapd.conf'), configuration(directory))
  const top: readonly Entry[] = [
    { dn: BASE, objectClass: ['dcObject', 'organization'], dc: 'nordwind', o: 'Nordwind' }, { dn: `ou=people,${BASE}`, objectClass: 'organizationalUnit', ou: 'people' }, account(READER), account(SMALL_READER), account(STRANGER),
  ]
  writeFileSync(file('seed.ldif'), [...top, ...entries].map(ldif).join('\n\n'))
  execFileSync('/usr/sbin/slapadd', ['-q', '-f', file('slapd.conf'), '-l', file('seed.ldif')], { stdio: 'pipe' })

  let server: ChildProcess | undefined
  let log = ''
  const start = async (): Promise<void> => {
    // -d keeps it in the foreground, a child of ours.
    const child = spawn(SLAPD, ['-h', `${url} ${tlsUrl}`, '-f', file('slapd.conf'), '-d', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr.on('data', (data: Buffer) => { log += data.toString() })
    server = child
    for (let tries = 0; tries < 200; tries += 1) {
      const up = await new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
        socket.once('error', () => resolve(false))
      })
      if (up) return
      if (child.exitCode !== null) break
      await sleep(50)
    }
    throw new Error(`slapd does not start:\n${log}`)
  }
  const stop = async (): Promise<void> => {
    const child = server
    server = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  t.teardown(stop)
  await start()
  const asAdmin = (program: string, input: string): void => {
    execFileSync(program, ['-x', '-H', url, '-D', ADMIN.dn, '-w', ADMIN.password], { input, stdio: ['pipe', 'pipe', 'pipe'] })
  }
  return {
    url, tlsUrl, ca: file('ca.pem'), start, stop,
    add: (more) => asAdmin('ldapadd', more.map(ldif).join('\n\n')),
    modify: (dn, changes) => asAdmin('ldapmodify', `dn:: ${base64(dn)}\nchangetype: modify\n${Object.entries(changes).map(([name, values]) => [`replace: ${name}`, ...values.map((value) => `${name}:: ${base64(value)}`), '-'].join('\n')).join('\n')}\n`),
    remove: (dns) => asAdmin('ldapdelete', `${dns.join('\n')}\n`),
  }
}

/** A person of nordwind.example, as an inetOrgPerson that changed some time ago. */
export const person = (uid: string, givenName: string, surname: string, more: Readonly<Record<string, string | readonly string[]>> = {}): Entry => ({
  dn: `uid=${uid},ou=people,${BASE}`, objectClass: 'inetOrgPerson', uid, cn: `${givenName} ${surname}`, sn: surname, givenName, displayName: `${givenName} ${surname}`, mail: `${uid}@nordwind.example`,
  createTimestamp: '20260105080000Z', modifyTimestamp: '20260105080000Z', ...more,
})

/** So many people with numbers for names: `crew007@nordwind.example`. */
export const crew = (count: number): readonly Entry[] =>
  Array.from({ length: count }, (_, at) => {
    const number = String(at).padStart(3, '0')
    return person(`crew${number}`, 'Crew', `Member ${number}`, { telephoneNumber: `+49 431 1${number}`, title: 'Sailor' })
  })
