import { writeAccessList, writePendingWatchers } from '../core/documents/access-list.ts'
import type { PresenceBody } from '../core/notifications/presence.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadAccessList, loadPendingWatchers } from '../store/access-lists.ts'
import type { Session } from '../store/session.ts'

/** What the subscribers of an access list, or of those who wait for its owner's word, are told: each time the whole. */
export const loadOwnAccess = async (session: Session, kind: 'acl' | 'wpending', user: UserKey, now: number): Promise<PresenceBody> =>
  kind === 'acl' ? { type: mediaTypes.roamingAcls, text: writeAccessList(await loadAccessList(session, user)) }
    : { type: mediaTypes.pendingWatchers, text: writePendingWatchers(await loadPendingWatchers(session, user, now)) }
