import type { Dialog } from '../core/model/dialog.ts'
import type { DialogList } from '../core/model/resource-list.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { rejectionOf } from '../core/subscribers/record-subscriber.ts'
import { refusalOf } from '../core/subscriptions/resource-list.ts'
import { putDialogList } from '../store/dialog-lists.ts'
import { lockDialog } from '../store/dialogs.ts'
import { transact } from '../store/session.ts'
import { deleteResources } from '../store/subscriptions.ts'
import type { Asking, EngineDeps } from './deps.ts'
import { recordWatcher } from './record-contexts.ts'
import { regardResources } from './regard-resources.ts'

/** What became of a list that begins to watch somebody. */
export interface Begun {
  readonly list: DialogList
  readonly touched: readonly UserKey[]
}

/**
 * Enters the watcher with those that its list, once stored, has begun to watch, and asks their access lists. Those who take no more watchers are not watched either (3.7.5.3), and the list
 * says so.
 */
export const watchEntries = async (deps: EngineDeps, asking: Asking, dialog: Dialog, list: DialogList, begun: readonly UserKey[]): Promise<Begun> => {
  const { touched, refused } = await recordWatcher(deps, asking, begun)
  const regarded = await regardResources(deps, asking, dialog, begun.filter((user) => !refused.has(user)))
  const changed = [...touched, ...regarded.touched]
  if (refused.size === 0) return { list, touched: changed }
  const after = { ...list, entries: list.entries.map((entry) => {
    const full = refused.get(entry.user)
    return full === undefined ? entry : { ...entry, refused: refusalOf({ failure: full.name, rejection: rejectionOf(entry.user, full) }, 'enterprise') }
  }) }
  await transact(deps.store.pool, async (tx) => {
    if (await lockDialog(tx, dialog) === undefined) return
    void deleteResources(tx, dialog, [...refused.keys()], asking.now)
    void putDialogList(tx, dialog, after)
  })
  return { list: after, touched: changed }
}
