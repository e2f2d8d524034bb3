import { writeInstruction } from '../core/notifications/instruction.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { takeOver } from '../core/subscriptions/dialog.ts'
import { deleteDialogs, expireDialogs, lockDialog } from '../store/dialogs.ts'
import type { Sender } from '../store/sender.ts'
import type { Transaction } from '../store/session.ts'
import type { Settle } from '../store/transact-numbering.ts'
import type { Answer } from './deps.ts'

/**
 * Ends the dialogs that a newer one of the same endpoint replaces (3.3.5.1, 3.4.5.1.3). Those that the asking proxy carries are gone at
 * once, and their last notifications come back to be sent behind the answer; those of other proxies expire, and the timer tells them.
 */
export const replaceDialogs = async (tx: Transaction, dialogs: readonly Dialog[], proxy: string, sender: Sender, settle: Settle, now: number): Promise<Answer['notify']> => {
  const here: Dialog[] = []
  const elsewhere: Dialog[] = []
  for (const dialog of dialogs) {
    const locked = await lockDialog(tx, dialog)
    if (locked === undefined) continue
    await settle([locked])
    ;(locked.proxy === proxy ? here : elsewhere).push(takeOver(locked, sender.id()))
  }
  await deleteDialogs(tx, here.map((dialog) => ({ ...dialog, watcherEvent: 'deactivated' })), now)
  if (elsewhere.length > 0) void expireDialogs(tx, elsewhere, now, 'deactivated')
  return here.filter(({ expiresAt }) => expiresAt > now)
    .map((old) => writeInstruction({ ...old, cseq: old.cseq + 1, expiresAt: now }, { body: undefined, terminated: 'deactivated' }, now))
}
