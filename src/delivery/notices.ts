import { writeContactDelta, writeContactList } from '../core/documents/contact-list.ts'
import type { Dialog } from '../core/model/dialog.ts'
import type { SourceNetwork } from '../core/model/network.ts'
import { mergeTouches, type Touch } from '../core/model/touch.ts'
import { writeSeenChanges } from '../core/notifications/category.ts'
import type { Notice } from '../core/notifications/instruction.ts'
import { presenceViewOf, writePresenceChanges, type PresenceBody, type PresenceTerms } from '../core/notifications/presence.ts'
import { writeSelfChange } from '../core/notifications/self.ts'
import { presenceNotice } from '../core/notifications/watched-presence.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { PendingChange } from '../store/changes.ts'
import { loadUcsMode } from '../store/contact-store.ts'
import { loadContactList } from '../store/contacts.ts'
import type { CurrentState } from '../store/current-state.ts'
import { loadPresenceTerms } from '../store/presence-beside.ts'
import { withOwnLists } from '../store/publisher.ts'
import type { Transaction } from '../store/session.ts'
import type { Edge } from '../store/subscriptions.ts'
import type { Due } from './hand-over.ts'
import { loadOwnAccess } from './own-access.ts'

/** All that telling the changes of one publisher needs besides its state. */
export interface Telling {
  readonly publisher: UserKey
  readonly pending: readonly PendingChange[]
  readonly edges: readonly Edge[]
  /** Its own clients: self subscriptions and contact lists. */
  readonly selves: readonly Dialog[]
}

/** An edge in one of the formats made of legacyInterop. */
const asPresence = ({ format, ...edge }: Edge) => (format === 'categories' ? [] : [{ ...edge, format }])

/** More changes of a contact list than this are told as the whole list. */
const MAX_DELTAS = 20

/**
 * What the subscribers of a contact list hear: each change by itself (MS-SIP 2.2.4.1), or the list when that is shorter, and when its mode has changed: no document has a mode
 * and nothing else (10).
 */
const contactTexts = async (tx: Transaction, user: UserKey, { contacts = [], contactMode }: Touch, hasStore: boolean): Promise<readonly string[]> => {
  const moved = hasStore && contactMode === true
  if (contacts.length === 0 && !moved) return []
  const mode = await loadUcsMode(tx, user, hasStore)
  return moved || contacts.length > MAX_DELTAS ? [writeContactList(await loadContactList(tx, user), mode)] : contacts.map((delta) => writeContactDelta(delta, mode))
}

/** The touch of all changes later than a revision: whoever was shown a revision hears only of those. Nearly always that is all or nothing of what is pending. */
const touchesSince = (pending: readonly PendingChange[]): ((since: number) => Touch | undefined) => {
  const touches = new Map<number, Touch>()
  return (since) => {
    const later = pending.filter(({ id }) => id > since)
    if (later.length === 0) return undefined
    const touch = touches.get(later.length) ?? mergeTouches(later.map((change) => change.touch))
    touches.set(later.length, touch)
    return touch
  }
}

/** What everyone concerned hears of the pending changes of a publisher, with one body per distinct view. */
export const noticesOf = async (tx: Transaction, { publisher, pending, edges, selves }: Telling, current: CurrentState, terms: PresenceTerms, hasContactStore: boolean, now: number): Promise<readonly Due[]> => {
  const seen = current.of(publisher)
  // Only self subscribers see these lists, and they change seldom.
  const listed = selves.length > 0 && pending.some(({ touch }) => touch.subscribers === true || touch.delegates === true)
  const state = listed ? await withOwnLists(tx, publisher, seen) : seen
  const touchSince = touchesSince(pending)
  const trace = pending.at(-1)?.trace ?? ''
  const dues: Due[] = []
  const tellNotice = (subscriber: UserKey, localTag: string, notice: Notice, network?: SourceNetwork): void => {
    dues.push({ subscriber, localTag, publisher, attempts: 0, trace, notice, ...(network === undefined ? {} : { network }) })
  }
  const tell = (subscriber: UserKey, localTag: string, body: PresenceBody, network?: SourceNetwork): void => tellNotice(subscriber, localTag, { body }, network)
  const bodies = new Map<string, string | undefined>()
  for (const { localTag, kind, scope, since } of selves) {
    const touch = touchSince(since)
    // Whose watchers change is owed that at once (see owe-watchers.ts).
    if (touch === undefined || kind === 'winfo') continue
    if (kind === 'contacts') {
      for (const text of await contactTexts(tx, publisher, touch, hasContactStore)) tell(publisher, localTag, { type: mediaTypes.roamingContacts, text })
      continue
    }
    if (kind === 'acl' || kind === 'wpending') {
      const concerned = kind === 'acl' ? touch.accessList : touch.pendingWatchers
      const own = concerned === true ? await loadOwnAccess(tx, kind, publisher, now) : undefined
      if (own !== undefined) tell(publisher, localTag, own)
      continue
    }
    const key = `${scope.join()} ${pending.filter(({ id }) => id > since).length}`
    if (!bodies.has(key)) bodies.set(key, writeSelfChange(state, touch, scope, now))
    const text = bodies.get(key)
    if (text !== undefined) tell(publisher, localTag, { type: mediaTypes.roamingSelf, text })
  }
  for (const [touch, watching] of Map.groupBy(edges, ({ since }) => touchSince(since))) {
    if (touch === undefined) continue
    const { categories = [], others = [] } = Object.groupBy(watching, ({ format }) => (format === 'categories' ? 'categories' : 'others'))
    for (const [{ subscriber, localTag, network }, text] of writeSeenChanges(state, touch, categories, terms.isHidden)) tell(subscriber, localTag, { type: mediaTypes.categories, text }, network)
    if (others.length === 0) continue
    const own = (await loadPresenceTerms(tx, [publisher], terms))(publisher)
    const regarded = new Set(touch.regarded)
    const { anew = [], usual = [] } = Object.groupBy(others.flatMap(asPresence), ({ subscriber }) => (regarded.has(subscriber) ? 'anew' : 'usual'))
    // Who is denied, blocked or waits hears of no change.
    for (const [{ subscriber, localTag, network }, body] of writePresenceChanges(state, touch, usual.filter(({ access }) => access === 'A'), own)) tell(subscriber, localTag, body, network)
    if (anew.length === 0) continue
    const view = presenceViewOf(state, own)
    for (const { subscriber, localTag, network, format, access } of anew) tellNotice(subscriber, localTag, presenceNotice(view, { user: subscriber, network, format }, access, own), network)
  }
  return dues
}
