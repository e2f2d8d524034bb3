import type { Change } from './change.ts'
import { memberKey, type Container } from './container.ts'
import { instanceKeyText, type CategoryInstance } from './publication.ts'
import type { Touch } from './touch.ts'

/** A decision on one publisher: what to write, what to tell, and what the requester gets to read. */
export interface Outcome {
  readonly changes: readonly Change[]
  readonly touch: Touch
  /** Body of the 200, with its media type; a 200 without body otherwise. */
  readonly answer?: { readonly type: string; readonly text: string }
}

/** What is stored of instances once changes are written. */
export const instancesAfter = (before: readonly CategoryInstance[], changes: readonly Change[]): readonly CategoryInstance[] => {
  const after = new Map(before.map((instance) => [instanceKeyText(instance), instance]))
  for (const change of changes) {
    if (change.kind === 'putInstance') after.set(instanceKeyText(change.instance), change.instance)
    else if (change.kind === 'deleteInstance') after.delete(instanceKeyText(change.key))
  }
  return [...after.values()]
}

/** The containers once changes are written. */
export const containersAfter = (before: readonly Container[], changes: readonly Change[]): readonly Container[] => {
  const after = new Map(before.map((container) => [container.id, container]))
  for (const change of changes) {
    if (change.kind !== 'putContainer') continue
    const { id, membersVersion, added, removed } = change
    const gone = new Set(removed.map(memberKey))
    after.set(id, { id, membersVersion, members: [...(after.get(id)?.members ?? []).filter((member) => !gone.has(memberKey(member))), ...added] })
  }
  return [...after.values()]
}
