import type { AccessList, Ace, PendingWatcher } from '../model/access-list.ts'
import { writeUserUri } from '../sip/uri.ts'
import { writeAttribute } from '../xml/write.ts'

const writeAce = ({ type, mask, rights }: Ace): string => `<ace type="${type}"${writeAttribute('mask', type === 'USER' ? writeUserUri(mask) : mask)} rights="${rights}"/>`

/** The whole access list (MS-SIP 2.2.3): in no namespace, whatever the schema says. Of deltas no document knows a form, so that changes are told by the whole list, too. */
export const writeAccessList = ({ deltaNum, entries }: AccessList): string => `<ACLlist deltaNum="${deltaNum}"><userACL>${entries.map(writeAce).join('')}</userACL></ACLlist>`

/** Those who wait for the user's word. No document names the root; clients look for the children only. */
export const writePendingWatchers = (watchers: readonly PendingWatcher[]): string =>
  `<watchers>${watchers.map(({ user, displayName }) => `<watcher${writeAttribute('uri', writeUserUri(user))}${writeAttribute('displayName', displayName)}/>`).join('')}</watchers>`
