import type { Instant } from '../base/instant.ts'
import { NUMBERS_AHEAD } from './dialog.ts'

/** How a NOTIFY travels: in packets that may be lost, or over a connection whose end is noticed. */
export type Transport = 'udp' | 'connection'

/** The transport that a proxy's token for a connection begins with (udp, tcp, tls, ws, wss); a token that names none counts as a connection. */
export const transportOf = (flow: string): Transport => (/^udp\b/i.test(flow) ? 'udp' : 'connection')

/** What answers to a NOTIFY come to: one row of the table. */
export interface NotifyRule {
  /** Statuses; 300, 400, 500 and 600 also stand for all of their class that are in no row (RFC 3261 8.1.3.2). */
  readonly codes: readonly number[]
  /** Only over this transport. */
  readonly over?: Transport
  /** end: the dialog is removed. retry: it is owed the latest state of all it watches. keep: nothing is owed, the next change is tried. */
  readonly then: 'end' | 'retry' | 'keep'
  /** Milliseconds to the first retry; each further one waits twice as long. */
  readonly afterMs: number
  /** So many failures in a row, and the dialog is given up. */
  readonly limit: number
  readonly why: string
}

/** The table of answers to NOTIFY, more special rows first. The README shows the same. */
export const notifyRules: readonly NotifyRule[] = [
  { codes: [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604], then: 'end', afterMs: 0, limit: 1, why: 'The subscription is gone on the other side, or nobody is there to have one (RFC 6665 4.2.2).' },
  { codes: [408], over: 'udp', then: 'retry', afterMs: 5_000, limit: 2, why: 'Not one of many retransmissions was answered: the client has vanished (RFC 6665 4.2.2, Timer F), and nothing but this says so. Tried once more, since networks pause.' },
  { codes: [408], over: 'connection', then: 'retry', afterMs: 5_000, limit: 4, why: 'The connection stood, else the proxy had said 430 at the hand-over: the client is asleep or busy, and waiting for it costs no retransmissions. Its registrar tells when it is lost.' },
  { codes: [430], then: 'retry', afterMs: 5_000, limit: 4, why: 'A proxy on the way lost the connection to the client (RFC 5626 5.3.1). Its next REGISTER makes due at once what it is owed.' },
  { codes: [486, 491], then: 'retry', afterMs: 5_000, limit: 3, why: 'The client is occupied for the moment (RFC 3261 21.4.22, 21.4.27).' },
  { codes: [503], then: 'retry', afterMs: 30_000, limit: 5, why: 'The client, or a proxy on the way, is overloaded or about to restart (RFC 3261 21.5.4).' },
  { codes: [505, 513], then: 'keep', afterMs: 0, limit: 3, why: 'It cannot take this notification, and would not the next time.' },
  { codes: [300], then: 'keep', afterMs: 0, limit: 3, why: 'A notification goes where its dialog leads; a client that has moved says so by SUBSCRIBE (RFC 3261 12.2.1.2).' },
  { codes: [400], then: 'keep', afterMs: 0, limit: 3, why: 'The client refuses this very notification: its body, its size, or it asks for credentials that nobody here has. Another one may please.' },
  { codes: [500], then: 'retry', afterMs: 5_000, limit: 3, why: 'Something failed on the way or in the client; 500 is also said to a number below one already seen (RFC 3261 12.2.2), and the retry has a higher one.' },
  { codes: [600], then: 'keep', afterMs: 0, limit: 3, why: 'The user declines wherever it is (RFC 3261 21.6).' },
]

/** The row for an answer; 300 to 699 always have one. */
export const findRule = (code: number, transport: Transport): NotifyRule | undefined => {
  const among = (wanted: number): NotifyRule | undefined => notifyRules.find(({ codes, over }) => codes.includes(wanted) && (over === undefined || over === transport))
  return among(code) ?? among(Math.floor(code / 100) * 100)
}

/** What is known of the failures of a dialog since something of it was last heard to work. */
export interface FailureHistory {
  /** Stalls in a row. */
  readonly failures: number
  /** The last failure, and the first one of its stall. */
  readonly failedAt: Instant
  readonly stalledAt: Instant
  /** The highest number of a notification that failed. */
  readonly failedCseq: number
}

/** Failures this close to the first one of a stall are the same stall: what was under way together fails together. */
const STALL_MS = 10_000

/** Failures longer ago are forgiven. */
const FORGIVEN_MS = 600_000

/**
 * Counts a failed NOTIFY. Nobody tells us of those that are answered well, but their numbers do: where some between two failures, seconds apart,
 * did not fail, the count begins anew; where so many are missing, they were skipped by another sender. It also does after ten minutes, and a SUBSCRIBE in the
 * dialog ends it altogether.
 */
export const countFailure = (before: FailureHistory, cseq: number | undefined, now: Instant): FailureHistory => {
  const between = cseq === undefined || before.failedCseq === 0 ? 0 : cseq - before.failedCseq - 1
  const sinceLast = now - before.failedAt
  const failedCseq = Math.max(before.failedCseq, cseq ?? 0)
  if (before.failures === 0 || sinceLast >= FORGIVEN_MS || (sinceLast >= STALL_MS && between > 0 && between < NUMBERS_AHEAD)) return { failures: 1, failedAt: now, stalledAt: now, failedCseq }
  if (now - before.stalledAt < STALL_MS) return { ...before, failedAt: now, failedCseq }
  return { failures: before.failures + 1, failedAt: now, stalledAt: now, failedCseq }
}

/** What to do with a dialog: remove it, tell it that it is over, owe it everything after some milliseconds, or nothing. */
export type Verdict = { readonly do: 'end' | 'giveUp' | 'keep' } | { readonly do: 'retry'; readonly afterMs: number }

const LONGEST_RETRY_MS = 60_000

/** Longest pause that Retry-After is granted. */
const LONGEST_PAUSE_MS = 3_600_000

/**
 * Judges a failed NOTIFY by the table: after `failures` in a row, this one included. A Retry-After (in seconds) says when to come again and is
 * waited for, at most an hour, also where otherwise nothing would be owed.
 */
export const judgeFailure = (code: number, transport: Transport, failures: number, retryAfter: number | undefined): Verdict => {
  const rule = findRule(code, transport)
  if (rule === undefined) return { do: 'keep' }
  if (rule.then === 'end') return { do: 'end' }
  if (failures >= rule.limit) return { do: 'giveUp' }
  const doubled = Math.min(LONGEST_RETRY_MS, rule.afterMs * 2 ** (failures - 1))
  if (retryAfter !== undefined && retryAfter > 0) return { do: 'retry', afterMs: Math.max(doubled, Math.min(LONGEST_PAUSE_MS, retryAfter * 1000)) }
  return rule.then === 'keep' ? { do: 'keep' } : { do: 'retry', afterMs: doubled }
}
