import type { CategoryInstance, InstanceKey } from './publication.ts'
import type { Touch } from './touch.ts'

/** Category to the containers that hold at least one of these instances, ascending. */
export const publishedContainers = (instances: readonly CategoryInstance[]): ReadonlyMap<string, ReadonlySet<number>> => {
  const published = new Map<string, Set<number>>()
  for (const { category, container } of instances) {
    const containers = published.get(category)
    if (containers === undefined) published.set(category, new Set([container]))
    else containers.add(container)
  }
  return published
}

const ascending = (containers: Iterable<number>): readonly number[] => [...containers].sort((a, b) => a - b)

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((value, at) => value === b[at])

/**
 * The touch of a change of instances: `changed` are the keys that were put or deleted; before and after are all
 * instances of the categories concerned (3.2.5.3, 1.3.1.3.9).
 */
export const touchOfInstances = (before: readonly CategoryInstance[], after: readonly CategoryInstance[], changed: readonly InstanceKey[]): Touch => {
  const categories = new Map<string, Set<number>>()
  for (const { category, container } of changed) {
    const containers = categories.get(category) ?? new Set()
    categories.set(category, containers.add(container))
  }
  const publishedBefore = new Map<string, readonly number[]>()
  const was = publishedContainers(before)
  const is = publishedContainers(after)
  for (const category of categories.keys()) {
    const old = ascending(was.get(category) ?? [])
    if (!same(old, ascending(is.get(category) ?? []))) publishedBefore.set(category, old)
  }
  return {
    categories: Object.fromEntries([...categories].map(([category, containers]) => [category, ascending(containers)])),
    publishedBefore: Object.fromEntries(publishedBefore),
    membersBefore: {},
  }
}
