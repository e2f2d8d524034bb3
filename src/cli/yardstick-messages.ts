/** What ordinary SIP phones send to Kamailio's presence modules: PUBLISH (RFC 3903) and SUBSCRIBE (RFC 3856) with PIDF. */

import { mediaTypes } from '../core/sip/media-types.ts'

const CRLF = '\r\n'
const DOMAIN = '127.0.0.1'

let number = 0

const message = (method: string, to: string, from: string, port: number, headers: readonly string[], body = ''): string => {
  number += 1
  return [
    `${method} sip:${to}@${DOMAIN} SIP/2.0`, `Via: SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bK${number}`, 'Max-Forwards: 70', `From: <sip:${from}@${DOMAIN}>;tag=${from}${number}`, `To: <sip:${to}@${DOMAIN}>`,
    `Call-ID: call-${from}-${number}`, `CSeq: 1 ${method}`, `Contact: <sip:${from}@127.0.0.1:${port};transport=tcp>`, 'Event: presence', 'Expires: 3600', ...headers, `Content-Length: ${Buffer.byteLength(body)}`, '', body,
  ].join(CRLF)
}

const pidf = (user: string, note: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${user}@${DOMAIN}"><tuple id="t1"><status><basic>open</basic></status><note>${note}</note></tuple></presence>`

/** The first publication, or one in place of that with the entity tag. */
export const publish = (user: string, port: number, entityTag: string | undefined, note: string): string =>
  message('PUBLISH', user, user, port, [...(entityTag === undefined ? [] : [`SIP-If-Match: ${entityTag}`]), `Content-Type: ${mediaTypes.pidf}`], pidf(user, note))

export const subscribe = (watcher: string, port: number, publisher: string): string => message('SUBSCRIBE', publisher, watcher, port, [`Accept: ${mediaTypes.pidf}`])

/** The tag of what was published, from the head of the answer. */
export const entityTagOf = (head: string): string | undefined => /\r\nSIP-ETag: *(\S+)/i.exec(head)?.[1]
