import { contactGroups, type Contact, type ContactChange, type ContactGroup } from '../model/contact.ts'

/** Contacts and groups without their number: what an operator hands in. */
export interface ContactContent {
  readonly groups: readonly ContactGroup[]
  readonly contacts: readonly Contact[]
}

const sameGroup = (a: ContactGroup, b: ContactGroup): boolean => a.name === b.name && a.externalUri === b.externalUri

const sameContact = (a: Contact, b: Contact): boolean =>
  a.displayName === b.displayName && a.groups.join(' ') === b.groups.join(' ') && a.subscribed === b.subscribed && a.externalUri === b.externalUri && a.extension === b.extension

/** A name that nobody has and nobody shall get. */
const freeName = (id: number, names: ReadonlySet<string>): string => {
  let name = `#${id}`
  while (names.has(name)) name += '#'
  return name
}

/** The changes that lead from the groups that stay to those wanted: a name is given away before another group gets it. */
const compareGroups = (staying: readonly ContactGroup[], wanted: readonly ContactGroup[]): readonly ContactChange[] => {
  const held = new Map(staying.map((group) => [group.id, group]))
  const put = (group: ContactGroup): ContactChange => {
    const kind = held.has(group.id) ? 'modifiedGroup' : 'addedGroup'
    held.set(group.id, group)
    return { kind, group }
  }
  const holderOf = ({ id, name }: ContactGroup): ContactGroup | undefined => [...held.values()].find((other) => other.name === name && other.id !== id)
  const changes: ContactChange[] = []
  let open = wanted.filter((group) => {
    const before = held.get(group.id)
    return before === undefined || !sameGroup(before, group)
  })
  for (let [first] = open; first !== undefined; [first] = open) {
    const next = open.find((group) => holderOf(group) === undefined)
    if (next !== undefined) {
      changes.push(put(next))
      open = open.filter((group) => group !== next)
      continue
    }
    // Names that go round in a circle: the group that has the first one takes another one meanwhile.
    const holder = holderOf(first)
    if (holder !== undefined) changes.push(put({ ...holder, name: freeName(holder.id, new Set([...held.values(), ...wanted].map(({ name }) => name))) }))
  }
  return changes
}

/**
 * The changes that lead from one list to another; none where they are alike. Each list on the way is a sound one: contacts leave a group before
 * it goes, groups are there before contacts come, no two have one name. Clients depend on it: SIPE finds new groups by name, and expects
 * a group that goes to be empty. Both lists must be sound themselves, and have the default group.
 */
export const compareContactLists = (before: ContactContent, after: ContactContent): readonly ContactChange[] => {
  const wanted = new Map(after.contacts.map((contact) => [contact.user, contact]))
  const stays = new Set(before.groups.map(({ id }) => id).filter((id) => after.groups.some((group) => group.id === id)))
  const changes: ContactChange[] = []
  const held = new Map<string, Contact>()
  for (const contact of before.contacts) {
    const final = wanted.get(contact.user)
    if (final === undefined) {
      changes.push({ kind: 'deletedContact', user: contact.user })
    } else if (contact.groups.every((id) => stays.has(id))) {
      held.set(contact.user, contact)
    } else {
      const left = { ...final, groups: contactGroups(final.groups.filter((id) => stays.has(id))) }
      held.set(contact.user, left)
      changes.push({ kind: 'modifiedContact', contact: left })
    }
  }
  for (const { id } of before.groups) if (!stays.has(id)) changes.push({ kind: 'deletedGroup', id })
  changes.push(...compareGroups(before.groups.filter(({ id }) => stays.has(id)), after.groups))
  for (const contact of after.contacts) {
    const current = held.get(contact.user)
    if (current === undefined) changes.push({ kind: 'addedContact', contact })
    else if (!sameContact(current, contact)) changes.push({ kind: 'modifiedContact', contact })
  }
  return changes
}
