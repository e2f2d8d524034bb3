import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'

/** A SIP or SIPS URI taken apart; parameter names are lower case, values as written. */
export interface SipUri {
  readonly scheme: 'sip' | 'sips'
  /** Percent-decoded, case kept: the user part of a SIP URI is case-sensitive (RFC 3261 19.1.4). */
  readonly user: string | undefined
  /** Lower case; IPv6 keeps its brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly params: ReadonlyMap<string, string>
}

/** Who a URI names: `user@host`, comparable by string equality. Keys every table and cache. */
export type UserKey = string

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?)(?::(\d{1,5}))?$/i
const USER = /^[A-Za-z0-9_.!~*'()&=+$,;?/%-]+$/

const decodeUser = (text: string): string | undefined => {
  try {
    const user = decodeURIComponent(text)
      // Decoded control characters and what no XML document can hold must never reach a key.
    return /[\u0000-\u0020\u007f-\u009f\ufffe\uffff@<>"]/.test(user) ? undefined : user
  } catch {
    return undefined
  }
}

const readParams = (text: string): ReadonlyMap<string, string> => {
  const params = new Map<string, string>()
  for (const part of text.split(';')) {
    if (part === '') continue
    const at = part.indexOf('=')
    params.set((at < 0 ? part : part.slice(0, at)).toLowerCase(), at < 0 ? '' : part.slice(at + 1))
  }
  return params
}

/** Reads a SIP URI (RFC 3261 19.1); anything else, and any control or blank character, is refused. */
export const parseSipUri = (text: string): Result<SipUri> => {
  const bad = (): Result<SipUri> => refuse(failure('malformedRequest', `"${text.slice(0, 80)}" is not a SIP URI`))
  const match = /^(sips?):([^\s<>]+)$/i.exec(text)
  if (match?.[1] === undefined || match[2] === undefined || text.length > 1024) return bad()
  const rest = match[2]
  // The user part cannot hold an unescaped @, so the first one ends it.
  const at = rest.indexOf('@')
  let user: string | undefined
  if (at >= 0) {
    const userPart = rest.slice(0, at).split(':', 1)[0] ?? ''
    user = USER.test(userPart) ? decodeUser(userPart) : undefined
    if (user === undefined || user === '') return bad()
  }
  const [hostPart = '', ...paramParts] = (rest.slice(at + 1).split('?', 1)[0] ?? '').split(';')
  const host = HOST.exec(hostPart)
  if (host?.[1] === undefined) return bad()
  const port = host[3] === undefined ? undefined : Number(host[3])
  if (port !== undefined && (port < 1 || port > 65535)) return bad()
  const scheme = match[1].toLowerCase() === 'sips' ? 'sips' : 'sip'
  return ok({ scheme, user, host: host[1].toLowerCase().replace(/\.$/, ''), port, params: readParams(paramParts.join(';')) })
}

/** The key of the user whom a URI names: scheme, port and parameters do not matter. */
export const userKey = (uri: SipUri): UserKey => (uri.user === undefined ? uri.host : `${uri.user}@${uri.host}`)

/** Reads `sip:user@host` or bare `user@host` (members, subscribers, admin paths) to its key; a user part is required. */
export const readUserKey = (text: string): Result<UserKey> => {
  // Without sip: in front a colon before the @ would be another scheme, or a password; neither names a user.
  if (!/^sips?:/i.test(text) && (text.split('@', 1)[0] ?? '').includes(':')) return refuse(failure('malformedRequest', `"${text.slice(0, 80)}" is not a SIP URI`))
  const uri = parseSipUri(/^sips?:/i.test(text) ? text : `sip:${text}`)
  if (!uri.ok) return uri
  if (uri.value.user === undefined) return refuse(failure('malformedRequest', `"${text.slice(0, 80)}" names no user`))
  return ok(userKey(uri.value))
}

const ESCAPED_IN_USER = /[^A-Za-z0-9_.!~*'()&=+$,;?/-]/gu

/** `sip:user@host` for a key, the form in which documents and headers carry it. */
export const writeUserUri = (key: UserKey): string => {
  const at = key.lastIndexOf('@')
  if (at < 0) return `sip:${key}`
  return `sip:${key.slice(0, at).replace(ESCAPED_IN_USER, (character) => encodeURIComponent(character))}@${key.slice(at + 1)}`
}

/** `user@host` for a key, escaped as in a URI but without scheme: the form in which lists of people carry it (4.8, 4.12.1). */
export const writeBareUri = (key: UserKey): string => writeUserUri(key).slice('sip:'.length)

/** The domain of a key, lower case. */
export const domainOf = (key: UserKey): string => key.slice(key.lastIndexOf('@') + 1)
