import type { Container, ContainerMember, MemberType } from '../core/model/container.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

interface Row {
  readonly publisher: string
  readonly container: number
  readonly members_version: number
  readonly member_type: MemberType | null
  readonly member_value: string | null
}

// Members come in the order in which they were added.
const OF_MANY = statement('containers-of-many', `
  SELECT c.publisher, c.container, c.members_version, m.member_type, m.member_value
  FROM container c LEFT JOIN container_member m ON m.publisher = c.publisher AND m.container = c.container
  WHERE c.publisher = ANY($1::text[]) ORDER BY c.publisher, c.container, m.position, m.member_type, m.member_value`)

/** The containers with a membership list, with their members, of several publishers. */
export const loadContainers = async (session: Session, publishers: readonly UserKey[]): Promise<ReadonlyMap<UserKey, readonly Container[]>> => {
  const grouped = new Map<UserKey, { id: number; membersVersion: number; members: ContainerMember[] }[]>()
  for (const row of await session.send<Row>(OF_MANY, [[...publishers]])) {
    let containers = grouped.get(row.publisher)
    if (containers === undefined) grouped.set(row.publisher, containers = [])
    let container = containers.at(-1)
    if (container?.id !== row.container) containers.push(container = { id: row.container, membersVersion: row.members_version, members: [] })
    if (row.member_type !== null) container.members.push({ type: row.member_type, value: row.member_value ?? '' })
  }
  return grouped
}

const PUT = statement('container-put', `
  INSERT INTO container (publisher, container, members_version) VALUES ($1, $2, $3)
  ON CONFLICT (publisher, container) DO UPDATE SET members_version = excluded.members_version`)
const ADD = statement('container-members-add', `
  INSERT INTO container_member (publisher, container, member_type, member_value, position)
  SELECT $1, $2, m.type, m.value, $5::bigint * 100000 + m.at FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS m (type, value, at)
  ON CONFLICT DO NOTHING`)
const REMOVE = statement('container-members-remove', `
  DELETE FROM container_member USING unnest($3::text[], $4::text[]) AS gone (type, value)
  WHERE publisher = $1 AND container = $2 AND member_type = gone.type AND member_value = gone.value`)

/** Writes a container's new version and the difference of its members. */
export const putContainer = (tx: Transaction, publisher: UserKey, id: number, membersVersion: number, added: readonly ContainerMember[], removed: readonly ContainerMember[]): readonly Promise<unknown>[] => [
  tx.send(PUT, [publisher, id, membersVersion]),
  ...(removed.length === 0 ? [] : [tx.send(REMOVE, [publisher, id, removed.map(({ type }) => type), removed.map(({ value }) => value)])]),
  ...(added.length === 0 ? [] : [tx.send(ADD, [publisher, id, added.map(({ type }) => type), added.map(({ value }) => value), membersVersion])]),
]
