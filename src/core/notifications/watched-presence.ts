import type { AccessLetter } from '../model/access-list.ts'
import type { Notice } from './instruction.ts'
import { writePresenceState, writeWithheldState, type PresenceTerms, type PresenceView, type PresenceWatcher } from './presence.ts'

/**
 * What somebody who reads presence documents is told of a publisher now, by what the access list says (MS-SIP 2.2.3, RFC 3856 6.6.2): all that it sees, an offline user, nothing yet, or
 * that it is over. While a subscription is pending its notifications carry no state.
 */
export const presenceNotice = (view: PresenceView, watcher: PresenceWatcher, access: AccessLetter, terms: PresenceTerms): Notice => {
  switch (access) {
    case 'A':
      return { body: writePresenceState(view, watcher, terms) }
    case 'B':
      return { body: writeWithheldState(view, watcher, terms) }
    case 'P':
      return { body: undefined, pending: true }
    case 'D':
      return { body: undefined, terminated: 'rejected' }
  }
}
