import type { Test } from 'tap'
import type { NotifyInstruction } from '../../src/core/model/dialog.ts'
import { createDelivery, type Delivery } from '../../src/delivery/delivery.ts'
import { createProxies } from '../../src/delivery/proxies.ts'
import type { Delivered, ProxyClient } from '../../src/delivery/proxy-client.ts'
import type { Answer, Arrival, EngineDeps, EngineLimits, Features } from '../../src/engine/deps.ts'
import { uncheckedCategories } from './unchecked.ts'
import { createConflictGuard } from '../../src/engine/conflict-guard.ts'
import { createDirectory } from '../../src/engine/directory.ts'
import { createDomainDirectory } from '../../src/engine/domain-directory.ts'
import { enforceRights, type Enforced } from '../../src/engine/enforce-rights.ts'
import { handleSip, type Handled, type EntryOptions } from '../../src/engine/engine.ts'
import { cleanUpAnswered, cleanUpEndpoints, cleanUpPublications, cleanUpWatchers } from '../../src/engine/housekeeping.ts'
import { anyDomain } from '../../src/engine/member-domains.ts'
import { createPresenceTerms } from '../../src/engine/presence-terms.ts'
import { createRateGuard } from '../../src/engine/rate-guard.ts'
import { createProvisioningDirectory } from '../../src/engine/provisioning-directory.ts'
import { publishDirectories } from '../../src/engine/directory-publish.ts'
import { putUserTerms, type UserTerms } from '../../src/engine/put-user.ts'
import { handleFailedNotify } from '../../src/engine/notify-failed.ts'
import { settleResourceLists } from '../../src/engine/settle-resource-lists.ts'
import { handleLostBinding, handleRegister, type LostBinding, type RegistrationAnswer } from '../../src/engine/registration.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import type { Store } from '../../src/store/connect.ts'
import { putDomain } from '../../src/store/domains.ts'
import { createUserDirectory } from '../../src/store/directory-search.ts'
import { createSender } from '../../src/store/sender.ts'
import { poolSession } from '../../src/store/session.ts'
import { Client } from './client.ts'
import { openTestStore, type TestStore } from './database.ts'
import { hear, type Heard } from './heard.ts'

/** Everyone's clock starts here. */
export const START = Date.parse('2026-03-02T08:00:00.000Z')

/** How long dialogs wait for the next connection of their endpoint. */
export const FLOW_WAIT_MS = 30_000

/** Period of the server publication timer, where a story has it. */
export const SERVER_PUBLICATION_MS = 3_600_000

export const people = { anna: 'anna@nordwind.example', boris: 'boris@nordwind.example', clara: 'clara@suedwind.example', dan: 'dan@cloud.example', eve: 'eve@blocked.example', finn: 'finn@nowhere.example', gerd: 'gerd@nordwind.example' } as const

const limits: EngineLimits = { subscriptionExpires: { min: 60, default: 3600, max: 7200 }, maxContainerMembers: 6, subscribers: { maxSubscribers: 3, maxContextBytes: 60, maxContextsBytes: 100 }, maxDelegates: 2, contacts: { maxContacts: 3, maxGroups: 4 }, watcherWait: 86_400, maxAccessEntries: 5, maxIncoming: 500, maxDialogsPerPair: 10, maxPublisherBytes: 2_000_000, maxAnswerBytes: 20_000, maxResourcesPerDialog: 4, maxCategoriesPerRequest: 6, eventStates: { min: 60, default: 3600, max: 7200, maxBytes: 8_000, maxPerUser: 3 } }

/** Proxies that only take notes; what they do with a notification can be told to them. */
class FakeProxy implements ProxyClient {
  readonly taken: NotifyInstruction[] = []
  /** Number of deliveries asked for, whatever came of them. */
  asked = 0
  down = false
  readonly gone = new Set<string>()
  readonly failing = new Set<string>()
  async deliver(instructions: readonly NotifyInstruction[]): Promise<Delivered> {
    this.asked += 1
    if (this.down) throw new Error('connect ECONNREFUSED')
    return { results: instructions.map((instruction) => {
      if (this.gone.has(instruction.flow)) return 'gone'
      if (this.failing.has(instruction.flow)) return 'failed'
      this.taken.push(instruction)
      return 'sent'
    }) }
  }
  close(): void {}
}

/** A simulated deployment: the real engine and the real delivery on a real database, with an injected clock, known tags and noting proxies. */
export class World {
  readonly store: Store
  readonly proxies: Record<'kam1' | 'kam2', FakeProxy> = { kam1: new FakeProxy(), kam2: new FakeProxy() }
  now = START
  /** Nobody is woken by a change, as when the engine dies right behind its commit; the timers find what was left. */
  hushed = false
  /** Contact lists may move to a store elsewhere, from the next engine on. */
  movesContacts = false
  /** Least time between two changes that a phone is told; none, unless a story is about it. */
  gapMs = 0
  entry: EntryOptions = { server: 'presentia.test', requireAuthenticatedUser: false }
  engine: EngineDeps
  delivery: Delivery
  /** The same for all engines of a story: none of them dies while it sends. */
  private sender = createSender(() => 'engine')
  private counter = 0
  private readonly empty: () => Promise<void>

  constructor({ store, reset }: TestStore) {
    this.store = store
    this.empty = reset
    this.engine = this.buildEngine()
    this.delivery = this.buildDelivery()
  }

  private buildEngine(options: Partial<EngineDeps> = {}): EngineDeps {
    const now = (): number => this.now
    const domains = createDomainDirectory(poolSession(this.store.pool), now, 'federated')
    const features: Features = { legacyPresence: true, adhocLists: true, resourceLists: true, accessLists: true, watcherInfo: true, directorySearch: true, unregisteredPhones: true, contactStore: this.movesContacts, publish: true }
    return {
      store: this.store, sender: this.sender, now, categories: uncheckedCategories, plan: [], conflicts: createConflictGuard({ count: 25, withinMs: 10_000 }), rates: createRateGuard({ perSecond: 0, burst: 1 }), template: { current: async () => [], forget: () => undefined }, provisioning: createProvisioningDirectory(poolSession(this.store.pool), now), memberDomains: anyDomain, directory: createDirectory({ sources: [createUserDirectory(this.store.db)], maxResults: 100, atATime: 1, onFailed: () => undefined }), lostConnectionGraceMs: 0, limits, createUsersOnRegister: false, serverPublications: false, features, migratedWrites: 'refuse',
      domains, presenceTerms: createPresenceTerms(options.categories ?? uncheckedCategories, domains, { plan: [], features, now, ...options }),
      // Full spread, so that the default expiry is granted whole.
      chance: { tag: () => `tag${this.next()}`, boundary: () => `boundary${this.next()}`, fraction: () => 1 },
      ...options,
    }
  }

  private buildDelivery(): Delivery {
    const now = (): number => this.now
    const proxies = createProxies(new Map(Object.entries(this.proxies)), now, () => 0, () => undefined)
    const metrics = createMetrics()
    return createDelivery({ store: this.store, sender: this.sender, flowWaitMs: FLOW_WAIT_MS, gapMs: this.gapMs, maxListBytes: this.engine.limits.maxAnswerBytes, contactStore: this.engine.features.contactStore, proxies, terms: createPresenceTerms({ registry: () => this.engine.categories.registry(), forget: () => undefined }, this.engine.domains, this.engine), now, fraction: () => 0, concurrency: 1, log: createLog('silent'), metrics })
  }

  next(): string {
    this.counter += 1
    return String(this.counter).padStart(4, '0')
  }

  /** Another engine process on the same database: nothing but the store is kept. */
  restart(options: Partial<EngineDeps> = {}): void {
    this.engine = this.buildEngine(options)
    this.delivery = this.buildDelivery()
  }

  /** Empty tables, the usual domains and users, the first instant, a fresh engine. */
  async reset(options: Partial<EngineDeps> = {}): Promise<void> {
    await this.empty()
    this.now = START
    this.counter = 0
    this.hushed = false
    this.gapMs = 0
    for (const proxy of Object.values(this.proxies)) {
      proxy.taken.length = 0
      proxy.asked = 0
      proxy.down = false
      proxy.gone.clear()
      proxy.failing.clear()
    }
    for (const [domain, kind] of [['nordwind.example', 'enterprise'], ['suedwind.example', 'federated'], ['cloud.example', 'publicCloud'], ['blocked.example', 'blocked']] as const) await putDomain(this.store.db, domain, kind, START)
    this.restart(options)
    for (const name of ['anna', 'boris', 'gerd'] as const) await this.adds(people[name])
  }

  /** A user as the operator creates it, with the containers of the template; without one unless a test says otherwise. */
  async adds(user: string): Promise<void> {
    await this.sets(user, { displayName: user.split('@', 1)[0] ?? '' })
  }

  /** What the operator says about a user, new or not; true when it is new. */
  async sets(user: string, { displayName, ...properties }: Readonly<Record<string, string>> & { readonly displayName: string }, terms: Partial<UserTerms> = {}): Promise<boolean> {
    const { created, touched } = await putUserTerms(this.engine, user, { displayName, properties, ...terms }, 'operator')
    if (touched) this.delivery.wake([user])
    await this.delivery.idle()
    return created
  }

  /** Time passes; nothing happens by itself. */
  advance(seconds: number): void {
    this.now += seconds * 1000
  }

  private wake(touched: Answer['touched']): void {
    if (!this.hushed) this.delivery.wake(touched)
  }

  /** One round of every timer. */
  async timers(): Promise<void> {
    this.delivery.wake(await cleanUpPublications(this.engine))
    this.delivery.wake(await cleanUpEndpoints(this.engine))
    await cleanUpAnswered(this.engine)
    await cleanUpWatchers(this.engine)
    this.delivery.wake((await publishDirectories(this.engine, SERVER_PUBLICATION_MS)).touched)
    await enforceRights(this.engine)
    this.delivery.wake(await settleResourceLists(this.engine))
    await this.delivery.endExpired()
    await this.delivery.findLeftBehind()
    await this.delivery.tidyDebts()
    await this.delivery.payDeferred()
    await this.delivery.idle()
  }

  client(user: string, epid = `${user.slice(0, 4)}0000ab`, proxy: 'kam1' | 'kam2' = 'kam1'): Client {
    return new Client(this, user, epid, proxy)
  }

  /** One raw SIP request through the engine, which must answer it; what it touched is told, what belongs to its own dialog follows the answer. */
  async sip(bytes: Uint8Array | string, arrival: Partial<Arrival> = {}): Promise<Answer & { readonly refused?: unknown }> {
    const handled = await this.handles(bytes, arrival)
    if ('relay' in handled) throw new Error('the engine leaves this request to the proxy')
    return handled
  }

  /** The same, whatever the engine makes of it. */
  async handles(bytes: Uint8Array | string, arrival: Partial<Arrival> = {}): Promise<Handled> {
    const proxy = arrival.proxy ?? 'kam1'
    const answer = await handleSip(this.engine, typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, {
      proxy, flow: 'flow-of-nobody', contact: `sip:${proxy}.test:5060;transport=tcp`, user: undefined, network: undefined, survivable: false, trace: `trace${this.next()}`, ...arrival,
    }, this.entry)
    if ('relay' in answer) return answer
    this.proxies[proxy === 'kam2' ? 'kam2' : 'kam1'].taken.push(...answer.notify)
    this.wake(answer.touched)
    await this.delivery.idle()
    return answer
  }

  /** What happens right after a change of rights or domains by the operator: it is made to hold, and told. */
  async enforces(): Promise<Enforced> {
    const enforced = await enforceRights(this.engine)
    await this.delivery.endExpired()
    await this.delivery.payDeferred()
    return enforced
  }

  /** What happens right after a change of a stored list by the operator. */
  async settlesLists(): Promise<void> {
    this.delivery.wake(await settleResourceLists(this.engine))
    await this.delivery.endExpired()
    await this.delivery.payDeferred()
  }

  async register(text: string | Uint8Array, source: { readonly proxy: string; readonly flow: string; readonly granted: number | undefined }): Promise<RegistrationAnswer> {
    const answer = await handleRegister(this.engine, typeof text === 'string' ? new TextEncoder().encode(text) : text, source, 'register')
    this.wake(answer.touched)
    await this.delivery.idle()
    return answer
  }

  async loseBinding(lost: LostBinding): Promise<void> {
    this.wake(await handleLostBinding(this.engine, lost, 'lost'))
    await this.delivery.idle()
  }

  notifyFailed(failed: Parameters<typeof handleFailedNotify>[1]): ReturnType<typeof handleFailedNotify> {
    return handleFailedNotify(this.engine, failed)
  }

  /** Takes what has arrived on a connection since the last look. */
  heardOn(flow: string): readonly Heard[] {
    return Object.values(this.proxies).flatMap(({ taken }) => {
      const mine = taken.filter((instruction) => instruction.flow === flow)
      for (const instruction of mine) taken.splice(taken.indexOf(instruction), 1)
      return mine.map(hear)
    })
  }

  /** Every row of every table, for before-and-after comparisons. */
  async dump(): Promise<Record<string, readonly string[]>> {
    const { rows } = await this.store.pool.query<{ name: string }>("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1")
    const dump: Record<string, readonly string[]> = {}
    for (const { name } of rows) dump[name] = (await this.store.pool.query<{ row: string }>(`SELECT row_to_json(each_row)::text AS row FROM ${name} AS each_row`)).rows.map(({ row }) => row).sort()
    return dump
  }

  async count(table: string): Promise<number> {
    return Number((await this.store.pool.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n)
  }
}

/** A world for one test file; each of its tests starts from the same fresh state. */
export const openWorld = async (t: Test): Promise<World> => {
  const world = new World(await openTestStore(t))
  t.beforeEach(() => world.reset())
  return world
}
