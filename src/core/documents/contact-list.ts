import type { Contact, ContactChange, ContactDelta, ContactGroup, ContactList } from '../model/contact.ts'
import type { UcsMode } from '../model/contact-store.ts'
import { writeUserUri } from '../sip/uri.ts'
import { writeAttribute } from '../xml/write.ts'

const writeGroup = (element: string, { id, name, externalUri }: ContactGroup): string =>
  `<${element} id="${id}"${writeAttribute('name', name)}${writeAttribute('externalURI', externalUri)}/>`

// Clients split groups at each blank: one at the end would be a group 0.
const writeContact = (element: string, uri: string, { displayName, groups, subscribed, externalUri, extension }: Contact): string => {
  const start = `<${element}${writeAttribute('uri', uri)}${writeAttribute('name', displayName)} groups="${groups.join(' ')}" subscribed="${subscribed}"${writeAttribute('externalURI', externalUri)}`
  return extension === '' ? `${start}/>` : `${start}><contactExtension>${extension}</contactExtension></${element}>`
}

// Left out where there is no other store: clients take any value for a server that may have one.
const writeMode = (mode: UcsMode | undefined): string => (mode === undefined ? '' : ` ucsMode="${mode}"`)

const withoutScheme = (uri: string): string => uri.slice('sip:'.length)

/**
 * The whole list (MS-SIP 3.7.5.2, MS-PRES 4.14.1): in no namespace, whatever the schema says, and contacts without `sip:`, which clients put in front themselves. The mode
 * says where it is kept, if there is another store.
 */
export const writeContactList = ({ deltaNum, groups, contacts }: ContactList, mode?: UcsMode): string =>
  `<contactList deltaNum="${deltaNum}"${writeMode(mode)}>${groups.map((group) => writeGroup('group', group)).join('')}` +
  `${contacts.map((contact) => writeContact('contact', withoutScheme(writeUserUri(contact.user)), contact)).join('')}</contactList>`

const writeChange = (change: ContactChange): string => {
  switch (change.kind) {
    case 'addedGroup':
    case 'modifiedGroup':
      return writeGroup(change.kind, change.group)
    case 'deletedGroup':
      return `<deletedGroup id="${change.id}"/>`
    case 'addedContact':
    case 'modifiedContact':
      return writeContact(change.kind, writeUserUri(change.contact.user), change.contact)
    case 'deletedContact':
      return `<deletedContact${writeAttribute('uri', writeUserUri(change.user))}/>`
  }
}

/** One change (MS-SIP 2.2.4.1): in no namespace too, but contacts with `sip:`, because clients compare the attribute as it is. */
export const writeContactDelta = ({ prevDeltaNum, deltaNum, change }: ContactDelta, mode?: UcsMode): string =>
  `<contactDelta deltaNum="${deltaNum}" prevDeltaNum="${prevDeltaNum}"${writeMode(mode)}>${writeChange(change)}</contactDelta>`
