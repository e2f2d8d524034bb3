import { failure, type Failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'

/** A SIP request as a line, headers and bytes; names are long and lower case, one entry a header line. */
export interface SipMessage {
  readonly method: string
  readonly requestUri: string
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: Uint8Array
}

export interface SipLimits {
  readonly maxBytes: number
  readonly maxHeaders: number
  readonly maxHeaderBytes: number
}

export const defaultSipLimits: SipLimits = { maxBytes: 600 * 1024, maxHeaders: 200, maxHeaderBytes: 64 * 1024 }

/** Compact forms (RFC 3261 20, RFC 6665 8.2.1 and IANA). */
const COMPACT: ReadonlyMap<string, string> = new Map(Object.entries({
  a: 'accept-contact', b: 'referred-by', c: 'content-type', d: 'request-disposition', e: 'content-encoding', f: 'from',
  i: 'call-id', j: 'reject-contact', k: 'supported', l: 'content-length', m: 'contact', o: 'event', r: 'refer-to',
  s: 'subject', t: 'to', u: 'allow-events', v: 'via', x: 'session-expires', y: 'identity',
}))

const TOKEN = /^[A-Za-z0-9.!%*_+`'~-]+$/
const REQUEST_LINE = /^([A-Za-z0-9.!%*_+`'~-]+) ([^\s]+) (SIP\/\d+\.\d+)$/i

const utf8 = new TextDecoder('utf-8', { fatal: true })

const CR = 13
const LF = 10

/** Where the header section ends and the body begins. Bare LF line ends are tolerated (RFC 3261 7.5 via RFC 4475). */
const findBody = (bytes: Uint8Array): { readonly headEnd: number; readonly bodyStart: number } | undefined => {
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return { headEnd: at, bodyStart: at + 2 }
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return { headEnd: at, bodyStart: at + 3 }
  }
  return undefined
}

const bad = (detail: string): { readonly ok: false; readonly failure: Failure } => refuse(failure('malformedRequest', detail))

const readHeaders = (lines: readonly string[], limits: SipLimits): Result<Map<string, string[]>> => {
  const headers = new Map<string, string[]>()
  if (lines.length > limits.maxHeaders) return bad(`more than ${limits.maxHeaders} header lines`)
  for (const line of lines) {
    const colon = line.indexOf(':')
    const written = line.slice(0, Math.max(colon, 0)).trimEnd()
    if (!TOKEN.test(written)) return bad(`"${line.slice(0, 40)}" is not a header`)
    const lower = written.toLowerCase()
    const name = COMPACT.get(lower) ?? lower
    const value = line.slice(colon + 1).trim()
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return ok(headers)
}

const readBody = (bytes: Uint8Array, headers: ReadonlyMap<string, readonly string[]>): Result<Uint8Array> => {
  const lengths = headers.get('content-length')
  // Without a Content-Length the body reaches to the end of what the proxy handed over.
  if (lengths === undefined) return ok(bytes)
  if (new Set(lengths).size !== 1 || !/^\d{1,9}$/.test(lengths[0] ?? '')) return bad('Content-Length is not one number')
  const length = Number(lengths[0])
  if (length > bytes.length) return bad(`Content-Length says ${length}, the body has ${bytes.length} bytes`)
  return ok(bytes.subarray(0, length))
}

/**
 * The only SIP reader: raw bytes to a request. Folded lines are joined, compact names made long, repeated headers kept
 * in order, and the body is a view of exactly the bytes received. Refuses whatever is not a SIP/2.0 request.
 */
export const parseSipMessage = (bytes: Uint8Array, limits: SipLimits = defaultSipLimits): Result<SipMessage> => {
  if (bytes.length > limits.maxBytes) return refuse(failure('inputTooLarge', `the message has ${bytes.length} bytes, ${limits.maxBytes} are accepted`))
  let begin = 0
  // Leading empty lines are keep-alives of stream transports (RFC 3261 7.5).
  while (bytes[begin] === CR || bytes[begin] === LF) begin += 1
  const message = bytes.subarray(begin)
  const split = findBody(message)
  if (split === undefined) return bad('no empty line ends the headers')
  if (split.headEnd > limits.maxHeaderBytes) return refuse(failure('inputTooLarge', `the headers exceed ${limits.maxHeaderBytes} bytes`))
  let head: string
  try {
    head = utf8.decode(message.subarray(0, split.headEnd))
  } catch {
    return bad('the headers are not UTF-8')
  }
  // Control characters in headers would be header injection further on.
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(head) || /\r(?!\n)/.test(head.replace(/\r$/, ''))) return bad('control characters in the headers')
  const [requestLine = '', ...lines] = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/).map((line) => line.replace(/\r$/, ''))
  const start = REQUEST_LINE.exec(requestLine)
  if (start?.[1] === undefined || start[2] === undefined || start[3] === undefined) return bad(`"${requestLine.slice(0, 60)}" is not a request line`)
  if (start[3].toUpperCase() !== 'SIP/2.0') return refuse(failure('versionNotSupported', start[3]))
  const headers = readHeaders(lines, limits)
  if (!headers.ok) return headers
  const body = readBody(message.subarray(split.bodyStart), headers.value)
  if (!body.ok) return body
  return ok({ method: start[1], requestUri: start[2], headers: headers.value, body: body.value })
}
