import type { Pool } from 'pg'
import { writeContactList } from '../core/documents/contact-list.ts'
import { viewOf, writeSeenState, type PublisherView } from '../core/notifications/category.ts'
import { presenceViewOf, type PresenceTerms, type PresenceView } from '../core/notifications/presence.ts'
import { writeSelfState } from '../core/notifications/self.ts'
import { presenceNotice } from '../core/notifications/watched-presence.ts'
import type { Dialog } from '../core/model/dialog.ts'
import type { SeenState } from '../core/model/publisher.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadRevisions } from '../store/changes.ts'
import { loadUcsMode } from '../store/contact-store.ts'
import { loadContactList } from '../store/contacts.ts'
import { loadCurrentState } from '../store/current-state.ts'
import { defer, findDueDialogs, loadDue, postpone, settleDeferred, type Debt, type Owing } from '../store/deferred.ts'
import { loadSelfDialogs } from '../store/dialogs.ts'
import { adoptDialogs, lockFree } from '../store/numbering.ts'
import { loadPresenceTerms } from '../store/presence-beside.ts'
import { withOwnLists } from '../store/publisher.ts'
import { poolSession, type Transaction } from '../store/session.ts'
import { loadNamedSubscriptions, type Edge } from '../store/subscriptions.ts'
import { Renewed, transactNumbering } from '../store/transact-numbering.ts'
import { distinct, edgeText, endLost, refText, send, sortOut, type Due, type HandOverCount, type HandOverDeps } from './hand-over.ts'
import { findPacing, pace, PACED } from './pace.ts'
import { loadOwnAccess } from './own-access.ts'
import { loadWholeLists, writeWholeLists } from './whole-lists.ts'
import { loadWatcherNotice } from './watcher-notice.ts'

/** Debts paid in one round: less than NUMBERS_AHEAD, should they all be one dialog's. */
export const DEBTS_BATCH = 200

/** All that a watcher sees of a publisher, in the format of its subscription. What is needed beside publications is read once for all, and each publisher is prepared once. */
const prepareSeen = async (tx: Transaction, edges: readonly Edge[], terms: PresenceTerms): Promise<(state: SeenState, edge: Edge) => Due['notice']> => {
  const legacy = [...new Set(edges.flatMap(({ format, publisher }) => (format === 'categories' ? [] : [publisher])))]
  const termsOf = legacy.length === 0 ? () => terms : await loadPresenceTerms(tx, legacy, terms)
  const views = new Map<UserKey, PublisherView>()
  const presences = new Map<UserKey, { readonly own: PresenceTerms; readonly view: PresenceView }>()
  const viewFor = (state: SeenState): PublisherView => {
    const view = views.get(state.publisher) ?? viewOf(state, terms.isHidden)
    views.set(state.publisher, view)
    return view
  }
  const presenceFor = (state: SeenState): { readonly own: PresenceTerms; readonly view: PresenceView } => {
    const own = termsOf(state.publisher)
    const presence = presences.get(state.publisher) ?? { own, view: presenceViewOf(state, own) }
    presences.set(state.publisher, presence)
    return presence
  }
  return (state, { subscriber, network, categories, format, access }) => {
    const watcher = { user: subscriber, network }
    if (format === 'categories') return { body: { type: mediaTypes.categories, text: writeSeenState(viewFor(state), watcher, categories) } }
    const { own, view } = presenceFor(state)
    return presenceNotice(view, { ...watcher, format }, access, own)
  }
}

/** What a dialog hears by which a user watches what is its own; undefined when nothing is left to tell. */
const ownNotice = async (tx: Transaction, { contactStore }: Pick<HandOverDeps, 'contactStore'>, debt: Debt, { kind, scope }: Dialog, state: SeenState, terms: PresenceTerms, now: number): Promise<Due['notice'] | undefined> => {
  switch (kind) {
    case 'contacts':
      return { body: { type: mediaTypes.roamingContacts, text: writeContactList(await loadContactList(tx, debt.publisher), await loadUcsMode(tx, debt.publisher, contactStore)) } }
    case 'acl':
    case 'wpending':
      return { body: await loadOwnAccess(tx, kind, debt.publisher, now) }
    case 'winfo':
      return loadWatcherNotice(tx, debt, now)
    default:
      return { body: { type: mediaTypes.roamingSelf, text: writeSelfState(await withOwnLists(tx, debt.publisher, state), scope, now, terms.categories) } }
  }
}

type DebtDue = Due & Debt

/** What pays debts: the dialog hears the latest state of the publisher, all of it, since nobody knows what it has missed; a clearing perhaps. */
const noticesFor = async (tx: Transaction, deps: HandOverDeps, debts: readonly Debt[], terms: PresenceTerms): Promise<{ readonly dues: readonly DebtDue[]; readonly left: readonly Owing[] }> => {
  const now = deps.now()
  const named = [...new Set(debts.map(({ publisher }) => publisher))]
  const [namedRevisions, edges, selfDialogs, wholes] = await Promise.all([loadRevisions(tx, named), loadNamedSubscriptions(tx, debts), loadSelfDialogs(tx, named, now), loadWholeLists(tx, debts)])
  const listed = [...new Set(wholes.flatMap((whole) => whole.edges.map(({ publisher }) => publisher)))].filter((publisher) => !named.includes(publisher))
  const revisions = listed.length === 0 ? namedRevisions : new Map([...namedRevisions, ...await loadRevisions(tx, listed)])
  const current = await loadCurrentState(tx, deps.known, new Map([...named, ...listed].map((publisher) => [publisher, revisions.get(publisher)])), now)
  const edgeOf = new Map(edges.map((edge) => [edgeText(edge), edge]))
  const selfOf = new Map(selfDialogs.map((dialog) => [refText(dialog), dialog]))
  const [{ dues: wholeOf, left }, seen] = await Promise.all([writeWholeLists(tx, deps, wholes, current, terms), prepareSeen(tx, edges, terms)])
  const dues: DebtDue[] = []
  for (const debt of debts) {
    const whole = wholeOf.get(debt)
    if (whole !== undefined) {
      dues.push(whole)
      continue
    }
    const state = current.of(debt.publisher)
    const self = debt.subscriber === debt.publisher ? selfOf.get(refText(debt)) : undefined
    const edge = edgeOf.get(edgeText(debt))
    const notice = self !== undefined ? await ownNotice(tx, deps, debt, self, state, terms, now) : edge === undefined ? undefined : seen(state, edge)
    if (notice !== undefined) dues.push({ ...debt, notice })
  }
  return { dues, left }
}

/** What came of one round; `again` says that another one at once will get further. */
export interface Paid extends HandOverCount {
  readonly again: boolean
}

const NOTHING: Paid = { again: false, sent: 0, gone: 0, deferred: 0 }

/**
 * Pays due debts of the dialogs at one proxy, as patiently as that proxy needs: only its own dialogs are locked meanwhile. The state is read behind their locks, so that nothing
 * older follows something newer in a dialog.
 */
export const payDebts = async (pool: Pool, deps: HandOverDeps, proxy: string): Promise<Paid> => {
  try {
    return await payRound(pool, deps, proxy)
  } catch (error) {
    // Its dialogs are another sender's now, and nothing was sent: the next round makes them its own.
    if (error instanceof Renewed) return { ...NOTHING, again: true }
    throw error
  }
}

const payRound = async (pool: Pool, deps: HandOverDeps, proxy: string): Promise<Paid> => {
  const session = poolSession(pool)
  const due = await findDueDialogs(session, proxy, deps.sender.id(), deps.now(), DEBTS_BATCH)
  if (due.length === 0) return NOTHING
  const terms = await deps.terms()
  const { foreign, ...paid } = await transactNumbering(pool, deps.sender, async (tx, use, sender) => {
    const { own, foreign: others } = await lockFree(tx, due, sender)
    if (own.length === 0) return { ...NOTHING, foreign: others }
    const debts = await loadDue(tx, own, deps.now(), DEBTS_BATCH)
    const { dues: owed, left } = await noticesFor(tx, deps, debts, terms)
    // What has failed before waits for its own time.
    const { now: dues, later: soon } = pace(owed, await findPacing(tx, owed.filter(({ attempts }) => attempts === 0)), deps.gapMs, deps.now(), true)
    await use(distinct(dues))
    const sent = await send(tx, deps, dues, 'patient', sender)
    // Not before: whoever notes a debt about the same subscription would wait for the proxy.
    if (soon.length > 0) void postpone(tx, soon, PACED)
    if (left.length > 0) void defer(tx, left, 'did not fit into the list')
    const sorted = await sortOut(tx, deps, sent)
    for (const [reason, later] of Map.groupBy(sorted.later, ({ reason: why }) => why)) void postpone(tx, later.map(({ due: one, attempts, dueAt }) => ({ ...one, attempts, dueAt })), reason)
    // Those of dialogs and subscriptions that are no more are settled, too.
    const unpaid = new Set([...sorted.later.map(({ due: one }) => edgeText(one)), ...soon.map(edgeText)])
    const settled = debts.filter((debt) => !unpaid.has(edgeText(debt)))
    if (settled.length > 0) void settleDeferred(tx, settled)
    return { ...await endLost(tx, deps, sent, sorted), again: debts.length === DEBTS_BATCH && sorted.later.length + soon.length < debts.length, foreign: others }
  })
  // By chance, so that two engines whose clocks disagree do not take the same dialogs from each other for ever.
  if (foreign.length === 0 || deps.fraction() > 0.5) return paid
  await adoptDialogs(session, foreign, deps.sender.id())
  return { ...paid, again: true }
}
