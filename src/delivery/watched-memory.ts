import type { UserKey } from '../core/sip/uri.ts'

/** How many watch somebody: nobody, some, or more than are told in one go. */
export type Audience = 'none' | 'some' | 'many'

/** How many watched publishers when they were last looked at. */
export interface WatchedMemory {
  /** Undefined for those who are not remembered. */
  readonly audienceOf: (publisher: UserKey) => Audience | undefined
  readonly note: (publishers: Iterable<UserKey>, audience: Audience) => void
}

/** Enough for the busy ones; the oldest are forgotten first, which costs them one statement. */
const MOST = 100_000

export const createWatchedMemory = (): WatchedMemory => {
  const memory = new Map<UserKey, Audience>()
  return {
    audienceOf: (publisher) => memory.get(publisher),
    note: (publishers, audience) => {
      for (const publisher of publishers) {
        memory.delete(publisher)
        memory.set(publisher, audience)
      }
      for (const publisher of memory.keys()) {
        if (memory.size <= MOST) break
        memory.delete(publisher)
      }
    },
  }
}
