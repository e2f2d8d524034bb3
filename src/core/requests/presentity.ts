import { ok, type Result } from '../base/result.ts'
import type { UserKey } from '../sip/uri.ts'
import type { XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import { notValid, readClientUser } from './reading.ts'
import type { SoapRequest } from './soap.ts'

/** Clients write the parts of these requests with the prefix of the action, in the namespace of the document that they carry, or in none. */
const OWN: ReadonlySet<string> = new Set([namespaces.soapActions, namespaces.msrtcPresence, ''])

/** The child elements of a name that belong to the request itself, and not to an extension. */
export const ownChildren = (element: XmlElement, local: string): readonly XmlElement[] => element.children.filter((child) => child.local === local && OWN.has(child.namespace))

/** An attribute with the prefix of the action, as in MS-SIP 3.2.4.2, or bare. */
export const ownAttribute = (element: XmlElement, local: string): string | undefined =>
  element.attributes.find((candidate) => candidate.local === local && OWN.has(candidate.namespace))?.value

/** The presentity of a SOAP request about presence (MS-SIP 3.2.4.2, 3.2.4.3). */
export interface Presentity {
  readonly element: XmlElement
  readonly user: UserKey
}

/** Reads whom the request is about; 400 when it names nobody. */
export const readPresentity = ({ action }: Pick<SoapRequest, 'action'>): Result<Presentity> => {
  const [element, another] = ownChildren(action, 'presentity')
  if (element === undefined || another !== undefined) return notValid(action, 'must hold one presentity')
  const uri = ownAttribute(element, 'uri')
  if (uri === undefined) return notValid(element, 'attribute uri is missing')
  const user = readClientUser(uri)
  return user.ok ? ok({ element, user: user.value }) : notValid(element, `uri "${uri.slice(0, 80)}" is not the SIP URI of a user`)
}
