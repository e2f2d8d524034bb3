import { failure, type Failure } from '../base/failure.ts'
import { isPrivate, type CategoryRegistry } from '../categories/registry.ts'
import type { Rejection } from '../documents/rlmi.ts'
import type { BatchAction } from '../requests/batch-subscribe.ts'
import type { SipRequest } from '../sip/request.ts'
import type { UserKey } from '../sip/uri.ts'
import type { Unwatchable } from './watchability.ts'

/** Both tags in Require make it a batch; anything else is a single category SUBSCRIBE (3.4.5.1.1). */
export const isBatch = ({ require }: Pick<SipRequest, 'require'>): boolean => require.has('adhoclist') && require.has('categorylist')

/** The rules of a single category SUBSCRIBE (3.4.5.1.1, 3.4.5.3): one action, to subscribe, to one resource, which is To. */
export const checkSingle = (request: SipRequest, actions: readonly BatchAction[]): Failure | undefined => {
  const [action, ...more] = actions
  const fits = action !== undefined && more.length === 0 && action.name === 'subscribe' && action.resourceCount === 1 && action.resources[0]?.user === request.toUser
  return fits ? undefined : failure('singleNotOneResource')
}

/** What a category SUBSCRIBE comes to: the steps in the order of the request, what they ask to be shown, and who is rejected. */
export interface ResourcePlan {
  readonly steps: readonly { readonly name: 'subscribe' | 'unsubscribe'; readonly user: UserKey; readonly categories: readonly string[] }[]
  /** The accepted publishers with the categories that were asked for; the answer carries their data. */
  readonly subscribe: ReadonlyMap<UserKey, readonly string[]>
  readonly rejections: readonly Rejection[]
}

const add = (plan: Map<UserKey, readonly string[]>, user: UserKey, categories: readonly string[]): void => {
  plan.set(user, [...new Set([...(plan.get(user) ?? []), ...categories])])
}

/**
 * Sorts the resources of a request: who cannot be watched here goes on the rejection list (3.4.5.1.3.1, 3.4.5.3); private categories are passed
 * over in silence (3.4.5.1.3). What is not watched can be unsubscribed without complaint.
 */
export const planResources = (actions: readonly BatchAction[], unwatchable: ReadonlyMap<UserKey, Unwatchable>, registry: CategoryRegistry): ResourcePlan => {
  const steps: ResourcePlan['steps'][number][] = []
  const subscribe = new Map<UserKey, readonly string[]>()
  const rejected = new Map<UserKey, Rejection>()
  const hidden = isPrivate(registry)
  for (const { name, resources, categories: named } of actions) {
    const categories = named.filter((category) => !hidden(category))
    for (const { user } of resources) {
      const rejection = name === 'subscribe' ? unwatchable.get(user)?.rejection : undefined
      if (rejection !== undefined) {
        rejected.set(user, rejection)
        continue
      }
      steps.push({ name, user, categories })
      if (name === 'subscribe') add(subscribe, user, categories)
    }
  }
  return { steps, subscribe, rejections: [...rejected.values()] }
}

/** The bounds of 3.4.5.1.3 on what one request and one dialog may watch. */
export interface ResourceLimits {
  readonly maxResourcesPerDialog: number
  readonly maxCategoriesPerRequest: number
}

/** What a dialog watches after a plan: additive and subtractive (design decision 12); 403 above the limits. */
export const applyPlan = (before: ReadonlyMap<UserKey, readonly string[]>, plan: ResourcePlan, limits: ResourceLimits): ReadonlyMap<UserKey, readonly string[]> | Failure => {
  const after = new Map(before)
  for (const { name, user, categories } of plan.steps) {
    if (name === 'unsubscribe') {
      const left = (after.get(user) ?? []).filter((category) => !categories.includes(category))
      if (left.length === 0) after.delete(user)
      else after.set(user, left)
      continue
    }
    if (categories.length > limits.maxCategoriesPerRequest) return failure('subscribesTooMuch', `at most ${limits.maxCategoriesPerRequest} categories`)
    add(after, user, categories)
  }
  if (after.size > limits.maxResourcesPerDialog) return failure('subscribesTooMuch', `at most ${limits.maxResourcesPerDialog} contacts`)
  return after
}
