import { failure } from '../core/base/failure.ts'
import { BLOCKED_CONTAINER } from '../core/model/container.ts'
import { writePresenceState } from '../core/notifications/presence.ts'
import { readPresentity } from '../core/requests/presentity.ts'
import type { SoapRequest } from '../core/requests/soap.ts'
import { poolSession } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { loadPresence } from './presence-documents.ts'
import { Refused } from './refused.ts'
import { accessTo, findAccess, findUnwatchable } from './watchable.ts'

/** Nothing is left behind that could be too much. */
const UNBOUNDED = { maxIncoming: 0x7fffffff, maxDialogsPerPair: 0x7fffffff }

/**
 * Carries out getPresence (MS-SIP 3.2.4.3): the document that a SUBSCRIBE would be told in, once. Who may not watch the user gets no document either; who is blocked
 * or has to wait for the user's word is told so, unlike watchers (MS-SIP 3.7).
 */
export const handleGetPresence = async (deps: EngineDeps, call: Call, soap: SoapRequest): Promise<Answer> => {
  const { request, network } = call
  const asked = readPresentity(soap)
  if (!asked.ok) throw new Refused(asked.failure)
  if (asked.value.user !== request.toUser) throw new Refused(failure('presentityMismatch'))
  const session = poolSession(deps.store.pool)
  const decided = findAccess(session, [request.toUser], call, deps.features)
  const refused = (await findUnwatchable(session, [request.toUser], call, UNBOUNDED, decided)).get(request.toUser)
  if (refused !== undefined) throw new Refused(failure(refused.failure))
  const { view, terms } = (await loadPresence(deps, [request.toUser]))(request.toUser)
  const watcher = { user: request.fromUser, network, format: 'msrtc' } as const
  if (accessTo(await decided, request.toUser) !== 'A' || view.resolve(watcher).legacyInterop === BLOCKED_CONTAINER) throw new Refused(failure('presenceWithheld'))
  const { type, text } = writePresenceState(view, watcher, terms)
  return { reply: { status: 200, reason: 'OK', toTag: request.toTag ?? deps.chance.tag(), headers: [['Content-Type', type]], body: text }, notify: [], touched: [] }
}
