import { failure, type Failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { readPidf, type PidfDocument } from '../requests/pidf.ts'
import { checkRequired } from '../sip/extensions.ts'
import { eventPackages, mediaTypes } from '../sip/media-types.ts'
import type { SipRequest } from '../sip/request.ts'
import { parseSipUri, userKey, type UserKey } from '../sip/uri.ts'

/** Bounds of what phones publish by PUBLISH (RFC 3903). */
export interface EventStateLimits {
  /** Of a publication's life, in seconds. */
  readonly min: number
  readonly default: number
  readonly max: number
  /** Size of one document. */
  readonly maxBytes: number
  /** Living entity tags of one user. */
  readonly maxPerUser: number
}

/** What a PUBLISH asks for (RFC 3903 4.1): initial and modify carry a document, modify, refresh and remove a tag, and remove grants nothing. */
export interface EventStateRequest {
  /** Seconds granted; 0 removes. */
  readonly expires: number
  readonly document: PidfDocument | undefined
}

/** The events that phones publish for. */
const EVENTS: readonly string[] = [eventPackages.presence]

/** Extensions that a PUBLISH may require. */
const EXTENSIONS: ReadonlySet<string> = new Set()

// RFC 3903 12: an entity-tag is a token.
const TOKEN = /^[A-Za-z0-9.!%*_+`'~-]+$/

/** Whose state it is (RFC 3903 6, step 1): the user of the Request-URI. A proxy that sends it on to a server of its own leaves none there, and To says it. */
export const resourceOf = ({ requestUri, toUser }: SipRequest): UserKey => {
  const uri = parseSipUri(requestUri)
  return uri.ok && uri.value.user !== undefined ? userKey(uri.value) : toUser
}

/**
 * What RFC 3903 6 checks once the resource is known and before its state is asked: required extensions, of which there are none (420), the Event (489), who may
 * publish (403), and whether SIP-If-Match is one tag (400). Only users themselves publish for themselves.
 */
export const checkEventStateRequest = (request: SipRequest): Failure | undefined => {
  const { event, fromUser, toUser, ifMatch } = request
  const unsupported = checkRequired(request, EXTENSIONS)
  if (unsupported !== undefined) return unsupported
  if (event === undefined || !EVENTS.includes(event)) return { ...failure('eventUnknown', event ?? 'no Event'), headers: [['Allow-Events', EVENTS.join(',')]] }
  if (fromUser !== toUser || fromUser !== resourceOf(request)) return failure('fromIsNotTo')
  if (ifMatch !== undefined && (ifMatch.length !== 1 || !TOKEN.test(ifMatch[0] ?? ''))) return failure('malformedRequest', 'SIP-If-Match is not one entity tag')
  return undefined
}

/** Never longer than asked; 423 only for what is above zero and below the minimum (RFC 3903 6, step 4). */
const grant = (asked: number | undefined, { min, default: byDefault, max }: EventStateLimits): Result<number> => {
  if (asked !== undefined && asked > 0 && asked < min) return refuse({ ...failure('intervalTooBrief'), headers: [['Min-Expires', String(min)]] })
  return ok(Math.min(asked ?? byDefault, max))
}

/**
 * What comes behind the check of the tag (RFC 3903 6, steps 4 and 5): Expires, then the body. 415 for what is not PIDF, partial publication (RFC 5264) included; 400
 * when there is neither body nor tag.
 */
export const readEventStateRequest = (request: SipRequest, limits: EventStateLimits): Result<EventStateRequest> => {
  const expires = grant(request.expires, limits)
  if (!expires.ok) return expires
  if (request.body.length === 0) return request.ifMatch === undefined ? refuse(failure('bodyMissing')) : ok({ expires: expires.value, document: undefined })
  if (request.contentType !== mediaTypes.pidf) return refuse({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.pidf]] })
  const document = readPidf(request.body, request.toUser, limits.maxBytes)
  return document.ok ? ok({ expires: expires.value, document: document.value }) : document
}
