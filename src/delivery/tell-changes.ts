import type { Pool } from 'pg'
import { writeContactDelta, writeContactList } from '../core/documents/contact-list.ts'
import { mergeTouches, type Touch } from '../core/model/touch.ts'
import { writeSeenChanges } from '../core/notifications/category.ts'
import { writePresenceChanges } from '../core/notifications/presence.ts'
import { writeSelfChange } from '../core/notifications/self.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { claimChanges, deleteChanges, type PendingChange } from '../store/changes.ts'
import { loadContactList } from '../store/contacts.ts'
import { loadSelfDialogs } from '../store/dialogs.ts'
import { loadStates, withOwnLists } from '../store/publisher.ts'
import { transact, type Transaction } from '../store/session.ts'
import { loadSubscriptions, type Edge } from '../store/subscriptions.ts'
import { loadLinked } from '../store/users.ts'
import { handOver, type Due, type HandOverCount, type HandOverDeps } from './hand-over.ts'

export interface Told extends HandOverCount {
  readonly changes: readonly PendingChange[]
}

/** An edge in one of the formats made of legacyInterop. */
const asPresence = ({ format, ...edge }: Edge) => (format === 'categories' ? [] : [{ ...edge, format }])

/** More changes of a contact list than this are told as the whole list. */
const MAX_DELTAS = 20

/** What the subscribers of a contact list hear: each change by itself (MS-SIP 2.2.4.1), or the list when that is shorter. */
const contactTexts = async (tx: Transaction, user: UserKey, { contacts = [] }: Touch): Promise<readonly string[]> =>
  contacts.length > MAX_DELTAS ? [writeContactList(await loadContactList(tx, user))] : contacts.map(writeContactDelta)

/** Less than the age at which changes count as left behind. */
const REPEATED_MS = 500

/**
 * Tells the pending changes of some publishers to everyone whose view changed (design 2.2): takes all pending changes of a
 * publisher together, loads the latest state, renders one body per distinct view, hands over, forgets the changes. Publishers that
 * another node is telling are left to it. `again` says that an attempt has failed just before.
 */
export const tellChanges = async (pool: Pool, deps: HandOverDeps, publishers: readonly UserKey[], again = false): Promise<Told> => {
  const terms = await deps.terms()
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
      const selves = selfOf.get(publisher) ?? []
      // Only self subscribers see these lists, and they change seldom.
      const listed = selves.length > 0 && pending.some(({ touch }) => touch.subscribers === true || touch.delegates === true)
      const state = listed ? await withOwnLists(tx, publisher, states(publisher)) : states(publisher)
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
      for (const { localTag, kind, scope, since } of selves) {
        const touch = touchSince(since)
        if (touch === undefined) continue
        if (kind === 'contacts') {
          for (const text of await contactTexts(tx, publisher, touch)) dues.push({ subscriber: publisher, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.roamingContacts, text } } })
          continue
        }
        const key = `${scope.join()} ${pending.filter(({ id }) => id > since).length}`
        if (!bodies.has(key)) bodies.set(key, writeSelfChange(state, touch, scope, now))
        const text = bodies.get(key)
        if (text !== undefined) dues.push({ subscriber: publisher, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.roamingSelf, text } } })
      }
      for (const [touch, watching] of Map.groupBy(edgesOf.get(publisher) ?? [], ({ since }) => touchSince(since))) {
        if (touch === undefined) continue
        const { categories = [], others = [] } = Object.groupBy(watching, ({ format }) => (format === 'categories' ? 'categories' : 'others'))
        for (const [{ subscriber, localTag }, text] of writeSeenChanges(state, touch, categories, terms.isHidden)) {
          dues.push({ subscriber, localTag, publisher, attempts: 0, notice: { body: { type: mediaTypes.categories, text } } })
        }
        if (others.length === 0) continue
        const linked = (await loadLinked(tx, [publisher])).get(publisher)
        for (const [{ subscriber, localTag }, body] of writePresenceChanges(state, touch, others.flatMap(asPresence), { ...terms, linked })) {
          dues.push({ subscriber, localTag, publisher, attempts: 0, notice: { body } })
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
