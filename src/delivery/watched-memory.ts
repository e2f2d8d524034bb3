import type { UserKey } from '../core/sip/uri.ts'

/** Who had watchers when they were last looked at: their changes are told at once, without asking first whether anybody watches. */
export interface WatchedMemory {
  readonly has: (publisher: UserKey) => boolean
  /** `asked` were looked at; those of them that are in `watched` have watchers. */
  readonly note: (asked: readonly UserKey[], watched: readonly UserKey[]) => void
}

/** Enough for the busy ones; the oldest are forgotten first, which costs them one statement. */
const MOST = 100_000

export const createWatchedMemory = (): WatchedMemory => {
  const memory = new Set<UserKey>()
  return {
    has: (publisher) => memory.has(publisher),
    note: (asked, watched) => {
      for (const publisher of asked) memory.delete(publisher)
      for (const publisher of watched) memory.add(publisher)
      for (const publisher of memory) {
        if (memory.size <= MOST) break
        memory.delete(publisher)
      }
    },
  }
}
