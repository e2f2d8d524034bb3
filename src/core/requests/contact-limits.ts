import { failure, type Failure } from '../base/failure.ts'
import type { Contact, ContactGroup } from '../model/contact.ts'
import { writeUserUri } from '../sip/uri.ts'

// MS-SIP 9.1 counts bytes of names and content, and characters of the SIP URI with its scheme (MS-SIP 10).
const MAX_NAME_BYTES = 256
const MAX_EXTERNAL_URI_BYTES = 1024
const MAX_EXTENSION_BYTES = 1024
const MAX_URI_LENGTH = 454

/** What no XML document can hold; it never comes in by XML, but by other ways. */
const NOT_XML = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

const textFault = (what: string, text: string, maxBytes: number): string | undefined =>
  NOT_XML.test(text) ? `${what} holds a character that XML has not` : Buffer.byteLength(text) > maxBytes ? `${what} is longer than ${maxBytes} bytes` : undefined

const notValid = (fault: string | undefined): Failure | undefined => (fault === undefined ? undefined : failure('contactNotValid', fault))

/** Checks the texts of a group (MS-SIP 9.1). A group without a name could not be shown, and clients pass over it. */
export const checkGroup = ({ name, externalUri }: Pick<ContactGroup, 'name' | 'externalUri'>): Failure | undefined =>
  notValid(name.trim() === '' ? 'the name of a group is empty' : textFault('the name of a group', name, MAX_NAME_BYTES) ?? textFault('the externalURI of a group', externalUri, MAX_EXTERNAL_URI_BYTES))

/** Checks the texts of a contact (MS-SIP 9.1). */
export const checkContact = ({ user, displayName, externalUri, extension }: Pick<Contact, 'user' | 'displayName' | 'externalUri' | 'extension'>): Failure | undefined => {
  const refused = notValid(
    writeUserUri(user).length > MAX_URI_LENGTH ? `the URI of a contact is longer than ${MAX_URI_LENGTH} characters` : textFault('the name of a contact', displayName, MAX_NAME_BYTES) ?? textFault('the externalURI of a contact', externalUri, MAX_EXTERNAL_URI_BYTES),
  )
  if (refused !== undefined) return refused
  const size = Buffer.byteLength(extension)
  return size > MAX_EXTENSION_BYTES ? failure('contactExtensionTooLarge', `${size} bytes, at most ${MAX_EXTENSION_BYTES}`) : undefined
}
