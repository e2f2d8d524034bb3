import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { attribute, hasText, isElement, type XmlDocument, type XmlElement } from '../xml/element.ts'
import { defaultXmlLimits, parseXml, type XmlLimits } from '../xml/parse.ts'

/** A refusal that names the place: the element and what is wrong with it. */
export const notValid = (element: XmlElement, what: string): { readonly ok: false; readonly failure: ReturnType<typeof failure> } =>
  refuse(failure('bodyNotValid', `<${element.local}>: ${what}`))

/** Reads a request body whose root must be the given element; 400 when it is missing, not XML or another document. */
export const readBody = (body: Uint8Array, namespace: string, local: string, limits: XmlLimits = defaultXmlLimits): Result<XmlDocument> => {
  if (body.length === 0) return refuse(failure('bodyMissing'))
  const document = parseXml(body, limits)
  if (!document.ok) return document
  const { root } = document.value
  return isElement(root, namespace, local) ? document : notValid(root, `the root element must be ${local} of ${namespace}`)
}

/**
 * Refuses what a schema whose wildcards are all `##other` has no room for: text, and attributes and elements of its own namespace or of none
 * beyond those named.
 */
export const expectOnly = (element: XmlElement, namespace: string, elements: readonly string[], attributes: readonly string[]): Result<XmlElement> => {
  if (hasText(element)) return notValid(element, 'holds no text')
  const own = ({ namespace: found }: { readonly namespace: string }): boolean => found === '' || found === namespace
  const child = element.children.find((candidate) => own(candidate) && !elements.some((local) => isElement(candidate, namespace, local)))
  if (child !== undefined) return notValid(child, `is not part of ${element.local}`)
  const odd = element.attributes.find((candidate) => own(candidate) && !(candidate.namespace === '' && attributes.includes(candidate.local)))
  return odd === undefined ? ok(element) : notValid(element, `attribute ${odd.local.slice(0, 40)} is not part of it`)
}

/** A required attribute as written. */
export const readRequired = (element: XmlElement, name: string): Result<string> => {
  const value = attribute(element, name)
  return value === undefined ? notValid(element, `attribute ${name} is missing`) : ok(value)
}

/** A required unsigned integer attribute, at most `max`. */
export const readUnsigned = (element: XmlElement, name: string, max: number): Result<number> => {
  const text = readRequired(element, name)
  if (!text.ok) return text
  const trimmed = text.value.trim()
  const value = Number(trimmed)
  return /^\+?\d{1,12}$/.test(trimmed) && value <= max ? ok(value) : notValid(element, `attribute ${name}="${trimmed.slice(0, 40)}" is not a number from 0 to ${max}`)
}

/** A required attribute that must be one of a list. */
export const readOneOf = <T extends string>(element: XmlElement, name: string, allowed: readonly T[]): Result<T> => {
  const text = readRequired(element, name)
  if (!text.ok) return text
  const found = allowed.find((candidate) => candidate === text.value)
  return found === undefined ? notValid(element, `attribute ${name}="${text.value.slice(0, 40)}" is not one of ${allowed.join(', ')}`) : ok(found)
}

/** xs:unsignedInt, which instances and versions are (6.2, 6.10). */
export const MAX_UNSIGNED_INT = 0xffffffff

/** Whom a URI of a client before enhanced presence names: these write `sip:sip:user@host` where they add a scheme to what has one, and so does MS-SIP 3.2.4.2. */
export const readClientUser = (text: string): Result<UserKey> => readUserKey(text.trim().replace(/^(?:sips?:)+(?=sips?:)/i, ''))
