import type { Dialog, NotifyInstruction } from '../core/model/dialog.ts'
import { writeInstruction, type Notice } from '../core/notifications/instruction.ts'
import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { defer, settleDeferred, type Deferred } from '../store/deferred.ts'
import { deleteDialogs, numberNotifications, type DialogRef } from '../store/dialogs.ts'
import { findLivingEndpoints } from '../store/endpoints.ts'
import type { Transaction } from '../store/session.ts'
import { backoffMs } from './backoff.ts'
import type { Proxies } from './proxies.ts'

/** A notice for one dialog about one publisher, with the number of attempts that failed before. */
export interface Due extends DialogRef {
  readonly publisher: UserKey
  readonly notice: Notice
  readonly attempts: number
}

/** What a hand-over came to, for metrics. */
export interface HandOverCount {
  sent: number
  gone: number
  deferred: number
}

export interface HandOverDeps {
  readonly proxies: Proxies
  /** How publishers are seen by others; asked for before a transaction begins. */
  readonly terms: () => Promise<PresenceTerms>
  readonly now: () => number
  readonly fraction: () => number
}

/** How often something is tried that the proxy refuses to send; then the dialog ends, and its client subscribes anew. */
const FAILED_ATTEMPTS = 12

/** What else a hand-over settles. */
export interface HandOverTerms {
  /** Debts that it pays. */
  readonly paid: readonly Deferred[]
  /** An earlier attempt may have sent something under numbers that were rolled back: new ones must lie beyond them. */
  readonly repeated: boolean
}

/** More than any attempt that was rolled back can have used in one dialog. */
const NUMBER_GAP = 1_000

interface Addressed {
  readonly due: Due
  readonly instruction: NotifyInstruction
}

const refText = ({ subscriber, localTag }: DialogRef): string => `${subscriber}\n${localTag}`

/** Numbers and addresses the notices, grouped by the proxy that carries the dialog; those of ended dialogs fall away. */
const address = (dialogs: readonly Dialog[], byDialog: ReadonlyMap<string, readonly Due[]>, now: number): ReadonlyMap<string, readonly Addressed[]> => {
  const perProxy = new Map<string, Addressed[]>()
  for (const dialog of dialogs) {
    const dues = byDialog.get(refText(dialog)) ?? []
    for (const [at, due] of dues.entries()) {
      // The row holds the last of the reserved numbers.
      const instruction = writeInstruction({ ...dialog, cseq: dialog.cseq - (dues.length - 1 - at) }, due.notice, now)
      const list = perProxy.get(dialog.proxy)
      if (list === undefined) perProxy.set(dialog.proxy, [{ due, instruction }])
      else list.push({ due, instruction })
    }
  }
  return perProxy
}

const owe = (tx: Transaction, deps: HandOverDeps, dues: readonly Due[], reason: string): Promise<unknown> =>
  defer(tx, dues.map(({ subscriber, localTag, publisher, attempts }) =>
    ({ subscriber, localTag, publisher, attempts: attempts + 1, dueAt: deps.now() + backoffMs(attempts, deps.fraction()) })), reason)

/** How often a dialog whose connection is gone is tried while its endpoint counts as registered. */
const GONE_ATTEMPTS = 6

/**
 * What to do about connections that are gone: a registered endpoint is expected back on a new one, which its next REGISTER tells us, and its
 * dialogs wait for that a while; all others end.
 */
const sortGone = async (tx: Transaction, dialogs: readonly Dialog[], gone: readonly Due[], now: number): Promise<{ readonly waiting: readonly Due[]; readonly ended: readonly Due[] }> => {
  if (gone.length === 0) return { waiting: [], ended: [] }
  const endpointOf = new Map(dialogs.flatMap((dialog) => (dialog.endpointId === undefined ? [] : [[refText(dialog), { user: dialog.subscriber, endpointId: dialog.endpointId }] as const])))
  const living = await findLivingEndpoints(tx, gone.flatMap((due) => endpointOf.get(refText(due)) ?? []), now)
  const waits = (due: Due): boolean => {
    const endpoint = endpointOf.get(refText(due))
    return endpoint !== undefined && due.attempts < GONE_ATTEMPTS && living.has(`${endpoint.user} ${endpoint.endpointId}`)
  }
  return { waiting: gone.filter(waits), ended: gone.filter((due) => !waits(due)) }
}

/**
 * Hands notices to the proxies: locks and numbers the dialogs, sends, and settles the outcome in the same transaction, so that order
 * per dialog holds across nodes and a crash repeats instead of losing. Dialogs whose connection is gone end; what
 * a proxy could not take is owed with back-off.
 */
export const handOver = async (tx: Transaction, deps: HandOverDeps, dues: readonly Due[], { paid, repeated }: HandOverTerms): Promise<HandOverCount> => {
  const count: HandOverCount = { sent: 0, gone: 0, deferred: 0 }
  if (dues.length === 0) {
    if (paid.length > 0) void settleDeferred(tx, paid)
    return count
  }
  const byDialog = new Map<string, Due[]>()
  for (const due of dues) {
    const list = byDialog.get(refText(due))
    if (list === undefined) byDialog.set(refText(due), [due])
    else list.push(due)
  }
  const refs = [...byDialog.values()].flatMap((list) => list.slice(0, 1).map(({ subscriber, localTag }) => ({ subscriber, localTag, count: list.length + (repeated ? NUMBER_GAP : 0) })))
  const dialogs = await numberNotifications(tx, refs, deps.now())
  // Behind the dialogs' locks, as everywhere, and before anything is owed anew.
  if (paid.length > 0) void settleDeferred(tx, paid)
  const gone: Due[] = []
  await Promise.all([...address(dialogs, byDialog, deps.now())].map(async ([proxy, addressed]) => {
    const outcome = await deps.proxies.handOver(proxy, addressed.map(({ instruction }) => instruction))
    const later: Due[] = []
    for (const [at, { due }] of addressed.entries()) {
      const result = outcome.results[at] ?? 'unreached'
      if (result === 'sent') count.sent += 1
      else if (result === 'gone' || (result === 'failed' && due.attempts >= FAILED_ATTEMPTS)) gone.push(due)
      else later.push(due)
    }
    if (later.length > 0) void owe(tx, deps, later, outcome.trouble ?? 'the proxy could not send it')
    count.deferred += later.length
  }))
  const { waiting, ended } = await sortGone(tx, dialogs, gone, deps.now())
  if (waiting.length > 0) void owe(tx, deps, waiting, 'the connection is gone')
  count.deferred += waiting.length
  count.gone = ended.length
  await deleteDialogs(tx, [...new Map(ended.map((ref) => [refText(ref), ref])).values()])
  return count
}
