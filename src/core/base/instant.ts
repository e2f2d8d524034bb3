/** Milliseconds since the epoch. "Now" is always handed in, never read, inside the core. */
export type Instant = number

/** publishTime as MS-PRES writes it (2.2.2.1): UTC, milliseconds, no zone letter. */
export const writePublishTime = (at: Instant): string => new Date(at).toISOString().slice(0, -1)

/** Whole seconds left until `until`, never negative; what Expires headers and `expires` attributes carry. */
export const secondsLeft = (until: Instant, now: Instant): number => Math.max(0, Math.ceil((until - now) / 1000))

/** Whole seconds that have passed since `at`, never negative: clocks of several engines may differ. */
export const secondsSince = (at: Instant, now: Instant): number => Math.max(0, Math.floor((now - at) / 1000))

const ISO_UTC = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/

/** An ISO-8601 instant; a missing zone means UTC, as in every MS-PRES document. Undefined when it is not one. */
export const readIsoInstant = (text: string): Instant | undefined => {
  const match = ISO_UTC.exec(text)
  if (match === null) return undefined
  const [, year, month, day, , , zone] = match
  // Date.parse takes 30 February for 1 March.
  if (Number(day) > new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()) return undefined
  const at = Date.parse(zone === undefined ? `${text}Z` : text)
  return Number.isNaN(at) ? undefined : at
}
