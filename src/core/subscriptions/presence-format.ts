import { failure, type Failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import type { SourceNetwork } from '../model/network.ts'
import { checkRequired } from '../sip/extensions.ts'
import { mediaTypes } from '../sip/media-types.ts'
import type { SipRequest } from '../sip/request.ts'
import { negotiate, type Negotiated } from './lifetime.ts'
import { isBatch } from './resources.ts'

/** What a subscription of the presence package is told in: enhanced presence, or one of the two documents made of it. */
export type PresenceChoice = 'categories' | 'msrtc' | 'pidf'

/**
 * Which document each value of Accept asks for, in the order of preference of 1.3.3: the first row that stands in the header decides, whatever its
 * place there. Media ranges come after all names. XPIDF is in no row: it is never sent.
 */
const choices: readonly (readonly [accept: string, choice: PresenceChoice])[] = [
  [mediaTypes.categories, 'categories'],
  [mediaTypes.msrtcPresence, 'msrtc'],
  [mediaTypes.pidf, 'pidf'],
  // Whoever takes anything is told what everybody must understand (RFC 3856 6.5).
  ['application/*', 'pidf'],
  ['*/*', 'pidf'],
  ['text/*', 'msrtc'],
]

/** Media ranges that admit the categories document for one who asked for categories. */
const categoryRanges: readonly string[] = [mediaTypes.categories, 'application/*', '*/*']

/**
 * The document of a dialog-creating or polling SUBSCRIBE (1.3.3); inside a dialog its kind counts. A body or option tags of a category SUBSCRIBE ask
 * for categories and nothing else (3.4.5.1.1). Without Accept the default of the package, PIDF, is meant (RFC 3856 6.5). 406 for what is left.
 */
export const choosePresence = (request: SipRequest): Result<PresenceChoice> => {
  const { accept } = request
  if ((request.body.length > 0 && request.contentType === mediaTypes.batchSubscribe) || isBatch(request)) {
    return accept.length === 0 || categoryRanges.some((range) => accept.includes(range)) ? ok('categories') : refuse(failure('notAcceptable', `Accept must admit ${mediaTypes.categories}`))
  }
  if (accept.length === 0) return ok('pidf')
  const found = choices.find(([range]) => accept.includes(range))
  if (found !== undefined) return ok(found[1])
  return refuse({ ...failure('notAcceptable', `Accept must admit ${mediaTypes.categories}, ${mediaTypes.msrtcPresence} or ${mediaTypes.pidf}`), headers: [['Accept', [mediaTypes.pidf, mediaTypes.msrtcPresence, mediaTypes.categories].join(', ')]] })
}

/** The documents that legacyInterop is turned into. */
export type LegacyFormat = Exclude<PresenceChoice, 'categories'>

/** Extensions that a SUBSCRIBE of each format may require: of PIDF none (2.2.2.8.1), of MSRTC what its examples only support (MS-SIP 3.4 to 3.6). */
const known: Readonly<Record<LegacyFormat, ReadonlySet<string>>> = {
  msrtc: new Set(['ms-benotify', 'ms-piggyback-first-notify', 'com.microsoft.autoextend']),
  pidf: new Set(),
}

/**
 * What is refused of an MSRTC or PIDF SUBSCRIBE (2.2.2.8.1, 2.2.2.9.1), in and outside of a dialog: required extensions, among them the lists of MS-SIP
 * and RFC 4662, and bodies other than filters, which are passed over. From, To, Contact, Expires and the dialog are checked as for every SUBSCRIBE.
 */
export const checkPresenceSubscribe = (request: Pick<SipRequest, 'require' | 'contentType' | 'body'>, format: LegacyFormat): Failure | undefined => {
  const unsupported = checkRequired(request, known[format])
  if (unsupported !== undefined) return unsupported
  if (request.body.length > 0 && request.contentType !== mediaTypes.simpleFilter) return { ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', `${mediaTypes.simpleFilter}, ${mediaTypes.batchSubscribe}`]] }
  return undefined
}

const PLAIN: Negotiated = { benotify: false, piggyback: false, autoextend: false }

/**
 * What an MSRTC or PIDF subscription negotiates: PIDF nothing, its first document comes in a NOTIFY (3.7.5.4). MSRTC is piggybacked where supported (3.7.5.5);
 * to other domains goes NOTIFY though BENOTIFY was asked for, as the example has it (4.11).
 */
export const negotiatePresence = (request: SipRequest, format: LegacyFormat, network: SourceNetwork): Negotiated => {
  if (format === 'pidf') return PLAIN
  const asked = negotiate(request)
  return { ...asked, benotify: asked.benotify && network === 'sameEnterprise' }
}
