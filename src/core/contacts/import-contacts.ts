import { failure, type Failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { contactGroups, defaultGroup, MAX_GROUP, type Contact, type ContactList, type ContactOutcome } from '../model/contact.ts'
import { checkContact, checkGroup } from '../requests/contact-limits.ts'
import { readFragment } from '../requests/fragment.ts'
import { applyContactChanges } from './apply-changes.ts'
import type { ContactLimits } from './change-contacts.ts'
import { compareContactLists, type ContactContent } from './compare-lists.ts'

const twice = <T>(values: readonly T[]): T | undefined => values.find((value, at) => values.indexOf(value) !== at)

const checkGroups = ({ groups }: ContactContent): Failure | undefined => {
  const wrongId = groups.find(({ id }) => !Number.isInteger(id) || id < 1 || id > MAX_GROUP)
  if (wrongId !== undefined) return failure('contactNotValid', `the id of a group is ${wrongId.id}, not 1 to ${MAX_GROUP}`)
  const sameId = twice(groups.map(({ id }) => id))
  if (sameId !== undefined) return failure('contactNotValid', `two groups have the id ${sameId}`)
  const sameName = twice(groups.map(({ name }) => name)) ?? groups.find(({ id, name }) => name === defaultGroup.name && id !== defaultGroup.id)?.name
  if (sameName !== undefined) return failure('duplicateGroup', sameName)
  return groups.map(checkGroup).find((refused) => refused !== undefined)
}

const checkContacts = ({ groups, contacts }: ContactContent): Failure | undefined => {
  const known = new Set(groups.map(({ id }) => id))
  const users = new Set<string>()
  for (const contact of contacts) {
    const refused = checkContact(contact)
    if (refused !== undefined) return { ...refused, detail: `${contact.user}: ${refused.detail ?? ''}` }
    if (users.has(contact.user)) return failure('contactNotValid', `${contact.user} comes twice`)
    users.add(contact.user)
    const unknown = contact.groups.find((id) => !known.has(id))
    if (unknown !== undefined) return failure('groupNotFound', `group ${unknown} of ${contact.user}`)
  }
  return undefined
}

/** Only what makes a list larger than it may be is refused, not what finds it so. */
const checkCounts = (content: ContactContent, list: ContactList, { maxContacts, maxGroups }: ContactLimits): Failure | undefined => {
  if (content.contacts.length > maxContacts && content.contacts.length > list.contacts.length) return failure('contactsExceeded', `at most ${maxContacts} contacts`)
  return content.groups.length > maxGroups && content.groups.length > list.groups.length ? failure('groupsExceeded', `at most ${maxGroups} groups`) : undefined
}

const readContacts = (contacts: readonly Contact[]): Result<readonly Contact[]> => {
  const read: Contact[] = []
  for (const contact of contacts) {
    const extension = readFragment(contact.extension)
    if (!extension.ok) return refuse({ ...extension.failure, detail: `${contact.user}: ${extension.failure.detail ?? ''}` })
    read.push({ ...contact, groups: contactGroups(contact.groups), extension: extension.value })
  }
  return ok(read)
}

/**
 * Decides the replacement of a whole list by an operator. Nothing that differs, nothing that is told: no client counts along here. A list without
 * the default group keeps the one that is there. Users are expected as keys (`readUserKey`).
 */
export const decideContactImport = (wanted: ContactContent, list: ContactList, limits: ContactLimits): Result<ContactOutcome> => {
  const contacts = readContacts(wanted.contacts)
  if (!contacts.ok) return contacts
  const kept = wanted.groups.some(({ id }) => id === defaultGroup.id) ? [] : list.groups.filter(({ id }) => id === defaultGroup.id)
  const content = { groups: [...kept, ...wanted.groups], contacts: contacts.value }
  const refused = checkGroups(content) ?? checkContacts(content) ?? checkCounts(content, list, limits)
  return refused === undefined ? ok(applyContactChanges(list, compareContactLists(list, content))) : refuse(refused)
}
