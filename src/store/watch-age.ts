/** Calls that are counted while they are under way. */
export interface Watched<I, O> {
  readonly call: (item: I) => Promise<O>
  /** For how long the one that began first of those under way is so already, in milliseconds; 0 when there is none. */
  readonly oldestMs: () => number
}

/** Watches how long calls take that wait in a queue of their own before they ask for a connection. */
export const watchAge = <I, O>(work: (item: I) => Promise<O>): Watched<I, O> => {
  const underWay = new Set<{ readonly since: number }>()
  return {
    call: async (item) => {
      const one = { since: performance.now() }
      underWay.add(one)
      try {
        return await work(item)
      } finally {
        underWay.delete(one)
      }
    },
    oldestMs: () => {
      for (const { since } of underWay) return performance.now() - since
      return 0
    },
  }
}
