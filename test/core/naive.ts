import type { MemberType } from '../../src/core/model/container.ts'
import type { SourceNetwork } from '../../src/core/model/network.ts'

/**
 * The rules of 3.2.5.3 and 1.3.1.3.7 read aloud, on members and subscribers as people write them. Nothing here is shared with the code under
 * test: no index, no key, no reader of URIs.
 */
export interface WrittenMember {
  readonly type: MemberType
  readonly value: string
}

export interface WrittenContainer {
  readonly id: number
  readonly members: readonly WrittenMember[]
}

export interface WrittenSubscriber {
  readonly user: string
  readonly network: SourceNetwork
}

/** The two halves of `sip:user@host;parameters`: the user letter by letter, the host whatever the case of its letters (RFC 3261 19.1.4). */
const halves = (uri: string): readonly [user: string, host: string] => {
  const [user = '', host = ''] = uri.replace(/^sip:/i, '').split('@')
  return [decodeURIComponent(user), host.replace(/[:;?].*$/, '').toLowerCase()]
}

/** The domain, the domain above it, and so on: nordwind.example covers lab.nordwind.example. */
const upwards = (domain: string): readonly string[] => (domain.includes('.') ? [domain, ...upwards(domain.slice(domain.indexOf('.') + 1))] : [domain])

export interface NaiveRule {
  readonly name: string
  readonly fits: (member: WrittenMember) => boolean
}

/** The rules that have members, in order. */
export const naiveRules = ({ user, network }: WrittenSubscriber): readonly NaiveRule[] => {
  const [name, host] = halves(user)
  return [
    { name: 'user', fits: ({ type, value }) => type === 'user' && halves(value)[0] === name && halves(value)[1] === host },
    ...upwards(host).map((domain): NaiveRule => ({ name: `domain ${domain}`, fits: ({ type, value }) => type === 'domain' && value.toLowerCase() === domain })),
    { name: 'sameEnterprise', fits: ({ type }) => network === 'sameEnterprise' && type === 'sameEnterprise' },
    { name: 'federated', fits: ({ type }) => network === 'federated' && type === 'federated' },
    { name: 'publicCloud', fits: ({ type }) => network === 'publicCloud' && type === 'publicCloud' },
    { name: 'everyone', fits: ({ type }) => type === 'everyone' },
  ]
}

/** The container from which a subscriber sees a category that these containers publish; undefined when it is blocked (1.3.1.3.4). */
export const naiveResolve = (containers: readonly WrittenContainer[], subscriber: WrittenSubscriber, publishing: ReadonlySet<number>): number | undefined => {
  const considered = containers.filter(({ id }) => publishing.has(id))
  for (const { fits } of naiveRules(subscriber)) {
    let highest: number | undefined
    for (const { id, members } of considered) if (members.some(fits) && (highest === undefined || id > highest)) highest = id
    if (highest !== undefined) return highest
  }
  return publishing.has(0) ? 0 : undefined
}

/** The first rule by which a subscriber is in a container; the default container takes anyone (1.3.1.3.3). */
export const naiveRuleOf = (container: WrittenContainer, subscriber: WrittenSubscriber): string | undefined =>
  container.id === 0 ? 'default' : naiveRules(subscriber).find(({ fits }) => container.members.some(fits))?.name
