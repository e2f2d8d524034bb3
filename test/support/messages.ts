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

export const setMembers = (container: number, version: number, ...members: readonly string[]): RequestOptions => ({
  headers: ['Content-Type: application/msrtc-setcontainermembers+xml'],
  body: `<setContainerMembers xmlns="http://schemas.microsoft.com/2006/09/sip/container-management"><container id="${container}" version="${version}">${members.map((member) => `<member ${member}/>`).join('')}</container></setContainerMembers>`,
})
