import type { Dialog } from '../core/model/dialog.ts'
import type { DialogList, ResourceList } from '../core/model/resource-list.ts'
import { parseNameAddress } from '../core/sip/header-values.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { maySubscribe, planEntries, watchedUsers } from '../core/subscriptions/resource-list.ts'
import { findStaleLists, putDialogList } from '../store/dialog-lists.ts'
import { expireDialogs, lockDialogs, type DialogRef } from '../store/dialogs.ts'
import { defer } from '../store/deferred.ts'
import { loadUserLimits } from '../store/limits.ts'
import { findServedList } from '../store/resource-lists.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { deleteResources, loadResources, putResources } from '../store/subscriptions.ts'
import type { Asking, EngineDeps } from './deps.ts'
import { prepareListRefusals } from './list-refusals.ts'
import { resourcesOf } from './resource-list-subscribe.ts'
import { accessTo, findAccess } from './watchable.ts'
import { watchEntries } from './watch-entries.ts'

/** Dialogs looked for at a time. */
const PAGE = 200

const TRACE = 'lists'

/** What the dialog would ask, did its client ask now. */
const askingOf = ({ subscriber, remoteTag, localTag, callId, remoteText, network }: Dialog, now: number): Asking => {
  const from = parseNameAddress(remoteText)
  return {
    request: { fromUser: subscriber, fromTag: remoteTag, toTag: localTag, callId, expires: undefined, require: new Set(), accept: [], contentType: undefined, from: { displayName: from.ok ? from.value.displayName : '' } },
    arrival: { trace: TRACE }, network, now,
  }
}

/** Ends a dialog on a list that is gone, or that its subscriber may no longer see. */
const end = (deps: EngineDeps, ref: DialogRef, reason: 'noresource' | 'rejected'): Promise<void> =>
  transact(deps.store.pool, async (tx) => {
    const living = await lockDialogs(tx, [ref], deps.now())
    if (living.length > 0) void expireDialogs(tx, living, deps.now(), reason)
  })

/**
 * Makes a dialog watch what its stored list holds now, and owes it the whole list, all in one transaction: should this node die, the dialog has either not been touched, or its client
 * will be told. A list that has changed again meanwhile is left to the next round.
 */
const follow = async (deps: EngineDeps, dialog: Dialog, stored: ResourceList): Promise<readonly UserKey[]> => {
  const now = deps.now()
  const asking = askingOf(dialog, now)
  const oweWhole = (tx: Transaction): void => {
    void defer(tx, [{ subscriber: dialog.subscriber, localTag: dialog.localTag, publisher: stored.uri, attempts: 0, dueAt: now }], 'the list has changed')
  }
  const findRefusals = await prepareListRefusals(deps, asking, stored.entries)
  const begun = await transact(deps.store.pool, async (tx) => {
    const [own] = await lockDialogs(tx, [dialog], now)
    if (own === undefined) return undefined
    const [current, refusals, resources, { maxResourcesPerDialog = deps.limits.maxResourcesPerDialog }] = await Promise.all([findServedList(tx, stored.uri), findRefusals(tx), loadResources(tx, own), loadUserLimits(tx, own.subscriber)])
    if (current?.revision !== stored.revision) return undefined
    const planned = planEntries(stored.entries, refusals, maxResourcesPerDialog)
    // It has outgrown what the subscriber may watch; its next SUBSCRIBE is told so.
    if ('name' in planned) {
      void expireDialogs(tx, [own], now, 'rejected')
      return undefined
    }
    const list: DialogList = { uri: stored.uri, name: stored.name, revision: stored.revision, entries: planned }
    const [before, after] = [new Set(resources.map(({ publisher }) => publisher)), new Set(watchedUsers(planned))]
    const added = [...after].filter((user) => !before.has(user))
    const access = await findAccess(tx, added, asking, deps.features)
    // The list is told before those who come onto it are asked once more.
    for (const [letter, users] of Map.groupBy(added, (user) => accessTo(access, user))) void putResources(tx, own, own.network, resourcesOf(users), now, 'pidf', letter)
    void deleteResources(tx, own, [...before].filter((user) => !after.has(user)), now)
    void putDialogList(tx, own, list)
    oweWhole(tx)
    return { list, added }
  })
  if (begun === undefined) return []
  const { list, touched } = await watchEntries(deps, asking, dialog, begun.list, begun.added)
  if (list !== begun.list) await transact(deps.store.pool, async (tx) => oweWhole(tx))
  return touched
}

/**
 * Brings all dialogs on stored lists to what the lists hold now (RFC 4662 4.5): run right after a change by the operator, and by a timer on any node. What is owed is told by the
 * delivery; the publishers whose subscriber lists have grown come back to be told.
 */
export const settleResourceLists = async (deps: EngineDeps): Promise<readonly UserKey[]> => {
  const session = poolSession(deps.store.pool)
  const touched: UserKey[] = []
  for (let after: DialogRef = { subscriber: '', localTag: '' }; ;) {
    const page = await findStaleLists(session, after, PAGE)
    for (const ref of page) {
      const stored = await findServedList(session, ref.uri)
      const [dialog] = await transact(deps.store.pool, (tx) => lockDialogs(tx, [ref], deps.now()))
      if (dialog === undefined) continue
      if (stored === undefined || !maySubscribe(stored, dialog.subscriber, dialog.network)) await end(deps, ref, stored === undefined ? 'noresource' : 'rejected')
      else touched.push(...await follow(deps, dialog, stored))
    }
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return touched
    after = last
  }
}
