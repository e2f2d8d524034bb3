import type { Instant } from '../core/base/instant.ts'

/** How long another node's change may go unnoticed here. */
export const CACHE_AGE_MS = 2_000

/** Something small from the database that nearly every request needs. */
export interface ShortCache<T> {
  readonly get: () => Promise<T>
  /** Forgets what is cached, after a change by the operator. */
  readonly forget: () => void
}

/** Keeps what `load` gave for two seconds; requests that come together wait for one load, and a failed one is not kept. */
export const createShortCache = <T>(load: () => Promise<T>, now: () => Instant): ShortCache<T> => {
  let loading: Promise<T> | undefined
  let loadedAt = 0
  return {
    get: () => {
      if (loading === undefined || now() - loadedAt >= CACHE_AGE_MS) {
        loadedAt = now()
        const fresh = load()
        loading = fresh
        fresh.catch(() => { if (loading === fresh) loading = undefined })
      }
      return loading
    },
    forget: () => { loading = undefined },
  }
}
