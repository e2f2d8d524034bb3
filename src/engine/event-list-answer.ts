import { fitEntries, tellEntries, writeListNotice } from '../core/notifications/list-notice.ts'
import type { Dialog } from '../core/model/dialog.ts'
import type { DialogList } from '../core/model/resource-list.ts'
import { negotiatePresence } from '../core/subscriptions/presence-format.ts'
import { watchedUsers } from '../core/subscriptions/resource-list.ts'
import { poolSession } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { oweRest } from './owe-rest.ts'
import { loadPresenceNotices } from './presence-documents.ts'
import { answerWithData } from './subscribe-answer.ts'
import { accessTo, findAccess } from './watchable.ts'

/**
 * Answers a SUBSCRIBE to a list, the last one too, with all that is known of it, in a NOTIFY right behind the 200 (RFC 4662 4.5, 5.2), read after the dialog was stored. What does not fit
 * into one message is listed as not known yet and told right after; a dialog that is over is told everything at once.
 */
export const answerWithEventList = async (deps: EngineDeps, call: Call, dialog: Dialog, list: DialogList): Promise<Answer> => {
  const { request, network, now } = call
  const watched = watchedUsers(list.entries)
  const [access, noticeOf] = await Promise.all([findAccess(poolSession(deps.store.pool), watched, call, deps.features), loadPresenceNotices(deps, watched, { user: request.fromUser, network, format: 'pidf' })])
  const lives = dialog.expiresAt > now
  const { told, left } = fitEntries(tellEntries(list.entries, (user) => noticeOf(user, accessTo(access, user))), lives ? deps.limits.maxAnswerBytes : Infinity)
  await oweRest(deps, dialog, [...left], now)
  return answerWithData(request, dialog, writeListNotice(dialog, list, told, true), now, negotiatePresence(request, 'pidf', network))
}
