import type { UserKey } from '../core/sip/uri.ts'
import { defer } from '../store/deferred.ts'
import { countFailure, deleteDialogs, expireDialogs } from '../store/dialogs.ts'
import { transact } from '../store/session.ts'
import { loadResources } from '../store/subscriptions.ts'
import type { EngineDeps } from './deps.ts'

/** A NOTIFY that was answered with a failure, or not at all (408). */
export interface FailedNotify {
  readonly code: number
  readonly subscriber: UserKey
  readonly callId: string
  readonly localTag: string
  readonly remoteTag: string
}

/** Answers that mean the subscriber has no such subscription any more (RFC 6665 4.2.2). */
const ENDING: ReadonlySet<number> = new Set([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])

/** After so many stalls, none of them more than ten minutes after the one before, a dialog is given up whatever the code. */
const MAX_FAILURES = 3

const RETRY_MS = 5_000

/** Takes in a failed NOTIFY: ends the dialog, or owes it the state of everything it watches. Returns what was done. */
export const handleFailedNotify = (deps: EngineDeps, failed: FailedNotify): Promise<'ended' | 'retried' | 'unknown'> =>
  transact(deps.store.pool, async (tx) => {
    const ref = { subscriber: failed.subscriber, localTag: failed.localTag }
    const failures = await countFailure(tx, failed.subscriber, failed.callId, failed.localTag, failed.remoteTag, deps.now())
    if (failures === undefined) return 'unknown'
    if (ENDING.has(failed.code)) {
      await deleteDialogs(tx, [ref])
      return 'ended'
    }
    if (failures >= MAX_FAILURES) {
      // The timer for expired dialogs says so in a last notification, should it arrive.
      void expireDialogs(tx, [ref], deps.now(), 'timeout')
      return 'ended'
    }
    const watched = (await loadResources(tx, ref)).map(({ publisher }) => publisher)
    const dueAt = deps.now() + RETRY_MS
    // A self dialog watches nobody but its own user.
    const publishers = watched.length > 0 ? watched : [failed.subscriber]
    await defer(tx, publishers.map((publisher) => ({ ...ref, publisher, attempts: failures, dueAt })), `NOTIFY answered ${failed.code}`)
    return 'retried'
  })
