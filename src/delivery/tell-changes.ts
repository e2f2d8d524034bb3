import type { Pool } from 'pg'
import { mergeTouches } from '../core/model/touch.ts'
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

/**
 * Tells the pending changes of some publishers to everyone whose view changed (design 2.2): takes all pending changes of a
 * publisher together, loads the latest state, renders one body per distinct view, hands over, forgets the changes. Publishers that
 * another node is telling are left to it.
 */
export const tellChanges = (pool: Pool, deps: HandOverDeps, publishers: readonly UserKey[]): Promise<Told> =>
  transact(pool, async (tx) => {
    const changes = await claimChanges(tx, publishers)
    if (changes.length === 0) return { changes, sent: 0, gone: 0, deferred: 0 }
    const byPublisher = Map.groupBy(changes, ({ publisher }) => publisher)
    const names = [...byPublisher.keys()]
    const now = deps.now()
    const [states, edges, selfDialogs] = await Promise.all([loadStates(tx, names, 'all', now), loadSubscriptions(tx, names), loadSelfDialogs(tx, names, now)])
    const edgesOf = Map.groupBy(edges, ({ publisher }) => publisher)
    const selfOf = Map.groupBy(selfDialogs, ({ subscriber }) => subscriber)
    const dues: Due[] = []
    for (const [publisher, pending] of byPublisher) {
      const touch = mergeTouches(pending.map((change) => change.touch))
      const state = states(publisher)
      const bodies = new Map<string, string | undefined>()
      for (const { localTag, scope } of selfOf.get(publisher) ?? []) {
        const key = scope.join()
        if (!bodies.has(key)) bodies.set(key, writeSelfChange(state, touch, scope, now))
        const text = bodies.get(key)
        if (text !== undefined) dues.push({ subscriber: publisher, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.roamingSelf, text } } })
      }
      for (const [{ subscriber, localTag }, text] of writeSeenChanges(state, touch, edgesOf.get(publisher) ?? [])) {
        dues.push({ subscriber, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.categories, text } } })
      }
    }
    const count = await handOver(tx, deps, dues)
    void deleteChanges(tx, changes)
    return { ...count, changes }
  })
