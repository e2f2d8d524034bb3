import { DEFAULT_CONTAINER, type Container, type ContainerMember, type MemberType } from '../model/container.ts'
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
const DEFAULT: readonly number[] = [DEFAULT_CONTAINER]

/** The domain and its parents, longest suffix first: a domain member also covers sub-domains (design decision 1). */
export const suffixes = (domain: string): readonly string[] => {
  const labels = domain.split('.')
  return labels.map((_, at) => labels.slice(at).join('.'))
}

/** One rule of 3.2.5.3 applied to one watcher: which member would match (`default` asks for none), and the containers that have it, highest number first. */
export interface RuleTried {
  readonly rule: MemberType | 'default'
  /** The user or the domain that the member has to name; empty for the other rules. */
  readonly value: string
  readonly containers: readonly number[]
}

const byUser = (index: MembershipIndex, user: UserKey): readonly number[] => index.users.get(user) ?? NONE

/**
 * The rules in the order in which they decide (3.2.5.3; `everyone` by 1.3.1.3.7) with what each matches: user, domain by longest suffix, network,
 * everyone, default container.
 */
export const tryRules = (index: MembershipIndex, { user, network }: Watcher): readonly RuleTried[] => [
  { rule: 'user', value: user, containers: byUser(index, user) },
  ...suffixes(domainOf(user)).map((suffix) => ({ rule: 'domain', value: suffix, containers: index.domains.get(suffix) ?? NONE }) as const),
  { rule: network, value: '', containers: index.kinds.get(network) ?? NONE },
  { rule: 'everyone', value: '', containers: index.kinds.get('everyone') ?? NONE },
  { rule: 'default', value: '', containers: DEFAULT },
]

/**
 * All containers that a watcher is a member of, the one that decides first; the same for every category. But for the first rule, which alone asks
 * for the user, watchers of one domain and network share it: for many watchers of one publisher, keep the function.
 */
export const rankContainers = (index: MembershipIndex): ((watcher: Watcher) => readonly number[]) => {
  const shared = new Map<string, readonly number[]>()
  return (watcher) => {
    const kind = `${watcher.network} ${domainOf(watcher.user)}`
    let others = shared.get(kind)
    if (others === undefined) shared.set(kind, others = tryRules(index, watcher).slice(1).flatMap(({ containers }) => containers))
    const own = byUser(index, watcher.user)
    return own.length === 0 ? others : [...own, ...others]
  }
}

/** The container that satisfies a category: the first in rank of those that publish it (3.2.5.3). Undefined means blocked. */
export const pickContainer = (ranked: readonly number[], published: ReadonlySet<number>): number | undefined => ranked.find((container) => published.has(container))
