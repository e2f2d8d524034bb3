import { readIsoInstant, type Instant } from '../base/instant.ts'
import { ok, type Result } from '../base/result.ts'
import { MAX_CONTAINER } from '../model/container.ts'
import { expireTypes, type ExpireType } from '../model/publication.ts'
import { attribute, childrenNamed, firstChild, hasText, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { writeVerbatim } from '../xml/write.ts'
import { MAX_UNSIGNED_INT, notValid, readBody, readOneOf, readRequired, readUnsigned } from './reading.ts'

/** The `expires` attribute: absent, seconds (zero unpublishes), or an instant in time. */
export type PublicationExpires = { readonly seconds: number } | { readonly at: Instant } | undefined

/** One publication of a request (2.2.2.2.1), attributes validated, data verbatim. */
export interface Publication {
  readonly category: string
  readonly instance: number
  readonly version: number
  readonly container: number
  readonly expireType: ExpireType
  readonly expires: PublicationExpires
  readonly payload: string
}

export interface PublishRequest {
  /** The uri attribute of publications as written; must name From and To. */
  readonly uri: string
  readonly publications: readonly Publication[]
}

// Design decision 4: schema and examples say seconds, prose says ISO-8601; both are read.
const readExpires = (element: XmlElement): Result<PublicationExpires> => {
  const text = attribute(element, 'expires')?.trim()
  if (text === undefined) return ok(undefined)
  if (/^\d{1,10}$/.test(text) && Number(text) <= MAX_UNSIGNED_INT) return ok({ seconds: Number(text) })
  const at = readIsoInstant(text)
  return at === undefined ? notValid(element, `attribute expires="${text.slice(0, 40)}" is neither seconds nor an ISO-8601 time`) : ok({ at })
}

const readPublication = (element: XmlElement, source: string): Result<Publication> => {
  const category = readRequired(element, 'categoryName')
  if (!category.ok) return category
  if (category.value === '' || category.value.length > 128) return notValid(element, 'attribute categoryName must have 1 to 128 characters')
  const instance = readUnsigned(element, 'instance', MAX_UNSIGNED_INT)
  if (!instance.ok) return instance
  const version = readUnsigned(element, 'version', MAX_UNSIGNED_INT)
  if (!version.ok) return version
  const container = readUnsigned(element, 'container', MAX_CONTAINER)
  if (!container.ok) return container
  const expireType = readOneOf(element, 'expireType', expireTypes)
  if (!expireType.ok) return expireType
  const expires = readExpires(element)
  if (!expires.ok) return expires
  if (element.children.length > 1 || hasText(element)) return notValid(element, 'holds at most one element, and no text')
  const [data] = element.children
  return ok({
    category: category.value,
    instance: instance.value,
    version: version.value,
    container: container.value,
    expireType: expireType.value,
    expires: expires.value,
    payload: data === undefined ? '' : writeVerbatim(source, data),
  })
}

/** Reads a publish document (6.10); 400 when it is missing or not valid (3.2.5.4). */
export const readPublishRequest = (body: Uint8Array, limits?: XmlLimits): Result<PublishRequest> => {
  const document = readBody(body, namespaces.richPresence, 'publish', limits)
  if (!document.ok) return document
  const wrapper = firstChild(document.value.root, namespaces.richPresence, 'publications')
  if (wrapper === undefined) return notValid(document.value.root, 'publications is missing')
  const uri = readRequired(wrapper, 'uri')
  if (!uri.ok) return uri
  const publications: Publication[] = []
  for (const element of childrenNamed(wrapper, namespaces.richPresence, 'publication')) {
    const publication = readPublication(element, document.value.source)
    if (!publication.ok) return publication
    publications.push(publication.value)
  }
  if (publications.length === 0) return notValid(wrapper, 'publication is missing')
  return ok({ uri: uri.value, publications })
}
