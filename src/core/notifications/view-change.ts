import { publishedContainers } from '../model/diff.ts'
import type { SeenState } from '../model/publisher.ts'
import { ownEntry, type Touch } from '../model/touch.ts'
import { indexMembership, pickContainer, rankContainers, withMembersBefore, type Watcher } from '../resolution/membership.ts'

const NOTHING: ReadonlySet<number> = new Set()

/** For a watcher: whether a touch changed what it sees of a category, which `container` shows now. */
export type ViewChange = (watcher: Watcher) => (category: string, container: number | undefined) => boolean

/**
 * Compares what watchers see before and after a touch (3.2.5.3, 1.3.1.3.9, 1.3.1.3.10): a view has changed when the category moved to another
 * container, or when its instances in the container that shows it changed.
 */
export const viewChangeOf = (state: SeenState, touch: Touch): ViewChange => {
  const membersChanged = Object.keys(touch.membersBefore).length > 0
  const rankBefore = rankContainers(indexMembership(withMembersBefore(state.containers, touch.membersBefore)))
  const publishedNow = publishedContainers(state.instances)
  const publishedBefore = new Map(Object.entries(touch.publishedBefore).map(([category, containers]) => [category, new Set(containers)]))
  return (watcher) => {
    let rankedBefore: readonly number[] | undefined
    return (category, container) => {
      if (membersChanged || publishedBefore.has(category)) {
        rankedBefore ??= rankBefore(watcher)
        if (pickContainer(rankedBefore, publishedBefore.get(category) ?? publishedNow.get(category) ?? NOTHING) !== container) return true
      }
      return container !== undefined && ownEntry(touch.categories, category)?.includes(container) === true
    }
  }
}
