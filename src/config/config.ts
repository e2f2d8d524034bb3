import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { Type, type Static } from 'typebox'
import { findLdapFaults, ldapSettings } from './ldap.ts'

const HOST_AND_PORT = '(\\[[0-9a-fA-F:]+\\]|[A-Za-z0-9.-]+):(6553[0-5]|655[0-2]\\d|65[0-4]\\d\\d|6[0-4]\\d{3}|[1-5]\\d{4}|\\d{1,4})'
/** Over HTTP, or in datagrams to the Management Interface of an OpenSIPS. */
const ProxyUrl = Type.String({ pattern: `^(http://[^\\s]+|udp://${HOST_AND_PORT})$` })

/** How one proxy is reached and known. */
const Proxy = Type.Object({
  kind: Type.Union([Type.Literal('kamailio'), Type.Literal('opensips'), Type.Literal('plain')]),
  secret: Type.String({ minLength: 16 }),
  notifyUrl: ProxyUrl,
  registeredUrl: Type.Optional(ProxyUrl),
}, { additionalProperties: false })

const ContainerNumber = Type.Integer({ minimum: 0, maximum: 32767 })
const Name = Type.String({ minLength: 1, maxLength: 128 })

/** One row of what the server computes; the shape is that of the aggregation plan. */
const PlanRow = Type.Object({
  computes: Type.Enum(['aggregateState', 'aggregateMachineState', 'services', 'workingHours', 'dndState']),
  from: Type.Object({ categories: Type.Array(Name, { minItems: 1 }), container: ContainerNumber }, { additionalProperties: false }),
  outputs: Type.Array(Type.Object({
    category: Name, container: ContainerNumber, shows: Type.Array(Type.Enum(['activity', 'location', 'meeting', 'lastActive', 'timeZone', 'device', 'preferredEndpoint'])),
  }, { additionalProperties: false }), { minItems: 1 }),
  keepsLastActive: Type.Optional(Type.Literal(true)),
}, { additionalProperties: false })

const Listen = Type.String({ pattern: `^${HOST_AND_PORT}$` })
const Seconds = Type.Integer({ minimum: 1, maximum: 86_400 })

/** Every setting with its environment variable (`env`), its default and its meaning; the README's table is checked against this. */
export const ConfigSchema = Type.Object({
  databaseUrl: Type.Optional(Type.String({ pattern: '^postgres(ql)?://', env: 'PRESENTIA_DATABASE_URL', description: 'PostgreSQL URL; `DATABASE_URL` is read when it is not set. Without either the embedded database is used.' })),
  dataDir: Type.String({ minLength: 1, default: '.presentia', env: 'PRESENTIA_DATA_DIR', description: 'Directory of the embedded database and of generated secrets.' }),
  databasePool: Type.Integer({ minimum: 2, maximum: 100, default: 8, env: 'PRESENTIA_DATABASE_POOL', description: 'Connections to PostgreSQL.' }),
  proxyListen: Type.String({ ...Listen, default: '127.0.0.1:8060', env: 'PRESENTIA_PROXY_LISTEN', description: 'Where proxies reach the engine.' }),
  adminListen: Type.String({ ...Listen, default: '127.0.0.1:8061', env: 'PRESENTIA_ADMIN_LISTEN', description: 'Where operators reach the engine.' }),
  adminKey: Type.Optional(Type.String({ minLength: 16, pattern: '^[A-Za-z0-9._~+/=-]+$', env: 'PRESENTIA_ADMIN_KEY', description: 'Bearer key of the admin API: letters, digits and `._~+/=-`. Without it one is generated and kept in the data directory.' })),
  proxies: Type.Record(Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }), Proxy, { additionalProperties: false, default: {}, env: 'PRESENTIA_PROXIES', description: 'JSON: proxy id to `{"kind":"kamailio","secret":"…","notifyUrl":"http://…/v1/notify"}`; `"registeredUrl"` where registrations are asked for elsewhere than beside it, at `registered`. Kind `opensips` has `"notifyUrl":"udp://host:port"` (or `http://`) of its Management Interface; kind `plain` is any other proxy. Without it one proxy `kam1` with a generated secret is assumed on 127.0.0.1:8000.' }),
  serverName: Type.String({ pattern: '^[A-Za-z0-9.-]{1,128}$', default: 'presentia', env: 'PRESENTIA_SERVER_NAME', description: 'Name of this server in ms-diagnostics.' }),
  requireAuthenticatedUser: Type.Boolean({ default: false, env: 'PRESENTIA_REQUIRE_AUTHENTICATED_USER', description: 'Refuse requests for which the proxy names no authenticated user.' }),
  createUsersOnRegister: Type.Boolean({ default: false, env: 'PRESENTIA_CREATE_USERS_ON_REGISTER', description: 'Create users of enterprise domains at their first registration.' }),
  openCategories: Type.Boolean({ default: false, env: 'PRESENTIA_OPEN_CATEGORIES', description: 'Take publications of category names that are not registered.' }),
  serverPublications: Type.Boolean({ default: true, env: 'PRESENTIA_SERVER_PUBLICATIONS', description: 'Publish what is known of users (contactCard, legacyInterop in 32000, userProperties in 1). What was published stays when it is switched off.' }),
  serverPublicationMs: Type.Integer({ minimum: 1_000, maximum: 604_800_000, default: 43_200_000, env: 'PRESENTIA_SERVER_PUBLICATION_MS', description: 'Period of the server publication timer, which looks at all users and puts right what differs, in milliseconds. Changes of users do not wait for it.' }),
  legacyPresence: Type.Boolean({ default: true, env: 'PRESENTIA_LEGACY_PRESENCE', description: 'Take setPresence and getPresence of clients before enhanced presence.' }),
  adhocLists: Type.Boolean({ default: true, env: 'PRESENTIA_ADHOC_LISTS', description: 'Take SUBSCRIBEs of clients before enhanced presence to many contacts at once (`application/adrl+xml`); without it they subscribe one by one.' }),
  resourceLists: Type.Boolean({ default: true, env: 'PRESENTIA_RESOURCE_LISTS', description: 'Take SUBSCRIBEs of ordinary phones to lists of users (RFC 4662): those that they bring along (RFC 5367), and those that are stored here.' }),
  accessLists: Type.Boolean({ default: true, env: 'PRESENTIA_ACCESS_LISTS', description: 'Serve access lists (`vnd-microsoft-roaming-ACL`, setACE) and `presence.wpending` to clients before enhanced presence.' }),
  watcherInfo: Type.Boolean({ default: true, env: 'PRESENTIA_WATCHER_INFO', description: 'Tell users who watches them (`presence.winfo`).' }),
  watcherWait: Type.Integer({ minimum: 0, maximum: 31_536_000, default: 604_800, env: 'PRESENTIA_WATCHER_WAIT', description: 'How long `presence.winfo` shows somebody as waiting whose subscription is over and of whom nothing was decided, in seconds. 0: not at all.' }),
  directorySearch: Type.Boolean({ default: true, env: 'PRESENTIA_DIRECTORY_SEARCH', description: 'Take SERVICE requests that search for users (directorySearch).' }),
  directorySearchMax: Type.Integer({ minimum: 1, maximum: 1_000, default: 100, env: 'PRESENTIA_DIRECTORY_SEARCH_MAX', description: 'The most users that one search finds; the client may ask for fewer.' }),
  unregisteredPhones: Type.Boolean({ default: true, env: 'PRESENTIA_UNREGISTERED_PHONES', description: 'Let users whom their proxy has authenticated watch presence in PIDF without being registered, as RFC 3856 has it.' }),
  contactStore: Type.Boolean({ default: false, env: 'PRESENTIA_CONTACT_STORE', description: 'Let contact lists be moved to a store elsewhere (unified contact store).' }),
  publish: Type.Boolean({ default: true, env: 'PRESENTIA_PUBLISH', description: 'Take PUBLISH requests of ordinary phones (RFC 3903).' }),
  contactStoreKind: Type.Enum(['file', 'http'], { default: 'file', env: 'PRESENTIA_CONTACT_STORE_KIND', description: 'What that store is: `file`, a directory of JSON files; `http`, a service that takes and gives JSON.' }),
  contactStoreDir: Type.Optional(Type.String({ minLength: 1, env: 'PRESENTIA_CONTACT_STORE_DIR', description: 'Directory of the store of kind `file`; all engines must share it. Without it `contact-store` in the data directory.' })),
  contactStoreUrl: Type.Optional(Type.String({ pattern: '^https?://[^\\s?#]+$', env: 'PRESENTIA_CONTACT_STORE_URL', description: 'URL of the store of kind `http`; the list of a user is at `URL/user@domain`.' })),
  contactStoreKey: Type.Optional(Type.String({ minLength: 1, pattern: '^[A-Za-z0-9._~+/=-]+$', env: 'PRESENTIA_CONTACT_STORE_KEY', description: 'Bearer key for that URL.' })),
  contactStoreTimeoutMs: Type.Integer({ minimum: 100, maximum: 30_000, default: 5_000, env: 'PRESENTIA_CONTACT_STORE_TIMEOUT_MS', description: 'How long that URL may take for one request, in milliseconds; what fails in passing is tried three times.' }),
  contactStoreWrites: Type.Enum(['refuse', 'proxy'], { default: 'refuse', env: 'PRESENTIA_CONTACT_STORE_WRITES', description: 'Changes of a contact list that has moved: `refuse` them, or `proxy` them to the store, behind the answer.' }),
  contactStoreRefreshMs: Type.Integer({ minimum: 1_000, maximum: 86_400_000, default: 60_000, env: 'PRESENTIA_CONTACT_STORE_REFRESH_MS', description: 'How old the copy of a contact list may be that has moved and is watched here, in milliseconds.' }),
  ...ldapSettings,
  lostConnectionGraceMs: Type.Integer({ minimum: 0, maximum: 600_000, default: 5_000, env: 'PRESENTIA_LOST_CONNECTION_GRACE_MS', description: 'How long an endpoint may be without its connection before it counts as gone, in milliseconds.' }),
  phoneNotifyGapMs: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 5_000, env: 'PRESENTIA_PHONE_NOTIFY_GAP_MS', description: 'Least time between two changes of a user that a watcher of PIDF is told of, in milliseconds; what happens meanwhile is told together. 0 tells each at once.' }),
  flowWaitMs: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 30_000, env: 'PRESENTIA_FLOW_WAIT_MS', description: 'How long a subscription whose connection is gone waits for the next connection of its endpoint before it ends, in milliseconds.' }),
  reconcileMs: Type.Integer({ minimum: 0, maximum: 86_400_000, default: 60_000, env: 'PRESENTIA_RECONCILE_MS', description: 'Period of comparing the registered endpoints with the registrars of the proxies, in milliseconds; at the start of an engine too. 0 switches it off.' }),
  reconcileGraceMs: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 120_000, env: 'PRESENTIA_RECONCILE_GRACE_MS', description: 'How long an endpoint that the registrar of its proxy does not hold may take to come back, in milliseconds, e.g. after a restart of the proxy; never shorter than for a lost connection. Longer than the period, it must be missing twice to go.' }),
  conflictLimit: Type.Integer({ minimum: 1, maximum: 10_000, default: 25, env: 'PRESENTIA_CONFLICT_LIMIT', description: 'Conflicts in a row of one endpoint on one instance within 10 seconds; beyond them it is told to pause.' }),
  unknownDomain: Type.Enum(['federated', 'publicCloud', 'blocked'], { default: 'federated', env: 'PRESENTIA_UNKNOWN_DOMAIN', description: 'What a domain counts as that is not in the domain table: federated, publicCloud or blocked.' }),
  subscriptionExpiresMin: Type.Integer({ ...Seconds, default: 60, env: 'PRESENTIA_SUBSCRIPTION_EXPIRES_MIN', description: 'Shortest life of a subscription, in seconds; shorter wishes get 423.' }),
  subscriptionExpiresDefault: Type.Integer({ ...Seconds, default: 28_800, env: 'PRESENTIA_SUBSCRIPTION_EXPIRES_DEFAULT', description: 'Life of a subscription without a wish, in seconds; spread downwards by up to a quarter.' }),
  subscriptionExpiresMax: Type.Integer({ ...Seconds, default: 43_200, env: 'PRESENTIA_SUBSCRIPTION_EXPIRES_MAX', description: 'Longest life of a subscription, in seconds.' }),
  publishExpiresMin: Type.Integer({ ...Seconds, default: 60, env: 'PRESENTIA_PUBLISH_EXPIRES_MIN', description: 'Shortest life of what a phone publishes by PUBLISH, in seconds; shorter wishes get 423.' }),
  publishExpiresDefault: Type.Integer({ ...Seconds, default: 3_600, env: 'PRESENTIA_PUBLISH_EXPIRES_DEFAULT', description: 'Life of what a phone publishes by PUBLISH without a wish, in seconds.' }),
  publishExpiresMax: Type.Integer({ ...Seconds, default: 7_200, env: 'PRESENTIA_PUBLISH_EXPIRES_MAX', description: 'Longest life of what a phone publishes by PUBLISH without a refresh, in seconds.' }),
  maxPublishBytes: Type.Integer({ minimum: 1_000, maximum: 262_144, default: 16_384, env: 'PRESENTIA_MAX_PUBLISH_BYTES', description: 'Size of the document of one PUBLISH.' }),
  maxEventStates: Type.Integer({ minimum: 1, maximum: 1_000, default: 10, env: 'PRESENTIA_MAX_EVENT_STATES', description: 'Phones that publish by PUBLISH for one user at a time: its living entity tags.' }),
  maxContainerMembers: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1_000, env: 'PRESENTIA_MAX_CONTAINER_MEMBERS', description: 'Container members of one publisher, all containers together.' }),
  maxSubscribers: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 200, env: 'PRESENTIA_MAX_SUBSCRIBERS', description: 'Entries on the subscriber list of one publisher: those who asked to be known to it and are not acknowledged yet.' }),
  maxContextBytes: Type.Integer({ minimum: 0, maximum: 65_536, default: 4_096, env: 'PRESENTIA_MAX_CONTEXT_BYTES', description: 'Size of the context that one subscriber may leave with a publisher.' }),
  maxContextsBytes: Type.Integer({ minimum: 0, maximum: 16_777_216, default: 65_536, env: 'PRESENTIA_MAX_CONTEXTS_BYTES', description: 'Size of all contexts with one publisher together.' }),
  maxDelegates: Type.Integer({ minimum: 0, maximum: 10_000, default: 25, env: 'PRESENTIA_MAX_DELEGATES', description: 'Delegates of one user.' }),
  maxContacts: Type.Integer({ minimum: 1, maximum: 100_000, default: 1_000, env: 'PRESENTIA_MAX_CONTACTS', description: 'Contacts on the contact list of one user.' }),
  maxGroups: Type.Integer({ minimum: 1, maximum: 63, default: 63, env: 'PRESENTIA_MAX_GROUPS', description: 'Groups of the contact list of one user.' }),
  maxAccessEntries: Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000, env: 'PRESENTIA_MAX_ACCESS_ENTRIES', description: 'Entries of the access list of one user. Users and domains that are blocked by containers count.' }),
  maxIncoming: Type.Integer({ minimum: 1, maximum: 10_000_000, default: 20_000, env: 'PRESENTIA_MAX_INCOMING_SUBSCRIPTIONS', description: 'Category subscriptions of others to one publisher.' }),
  maxDialogsPerPair: Type.Integer({ minimum: 1, maximum: 10_000, default: 20, env: 'PRESENTIA_MAX_DIALOGS_PER_PAIR', description: 'Dialogs through which one subscriber may watch one publisher. The batch subscriptions and lists of registered endpoints do not count: each endpoint has one of either. Of lists by RFC 4662 one subscriber may have as many, whomever they name.' }),
  aggregation: Type.Optional(Type.Array(PlanRow, { env: 'PRESENTIA_AGGREGATION', description: 'JSON: what the server computes from publications (MS-PRES 3.8), row by row `{"computes":…,"from":{"categories":[…],"container":…},"outputs":[{"category":…,"container":…,"shows":[…]}]}`. Without it the tables of the specification; `[]` computes nothing.' })),
  resolveMemberDomains: Type.Boolean({ default: false, env: 'PRESENTIA_RESOLVE_MEMBER_DOMAINS', description: 'Refuse container members of type domain whose name certainly resolves to no address. The name service has a quarter of a second; what it does not know by then passes.' }),
  maxPublisherBytes: Type.Integer({ minimum: 10_000, maximum: 16_777_216, default: 350_000, env: 'PRESENTIA_MAX_PUBLISHER_BYTES', description: 'Size of all publications of one user together, each counted with 256 bytes more than its data. A self subscription shows all of them in one message, which the proxy must be able to carry.' }),
  maxAnswerBytes: Type.Integer({ minimum: 10_000, maximum: 16_777_216, default: 400_000, env: 'PRESENTIA_MAX_ANSWER_BYTES', description: 'Size of the answer to a subscription to many contacts; those that do not fit in are told in notifications right after. Below what the proxy carries (512 KB in our kamailio.cfg).' }),
  maxResourcesPerDialog: Type.Integer({ minimum: 1, maximum: 100_000, default: 1_000, env: 'PRESENTIA_MAX_RESOURCES_PER_DIALOG', description: 'Contacts that one category subscription, or one list of an older client, may watch.' }),
  maxCategoriesPerRequest: Type.Integer({ minimum: 1, maximum: 1_000, default: 64, env: 'PRESENTIA_MAX_CATEGORIES_PER_REQUEST', description: 'Categories of one contact in one category subscription.' }),
  userRate: Type.Integer({ minimum: 0, maximum: 1_000_000, default: 500, env: 'PRESENTIA_USER_RATE', description: 'Requests per second of one user that each engine takes in the long run: a guard against clients that run away, no quota. 0 sets no limit.' }),
  userBurst: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 5_000, env: 'PRESENTIA_USER_BURST', description: 'Requests of one user at once, after a pause.' }),
  maxInFlight: Type.Integer({ minimum: 1, maximum: 100_000, default: 256, env: 'PRESENTIA_MAX_IN_FLIGHT', description: 'Requests worked on at a time; beyond them new ones are refused with 503, refreshes and cancels beyond half as many more, events of proxies beyond three times as many.' }),
  maxDatabaseWaitMs: Type.Integer({ minimum: 10, maximum: 60_000, default: 1_000, env: 'PRESENTIA_MAX_DATABASE_WAIT_MS', description: 'How long requests may wait for their turn at the database before new ones are refused in the same way, in milliseconds.' }),
  maxEventLoopDelayMs: Type.Integer({ minimum: 10, maximum: 60_000, default: 500, env: 'PRESENTIA_MAX_EVENT_LOOP_DELAY_MS', description: 'By how much the event loop may be late for a second before new requests are refused in the same way, in milliseconds.' }),
  cleanupMs: Type.Integer({ minimum: 50, maximum: 600_000, default: 1_000, env: 'PRESENTIA_CLEANUP_MS', description: 'Period of the cleanup timers (publications, endpoints, subscriptions), in milliseconds.' }),
  notifyTimeoutMs: Type.Integer({ minimum: 100, maximum: 60_000, default: 3_000, env: 'PRESENTIA_NOTIFY_TIMEOUT_MS', description: 'How long a proxy may take to accept a batch of notifications, in milliseconds.' }),
  logLevel: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], { default: 'info', env: 'PRESENTIA_LOG_LEVEL', description: 'fatal, error, warn, info, debug or silent.' }),
}, { additionalProperties: false })

export type Config = Readonly<Static<typeof ConfigSchema>>

/** The environment is not usable; `faults` lists everything that is wrong with it, one sentence each. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(`the configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

interface Setting {
  readonly type?: string
  readonly env: string
  readonly default?: unknown
  readonly description: string
}

/** The settings in the order of the schema. */
export const settings: readonly (Setting & { readonly key: string })[] = Object.entries(ConfigSchema.properties).map(([key, schema]) => ({ ...(schema as unknown as Setting), key }))

/** Text of the environment to the value that its schema wants; what does not fit stays text, for the schema to refuse. */
const convert = ({ type }: Setting, text: string): unknown => {
  if (type === 'integer') return /^-?\d+$/.test(text) ? Number(text) : text
  if (type === 'boolean') return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text
  if (type !== 'object' && type !== 'array') return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

const readText = (environment: NodeJS.ProcessEnv, { env, key }: Setting & { key: string }): string | undefined => {
  // Secrets may come as files (NAME_FILE), as container platforms hand them out.
  const file = environment[`${env}_FILE`]
  if (file !== undefined && file !== '') return readFileSync(file, 'utf8').trim()
  // Empty is not set.
  return environment[env] || (key === 'databaseUrl' ? environment['DATABASE_URL'] : undefined) || undefined
}

/** Variables with our prefix that are no settings of the engine: most likely misspelt, or meant for the proxy. */
export const findUnknownSettings = (environment: NodeJS.ProcessEnv): readonly string[] => {
  const known = new Set(settings.flatMap(({ env }) => [env, `${env}_FILE`]))
  return Object.keys(environment).filter((name) => name.startsWith('PRESENTIA_') && !known.has(name))
}

/** Two rows must not publish in the same place: each would undo the other. The aggregate of machine states has an instance of its own there. */
const findSharedOutputs = ({ aggregation = [] }: Config): readonly string[] => {
  const places = aggregation.flatMap(({ computes, outputs }) => outputs.map(({ category, container }) => `${category} in container ${container}${computes === 'aggregateMachineState' ? ' (machine states)' : ''}`))
  return places.filter((place, at) => places.indexOf(place) !== at).map((place) => `PRESENTIA_AGGREGATION publishes ${place} twice`)
}

/** Datagrams are for OpenSIPS only. */
const findUnfitUrls = ({ proxies }: Config): readonly string[] =>
  Object.entries(proxies).flatMap(([id, { kind, notifyUrl, registeredUrl }]) =>
    (kind === 'opensips' ? [] : Object.entries({ notifyUrl, registeredUrl }).flatMap(([name, url]) => (url?.startsWith('udp:') === true ? [`PRESENTIA_PROXIES (${id}.${name}) must begin with http:// for kind ${kind}`] : []))))

/** A shorter period would have the proxies do nothing else. */
const SHORTEST_RECONCILE_MS = 200

const validate = new Ajv({ allErrors: true, strict: false }).compile<Config>(ConfigSchema)

/** Reads the configuration from the environment; throws ConfigError with every fault at once. Values of secrets are never named. */
export const readConfig = (environment: NodeJS.ProcessEnv): Config => {
  const values: Record<string, unknown> = {}
  const faults: string[] = []
  for (const setting of settings) {
    try {
      const text = readText(environment, setting)
      if (text !== undefined) values[setting.key] = convert(setting, text)
      else if (setting.default !== undefined) values[setting.key] = setting.default
    } catch (error) {
      faults.push(`${setting.env}_FILE cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  if (!validate(values)) {
    for (const { instancePath, message } of validate.errors ?? []) {
      const [, key = '', ...rest] = instancePath.split('/')
      const setting = settings.find((candidate) => candidate.key === key)
      faults.push(`${setting?.env ?? key}${rest.length > 0 ? ` (${rest.join('.')})` : ''} ${message ?? 'is not valid'}`)
    }
  }
  const config = values as Config
  if (faults.length === 0 && config.reconcileMs > 0 && config.reconcileMs < SHORTEST_RECONCILE_MS) faults.push(`PRESENTIA_RECONCILE_MS must be 0 or at least ${SHORTEST_RECONCILE_MS}`)
  if (faults.length === 0 && config.subscriptionExpiresMin > config.subscriptionExpiresMax) faults.push('PRESENTIA_SUBSCRIPTION_EXPIRES_MIN is above PRESENTIA_SUBSCRIPTION_EXPIRES_MAX')
  if (faults.length === 0 && config.publishExpiresMin > config.publishExpiresMax) faults.push('PRESENTIA_PUBLISH_EXPIRES_MIN is above PRESENTIA_PUBLISH_EXPIRES_MAX')
  if (faults.length === 0 && config.contactStore && config.contactStoreKind === 'http' && config.contactStoreUrl === undefined) faults.push('PRESENTIA_CONTACT_STORE_URL is missing for PRESENTIA_CONTACT_STORE_KIND http')
  if (faults.length === 0) faults.push(...findSharedOutputs(config), ...findLdapFaults(config), ...findUnfitUrls(config))
  if (faults.length > 0) throw new ConfigError([...new Set(faults)])
  return Object.freeze(config)
}
