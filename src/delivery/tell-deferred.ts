import type { Pool } from 'pg'
import { writeContactList } from '../core/documents/contact-list.ts'
import { viewOf, writeSeenState, type PublisherView } from '../core/notifications/category.ts'
import { presenceViewOf, writePresenceState, type PresenceTerms } from '../core/notifications/presence.ts'
import { writeSelfState } from '../core/notifications/self.ts'
import type { SeenState } from '../core/model/publisher.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadContactList } from '../store/contacts.ts'
import { claimPublishers } from '../store/changes.ts'
import { findDuePublishers, loadDue } from '../store/deferred.ts'
import { claimExpiredDialogs, deleteDialogs, loadSelfDialogs } from '../store/dialogs.ts'
import { loadStates, withOwnLists } from '../store/publisher.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { loadNamedSubscriptions, type Edge } from '../store/subscriptions.ts'
import { loadLinked } from '../store/users.ts'
import { writeInstruction } from '../core/notifications/instruction.ts'
import { handOver, type Due, type HandOverCount, type HandOverDeps } from './hand-over.ts'

/** Debts and expired dialogs dealt with in one round. */
export const DEFERRED_BATCH = 200

/** All that a watcher sees of a publisher, in the format of its subscription. */
const seenBy = async (tx: Transaction, state: SeenState, view: PublisherView, { subscriber, network, categories, format }: Edge, terms: PresenceTerms): Promise<Due['notice']['body']> => {
  const watcher = { user: subscriber, network }
  if (format === 'categories') return { type: mediaTypes.categories, text: writeSeenState(view, watcher, categories) }
  const own = { ...terms, linked: (await loadLinked(tx, [state.publisher])).get(state.publisher) }
  return writePresenceState(presenceViewOf(state, own), { ...watcher, format }, own)
}

/** Pays due debts: the dialog hears the latest state of the publisher, all of it, since nobody knows what it has missed. */
export const tellDeferred = async (pool: Pool, deps: HandOverDeps): Promise<HandOverCount & { readonly claimed: number }> => {
  const publishers = await findDuePublishers(poolSession(pool), deps.now(), DEFERRED_BATCH)
  if (publishers.length === 0) return { claimed: 0, sent: 0, gone: 0, deferred: 0 }
  const terms = await deps.terms()
  return transact(pool, async (tx) => {
    const now = deps.now()
    const [mine, due, states, selfDialogs] = await Promise.all([
      claimPublishers(tx, publishers), loadDue(tx, publishers, now, DEFERRED_BATCH), loadStates(tx, publishers, 'all', now), loadSelfDialogs(tx, publishers, now),
    ])
    const owed = due.filter(({ publisher }) => mine.has(publisher))
    if (owed.length === 0) return { claimed: 0, sent: 0, gone: 0, deferred: 0 }
    const edges = await loadNamedSubscriptions(tx, owed)
    const views = new Map<UserKey, PublisherView>()
    const viewFor = (publisher: UserKey): PublisherView => {
      const view = views.get(publisher) ?? viewOf(states(publisher), terms.isHidden)
      views.set(publisher, view)
      return view
    }
    const dues: Due[] = []
    for (const debt of owed) {
      const self = selfDialogs.find(({ subscriber, localTag }) => subscriber === debt.publisher && localTag === debt.localTag)
      const edge = edges.find(({ publisher, subscriber, localTag }) => publisher === debt.publisher && subscriber === debt.subscriber && localTag === debt.localTag)
      if (self?.kind === 'contacts') dues.push({ ...debt, notice: { body: { type: mediaTypes.roamingContacts, text: writeContactList(await loadContactList(tx, debt.publisher)) } } })
      else if (self !== undefined) dues.push({ ...debt, notice: { body: { type: mediaTypes.roamingSelf, text: writeSelfState(await withOwnLists(tx, debt.publisher, states(debt.publisher)), self.scope, now) } } })
      else if (edge !== undefined) dues.push({ ...debt, notice: { body: await seenBy(tx, states(debt.publisher), viewFor(debt.publisher), edge, terms) } })
    }
    return { ...await handOver(tx, deps, dues, { paid: owed, repeated: true }), claimed: owed.length }
  })
}

/** Ends dialogs that are over with a last notification (RFC 6665 4.2.2: terminated, with the reason); whether it arrives does not matter any more. */
export const endExpiredDialogs = (pool: Pool, deps: HandOverDeps): Promise<number> =>
  transact(pool, async (tx) => {
    const now = deps.now()
    const expired = await claimExpiredDialogs(tx, now, DEFERRED_BATCH)
    if (expired.length === 0) return 0
    const perProxy = Map.groupBy(expired, ({ proxy }) => proxy)
    await Promise.all([...perProxy].map(([proxy, dialogs]) =>
      deps.proxies.handOver(proxy, dialogs.map((dialog) => writeInstruction(dialog, { body: undefined, terminated: dialog.endReason }, now)))))
    await deleteDialogs(tx, expired)
    return expired.length
  })
