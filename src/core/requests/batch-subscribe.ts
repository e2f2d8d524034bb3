import { ok, type Result } from '../base/result.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { childrenNamed, firstChild, type XmlElement } from '../xml/element.ts'
import { namespaces } from '../xml/namespaces.ts'
import type { XmlLimits } from '../xml/parse.ts'
import { writeVerbatim } from '../xml/write.ts'
import { notValid, readBody, readOneOf, readRequired } from './reading.ts'

/** One resource of a batch; `context` is the context's verbatim content, '' for an empty one, undefined without one. */
export interface BatchResource {
  readonly user: UserKey
  /** The uri attribute as written; rejections repeat it. */
  readonly uri: string
  readonly context: string | undefined
}

export interface BatchAction {
  readonly name: 'subscribe' | 'unsubscribe'
  /** Each user once. */
  readonly resources: readonly BatchResource[]
  /** How many resource elements there were. */
  readonly resourceCount: number
  /** Category names, each once, in the order of the request. */
  readonly categories: readonly string[]
}

const readResource = (element: XmlElement, source: string): Result<BatchResource> => {
  const uri = readRequired(element, 'uri')
  if (!uri.ok) return uri
  const user = readUserKey(uri.value)
  if (!user.ok) return notValid(element, `uri="${uri.value.slice(0, 80)}" is not the SIP URI of a user`)
  const context = firstChild(element, namespaces.batchSubscribe, 'context')
  if (context !== undefined && context.children.length > 1) return notValid(context, 'holds at most one element')
  const [content] = context?.children ?? []
  return ok({ user: user.value, uri: uri.value, context: context === undefined ? undefined : content === undefined ? '' : writeVerbatim(source, content) })
}

const readAction = (element: XmlElement, source: string): Result<BatchAction> => {
  const name = readOneOf(element, 'name', ['subscribe', 'unsubscribe'] as const)
  if (!name.ok) return name
  const list = firstChild(element, namespaces.batchSubscribe, 'adhocList')
  if (list === undefined) return notValid(element, 'adhocList is missing')
  const resources = new Map<UserKey, BatchResource>()
  const elements = childrenNamed(list, namespaces.batchSubscribe, 'resource')
  for (const child of elements) {
    const resource = readResource(child, source)
    if (!resource.ok) return resource
    resources.set(resource.value.user, resource.value)
  }
  if (resources.size === 0) return notValid(list, 'resource is missing')
  const categoryList = firstChild(element, namespaces.categoryList, 'categoryList')
  if (categoryList === undefined) return notValid(element, 'categoryList is missing')
  const categories = new Set<string>()
  for (const child of childrenNamed(categoryList, namespaces.categoryList, 'category')) {
    const category = readRequired(child, 'name')
    if (!category.ok) return category
    categories.add(category.value)
  }
  if (categories.size === 0) return notValid(categoryList, 'category is missing')
  return ok({ name: name.value, resources: [...resources.values()], resourceCount: elements.length, categories: [...categories] })
}

/** Reads a batchSub document (6.8); 400 when it is missing or not valid (3.4.5.3). */
export const readBatchSubscribe = (body: Uint8Array, limits?: XmlLimits): Result<readonly BatchAction[]> => {
  const document = readBody(body, namespaces.batchSubscribe, 'batchSub', limits)
  if (!document.ok) return document
  const actions: BatchAction[] = []
  for (const element of childrenNamed(document.value.root, namespaces.batchSubscribe, 'action')) {
    const action = readAction(element, document.value.source)
    if (!action.ok) return action
    actions.push(action.value)
  }
  return actions.length === 0 ? notValid(document.value.root, 'action is missing') : ok(actions)
}
