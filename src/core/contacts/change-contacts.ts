import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { writeWrongDelta } from '../documents/fault.ts'
import { writeAddGroupAnswer } from '../documents/soap.ts'
import { contactGroups, defaultGroup, MAX_GROUP, type ContactChange, type ContactGroup, type ContactList, type ContactOutcome } from '../model/contact.ts'
import type { AddGroup, ContactAction, DeleteContact, DeleteGroup, ModifyGroup, SetContact } from '../requests/contact-actions.ts'
import { mediaTypes } from '../sip/media-types.ts'
import { applyContactChanges } from './apply-changes.ts'

/** What one user may have; the default group counts. More than MAX_GROUP groups there cannot be. */
export interface ContactLimits {
  readonly maxContacts: number
  readonly maxGroups: number
}

type Changes = Result<readonly ContactChange[]>

const groupOf = (list: ContactList, id: number): ContactGroup | undefined => list.groups.find((group) => group.id === id)

const notFound = (id: number): Changes => refuse(failure('groupNotFound', `group ${id}`))

/** Groups are told apart by their names (MS-SIP 3.7.1); `~` stays the name of the default group even while that has another one. */
const isTaken = (list: ContactList, id: number | undefined, name: string): boolean =>
  (name === defaultGroup.name && id !== defaultGroup.id) || list.groups.some((group) => group.name === name && group.id !== id)

/**
 * Adds or modifies (MS-SIP 3.7.4.3). One that says what is there already is a change like any other: clients raise their own number with every
 * request that they send (SIPE does), and would run into 409 with the next one if it did not count here and were not told. What a request
 * leaves out stays: a client that knows no extensions must not take away those of another one.
 */
const setContact = ({ user, displayName, groups, subscribed, externalUri, extension }: SetContact, list: ContactList, { maxContacts }: ContactLimits): Changes => {
  const unknown = groups.find((id) => groupOf(list, id) === undefined)
  if (unknown !== undefined) return notFound(unknown)
  const before = list.contacts.find((contact) => contact.user === user)
  if (before === undefined && list.contacts.length >= maxContacts) return refuse(failure('contactsExceeded', `at most ${maxContacts} contacts`))
  const contact = { user, displayName, groups: contactGroups(groups), subscribed, externalUri: externalUri ?? before?.externalUri ?? '', extension: extension ?? before?.extension ?? '' }
  return ok([{ kind: before === undefined ? 'addedContact' : 'modifiedContact', contact }])
}

const deleteContact = ({ user }: DeleteContact, list: ContactList): Changes =>
  list.contacts.some((contact) => contact.user === user) ? ok([{ kind: 'deletedContact', user }]) : refuse(failure('contactNotFound', user))

const addGroup = ({ name, externalUri }: AddGroup, list: ContactList, { maxGroups }: ContactLimits): Changes => {
  if (isTaken(list, undefined, name)) return refuse(failure('duplicateGroup', name))
  const max = Math.min(maxGroups, MAX_GROUP)
  if (list.groups.length >= max) return refuse(failure('groupsExceeded', `at most ${max} groups`))
  // The default group has 1, so that the smallest free number is never below 2, nor above MAX_GROUP where there are fewer groups.
  let id = defaultGroup.id + 1
  while (groupOf(list, id) !== undefined) id += 1
  return ok([{ kind: 'addedGroup', group: { id, name, externalUri: externalUri ?? '' } }])
}

/** The default group too can be renamed: only its creation and deletion are forbidden (MS-SIP 3.7.4.4), and real lists have it renamed (MS-PRES 4.14.1). */
const modifyGroup = ({ id, name, externalUri }: ModifyGroup, list: ContactList): Changes => {
  const before = groupOf(list, id)
  if (before === undefined) return notFound(id)
  if (isTaken(list, id, name)) return refuse(failure('duplicateGroup', name))
  return ok([{ kind: 'modifiedGroup', group: { id, name, externalUri: externalUri ?? before.externalUri } }])
}

/** Clients should empty a group first (MS-SIP 3.7.4.4), but not all do: its contacts leave it, one by one, and then it goes, as known servers tell it. */
const deleteGroup = ({ id }: DeleteGroup, list: ContactList): Changes => {
  if (groupOf(list, id) === undefined) return notFound(id)
  if (id === defaultGroup.id) return refuse(failure('defaultGroupFixed'))
  const left = list.contacts.filter(({ groups }) => groups.includes(id)).map((contact) => ({ ...contact, groups: contactGroups(contact.groups.filter((other) => other !== id)) }))
  return ok([...left.map((contact) => ({ kind: 'modifiedContact' as const, contact })), { kind: 'deletedGroup', id }])
}

const changesOf = (action: ContactAction, list: ContactList, limits: ContactLimits): Changes => {
  switch (action.kind) {
    case 'setContact':
      return setContact(action, list, limits)
    case 'deleteContact':
      return deleteContact(action, list)
    case 'addGroup':
      return addGroup(action, list, limits)
    case 'modifyGroup':
      return modifyGroup(action, list)
    case 'deleteGroup':
      return deleteGroup(action, list)
  }
}

/**
 * Decides a change of the contact list that a client asks for (MS-SIP 3.7), under version check. No document says how a wrong number is
 * refused; it is told as everywhere in this family (MS-PRES 2.2.2.2.3).
 */
export const decideContactAction = (action: ContactAction, list: ContactList, limits: ContactLimits): Result<ContactOutcome> => {
  const { deltaNum } = action
  if (deltaNum !== undefined && deltaNum !== list.deltaNum) {
    const text = writeWrongDelta([{ index: 1, version: deltaNum, curVersion: list.deltaNum, data: '' }])
    return refuse({ name: 'contactsConflict', detail: `deltaNum ${deltaNum}, current ${list.deltaNum}`, body: { type: mediaTypes.fault, text } })
  }
  const changes = changesOf(action, list, limits)
  if (!changes.ok) return changes
  const outcome = applyContactChanges(list, changes.value)
  const [first] = changes.value
  return ok(first?.kind === 'addedGroup' ? { ...outcome, answer: { type: mediaTypes.soapAnswer, text: writeAddGroupAnswer(first.group.id) } } : outcome)
}
