import { setTimeout as sleep } from 'node:timers/promises'
import type { UserKey } from '../core/sip/uri.ts'
import type { Metrics } from '../observe/metrics.ts'
import { deleteUnwatched, findLeftBehind } from '../store/changes.ts'
import { tidyDebts } from '../store/deferred.ts'
import type { Store } from '../store/connect.ts'
import { poolSession } from '../store/session.ts'
import { createDispatcher } from './dispatcher.ts'
import { endExpiredDialogs, EXPIRED_BATCH } from './end-expired.ts'
import { createUnwatchedQueue } from './forget-unwatched.ts'
import type { HandOverDeps } from './hand-over.ts'
import { payDebts } from './pay-debts.ts'
import { createPayers } from './payers.ts'
import { createSlots } from './slots.ts'
import { tellChanges } from './tell-changes.ts'
import { createWatchedMemory } from './watched-memory.ts'

export interface DeliveryDeps extends Omit<HandOverDeps, 'known' | 'patience' | 'pause' | 'slots'> {
  readonly store: Store
  readonly concurrency: number
  readonly metrics: Metrics
}

/** Everything that goes out by itself: told changes, debts, endings. */
export interface Delivery {
  readonly wake: (publishers: readonly UserKey[]) => void
  readonly findLeftBehind: () => Promise<void>
  /** Pays what is owed at every proxy that can take it; need not be waited for before it is called again. */
  readonly payDeferred: () => Promise<void>
  /** Forgets debts of dialogs that are no more, and lets others follow their dialogs to another proxy. */
  readonly tidyDebts: () => Promise<void>
  readonly endExpired: () => Promise<void>
  /** Resolves when nothing waits to be told. */
  readonly idle: () => Promise<void>
  /** Tells what waits, and pays no more. */
  readonly stop: () => Promise<void>
}

/** A change this old was not told by the node that made it. */
const LEFT_BEHIND_MS = 1_000
const LEFT_BEHIND_BATCH = 500

/** Proxies whose debts are paid, and hand-overs to one of several proxies that are under way, at the same time: each keeps a database connection for as long as its proxy takes. */
const PAYERS = 2
const SENDERS = 3

export const createDelivery = (options: DeliveryDeps): Delivery => {
  const { store, log, metrics, now, proxies } = options
  const deps: HandOverDeps = { ...options, known: store.publishing.known, slots: createSlots(SENDERS), patience: store.kind === 'embedded' ? 'brief' : 'patient', pause: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined) }
  const session = poolSession(store.pool)
  const memory = createWatchedMemory()

  /** Forgets the changes of those whom nobody watches, in one statement; says who is left. */
  const tellNobody = async (publishers: readonly UserKey[]): Promise<readonly UserKey[]> => {
    const asked = publishers.filter((publisher) => (memory.audienceOf(publisher) ?? 'none') === 'none')
    if (asked.length === 0) return publishers
    const forgotten = await deleteUnwatched(session, asked)
    metrics.coalesced(forgotten.length - new Set(forgotten.map(({ publisher }) => publisher)).size)
    if (forgotten.length > 0) metrics.told(forgotten.length, now() - Math.min(...forgotten.map(({ at }) => at)))
    const done = new Set(forgotten.map(({ publisher }) => publisher))
    memory.note(done, 'none')
    return publishers.filter((publisher) => !done.has(publisher))
  }

  const tell = async (publishers: readonly UserKey[]): Promise<void> => {
    const left = await tellNobody(publishers)
    if (left.length === 0) return
    const { changes, watched, crowded, suppressed, ...count } = await tellChanges(store.pool, deps, left)
    if (changes.length === 0) return
    memory.note(new Set(changes.map(({ publisher }) => publisher)), 'none')
    memory.note(watched, 'some')
    memory.note(crowded, 'many')
    metrics.notifications(count)
    metrics.suppressed(suppressed)
    metrics.coalesced(changes.length - new Set(changes.map(({ publisher }) => publisher)).size)
    metrics.told(changes.length, now() - Math.min(...changes.map(({ at }) => at)))
    log.debug({ ...count, suppressed, traces: changes.map(({ trace }) => trace) }, 'told')
  }

  const tellOrLeave = async (publishers: readonly UserKey[]): Promise<void> => {
    try {
      await tell(publishers)
    } catch (error) {
      metrics.jobFailed('delivery')
      log.error({ err: error, publishers: publishers.slice(0, 5) }, 'delivery failed')
      // One publisher that cannot be told must not hold up those that came along with it. Its change rows stay; the poll for what was
      // left behind comes back to them.
      if (publishers.length > 1) for (const publisher of publishers) await tellOrLeave([publisher])
    }
  }

  const payers = createPayers({
    ids: proxies.ids, isReady: proxies.isReady, most: store.kind === 'embedded' ? 1 : PAYERS,
    round: async (proxy) => {
      try {
        const paid = await payDebts(store.pool, deps, proxy)
        metrics.notifications(paid)
        return paid.again
      } catch (error) {
        metrics.jobFailed('deferred')
        log.error({ err: error, proxy }, 'paying debts failed')
        return false
      }
    },
  })

  const dispatcher = createDispatcher(tellOrLeave, options.concurrency)
  // Those with many watchers take long, and are told beside the others.
  const crowds = createDispatcher(tellOrLeave, 1)
  const unwatched = createUnwatchedQueue(async (publishers) => {
    try {
      return await tellNobody(publishers)
    } catch (error) {
      log.error({ err: error }, 'forgetting changes failed')
      return []
    }
  }, dispatcher.wake)
  const wake = (publishers: readonly UserKey[]): void => {
    for (const publisher of publishers) {
      const audience = memory.audienceOf(publisher)
      if (audience === 'none') unwatched.add(publisher)
      else (audience === 'many' ? crowds : dispatcher).wake([publisher])
    }
  }
  return {
    wake,
    findLeftBehind: async () => wake(await findLeftBehind(session, now() - LEFT_BEHIND_MS, LEFT_BEHIND_BATCH)),
    payDeferred: payers.pay,
    tidyDebts: async () => {
      await tidyDebts(session, now())
    },
    endExpired: async () => {
      for (let ended = EXPIRED_BATCH; ended === EXPIRED_BATCH;) {
        ended = await endExpiredDialogs(store.pool, deps)
        if (ended > 0) log.debug({ ended }, 'subscriptions ended')
      }
    },
    idle: async () => {
      await unwatched.flush()
      await Promise.all([dispatcher.idle(), crowds.idle()])
    },
    stop: async () => {
      await unwatched.flush()
      await Promise.all([dispatcher.idle(), crowds.idle()])
      await payers.stop()
    },
  }
}
