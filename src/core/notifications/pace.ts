import { keptEventHeader } from '../sip/event-header.ts'

/** The longest that a watcher may have us wait: a rate below one in a quarter of an hour is taken for that. */
const LONGEST_GAP_MS = 900_000

/**
 * Milliseconds between two changes that are told in a dialog of an ordinary phone: RFC 3856 6.10 wants no more than one notification every five seconds, `gapMs`; the watcher may
 * ask for fewer (RFC 6446 3.3). What answers its SUBSCRIBE, and what ends the dialog, does not wait.
 */
export const gapOf = (event: string, gapMs: number): number => {
  const { maxRate } = keptEventHeader(event)
  return Math.max(gapMs, maxRate === undefined ? 0 : Math.min(LONGEST_GAP_MS, Math.ceil(1000 / Number(maxRate))))
}
