import { failure } from '../core/base/failure.ts'
import type { AccessLetter } from '../core/model/access-list.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { isTouched, type Touch } from '../core/model/touch.ts'
import { presenceCategories } from '../core/notifications/presence.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { decideRecordWatcher } from '../core/subscribers/record-subscriber.ts'
import { openDialog, renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { checkPresenceSubscribe, negotiatePresence, type LegacyFormat } from '../core/subscriptions/presence-format.ts'
import { putAccess } from '../store/access-lists.ts'
import { deleteDialogs, insertDialog, loadDialogsOfRequest, refreshDialog } from '../store/dialogs.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import { isDuplicate } from '../store/errors.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import { loadResources, putResources } from '../store/subscriptions.ts'
import { keepWaiting } from '../store/watchers.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { loadDisplayName, lockPublisher } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { expectRegistered, lockOwnDialog } from './in-dialog.ts'
import { loadPresenceNotices } from './presence-documents.ts'
import { Refused } from './refused.ts'
import { answerPhone, answerWithData } from './subscribe-answer.ts'
import { accessTo, expectGranted, findAccess, findUnwatchable, mayWatchUnregistered } from './watchable.ts'

/** A dialog, and what the publisher's access list decides of its subscriber. */
interface Admitted {
  readonly dialog: Dialog
  readonly access: AccessLetter
}

/** The dialog that a SUBSCRIBE opens, stored with its edge unless it is a poll; of the very same request again the one of the first time. */
const open = async (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Admitted> => {
  const { request, network, now } = call
  const poll = readIntent(request) === 'poll'
  return transact(deps.store.pool, async (tx) => {
    const locked = lockPublisher(tx, request.fromUser)
    const found = findAccess(tx, [request.toUser], call, deps.features)
    const [, decided, unwatchable, endpoints, same] = await Promise.all([
      locked, found, findUnwatchable(tx, [request.toUser], call, deps.limits, found), loadEndpoints(tx, request.fromUser), loadDialogsOfRequest(tx, request),
    ])
    const refused = unwatchable.get(request.toUser)
    if (refused !== undefined) throw new Refused(failure(refused.failure))
    const endpoint = findEndpoint(request, endpoints.filter(({ expiresAt }) => expiresAt > now), call.arrival)
    // As for categories: our own users register here, those of other domains do not (3.4.5.3).
    if (network === 'sameEnterprise' && endpoint === undefined && !poll && !(format === 'pidf' && mayWatchUnregistered(deps, call))) throw new Refused(failure('endpointNotRegistered'))
    const again = same.find((dialog) => dialog.kind === format && dialog.remoteCseq === request.cseq && dialog.expiresAt > now)
    const access = accessTo(decided, request.toUser)
    if (again !== undefined) return { dialog: again, access }
    const opened = openDialog(request, {
      kind: format, localTag: deps.chance.tag(), endpointId: endpoint?.endpointId, path: pathOf(call), scope: [], since: 0, limits: deps.limits.subscriptionExpires, chance: deps.chance.fraction(), sender: deps.sender.id(),
      negotiated: negotiatePresence(request, format, network),
    }, now)
    if (!opened.ok) throw new Refused(opened.failure)
    const admitted = { dialog: opened.value, access }
    // Whoever asks once, and may not know yet, has asked (RFC 3857 4.7.1).
    if (poll && access === 'P') void keepWaiting(tx, request.toUser, opened.value, now)
    if (poll) return admitted
    await deleteDialogs(tx, same.map((dialog) => ({ ...dialog, watcherEvent: 'deactivated' })), now)
    void insertDialog(tx, opened.value)
    void putResources(tx, opened.value, network, [{ publisher: request.toUser, categories: presenceCategories }], now, format, access)
    return admitted
  })
}

/** What came of entering a watcher: whether anybody is to be told, and what is decided of it. */
interface Recorded {
  readonly touched: boolean
  readonly access: AccessLetter
}

/**
 * Enters the watcher on the publisher's subscriber list, where it stays (3.7.5.3); whose list is full cannot be watched. Behind the publisher's lock, and with the edge
 * stored before, what the access list decides is exact: a change of the list that is not seen here sees the edge. Who has to wait is told to the publisher.
 */
const record = (deps: EngineDeps, call: Call, { dialog, access: opened }: Admitted): Promise<Recorded> => {
  const { request, arrival, network, now } = call
  return transact(deps.store.pool, async (tx) => {
    const [state, ownName, decided] = await Promise.all([
      loadUnderLock(tx, request.toUser, { subscribers: true }), loadDisplayName(tx, request.fromUser), findAccess(tx, [request.toUser], call, deps.features),
    ])
    if (state === undefined) return { touched: false, access: opened }
    const access = accessTo(decided, request.toUser)
    if (access === 'D') throw new Refused(failure('accessDenied'))
    const recorded = decideRecordWatcher({ user: request.fromUser, displayName: ownName ?? request.from.displayName, network }, state, deps.limits.subscribers)
    if (!recorded.ok) throw new Refused(recorded.failure)
    if (access !== opened) void putAccess(tx, request.toUser, dialog, access, now)
    const touch: Touch = access === 'P' ? { ...recorded.value.touch, pendingWatchers: true } : recorded.value.touch
    await applyOutcome(tx, request.toUser, { ...recorded.value, touch }, arrival.trace, now)
    return { touched: isTouched(touch), access }
  })
}

/** What the subscriber is shown of the latest state, in the 200 or right behind it (3.7.5.4, 3.7.5.5). */
const answer = async (deps: EngineDeps, call: Call, { dialog, access }: Admitted, publisher: UserKey, format: LegacyFormat, touched: readonly UserKey[]): Promise<Answer> => {
  const { request, network, now } = call
  const noticeOf = await loadPresenceNotices(deps, [publisher], { user: request.fromUser, network, format })
  const notice = noticeOf(publisher, access)
  if (format === 'pidf') return { ...answerPhone(request, dialog, notice, now), touched }
  const { body, pending = false } = notice
  return { ...answerWithData(request, dialog, body, now, negotiatePresence(request, format, network), pending), touched }
}

/** Create and poll (3.7.5.1, 3.7.5.2). */
const create = async (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Answer> => {
  const { request, now } = call
  // A SUBSCRIBE that loses against the very same one finds its dialog at the second try.
  const admitted = await open(deps, call, format).catch((error: unknown) => {
    if (isDuplicate(error)) return open(deps, call, format)
    throw error
  })
  // A poll leaves nothing behind, and of oneself one knows.
  if (admitted.dialog.expiresAt <= now || request.fromUser === request.toUser) return answer(deps, call, admitted, request.toUser, format, [])
  const { touched, access } = await record(deps, call, admitted).catch(async (error: unknown) => {
    await transact(deps.store.pool, (tx) => deleteDialogs(tx, [{ ...admitted.dialog, watcherEvent: 'rejected' }], now))
    throw error
  })
  return answer(deps, call, { dialog: admitted.dialog, access }, request.toUser, format, touched ? [request.toUser] : [])
}

/** Refresh: the dialog lives on, and the document is told anew (RFC 6665 4.2.1.2). Who has come to be denied is refused, and told the end in the dialog. */
const refresh = async (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Answer> => {
  const { request, network, now } = call
  const { publisher, ...admitted } = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    await expectRegistered(tx, deps, own, call)
    const [watched] = await loadResources(tx, own)
    if (watched === undefined) throw new Refused(failure('dialogUnknown'))
    const [decided] = await Promise.all([findAccess(tx, [watched.publisher], call, deps.features), expectGranted(tx, [watched.publisher], network)])
    const access = accessTo(decided, watched.publisher)
    if (access === 'D') throw new Refused(failure('accessDenied'))
    const renewed = renewDialog(request, own, pathOf(call), [], deps.limits.subscriptionExpires, deps.chance.fraction(), now, negotiatePresence(request, format, network))
    if (!renewed.ok) throw new Refused(renewed.failure)
    void refreshDialog(tx, renewed.value)
    if (own.network !== network) void putResources(tx, own, network, [watched], now, format)
    return { dialog: renewed.value, access, publisher: watched.publisher }
  })
  return answer(deps, call, admitted, publisher, format, [])
}

/** The end of a PIDF subscription by its watcher's wish: it is over at once, and the last NOTIFY shows what it may see (RFC 6665 4.2.1.4). */
export const leavePresence = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { now } = call
  const { publisher, ...admitted } = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    const [watched] = await loadResources(tx, own)
    if (watched === undefined) throw new Refused(failure('dialogUnknown'))
    const access = accessTo(await findAccess(tx, [watched.publisher], call, deps.features), watched.publisher)
    await deleteDialogs(tx, [own], now)
    return { dialog: { ...own, cseq: own.cseq + 1, expiresAt: now }, access, publisher: watched.publisher }
  })
  return answer(deps, call, admitted, publisher, 'pidf', [])
}

/** Processes an MSRTC or PIDF SUBSCRIBE, outside of a dialog or inside of one that it opened (3.7.5). */
export const watchPresence = (deps: EngineDeps, call: Call, format: LegacyFormat): Promise<Answer> => {
  const refused = checkPresenceSubscribe(call.request, format)
  if (refused !== undefined) throw new Refused(refused)
  return readIntent(call.request) === 'refresh' ? refresh(deps, call, format) : create(deps, call, format)
}
