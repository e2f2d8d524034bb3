import { failure } from '../core/base/failure.ts'
import { decideMove, isPermitted } from '../core/contacts/contact-store.ts'
import { writeContactList } from '../core/documents/contact-list.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadMove, loadPermitted, loadUcsMode, lookSoon } from '../store/contact-store.ts'
import { loadContactList } from '../store/contacts.ts'
import { applyContactMode } from '../store/publisher.ts'
import type { Transaction } from '../store/session.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { subscribeOwn, type OwnPackage } from './own-subscribe.ts'
import { Refused } from './refused.ts'

/**
 * What a SUBSCRIBE does about the place of the list (MS-PRES 3.10.4, 4.14): who can read the store elsewhere is sent there; of others the copy is brought up to date behind the
 * answer; who says that the list may move now has it queued, if the operator lets it.
 */
const beginWithStore = async (tx: Transaction, { request: { fromUser, supported }, arrival, now }: Call): Promise<boolean> => {
  const [move, permitted] = await Promise.all([loadMove(tx, fromUser), loadPermitted(tx)])
  if (move.mode === 'migrated') {
    if (supported.has('ms-ucs')) throw new Refused(failure('contactsMigrated'))
    void lookSoon(tx, fromUser, now)
    return false
  }
  // Of who is in survivable mode nothing is kept.
  if (!supported.has('ms-ucs-ready') || arrival.survivable || !isPermitted(move, permitted)) return false
  const queued = decideMove(move, 'asked', now)
  if (queued === undefined) return false
  applyContactMode(tx, queued, [], arrival.trace, now)
  return true
}

/** The whole list, in every answer (MS-SIP 3.7.5.2); there is nothing to choose. */
const roamingContacts = (hasStore: boolean): OwnPackage => ({
  kind: 'contacts',
  mediaType: mediaTypes.roamingContacts,
  readScope: () => [],
  load: async (session, user) => {
    const [list, mode] = await Promise.all([loadContactList(session, user), loadUcsMode(session, user, hasStore)])
    const text = writeContactList(list, mode)
    return () => text
  },
  ...(hasStore ? { begin: beginWithStore } : {}),
})

const [plain, withStore] = [roamingContacts(false), roamingContacts(true)]

/** Processes a SUBSCRIBE to vnd-microsoft-roaming-contacts (MS-SIP 3.7.5). */
export const handleContactsSubscribe = (deps: EngineDeps, call: Call): Promise<Answer> => subscribeOwn(deps, call, deps.features.contactStore ? withStore : plain)
