import type { UserKey } from '../core/sip/uri.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { findLeftBehind } from '../store/changes.ts'
import type { Store } from '../store/connect.ts'
import { poolSession } from '../store/session.ts'
import { createDispatcher } from './dispatcher.ts'
import type { HandOverDeps } from './hand-over.ts'
import { tellChanges } from './tell-changes.ts'
import { DEFERRED_BATCH, endExpiredDialogs, tellDeferred } from './tell-deferred.ts'

export interface DeliveryDeps extends HandOverDeps {
  readonly store: Store
  readonly concurrency: number
  readonly log: Log
  readonly metrics: Metrics
}

/** Everything that goes out by itself: told changes, debts, endings. */
export interface Delivery {
  readonly wake: (publishers: readonly UserKey[]) => void
  readonly findLeftBehind: () => Promise<void>
  readonly payDeferred: () => Promise<void>
  readonly endExpired: () => Promise<void>
  readonly idle: () => Promise<void>
}

/** A change this old was not told by the node that made it. */
const LEFT_BEHIND_MS = 1_000
const LEFT_BEHIND_BATCH = 500

export const createDelivery = (deps: DeliveryDeps): Delivery => {
  const { store, log, metrics, now } = deps
  const tell = async (publishers: readonly UserKey[], again: boolean): Promise<void> => {
    const { changes, ...count } = await tellChanges(store.pool, deps, publishers, again)
    if (changes.length === 0) return
    metrics.notifications(count)
    metrics.told(changes.length, now() - Math.min(...changes.map(({ at }) => at)))
    log.debug({ ...count, traces: changes.map(({ trace }) => trace) }, 'told')
  }
  const tellOrLeave = async (publishers: readonly UserKey[], again = false): Promise<void> => {
    try {
      await tell(publishers, again)
    } catch (error) {
      metrics.jobFailed('delivery')
      log.error({ err: error, publishers: publishers.slice(0, 5) }, 'delivery failed')
      // One publisher that cannot be told must not hold up those that came along with it. Its change rows stay; the poll for what was
      // left behind comes back to them.
      if (publishers.length > 1) for (const publisher of publishers) await tellOrLeave([publisher], true)
    }
  }
  const dispatcher = createDispatcher((publishers) => tellOrLeave(publishers), deps.concurrency)
  return {
    wake: dispatcher.wake,
    findLeftBehind: async () => dispatcher.wake(await findLeftBehind(poolSession(store.pool), now() - LEFT_BEHIND_MS, LEFT_BEHIND_BATCH)),
    payDeferred: async () => {
      for (let claimed = DEFERRED_BATCH; claimed === DEFERRED_BATCH;) {
        const paid = await tellDeferred(store.pool, deps)
        metrics.notifications(paid)
        claimed = paid.claimed
      }
    },
    endExpired: async () => {
      for (let ended = DEFERRED_BATCH; ended === DEFERRED_BATCH;) {
        ended = await endExpiredDialogs(store.pool, deps)
        if (ended > 0) log.debug({ ended }, 'subscriptions ended')
      }
    },
    idle: dispatcher.idle,
  }
}
