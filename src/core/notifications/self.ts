import type { Instant } from '../base/instant.ts'
import { writeSelfCategories, type ClearedCategory } from '../documents/categories.ts'
import { writeContainers } from '../documents/containers.ts'
import { writeDelegates } from '../documents/delegates.ts'
import { writeRoamingData, type RoamingSections } from '../documents/roaming-self.ts'
import { writeSubscribers } from '../documents/subscribers.ts'
import type { Container } from '../model/container.ts'
import type { SelfScope } from '../model/dialog.ts'
import type { CategoryInstance, InstanceKey } from '../model/publication.ts'
import { existingContainers, type SeenState } from '../model/publisher.ts'
import { ownEntry, type Touch } from '../model/touch.ts'

const byNameThenPlace = (a: InstanceKey, b: InstanceKey): number =>
  a.category === b.category ? a.container - b.container || a.instance - b.instance : a.category < b.category ? -1 : 1

const descending = (containers: readonly Container[]): readonly Container[] => [...containers].sort((a, b) => b.id - a.id)

/**
 * All data of a scope, as every answer to a self SUBSCRIBE carries it, refreshes included (3.3.5.1). `named` are categories to be named even where nothing
 * is left of them: clients forget what they hold of a category only when they read its name.
 */
export const writeSelfState = (state: SeenState, scope: readonly SelfScope[], now: Instant, named: readonly string[] = []): string => {
  const published = new Set(state.instances.map(({ category }) => category))
  const sections: { -readonly [K in keyof RoamingSections]: string } = {}
  if (scope.includes('categories')) sections.categories = writeSelfCategories(state.publisher, [...state.instances].sort(byNameThenPlace), named.filter((category) => !published.has(category)).map((category) => ({ category, container: 0 })), now)
  if (scope.includes('containers')) sections.containers = writeContainers(existingContainers(state))
  if (scope.includes('subscribers')) sections.subscribers = writeSubscribers(state.subscribers)
  if (scope.includes('delegates')) sections.delegates = writeDelegates(state.delegates)
  return writeRoamingData(sections)
}

const clearedOf = (touch: Touch, instances: readonly CategoryInstance[]): readonly ClearedCategory[] => {
  const filled = new Set(instances.map(({ category, container }) => `${category}\n${container}`))
  return Object.entries(touch.categories).flatMap(([category, containers]) =>
    containers.filter((container) => !filled.has(`${category}\n${container}`)).map((container) => ({ category, container })))
}

/**
 * What a self subscription hears of a touch (3.2.5.2, 3.5.5.3, 3.6.5.2, 3.9.5.3), or undefined when the touch is outside its scope: each
 * touched category with all its instances in all containers (design decision 6), each touched container with all its members, and the
 * lists of subscribers and delegates always as a whole.
 */
export const writeSelfChange = (state: SeenState, touch: Touch, scope: readonly SelfScope[], now: Instant): string | undefined => {
  const sections: { -readonly [K in keyof RoamingSections]: string } = {}
  if (scope.includes('categories') && Object.keys(touch.categories).length > 0) {
    const instances = state.instances.filter(({ category }) => ownEntry(touch.categories, category) !== undefined).sort(byNameThenPlace)
    sections.categories = writeSelfCategories(state.publisher, instances, clearedOf(touch, instances), now)
  }
  const touchedContainers = Object.keys(touch.membersBefore).map(Number)
  if (scope.includes('containers') && touchedContainers.length > 0) {
    sections.containers = writeContainers(descending(state.containers.filter(({ id }) => touchedContainers.includes(id))))
  }
  if (scope.includes('subscribers') && touch.subscribers === true) sections.subscribers = writeSubscribers(state.subscribers)
  if (scope.includes('delegates') && touch.delegates === true) sections.delegates = writeDelegates(state.delegates)
  return Object.keys(sections).length === 0 ? undefined : writeRoamingData(sections)
}
