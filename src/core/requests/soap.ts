import { ok, type Result } from '../base/result.ts'
import { childrenNamed, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { notValid, readBody } from './reading.ts'

/** A SOAP 1.1 request of a SERVICE body (MS-SIP 4.6): the action that it asks for. */
export interface SoapRequest {
  /** The local name of the action. */
  readonly name: string
  readonly action: XmlElement
  /** What stands in the Body behind the action: a directory search keeps its filter there (MS-PRES 2.2.1). */
  readonly beside: readonly XmlElement[]
  readonly source: string
}

/**
 * Reads a SOAP envelope; 400 when it is missing or not one. Elements are told by namespace, since every client has its own prefixes; headers are
 * passed over, no client of this family sends any that mattered.
 */
export const readSoap = (body: Uint8Array, limits?: XmlLimits): Result<SoapRequest> => {
  const document = readBody(body, namespaces.soapEnvelope, 'Envelope', limits)
  if (!document.ok) return document
  const { root, source } = document.value
  const [inside, another] = childrenNamed(root, namespaces.soapEnvelope, 'Body')
  if (inside === undefined || another !== undefined) return notValid(root, 'must hold one Body')
  const [action, ...beside] = inside.children
  if (action === undefined) return notValid(inside, 'holds no action')
  if (action.namespace !== namespaces.soapActions) return notValid(action, `an action must be of ${namespaces.soapActions}`)
  return ok({ name: action.local, action, beside, source })
}
