import { ok, refuse, type Result } from '../base/result.ts'
import type { Contact, ContactGroup } from '../model/contact.ts'
import { readUserKey, type UserKey } from '../sip/uri.ts'
import { writeVerbatimContent } from '../xml/write.ts'
import { checkContact, checkGroup } from './contact-limits.ts'
import { notValid } from './reading.ts'
import { readDeltaNum, readFields, readNumber, readOptional, readText, type Fields } from './soap-fields.ts'
import type { SoapRequest } from './soap.ts'

interface Versioned {
  /** The number that the client holds; undefined when it names none, and then nothing is checked: the schema of deleteContact has none (MS-SIP 9.4). */
  readonly deltaNum: number | undefined
}

/** Adds or modifies a contact. An undefined externalUri or extension was not in the request; `groups` may be empty. */
export interface SetContact extends Versioned, Pick<Contact, 'user' | 'displayName' | 'groups' | 'subscribed'> {
  readonly kind: 'setContact'
  readonly externalUri: string | undefined
  readonly extension: string | undefined
}

export interface DeleteContact extends Versioned {
  readonly kind: 'deleteContact'
  readonly user: UserKey
}

export interface AddGroup extends Versioned, Pick<ContactGroup, 'name'> {
  readonly kind: 'addGroup'
  readonly externalUri: string | undefined
}

export interface ModifyGroup extends Versioned, Pick<ContactGroup, 'id' | 'name'> {
  readonly kind: 'modifyGroup'
  readonly externalUri: string | undefined
}

export interface DeleteGroup extends Versioned, Pick<ContactGroup, 'id'> {
  readonly kind: 'deleteGroup'
}

/** A change that a client asks for (MS-SIP 2.2.4.2). */
export type ContactAction = SetContact | DeleteContact | AddGroup | ModifyGroup | DeleteGroup

/** The schema counts groups from 0 to 64 (MS-SIP 9.1). */
const MAX_GROUP_ID = 64

const readGroupId = (fields: Fields): Result<number> => {
  const text = readText(fields, 'groupID')
  return text.ok ? readNumber(fields, 'groupID', text.value, MAX_GROUP_ID) : text
}

// An externalURI may be any string, but blanks around it come from printing (MS-SIP 9.1).
const readExternalUri = (fields: Fields): Result<string | undefined> => {
  const text = readOptional(fields, 'externalURI')
  return text.ok ? ok(text.value?.trim()) : text
}

/** The SIP URI of a contact; clients write it with and without its scheme. */
const readUser = (fields: Fields): Result<UserKey> => {
  const text = readText(fields, 'URI')
  if (!text.ok) return text
  const user = readUserKey(text.value.trim())
  return user.ok ? user : notValid(fields.action, `URI "${text.value.slice(0, 80)}" is not the SIP URI of a user`)
}

/** Group ids between blanks. 0 is what the schema has where a contact names no group (MS-SIP 9.1), so that it counts as none. */
const readGroups = (fields: Fields): Result<readonly number[]> => {
  const text = readText(fields, 'groups')
  if (!text.ok) return text
  const ids = new Set<number>()
  for (const part of text.value.split(/\s+/).filter((word) => word !== '')) {
    const id = readNumber(fields, 'groups', part, MAX_GROUP_ID)
    if (!id.ok) return id
    if (id.value !== 0) ids.add(id.value)
  }
  return ok([...ids])
}

const readSubscribed = (fields: Fields): Result<boolean> => {
  const text = readOptional(fields, 'subscribed')
  if (!text.ok) return text
  // xs:boolean; without it the default of the list holds (MS-SIP 9.1).
  const value = text.value?.trim() ?? 'true'
  if (value === 'true' || value === '1') return ok(true)
  return value === 'false' || value === '0' ? ok(false) : notValid(fields.action, `subscribed "${value.slice(0, 40)}" is not true or false`)
}

const readSetContact = (fields: Fields, deltaNum: number | undefined): Result<SetContact> => {
  const user = readUser(fields)
  if (!user.ok) return user
  const displayName = readText(fields, 'displayName')
  if (!displayName.ok) return displayName
  const groups = readGroups(fields)
  if (!groups.ok) return groups
  const subscribed = readSubscribed(fields)
  if (!subscribed.ok) return subscribed
  const externalUri = readExternalUri(fields)
  if (!externalUri.ok) return externalUri
  const field = fields.byName.get('contactExtension')
  const extension = field === undefined ? undefined : writeVerbatimContent(fields.source, field)
  const contact = { user: user.value, displayName: displayName.value, externalUri: externalUri.value, extension }
  const refused = checkContact({ ...contact, externalUri: contact.externalUri ?? '', extension: extension ?? '' })
  return refused === undefined ? ok({ kind: 'setContact', ...contact, groups: groups.value, subscribed: subscribed.value, deltaNum }) : refuse(refused)
}

const readDeleteContact = (fields: Fields, deltaNum: number | undefined): Result<DeleteContact> => {
  const user = readUser(fields)
  return user.ok ? ok({ kind: 'deleteContact', user: user.value, deltaNum }) : user
}

const readGroup = (fields: Fields): Result<Pick<AddGroup, 'name' | 'externalUri'>> => {
  const name = readText(fields, 'name')
  if (!name.ok) return name
  const externalUri = readExternalUri(fields)
  if (!externalUri.ok) return externalUri
  const group = { name: name.value, externalUri: externalUri.value }
  const refused = checkGroup({ ...group, externalUri: group.externalUri ?? '' })
  return refused === undefined ? ok(group) : refuse(refused)
}

// The schema would let clients name an id here too (MS-SIP 9.3); it is the server that chooses (9.1), and no client does.
const readAddGroup = (fields: Fields, deltaNum: number | undefined): Result<AddGroup> => {
  const group = readGroup(fields)
  return group.ok ? ok({ kind: 'addGroup', ...group.value, deltaNum }) : group
}

const readModifyGroup = (fields: Fields, deltaNum: number | undefined): Result<ModifyGroup> => {
  const id = readGroupId(fields)
  if (!id.ok) return id
  const group = readGroup(fields)
  return group.ok ? ok({ kind: 'modifyGroup', id: id.value, ...group.value, deltaNum }) : group
}

const readDeleteGroup = (fields: Fields, deltaNum: number | undefined): Result<DeleteGroup> => {
  const id = readGroupId(fields)
  return id.ok ? ok({ kind: 'deleteGroup', id: id.value, deltaNum }) : id
}

const readers: ReadonlyMap<string, (fields: Fields, deltaNum: number | undefined) => Result<ContactAction>> = new Map<string, (fields: Fields, deltaNum: number | undefined) => Result<ContactAction>>([
  ['setContact', readSetContact],
  ['deleteContact', readDeleteContact],
  ['addGroup', readAddGroup],
  ['modifyGroup', readModifyGroup],
  ['deleteGroup', readDeleteGroup],
])

/** The SOAP actions that `readContactAction` reads, for the table of whoever dispatches them. */
export const contactActionNames: readonly string[] = [...readers.keys()]

/** Reads a change of the contact list (MS-SIP 2.2.4.2, 9.2 to 9.5); 400 when it is not valid, 403 when its extension is too large. */
export const readContactAction = (soap: SoapRequest): Result<ContactAction> => {
  const reader = readers.get(soap.name)
  if (reader === undefined) return notValid(soap.action, `is not one of ${contactActionNames.join(', ')}`)
  const fields = readFields(soap)
  if (!fields.ok) return fields
  const deltaNum = readDeltaNum(fields.value)
  return deltaNum.ok ? reader(fields.value, deltaNum.value) : deltaNum
}
