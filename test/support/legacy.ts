import type { Client, RequestOptions, Subscription } from './client.ts'
import type { Heard } from './heard.ts'
import type { Infoset } from './infoset.ts'

/** Requests of clients before enhanced presence, and what they read. */

export const CLIENT_NS = 'http://schemas.microsoft.com/2002/09/sip/client/presence'
export const ACTION_NS = 'http://schemas.microsoft.com/winrtc/2002/11/sip'

const envelope = (content: string): string => `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body>${content}</SOAP-ENV:Body></SOAP-ENV:Envelope>`

/** An action with its content as clients write it, prefixed m. */
export const actionBody = (action: string, content: string): string => envelope(`<m:${action} xmlns:m="${ACTION_NS}">${content}</m:${action}>`)

/** What a legacy client says of its user; `more` stands behind the two numbers. */
export interface PresenceText {
  readonly availability: number | string
  readonly activity: number | string
  readonly uri?: string
  readonly description?: string
  readonly note?: string
  readonly more?: string
}

export const setPresenceBody = (user: string, { availability, activity, uri = `sip:${user}`, description = '', note, more = '' }: PresenceText): string =>
  actionBody('setPresence', `<m:presentity m:uri="${uri}"><m:availability m:aggregate="${availability}" m:description="online"/>` +
    `<m:activity m:aggregate="${activity}" m:description="${description}"${note === undefined ? '' : ` m:note="${note}"`}/>${more}</m:presentity>`)

export const getPresenceBody = (user: string): string => actionBody('getPresence', `<presentity uri="sip:${user}"/>`)

const SOAP = { 'Content-Type': 'application/SOAP+xml' }

/** A SERVICE with a SOAP body. */
export const asks = (client: Client, body: string, options: RequestOptions = {}): Promise<Heard> => client.sends('SERVICE', { body, ...options, headers: { ...SOAP, ...options.headers } })

export const setsPresence = (client: Client, text: PresenceText, options: RequestOptions = {}): Promise<Heard> => asks(client, setPresenceBody(client.user, text), options)

export const getsPresence = (client: Client, user: string, options: RequestOptions = {}): Promise<Heard> => asks(client, getPresenceBody(user), { to: user, ...options })

/** Opens a subscription to the presence of somebody in a format. */
export const watches = (client: Client, user: string, accept = 'text/xml+msrtc.pidf'): Promise<Subscription> =>
  client.opens({ to: user, headers: { Event: 'presence', Accept: accept, Supported: 'ms-benotify, ms-piggyback-first-notify', 'Proxy-Require': 'ms-benotify', Expires: '7200' } })

const local = ({ name }: Infoset): string => name.replace(/^\{[^}]*\}/, '')
const child = (infoset: Infoset | undefined, ...path: readonly string[]): Infoset | undefined =>
  path.reduce<Infoset | undefined>((found, name) => found?.children.find((candidate) => local(candidate) === name), infoset)

const valuesOf = (infoset: Infoset | undefined): string => [child(infoset, 'availability'), child(infoset, 'activity')].map((value) =>
  `${value?.attributes['aggregate']}${value?.attributes['epid'] === undefined ? '' : ` of ${value.attributes['epid']}`}${[value?.attributes['description'], value?.attributes['note']].filter((text) => text !== undefined && text !== '').map((text) => ` "${text}"`).join('')}`).join(', ')

/**
 * MSRTC documents, a line an element that matters: `300 of EPID, 400 of EPID: online 3500`, a line for each device with its age, values and what else it holds, and one for
 * userInfo.
 */
export const presentity = ({ documents: [document] }: Pick<Heard, 'documents'>): readonly string[] => {
  if (document === undefined || local(document) !== 'presentity') return []
  const state = child(document, 'aggregate', 'states', 'state')
  const info = child(document, 'userInfo')
  return [
    `${valuesOf(document)}: ${state?.text} ${state?.attributes['avail']}`,
    ...(child(document, 'devices')?.children ?? []).map((device) =>
      `device ${device.attributes['epid']} ${device.attributes['ageOfPresence']}s: ${valuesOf(device)}${device.children.slice(2).map((more) => ` ${local(more)}`).join('')}`),
    ...(info === undefined ? [] : [`userInfo ${info.text}${info.children.map((more) => ` ${local(more)}`).join('')}`]),
  ]
}
