/** The SIP messages that clients of the demo and of the benchmarks send, as a proxy would hand them over. */

import { mediaTypes, eventPackages } from '../core/sip/media-types.ts'
import { namespaces } from '../core/xml/namespaces.ts'

let number = 0

const CRLF = '\r\n'

interface Parts {
  readonly method: string
  readonly user: string
  readonly headers: readonly string[]
  readonly body?: string
}

const DOMAIN = 'example.com'

const message = ({ method, user, headers, body = '' }: Parts): string => {
  number += 1
  return [
    `${method} sip:${user}@${DOMAIN} SIP/2.0`,
    `Via: SIP/2.0/TCP 127.0.0.1:5062;branch=z9hG4bK${number}`,
    'Max-Forwards: 70',
    `From: <sip:${user}@${DOMAIN}>;tag=${user}${number};epid=${user}01`,
    `To: <sip:${user}@${DOMAIN}>`,
    `Call-ID: call-${user}-${number}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:${user}@127.0.0.1:5062;transport=tcp>`,
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join(CRLF)
}

const NOTIFY_TAGS = ['Supported: ms-benotify', 'Proxy-Require: ms-benotify', 'Supported: ms-piggyback-first-notify']

export const register = (user: string): string => message({ method: 'REGISTER', user, headers: ['Expires: 3600', 'Supported: gruu-10, msrtc-event-categories'] })

export const subscribeSelf = (user: string): string =>
  message({
    method: 'SUBSCRIBE', user,
    headers: [`Event: ${eventPackages.roamingSelf}`, `Accept: ${mediaTypes.roamingSelf}`, ...NOTIFY_TAGS, `Content-Type: ${mediaTypes.roamingSelf}`],
    body: `<roamingList xmlns="${namespaces.roamingSelf}"><roaming type="categories"/><roaming type="containers"/></roamingList>`,
  })

export const watch = (user: string, ...others: readonly string[]): string => watchCategories(user, ['note'], others)

export const watchCategories = (user: string, categories: readonly string[], others: readonly string[]): string =>
  message({
    method: 'SUBSCRIBE', user,
    headers: [
      `Event: ${eventPackages.presence}`, `Accept: ${mediaTypes.categories}, ${mediaTypes.rlmi}, ${mediaTypes.multipartRelated}`, ...NOTIFY_TAGS,
      'Require: adhoclist, categoryList', 'Supported: eventlist', `Content-Type: ${mediaTypes.batchSubscribe}`,
    ],
    body: `<batchSub xmlns="${namespaces.batchSubscribe}"><action name="subscribe"><adhocList>${others.map((other) => `<resource uri="sip:${other}@${DOMAIN}"/>`).join('')}</adhocList>` +
      `<categoryList xmlns="${namespaces.categoryList}">${categories.map((category) => `<category name="${category}"/>`).join('')}</categoryList></action></batchSub>`,
  })

/** One note, into each of the given containers; version 0 creates, the current one replaces. */
export const publishNotes = (user: string, containers: readonly number[], version: number, text: string): string =>
  message({
    method: 'SERVICE', user, headers: [`Content-Type: ${mediaTypes.publish}`],
    body: `<publish xmlns="${namespaces.richPresence}"><publications uri="sip:${user}@${DOMAIN}">${containers.map((container) =>
      `<publication categoryName="note" instance="0" container="${container}" version="${version}" expireType="static">` +
      `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal" uri="">${text}</body></note></publication>`).join('')}</publications></publish>`,
  })

export const publishNote = (user: string, container: number, version: number, text: string): string => publishNotes(user, [container], version, text)

export const setMember = (user: string, container: number, version: number, member: string): string =>
  message({
    method: 'SERVICE', user, headers: [`Content-Type: ${mediaTypes.setContainerMembers}`],
    body: `<setContainerMembers xmlns="${namespaces.containerManagement}"><container id="${container}" version="${version}"><member action="add" ${member}/></container></setContainerMembers>`,
  })

export const blockWith = (user: string, container: number, version: number, other: string): string => setMember(user, container, version, `type="user" value="${other}@${DOMAIN}"`)

export const subscribeContacts = (user: string): string =>
  message({ method: 'SUBSCRIBE', user, headers: [`Event: ${eventPackages.roamingContacts}`, `Accept: ${mediaTypes.roamingContacts}`, ...NOTIFY_TAGS] })

export const askProvisioning = (user: string): string =>
  message({
    method: 'SUBSCRIBE', user, headers: [`Event: ${eventPackages.provisioning}`, `Accept: ${mediaTypes.provisioning}`, 'Expires: 0', ...NOTIFY_TAGS, `Content-Type: ${mediaTypes.provisioning}`],
    body: `<provisioningGroupList xmlns="${namespaces.provisioningGroupList}"><provisioningGroup name="ServerConfiguration"/></provisioningGroupList>`,
  })

/** What a client publishes when it has signed in: its device, its state and a note. */
export const publishPresence = (user: string, text: string): string =>
  message({
    method: 'SERVICE', user, headers: [`Content-Type: ${mediaTypes.publish}`],
    body: `<publish xmlns="${namespaces.richPresence}"><publications uri="sip:${user}@${DOMAIN}">` +
      `<publication categoryName="device" instance="7" container="2" version="0" expireType="endpoint"><device xmlns="http://schemas.microsoft.com/2006/09/sip/device" endpointId="00000000-0000-0000-0000-000000000001"><capabilities preferred="false" uri="sip:${user}@${DOMAIN}"><text capture="true" render="true" publish="false"/></capabilities><timezone>00:00:00+01:00</timezone><machineName>desk</machineName></device></publication>` +
      [2, 3].map((container) => `<publication categoryName="state" instance="9" container="${container}" version="0" expireType="endpoint"><state xsi:type="machineState" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://schemas.microsoft.com/2006/09/sip/state"><availability>3500</availability></state></publication>`).join('') +
      `<publication categoryName="note" instance="0" container="200" version="0" expireType="static"><note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal" uri="">${text}</body></note></publication></publications></publish>`,
  })
