import { writeBareUri, writeUserUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

/** A resource of a batch that this server does not serve, and what the client shall do (3.4.5.1.3.1). */
export interface Rejection {
  readonly user: UserKey
  readonly state: 'resubscribe' | 'terminated'
  readonly reason?: string
  readonly statusCode?: number
  readonly poolFqdn?: string
}

const writeResource = (rejection: Rejection): string =>
  `<resource${writeAttribute('uri', writeUserUri(rejection.user))}><instance id="0" state="${rejection.state}"` +
  writeAttribute('reason', rejection.reason) +
  writeAttribute('statusCode', rejection.statusCode) +
  writeAttribute('cid', writeBareUri(rejection.user)) +
  writeAttribute('poolFqdn', rejection.poolFqdn) +
  '/></resource>'

/** The list of rejected resources of a batch answer: fullState is always false, version may stay 0 (2.2.2.4.2, 3.4.5.2). */
export const writeRlmi = (subscriber: UserKey, rejections: readonly Rejection[]): string => {
  const start = `<list xmlns="${namespaces.rlmi}"${writeAttribute('uri', writeUserUri(subscriber))} version="0" fullState="false"`
  return rejections.length === 0 ? `${start}/>` : `${start}>${rejections.map(writeResource).join('')}</list>`
}
