import { failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { Dialog, DialogKind, SelfScope } from '../model/dialog.ts'
import type { SourceNetwork } from '../model/network.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'
import type { SipRequest } from '../sip/request.ts'
import { grantExpires, negotiate, type ExpiryLimits, type Negotiated } from './lifetime.ts'

/** Where a request came in and from which network; a dialog follows that. */
export interface Path {
  readonly network: SourceNetwork
  readonly networkNamed: boolean
  readonly proxy: string
  readonly flow: string
  readonly contact: string
}

/** What a new dialog needs besides the SUBSCRIBE itself. */
export interface DialogTerms {
  readonly kind: DialogKind
  readonly localTag: string
  readonly endpointId: EndpointId | undefined
  readonly path: Path
  readonly scope: readonly SelfScope[]
  readonly since: number
  readonly limits: ExpiryLimits
  readonly chance: number
  /** The engine that numbers what is sent in the dialog. */
  readonly sender: string
  /** What was negotiated; without it what the option tags say. */
  readonly negotiated?: Negotiated
}

/**
 * The dialog that a SUBSCRIBE without To tag opens (RFC 3261 12.1.1), its first notification numbered 1; for a poll one that is already
 * over, which is answered and never stored. 400 without a Contact, 423 below the minimum expiry.
 */
export const openDialog = (request: SipRequest, terms: DialogTerms, now: Instant): Result<Dialog> => {
  const [contact] = request.contacts
  const granted = grantExpires(request.expires, terms.limits, terms.chance)
  const { benotify, autoextend } = terms.negotiated ?? negotiate(request)
  if (!granted.ok) return granted
  // A poll is answered in its 200 or on the flow it came from, so that only a lasting dialog must say where it can be reached.
  if (contact === undefined && granted.value > 0) return refuse(failure('contactMissing'))
  return ok({
    subscriber: request.fromUser, localTag: terms.localTag, remoteTag: request.fromTag, callId: request.callId, kind: terms.kind, event: request.eventKept,
    endpointId: terms.endpointId, localText: `${request.toText};tag=${terms.localTag}`, remoteText: request.fromText,
    target: contact?.uriText ?? request.from.uriText, routes: request.recordRoute, ...terms.path,
    benotify, cseq: 1, remoteCseq: request.cseq, notifiedAt: now, scope: terms.scope, since: terms.since, createdAt: now, expiresAt: now + granted.value * 1000, extendMs: autoextend ? granted.value * 1000 : 0, sender: terms.sender, rlmiVersion: 0, ucs: request.supported.has('ms-ucs'),
  })
}

/** More numbers than anybody uses in one dialog within one transaction. */
export const NUMBERS_AHEAD = 256

/**
 * The dialog as this engine may number it, to be stored before the number is used: beyond all that another one may have used in a transaction that was never
 * committed. CSeq must rise, but it may skip (RFC 3261 12.2.2).
 */
export const takeOver = (dialog: Dialog, sender: string): Dialog => (dialog.sender === sender ? dialog : { ...dialog, sender, cseq: dialog.cseq + NUMBERS_AHEAD })

/**
 * The dialog after an in-dialog SUBSCRIBE: new life, next number, and the target, routes and path that the request shows. The very same
 * request again changes nothing (design decision 18).
 */
export const renewDialog = (request: SipRequest, dialog: Dialog, path: Path, scope: readonly SelfScope[], limits: ExpiryLimits, chance: number, now: Instant, { benotify, autoextend }: Negotiated = negotiate(request)): Result<Dialog> => {
  if (request.cseq === dialog.remoteCseq) return ok(dialog)
  const granted = grantExpires(request.expires, limits, chance)
  if (!granted.ok) return granted
  return ok({
    ...dialog, ...path, scope, event: request.eventKept, cseq: dialog.cseq + 1, remoteCseq: request.cseq, notifiedAt: now, target: request.contacts[0]?.uriText ?? dialog.target,
    // The answer to each SUBSCRIBE of a list carries one list document.
    rlmiVersion: dialog.kind === 'adrl' ? dialog.rlmiVersion + 1 : dialog.rlmiVersion,
    routes: request.recordRoute.length > 0 ? request.recordRoute : dialog.routes, benotify: benotify || dialog.benotify, expiresAt: now + granted.value * 1000, extendMs: autoextend ? granted.value * 1000 : 0, ucs: dialog.ucs || request.supported.has('ms-ucs'),
  })
}
