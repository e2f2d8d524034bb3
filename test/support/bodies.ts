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

export interface BatchActionText {
  readonly name: string
  readonly publishers: readonly string[]
  readonly categories: readonly string[]
}

export const batchBody = (actions: readonly BatchActionText[]): string =>
  `<batchSub xmlns="http://schemas.microsoft.com/2006/01/sip/batch-subscribe" uri="sip:ignored@x.example" name="">${actions.map(({ name, publishers, categories }) =>
    `<action name="${name}" id="63792024"><adhocList>${publishers.map((user) => `<resource uri="sip:${user}"/>`).join('')}</adhocList>` +
    `<categoryList xmlns="http://schemas.microsoft.com/2006/09/sip/categorylist">${categories.map((category) => `<category name="${category}"/>`).join('')}</categoryList></action>`).join('')}</batchSub>`
