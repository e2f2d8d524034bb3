import type { NotifyInstruction } from '../../src/core/model/dialog.ts'
import { createDelivery, type Delivery } from '../../src/delivery/delivery.ts'
import { createProxies, type Proxies } from '../../src/delivery/proxies.ts'
import type { DeliveryResult, ProxyClient } from '../../src/delivery/proxy-client.ts'
import type { Answer, EngineDeps } from '../../src/engine/deps.ts'
import { uncheckedCategories } from '../support/unchecked.ts'
import { createConflictGuard } from '../../src/engine/conflict-guard.ts'
import { createPresenceTerms } from '../../src/engine/presence-terms.ts'
import { createRateGuard } from '../../src/engine/rate-guard.ts'
import { createProvisioningDirectory } from '../../src/engine/provisioning-directory.ts'
import { anyDomain } from '../../src/engine/member-domains.ts'
import { createDirectory } from '../../src/engine/directory.ts'
import { createDomainDirectory } from '../../src/engine/domain-directory.ts'
import { handleSip } from '../../src/engine/engine.ts'
import { handleRegister } from '../../src/engine/registration.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import type { Store } from '../../src/store/connect.ts'
import { putDomain } from '../../src/store/domains.ts'
import { createUserDirectory } from '../../src/store/directory-search.ts'
import { createSender } from '../../src/store/sender.ts'
import { isLockTimeout } from '../../src/store/errors.ts'
import { poolSession, transact } from '../../src/store/session.ts'
import { createUser } from '../../src/store/users.ts'
import { registerText } from './sip-texts.ts'
import { countChanges, countDeferred } from '../support/pending.ts'

/** A clock that only moves when it is told to. */
export interface Clock {
  time: number
}

export const createClock = (): Clock => ({ time: Date.UTC(2031, 4, 6, 8, 0, 0) })

/** Pseudo-random numbers from 0 to 1, the same for the same seed (mulberry32). */
export const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** One engine, put together as `main` does it, without HTTP and without timers of its own. */
export interface EngineNode {
  readonly store: Store
  readonly deps: EngineDeps
  readonly proxies: Proxies
  readonly delivery: Delivery
  /** One SIP request in, its answer out; what it touched is told afterwards. */
  readonly sip: (text: string, proxy?: string) => Promise<Answer>
  readonly register: (user: string, epid: string, flow?: string, proxy?: string) => Promise<void>
  /** What delivery could not do, as it was logged. */
  readonly errors: string[]
}

/** Nobody reads them. */
const metrics = createMetrics()

export const PROXY = 'kam1'

export interface NodeOptions {
  readonly name: string
  readonly store: Store
  readonly clock: Clock
  readonly client: ProxyClient
  /** More proxies, by their ids. */
  readonly more?: Readonly<Record<string, ProxyClient>>
  readonly random: () => number
  /** Least time between two changes that a phone is told; none if it is not said. */
  readonly gapMs?: number
}

/** As clients do whose request is refused with 503, because something has been locked for long: on a busy machine that happens. */
const askAgain = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask()
    } catch (error) {
      if (!isLockTimeout(error) || tries === 20) throw error
    }
  }
}

export const createNode = ({ name, store, clock, client, more = {}, random, gapMs = 0 }: NodeOptions): EngineNode => {
  const now = (): number => clock.time
  let tags = 0
  const domains = createDomainDirectory(poolSession(store.pool), now, 'federated')
  const features = { legacyPresence: true, adhocLists: true, resourceLists: true, accessLists: true, watcherInfo: true, directorySearch: true, unregisteredPhones: true, contactStore: true, publish: true }
  const presenceTerms = createPresenceTerms(uncheckedCategories, domains, { plan: [], features, now })
  let senders = 0
  const sender = createSender(() => `${name}-sender-${++senders}`)
  const deps: EngineDeps = {
    store, sender, now, categories: uncheckedCategories, plan: [], conflicts: createConflictGuard({ count: 10_000, withinMs: 10_000 }), rates: createRateGuard({ perSecond: 0, burst: 1 }), template: { current: async () => [], forget: () => undefined }, provisioning: createProvisioningDirectory(poolSession(store.pool), now), memberDomains: anyDomain, directory: createDirectory({ sources: [createUserDirectory(store.db)], maxResults: 100, atATime: 1, onFailed: () => undefined }), lostConnectionGraceMs: 0, createUsersOnRegister: false, serverPublications: false, features, migratedWrites: 'refuse', domains, presenceTerms,
    chance: { tag: () => `${name}-${++tags}`, boundary: () => `boundary-${name}-${++tags}`, fraction: random },
    limits: { subscriptionExpires: { min: 60, default: 28_800, max: 43_200 }, maxContainerMembers: 5_000, subscribers: { maxSubscribers: 1_000, maxContextBytes: 4_000, maxContextsBytes: 40_000 }, maxDelegates: 25, contacts: { maxContacts: 1_000, maxGroups: 63 }, watcherWait: 86_400, maxAccessEntries: 1_000, maxIncoming: 20_000, maxDialogsPerPair: 20, maxPublisherBytes: 1_000_000, maxAnswerBytes: 1_000_000, maxResourcesPerDialog: 1_000, maxCategoriesPerRequest: 64, eventStates: { min: 60, default: 3_600, max: 7_200, maxBytes: 16_384, maxPerUser: 10 } },
  }
  const proxies = createProxies(new Map([[PROXY, client], ...Object.entries(more)]), now, random, () => undefined)
  const errors: string[] = []
  const log = createLog('error', { write: (line) => { errors.push(line) } })
  const delivery = createDelivery({ store, sender, flowWaitMs: 30_000, gapMs, maxListBytes: 1_000_000, contactStore: true, proxies, terms: presenceTerms, now, fraction: random, concurrency: store.kind === 'embedded' ? 1 : 3, log, metrics })
  return {
    store, deps, proxies, delivery, errors,
    sip: async (text, proxy = PROXY) => {
      const arrival = { proxy, flow: `flow-of-${/^From: .*epid=(\S+)/m.exec(text)?.[1] ?? 'none'}`, contact: 'sip:presence.nordwind.example', user: undefined, network: undefined, survivable: false, trace: name }
      const answer = await askAgain(() => handleSip(deps, Buffer.from(text), arrival, { server: name, requireAuthenticatedUser: false }))
      if ('relay' in answer) throw new Error('the engine does not take this request')
      delivery.wake(answer.touched)
      return answer
    },
    register: async (user, epid, flow = `flow-of-${epid}`, proxy = PROXY) => {
      const { touched } = await handleRegister(deps, Buffer.from(registerText(user, epid)), { proxy, flow, granted: undefined }, name)
      delivery.wake(touched)
    },
  }
}

/** Provisions enterprise users. */
export const addUsers = async (store: Store, users: readonly string[], now: number): Promise<void> => {
  await putDomain(store.db, 'nordwind.example', 'enterprise', now)
  await transact(store.pool, async (tx) => { for (const user of users) void createUser(tx, user, user, [], now) })
}

/** Lets time pass until nothing is left to tell and nothing is owed. */
export const quiesce = async (nodes: readonly EngineNode[], clock: Clock): Promise<boolean> => {
  for (let round = 0; round < 60; round += 1) {
    clock.time += 61_000
    for (const { delivery } of nodes) {
      await delivery.findLeftBehind()
      await delivery.tidyDebts()
      await delivery.payDeferred()
      await delivery.idle()
    }
    const session = poolSession(nodes[0]?.store.pool as Store['pool'])
    if ((await countChanges(session)).pending === 0 && (await countDeferred(session)) === 0) return true
  }
  return false
}

/** What one proxy was handed in one dialog, in the order in which it came. */
export interface HandedOver {
  readonly callId: string
  readonly cseq: number
  readonly publisher: string | undefined
  readonly terminated: boolean
  readonly body: string
}

export const readHandedOver = ({ h, b }: NotifyInstruction): HandedOver => ({
  callId: /^Call-ID: (.*)\r$/m.exec(h)?.[1] ?? '', cseq: Number(/^CSeq: (\d+) /m.exec(h)?.[1]), publisher: /<categories [^>]*uri="sip:([^"]+)"/.exec(b)?.[1],
  terminated: /^subscription-state: terminated/m.exec(h) !== null, body: b,
})

/** How a proxy behaves: what becomes of each instruction; `throw` fails the whole call after the instructions before it were sent. */
export type Behaviour = (instruction: HandedOver) => DeliveryResult | 'throw' | Promise<DeliveryResult | 'throw'>

export interface FakeProxy {
  readonly client: ProxyClient
  /** What went out, dialog by dialog. */
  readonly heard: Map<string, HandedOver[]>
  /** Dialogs of which the engine was told that their connection is gone. */
  readonly ended: Set<string>
  behave: Behaviour
}

export const createFakeProxy = (): FakeProxy => {
  const heard = new Map<string, HandedOver[]>()
  const ended = new Set<string>()
  const fake: FakeProxy = {
    heard, ended, behave: () => 'sent',
    client: {
      close: () => undefined,
      deliver: async (instructions) => {
        const results: DeliveryResult[] = []
        const gone: string[] = []
        for (const instruction of instructions) {
          const handed = readHandedOver(instruction)
          const result = await fake.behave(handed)
          if (result === 'throw') throw new Error('the proxy broke down')
          results.push(result)
          if (result === 'gone') gone.push(handed.callId)
          if (result !== 'sent') continue
          const list = heard.get(handed.callId)
          if (list === undefined) heard.set(handed.callId, [handed])
          else list.push(handed)
        }
        for (const callId of gone) ended.add(callId)
        return { results }
      },
    },
  }
  return fake
}
