/** A Retry-After header (RFC 3261 20.33) between two numbers of seconds; `fraction` (0 to 1) spreads those who were refused together, so that they do not come back together. */
export const retryAfter = (fraction: number, from: number, to: number): readonly [string, string] =>
  ['Retry-After', String(Math.min(to, from + Math.floor(fraction * (to - from + 1))))]
