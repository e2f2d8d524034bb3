import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { writeWrongDelta } from '../documents/fault.ts'
import type { Change } from '../model/change.ts'
import { memberKey, type ContainerMember } from '../model/container.ts'
import type { Outcome } from '../model/outcome.ts'
import type { PublisherState } from '../model/publisher.ts'
import type { ContainerActions } from '../requests/set-container-members.ts'
import { mediaTypes } from '../sip/media-types.ts'

/** Applies the actions in order; adding what is there and removing what is not are silently fine (3.5.5.2). */
const applyActions = (before: readonly ContainerMember[], { actions }: ContainerActions): readonly ContainerMember[] => {
  const members = new Map(before.map((member) => [memberKey(member), member]))
  for (const { remove, member } of actions) {
    if (remove) members.delete(memberKey(member))
    else if (!members.has(memberKey(member))) members.set(memberKey(member), member)
  }
  return [...members.values()]
}

const without = (members: readonly ContainerMember[], others: readonly ContainerMember[]): readonly ContainerMember[] => {
  const keys = new Set(others.map(memberKey))
  return members.filter((member) => !keys.has(memberKey(member)))
}

/**
 * Decides a setContainerMembers request (3.5.5.2): several containers under version check, all or nothing. `state` must hold all
 * containers of the publisher; `maxMembers` bounds the members of all of them together.
 */
export const decideSetContainerMembers = (request: readonly ContainerActions[], state: PublisherState, maxMembers: number): Result<Outcome> => {
  const ids = request.map(({ id }) => id)
  const twice = ids.find((id, at) => ids.indexOf(id) !== at)
  if (twice !== undefined) return refuse(failure('duplicateContainer', `container ${twice}`))
  const stored = new Map(state.containers.map((container) => [container.id, container]))
  const stale = request.flatMap(({ id, version }, at) => {
    const curVersion = stored.get(id)?.membersVersion ?? 0
    return version === curVersion ? [] : [{ index: at + 1, version, curVersion, data: '' }]
  })
  // The operations stay empty here: the fault is that of 2.2.2.10.4 (3.5.5.5).
  if (stale.length > 0) return refuse({ name: 'containersConflict', detail: stale.map(({ index, version, curVersion }) => `container ${ids[index - 1]} has version ${curVersion}, not ${version}`).join('; '), body: { type: mediaTypes.fault, text: writeWrongDelta(stale) } })
  const changes: Change[] = []
  const membersBefore: Record<string, readonly ContainerMember[]> = {}
  const totalBefore = state.containers.reduce((sum, { members }) => sum + members.length, 0)
  let total = totalBefore
  for (const actions of request) {
    const before = stored.get(actions.id)?.members ?? []
    const after = applyActions(before, actions)
    total += after.length - before.length
    membersBefore[actions.id] = before
    changes.push({ kind: 'putContainer', id: actions.id, membersVersion: actions.version + 1, added: without(after, before), removed: without(before, after) })
  }
  // Only a request that causes the limit to be exceeded fails (3.5.5.2).
  if (total > maxMembers && total > totalBefore) return refuse(failure('containerMembersExceeded', `at most ${maxMembers} members`))
  return ok({ changes, touch: { categories: {}, publishedBefore: {}, membersBefore } })
}
