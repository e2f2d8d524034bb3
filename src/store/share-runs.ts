/** Work that many callers ask for and that is done for several of them at once. */
export type Shared<I, O> = (item: I) => Promise<O>

export interface SharingOptions<I, O> {
  /** Does it for some items, none of them with the key of another; results in their order. */
  readonly run: (items: readonly I[]) => Promise<readonly O[]>
  /** Items with the same key are never under way at the same time. */
  readonly keyOf: (item: I) => string
  /** Items of one run at most. */
  readonly most: number
  /** Runs at the same time. */
  readonly concurrency: number
}

interface Waiting<I, O> {
  readonly item: I
  readonly key: string
  readonly resolve: (result: O) => void
  readonly reject: (error: unknown) => void
}

/**
 * Group commit, for anything: whoever comes while a run is under way waits for the next one and shares it, so that runs grow with the load and a single
 * caller waits for nobody. When a shared run fails, each of its items is done by itself: one bad item must not take others along.
 */
export const shareRuns = <I, O>({ run, keyOf, most, concurrency }: SharingOptions<I, O>): Shared<I, O> => {
  let queue: Waiting<I, O>[] = []
  const busy = new Set<string>()
  let running = 0
  let scheduled = false

  const settle = async (taken: readonly Waiting<I, O>[]): Promise<void> => {
    try {
      const results = await run(taken.map(({ item }) => item))
      for (const [at, { resolve, reject }] of taken.entries()) {
        if (at < results.length) resolve(results[at] as O)
        else reject(new Error('a shared run has no result for one of its items'))
      }
    } catch (error) {
      if (taken.length === 1) for (const { reject } of taken) reject(error)
      else for (const one of taken) await settle([one])
    }
  }

  const take = (): readonly Waiting<I, O>[] => {
    const taken: Waiting<I, O>[] = []
    const left: Waiting<I, O>[] = []
    for (const waiting of queue) {
      if (taken.length === most || busy.has(waiting.key)) left.push(waiting)
      else {
        busy.add(waiting.key)
        taken.push(waiting)
      }
    }
    queue = left
    return taken
  }

  const pump = (): void => {
    while (running < concurrency && queue.length > 0) {
      const taken = take()
      if (taken.length === 0) return
      running += 1
      void settle(taken).finally(() => {
        running -= 1
        for (const { key } of taken) busy.delete(key)
        pump()
      })
    }
  }

  return (item) => new Promise<O>((resolve, reject) => {
    queue.push({ item, key: keyOf(item), resolve, reject })
    if (scheduled || running >= concurrency) return
    // Whatever else has come in with this turn of the event loop goes along.
    scheduled = true
    setImmediate(() => {
      scheduled = false
      pump()
    })
  })
}
