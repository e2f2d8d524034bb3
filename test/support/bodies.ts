/** Request bodies as clients write them. */

export interface PublicationText {
  readonly category: string
  readonly container: number
  readonly instance?: number
  readonly version?: number
  readonly expireType?: string
  readonly expires?: number | string
  /** Text of a small element, or whole XML when it starts with an angle bracket; nothing when undefined. */
  readonly data?: string
}

const namespaceOf = (category: string): string => `http://schemas.microsoft.com/2006/09/sip/${category === 'services' ? 'service' : category.toLowerCase()}`

const dataOf = (category: string, data: string): string => (data.startsWith('<') ? data : `<${category} xmlns="${namespaceOf(category)}"><text>${data}</text></${category}>`)

export const publishBody = (user: string, publications: readonly PublicationText[]): string =>
  `<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence"><publications uri="sip:${user}">${publications.map(({ category, container, instance = 0, version = 0, expireType = 'static', expires, data }) =>
    `<publication categoryName="${category}" instance="${instance}" container="${container}" version="${version}" expireType="${expireType}"${expires === undefined ? '' : ` expires="${expires}"`}>` +
    `${data === undefined ? '' : dataOf(category, data)}</publication>`).join('')}</publications></publish>`

/** `note` with a text, in some containers at once. */
export const notes = (text: string, containers: readonly number[], version = 0): readonly PublicationText[] => containers.map((container) => ({ category: 'note', container, version, data: text }))

/** Takes a category instance back. */
export const removal = (category: string, container: number, version: number, more: Partial<PublicationText> = {}): PublicationText => ({ category, container, version, expires: 0, ...more })

export interface ContainerText {
  readonly id: number | string
  readonly version: number | string
  /** `user boris@...`, `domain x`, `everyone`; with `-` in front it is removed, with `!` by the word of the prose. */
  readonly members: readonly string[]
}

const member = (text: string): string => {
  const action = text.startsWith('-') ? 'remove' : text.startsWith('!') ? 'delete' : 'add'
  const [type = '', value] = text.replace(/^[-!]/, '').split(' ')
  return `<member action="${action}" type="${type}"${value === undefined ? '' : ` value="${value}"`}/>`
}

export const membersBody = (containers: readonly ContainerText[]): string =>
  `<setContainerMembers xmlns="http://schemas.microsoft.com/2006/09/sip/container-management">${containers.map(({ id, version, members }) => `<container id="${id}" version="${version}">${members.map(member).join('')}</container>`).join('')}</setContainerMembers>`

export const roamingBody = (scope: readonly string[]): string =>
  `<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self">${scope.map((type) =>
    type === 'delegates' ? '<roamingEx xmlns="http://schemas.microsoft.com/2007/09/sip/roaming-self-ex" type="delegates"/>' : `<roaming type="${type}"/>`).join('')}</roamingList>`

/** A resource of a batch: its user alone, or with what stands in its context element, '' for an empty one. */
export type ResourceText = string | { readonly user: string; readonly context: string }

const resource = (text: ResourceText): string =>
  typeof text === 'string' ? `<resource uri="sip:${text}"/>` : `<resource uri="sip:${text.user}">${text.context === '' ? '<context/>' : `<context>${text.context}</context>`}</resource>`

export interface BatchActionText {
  readonly name: string
  readonly publishers: readonly ResourceText[]
  readonly categories: readonly string[]
}

export const batchBody = (actions: readonly BatchActionText[]): string =>
  `<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" uri="sip:ignored@x.example" name="">${actions.map(({ name, publishers, categories }) =>
    `<action name="${name}" id="63792024"><adhocList>${publishers.map(resource).join('')}</adhocList>` +
    `<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist">${categories.map((category) => `<category name="${category}"/>`).join('')}</categoryList></action>`).join('')}</batchSub>`

/** A list as clients before enhanced presence write it: the namespace on the root, none on the action (MS-SIP 4.3). */
export const listBody = (action: string, users: readonly string[]): string =>
  `<adhoclist xmlns="urn:ietf:params:xml:ns:adrl" uri="sip:ignored@x.example" name=""><${action} xmlns="">${users.map((user) => `<resource uri="sip:${user}"/>`).join('')}</${action}></adhoclist>`

/** The user with an empty context, as clients add a contact (4.8). */
export const added = (user: string): ResourceText => ({ user, context: '' })

export const subscribersBody = (user: string): string =>
  `<setSubscribers xmlns="http://schemas.microsoft.com/2006/09/sip/presence-subscribers"><subscriber user="${user}" acknowledged="true"/></setSubscribers>`

export interface DelegateText {
  readonly user: string
  readonly action: string
  readonly publish?: 'allow' | 'deny'
  readonly redelegate?: 'allow' | 'deny'
}

export const delegatesBody = (version: number, { user, action, publish, redelegate }: DelegateText): string =>
  `<setDelegates xmlns="http://schemas.microsoft.com/2007/09/sip/delegate-management" version="${version}"><delegate uri="sip:${user}" action="${action}">` +
  `${publish === undefined ? '' : `<publishOperation authorization="${publish}"/>`}${redelegate === undefined ? '' : `<redelegateOperation authorization="${redelegate}"/>`}</delegate></setDelegates>`

/** The fields of a SOAP action by name; `deltaNum` among them. */
export type SoapFields = Readonly<Record<string, string | number>>

export const soapBody = (action: string, fields: SoapFields): string =>
  `<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><m:${action} xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip">` +
  `${Object.entries(fields).map(([name, value]) => (value === '' ? `<m:${name}/>` : `<m:${name}>${value}</m:${name}>`)).join('')}</m:${action}></SOAP-ENV:Body></SOAP-ENV:Envelope>`

/** The fields of setContact as clients send them. */
export const contactFields = (user: string, deltaNum: number, more: SoapFields = {}): SoapFields => ({ displayName: '', groups: '', subscribed: 'true', URI: `sip:${user}`, externalURI: '', deltaNum, ...more })

export const provisioningBody = (groups: readonly string[]): string =>
  `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">${groups.map((name) => `<provisioningGroup name="${name}"/>`).join('')}</provisioningGroupList>`

/** The rows of a directory search with their values. */
export type SearchRows = readonly (readonly [attrib: string, value: string])[]

const quoted = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** A directory search as clients send it. */
export const searchBody = (rows: SearchRows, maxResults: number | string = 100): string =>
  '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><m:directorySearch xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip">' +
  `<m:filter m:href="#searchArray"/><m:maxResults>${maxResults}</m:maxResults></m:directorySearch><m:Array xmlns:m="http://schemas.microsoft.com/winrtc/2002/11/sip" m:id="searchArray">` +
  `${rows.map(([attrib, value]) => `<m:row m:attrib="${quoted(attrib)}" m:value="${quoted(value)}"/>`).join('')}</m:Array></SOAP-ENV:Body></SOAP-ENV:Envelope>`

/** A user in a list, with a name of the list's own perhaps: `boris@x.example` or `['boris@x.example', 'Boris B.']`. */
export type ListEntryText = string | readonly [user: string, name: string]

/** What stands in the resource-lists document of an ordinary phone (RFC 4826). */
export const resourceListsBody = (entries: readonly ListEntryText[], name?: string): string => {
  const named = (text: string | undefined): string => (text === undefined ? '' : `<display-name>${text}</display-name>`)
  return `<?xml version="1.0" encoding="UTF-8"?>\r\n<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list>${named(name)}${entries.map((entry) => {
    const [user, text] = typeof entry === 'string' ? [entry, undefined] : entry
    return `<entry uri="sip:${user}">${named(text)}</entry>`
  }).join('')}</list></resource-lists>`
}
