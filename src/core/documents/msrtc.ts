import { writeBareUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { escapeXml, writeAttribute } from '../xml/write.ts'
import type { DeviceSeen, PresenceSeen } from './presence-seen.ts'
import { rowOf } from './presence-tables.ts'

/** Only its hundred counts of an aggregate (MS-SIP 2.2.1). */
const classOf = (aggregate: number): number => Math.floor(aggregate / 100)

/** The most available first: by availability, by activity, and then the one that was heard of last (MS-SIP 2.2.1 says no more than "most available"). */
const byAvailability = (a: DeviceSeen, b: DeviceSeen): number =>
  classOf(b.availability) - classOf(a.availability) || classOf(b.activity) - classOf(a.activity) || a.age - b.age || (a.epid < b.epid ? -1 : 1)

const writeDevice = ({ epid, age, content }: DeviceSeen): string => `<devicePresence${writeAttribute('epid', epid)} ageOfPresence="${age}">${content}</devicePresence>`

/**
 * The document of clients before enhanced presence (2.2.2.9.2, 3.7.5.5, 4.11; MS-SIP 2.2.1), `uri` without `sip:`. What is not known of the person stays empty,
 * as in Lync Server 2010 (notes 40 and 41); a refusal with 500 would take the availability away, too. The values at the top are those of 3.7.5.5 for all that the
 * user has published; `epid` beside them names the most available of the devices, where the watcher is shown any.
 */
export const writeMsrtcPresence = (publisher: UserKey, { availability, token, displayName, email, phone, userInfo, devices }: PresenceSeen): string => {
  const { msrtc } = rowOf(availability, token)
  const sorted = [...devices].sort(byAvailability)
  const [first] = sorted
  const source = first === undefined ? '' : ` description=""${writeAttribute('epid', first.epid)}`
  return `<presentity${writeAttribute('uri', writeBareUri(publisher))} xmlns="${namespaces.msrtcPresence}" xmlns:xsi="${namespaces.xsi}">` +
    `<availability aggregate="${msrtc.availability}"${source}/><activity aggregate="${msrtc.activity}"${source}/>` +
    `<displayName${writeAttribute('displayName', displayName ?? '')}/><email${writeAttribute('email', email ?? '')}/><phoneNumber${writeAttribute('number', phone ?? '')}/>` +
    (userInfo ?? '') + (first === undefined ? '' : `<devices>${sorted.map(writeDevice).join('')}</devices>`) +
    `<aggregate><states><state avail="${msrtc.avail}" xsi:type="userState">${escapeXml(token ?? msrtc.defaultToken)}</state></states></aggregate></presentity>`
}
