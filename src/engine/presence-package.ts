import { failure } from '../core/base/failure.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { asksForList } from '../core/subscriptions/adhoc-list.ts'
import { choosePresence, negotiatePresence } from '../core/subscriptions/presence-format.ts'
import { loadDialog } from '../store/dialogs.ts'
import { poolSession } from '../store/session.ts'
import { handleListSubscribe, refuseList } from './adhoc-list-subscribe.ts'
import { handleCategorySubscribe } from './category-subscribe.ts'
import type { Answer, Call, EngineDeps, Relay } from './deps.ts'
import { cancelDialog } from './in-dialog.ts'
import { relayOutgoing } from './outgoing-subscribe.ts'
import { watchPresence } from './presence-subscribe.ts'
import { Refused } from './refused.ts'

/**
 * Processes a SUBSCRIBE to the presence package: relayed when it is for another deployment, else by what it asks to be told in (1.3.3). Inside a
 * dialog its kind counts, whatever Accept says.
 */
export const handlePresenceSubscribe = async (deps: EngineDeps, call: Call): Promise<Answer | Relay> => {
  const { request } = call
  const relayed = await relayOutgoing(deps, call)
  if (relayed !== undefined) return relayed
  if (request.toTag !== undefined) {
    const kind = (await loadDialog(poolSession(deps.store.pool), { subscriber: request.fromUser, localTag: request.toTag }))?.kind
    // Before Accept is looked at: the watcher of a dialog that is gone begins anew, in whatever format it was.
    if (kind === undefined) throw new Refused(failure('dialogUnknown'))
    if (kind === 'adrl') return deps.features.adhocLists ? handleListSubscribe(deps, call) : refuseList(deps, call)
    if (kind !== 'msrtc' && kind !== 'pidf') return handleCategorySubscribe(deps, call)
    return readIntent(request) === 'cancel' ? cancelDialog(deps, call, negotiatePresence(request, kind, call.network)) : watchPresence(deps, call, kind)
  }
  if (deps.features.adhocLists && asksForList(request)) return handleListSubscribe(deps, call)
  const choice = choosePresence(request)
  if (!choice.ok) throw new Refused(choice.failure)
  return choice.value === 'categories' ? handleCategorySubscribe(deps, call) : watchPresence(deps, call, choice.value)
}
