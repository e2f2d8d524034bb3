import type { Pool } from 'pg'
import { loadRevisions } from '../store/changes.ts'
import type { Revisions } from '../store/current-state.ts'
import { defer } from '../store/deferred.ts'
import type { DialogRef } from '../store/dialogs.ts'
import { isLockTimeout } from '../store/errors.ts'
import { adoptDialogs, lockForNumbering, lockFree } from '../store/numbering.ts'
import { limitLockWait, MAX_LOCK_WAIT_MS, poolSession, transact, type Transaction } from '../store/session.ts'
import { Renewed, transactNumbering, type Use } from '../store/transact-numbering.ts'
import { distinct, endLost, refText, send, sortOut, type Due, type HandOverCount, type HandOverDeps } from './hand-over.ts'
import { findPacing, pace, PACED } from './pace.ts'

/** Looks once more at what is due, behind the locks of its dialogs, given the revisions of its publishers there. */
export type Renewal = (tx: Transaction, held: readonly Due[], revisions: Revisions) => Promise<readonly Due[]>

/** Dialogs that another engine numbers: they must be made this one's own first, in a transaction of its own. */
class Foreign extends Error {
  readonly refs: readonly DialogRef[]
  constructor(refs: readonly DialogRef[]) {
    super('dialogs of another sender')
    this.refs = refs
  }
}

/** Waits for whoever holds a dialog; or passes over those that are held, or are another sender's: their dialogs are owed it. */
type Locking = 'wait' | 'pass over'

/** The longest that telling waits for a dialog: whoever holds it longer waits for a slow proxy. */
const LOCK_WAIT_MS = 300

/** Locks the dialogs of what is due, and says which of it can be sent now. */
const lock = async (tx: Transaction, sender: string, dues: readonly Due[], locking: Locking): Promise<{ readonly held: readonly Due[]; readonly passed: readonly Due[] }> => {
  const refs = distinct(dues)
  if (locking === 'wait') {
    void limitLockWait(tx, LOCK_WAIT_MS)
    const locked = lockForNumbering(tx, refs, sender)
    void limitLockWait(tx, MAX_LOCK_WAIT_MS)
    const foreign = await locked
    if (foreign.length > 0) throw new Foreign(foreign)
    return { held: dues, passed: [] }
  }
  const mine = new Set((await lockFree(tx, refs, sender)).own.map(refText))
  return { held: dues.filter((due) => mine.has(refText(due))), passed: dues.filter((due) => !mine.has(refText(due))) }
}

const sendWithin = async (tx: Transaction, use: Use, sender: string, deps: HandOverDeps, dues: readonly Due[], renew: Renewal, locking: Locking): Promise<HandOverCount> => {
  const now = deps.now()
  const [{ held: locked, passed }, pacing, revisions] = await Promise.all([lock(tx, sender, dues, locking), findPacing(tx, dues), loadRevisions(tx, [...new Set(dues.map(({ publisher }) => publisher))])])
  if (passed.length > 0) void defer(tx, passed.map((due) => ({ ...due, dueAt: now })), 'the dialog was busy')
  const { now: held, later: soon } = pace(locked, pacing, deps.gapMs, now, false)
  const certain = await renew(tx, held, revisions)
  await use(distinct(certain))
  const sent = await send(tx, deps, certain, deps.patience, sender)
  // Not before: whoever notes a debt about the same subscription would wait for the proxy.
  if (soon.length > 0) void defer(tx, soon, PACED, true)
  const sorted = await sortOut(tx, deps, sent)
  const lists = new Map(sent.flatMap(({ due, list }) => (list === undefined ? [] : [[due, list] as const])))
  for (const [reason, later] of Map.groupBy(sorted.later, ({ reason: why }) => why)) {
    void defer(tx, later.map(({ due, attempts, since, dueAt }) => ({ ...due, publisher: lists.get(due) ?? due.publisher, attempts, since, dueAt })), reason, true)
  }
  const count = await endLost(tx, deps, sent, sorted)
  return { ...count, deferred: count.deferred + passed.length + soon.length }
}

/** After so many dialogs of other senders telling goes on without those that still are. */
const ADOPTIONS = 2

/** So often telling begins anew because this node became another sender: while proxies fail, or locks are waited for in vain, that happens to many at once. */
const RENEWALS = 10

/**
 * Runs a transaction that sends what it finds due, by the function it is given; again where dialogs turn out to be another sender's, or are held for long, which
 * shows before anything is sent. Should a lock time out behind that, it is told twice, under new numbers.
 */
export const sendInTransaction = async <T>(pool: Pool, deps: HandOverDeps, work: (tx: Transaction, sendHere: (dues: readonly Due[], renew: Renewal) => Promise<HandOverCount>) => Promise<T>): Promise<T> => {
  let renewals = 0
  for (let tries = 0; ; tries += 1) {
    const locking = tries > ADOPTIONS || deps.proxies.isPaying() ? 'pass over' : 'wait'
    try {
      return await transactNumbering(pool, deps.sender, (tx, use, sender) => work(tx, (dues, renew) => sendWithin(tx, use, sender, deps, dues, renew, locking)))
    } catch (error) {
      if (error instanceof Foreign) await adoptDialogs(poolSession(pool), error.refs, deps.sender.id())
      // Whatever it was, the dialogs are another sender's now.
      else if (error instanceof Renewed && renewals < RENEWALS) renewals += 1
      else if (isLockTimeout(error) && tries <= ADOPTIONS) tries = ADOPTIONS
      else throw error
    }
  }
}

/** Sends what is due in a transaction of its own. */
export const sendAll = (pool: Pool, deps: HandOverDeps, dues: readonly Due[], renew: Renewal): Promise<HandOverCount> =>
  sendInTransaction(pool, deps, (_tx, sendHere) => sendHere(dues, renew))

/** Sends nothing now: the dialogs are owed it. */
export const owe = (pool: Pool, deps: HandOverDeps, dues: readonly Due[], reason: string): Promise<HandOverCount> =>
  transact(pool, async (tx) => {
    void defer(tx, dues.map((due) => ({ ...due, dueAt: deps.now() })), reason)
    return { sent: 0, gone: 0, deferred: dues.length }
  })
