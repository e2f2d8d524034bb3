import type { RequestOptions } from './sip-client.ts'

/** Requests of enhanced-presence clients, for tests on the wire. */

export const NOTIFY_TAGS = ['Supported: ms-benotify', 'Proxy-Require: ms-benotify', 'Supported: ms-piggyback-first-notify']

export const selfSubscribe = (types: readonly string[] = ['categories', 'containers'], tags: readonly string[] = NOTIFY_TAGS): RequestOptions => ({
  headers: ['Event: vnd-microsoft-roaming-self', 'Accept: application/vnd-microsoft-roaming-self+xml', ...tags, 'Content-Type: application/vnd-microsoft-roaming-self+xml'],
  body: `<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self">${types.map((type) => `<roaming type="${type}"/>`).join('')}</roamingList>`,
})

const CATEGORY_HEADERS = ['Event: presence', 'Accept: application/msrtc-event-categories+xml, application/rlmi+xml, multipart/related', 'Supported: eventlist']

export const batch = (publishers: readonly string[], categories: readonly string[] = ['note', 'state'], action = 'subscribe', tags: readonly string[] = NOTIFY_TAGS): RequestOptions => ({
  headers: [...CATEGORY_HEADERS, ...tags, 'Require: adhoclist, categoryList', 'Content-Type: application/msrtc-adrl-categorylist+xml'],
  body: batchBody(publishers, categories, action),
})

export const single = (publisher: string, categories: readonly string[] = ['note', 'state'], tags: readonly string[] = NOTIFY_TAGS): RequestOptions => ({
  to: publisher, headers: [...CATEGORY_HEADERS, ...tags, 'Content-Type: application/msrtc-adrl-categorylist+xml'], body: batchBody([publisher], categories, 'subscribe'),
})

export const batchBody = (publishers: readonly string[], categories: readonly string[], action: string): string =>
  `<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" name=""><action name="${action}" id="7"><adhocList>${publishers.map((publisher) => `<resource uri="sip:${publisher}"/>`).join('')}</adhocList>` +
  `<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist">${categories.map((category) => `<category name="${category}"/>`).join('')}</categoryList></action></batchSub>`

export const refreshOnly = (event: string, expires?: number): RequestOptions => ({
  headers: [`Event: ${event}`, ...(event === 'presence' ? ['Accept: application/msrtc-event-categories+xml'] : ['Accept: application/vnd-microsoft-roaming-self+xml']), ...NOTIFY_TAGS, ...(expires === undefined ? [] : [`Expires: ${expires}`])],
})

export interface NoteOptions {
  readonly version?: number
  readonly expireType?: string
  readonly expires?: number
  readonly container?: number
  readonly instance?: number
  readonly category?: string
}

const note = (text: string): string => `<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal" uri="">${text}</body></note>`

export const publication = (text: string | null, { version = 0, expireType = 'static', expires, container = 200, instance = 0, category = 'note' }: NoteOptions = {}): string =>
  `<publication categoryName="${category}" instance="${instance}" container="${container}" version="${version}" expireType="${expireType}"${expires === undefined ? '' : ` expires="${expires}"`}${text === null ? '/>' : `>${note(text)}</publication>`}`

export const publishBody = (user: string, ...publications: readonly string[]): string =>
  `<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence"><publications uri="sip:${user}">${publications.join('')}</publications></publish>`

export const publish = (user: string, ...publications: readonly string[]): RequestOptions => ({ headers: ['Content-Type: application/msrtc-category-publish+xml'], body: publishBody(user, ...publications) })

/** A machine state in the containers for all and for friends, as a client publishes it. */
export const machineState = (availability: number, version: number): readonly string[] => [2, 3].map((container) =>
  `<publication categoryName="state" instance="830000000" container="${container}" version="${version}" expireType="endpoint"><state xsi:type="machineState" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"` +
  ` xmlns="http://schemas.microsoft.com/2006/09/sip/state"><availability>${availability}</availability></state></publication>`)

export const setMembers = (container: number, version: number, ...members: readonly string[]): RequestOptions => ({
  headers: ['Content-Type: application/msrtc-setcontainermembers+xml'],
  body: `<setContainerMembers xmlns="http://schemas.microsoft.com/2006/09/sip/container-management"><container id="${container}" version="${version}">${members.map((member) => `<member ${member}/>`).join('')}</container></setContainerMembers>`,
})

/** A batch that asks to be known to each publisher. */
export const batchWithContext = (publishers: readonly string[], categories: readonly string[], context = '<context/>'): RequestOptions => {
  const plain = batch(publishers, categories)
  return { ...plain, body: (plain.body ?? '').replaceAll(/(<resource [^>]*)\/>/g, `$1>${context}</resource>`) }
}

export const subscribeContacts = (): RequestOptions => ({ headers: ['Event: vnd-microsoft-roaming-contacts', 'Accept: application/vnd-microsoft-roaming-contacts+xml', 'Supported: com.microsoft.autoextend', ...NOTIFY_TAGS] })

export const askProvisioning = (...groups: readonly string[]): RequestOptions => ({
  headers: ['Event: vnd-microsoft-provisioning-v2', 'Accept: application/vnd-microsoft-roaming-provisioning-v2+xml', 'Expires: 0', ...NOTIFY_TAGS, 'Content-Type: application/vnd-microsoft-roaming-provisioning-v2+xml'],
  body: `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">${groups.map((name) => `<provisioningGroup name="${name}"/>`).join('')}</provisioningGroupList>`,
})

/** A SOAP request on one's own contact list; `content` are the children of the action, prefixed m. */
export const soap = (action: string, content: string): RequestOptions => ({
  headers: ['Content-Type: application/SOAP+xml'],
  body: `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><m:${action} xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip">${content}</m:${action}></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
})

export const acknowledge = (subscriber: string): RequestOptions => ({
  headers: ['Content-Type: application/msrtc-presence-setsubscriber+xml'],
  body: `<setSubscribers xmlns="http://schemas.microsoft.com/2006/09/sip/presence-subscribers"><subscriber user="${subscriber}" acknowledged="true"/></setSubscribers>`,
})

export const setDelegate = (delegate: string, version: number, action = 'add'): RequestOptions => ({
  headers: ['Content-Type: application/msrtc-setDelegate+xml'],
  body: `<setDelegates xmlns="http://schemas.microsoft.com/2007/09/sip/delegate-management" version="${version}"><delegate uri="sip:${delegate}" action="${action}"/></setDelegates>`,
})
