/** The SIP messages that clients of the demo and of the benchmarks send, as a proxy would hand them over. */

import { mediaTypes, eventPackages } from '../core/sip/media-types.ts'
import { namespaces } from '../core/xml/namespaces.ts'
import { batchBody, machineStatePayload, memberBody, notePayload, publishBody, selfBody, type PublicationText } from './request-bodies.ts'

let number = 0

const CRLF = '\r\n'

interface Parts {
  readonly method: string
  readonly user: string
  /** Whom it is for, where that is not the user itself. */
  readonly to?: string
  readonly headers: readonly string[]
  readonly body?: string
}

const DOMAIN = 'example.com'

const message = ({ method, user, to = user, headers, body = '' }: Parts): string => {
  number += 1
  return [
    `${method} sip:${to}@${DOMAIN} SIP/2.0`,
    `Via: SIP/2.0/TCP 127.0.0.1:5062;branch=z9hG4bK${number}`,
    'Max-Forwards: 70',
    `From: <sip:${user}@${DOMAIN}>;tag=${user}${number};epid=${user}01`,
    `To: <sip:${to}@${DOMAIN}>`,
    `Call-ID: call-${user}-${number}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:${user}@127.0.0.1:5062;transport=tcp>`,
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join(CRLF)
}

/** A client that takes notifications which it need not answer. */
const NOTIFY_TAGS = ['Supported: ms-benotify', 'Proxy-Require: ms-benotify', 'Supported: ms-piggyback-first-notify']

/** One that answers each notification. */
export const ANSWERED_NOTIFY_TAGS = ['Supported: ms-piggyback-first-notify']

export const register = (user: string): string => message({ method: 'REGISTER', user, headers: ['Expires: 3600', 'Supported: gruu-10, msrtc-event-categories'] })

export const subscribeSelf = (user: string): string =>
  message({
    method: 'SUBSCRIBE', user,
    headers: [`Event: ${eventPackages.roamingSelf}`, `Accept: ${mediaTypes.roamingSelf}`, ...NOTIFY_TAGS, `Content-Type: ${mediaTypes.roamingSelf}`],
    body: selfBody(),
  })

export const watch = (user: string, ...others: readonly string[]): string => watchCategories(user, ['note'], others)

export const watchCategories = (user: string, categories: readonly string[], others: readonly string[]): string =>
  message({
    method: 'SUBSCRIBE', user,
    headers: [
      `Event: ${eventPackages.presence}`, `Accept: ${mediaTypes.categories}, ${mediaTypes.rlmi}, ${mediaTypes.multipartRelated}`, ...NOTIFY_TAGS,
      'Require: adhoclist, categoryList', 'Supported: eventlist', `Content-Type: ${mediaTypes.batchSubscribe}`,
    ],
    body: batchBody('subscribe', others.map((other) => `${other}@${DOMAIN}`), categories),
  })

/** A dialog for one publisher alone, of which an endpoint may have many. */
export const watchOne = (user: string, other: string, tags = NOTIFY_TAGS): string =>
  message({
    method: 'SUBSCRIBE', user, to: other,
    headers: [`Event: ${eventPackages.presence}`, `Accept: ${mediaTypes.categories}`, ...tags, 'Require: categoryList', `Content-Type: ${mediaTypes.batchSubscribe}`],
    body: batchBody('subscribe', [`${other}@${DOMAIN}`], ['note']),
  })

const publish = (user: string, publications: readonly PublicationText[]): string =>
  message({ method: 'SERVICE', user, headers: [`Content-Type: ${mediaTypes.publish}`], body: publishBody(`${user}@${DOMAIN}`, publications) })

const note = (container: number, version: number, text: string): PublicationText => ({ category: 'note', instance: 0, container, version, expireType: 'static', payload: notePayload(text) })

/** One note, into each of the given containers; version 0 creates, the current one replaces. */
export const publishNotes = (user: string, containers: readonly number[], version: number, text: string): string =>
  publish(user, containers.map((container) => note(container, version, text)))

export const publishNote = (user: string, container: number, version: number, text: string): string => publishNotes(user, [container], version, text)

export const setMember = (user: string, container: number, version: number, member: string): string =>
  message({
    method: 'SERVICE', user, headers: [`Content-Type: ${mediaTypes.setContainerMembers}`],
    body: memberBody(container, version, 'add', member),
  })

export const blockWith = (user: string, container: number, version: number, other: string): string => setMember(user, container, version, `type="user" value="${other}@${DOMAIN}"`)

export const subscribeContacts = (user: string): string =>
  message({ method: 'SUBSCRIBE', user, headers: [`Event: ${eventPackages.roamingContacts}`, `Accept: ${mediaTypes.roamingContacts}`, ...NOTIFY_TAGS] })

export const askProvisioning = (user: string): string =>
  message({
    method: 'SUBSCRIBE', user, headers: [`Event: ${eventPackages.provisioning}`, `Accept: ${mediaTypes.provisioning}`, 'Expires: 0', ...NOTIFY_TAGS, `Content-Type: ${mediaTypes.provisioning}`],
    body: `<provisioningGroupList xmlns="${namespaces.provisioningGroupList}"><provisioningGroup name="ServerConfiguration"/></provisioningGroupList>`,
  })

const machineStates = (availability: number, version: number): readonly PublicationText[] =>
  [2, 3].map((container) => ({ category: 'state', instance: 9, container, version, expireType: 'endpoint', payload: machineStatePayload(availability) }))

/** The endpoint of `publishPresence` becomes idle, or active again. */
export const publishMachineState = (user: string, availability: number, version: number): string => publish(user, machineStates(availability, version))

/** A machine becomes idle or active again, and its user says something to two circles of people. */
export const publishDesk = (user: string, availability: number, version: number, text: string): string =>
  publish(user, [...machineStates(availability, version), ...[200, 300].map((container) => note(container, version, text))])

/** What a client publishes when it has signed in: its device, its state and a note. */
export const publishPresence = (user: string, text: string): string =>
  publish(user, [
    {
      category: 'device', instance: 7, container: 2, version: 0, expireType: 'endpoint',
      payload: `<device xmlns="http://schemas.microsoft.com/2006/09/sip/device" endpointId="00000000-0000-0000-0000-000000000001"><capabilities preferred="false" uri="sip:${user}@${DOMAIN}"><text capture="true" render="true" publish="false"/></capabilities><timezone>00:00:00+01:00</timezone><machineName>desk</machineName></device>`,
    },
    ...machineStates(3500, 0), note(200, 0, text),
  ])
