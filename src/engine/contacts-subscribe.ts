import { writeContactList } from '../core/documents/contact-list.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import { loadContactList } from '../store/contacts.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { subscribeOwn, type OwnPackage } from './own-subscribe.ts'

/** The whole list, in every answer (MS-SIP 3.7.5.2); there is nothing to choose. */
const roamingContacts: OwnPackage = {
  kind: 'contacts',
  mediaType: mediaTypes.roamingContacts,
  readScope: () => [],
  load: async (session, user) => {
    const text = writeContactList(await loadContactList(session, user))
    return () => text
  },
}

/** Processes a SUBSCRIBE to vnd-microsoft-roaming-contacts (MS-SIP 3.7.5). */
export const handleContactsSubscribe = (deps: EngineDeps, call: Call): Promise<Answer> => subscribeOwn(deps, call, roamingContacts)
