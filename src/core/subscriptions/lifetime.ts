import { failure, type Failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { needsEventlist, shownExpires, tellsResources, type Dialog } from '../model/dialog.ts'
import { keptEventHeader, writeEventHeader } from '../sip/event-header.ts'
import type { SipRequest } from '../sip/request.ts'

/** Bounds of subscription expiry, in seconds. */
export interface ExpiryLimits {
  readonly min: number
  readonly default: number
  readonly max: number
}

/** What a SUBSCRIBE wants of the dialog's life (RFC 6665 4.2.1, MS-PRES 3.4.5.1.2). */
export type Intent = 'create' | 'poll' | 'refresh' | 'cancel'

/** Expires: 0 without a To tag is a poll, with one it is a cancel. */
export const readIntent = (request: Pick<SipRequest, 'toTag' | 'expires'>): Intent =>
  request.toTag === undefined ? (request.expires === 0 ? 'poll' : 'create') : request.expires === 0 ? 'cancel' : 'refresh'

/**
 * Grants a life in seconds. Without an Expires the server chooses, spread by `chance` (0 to 1) over the upper quarter so that fleets do not come
 * back in one burst; a wish is never lengthened (RFC 6665 4.2.1.1) and refused with 423 when it is below the minimum.
 */
export const grantExpires = (asked: number | undefined, limits: ExpiryLimits, chance: number): Result<number> => {
  if (asked === undefined) return ok(Math.round(limits.default * (0.75 + chance / 4)))
  if (asked > 0 && asked < limits.min && asked < 3600) return refuse({ ...failure('intervalTooBrief'), headers: [['Min-Expires', String(limits.min)]] })
  return ok(Math.min(asked, limits.max))
}

/** What the client's option tags negotiate (MS-SIP 3.4, 3.5): BENOTIFY needs its tag in Supported and in Proxy-Require. */
export interface Negotiated {
  readonly benotify: boolean
  readonly piggyback: boolean
  readonly autoextend: boolean
}

export const negotiate = ({ supported, proxyRequire }: SipRequest): Negotiated => ({
  benotify: supported.has('ms-benotify') && proxyRequire.has('ms-benotify'),
  piggyback: supported.has('ms-piggyback-first-notify'),
  autoextend: supported.has('com.microsoft.autoextend'),
})

// Rates may change with a refresh (RFC 6446 3.3); what names the subscription may not (RFC 6665 4.1.2.2).
const isSameEvent = (kept: string, asked: string): boolean => writeEventHeader(keptEventHeader(kept)) === writeEventHeader(keptEventHeader(asked))

/** Checks an in-dialog request against its dialog: right peer, not ended, not older than an earlier one. */
export const checkInDialog = (request: SipRequest, dialog: Dialog | undefined, now: Instant): Failure | undefined => {
  if (dialog === undefined || dialog.callId !== request.callId || dialog.remoteTag !== request.fromTag || !isSameEvent(dialog.event, request.eventKept) || dialog.expiresAt <= now) return failure('dialogUnknown')
  // An equal CSeq is the same request again: it is answered again (design decision 18).
  return request.cseq < dialog.remoteCseq ? failure('outOfOrder') : undefined
}

type Headers = readonly (readonly [string, string])[]

const supportedHeader = ({ benotify, piggyback, autoextend }: Negotiated): Headers => {
  const tags = [...(benotify ? ['ms-benotify'] : []), ...(piggyback ? ['ms-piggyback-first-notify'] : []), ...(autoextend ? ['com.microsoft.autoextend'] : [])]
  return tags.length === 0 ? [] : [['Supported', tags.join(', ')]]
}

/** Headers of the 200 that carries the first notification itself (MS-SIP 3.4, 4.4.2); without a type it has no body. `pending`: it waits for somebody's leave. */
export const piggybackHeaders = (dialog: Dialog, negotiated: Negotiated, contentType: string | undefined, now: Instant, pending = false): Headers => {
  const left = shownExpires(dialog, now)
  return [
    ['Contact', `<${dialog.contact}>`],
    ['Expires', String(left)],
    ...(needsEventlist(dialog) ? [['Require', 'eventlist'] as const] : []),
    ...(contentType === undefined ? [] : [['Content-Type', contentType] as const]),
    ['Event', writeEventHeader(keptEventHeader(dialog.event))],
    ['subscription-state', left > 0 ? `${pending ? 'pending' : 'active'};expires=${left}` : 'terminated;expires=0'],
    ['ms-piggyback-cseq', String(dialog.cseq)],
    ...supportedHeader(negotiated),
  ]
}

/** Headers of the 200 after which a NOTIFY follows, and of the answer to a cancel. */
export const plainHeaders = (dialog: Dialog, negotiated: Negotiated, now: Instant): Headers => [
  ['Contact', `<${dialog.contact}>`],
  ['Expires', String(shownExpires(dialog, now))],
  // The lists of RFC 4662 say so here as well (4.1); what MS-PRES makes of them says so where the data is.
  ...(tellsResources(dialog.kind) ? [['Require', 'eventlist'] as const] : []),
  ...supportedHeader(negotiated),
]
