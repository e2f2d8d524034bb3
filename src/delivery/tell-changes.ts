import type { Pool } from 'pg'
import { mergeTouches, type Touch } from '../core/model/touch.ts'
import { writeSeenChanges } from '../core/notifications/category.ts'
import { writeSelfChange } from '../core/notifications/self.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { claimChanges, deleteChanges, type PendingChange } from '../store/changes.ts'
import { loadSelfDialogs } from '../store/dialogs.ts'
import { loadStates } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import { loadSubscriptions } from '../store/subscriptions.ts'
import { handOver, type Due, type HandOverCount, type HandOverDeps } from './hand-over.ts'

export interface Told extends HandOverCount {
  readonly changes: readonly PendingChange[]
}

/** Less than the age at which changes count as left behind. */
const REPEATED_MS = 500

/**
 * Tells the pending changes of some publishers to everyone whose view changed (design 2.2): takes all pending changes of a
 * publisher together, loads the latest state, renders one body per distinct view, hands over, forgets the changes. Publishers that
 * another node is telling are left to it. `again` says that an attempt has failed just before.
 */
export const tellChanges = async (pool: Pool, deps: HandOverDeps, publishers: readonly UserKey[], again = false): Promise<Told> => {
  const hidden = await deps.hidden()
  return transact(pool, async (tx, tries) => {
    const now = deps.now()
    // All in one round trip; what turns out to be another node's is thrown away.
    const [{ changes }, states, edges, selfDialogs] = await Promise.all([claimChanges(tx, publishers), loadStates(tx, publishers, 'all', now), loadSubscriptions(tx, publishers), loadSelfDialogs(tx, publishers, now)])
    if (changes.length === 0) return { changes, sent: 0, gone: 0, deferred: 0 }
    const byPublisher = Map.groupBy(changes, ({ publisher }) => publisher)
    const edgesOf = Map.groupBy(edges, ({ publisher }) => publisher)
    const selfOf = Map.groupBy(selfDialogs, ({ subscriber }) => subscriber)
    const dues: Due[] = []
    for (const [publisher, pending] of byPublisher) {
      const state = states(publisher)
      // Whoever was shown a revision hears only of later changes. Nearly always that is all or nothing of what is pending.
      const touches = new Map<number, Touch>()
      const touchSince = (since: number): Touch | undefined => {
        const later = pending.filter(({ id }) => id > since)
        if (later.length === 0) return undefined
        const touch = touches.get(later.length) ?? mergeTouches(later.map((change) => change.touch))
        touches.set(later.length, touch)
        return touch
      }
      const bodies = new Map<string, string | undefined>()
      for (const { localTag, scope, since } of selfOf.get(publisher) ?? []) {
        const touch = touchSince(since)
        if (touch === undefined) continue
        const key = `${scope.join()} ${pending.filter(({ id }) => id > since).length}`
        if (!bodies.has(key)) bodies.set(key, writeSelfChange(state, touch, scope, now))
        const text = bodies.get(key)
        if (text !== undefined) dues.push({ subscriber: publisher, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.roamingSelf, text } } })
      }
      for (const [touch, watching] of Map.groupBy(edgesOf.get(publisher) ?? [], ({ since }) => touchSince(since))) {
        if (touch === undefined) continue
        for (const [{ subscriber, localTag }, text] of writeSeenChanges(state, touch, watching, hidden)) {
          dues.push({ subscriber, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.categories, text } } })
        }
      }
    }
    // A change that has waited this long may have been sent by an attempt that was not committed.
    const repeated = again || tries > 1 || changes.some(({ at }) => now - at >= REPEATED_MS)
    const count = await handOver(tx, deps, dues, { paid: [], repeated })
    void deleteChanges(tx, changes)
    return { ...count, changes }
  })
}
