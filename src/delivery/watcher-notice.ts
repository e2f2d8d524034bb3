import { writeWatcherInfo } from '../core/documents/watcher-info.ts'
import type { Notice } from '../core/notifications/instruction.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { Debt } from '../store/deferred.ts'
import type { Session } from '../store/session.ts'
import { loadMovedWatchers, loadWatchers, PAST_WATCHERS_KEPT_MS } from '../store/watchers.ts'

/**
 * What a subscriber to watcher information is told for what it is owed: those of whom something has changed since then (RFC 3857 4.7.2), or everybody, where it may have missed a notification, or
 * has waited for longer than ends of watchers are kept. Undefined when nothing is left to tell.
 */
export const loadWatcherNotice = async (session: Session, { publisher, since, everything }: Pick<Debt, 'publisher' | 'since' | 'everything'>, now: number): Promise<Notice | undefined> => {
  const state = everything || since <= now - PAST_WATCHERS_KEPT_MS ? 'full' : 'partial'
  const watchers = await (state === 'full' ? loadWatchers(session, publisher, now) : loadMovedWatchers(session, publisher, since, now))
  if (state === 'partial' && watchers.length === 0) return undefined
  const write = writeWatcherInfo(publisher, state, watchers, now)
  return { body: undefined, bodyOf: (cseq) => ({ type: mediaTypes.watcherInfo, text: write(cseq) }) }
}
