import { ok, type Result } from '../base/result.ts'
import type { UserKey } from '../sip/uri.ts'
import type { XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { notValid, readBody, readClientUser, readRequired } from './reading.ts'

const actions = ['create', 'add', 'delete'] as const

/** What a client asks of its list of presentities (MS-SIP 3.3). */
export interface AdhocList {
  readonly action: (typeof actions)[number]
  /** Each user once, in the order of the request. */
  readonly users: readonly UserKey[]
}

/** Clients declare the namespace on the root alone and `xmlns=""` on what stands in it; extensions of others are passed over. */
const isOwn = ({ namespace }: XmlElement): boolean => namespace === '' || namespace === namespaces.adhocList

const actionOf = ({ local }: XmlElement): AdhocList['action'] | undefined => actions.find((name) => name === local)

const readUsers = (element: XmlElement): Result<readonly UserKey[]> => {
  const users = new Set<UserKey>()
  for (const child of element.children.filter((candidate) => isOwn(candidate) && candidate.local === 'resource')) {
    const uri = readRequired(child, 'uri')
    if (!uri.ok) return uri
    const user = readClientUser(uri.value)
    if (!user.ok) return notValid(child, `uri="${uri.value.slice(0, 80)}" is not the SIP URI of a user`)
    users.add(user.value)
  }
  return users.size === 0 ? notValid(element, 'resource is missing') : ok([...users])
}

/** Reads an adhoclist document with its one action; 400 when it is missing or not valid. Whose list it says to be is not looked at: it is the sender's. */
export const readAdhocList = (body: Uint8Array, limits?: XmlLimits): Result<AdhocList> => {
  const document = readBody(body, namespaces.adhocList, 'adhoclist', limits)
  if (!document.ok) return document
  const { root } = document.value
  const [first, ...more] = root.children.filter(isOwn)
  const action = first === undefined ? undefined : actionOf(first)
  if (first === undefined || action === undefined || more.length > 0) return notValid(root, 'holds exactly one of create, add and delete')
  const users = readUsers(first)
  return users.ok ? ok({ action, users: users.value }) : users
}
