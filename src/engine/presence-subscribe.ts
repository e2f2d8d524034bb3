import { failure } from '../core/base/failure.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { isTouched } from '../core/model/touch.ts'
import { presenceCategories } from '../core/notifications/presence.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { decideRecordWatcher } from '../core/subscribers/record-subscriber.ts'
import { openDialog, renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { checkPresenceSubscribe, negotiatePresence, type LegacyFormat } from '../core/subscriptions/presence-format.ts'
import { deleteDialogs, insertDialog, loadDialogsOfRequest, refreshDialog } from '../store/dialogs.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import { isDuplicate } from '../store/errors.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import { loadResources, putResources } from '../store/subscriptions.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { loadDisplayName, lockPublisher } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { expectRegistered, lockOwnDialog } from './in-dialog.ts'
import { loadPresenceDocuments } from './presence-documents.ts'
import { Refused } from './refused.ts'
import { answerWithData } from './subscribe-answer.ts'
import { expectGranted, findUnwatchable } from './watchable.ts'

/** The dialog that a SUBSCRIBE opens, stored with its edge unless it is a poll; of the very same request again the one of the first time. */
const open = async (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Dialog> => {
  const { request, network, now } = call
  const poll = readIntent(request) === 'poll'
  return transact(deps.store.pool, async (tx) => {
    const [, unwatchable, endpoints, same] = await Promise.all([
      lockPublisher(tx, request.fromUser), findUnwatchable(tx, [request.toUser], call, deps.limits), loadEndpoints(tx, request.fromUser), loadDialogsOfRequest(tx, request),
    ])
    const refused = unwatchable.get(request.toUser)
    if (refused !== undefined) throw new Refused(failure(refused.failure))
    const endpoint = findEndpoint(request, endpoints.filter(({ expiresAt }) => expiresAt > now))
    // As for categories: our own users register here, those of other domains do not (3.4.5.3).
    if (network === 'sameEnterprise' && endpoint === undefined && !poll) throw new Refused(failure('endpointNotRegistered'))
    const again = same.find((dialog) => dialog.kind === format && dialog.remoteCseq === request.cseq && dialog.expiresAt > now)
    if (again !== undefined) return again
    const opened = openDialog(request, {
      kind: format, localTag: deps.chance.tag(), endpointId: endpoint?.endpointId, path: pathOf(call), scope: [], since: 0, limits: deps.limits.subscriptionExpires, chance: deps.chance.fraction(), sender: deps.sender.id(),
      negotiated: negotiatePresence(request, format, network),
    }, now)
    if (!opened.ok) throw new Refused(opened.failure)
    if (poll) return opened.value
    await deleteDialogs(tx, same)
    void insertDialog(tx, opened.value)
    void putResources(tx, opened.value, network, [{ publisher: request.toUser, categories: presenceCategories }], format)
    return opened.value
  })
}

/** Enters the watcher on the publisher's subscriber list, where it stays (3.7.5.3); whose list is full cannot be watched. */
const record = (deps: EngineDeps, { request, arrival, network, now }: Call): Promise<boolean> =>
  transact(deps.store.pool, async (tx) => {
    const [state, ownName] = await Promise.all([loadUnderLock(tx, request.toUser, { subscribers: true }), loadDisplayName(tx, request.fromUser)])
    if (state === undefined) return false
    const decided = decideRecordWatcher({ user: request.fromUser, displayName: ownName ?? request.from.displayName, network }, state, deps.limits.subscribers)
    if (!decided.ok) throw new Refused(decided.failure)
    await applyOutcome(tx, request.toUser, decided.value, arrival.trace, now)
    return isTouched(decided.value.touch)
  })

/** The latest state in a document, in the 200 or right behind it (3.7.5.4, 3.7.5.5). */
const answer = async (deps: EngineDeps, call: Call, dialog: Dialog, publisher: UserKey, format: LegacyFormat, touched: readonly UserKey[]): Promise<Answer> => {
  const { request, network, now } = call
  const documentOf = await loadPresenceDocuments(deps, [publisher], { user: request.fromUser, network, format })
  return { ...answerWithData(request, dialog, documentOf(publisher), now, negotiatePresence(request, format, network)), touched }
}

/** Create and poll (3.7.5.1, 3.7.5.2). */
const create = async (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Answer> => {
  const { request, now } = call
  // A SUBSCRIBE that loses against the very same one finds its dialog at the second try.
  const dialog = await open(deps, call, format).catch((error: unknown) => {
    if (isDuplicate(error)) return open(deps, call, format)
    throw error
  })
  // A poll leaves nothing behind, and of oneself one knows.
  const recorded = dialog.expiresAt > now && request.fromUser !== request.toUser && await record(deps, call).catch(async (error: unknown) => {
    await transact(deps.store.pool, (tx) => deleteDialogs(tx, [dialog]))
    throw error
  })
  return answer(deps, call, dialog, request.toUser, format, recorded ? [request.toUser] : [])
}

/** Refresh: the dialog lives on, and the document is told anew (RFC 6665 4.2.1.2). */
const refresh = async (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Answer> => {
  const { request, network, now } = call
  const { dialog, publisher } = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    await expectRegistered(tx, own, call)
    const [watched] = await loadResources(tx, own)
    if (watched === undefined) throw new Refused(failure('dialogUnknown'))
    await expectGranted(tx, [watched.publisher], network)
    const renewed = renewDialog(request, own, pathOf(call), [], deps.limits.subscriptionExpires, deps.chance.fraction(), now, negotiatePresence(request, format, network))
    if (!renewed.ok) throw new Refused(renewed.failure)
    void refreshDialog(tx, renewed.value)
    if (own.network !== network) void putResources(tx, own, network, [watched], format)
    return { dialog: renewed.value, publisher: watched.publisher }
  })
  return answer(deps, call, dialog, publisher, format, [])
}

/** Processes an MSRTC or PIDF SUBSCRIBE, outside of a dialog or inside of one that it opened (3.7.5). */
export const watchPresence = (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Answer> => {
  const refused = checkPresenceSubscribe(call.request, format)
  if (refused !== undefined) throw new Refused(refused)
  return readIntent(call.request) === 'refresh' ? refresh(deps, call, format) : create(deps, call, format)
}
