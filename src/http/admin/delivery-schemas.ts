import { Type, type Static } from 'typebox'
import { writeUserUri } from '../../core/sip/uri.ts'
import type { Debt, DialogDelivery, PendingChanges } from '../../store/deliveries.ts'
import { Kind, LocalTag, Time, time } from './subscription-schemas.ts'

const Trace = Type.String({ description: 'The request that made the change, as the log and ms-diagnostics name it.' })

/** Committed changes of a publisher that are not told yet. */
export const PendingView = Type.Object({
  state: Type.Literal('pending'), publisher: Type.String(), changes: Type.Integer({ description: 'How many; they are told together.' }), since: Time, ageMs: Type.Integer(),
  traces: Type.Array(Trace, { description: 'Oldest first, ten at most.' }),
}, { $id: 'PendingChanges' })

const DebtView = Type.Object({
  publisher: Type.String(), attempts: Type.Integer(), reason: Type.String(), since: Time, dueAt: Time, trace: Type.Optional(Trace), proxy: Type.String({ description: 'Which proxy is to carry it.' }),
}, { $id: 'Debt', description: 'The latest state of this publisher could not be told yet.' })

/** A dialog with what became of its last notifications. */
export const DeliveryView = Type.Object({
  state: Type.Enum(['failing', 'told'], { description: 'failing: it is owed something, or its last notifications failed and nothing was heard of it since.' }),
  subscriber: Type.String(), localTag: LocalTag, callId: Type.String(), kind: Kind, proxy: Type.String(), flow: Type.String(), method: Type.String({ description: 'NOTIFY, or BENOTIFY, which has no answer.' }),
  lastNotification: Type.Object({ cseq: Type.Integer(), at: Time, trace: Type.Optional(Trace) }),
  failures: Type.Integer({ description: 'In a row; a SUBSCRIBE in the dialog ends the count.' }),
  lastFailure: Type.Optional(Type.Object({ code: Type.Integer({ description: 'SIP status; 408 also for no answer.' }), at: Time })),
  owed: Type.Integer({ description: 'About how many publishers it is owed their latest state.' }),
  debts: Type.Array(DebtView, { description: 'The oldest ones first; in a list ten of each dialog at most.' }), expiresAt: Time,
}, { $id: 'Delivery' })

export const writePending = ({ publisher, changes, since, traces }: PendingChanges, now: number): Static<typeof PendingView> =>
  ({ state: 'pending', publisher: writeUserUri(publisher), changes, since: time(since), ageMs: Math.max(0, now - since), traces: [...traces] })

const writeTrace = (trace: string): { readonly trace?: string } => (trace === '' ? {} : { trace })

const writeDebt = ({ publisher, attempts, reason, since, dueAt, trace, proxy }: Debt): Static<typeof DebtView> =>
  ({ publisher: writeUserUri(publisher), attempts, reason, since: time(since), dueAt: time(dueAt), ...writeTrace(trace), proxy })

export const writeDelivery = ({ dialog, trace, failures, failed, owed, debts }: DialogDelivery): Static<typeof DeliveryView> => ({
  state: owed > 0 || failures > 0 ? 'failing' : 'told', subscriber: writeUserUri(dialog.subscriber), localTag: dialog.localTag, callId: dialog.callId, kind: dialog.kind, proxy: dialog.proxy, flow: dialog.flow,
  method: dialog.benotify ? 'BENOTIFY' : 'NOTIFY', lastNotification: { cseq: dialog.cseq, at: time(dialog.notifiedAt), ...writeTrace(trace) }, failures,
  ...(failed === undefined ? {} : { lastFailure: { code: failed.code, at: time(failed.at) } }), owed, debts: debts.map(writeDebt), expiresAt: time(dialog.expiresAt),
})
