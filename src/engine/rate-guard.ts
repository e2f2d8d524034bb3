import { refillMs, takeToken, type Bucket, type RateLimits } from '../core/admission/token-bucket.ts'
import type { Instant } from '../core/base/instant.ts'
import type { UserKey } from '../core/sip/uri.ts'

/** Guards this engine against users whose clients run away; no quota, and each engine counts for itself. */
export interface RateGuard {
  /** Counts a request of a user: 0 when it may go on, otherwise the seconds after which the user may do everything again. */
  readonly count: (user: UserKey, now: Instant) => number
  /** Users remembered now. */
  readonly size: () => number
}

/** Longest pause asked for, in seconds: with a large burst and a small rate it could be hours. */
const MAX_PAUSE_S = 60

/** Users who did something within the time that fills a bucket are remembered, at most this many: without authentication anybody can be anybody. */
const MAX_BUCKETS = 50_000

export const createRateGuard = (limits: RateLimits, maxBuckets = MAX_BUCKETS): RateGuard => {
  const buckets = new Map<UserKey, Bucket>()
  /** Whoever was seen longest ago comes first; a full bucket is as good as none. Two for each one that comes keep the map from growing. */
  const forgetIdle = (now: Instant): void => {
    let looked = 0
    for (const [user, bucket] of buckets) {
      if (buckets.size <= maxBuckets && (looked === 2 || refillMs(bucket, limits, now) > 0)) break
      buckets.delete(user)
      looked += 1
    }
  }
  return {
    count: (user, now) => {
      if (limits.perSecond === 0) return 0
      const { bucket, taken } = takeToken(buckets.get(user), limits, now)
      buckets.delete(user)
      buckets.set(user, bucket)
      forgetIdle(now)
      return taken ? 0 : Math.min(MAX_PAUSE_S, Math.max(1, Math.ceil(refillMs(bucket, limits, now) / 1000)))
    },
    size: () => buckets.size,
  }
}
