import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { parseSipUri, type SipUri } from './uri.ts'

/** A From, To or Contact value; parameter names are lower case, values unquoted. */
export interface NameAddress {
  readonly displayName: string
  readonly uri: SipUri
  /** The URI exactly as written, for headers that must repeat it. */
  readonly uriText: string
  readonly params: ReadonlyMap<string, string>
}

/** Splits at `separator` outside quoted strings and angle brackets; parts come trimmed, empty ones are dropped. */
export const splitOutsideQuotes = (text: string, separator: ',' | ';'): readonly string[] => {
  const parts: string[] = []
  let quoted = false
  let angle = false
  let from = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (quoted) {
      if (character === '\\') at += 1
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === '<') angle = true
    else if (character === '>') angle = false
    else if (character === separator && !angle) {
      parts.push(text.slice(from, at).trim())
      from = at + 1
    }
  }
  parts.push(text.slice(from).trim())
  return parts.filter((part) => part !== '')
}

const unquote = (text: string): string =>
  text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text

/** `;name=value` parameters to a map. A repeated name keeps its first value. */
export const readHeaderParams = (text: string): ReadonlyMap<string, string> => {
  const params = new Map<string, string>()
  for (const part of splitOutsideQuotes(text, ';')) {
    const at = part.indexOf('=')
    const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase()
    if (!params.has(name)) params.set(name, at < 0 ? '' : unquote(part.slice(at + 1).trim()))
  }
  return params
}

/** Reads a name-addr or addr-spec with its parameters (RFC 3261 20.10, 20.20, 20.39). */
export const parseNameAddress = (text: string): Result<NameAddress> => {
  const quotedName = /^\s*"((?:[^"\\]|\\.)*)"\s*</s.exec(text)
  const open = quotedName === null ? text.indexOf('<') : quotedName[0].length - 1
  if (open < 0) {
    // addr-spec form: everything after the first semicolon belongs to the header, not to the URI.
    const [address = '', ...params] = text.trim().split(';')
    const uri = parseSipUri(address.trim())
    return uri.ok ? ok({ displayName: '', uri: uri.value, uriText: address.trim(), params: readHeaderParams(params.join(';')) }) : uri
  }
  // RFC 4475 3.1.2.6: a name whose quotes do not close could be read in two ways, and would be given back that way.
  if (quotedName === null && (text.slice(0, open).match(/"/g)?.length ?? 0) % 2 === 1) return refuse(failure('malformedRequest', `"${text.slice(0, 80)}" has a quote that does not close`))
  const close = text.indexOf('>', open)
  if (close < 0) return refuse(failure('malformedRequest', `"${text.slice(0, 80)}" has no closing bracket`))
  const uriText = text.slice(open + 1, close).trim()
  const uri = parseSipUri(uriText)
  if (!uri.ok) return uri
  const displayName = quotedName === null ? text.slice(0, open).trim() : (quotedName[1] ?? '').replace(/\\(.)/gs, '$1')
  return ok({ displayName, uri: uri.value, uriText, params: readHeaderParams(text.slice(close + 1)) })
}

/** Option tags of Supported, Require or Proxy-Require, over all its header lines, lower case. */
export const readOptionTags = (lines: readonly string[]): ReadonlySet<string> =>
  new Set(lines.flatMap((line) => line.split(',')).map((tag) => tag.trim().toLowerCase()).filter((tag) => tag !== ''))

/** A media type or event name in front of its parameters, lower case. Blanks inside are dropped: MS-PRES prints "application/msrtc-setDelegate +xml" (2.2.2.10.2). */
export const bareValue = (text: string): string => (text.split(';', 1)[0] ?? '').replace(/\s+/g, '').toLowerCase()

/** delta-seconds of Expires and the like; undefined when it is not an unsigned 32-bit number. */
export const readSeconds = (text: string): number | undefined => {
  if (!/^\d{1,10}$/.test(text.trim())) return undefined
  const seconds = Number(text)
  return seconds <= 0xffffffff ? seconds : undefined
}
