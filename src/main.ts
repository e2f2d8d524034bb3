import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Config } from './config/config.ts'
import { keepSecret } from './config/secrets.ts'
import { defaultPlan } from './core/aggregation/plan.ts'
import { createFileStore } from './contact-store/file-store.ts'
import { createHttpStore } from './contact-store/http-store.ts'
import type { ContactStore } from './core/model/contact-store.ts'
import { createClient, createRegistrar } from './delivery/clients.ts'
import { createDelivery } from './delivery/delivery.ts'
import { createProxies } from './delivery/proxies.ts'
import { createSendBehind } from './delivery/send-behind.ts'
import { createChance, createRandomHex } from './engine/chance.ts'
import { openLdap, type Ldap } from './ldap/open-ldap.ts'
import { createCategoryDirectory } from './engine/category-directory.ts'
import { createConflictGuard } from './engine/conflict-guard.ts'
import type { EngineDeps, Features } from './engine/deps.ts'
import { createDirectory } from './engine/directory.ts'
import { createDirectoryFeed } from './engine/directory-feed.ts'
import { forgetDirectoryRound, publishDirectories } from './engine/directory-publish.ts'
import { fillDirectory } from './engine/directory-round.ts'
import { createDomainDirectory } from './engine/domain-directory.ts'
import { enforceRights } from './engine/enforce-rights.ts'
import { anyDomain, createMemberDomains } from './engine/member-domains.ts'
import { hasAddress } from './engine/name-service.ts'
import { moveContactLists, type MoveDeps } from './engine/move-contacts.ts'
import { createPresenceTerms } from './engine/presence-terms.ts'
import { createProvisioningDirectory } from './engine/provisioning-directory.ts'
import { createReconciliation } from './engine/reconciliation.ts'
import { createRateGuard } from './engine/rate-guard.ts'
import { handleFailedNotify, type FailedNotify } from './engine/notify-failed.ts'
import { createTemplateDirectory } from './engine/template-directory.ts'
import { settleResourceLists } from './engine/settle-resource-lists.ts'
import { cleanUpAnswered, cleanUpEndpoints, cleanUpPublications, cleanUpWatchers } from './engine/housekeeping.ts'
import { buildAdminApp } from './http/admin/app.ts'
import type { Readiness } from './http/health.ts'
import { createAdmission } from './http/proxy/admission.ts'
import { buildProxyApp } from './http/proxy/app.ts'
import { watchEventLoop } from './observe/event-loop.ts'
import type { Log } from './observe/log.ts'
import { createSeldom } from './observe/seldom.ts'
import { createMetrics } from './observe/metrics.ts'
import { disregardAccess } from './store/access-lists.ts'
import { connectStore } from './store/connect.ts'
import { createUserDirectory } from './store/directory-search.ts'
import { migrate, readMigrations } from './store/migrate.ts'
import { createSender } from './store/sender.ts'
import { poolSession } from './store/session.ts'
import { countStock } from './store/stock.ts'
import { startJobs } from './timers/scheduler.ts'

/** A running engine. */
export interface Running {
  readonly proxyAddress: string
  readonly adminAddress: string
  readonly adminKey: string
  readonly proxies: Config['proxies']
  readonly database: 'postgres' | 'embedded'
  /** Reads the engine's database, for tests and tools that look at it. */
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>
  /** Finishes what is under way, hands over what is committed, closes everything. */
  readonly stop: () => Promise<void>
}

const DEFAULT_PROXY = 'kam1'

/** The top folder of the package, from source and from the build alike. */
export const packageRoot = (): string => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

const randomHex = createRandomHex()
const chance = createChance(randomHex)

const listen = async (app: FastifyInstance, address: string): Promise<string> => {
  const colon = address.lastIndexOf(':')
  await app.listen({ host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) })
  const bound = app.server.address() as AddressInfo
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

/** How often an engine takes up the round of the server publication timer again, or asks whether one is due. */
const SERVER_PUBLICATION_RUN_MS = 5_000

/** Searches for users that may hold a connection to the database at the same time. */
const SEARCHES_AT_A_TIME = 3

/** How often an engine takes up the round of comparing with the registrars, or asks whether one is due. */
const RECONCILE_RUN_MS = 2_000

/** How often an engine takes up reading users from LDAP again, or asks whether it is due. */
const FEED_RUN_MS = 2_000

/** How long open connections may finish what they are at when the engine stops. */
const CLOSE_MS = 3_000

/** Closes an app; connections that do not come to an end are cut off. */
const closeSoon = async (app: FastifyInstance): Promise<void> => {
  const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS)
  await app.close()
  clearTimeout(timer)
}

const withDefaults = (config: Config): { readonly adminKey: string; readonly proxies: Config['proxies'] } => ({
  adminKey: config.adminKey ?? keepSecret(config.dataDir, 'admin.key'),
  proxies: Object.keys(config.proxies).length > 0 ? config.proxies
    : { [DEFAULT_PROXY]: { kind: 'kamailio', secret: keepSecret(config.dataDir, 'proxy.secret'), notifyUrl: 'http://127.0.0.1:8000/v1/notify' } },
})

/** How often an engine looks for contact lists that are to be moved to the store elsewhere, or looked at there. */
const CONTACT_STORE_RUN_MS = 1_000

/** The store to which contact lists move; undefined where they stay. */
const createContactStore = (config: Config): ContactStore | undefined => {
  if (!config.contactStore) return undefined
  if (config.contactStoreKind === 'file') return createFileStore(config.contactStoreDir ?? join(config.dataDir, 'contact-store'), () => randomHex(8))
  // The configuration has it where the kind asks for it.
  return createHttpStore({ url: config.contactStoreUrl ?? '', key: config.contactStoreKey, timeoutMs: config.contactStoreTimeoutMs, pause: sleep })
}

/** The LDAP server of the configuration, if there is one. */
const findLdap = (config: Config, isOurs: (user: string) => Promise<boolean>): Ldap | undefined => {
  const { ldapUrl: url, ldapBaseDn: baseDn, ldapBindDn: dn, ldapPassword: password } = config
  if (url === undefined || baseDn === undefined) return undefined
  return openLdap({
    url, baseDn, bind: dn === undefined || password === undefined ? undefined : { dn, password }, startTls: config.ldapStartTls, ca: config.ldapCa, timeoutMs: config.ldapTimeoutMs, kind: config.ldapKind,
    userFilter: config.ldapUserFilter, attributes: config.ldapAttributes, isOurs, now: Date.now,
  })
}

/** Puts an engine together and starts it; the only place that picks implementations. Throws when something it needs is not to be had. */
export const start = async (config: Config, log: Log): Promise<Running> => {
  const { adminKey, proxies: proxyConfig } = withDefaults(config)
  const contactStore = createContactStore(config)
  const metrics = createMetrics()
  const store = await connectStore({
    ...(config.databaseUrl === undefined ? { dataDir: config.dataDir } : { url: config.databaseUrl, poolSize: config.databasePool }),
    observer: { waited: metrics.databaseWaited, held: metrics.databaseHeld },
    onError: (error) => log.warn({ err: error }, 'database connection lost'),
    onAway: (reason) => log.error({ err: reason }, 'the database is away: requests are refused'),
    onBack: (afterMs) => log.warn({ afterMs: Math.round(afterMs) }, 'the database is back'),
  })
  try {
    const applied = await migrate(store.pool, readMigrations(join(packageRoot(), 'migrations')))
    if (applied.length > 0) log.info({ applied }, 'database migrated')
    if (!config.serverPublications) await forgetDirectoryRound({ store })
    if (!config.accessLists) await disregardAccess(poolSession(store.pool), Date.now())
  } catch (error) {
    await store.close()
    throw error
  }
  const now = Date.now
  const session = poolSession(store.pool)
  const domains = createDomainDirectory(session, now, config.unknownDomain)
  const ldap = findLdap(config, async (user) => (await domains.kindOf(user)) === 'enterprise')
  const categories = createCategoryDirectory(session, now, config.openCategories)
  const template = createTemplateDirectory(session, now)
  const provisioning = createProvisioningDirectory(session, now)
  const memberDomains = config.resolveMemberDomains ? createMemberDomains(hasAddress, now, sleep) : anyDomain
  const plan = config.aggregation ?? defaultPlan
  const features: Features = { legacyPresence: config.legacyPresence, adhocLists: config.adhocLists, resourceLists: config.resourceLists, accessLists: config.accessLists, watcherInfo: config.watcherInfo, directorySearch: config.directorySearch, unregisteredPhones: config.unregisteredPhones, contactStore: config.contactStore, publish: config.publish }
  const presenceTerms = createPresenceTerms(categories, domains, { plan, features, now })
  const conflicts = createConflictGuard({ count: config.conflictLimit, withinMs: 10_000 }, () => metrics.conflict('race'))
  const seldom = createSeldom(now)
  const directory = createDirectory({
    sources: [createUserDirectory(store.db), ...(ldap === undefined ? [] : [ldap.source])], maxResults: config.directorySearchMax, atATime: store.kind === 'embedded' ? 1 : SEARCHES_AT_A_TIME,
    onFailed: (error) => seldom('directory', (count) => log.warn({ err: error, count }, 'a directory did not answer')),
  })
  const sender = createSender(() => randomHex(8))
  const engine: EngineDeps = {
    store, sender, domains, now, chance, categories, plan, presenceTerms, conflicts, template, provisioning, memberDomains, directory, rates: createRateGuard({ perSecond: config.userRate, burst: config.userBurst }), lostConnectionGraceMs: config.lostConnectionGraceMs, createUsersOnRegister: config.createUsersOnRegister, serverPublications: config.serverPublications,
    features,
    migratedWrites: config.contactStoreWrites,
    limits: {
      subscriptionExpires: { min: config.subscriptionExpiresMin, default: config.subscriptionExpiresDefault, max: config.subscriptionExpiresMax },
      maxContainerMembers: config.maxContainerMembers, subscribers: { maxSubscribers: config.maxSubscribers, maxContextBytes: config.maxContextBytes, maxContextsBytes: config.maxContextsBytes }, maxDelegates: config.maxDelegates, contacts: { maxContacts: config.maxContacts, maxGroups: config.maxGroups }, watcherWait: config.watcherWait, maxAccessEntries: config.maxAccessEntries, maxIncoming: config.maxIncoming, maxDialogsPerPair: config.maxDialogsPerPair, maxPublisherBytes: config.maxPublisherBytes, maxAnswerBytes: config.maxAnswerBytes, maxResourcesPerDialog: config.maxResourcesPerDialog, maxCategoriesPerRequest: config.maxCategoriesPerRequest,
      eventStates: { min: config.publishExpiresMin, default: config.publishExpiresDefault, max: config.publishExpiresMax, maxBytes: config.maxPublishBytes, maxPerUser: config.maxEventStates },
    },
  }
  const eventLoop = watchEventLoop()
  const admission = createAdmission({
    bounds: { inFlight: config.maxInFlight, databaseWaitMs: config.maxDatabaseWaitMs, eventLoopDelayMs: config.maxEventLoopDelayMs },
    databaseWaitMs: store.health.oldestWaitMs, eventLoopDelayMs: eventLoop.delayMs, isDatabaseAway: store.health.isAway, fraction: chance.fraction,
  })
  metrics.watch({ stock: () => countStock(session, now()), load: admission.measures, isDatabaseAway: store.health.isAway, conflictStorms: conflicts.storms })
  // What other proxies report by a call. Nobody waits for it: its dialog is locked until the hand-over is over.
  const refused = (failed: FailedNotify): void => {
    metrics.failedNotify(failed.code)
    handleFailedNotify(engine, failed).then((done) => log.debug({ code: failed.code, subscriber: failed.subscriber, callId: failed.callId, done }, 'NOTIFY failed'),
      (error: unknown) => log.warn({ err: error, subscriber: failed.subscriber }, 'a failed NOTIFY could not be taken in'))
  }
  const clients = new Map(Object.entries(proxyConfig).map(([id, proxy]) => [id, createClient(id, proxy, { timeoutMs: config.notifyTimeoutMs, refused })]))
  const proxies = createProxies(clients, now, chance.fraction, (proxy, error) => log.warn({ proxy, err: error }, 'proxy cannot be reached'))
  // The embedded database has one connection, so that more than one delivery at a time would only wait.
  const delivery = createDelivery({ store, sender, proxies, terms: presenceTerms, now, fraction: chance.fraction, concurrency: store.kind === 'embedded' ? 1 : 3, flowWaitMs: config.flowWaitMs, gapMs: config.phoneNotifyGapMs, maxListBytes: config.maxAnswerBytes, contactStore: config.contactStore, log, metrics })
  const registrars = Object.entries(config.reconcileMs === 0 ? {} : proxyConfig).map(([id, proxy]) => [id, createRegistrar(id, proxy, { timeoutMs: config.notifyTimeoutMs })] as const)
  const reconciliation = createReconciliation({
    store, now, log, metrics, registrars: new Map(registrars.map(([id, { ask }]) => [id, ask])), everyMs: config.reconcileMs, graceMs: Math.max(config.reconcileGraceMs, config.lostConnectionGraceMs),
  })
  const feed = ldap === undefined || config.ldapSyncMs === 0 ? undefined : createDirectoryFeed({
    ...engine, source: ldap.feed, holder: randomHex(8), everyMs: config.ldapSyncMs, fullEveryMs: config.ldapFullSyncMs, gone: config.ldapGone, goneMaxPercent: config.ldapGoneMaxPercent, wake: delivery.wake, log, metrics,
  })
  const publishFromDirectory = async (): Promise<void> => {
    const { touched, refused } = await publishDirectories(engine, config.serverPublicationMs)
    delivery.wake(touched)
    // One line for all: what is refused to one user is mostly refused to everybody.
    const [first] = refused
    if (first !== undefined) log.warn({ count: refused.length, user: first.user, failure: first.failure.name, detail: first.failure.detail }, 'server publications refused')
  }
  const settleLists = async (): Promise<void> => {
    delivery.wake(await settleResourceLists(engine))
    await delivery.endExpired()
    void delivery.payDeferred()
  }
  let directoryFilled = false
  const moveContacts = async (deps: MoveDeps): Promise<void> => {
    const failed = await moveContactLists(deps)
    const [first] = failed
    if (first !== undefined) log.warn({ count: failed.length, user: first.user, reason: first.reason }, 'the contact store did not take or give lists')
  }
  const stopJobs = startJobs([
    { name: 'publications', everyMs: config.cleanupMs, run: async () => delivery.wake(await cleanUpPublications(engine)) },
    { name: 'endpoints', everyMs: config.cleanupMs, run: async () => delivery.wake(await cleanUpEndpoints(engine, reconciliation.spare)) },
    { name: 'dialogs', everyMs: config.cleanupMs, run: delivery.endExpired },
    { name: 'left behind', everyMs: 1_000, run: delivery.findLeftBehind },
    { name: 'debts', everyMs: 2_000, run: delivery.tidyDebts },
    // Not waited for: one slow proxy must not hold up the next round of the others.
    { name: 'deferred', everyMs: 500, run: async () => { void delivery.payDeferred() } },
    // Longer than another node may go by a domain table that has changed.
    { name: 'rights', everyMs: 3_000, run: async () => { await enforceRights(engine) } },
    ...(config.resourceLists ? [{ name: 'resource lists', everyMs: 3_000, run: async () => delivery.wake(await settleResourceLists(engine)) }] : []),
    { name: 'answered', everyMs: 30_000, run: () => cleanUpAnswered(engine) },
    { name: 'watchers', everyMs: 30_000, run: () => cleanUpWatchers(engine) },
    ...(config.directorySearch ? [{ name: 'directory entries', everyMs: 2_000, run: async () => { directoryFilled ||= await fillDirectory(engine) } }] : []),
    ...(config.reconcileMs > 0 ? [{ name: 'registrars', everyMs: Math.min(RECONCILE_RUN_MS, config.reconcileMs), run: reconciliation.run }] : []),
    ...(contactStore === undefined ? [] : [{ name: 'contact store', everyMs: CONTACT_STORE_RUN_MS, run: () => moveContacts({ store, now, contacts: contactStore, refreshMs: config.contactStoreRefreshMs, wake: delivery.wake, endExpired: delivery.endExpired }) }]),
    ...(feed === undefined ? [] : [{ name: 'directory feed', everyMs: Math.min(FEED_RUN_MS, config.ldapSyncMs), run: feed.run }]),
    ...(config.serverPublications ? [{ name: 'server publications', everyMs: Math.min(SERVER_PUBLICATION_RUN_MS, config.serverPublicationMs), run: publishFromDirectory }] : []),
  ], chance.fraction, (job, error) => {
    metrics.jobFailed(job)
    // Said already, and the job will find what it has missed.
    if (store.health.isAway()) return
    log.error({ job, err: error }, 'job failed')
  })
  let stopping = false
  const isReady = async (): Promise<Readiness> => {
    const trouble = stopping ? 'stopping' : admission.trouble()
    if (trouble !== undefined) return { why: trouble }
    return store.pool.query('SELECT 1').then(() => true as const, (error: unknown) => {
      log.debug({ err: error }, 'not ready')
      return { why: 'the database does not answer' }
    })
  }
  const proxyApp = buildProxyApp({
    engine, entry: { server: config.serverName, requireAuthenticatedUser: config.requireAuthenticatedUser }, proxies: new Map(Object.entries(proxyConfig)),
    wake: delivery.wake, notify: createSendBehind(proxies, refused), trace: () => randomHex(6), isReady, admission, log, metrics,
  })
  const adminApp = await buildAdminApp({ store, domains, categories, plan: engine.plan, template, provisioning, memberDomains, limits: engine.limits, presenceTerms, serverPublications: engine.serverPublications, features: engine.features, migratedWrites: engine.migratedWrites, contactStore: contactStore === undefined ? undefined : { contacts: contactStore, refreshMs: config.contactStoreRefreshMs }, proxies: new Map(Object.entries(proxyConfig)), reconciles: config.reconcileMs > 0, feedsUsers: feed !== undefined, now, adminKey, wake: delivery.wake, enforceRights: () => enforceRights(engine), settleResourceLists: settleLists, endExpired: delivery.endExpired, isReady, log, metrics })
  const stop = async (): Promise<void> => {
    stopping = true
    await closeSoon(proxyApp)
    contactStore?.close()
    await stopJobs()
    await feed?.stop()
    ldap?.close()
    await delivery.stop()
    proxies.close()
    for (const [, registrar] of registrars) registrar.close()
    await closeSoon(adminApp)
    eventLoop.stop()
    await store.close()
  }
  try {
    const proxyAddress = await listen(proxyApp, config.proxyListen)
    const adminAddress = await listen(adminApp, config.adminListen)
    return { proxyAddress, adminAddress, adminKey, proxies: proxyConfig, database: store.kind, query: async (sql) => (await store.pool.query<Record<string, unknown>>(sql)).rows, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
