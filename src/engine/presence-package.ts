import { failure } from '../core/base/failure.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { asksForList } from '../core/subscriptions/adhoc-list.ts'
import { choosePresence, negotiatePresence } from '../core/subscriptions/presence-format.ts'
import { bringsList, readsLists } from '../core/subscriptions/resource-list.ts'
import { loadDialog } from '../store/dialogs.ts'
import { findServedList } from '../store/resource-lists.ts'
import { poolSession } from '../store/session.ts'
import { handleListSubscribe, refuseList } from './adhoc-list-subscribe.ts'
import { handleCategorySubscribe } from './category-subscribe.ts'
import type { Answer, Call, EngineDeps, Relay } from './deps.ts'
import { cancelDialog } from './in-dialog.ts'
import { relayOutgoing } from './outgoing-subscribe.ts'
import { leavePresence, watchPresence } from './presence-subscribe.ts'
import { handleResourceListSubscribe, refuseResourceList } from './resource-list-subscribe.ts'
import { Refused } from './refused.ts'

/**
 * A SUBSCRIBE that may go to a stored list: nothing in its URI says so (RFC 4662 4.1). Those who read lists are asked about first, since they may require them; for all others a list is
 * looked for where there is no user, and is refused for want of what it needs.
 */
const watchUserOrList = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const findList = () => findServedList(poolSession(deps.store.pool), call.request.toUser)
  const stored = readsLists(call.request) ? await findList() : undefined
  if (stored !== undefined) return handleResourceListSubscribe(deps, call, stored)
  try {
    return await watchPresence(deps, call, 'pidf')
  } catch (error) {
    const found = error instanceof Refused && error.failure.name === 'userNotFound' ? await findList() : undefined
    if (found === undefined) throw error
    return handleResourceListSubscribe(deps, call, found)
  }
}

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
    if (kind === 'list') return deps.features.resourceLists ? handleResourceListSubscribe(deps, call) : refuseResourceList(deps, call)
    if (kind !== 'msrtc' && kind !== 'pidf') return handleCategorySubscribe(deps, call)
    if (readIntent(request) !== 'cancel') return watchPresence(deps, call, kind)
    return kind === 'pidf' ? leavePresence(deps, call) : cancelDialog(deps, call, negotiatePresence(request, kind, call.network))
  }
  if (deps.features.adhocLists && asksForList(request)) return handleListSubscribe(deps, call)
  if (deps.features.resourceLists && bringsList(request)) return handleResourceListSubscribe(deps, call)
  const choice = choosePresence(request)
  if (!choice.ok) throw new Refused(choice.failure)
  if (choice.value === 'categories') return handleCategorySubscribe(deps, call)
  return choice.value === 'pidf' && deps.features.resourceLists ? watchUserOrList(deps, call) : watchPresence(deps, call, choice.value)
}
