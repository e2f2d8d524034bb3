import type { ContainerMember } from '../model/container.ts'

/** A container that a new user starts with. */
export interface TemplateContainer {
  readonly id: number
  readonly members: readonly ContainerMember[]
}

/** The containers of a new user. Their version is zero: the first action on a membership is the user's own (3.5.5.2). */
export type ContainerTemplate = readonly TemplateContainer[]

const empty = (id: number): TemplateContainer => ({ id, members: [] })

/**
 * The layout that clients of this family expect (4.4.2): 1 for the server's own data, 2 and 3 for the user's state, 100 to 400 for rising levels of
 * access, 32000 for those who are blocked.
 */
export const standardTemplate: ContainerTemplate = [
  empty(1), empty(2), empty(3),
  { id: 100, members: [{ type: 'federated', value: '' }] },
  { id: 200, members: [{ type: 'sameEnterprise', value: '' }] },
  empty(300), empty(400), empty(32000),
]
