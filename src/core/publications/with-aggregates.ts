import type { Instant } from '../base/instant.ts'
import { aggregate } from '../aggregation/aggregate.ts'
import { planCategories, type AggregationPlan } from '../aggregation/plan.ts'
import type { Change } from '../model/change.ts'
import { touchOfInstances } from '../model/diff.ts'
import type { Endpoint } from '../model/endpoint.ts'
import { instanceKeyText, type CategoryInstance, type InstanceKey } from '../model/publication.ts'
import type { Touch } from '../model/touch.ts'
import { changesDevices } from '../notifications/devices.ts'
import type { UserKey } from '../sip/uri.ts'

/** Which categories a decision on some must have read, so that what the server computes from them can be computed with it. */
export const categoriesToRead = (plan: AggregationPlan, named: readonly string[]): readonly string[] =>
  plan.some(({ from }) => from.categories.some((category) => named.includes(category))) ? [...new Set([...named, ...planCategories(plan)])] : [...new Set(named)]

/** The categories that the server may compute from a change of these instances. */
export const categoriesComputedFrom = (plan: AggregationPlan, changed: readonly InstanceKey[]): readonly string[] => {
  const rows = plan.filter(({ from }) => changed.some(({ category, container }) => container === from.container && from.categories.includes(category)))
  return [...new Set(rows.flatMap(({ outputs }) => outputs.map(({ category }) => category)))]
}

/** A change of a publisher's instances that is decided but for what the server computes from it. */
export interface Decided {
  readonly publisher: UserKey
  readonly before: readonly CategoryInstance[]
  /** Living instances after the change. */
  readonly after: readonly CategoryInstance[]
  readonly changes: readonly Change[]
  readonly changed: readonly InstanceKey[]
  /** Endpoints that are there after the change. */
  readonly endpoints: readonly Endpoint[]
}

/** The same with all consequences. */
export interface Completed {
  readonly after: readonly CategoryInstance[]
  readonly changes: readonly Change[]
  readonly touch: Touch
}

const computeAggregates = (plan: AggregationPlan, { publisher, before, after, changes, changed, endpoints }: Decided, now: Instant): Completed => {
  const touch = touchOfInstances(before, after, changed)
  const computed = aggregate(plan, { publisher, instances: after, endpoints }, now, touch.categories)
  if (computed.length === 0) return { after, changes, touch }
  const instances = new Map(after.map((instance) => [instanceKeyText(instance), instance]))
  const keys: InstanceKey[] = []
  for (const change of computed) {
    if (change.kind === 'putInstance') {
      instances.set(instanceKeyText(change.instance), change.instance)
      keys.push(change.instance)
    } else if (change.kind === 'deleteInstance') {
      instances.delete(instanceKeyText(change.key))
      keys.push(change.key)
    }
  }
  // What the change itself wrote and the computation replaces is written once.
  const replaced = new Set(keys.map(instanceKeyText))
  const own = changes.filter((change) => !(change.kind === 'putInstance' && replaced.has(instanceKeyText(change.instance))) && !(change.kind === 'deleteInstance' && replaced.has(instanceKeyText(change.key))))
  const final = [...instances.values()]
  return { after: final, changes: [...own, ...computed], touch: touchOfInstances(before, final, [...changed, ...keys]) }
}

/**
 * Adds what the server computes from a change (3.2.5.6): in the same transaction, so that nobody ever reads the one without the other, and as
 * part of the publisher's own answer.
 */
export const withAggregates = (plan: AggregationPlan, decided: Decided, now: Instant): Completed => {
  const completed = computeAggregates(plan, decided, now)
  return changesDevices(completed.touch, decided.before, completed.after) ? { ...completed, touch: { ...completed.touch, devices: true } } : completed
}
