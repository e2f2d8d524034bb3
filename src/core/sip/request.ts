import { failure, type Failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { keepEventHeader, readEventHeader } from './event-header.ts'
import { bareValue, parseNameAddress, readOptionTags, readSeconds, splitOutsideQuotes, type NameAddress } from './header-values.ts'
import type { SipMessage } from './message.ts'
import { userKey, type UserKey } from './uri.ts'

/** What the engine needs of any request; methods are as written (they are case-sensitive). */
export interface SipRequest {
  readonly method: string
  /** As written: where a proxy sends the request, whatever To says (RFC 3261 16.5). */
  readonly requestUri: string
  readonly from: NameAddress
  readonly to: NameAddress
  readonly fromUser: UserKey
  readonly toUser: UserKey
  /** The raw From and To values, tags and epid included; a NOTIFY repeats them (RFC 6665 4.1.3). */
  readonly fromText: string
  readonly toText: string
  readonly fromTag: string
  readonly toTag: string | undefined
  readonly epid: string | undefined
  readonly callId: string
  readonly cseq: number
  readonly contacts: readonly NameAddress[]
  /** Contact: * of a REGISTER. */
  readonly contactStar: boolean
  readonly event: string | undefined
  /** The Event as a dialog keeps it (see event-header.ts). */
  readonly eventKept: string
  /** The entity tag that a watcher already has, or * for whatever it has (RFC 5839 5.2). */
  readonly suppressIfMatch: string | undefined
  /** The entity tags of SIP-If-Match; undefined without that header (RFC 3903 11.3.2). */
  readonly ifMatch: readonly string[] | undefined
  readonly expires: number | undefined
  readonly contentType: string | undefined
  readonly contentDisposition: string | undefined
  readonly accept: readonly string[]
  readonly supported: ReadonlySet<string>
  readonly require: ReadonlySet<string>
  readonly proxyRequire: ReadonlySet<string>
  readonly recordRoute: readonly string[]
  readonly body: Uint8Array
}

const bad = (detail: string): { readonly ok: false; readonly failure: Failure } => refuse(failure('malformedRequest', detail))

const single = (message: SipMessage, name: string): Result<string> => {
  const values = message.headers.get(name)
  if (values === undefined) return bad(`no ${name} header`)
  if (values.length > 1 || values[0] === undefined || values[0] === '') return bad(`more than one ${name} header, or an empty one`)
  return ok(values[0])
}

const list = (message: SipMessage, name: string): readonly string[] =>
  (message.headers.get(name) ?? []).flatMap((line) => splitOutsideQuotes(line, ','))

/** What may be missing, but not be said twice (RFC 3261 7.3.1). */
const ONCE = ['event', 'expires', 'content-type', 'suppress-if-match'] as const

const CSEQ = /^(\d{1,10})\s+(\S+)$/

const readContacts = (message: SipMessage): Result<{ readonly contacts: readonly NameAddress[]; readonly star: boolean }> => {
  const contacts: NameAddress[] = []
  let star = false
  for (const text of list(message, 'contact')) {
    if (text === '*') {
      star = true
      continue
    }
    const contact = parseNameAddress(text)
    if (!contact.ok) return contact
    contacts.push(contact.value)
  }
  return ok({ contacts, star })
}

/** Reads the headers that every procedure builds on; refuses what RFC 3261 8.1.1 makes mandatory and is missing or broken. */
export const readSipRequest = (message: SipMessage): Result<SipRequest> => {
  for (const name of ONCE) if ((message.headers.get(name)?.length ?? 0) > 1) return bad(`more than one ${name} header`)
  const fromText = single(message, 'from')
  if (!fromText.ok) return fromText
  const toText = single(message, 'to')
  if (!toText.ok) return toText
  const callId = single(message, 'call-id')
  if (!callId.ok) return callId
  const cseqText = single(message, 'cseq')
  if (!cseqText.ok) return cseqText
  const from = parseNameAddress(fromText.value)
  if (!from.ok) return from
  const to = parseNameAddress(toText.value)
  if (!to.ok) return to
  const cseq = CSEQ.exec(cseqText.value)
  if (cseq?.[1] === undefined || Number(cseq[1]) > 0x7fffffff) return bad('CSeq is not a number and a method')
  if (cseq[2] !== message.method) return bad('CSeq names another method')
  const fromTag = from.value.params.get('tag')
  if (fromTag === undefined || fromTag === '') return bad('From has no tag')
  const epid = from.value.params.get('epid')
  // MS-SIPREGE: an epid is at most 16 characters.
  if (epid !== undefined && epid.length > 16) return refuse(failure('epidTooLong'))
  const contacts = readContacts(message)
  if (!contacts.ok) return contacts
  const expiresText = message.headers.get('expires')?.[0]
  const expires = expiresText === undefined ? undefined : readSeconds(expiresText)
  if (expiresText !== undefined && expires === undefined) return bad('Expires is not a number of seconds')
  const contentType = message.headers.get('content-type')?.[0]
  const contentDisposition = message.headers.get('content-disposition')?.[0]
  const eventText = message.headers.get('event')?.[0]
  const event = eventText === undefined ? undefined : readEventHeader(eventText)
  if (event?.ok === false) return event
  return ok({
    method: message.method,
    requestUri: message.requestUri,
    from: from.value,
    to: to.value,
    fromUser: userKey(from.value.uri),
    toUser: userKey(to.value.uri),
    fromText: fromText.value,
    toText: toText.value,
    fromTag,
    toTag: to.value.params.get('tag'),
    epid: epid === '' ? undefined : epid,
    callId: callId.value,
    cseq: Number(cseq[1]),
    contacts: contacts.value.contacts,
    contactStar: contacts.value.star,
    event: event?.value.name,
    eventKept: event === undefined ? '' : keepEventHeader(event.value),
    suppressIfMatch: message.headers.get('suppress-if-match')?.[0],
    ifMatch: message.headers.has('sip-if-match') ? list(message, 'sip-if-match') : undefined,
    expires,
    contentType: contentType === undefined ? undefined : bareValue(contentType),
    contentDisposition: contentDisposition === undefined ? undefined : bareValue(contentDisposition),
    accept: list(message, 'accept').map(bareValue),
    supported: readOptionTags(message.headers.get('supported') ?? []),
    require: readOptionTags(message.headers.get('require') ?? []),
    proxyRequire: readOptionTags(message.headers.get('proxy-require') ?? []),
    recordRoute: list(message, 'record-route'),
    body: message.body,
  })
}
