import { failure } from '../core/base/failure.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { takeOver } from '../core/subscriptions/dialog.ts'
import { checkInDialog, negotiate, type Negotiated } from '../core/subscriptions/lifetime.ts'
import { deleteDialogs, lockDialog } from '../store/dialogs.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import type { Transaction } from '../store/session.ts'
import { transactBeforeSending, type Settle } from '../store/transact-numbering.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'
import { answerCancel } from './subscribe-answer.ts'
import { mayWatchUnregistered } from './watchable.ts'

/** Locks the dialog that a request names by its To tag, ready for the next number; 481 when it is not the subscriber's living one, 500 when the request is out of order. */
export const lockOwnDialog = async (tx: Transaction, settle: Settle, { sender }: Pick<EngineDeps, 'sender'>, { request, now }: Call): Promise<Dialog> => {
  const dialog = await lockDialog(tx, { subscriber: request.fromUser, localTag: request.toTag ?? '' })
  const refused = checkInDialog(request, dialog, now)
  if (refused !== undefined || dialog === undefined) throw new Refused(refused ?? failure('dialogUnknown'))
  await settle([dialog])
  return takeOver(dialog, sender.id())
}

/** An endpoint that is no longer registered cannot go on watching (3.4.5.3), nor can a phone that never was where that has been switched off since; of other domains none is. */
export const expectRegistered = async (tx: Transaction, deps: Pick<EngineDeps, 'features'>, { subscriber, endpointId, network }: Dialog, call: Call): Promise<void> => {
  const { now } = call
  if (endpointId === undefined) {
    if (network === 'sameEnterprise' && call.network === 'sameEnterprise' && !mayWatchUnregistered(deps, call)) throw new Refused(failure('endpointNotRegistered'))
    return
  }
  const endpoints = await loadEndpoints(tx, subscriber)
  if (!endpoints.some((endpoint) => endpoint.endpointId === endpointId && endpoint.expiresAt > now)) throw new Refused(failure('endpointNotRegistered'))
}

/** Cancel (4.4.4): the dialog ends, and everything that it watches goes with it. What was negotiated says whether a last NOTIFY tells it. */
export const cancelDialog = (deps: EngineDeps, call: Call, negotiated: Negotiated = negotiate(call.request)): Promise<Answer> =>
  transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const dialog = await lockOwnDialog(tx, settle, deps, call)
    await deleteDialogs(tx, [dialog], call.now)
    return answerCancel(dialog, negotiated, call.now)
  })
