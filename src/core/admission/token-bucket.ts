import type { Instant } from '../base/instant.ts'

/** What somebody may still do at once, and when that was so. */
export interface Bucket {
  readonly tokens: number
  readonly at: Instant
}

export interface RateLimits {
  /** What comes back in a second; 0 sets no limit. */
  readonly perSecond: number
  /** What may be done at once after a pause. */
  readonly burst: number
}

/** What a bucket holds by now. A clock that was set back gives nothing and takes nothing. */
const tokensAt = (bucket: Bucket | undefined, { perSecond, burst }: RateLimits, now: Instant): number =>
  bucket === undefined ? burst : Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perSecond)

/** Takes one token if there is one; a refusal takes nothing, so that whoever keeps on asking still gets the sustained rate. */
export const takeToken = (bucket: Bucket | undefined, limits: RateLimits, now: Instant): { readonly bucket: Bucket; readonly taken: boolean } => {
  const tokens = tokensAt(bucket, limits, now)
  return tokens >= 1 ? { bucket: { tokens: tokens - 1, at: now }, taken: true } : { bucket: { tokens, at: now }, taken: false }
}

/** Milliseconds until a bucket is full again, as one that was never used. */
export const refillMs = (bucket: Bucket, limits: RateLimits, now: Instant): number =>
  limits.perSecond === 0 ? 0 : Math.ceil(((limits.burst - tokensAt(bucket, limits, now)) / limits.perSecond) * 1000)
