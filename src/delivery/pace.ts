import { gapOf } from '../core/notifications/pace.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadPacing, type Pacing } from '../store/pacing.ts'
import type { Transaction } from '../store/session.ts'
import { edgeText, type Due } from './hand-over.ts'

/** Why a debt is owed that waits for its time and for nothing else. */
export const PACED = 'so soon after the last notification'

/** What may be told now, and what must wait until a time. */
export interface Paced<D extends Due> {
  readonly now: readonly D[]
  readonly later: readonly (D & { readonly dueAt: number })[]
}

/** Only documents wait that ordinary phones read; ends and refusals do not. */
const mayWait = ({ notice }: Due): boolean => notice.body?.type === mediaTypes.pidf && notice.terminated === undefined

/** What is known of the dialogs in which something may have to wait; to be asked for right behind their locks. */
export const findPacing = async (tx: Transaction, dues: readonly Due[]): Promise<readonly Pacing[]> => {
  const waiting = dues.filter(mayWait)
  return waiting.length === 0 ? [] : loadPacing(tx, waiting)
}

/** When something may be told; now or earlier, unless it must wait. `isDebt`: it is itself what is owed. */
const timeFor = ({ event, notifiedAt, owedAt }: Pacing, gapMs: number, now: number, isDebt: boolean): number => {
  const gap = gapOf(event, gapMs)
  if (gap === 0) return now
  if (notifiedAt + gap > now) return notifiedAt + gap
  // What is owed and about to be paid will be paid with the latest state: nobody hears the same twice.
  return !isDebt && owedAt !== undefined && owedAt <= now + gap ? Math.max(owedAt, now + 1) : now
}

/** Holds back what comes too soon after the last notification of its dialog. */
export const pace = <D extends Due>(dues: readonly D[], pacing: readonly Pacing[], gapMs: number, now: number, isDebt: boolean): Paced<D> => {
  const timeOf = new Map(pacing.map((one) => [edgeText(one), timeFor(one, gapMs, now, isDebt)]))
  const { held = [], free = [] } = Object.groupBy(dues.map((due) => ({ ...due, dueAt: mayWait(due) ? timeOf.get(edgeText(due)) ?? now : now })), ({ dueAt }) => (dueAt > now ? 'held' : 'free'))
  return { now: free, later: held }
}
