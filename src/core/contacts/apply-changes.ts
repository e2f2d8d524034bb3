import type { Contact, ContactChange, ContactDelta, ContactGroup, ContactList, ContactOutcome } from '../model/contact.ts'

const putGroup = (groups: readonly ContactGroup[], group: ContactGroup): readonly ContactGroup[] =>
  [...groups.filter(({ id }) => id !== group.id), group].sort((a, b) => a.id - b.id)

/** A contact keeps its place; a new one comes last. */
const putContact = (contacts: readonly Contact[], contact: Contact): readonly Contact[] =>
  contacts.some(({ user }) => user === contact.user) ? contacts.map((held) => (held.user === contact.user ? contact : held)) : [...contacts, contact]

const applyChange = ({ deltaNum, groups, contacts }: ContactList, change: ContactChange): ContactList => {
  const next = { deltaNum: deltaNum + 1, groups, contacts }
  switch (change.kind) {
    case 'addedGroup':
    case 'modifiedGroup':
      return { ...next, groups: putGroup(groups, change.group) }
    case 'deletedGroup':
      return { ...next, groups: groups.filter(({ id }) => id !== change.id) }
    case 'addedContact':
    case 'modifiedContact':
      return { ...next, contacts: putContact(contacts, change.contact) }
    case 'deletedContact':
      return { ...next, contacts: contacts.filter(({ user }) => user !== change.user) }
  }
}

/** Applies changes in order. Each moves the number by one, so that each can be told in a document of its own (MS-SIP 3.7.1, 9.1). */
export const applyContactChanges = (before: ContactList, changes: readonly ContactChange[]): ContactOutcome => {
  let list = before
  const deltas: ContactDelta[] = []
  for (const change of changes) {
    const prevDeltaNum = list.deltaNum
    list = applyChange(list, change)
    deltas.push({ prevDeltaNum, deltaNum: list.deltaNum, change })
  }
  return { list, deltas }
}
