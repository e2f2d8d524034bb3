import { ok, type Result } from '../base/result.ts'
import { MAX_CONTAINER, memberTypes, type ContainerMember, type MemberType } from '../model/container.ts'
import { readUserKey } from '../sip/uri.ts'
import { attribute, childrenNamed, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { MAX_UNSIGNED_INT, notValid, readBody, readOneOf, readUnsigned } from './reading.ts'

export interface MemberAction {
  readonly remove: boolean
  readonly member: ContainerMember
}

/** The actions on one container (2.2.2.5.2). */
export interface ContainerActions {
  readonly id: number
  readonly version: number
  readonly actions: readonly MemberAction[]
}

/** RFC 1034 3.1 as MS-PRES 3.5.5.2 asks: labels of letters, digits and hyphens; a leading digit as RFC 1123 2.1 allows. */
export const DOMAIN = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i

/** A member of a type and a value as written: a user by its SIP URI (sip: optional), a domain by its name, the others without any value. A text says what is wrong. */
export const readMember = (type: MemberType, value: string | undefined): ContainerMember | string => {
  const written = `value="${(value ?? '').slice(0, 80)}"`
  if (type === 'user') {
    const user = readUserKey(value ?? '')
    return user.ok ? { type, value: user.value } : `${written} is not a SIP URI`
  }
  if (type === 'domain') return value !== undefined && DOMAIN.test(value) ? { type, value: value.toLowerCase() } : `${written} is not a domain name`
  return value === undefined ? { type, value: '' } : `a member of type ${type} has no value`
}

const readAction = (element: XmlElement): Result<MemberAction> => {
  const action = attribute(element, 'action') ?? 'add'
  // Design decision 2: the prose says delete, the schema and real clients say remove.
  if (action !== 'add' && action !== 'remove' && action !== 'delete') return notValid(element, `action="${action.slice(0, 40)}" is not add, remove or delete`)
  const type = readOneOf(element, 'type', memberTypes)
  if (!type.ok) return type
  const member = readMember(type.value, attribute(element, 'value'))
  return typeof member === 'string' ? notValid(element, member) : ok({ remove: action !== 'add', member })
}

const readContainer = (element: XmlElement): Result<ContainerActions> => {
  const id = readUnsigned(element, 'id', MAX_CONTAINER)
  if (!id.ok) return id
  // The default container has no membership list (1.3.1.3.3, 6.1).
  if (id.value === 0) return notValid(element, 'container 0 has no members')
  const version = readUnsigned(element, 'version', MAX_UNSIGNED_INT)
  if (!version.ok) return version
  const actions: MemberAction[] = []
  for (const member of childrenNamed(element, namespaces.containerManagement, 'member')) {
    const action = readAction(member)
    if (!action.ok) return action
    actions.push(action.value)
  }
  return actions.length === 0 ? notValid(element, 'member is missing') : ok({ id: id.value, version: version.value, actions })
}

/** Reads a setContainerMembers document (6.11); 400 when it is missing or not valid (3.5.5.5). */
export const readSetContainerMembers = (body: Uint8Array, limits?: XmlLimits): Result<readonly ContainerActions[]> => {
  const document = readBody(body, namespaces.containerManagement, 'setContainerMembers', limits)
  if (!document.ok) return document
  const containers: ContainerActions[] = []
  for (const element of childrenNamed(document.value.root, namespaces.containerManagement, 'container')) {
    const container = readContainer(element)
    if (!container.ok) return container
    containers.push(container.value)
  }
  return containers.length === 0 ? notValid(document.value.root, 'container is missing') : ok(containers)
}
