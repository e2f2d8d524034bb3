import { writeAccessList, writePendingWatchers } from '../core/documents/access-list.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadAccessList, loadPendingWatchers } from '../store/access-lists.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { subscribeOwn, type OwnPackage } from './own-subscribe.ts'

/** The whole list, in every answer and with every change (MS-SIP 2.2.3). */
const roamingAcl: OwnPackage = {
  kind: 'acl',
  mediaType: mediaTypes.roamingAcls,
  readScope: () => [],
  load: async (session, user) => {
    const text = writeAccessList(await loadAccessList(session, user))
    return () => text
  },
}

/** Processes a SUBSCRIBE to vnd-microsoft-roaming-ACL (MS-SIP 3.7.5). */
export const handleAclSubscribe = (deps: EngineDeps, call: Call): Promise<Answer> => subscribeOwn(deps, call, roamingAcl)

/** All who wait for the user's word; it gives it by setACE. */
const pendingWatchers: OwnPackage = {
  kind: 'wpending',
  mediaType: mediaTypes.pendingWatchers,
  readScope: () => [],
  load: async (session, user, now) => {
    const text = writePendingWatchers(await loadPendingWatchers(session, user, now))
    return () => text
  },
}

/** Processes a SUBSCRIBE to presence.wpending. */
export const handlePendingSubscribe = (deps: EngineDeps, call: Call): Promise<Answer> => subscribeOwn(deps, call, pendingWatchers)
