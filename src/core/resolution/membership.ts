import { DEFAULT_CONTAINER, type Container, type ContainerMember } from '../model/container.ts'
import type { SourceNetwork } from '../model/network.ts'
import { domainOf, type UserKey } from '../sip/uri.ts'

/** Who asks: identity, and the network that decides rules 3 to 5 of 3.2.5.3. */
export interface Watcher {
  readonly user: UserKey
  readonly network: SourceNetwork
}

/** The membership lists of one publisher turned round: from member to its containers, highest number first. */
export interface MembershipIndex {
  readonly users: ReadonlyMap<UserKey, readonly number[]>
  readonly domains: ReadonlyMap<string, readonly number[]>
  readonly kinds: ReadonlyMap<string, readonly number[]>
}

const add = (index: Map<string, number[]>, key: string, container: number): void => {
  const known = index.get(key)
  if (known === undefined) index.set(key, [container])
  else known.push(container)
}

/** Builds the index once per publisher and fan-out, so that resolving a watcher costs a few look-ups. */
export const indexMembership = (containers: readonly Pick<Container, 'id' | 'members'>[]): MembershipIndex => {
  const users = new Map<string, number[]>()
  const domains = new Map<string, number[]>()
  const kinds = new Map<string, number[]>()
  for (const { id, members } of [...containers].sort((a, b) => b.id - a.id)) {
    for (const member of members) {
      if (member.type === 'user') add(users, member.value, id)
      else if (member.type === 'domain') add(domains, member.value, id)
      else add(kinds, member.type, id)
    }
  }
  return { users, domains, kinds }
}

/** The containers with some members replaced by what they were before. */
export const withMembersBefore = (containers: readonly Container[], before: Readonly<Record<string, readonly ContainerMember[]>>): readonly Pick<Container, 'id' | 'members'>[] => [
  ...containers.filter((container) => before[container.id] === undefined),
  ...Object.entries(before).map(([id, members]) => ({ id: Number(id), members })),
]

const NONE: readonly number[] = []

/** The domain and its parents, longest suffix first: a domain member also covers sub-domains (design decision 1). */
const suffixes = (domain: string): readonly string[] => {
  const labels = domain.split('.')
  return labels.map((_, at) => labels.slice(at).join('.'))
}

/**
 * Resolves a watcher to the container that satisfies it (3.2.5.3; `everyone` by 1.3.1.3.7): user, domain by longest suffix,
 * network, everyone, default container; inside one rule the highest number; only containers in `published`, which are
 * those that publish the category. Undefined means blocked.
 */
export const resolveContainer = (index: MembershipIndex, watcher: Watcher, published: ReadonlySet<number>): number | undefined => {
  if (published.size === 0) return undefined
  const first = (containers: readonly number[] = NONE): number | undefined => containers.find((container) => published.has(container))
  const byUser = first(index.users.get(watcher.user))
  if (byUser !== undefined) return byUser
  if (index.domains.size > 0) {
    for (const domain of suffixes(domainOf(watcher.user))) {
      const byDomain = first(index.domains.get(domain))
      if (byDomain !== undefined) return byDomain
    }
  }
  return first(index.kinds.get(watcher.network)) ?? first(index.kinds.get('everyone')) ?? (published.has(DEFAULT_CONTAINER) ? DEFAULT_CONTAINER : undefined)
}
