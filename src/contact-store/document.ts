import { Ajv } from 'ajv'
import { Type, type Static } from 'typebox'
import type { Contact, ContactChange, ContactDelta, ContactGroup } from '../core/model/contact.ts'
import type { StoredContacts } from '../core/model/contact-store.ts'
import { readUserKey, writeUserUri, type UserKey } from '../core/sip/uri.ts'

const Group = Type.Object({ id: Type.Integer({ minimum: 1 }), name: Type.String(), externalUri: Type.Optional(Type.String()) })

const ContactDocument = Type.Object({
  uri: Type.String(), displayName: Type.Optional(Type.String()), groups: Type.Optional(Type.Array(Type.Integer())), subscribed: Type.Optional(Type.Boolean()),
  externalUri: Type.Optional(Type.String()), extension: Type.Optional(Type.String()),
})

/** How a list stands in an outside store, as JSON; what others add to it is passed over. */
export const ListDocument = Type.Object({
  epoch: Type.Integer({ minimum: 0 }), deltaNum: Type.Integer({ minimum: 0 }), groups: Type.Array(Group), contacts: Type.Array(ContactDocument),
})

const isList = new Ajv({ strict: false }).compile<Static<typeof ListDocument>>(ListDocument)

const writeContact = ({ user, displayName, groups, subscribed, externalUri, extension }: Contact): Static<typeof ContactDocument> =>
  ({ uri: writeUserUri(user), displayName, groups: [...groups], subscribed, externalUri, extension })

/** The document of a list. */
export const writeList = (user: UserKey, { epoch, deltaNum, groups, contacts }: StoredContacts): object =>
  ({ user: writeUserUri(user), epoch, deltaNum, groups, contacts: contacts.map(writeContact) })

const readKey = (uri: string): UserKey => {
  const key = readUserKey(uri)
  if (!key.ok) throw new Error(`the store names a contact "${uri.slice(0, 100)}", which is no SIP URI of a user`)
  return key.value
}

const readGroup = ({ id, name, externalUri = '' }: Static<typeof Group>): ContactGroup => ({ id, name, externalUri })

const readContact = ({ uri, displayName = '', groups = [], subscribed = true, externalUri = '', extension = '' }: Static<typeof ContactDocument>): Contact =>
  ({ user: readKey(uri), displayName, groups, subscribed, externalUri, extension })

/** The list that a document holds; throws when it holds none. */
export const readList = (text: string): StoredContacts => {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new Error('what the store holds is not JSON')
  }
  if (!isList(document)) throw new Error(`what the store holds is no contact list: ${isList.errors?.[0]?.instancePath ?? ''} ${isList.errors?.[0]?.message ?? ''}`)
  return { epoch: document.epoch, deltaNum: document.deltaNum, groups: document.groups.map(readGroup), contacts: document.contacts.map(readContact) }
}

const writeChange = (change: ContactChange): object => {
  switch (change.kind) {
    case 'addedContact':
    case 'modifiedContact':
      return { kind: change.kind, contact: writeContact(change.contact) }
    case 'deletedContact':
      return { kind: change.kind, uri: writeUserUri(change.user) }
    default:
      return change
  }
}

/** The document of changes, in their order. */
export const writeChanges = (user: UserKey, epoch: number, deltas: readonly ContactDelta[]): object =>
  ({ user: writeUserUri(user), epoch, changes: deltas.map(({ prevDeltaNum, deltaNum, change }) => ({ prevDeltaNum, deltaNum, ...writeChange(change) })) })
