import { defaultGroup, newContactList, type Contact, type ContactDelta, type ContactList } from '../core/model/contact.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

const NUMBER = statement('contact-list-number', 'SELECT delta_num FROM contact_list WHERE user_uri = $1')
const GROUPS = statement('contact-groups-of', 'SELECT id, name, external_uri FROM contact_group WHERE user_uri = $1 ORDER BY id')
const CONTACTS = statement('contacts-of', 'SELECT contact_uri, display_name, groups, subscribed, external_uri, extension FROM contact WHERE user_uri = $1 ORDER BY contact_uri')

interface ContactRow { readonly contact_uri: string; readonly display_name: string; readonly groups: readonly number[]; readonly subscribed: boolean; readonly external_uri: string; readonly extension: string }

const readContact = (row: ContactRow): Contact =>
  ({ user: row.contact_uri, displayName: row.display_name, groups: row.groups, subscribed: row.subscribed, externalUri: row.external_uri, extension: row.extension })

/** A user's contacts and groups; a list that nobody has changed yet is not stored. */
export const loadContactList = async (session: Session, user: UserKey): Promise<ContactList> => {
  const [numbers, groups, contacts] = await Promise.all([
    session.send<{ delta_num: number }>(NUMBER, [user]), session.send<{ id: number; name: string; external_uri: string }>(GROUPS, [user]), session.send<ContactRow>(CONTACTS, [user]),
  ])
  const [number] = numbers
  if (number === undefined) return newContactList
  return { deltaNum: number.delta_num, groups: groups.map(({ id, name, external_uri: externalUri }) => ({ id, name, externalUri })), contacts: contacts.map(readContact) }
}

// A list that is stored for the first time begins with the default group.
const PUT_NUMBER = statement('contact-list-put', 'INSERT INTO contact_list (user_uri, delta_num) VALUES ($1, $2) ON CONFLICT (user_uri) DO UPDATE SET delta_num = excluded.delta_num')
const BEGIN = statement('contact-list-begin', `
  INSERT INTO contact_group (user_uri, id, name, external_uri) SELECT $1, $2, $3, '' WHERE NOT EXISTS (SELECT 1 FROM contact_list WHERE user_uri = $1) ON CONFLICT DO NOTHING`)
const PUT_GROUP = statement('contact-group-put', `
  INSERT INTO contact_group (user_uri, id, name, external_uri) VALUES ($1, $2, $3, $4)
  ON CONFLICT (user_uri, id) DO UPDATE SET name = excluded.name, external_uri = excluded.external_uri`)
const DELETE_GROUP = statement('contact-group-delete', 'DELETE FROM contact_group WHERE user_uri = $1 AND id = $2')
const PUT_CONTACT = statement('contact-put', `
  INSERT INTO contact (user_uri, contact_uri, display_name, groups, subscribed, external_uri, extension) VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (user_uri, contact_uri) DO UPDATE SET display_name = excluded.display_name, groups = excluded.groups, subscribed = excluded.subscribed,
    external_uri = excluded.external_uri, extension = excluded.extension`)
const DELETE_CONTACT = statement('contact-delete', 'DELETE FROM contact WHERE user_uri = $1 AND contact_uri = $2')

const putChange = (tx: Transaction, user: UserKey, { change }: ContactDelta): Promise<unknown> => {
  switch (change.kind) {
    case 'addedGroup':
    case 'modifiedGroup':
      return tx.send(PUT_GROUP, [user, change.group.id, change.group.name, change.group.externalUri])
    case 'deletedGroup':
      return tx.send(DELETE_GROUP, [user, change.id])
    case 'addedContact':
    case 'modifiedContact': {
      const { contact } = change
      return tx.send(PUT_CONTACT, [user, contact.user, contact.displayName, [...contact.groups], contact.subscribed, contact.externalUri, contact.extension])
    }
    case 'deletedContact':
      return tx.send(DELETE_CONTACT, [user, change.user])
  }
}

/** Writes changes in their order, and the number that the list has behind them. */
export const putContactDeltas = (tx: Transaction, user: UserKey, deltas: readonly ContactDelta[]): readonly Promise<unknown>[] => {
  const last = deltas.at(-1)
  if (last === undefined) return []
  return [tx.send(BEGIN, [user, defaultGroup.id, defaultGroup.name]), tx.send(PUT_NUMBER, [user, last.deltaNum]), ...deltas.map((delta) => putChange(tx, user, delta))]
}
