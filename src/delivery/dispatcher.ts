import type { UserKey } from '../core/sip/uri.ts'

/** Tells dirty publishers' changes, with bounded concurrency. */
export interface Dispatcher {
  /** Says that a publisher has changes to tell. Cheap; told once however often it is said before its turn comes. */
  readonly wake: (publishers: readonly UserKey[]) => void
  /** Resolves when nothing is waiting or running, for a graceful stop and for tests. */
  readonly idle: () => Promise<void>
}

/** Publishers taken together into one transaction: shares its round trips, and bounds what one slow one can hold up. */
const BATCH = 32

/** Publishers that may wait here at most, so that memory stays bounded whatever happens. */
const MOST_WAITING = 100_000

/** Least time between the beginnings of two batches, unless there is a full one: under load it makes fewer and larger ones, and who comes after a quiet moment waits for nothing. */
const GATHER_MS = 4

/** How long work waits behind a running batch before another one starts beside it. */
const IMPATIENCE_MS = 20

/** `tell` must not reject; what it could not do is found again by the poll for what was left behind. */
export const createDispatcher = (tell: (publishers: readonly UserKey[]) => Promise<void>, concurrency: number): Dispatcher => {
  const dirty = new Set<UserKey>()
  const busy = new Set<UserKey>()
  let running = 0
  let onIdle: (() => void)[] = []

  const take = (): readonly UserKey[] => {
    const batch: UserKey[] = []
    for (const publisher of dirty) {
      // One that is being told right now waits: its turn must see what was committed meanwhile.
      if (busy.has(publisher)) continue
      batch.push(publisher)
      if (batch.length === BATCH) break
    }
    for (const publisher of batch) dirty.delete(publisher)
    return batch
  }

  let begun = -Infinity
  const begin = (batch: readonly UserKey[]): void => {
    running += 1
    begun = performance.now()
    for (const publisher of batch) busy.add(publisher)
    void tell(batch).finally(() => {
      for (const publisher of batch) busy.delete(publisher)
      running -= 1
      pump()
    })
  }

  // One telling at a time shares its round trips among all that became dirty meanwhile. More run side by side only when there is
  // more than one batch of work, or when one takes long because its proxy does.
  let impatient: NodeJS.Timeout | undefined
  let gathering: NodeJS.Timeout | undefined
  const pump = (all = false): void => {
    const early = begun + GATHER_MS - performance.now()
    if (!all && running === 0 && dirty.size > 0 && dirty.size < BATCH && early > 0) {
      gathering ??= setTimeout(() => {
        gathering = undefined
        pump(true)
      }, early)
      return
    }
    while (running < concurrency && dirty.size > 0 && (running === 0 || all || dirty.size >= BATCH)) {
      const batch = take()
      if (batch.length === 0) break
      begin(batch)
    }
    if (running > 0 && dirty.size > 0 && impatient === undefined) {
      impatient = setTimeout(() => {
        impatient = undefined
        pump(true)
      }, IMPATIENCE_MS)
    }
    if (running === 0 && dirty.size === 0) {
      clearTimeout(impatient)
      impatient = undefined
      for (const resolve of onIdle) resolve()
      onIdle = []
    }
  }

  return {
    wake: (publishers) => {
      // What does not fit is found again by the poll for what was left behind.
      for (const publisher of publishers) if (dirty.size < MOST_WAITING) dirty.add(publisher)
      pump()
    },
    idle: () => new Promise((resolve) => {
      onIdle.push(resolve)
      pump()
    }),
  }
}
