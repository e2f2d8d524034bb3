import type { Contact, ContactChange, ContactDelta, ContactGroup, ContactList } from '../model/contact.ts'
import { writeUserUri } from '../sip/uri.ts'
import { writeAttribute } from '../xml/write.ts'

const writeGroup = (element: string, { id, name, externalUri }: ContactGroup): string =>
  `<${element} id="${id}"${writeAttribute('name', name)}${writeAttribute('externalURI', externalUri)}/>`

// Clients split groups at each blank: one at the end would be a group 0.
const writeContact = (element: string, uri: string, { displayName, groups, subscribed, externalUri, extension }: Contact): string => {
  const start = `<${element}${writeAttribute('uri', uri)}${writeAttribute('name', displayName)} groups="${groups.join(' ')}" subscribed="${subscribed}"${writeAttribute('externalURI', externalUri)}`
  return extension === '' ? `${start}/>` : `${start}><contactExtension>${extension}</contactExtension></${element}>`
}

const withoutScheme = (uri: string): string => uri.slice('sip:'.length)

/** The whole list (MS-SIP 3.7.5.2, MS-PRES 4.14.1): in no namespace, whatever the schema says, and contacts without `sip:`, which clients put in front themselves. */
export const writeContactList = ({ deltaNum, groups, contacts }: ContactList): string =>
  `<contactList deltaNum="${deltaNum}">${groups.map((group) => writeGroup('group', group)).join('')}` +
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
export const writeContactDelta = ({ prevDeltaNum, deltaNum, change }: ContactDelta): string =>
  `<contactDelta deltaNum="${deltaNum}" prevDeltaNum="${prevDeltaNum}">${writeChange(change)}</contactDelta>`
