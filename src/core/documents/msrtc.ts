import { writeBareUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'
import type { PresenceSeen } from './presence-seen.ts'
import { rowOf } from './presence-tables.ts'

/**
 * The document of clients before enhanced presence (2.2.2.9.2, 3.7.5.5, 4.11), `uri` without `sip:`. What is not known of the person stays empty, as in
 * Lync Server 2010 (notes 40 and 41); a refusal with 500 would take the availability away, too.
 */
export const writeMsrtcPresence = (publisher: UserKey, { availability, token, displayName, email, phone }: PresenceSeen): string => {
  const { msrtc } = rowOf(availability, token)
  return `<presentity${writeAttribute('uri', writeBareUri(publisher))} xmlns="${namespaces.msrtcPresence}" xmlns:xsi="${namespaces.xsi}">` +
    `<availability aggregate="${msrtc.availability}"/><activity aggregate="${msrtc.activity}"/>` +
    `<displayName${writeAttribute('displayName', displayName ?? '')}/><email${writeAttribute('email', email ?? '')}/><phoneNumber${writeAttribute('number', phone ?? '')}/>` +
    `<aggregate><states><state avail="${msrtc.avail}" xsi:type="userState">${escapeXml(token ?? msrtc.defaultToken)}</state></states></aggregate></presentity>`
}
