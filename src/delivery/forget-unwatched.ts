import type { UserKey } from '../core/sip/uri.ts'

/** Changes of those whom nobody watched when they were last looked at: nobody waits for them, so that they are dealt with many at a time. */
export interface UnwatchedQueue {
  readonly add: (publisher: UserKey) => void
  /** Deals with all of them now; resolves when that is done. */
  readonly flush: () => Promise<void>
}

/** How long such changes are gathered: the longest, too, that the first watcher of somebody waits for the first change. */
const GATHER_MS = 25

/** In one statement. */
const MOST = 500

/** `forget` must not reject; it says who has come to be watched meanwhile, and `wake` has their changes told. */
export const createUnwatchedQueue = (forget: (publishers: readonly UserKey[]) => Promise<readonly UserKey[]>, wake: (publishers: readonly UserKey[]) => void): UnwatchedQueue => {
  let waiting = new Set<UserKey>()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  const flush = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const taken = [...waiting]
    waiting = new Set()
    running = running.then(async () => {
      for (let from = 0; from < taken.length; from += MOST) wake(await forget(taken.slice(from, from + MOST)))
    })
    return running
  }
  return {
    add: (publisher) => {
      waiting.add(publisher)
      timer ??= setTimeout(() => { void flush() }, GATHER_MS)
    },
    flush,
  }
}
