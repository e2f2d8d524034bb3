import { writeSeenCategories, writeSeenCategory } from '../documents/categories.ts'
import type { Subscription } from '../model/dialog.ts'
import { publishedContainers } from '../model/diff.ts'
import type { CategoryInstance } from '../model/publication.ts'
import type { SeenState } from '../model/publisher.ts'
import { ownEntry, type Touch } from '../model/touch.ts'
import { indexMembership, pickContainer, rankContainers, type Watcher } from '../resolution/membership.ts'
import { viewChangeOf } from './view-change.ts'

const NOTHING: ReadonlySet<number> = new Set()

/** The publisher as watchers may see it, prepared once for many of them: each category piece and each body is rendered once. */
export interface PublisherView {
  /** For a watcher: the container that shows a category to it now, or undefined when it is blocked (3.2.5.3). */
  readonly resolve: (watcher: Watcher) => (category: string) => number | undefined
  /** A categories document with these categories, each from its container. */
  readonly write: (seen: readonly (readonly [category: string, container: number | undefined])[]) => string
}

/** Categories that are never given to others, because they are private (1.3.1.2). */
export type HiddenCategories = (category: string) => boolean

/** `state` must hold only instances that are alive. */
export const viewOf = (state: SeenState, isHidden: HiddenCategories): PublisherView => {
  const rank = rankContainers(indexMembership(state.containers))
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
    resolve: (watcher) => {
      const ranked = rank(watcher)
      return (category) => (isHidden(category) ? undefined : pickContainer(ranked, published.get(category) ?? NOTHING))
    },
    write: (seen) => {
      const key = seen.map(([category, container]) => `${category}\t${container}`).join('\n')
      let body = bodies.get(key)
      if (body === undefined) bodies.set(key, body = writeSeenCategories(state.publisher, seen.map(([category, container]) => piece(category, container))))
      return body
    },
  }
}

/** All that a watcher sees of a publisher in the given categories; blocked and unpublished ones look alike (1.3.1.3.4). */
export const writeSeenState = (view: PublisherView, watcher: Watcher, categories: readonly string[]): string => {
  const resolve = view.resolve(watcher)
  return view.write(categories.map((category) => [category, resolve(category)] as const))
}

/**
 * What each watcher hears of a touch (3.2.5.3): of its categories those that moved to another container or whose instances in
 * its container changed, each complete. A watcher whose view did not change gets no entry.
 */
export const writeSeenChanges = (state: SeenState, touch: Touch, subscriptions: readonly Subscription[], isHidden: HiddenCategories): ReadonlyMap<Subscription, string> => {
  const view = viewOf(state, isHidden)
  const changeFor = viewChangeOf(state, touch)
  const membersChanged = Object.keys(touch.membersBefore).length > 0
  const heard = new Map<Subscription, string>()
  for (const subscription of subscriptions) {
    const watcher = { user: subscription.subscriber, network: subscription.network }
    // Only for those who watch something that is touched.
    let resolve: ReturnType<PublisherView['resolve']> | undefined
    let changed: ReturnType<typeof changeFor> | undefined
    const seen: (readonly [string, number | undefined])[] = []
    for (const category of subscription.categories) {
      if ((ownEntry(touch.categories, category) === undefined && !membersChanged) || isHidden(category)) continue
      const container = (resolve ??= view.resolve(watcher))(category)
      if ((changed ??= changeFor(watcher))(category, container)) seen.push([category, container])
    }
    if (seen.length > 0) heard.set(subscription, view.write(seen))
  }
  return heard
}
