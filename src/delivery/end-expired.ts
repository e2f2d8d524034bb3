import type { Pool } from 'pg'
import { writeContactList } from '../core/documents/contact-list.ts'
import { writeInstruction, type Notice } from '../core/notifications/instruction.ts'
import { writeListNotice } from '../core/notifications/list-notice.ts'
import { eventOfEnd } from '../core/model/watcher.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadContactList } from '../store/contacts.ts'
import { LEFT_TO_SENDER_MS } from '../store/deferred.ts'
import { loadDialogList } from '../store/dialog-lists.ts'
import { deleteDialogs } from '../store/dialogs.ts'
import { adoptExpired, claimExpiredDialogs, type EndedDialog } from '../store/numbering.ts'
import { poolSession, type Transaction } from '../store/session.ts'
import type { HandOverDeps } from './hand-over.ts'
import { transactNumbering } from '../store/transact-numbering.ts'

/** Dialogs ended in one round. */
export const EXPIRED_BATCH = 200

/** What a dialog hears last: nothing but the end; of a contact list that has moved, the list as it was taken along (MS-PRES 4.14.2); of a list of an ordinary phone, whose notifications all have meta-information, that nothing has changed (RFC 4662 4.5). */
const lastNotice = async (tx: Transaction, dialog: EndedDialog): Promise<Notice> => {
  const { subscriber, kind, endReason } = dialog
  const list = kind === 'list' ? await loadDialogList(tx, dialog) : undefined
  if (list !== undefined) return { body: writeListNotice(dialog, list, [], false), terminated: endReason }
  return { body: endReason === 'migrated' ? { type: mediaTypes.roamingContacts, text: writeContactList(await loadContactList(tx, subscriber), 'migrated') } : undefined, terminated: endReason }
}

/** Ends dialogs that are over with a last notification (RFC 6665 4.2.2: terminated, with the reason); whether it arrives does not matter any more. */
export const endExpiredDialogs = async (pool: Pool, deps: HandOverDeps): Promise<number> => {
  await adoptExpired(poolSession(pool), deps.sender.id(), deps.now() - LEFT_TO_SENDER_MS, EXPIRED_BATCH)
  return transactNumbering(pool, deps.sender, async (tx, use, sender) => {
    const now = deps.now()
    const expired = await claimExpiredDialogs(tx, sender, now, EXPIRED_BATCH)
    if (expired.length === 0) return 0
    await use(expired)
    const last = await Promise.all(expired.map(async (dialog) => ({ proxy: dialog.proxy, instruction: writeInstruction(dialog, await lastNotice(tx, dialog), now) })))
    await Promise.all([...Map.groupBy(last, ({ proxy }) => proxy)].map(([proxy, notices]) => deps.proxies.handOver(proxy, notices.map(({ instruction }) => instruction), 'brief')))
    await deleteDialogs(tx, expired.map((dialog) => ({ ...dialog, watcherEvent: eventOfEnd(dialog.endReason) })), now)
    return expired.length
  })
}
