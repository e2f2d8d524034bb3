import { failure } from '../core/base/failure.ts'
import type { Dialog, SelfScope } from '../core/model/dialog.ts'
import { isAlive } from '../core/model/publication.ts'
import type { SeenState } from '../core/model/publisher.ts'
import { writeSelfState } from '../core/notifications/self.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { readRoamingList } from '../core/requests/roaming-list.ts'
import { accepts, mediaTypes } from '../core/sip/media-types.ts'
import { openDialog, renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { deleteDialogs, insertDialog, loadDialogs, refreshDialog } from '../store/dialogs.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import { loadStates, loadUnderLock, withOwnLists } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'
import { cancelDialog, lockOwnDialog } from './in-dialog.ts'
import { replaceDialogs } from './replace-dialogs.ts'
import { answerWithData } from './subscribe-answer.ts'

const EVERYTHING = { instances: 'all', containers: true, endpoints: true, subscribers: true, delegates: true } as const

const readScope = ({ request }: Call): readonly SelfScope[] => {
  if (request.contentType !== undefined && request.contentType !== mediaTypes.roamingSelf) {
    throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.roamingSelf]] })
  }
  const scope = readRoamingList(request.body)
  if (!scope.ok) throw new Refused(scope.failure)
  return scope.value
}

const answer = (call: Call, state: SeenState, dialog: Dialog): Answer => {
  const alive = { ...state, instances: state.instances.filter((instance) => isAlive(instance, call.now)) }
  return answerWithData(call.request, dialog, { type: mediaTypes.roamingSelf, text: writeSelfState(alive, dialog.scope, call.now) }, call.now)
}

/**
 * Create and poll (3.3.5.1). The publisher's lock makes it exact: a publish that is not in the answer comes after the lock, finds the
 * dialog stored, and is told in it.
 */
const create = (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, arrival, now } = call
  const scope = readScope(call)
  return transact(deps.store.pool, async (tx) => {
    const [state, dialogs] = await Promise.all([loadUnderLock(tx, request.fromUser, EVERYTHING), loadDialogs(tx, request.fromUser)])
    if (state === undefined) throw new Refused(failure('userNotFound'))
    const endpoint = findEndpoint(request, state.endpoints.filter(({ expiresAt }) => expiresAt > now))
    const poll = readIntent(request) === 'poll'
    if (endpoint === undefined && !poll) throw new Refused(failure('endpointNotRegistered'))
    const same = dialogs.filter((dialog) => dialog.callId === request.callId && dialog.remoteTag === request.fromTag)
    const again = same.find((dialog) => dialog.kind === 'self' && dialog.remoteCseq === request.cseq && dialog.expiresAt > now)
    if (again !== undefined) return answer(call, state, again)
    const opened = openDialog(request, {
      kind: 'self', localTag: deps.chance.tag(), endpointId: endpoint?.endpointId, path: pathOf(call), scope, since: state.revision, limits: deps.limits.subscriptionExpires, chance: deps.chance.fraction(),
    }, now)
    if (!opened.ok) throw new Refused(opened.failure)
    if (poll) return answer(call, state, opened.value)
    // One self dialog per endpoint: the newest one stays, older ones are ended by a last notification (3.3.5.1).
    const endings = await replaceDialogs(tx, dialogs.filter((dialog) => dialog.kind === 'self' && dialog.endpointId === endpoint?.endpointId && !same.includes(dialog)), arrival.proxy, now)
    await deleteDialogs(tx, same)
    void insertDialog(tx, opened.value)
    const answered = answer(call, state, opened.value)
    return { ...answered, notify: [...answered.notify, ...endings] }
  })
}

/**
 * Refresh (3.3.5.1): a body replaces the scope, without one it stays; the answer carries all data of the scope either way. The data is read
 * behind the numbering and without the publisher's lock: what is published later is told in the dialog anyway, and a dialog that waits
 * for its proxy must not hold up its user's publications.
 */
const refresh = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, now } = call
  const scope = request.body.length > 0 ? readScope(call) : undefined
  const renewed = await transact(deps.store.pool, async (tx) => {
    const [dialog, endpoints] = await Promise.all([lockOwnDialog(tx, call), loadEndpoints(tx, request.fromUser)])
    if (!endpoints.some(({ endpointId, expiresAt }) => endpointId === dialog.endpointId && expiresAt > now)) throw new Refused(failure('endpointNotRegistered'))
    const next = renewDialog(request, dialog, pathOf(call), scope ?? dialog.scope, deps.limits.subscriptionExpires, deps.chance.fraction(), now)
    if (!next.ok) throw new Refused(next.failure)
    void refreshDialog(tx, next.value)
    return next.value
  })
  const session = poolSession(deps.store.pool)
  const states = await loadStates(session, [request.fromUser], 'all', deps.now())
  return answer(call, await withOwnLists(session, states(request.fromUser)), renewed)
}

/** Processes a SUBSCRIBE to vnd-microsoft-roaming-self (3.3.5). */
export const handleSelfSubscribe = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request } = call
  if (request.fromUser !== request.toUser) {
    const known = await findExistingUsers(poolSession(deps.store.pool), [request.toUser])
    throw new Refused(failure(known.has(request.toUser) ? 'selfToAnother' : 'userNotFound'))
  }
  if (!accepts(request.accept, mediaTypes.roamingSelf)) throw new Refused(failure('notAcceptable', `Accept must admit ${mediaTypes.roamingSelf}`))
  const intent = readIntent(request)
  return intent === 'cancel' ? cancelDialog(deps, call) : intent === 'refresh' ? refresh(deps, call) : create(deps, call)
}
