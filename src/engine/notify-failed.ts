import { countFailure, judgeFailure, transportOf } from '../core/subscriptions/notify-results.ts'
import { oweEverything } from '../store/dialog-debts.ts'
import { lockFailing, noteFailure, type FailedDialog } from '../store/dialog-failures.ts'
import { deleteDialogs, expireDialogs } from '../store/dialogs.ts'
import { transact } from '../store/session.ts'
import type { EngineDeps } from './deps.ts'

/** A NOTIFY that was answered with a failure, or not at all (408). */
export interface FailedNotify extends FailedDialog {
  readonly code: number
  /** Its number, where the proxy names it. */
  readonly cseq?: number | undefined
  /** Seconds of its Retry-After, where it had one. */
  readonly retryAfter?: number | undefined
}

/** Takes in a failed NOTIFY and does with its dialog what the table of answers says. Returns what was done. */
export const handleFailedNotify = (deps: Pick<EngineDeps, 'store' | 'now'>, failed: FailedNotify): Promise<'ended' | 'retried' | 'kept' | 'unknown'> =>
  transact(deps.store.pool, async (tx) => {
    const now = deps.now()
    const before = await lockFailing(tx, failed, now)
    if (before === undefined) return 'unknown'
    const history = countFailure(before, failed.cseq, now)
    const verdict = judgeFailure(failed.code, transportOf(before.flow), history.failures, failed.retryAfter)
    if (verdict.do === 'end') {
      await deleteDialogs(tx, [failed], now)
      return 'ended'
    }
    void noteFailure(tx, failed, history, failed.code)
    // The timer for expired dialogs says so in a last notification, should it arrive.
    if (verdict.do === 'giveUp') void expireDialogs(tx, [failed], now, 'timeout')
    if (verdict.do === 'retry') void oweEverything(tx, failed, { attempts: history.failures, reason: `NOTIFY answered ${failed.code}`, dueAt: now + verdict.afterMs }, now)
    return verdict.do === 'giveUp' ? 'ended' : verdict.do === 'retry' ? 'retried' : 'kept'
  })
