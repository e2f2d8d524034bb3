import type { UserKey } from '../core/sip/uri.ts'

/** Who had watchers, and who had none, when they were last looked at. */
export interface WatchedMemory {
  /** Undefined for those who are not remembered. */
  readonly isWatched: (publisher: UserKey) => boolean | undefined
  /** `asked` were looked at; those of them that are in `watched` have watchers. */
  readonly note: (asked: readonly UserKey[], watched: readonly UserKey[]) => void
}

/** Enough for the busy ones; the oldest are forgotten first, which costs them one statement. */
const MOST = 100_000

export const createWatchedMemory = (): WatchedMemory => {
  const memory = new Map<UserKey, boolean>()
  return {
    isWatched: (publisher) => memory.get(publisher),
    note: (asked, watched) => {
      const having = new Set(watched)
      for (const publisher of asked) {
        memory.delete(publisher)
        memory.set(publisher, having.has(publisher))
      }
      for (const publisher of memory.keys()) {
        if (memory.size <= MOST) break
        memory.delete(publisher)
      }
    },
  }
}
