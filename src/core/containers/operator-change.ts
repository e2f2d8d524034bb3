import { memberKey, type Container, type ContainerMember } from '../model/container.ts'
import type { ContainerActions } from '../requests/set-container-members.ts'

/** What an operator asks of one container: members to remove and to add, or with `replace` the members it shall have. */
export interface MembershipChange {
  readonly id: number
  /** The version that the operator has seen; without one the change applies to whatever is there. */
  readonly version: number | undefined
  readonly add: readonly ContainerMember[]
  readonly remove: readonly ContainerMember[]
  readonly replace: boolean
}

/** An operator's changes as the request that a client would send (3.5.5.2), so that one procedure decides both. */
export const toContainerActions = (changes: readonly MembershipChange[], containers: readonly Container[]): readonly ContainerActions[] => {
  const stored = new Map(containers.map((container) => [container.id, container]))
  return changes.map(({ id, version, add, remove, replace }) => {
    const kept = new Set(add.map(memberKey))
    const gone = replace ? (stored.get(id)?.members ?? []).filter((member) => !kept.has(memberKey(member))) : remove
    return {
      id, version: version ?? stored.get(id)?.membersVersion ?? 0,
      actions: [...gone.map((member) => ({ remove: true, member })), ...add.map((member) => ({ remove: false, member }))],
    }
  })
}
