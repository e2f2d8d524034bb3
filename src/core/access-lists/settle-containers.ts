import { aceKeyText, isBlocking, letterOf, type Ace, type AceKey } from '../model/access-list.ts'
import type { Change } from '../model/change.ts'
import { BLOCKED_CONTAINER, DEFAULT_CONTAINER, memberKey, type Container, type ContainerMember } from '../model/container.ts'
import type { SourceNetwork } from '../model/network.ts'
import { indexMembership, rankContainers, suffixes, type Watcher } from '../resolution/membership.ts'
import { domainOf, type UserKey } from '../sip/uri.ts'
import { membersOf, visibleContainer } from './container-mapping.ts'

/** The network of a user or of the users of a domain. */
export type NetworkOf = (user: UserKey) => SourceNetwork

type Memberships = Map<number, readonly ContainerMember[]>

const isIn = (memberships: Memberships, id: number, member: ContainerMember): boolean =>
  (memberships.get(id) ?? []).some((held) => memberKey(held) === memberKey(member))

const put = (memberships: Memberships, id: number, member: ContainerMember): void => {
  if (!isIn(memberships, id, member)) memberships.set(id, [...(memberships.get(id) ?? []), member])
}

/** Who is in 32000 follows from the letters; what else is there, single networks among it, no entry speaks of. */
const settleBlocked = (memberships: Memberships, before: readonly Ace[], after: readonly Ace[]): void => {
  const blocking = after.filter(isBlocking)
  const stays = new Set(blocking.map(aceKeyText))
  const gone = new Set(before.filter((ace) => isBlocking(ace) && !stays.has(aceKeyText(ace))).flatMap((ace) => membersOf(ace).map(memberKey)))
  if (gone.size > 0) memberships.set(BLOCKED_CONTAINER, (memberships.get(BLOCKED_CONTAINER) ?? []).filter((member) => !gone.has(memberKey(member))))
  for (const ace of blocking) for (const member of membersOf(ace)) put(memberships, BLOCKED_CONTAINER, member)
}

const rankOf = (memberships: Memberships): ((watcher: Watcher) => readonly number[]) =>
  rankContainers(indexMembership([...memberships].map(([id, members]) => ({ id, members }))))

/** Where somebody who is allowed must become a member to be seen; undefined where it is seen already. */
const findVisible = (rank: (watcher: Watcher) => readonly number[], { type, mask }: AceKey, networkOf: NetworkOf): number | undefined => {
  // Any user of the domain: nobody is named like that.
  const user = type === 'USER' ? mask : `@${mask}`
  const network = networkOf(user)
  const ranked = rank({ user, network })
  if (ranked[0] !== BLOCKED_CONTAINER) return undefined
  return ranked.find((id) => id !== BLOCKED_CONTAINER && id !== DEFAULT_CONTAINER) ?? visibleContainer[network]
}

/** Nobody means itself by what it says of everybody, or of its own domain: its own clients watch it, too. */
const sparedOwner = (after: readonly Ace[], owner: UserKey): readonly AceKey[] => {
  const domains = suffixes(domainOf(owner))
  const isMeant = after.some((ace) => isBlocking(ace) && (ace.type === 'ALL' || (ace.type === 'DOMAIN' && domains.includes(ace.mask))))
  return isMeant && !after.some(({ type, mask }) => type === 'USER' && mask === owner) ? [{ type: 'USER', mask: owner }] : []
}

/**
 * What must change in the containers so that they say the same as an access list (see container-mapping.ts). `before` is the list as it was seen until now.
 */
export const settleContainers = (containers: readonly Container[], before: readonly Ace[], after: readonly Ace[], owner: UserKey, networkOf: NetworkOf): readonly Extract<Change, { kind: 'putContainer' }>[] => {
  const memberships: Memberships = new Map(containers.map(({ id, members }) => [id, members]))
  settleBlocked(memberships, before, after)
  // Domains first: a user may be seen because its domain is.
  const allowed: readonly AceKey[] = [...after.filter(({ type, rights }) => type !== 'ALL' && letterOf(rights) === 'A'), ...sparedOwner(after, owner)]
  let rank = rankOf(memberships)
  for (const key of allowed) {
    const id = findVisible(rank, key, networkOf)
    if (id === undefined) continue
    for (const member of membersOf(key)) put(memberships, id, member)
    // Of a user nobody else's place depends.
    if (key.type === 'DOMAIN') rank = rankOf(memberships)
  }
  const stored = new Map(containers.map((container) => [container.id, container]))
  return [...memberships].flatMap(([id, members]) => {
    const { membersVersion, members: was } = stored.get(id) ?? { membersVersion: 0, members: [] }
    const [old, now] = [new Set(was.map(memberKey)), new Set(members.map(memberKey))]
    const added = members.filter((member) => !old.has(memberKey(member)))
    const removed = was.filter((member) => !now.has(memberKey(member)))
    return added.length + removed.length === 0 ? [] : [{ kind: 'putContainer', id, membersVersion: membersVersion + 1, added, removed }]
  })
}
