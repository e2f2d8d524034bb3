import { parseNameAddress } from './header-values.ts'
import { parseSipMessage } from './message.ts'

// A tag is a token (RFC 3261 25.1); what is written into an answer must be one.
const TOKEN = /^[\w.!%*+`'~-]{1,256}$/

/** The tag of To, which every answer has to keep, a refusal too (RFC 3261 8.2.6.2); undefined where there is none, or nothing that can be read. */
export const readToTag = (bytes: Uint8Array): string | undefined => {
  const message = parseSipMessage(bytes)
  const to = message.ok ? parseNameAddress(message.value.headers.get('to')?.[0] ?? '') : undefined
  const tag = to?.ok === true ? to.value.params.get('tag') : undefined
  return tag !== undefined && TOKEN.test(tag) ? tag : undefined
}
