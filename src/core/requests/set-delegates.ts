import { ok, type Result } from '../base/result.ts'
import type { Delegate } from '../model/delegate.ts'
import { readUserKey } from '../sip/uri.ts'
import { childrenNamed, isElement, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { expectOnly, MAX_UNSIGNED_INT, notValid, readBody, readOneOf, readRequired, readUnsigned } from './reading.ts'

/** A change of the delegate list: one delegate at a time (3.9.5.1), on the version that the sender knows. */
export interface DelegateAction {
  readonly version: number
  readonly action: 'add' | 'remove' | 'modify'
  readonly delegate: Delegate
}

/** Whether an operation is allowed; an absent element denies it (3.9.5.2). */
const readOperation = (delegate: XmlElement, name: 'publishOperation' | 'redelegateOperation'): Result<boolean> => {
  const [element, ...more] = childrenNamed(delegate, namespaces.delegateManagement, name)
  if (element === undefined) return ok(false)
  if (more.length > 0) return notValid(delegate, `holds ${name} at most once`)
  const shape = expectOnly(element, namespaces.delegateManagement, [], ['authorization'])
  if (!shape.ok) return shape
  if (element.children.length > 0) return notValid(element, 'must be empty')
  const authorization = readOneOf(element, 'authorization', ['allow', 'deny'] as const)
  return authorization.ok ? ok(authorization.value === 'allow') : authorization
}

const readDelegate = (element: XmlElement, version: number): Result<DelegateAction> => {
  const operations = ['publishOperation', 'redelegateOperation']
  const shape = expectOnly(element, namespaces.delegateManagement, operations, ['uri', 'action'])
  if (!shape.ok) return shape
  // The wildcard of this schema admits one element, not any number (6.14).
  if (element.children.filter(({ namespace }) => namespace !== namespaces.delegateManagement).length > 1) return notValid(element, 'holds at most one extension')
  const uri = readRequired(element, 'uri')
  if (!uri.ok) return uri
  const user = readUserKey(uri.value)
  if (!user.ok) return notValid(element, `uri="${uri.value.slice(0, 80)}" is not the SIP URI of a user`)
  const action = readOneOf(element, 'action', ['add', 'remove', 'modify'] as const)
  if (!action.ok) return action
  const publish = readOperation(element, 'publishOperation')
  if (!publish.ok) return publish
  const redelegate = readOperation(element, 'redelegateOperation')
  if (!redelegate.ok) return redelegate
  return ok({ version, action: action.value, delegate: { user: user.value, publish: publish.value, redelegate: redelegate.value } })
}

/** Reads a setDelegates document (6.14); 400 when it is missing or not valid (3.9.5.4, which names the namespace of another document by mistake). */
export const readSetDelegates = (body: Uint8Array, limits?: XmlLimits): Result<DelegateAction> => {
  const document = readBody(body, namespaces.delegateManagement, 'setDelegates', limits)
  if (!document.ok) return document
  const { root } = document.value
  const shape = expectOnly(root, namespaces.delegateManagement, ['delegate'], ['version'])
  if (!shape.ok) return shape
  // Unlike the other requests this one has no room for extensions beside its delegate (6.14).
  const foreign = root.children.find((child) => !isElement(child, namespaces.delegateManagement, 'delegate'))
  if (foreign !== undefined) return notValid(foreign, 'is not part of setDelegates')
  const version = readUnsigned(root, 'version', MAX_UNSIGNED_INT)
  if (!version.ok) return version
  const [element, ...more] = root.children
  if (element === undefined) return notValid(root, 'delegate is missing')
  return more.length > 0 ? notValid(root, 'holds exactly one delegate') : readDelegate(element, version.value)
}
