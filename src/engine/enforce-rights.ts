import { isListKind, type Dialog } from '../core/model/dialog.ts'
import { networkOfKind, type SourceNetwork } from '../core/model/network.ts'
import { viewOf } from '../core/notifications/category.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { findUntold } from '../store/changes.ts'
import { defer } from '../store/deferred.ts'
import { expireDialogs, lockDialogs, type DialogRef } from '../store/dialogs.ts'
import { loadStates } from '../store/publisher.ts'
import { findEdgesNotGranted, findMisplacedDialogs, FROM_START, type After } from '../store/rights.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { loadResourcesOfMany, moveToNetwork } from '../store/subscriptions.ts'
import type { EngineDeps } from './deps.ts'

/** What enforcing needs of the engine. */
export type EnforceDeps = Pick<EngineDeps, 'store' | 'domains' | 'now'>

/** Dialogs ended because they are no longer allowed, and dialogs whose subscribers count to another network now. */
export interface Enforced {
  readonly ended: number
  readonly moved: number
}

/** Rows dealt with in one transaction. */
const PAGE = 200

const refText = ({ subscriber, localTag }: DialogRef): string => `${subscriber}\n${localTag}`

/** Goes through a scan page by page and adds up what came of the pages. */
const sumPages = async <T extends DialogRef>(find: (after: After) => Promise<readonly T[]>, keyOf: (row: T) => After, work: (page: readonly T[]) => Promise<Enforced>): Promise<Enforced> => {
  let [ended, moved, after] = [0, 0, FROM_START]
  for (;;) {
    const page = await find(after)
    const last = page.at(-1)
    if (last === undefined) return { ended, moved }
    const done = await work(page)
    ended += done.ended
    moved += done.moved
    if (page.length < PAGE) return { ended, moved }
    after = keyOf(last)
  }
}

/** Where a category is seen is compared whether it is private or not: documents in other formats are made of a private one. */
const SHOWN = (): boolean => false

type Move = Dialog & { readonly to: SourceNetwork }

/**
 * Writes the new network of dialogs, which are locked, and owes the latest state to those who see something else from there (3.2.5.3). What is being told for the old
 * network meanwhile finds the new one in the dialog, behind its lock, and is owed as well.
 */
const move = async (tx: Transaction, moves: readonly Move[], now: number): Promise<number> => {
  if (moves.length === 0) return 0
  const watched = Map.groupBy(await loadResourcesOfMany(tx, moves), refText)
  const edges = moves.flatMap((dialog) => (watched.get(refText(dialog)) ?? []).map((edge) => ({ ...edge, from: dialog.network, network: dialog.to })))
  const publishers = [...new Set(edges.map(({ publisher }) => publisher))]
  const states = await loadStates(tx, publishers, [...new Set(edges.flatMap(({ categories }) => categories))], now)
  const views = new Map<UserKey, ReturnType<typeof viewOf>>()
  // Asked behind the states: a change that they do not show yet must not be missed.
  const untold = await findUntold(tx, publishers)
  const isConcerned = ({ subscriber, publisher, categories, from, network }: (typeof edges)[number]): boolean => {
    // It will be told as seen from the new network alone, and what the watcher saw last was another state of the old one.
    if (untold.has(publisher)) return true
    const view = views.get(publisher) ?? viewOf(states(publisher), SHOWN)
    views.set(publisher, view)
    const before = view.resolve({ user: subscriber, network: from })
    const after = view.resolve({ user: subscriber, network })
    return categories.some((category) => before(category) !== after(category))
  }
  void moveToNetwork(tx, moves.map(({ subscriber, localTag, to }) => ({ subscriber, localTag, network: to })), edges)
  const owed = edges.filter(isConcerned).map(({ subscriber, localTag, publisher }) => ({ subscriber, localTag, publisher, attempts: 0, dueAt: now }))
  if (owed.length > 0) void defer(tx, owed, 'the kind of the domain has changed')
  return moves.length
}

/** Dialogs of which the domain table says something else by now: those of blocked domains end, the others move to their network. */
const settleDomains = (deps: EnforceDeps, page: Awaited<ReturnType<typeof findMisplacedDialogs>>): Promise<Enforced> => {
  return transact(deps.store.pool, async (tx) => {
    const now = deps.now()
    const kinds = new Map(page.map((row) => [refText(row), row.domainKind]))
    const dialogs = (await lockDialogs(tx, page, now)).map((dialog) => ({ dialog, kind: kinds.get(refText(dialog)) }))
    const blocked = dialogs.filter(({ kind }) => kind === 'blocked').map(({ dialog }) => dialog)
    if (blocked.length > 0) void expireDialogs(tx, blocked, now, 'rejected')
    const moves = dialogs.flatMap(({ dialog, kind }): readonly Move[] => {
      const to = kind === undefined ? undefined : networkOfKind(kind)
      return to === undefined || dialog.networkNamed || dialog.network === to ? [] : [{ ...dialog, to }]
    })
    return { ended: blocked.length, moved: await move(tx, moves, now) }
  })
}

/** Dialogs with edges that are not granted end: single ones for good; those on lists so that their clients open them anew and learn who is rejected. */
const endNotGranted = (deps: EnforceDeps, page: readonly DialogRef[]): Promise<Enforced> =>
  transact(deps.store.pool, async (tx) => {
    const now = deps.now()
    const dialogs = await lockDialogs(tx, page, now)
    const [single, lists] = [dialogs.filter(({ kind }) => !isListKind(kind)), dialogs.filter(({ kind }) => isListKind(kind))]
    if (single.length > 0) void expireDialogs(tx, single, now, 'rejected')
    if (lists.length > 0) void expireDialogs(tx, lists, now, 'deactivated')
    return { ended: dialogs.length, moved: 0 }
  })

/**
 * Makes rights and domains as they are now hold for the subscriptions that exist (3.4.5.3). Run right after a change of the operator, and by a timer on any
 * node: a SUBSCRIBE that raced with the change, or met a node that did not know of it yet, is caught then. The timers for ended dialogs and for debts tell.
 */
export const enforceRights = async (deps: EnforceDeps): Promise<Enforced> => {
  const session = poolSession(deps.store.pool)
  // Domains first: rights are judged by the network to which a subscriber belongs now.
  const domains = await sumPages((after) => findMisplacedDialogs(session, deps.domains.unknownKind, deps.now(), after, PAGE), ({ subscriber, localTag }) => [subscriber, localTag, ''], (page) => settleDomains(deps, page))
  const rights = await sumPages((after) => findEdgesNotGranted(session, after, PAGE), ({ publisher, subscriber, localTag }) => [publisher, subscriber, localTag], (page) => endNotGranted(deps, page))
  return { ended: domains.ended + rights.ended, moved: domains.moved }
}
