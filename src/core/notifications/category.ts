import { writeSeenCategories, writeSeenCategory } from '../documents/categories.ts'
import type { Subscription } from '../model/dialog.ts'
import { publishedContainers } from '../model/diff.ts'
import type { CategoryInstance } from '../model/publication.ts'
import type { SeenState } from '../model/publisher.ts'
import { ownEntry, type Touch } from '../model/touch.ts'
import { indexMembership, resolveContainer, withMembersBefore, type Watcher } from '../resolution/membership.ts'

const NOTHING: ReadonlySet<number> = new Set()

/** The publisher as watchers may see it, prepared once for many of them: each category piece and each body is rendered once. */
export interface PublisherView {
  /** The container that shows the category to the watcher now, or undefined when it is blocked (3.2.5.3). */
  readonly resolve: (watcher: Watcher, category: string) => number | undefined
  /** A categories document with these categories, each from its container. */
  readonly write: (seen: readonly (readonly [category: string, container: number | undefined])[]) => string
}

/** `state` must hold only instances that are alive. */
export const viewOf = (state: SeenState): PublisherView => {
  const index = indexMembership(state.containers)
  const published = publishedContainers(state.instances)
  const byPlace = new Map<string, CategoryInstance[]>()
  for (const instance of state.instances) {
    const key = `${instance.category}\n${instance.container}`
    const known = byPlace.get(key)
    if (known === undefined) byPlace.set(key, [instance])
    else known.push(instance)
  }
  const pieces = new Map<string, string>()
  const bodies = new Map<string, string>()
  const piece = (category: string, container: number | undefined): string => {
    const key = `${category}\n${container}`
    let text = pieces.get(key)
    if (text === undefined) {
      const instances = [...(byPlace.get(key) ?? [])].sort((a, b) => a.instance - b.instance)
      pieces.set(key, text = writeSeenCategory(category, instances))
    }
    return text
  }
  return {
    resolve: (watcher, category) => resolveContainer(index, watcher, published.get(category) ?? NOTHING),
    write: (seen) => {
      const key = seen.map(([category, container]) => `${category}\t${container}`).join('\n')
      let body = bodies.get(key)
      if (body === undefined) bodies.set(key, body = writeSeenCategories(state.publisher, seen.map(([category, container]) => piece(category, container))))
      return body
    },
  }
}

/** All that a watcher sees of a publisher in the given categories; blocked and unpublished ones look alike (1.3.1.3.4). */
export const writeSeenState = (view: PublisherView, watcher: Watcher, categories: readonly string[]): string =>
  view.write(categories.map((category) => [category, view.resolve(watcher, category)] as const))

/**
 * What each watcher hears of a touch (3.2.5.3): of its categories those that moved to another container or whose instances in
 * its container changed, each complete. A watcher whose view did not change gets no entry.
 */
export const writeSeenChanges = (state: SeenState, touch: Touch, subscriptions: readonly Subscription[]): ReadonlyMap<Subscription, string> => {
  const view = viewOf(state)
  const membersChanged = Object.keys(touch.membersBefore).length > 0
  const indexBefore = indexMembership(withMembersBefore(state.containers, touch.membersBefore))
  const publishedNow = publishedContainers(state.instances)
  const publishedBefore = new Map(Object.entries(touch.publishedBefore).map(([category, containers]) => [category, new Set(containers)]))
  const before = (watcher: Watcher, category: string): number | undefined =>
    resolveContainer(indexBefore, watcher, publishedBefore.get(category) ?? publishedNow.get(category) ?? NOTHING)
  const heard = new Map<Subscription, string>()
  for (const subscription of subscriptions) {
    const watcher = { user: subscription.subscriber, network: subscription.network }
    const seen: (readonly [string, number | undefined])[] = []
    for (const category of subscription.categories) {
      const touched = ownEntry(touch.categories, category)
      if (touched === undefined && !membersChanged) continue
      const container = view.resolve(watcher, category)
      const moved = (membersChanged || publishedBefore.has(category)) && before(watcher, category) !== container
      if (moved || (container !== undefined && touched?.includes(container) === true)) seen.push([category, container])
    }
    if (seen.length > 0) heard.set(subscription, view.write(seen))
  }
  return heard
}
