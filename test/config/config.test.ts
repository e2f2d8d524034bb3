import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, ConfigSchema, findUnknownSettings, readConfig, settings } from '../../src/config/config.ts'
import { keepSecret } from '../../src/config/secrets.ts'
import { defaultPlan } from '../../src/core/aggregation/plan.ts'

const faultsOf = (environment: NodeJS.ProcessEnv): readonly string[] => {
  try {
    readConfig(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
}

const proxies = (change: object = {}): string => JSON.stringify({ kam1: { kind: 'kamailio', secret: 'a-secret-of-16-chars', notifyUrl: 'http://127.0.0.1:8000/v1/notify', ...change } })

t.test('an empty environment is enough', async (t) => {
  const config = readConfig({})
  t.equal(config.databaseUrl, undefined)
  t.match(config, {
    dataDir: '.presentia', proxyListen: '127.0.0.1:8060', adminListen: '127.0.0.1:8061', proxies: {}, requireAuthenticatedUser: false, createUsersOnRegister: false, unknownDomain: 'federated',
    subscriptionExpiresMin: 60, subscriptionExpiresMax: 43_200, logLevel: 'info',
  })
  t.ok(Object.isFrozen(config))
  t.strictSame(readConfig(Object.fromEntries(settings.map(({ env }) => [env, '']))), config, 'empty is not set')
})

t.test('every setting has its variable, a meaning, and a default where it is not optional', async (t) => {
  const required: readonly string[] = ConfigSchema.required
  t.equal(new Set(settings.map(({ env }) => env)).size, settings.length)
  for (const { key, env, description, default: standard } of settings) {
    t.match(env, /^PRESENTIA_[A-Z_]+$/, key)
    t.match(description, /\.$/, key)
    t.equal(standard !== undefined, required.includes(key), key)
  }
})

t.test('texts become what their setting is', async (t) => {
  const config = readConfig({
    PRESENTIA_DATABASE_POOL: '12', PRESENTIA_REQUIRE_AUTHENTICATED_USER: 'true', PRESENTIA_CREATE_USERS_ON_REGISTER: '1', PRESENTIA_PROXIES: proxies(), PRESENTIA_PROXY_LISTEN: '[::1]:9000',
    PRESENTIA_ADMIN_LISTEN: 'host-1.example:80', PRESENTIA_UNKNOWN_DOMAIN: 'blocked', PRESENTIA_LOG_LEVEL: 'silent', PRESENTIA_ADMIN_KEY: '0123456789abcdef',
  })
  t.match(config, { databasePool: 12, requireAuthenticatedUser: true, createUsersOnRegister: true, proxyListen: '[::1]:9000', adminListen: 'host-1.example:80', unknownDomain: 'blocked', logLevel: 'silent', adminKey: '0123456789abcdef' })
  t.strictSame(config.proxies['kam1'], { kind: 'kamailio', secret: 'a-secret-of-16-chars', notifyUrl: 'http://127.0.0.1:8000/v1/notify' })
  for (const urls of [{ notifyUrl: 'udp://[::1]:8080', registeredUrl: 'http://127.0.0.1:8888/mi' }, { notifyUrl: 'http://127.0.0.1:8888/mi' }, { notifyUrl: 'udp://proxy.example:65535', registeredUrl: 'udp://127.0.0.1:1' }]) {
    t.match(readConfig({ PRESENTIA_PROXIES: proxies({ kind: 'opensips', ...urls }) }).proxies['kam1'], { kind: 'opensips', ...urls })
  }
  t.strictSame(faultsOf({ PRESENTIA_PROXIES: proxies({ notifyUrl: 'udp://127.0.0.1:8080', registeredUrl: 'udp://127.0.0.1:8081' }) }), ['PRESENTIA_PROXIES (kam1.notifyUrl) must begin with http:// for kind kamailio', 'PRESENTIA_PROXIES (kam1.registeredUrl) must begin with http:// for kind kamailio'])
  t.equal(readConfig({ PRESENTIA_CREATE_USERS_ON_REGISTER: 'false' }).createUsersOnRegister, false)
})

t.test('all faults at once, each with its variable, and no secret in them', async (t) => {
  const environment = {
    PRESENTIA_DATABASE_URL: 'mysql://user:hidden-one@host/db', PRESENTIA_DATABASE_POOL: '1.5', PRESENTIA_ADMIN_KEY: 'hidden-two', PRESENTIA_PROXIES: proxies({ kind: 'asterisk', secret: 'hidden-three', port: 1 }),
    PRESENTIA_REQUIRE_AUTHENTICATED_USER: 'yes', PRESENTIA_PROXY_LISTEN: '8060', PRESENTIA_CLEANUP_MS: '1', PRESENTIA_LOG_LEVEL: 'loud', PRESENTIA_SERVER_NAME: 'a"b', PRESENTIA_SUBSCRIPTION_EXPIRES_MAX: '86401',
  }
  const faults = faultsOf(environment)
  for (const name of Object.keys(environment)) t.ok(faults.some((fault) => fault.startsWith(name)), name)
  t.ok(faults.some((fault) => /^PRESENTIA_PROXIES \(kam1\.secret\)/.test(fault)), faults.join('\n'))
  t.notMatch(faults.join('\n'), /hidden/)
  t.throws(() => readConfig(environment), { message: new RegExp(`^the configuration has ${faults.length} faults:\n  - `) })
})

t.test('single faults', async (t) => {
  for (const [name, ...values] of [
    ['PRESENTIA_DATABASE_POOL', '1', '101', 'x', '-2', '1e1', ' '], ['PRESENTIA_PROXY_LISTEN', 'x', ':80', 'a b:80', 'http://x:80', '1.2.3.4:', '127.0.0.1:123456'],
    ['PRESENTIA_PROXIES', '{', '[]', '5', '{"a b":{}}', '{"k":{}}', proxies({ notifyUrl: 'https://x/' }), proxies({ notifyUrl: 'http://a b' }), proxies({ secret: 'short' }), proxies({ registeredUrl: '/v1/registered' }), proxies({ notifyUrl: 'udp://127.0.0.1:8080' }), proxies({ kind: 'plain', registeredUrl: 'udp://127.0.0.1:8080' }), proxies({ kind: 'opensips', notifyUrl: 'udp://127.0.0.1' }), proxies({ kind: 'opensips', notifyUrl: 'udp://127.0.0.1:65536' }), proxies({ kind: 'opensips', notifyUrl: 'udp://127.0.0.1:8080/mi' }), '{"__proto__":5}'],
    ['PRESENTIA_UNKNOWN_DOMAIN', 'enterprise', 'Federated'], ['PRESENTIA_CREATE_USERS_ON_REGISTER', 'TRUE', '2'], ['PRESENTIA_ADMIN_KEY', 'short'], ['PRESENTIA_SUBSCRIPTION_EXPIRES_MIN', '0'],
    ['PRESENTIA_CONTACT_STORE_KIND', 'ftp', 'File'], ['PRESENTIA_CONTACT_STORE_URL', 'ftp://x', 'http://x y', 'http://x?a', 'http://x#a', 'x'], ['PRESENTIA_CONTACT_STORE_KEY', 'a b', 'ü'], ['PRESENTIA_CONTACT_STORE_WRITES', 'maybe'],
    ['PRESENTIA_CONTACT_STORE_TIMEOUT_MS', '99', '30001'], ['PRESENTIA_CONTACT_STORE_REFRESH_MS', '999'],
    ['PRESENTIA_RECONCILE_MS', '1', '199', '-1'], ['PRESENTIA_RECONCILE_GRACE_MS', '-1'],
  ] as const) for (const value of values) t.ok(faultsOf({ [name]: value }).some((fault) => fault.startsWith(name)), `${name}=${value}`)
  t.strictSame(faultsOf({ PRESENTIA_SUBSCRIPTION_EXPIRES_MIN: '600', PRESENTIA_SUBSCRIPTION_EXPIRES_MAX: '300', PRESENTIA_SUBSCRIPTION_EXPIRES_DEFAULT: '300' }), ['PRESENTIA_SUBSCRIPTION_EXPIRES_MIN is above PRESENTIA_SUBSCRIPTION_EXPIRES_MAX'])
  t.strictSame(faultsOf({ PRESENTIA_CONTACT_STORE: 'true', PRESENTIA_CONTACT_STORE_KIND: 'http' }), ['PRESENTIA_CONTACT_STORE_URL is missing for PRESENTIA_CONTACT_STORE_KIND http'])
  for (const settings of [{ PRESENTIA_CONTACT_STORE: 'true' }, { PRESENTIA_CONTACT_STORE_KIND: 'http' }, { PRESENTIA_CONTACT_STORE: 'true', PRESENTIA_CONTACT_STORE_KIND: 'http', PRESENTIA_CONTACT_STORE_URL: 'https://mail.example/lists' }]) t.strictSame(faultsOf(settings), [])
})

t.test('PRESENTIA_AGGREGATION: what the server computes, row by row, judged as a whole', async (t) => {
  const row = (change: object = {}): object => ({ computes: 'aggregateState', from: { categories: ['state'], container: 2 }, outputs: [{ category: 'state', container: 200, shows: ['activity'] }], ...change })
  const set = (rows: unknown): string => JSON.stringify(rows)
  t.equal(readConfig({}).aggregation, undefined, 'without it the plan of the specification')
  t.strictSame(readConfig({ PRESENTIA_AGGREGATION: '[]' }).aggregation, [], 'nothing')
  t.strictSame(readConfig({ PRESENTIA_AGGREGATION: set(defaultPlan) }).aggregation, defaultPlan)
  const rows = [row({ keepsLastActive: true }), row({ computes: 'services', from: { categories: ['device', 'state'], container: 32767 }, outputs: [{ category: 'services', container: 0, shows: [] }] })]
  t.strictSame(readConfig({ PRESENTIA_AGGREGATION: set(rows) }).aggregation, rows)
  for (const [name, rows, place] of [
    ['a function that there is not', [row({ computes: 'astrology' })], '0.computes'], ['no function', [row({ computes: undefined })], '0'], ['a container that cannot be', [row(), row({ from: { categories: ['state'], container: 32768 } })], '1.from.container'],
    ['no category', [row({ from: { categories: [], container: 2 } })], '0.from.categories'], ['an empty name', [row({ from: { categories: [''], container: 2 } })], '0.from.categories.0'], ['no output', [row({ outputs: [] })], '0.outputs'],
    ['a part that there is not', [row({ outputs: [{ category: 'state', container: 200, shows: ['mood'] }] })], '0.outputs.0.shows.0'], ['an output that does not say what it shows', [row({ outputs: [{ category: 'state', container: 200 }] })], '0.outputs.0'],
    ['a word too much', [row({ to: 5 })], '0'], ['not kept', [row({ keepsLastActive: false })], '0.keepsLastActive'], ['a container in words', [row({ from: { categories: ['state'], container: '2' } })], '0.from.container'],
  ] as const) t.ok(faultsOf({ PRESENTIA_AGGREGATION: set(rows) }).some((fault) => fault.startsWith(`PRESENTIA_AGGREGATION (${place}) `)), `${name}: ${faultsOf({ PRESENTIA_AGGREGATION: set(rows) }).join()}`)
  for (const value of ['{}', '5', 'default', '[', 'null']) t.ok(faultsOf({ PRESENTIA_AGGREGATION: value }).some((fault) => fault.startsWith('PRESENTIA_AGGREGATION ')), value)
  for (const twice of [[row(), row({ computes: 'dndState' })], [row({ outputs: Array(3).fill({ category: 'state', container: 200, shows: [] }) })]]) {
    t.strictSame(faultsOf({ PRESENTIA_AGGREGATION: set(twice) }), ['PRESENTIA_AGGREGATION publishes state in container 200 twice'])
  }
  t.strictSame(faultsOf({ PRESENTIA_AGGREGATION: set([row(), row({ computes: 'aggregateMachineState' })]) }), [], 'machine states have an instance of their own')
  t.equal(faultsOf({ PRESENTIA_AGGREGATION: set([row({ computes: 'x' }), row({ outputs: [] })]), PRESENTIA_DATABASE_POOL: '1' }).length, 3, 'all faults at once')
})

t.test('a port that no socket has is a fault of the configuration', async (t) => {
  t.ok(faultsOf({ PRESENTIA_PROXY_LISTEN: '127.0.0.1:65536' }).length > 0)
})

t.test('secrets come as files too', async (t) => {
  const folder = t.testdir({ key: 'key-from-a-file-1234\n', proxies: `${proxies()}\n`, url: 'postgres://u:p@h/d\n', short: 'hidden-four' })
  const config = readConfig({ PRESENTIA_ADMIN_KEY_FILE: join(folder, 'key'), PRESENTIA_PROXIES_FILE: join(folder, 'proxies'), PRESENTIA_DATABASE_URL_FILE: join(folder, 'url'), PRESENTIA_ADMIN_KEY: 'loses-to-the-file' })
  t.match(config, { adminKey: 'key-from-a-file-1234', databaseUrl: 'postgres://u:p@h/d', proxies: { kam1: { secret: 'a-secret-of-16-chars' } } })
  const faults = faultsOf({ PRESENTIA_ADMIN_KEY_FILE: join(folder, 'nowhere'), PRESENTIA_PROXIES_FILE: join(folder, 'short') })
  t.match(faults[0], /^PRESENTIA_ADMIN_KEY_FILE cannot be read: /)
  t.ok(faults.some((fault) => fault.startsWith('PRESENTIA_PROXIES')))
  t.notMatch(faults.join(), 'hidden')
})

t.test('DATABASE_URL serves where PRESENTIA_DATABASE_URL is not set', async (t) => {
  t.equal(readConfig({ DATABASE_URL: 'postgresql://a/b' }).databaseUrl, 'postgresql://a/b')
  t.equal(readConfig({ DATABASE_URL: 'postgresql://a/b', PRESENTIA_DATABASE_URL: 'postgres://c/d' }).databaseUrl, 'postgres://c/d')
  t.equal(readConfig({ DATABASE_URL: 'postgresql://a/b', PRESENTIA_DATABASE_URL: '' }).databaseUrl, 'postgresql://a/b', 'empty is not set')
  t.notMatch(faultsOf({ DATABASE_URL: 'hidden' }).join(), 'hidden')
})

t.test('misspelt settings are found', async (t) => {
  t.strictSame(findUnknownSettings({ PRESENTIA_ADMIN_KEY: 'x', PRESENTIA_ADMIN_KEY_FILE: 'x', PRESENTIA_ADMINKEY: 'x', PATH: '/bin' }), ['PRESENTIA_ADMINKEY'])
})

t.test('a generated secret is kept, and only its owner reads it', async (t) => {
  const folder = join(t.testdir({}), 'deep', 'er')
  const secret = keepSecret(folder, 'admin.key')
  t.match(secret, /^[A-Za-z0-9_-]{32}$/)
  t.equal(keepSecret(folder, 'admin.key'), secret)
  t.not(keepSecret(folder, 'proxy.secret'), secret)
  t.equal(statSync(join(folder, 'admin.key')).mode & 0o777, 0o600)
  t.equal(readFileSync(join(folder, 'admin.key'), 'utf8'), `${secret}\n`)
  writeFileSync(join(folder, 'admin.key'), 'chosen-by-the-operator\n')
  chmodSync(join(folder, 'admin.key'), 0o600)
  t.equal(keepSecret(folder, 'admin.key'), 'chosen-by-the-operator')
})

t.test('PRESENTIA_LDAP_…: what does not fit together, all at once', async (t) => {
  const server = { PRESENTIA_LDAP_URL: 'ldap://ldap.example', PRESENTIA_LDAP_BASE_DN: 'dc=example' }
  t.match(readConfig({ ...server, PRESENTIA_LDAP_ATTRIBUTES: '{"address":["sipAddress"],"title":[]}', PRESENTIA_LDAP_USER_FILTER: '(&(uid=*)(!(ou=ex)))' }), { ldapKind: 'generic', ldapSyncMs: 0, ldapGone: 'keep', ldapAttributes: { address: ['sipAddress'], title: [] } })
  for (const [change, fault] of [
    [{ PRESENTIA_LDAP_BASE_DN: '' }, 'PRESENTIA_LDAP_BASE_DN is needed with PRESENTIA_LDAP_URL'], [{ PRESENTIA_LDAP_URL: '' }, 'PRESENTIA_LDAP_BASE_DN is of no use without PRESENTIA_LDAP_URL'],
    [{ PRESENTIA_LDAP_BIND_DN: 'cn=x' }, 'PRESENTIA_LDAP_PASSWORD is needed with PRESENTIA_LDAP_BIND_DN'], [{ PRESENTIA_LDAP_PASSWORD: 'hidden' }, 'PRESENTIA_LDAP_BIND_DN is needed with PRESENTIA_LDAP_PASSWORD'],
    [{ PRESENTIA_LDAP_URL: 'ldaps://ldap.example:636', PRESENTIA_LDAP_START_TLS: 'true' }, 'PRESENTIA_LDAP_START_TLS is for ldap:// only: ldaps:// is TLS from the beginning'],
    [{ PRESENTIA_LDAP_SYNC_MS: '10' }, 'PRESENTIA_LDAP_SYNC_MS must be 0 or at least 1000'],
    ...['(uid=*', 'uid=*)', '((uid=*))(', '(&)x', 'nonsense', '(uid=\\x)'].map((filter) => [{ PRESENTIA_LDAP_USER_FILTER: filter }, 'PRESENTIA_LDAP_USER_FILTER is not an LDAP filter'] as const),
  ] as const) t.strictSame(faultsOf({ ...server, ...change }), [fault], JSON.stringify(change))
  for (const [name, ...values] of [
    ['PRESENTIA_LDAP_URL', 'http://x', 'ldap://', 'ldap://a b', 'ldap://u:p@x', 'ldap://x/dc=y', 'ldap.example'], ['PRESENTIA_LDAP_KIND', 'openldap'], ['PRESENTIA_LDAP_CA', 'ca.pem'], ['PRESENTIA_LDAP_GONE', 'disable'], ['PRESENTIA_LDAP_GONE_MAX_PERCENT', '0', '101'],
    ['PRESENTIA_LDAP_ATTRIBUTES', '{', '[]', '{"address":[]}', '{"title":["a b"]}', '{"title":["a)(b"]}', '{"titel":["a"]}', '{"title":"a"}'], ['PRESENTIA_LDAP_TIMEOUT_MS', '1'],
  ] as const) for (const value of values) t.ok(faultsOf({ ...server, [name]: value }).some((fault) => fault.startsWith(name)), `${name}=${value}`)
})
