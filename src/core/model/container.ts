/** Kinds of container members in the order in which they decide (1.3.1.3.7). */
export const memberTypes = ['user', 'domain', 'sameEnterprise', 'federated', 'publicCloud', 'everyone'] as const
export type MemberType = (typeof memberTypes)[number]

/** ContainerMemberEntry (3.2.1). `value` is a user key or a domain, and empty for the other types. */
export interface ContainerMember {
  readonly type: MemberType
  readonly value: string
}

/** A container's membership with the version that guards it (ContainerMemberSet, 3.2.1). */
export interface Container {
  readonly id: number
  readonly membersVersion: number
  readonly members: readonly ContainerMember[]
}

/** Container 0 is the default container: anyone may see it and it has no membership list (1.3.1.3.3). */
export const DEFAULT_CONTAINER = 0

/** Who is a member of this container is blocked: in it stands what such watchers are to see (1.3.1.3.4, 3.2.6.2). */
export const BLOCKED_CONTAINER = 32000

/** The default container as every full document shows it: everyone is in, and nothing can change that (1.3.1.3.3, 4.4.2). */
export const defaultContainer: Container = { id: DEFAULT_CONTAINER, membersVersion: 0, members: [{ type: 'everyone', value: '' }] }

/** Highest container number (6.1). */
export const MAX_CONTAINER = 32767

export const memberKey = (member: ContainerMember): string => `${member.type} ${member.value}`
