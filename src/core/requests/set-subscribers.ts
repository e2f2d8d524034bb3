import type { Result } from '../base/result.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { childrenNamed } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { expectOnly, notValid, readBody, readRequired } from './reading.ts'

/**
 * Reads a setSubscribers document (6.12) to the subscriber whom it acknowledges: exactly one (3.6.5.1), and never unacknowledged again
 * (2.2.2.6.2). 400 when it is missing or not valid (3.6.5.3).
 */
export const readSetSubscribers = (body: Uint8Array, limits?: XmlLimits): Result<UserKey> => {
  const document = readBody(body, namespaces.subscribers, 'setSubscribers', limits)
  if (!document.ok) return document
  const { root } = document.value
  const shape = expectOnly(root, namespaces.subscribers, ['subscriber'], [])
  if (!shape.ok) return shape
  const [element, ...more] = childrenNamed(root, namespaces.subscribers, 'subscriber')
  if (element === undefined) return notValid(root, 'subscriber is missing')
  if (more.length > 0) return notValid(root, 'holds exactly one subscriber')
  const inner = expectOnly(element, namespaces.subscribers, [], ['user', 'acknowledged'])
  if (!inner.ok) return inner
  const text = readRequired(element, 'user')
  if (!text.ok) return text
  const acknowledged = readRequired(element, 'acknowledged')
  if (!acknowledged.ok) return acknowledged
  // xs:boolean knows two ways to say so.
  if (!/^(true|1)$/.test(acknowledged.value.trim())) return notValid(element, `attribute acknowledged="${acknowledged.value.slice(0, 40)}" is not true`)
  const user = readUserKey(text.value)
  return user.ok ? user : notValid(element, `user="${text.value.slice(0, 80)}" is not the SIP URI of a user`)
}
