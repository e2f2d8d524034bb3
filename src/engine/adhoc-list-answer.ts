import { weighListed, writeResourceList, type ToldResource } from '../core/documents/resource-list.ts'
import type { InstanceState } from '../core/documents/rlmi.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { instanceOfNotice } from '../core/notifications/listed-notice.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { negotiatePresence } from '../core/subscriptions/presence-format.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { oweRest } from './owe-rest.ts'
import { loadPresenceNotices } from './presence-documents.ts'
import { answerWithData } from './subscribe-answer.ts'
import { accessTo, type AccessOf } from './watchable.ts'

/**
 * Answers with the latest state of what is listed as active and may be seen, in a statement after the dialog was stored (MS-SIP 4.3). What does not fit into one message is
 * listed as not known yet, owed to the dialog and told right after it; a poll has no dialog for that.
 */
export const answerWithList = async (deps: EngineDeps, call: Call, dialog: Dialog, listed: ReadonlyMap<UserKey, InstanceState>, access: AccessOf, fullState: boolean): Promise<Answer> => {
  const { request, network, now } = call
  const active = [...listed].flatMap(([user, { state }]) => (state === 'active' ? [user] : []))
  const noticeOf = await loadPresenceNotices(deps, active, { user: request.fromUser, network, format: 'msrtc' })
  const left: UserKey[] = []
  // All are named, whether their documents fit in or not.
  let bytes = [...listed].reduce((sum, [user, instance]) => sum + weighListed({ user, instance }), 0)
  let told = 0
  const resources = [...listed].map(([user, instance]): ToldResource => {
    if (instance.state !== 'active') return { user, instance }
    const notice = noticeOf(user, accessTo(access, user))
    const document = notice.body
    // Who waits for the contact's word, or is denied, has no document.
    if (document === undefined) return { user, instance: instanceOfNotice(notice) ?? instance }
    const resource = { user, instance, document }
    const size = weighListed(resource) - weighListed({ user, instance })
    if (told > 0 && bytes + size > deps.limits.maxAnswerBytes && dialog.expiresAt > now) {
      left.push(user)
      return { user, instance }
    }
    bytes += size
    told += 1
    return resource
  })
  await oweRest(deps, dialog, left, now)
  const body = writeResourceList({ subscriber: request.fromUser, version: dialog.rlmiVersion, fullState }, resources, deps.chance.boundary())
  return answerWithData(request, dialog, body, now, negotiatePresence(request, 'msrtc', network))
}
