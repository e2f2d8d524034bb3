import { putDirectoryPage } from '../store/directory-entries.ts'
import { poolSession, transact } from '../store/session.ts'
import { moveRound, takeUpRound } from '../store/user-rounds.ts'
import type { EngineDeps } from './deps.ts'

/** The round of these rules of what users can be found by; rules that find users otherwise are another round, which begins by itself. */
const ROUND = 'directory entries 1'
const PAGE = 500
/** As long as it takes at a time, in milliseconds, so that a stop need not wait. */
const TURN_MS = 1_000

/**
 * Users who were there before they could be searched for, page by page; whichever node has time takes the next page. Once all are through there is nothing left to
 * do, since every change of a user keeps its own entry. True when that is so.
 */
export const fillDirectory = async ({ store, now }: Pick<EngineDeps, 'store' | 'now'>): Promise<boolean> => {
  const session = poolSession(store.pool)
  const until = now() + TURN_MS
  do {
    const round = await takeUpRound(session, ROUND, Infinity, now())
    const position = round?.position
    if (round === undefined) return false
    if (position === undefined) return true
    const last = await transact(store.pool, (tx) => putDirectoryPage(tx, position, PAGE))
    await moveRound(session, ROUND, round, last)
  } while (now() < until)
  return false
}
