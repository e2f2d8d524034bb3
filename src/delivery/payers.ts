/** Whoever pays what is owed at several proxies, some of them slow. */
export interface Payers {
  /** Gives every proxy a turn that has none coming; resolves when nobody has one any more. Need not be waited for before it is called again. */
  readonly pay: () => Promise<void>
  /** Ends behind the rounds that are under way. */
  readonly stop: () => Promise<void>
}

export interface PayersOptions {
  readonly ids: readonly string[]
  readonly isReady: (proxy: string) => boolean
  /** One round at a proxy; true when another one would get further. Must not reject. */
  readonly round: (proxy: string) => Promise<boolean>
  /** Rounds at the same time: each keeps a database connection for as long as its proxy takes. */
  readonly most: number
}

/** One round at a time for each proxy, in turn: one that is slow, or is owed a lot, waits for its next turn like everybody. */
export const createPayers = ({ ids, isReady, round, most }: PayersOptions): Payers => {
  const waiting: string[] = []
  const paying = new Set<string>()
  let workers = 0
  let stopped = false
  let onDone: (() => void)[] = []
  const work = async (): Promise<void> => {
    workers += 1
    for (let proxy = waiting.shift(); proxy !== undefined; proxy = waiting.shift()) {
      if (stopped || !isReady(proxy)) continue
      paying.add(proxy)
      const again = await round(proxy)
      paying.delete(proxy)
      if (again) waiting.push(proxy)
    }
    workers -= 1
    if (workers > 0) return
    for (const resolve of onDone) resolve()
    onDone = []
  }
  const done = (): Promise<void> => (workers === 0 ? Promise.resolve() : new Promise((resolve) => { onDone.push(resolve) }))
  return {
    pay: () => {
      if (!stopped) for (const proxy of ids) if (!waiting.includes(proxy) && !paying.has(proxy)) waiting.push(proxy)
      while (workers < most && waiting.length > 0) void work()
      return done()
    },
    stop: () => {
      stopped = true
      return done()
    },
  }
}
