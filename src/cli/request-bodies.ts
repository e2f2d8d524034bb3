/** Bodies of the requests that the clients of demo, benchmarks and checks send. Users are addresses without `sip:`. */

import { namespaces } from '../core/xml/namespaces.ts'

/** One category instance of a publish request; without a payload it is deleted. */
export interface PublicationText {
  readonly category: string
  readonly container: number
  readonly instance: number
  readonly version: number
  readonly expireType: 'static' | 'endpoint' | 'user' | 'time'
  /** Seconds, of a time-bounded one. */
  readonly expires?: number
  readonly payload: string | undefined
}

const writePublication = ({ category, container, instance, version, expireType, expires, payload }: PublicationText): string => {
  const life = payload === undefined ? 0 : expires
  return `<publication categoryName="${category}" instance="${instance}" container="${container}" version="${version}" expireType="${expireType}"${life === undefined ? '' : ` expires="${life}"`}${payload === undefined ? '/>' : `>${payload}</publication>`}`
}

export const publishBody = (user: string, publications: readonly PublicationText[]): string =>
  `<publish xmlns="${namespaces.richPresence}"><publications uri="sip:${user}">${publications.map(writePublication).join('')}</publications></publish>`

export const notePayload = (text: string): string => `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal" uri="">${text}</body></note>`

export const machineStatePayload = (availability: number): string =>
  `<state xsi:type="machineState" xmlns:xsi="${namespaces.xsi}" xmlns="${namespaces.state}"><availability>${availability}</availability></state>`

export const selfBody = (types: readonly string[] = ['categories', 'containers']): string =>
  `<roamingList xmlns="${namespaces.roamingSelf}">${types.map((type) => `<roaming type="${type}"/>`).join('')}</roamingList>`

export const batchBody = (action: 'subscribe' | 'unsubscribe', publishers: readonly string[], categories: readonly string[]): string =>
  `<batchSub xmlns="${namespaces.batchSubscribe}"><action name="${action}"><adhocList>${publishers.map((publisher) => `<resource uri="sip:${publisher}"/>`).join('')}</adhocList>` +
  `<categoryList xmlns="${namespaces.categoryList}">${categories.map((category) => `<category name="${category}"/>`).join('')}</categoryList></action></batchSub>`

/** Adds or removes one member, written as its attributes: `type="user" value="bob@example.com"`. */
export const memberBody = (container: number, version: number, action: 'add' | 'remove', member: string): string =>
  `<setContainerMembers xmlns="${namespaces.containerManagement}"><container id="${container}" version="${version}"><member action="${action}" ${member}/></container></setContainerMembers>`
