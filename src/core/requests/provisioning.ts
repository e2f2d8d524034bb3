import { ok, type Result } from '../base/result.ts'
import { childrenNamed } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { notValid, readBody, readRequired } from './reading.ts'

/** Reads the names of a provisioningGroupList, each once, in the order of the request (MS-SIPREGE 2.2.2.4); 400 when it is not valid. */
export const readProvisioningGroups = (body: Uint8Array, limits?: XmlLimits): Result<readonly string[]> => {
  const document = readBody(body, namespaces.provisioningGroupList, 'provisioningGroupList', limits)
  if (!document.ok) return document
  const names = new Set<string>()
  for (const element of childrenNamed(document.value.root, namespaces.provisioningGroupList, 'provisioningGroup')) {
    const name = readRequired(element, 'name')
    if (!name.ok) return name
    names.add(name.value)
  }
  return names.size === 0 ? notValid(document.value.root, 'provisioningGroup is missing') : ok([...names])
}
