import { ok, type Result } from '../base/result.ts'
import { selfScopes, type SelfScope } from '../model/dialog.ts'
import { isElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { notValid, readBody, readOneOf, readRequired } from './reading.ts'

const BASIC = ['categories', 'containers', 'subscribers'] as const

/**
 * Reads the scope of a self SUBSCRIBE (6.6), in the order of `selfScopes`. Any combination is fine (3.3.5.1), so that one
 * without a plain `roaming` is taken although the schema asks for one; unknown roamingEx types are ignored, unknown
 * roaming types are 400 (3.3.5.3).
 */
export const readRoamingList = (body: Uint8Array, limits?: XmlLimits): Result<readonly SelfScope[]> => {
  const document = readBody(body, namespaces.roamingSelf, 'roamingList', limits)
  if (!document.ok) return document
  const asked = new Set<string>()
  let elements = 0
  for (const child of document.value.root.children) {
    if (isElement(child, namespaces.roamingSelf, 'roaming')) {
      const type = readOneOf(child, 'type', BASIC)
      if (!type.ok) return type
      asked.add(type.value)
      elements += 1
    } else if (isElement(child, namespaces.roamingSelfEx, 'roamingEx')) {
      const type = readRequired(child, 'type')
      if (!type.ok) return type
      if (type.value === 'delegates') asked.add(type.value)
      elements += 1
    } else if (child.namespace === namespaces.roamingSelf && child.local !== 'presenceSeparator') {
      return notValid(child, 'is not part of a roamingList')
    }
  }
  if (elements === 0) return notValid(document.value.root, 'names nothing to roam')
  return ok(selfScopes.filter((scope) => asked.has(scope)))
}
