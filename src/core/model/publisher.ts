import type { UserKey } from '../sip/uri.ts'
import type { AccessState } from './access-list.ts'
import { defaultContainer, type Container } from './container.ts'
import type { Delegates } from './delegate.ts'
import type { Endpoint } from './endpoint.ts'
import type { CategoryInstance } from './publication.ts'
import type { SubscriberEntry } from './subscriber-entry.ts'

/** What one decision may read about one publisher; only the parts that its procedure asked for are filled. */
export interface PublisherState {
  readonly publisher: UserKey
  /** Counts the changes of everything on the publisher's side. */
  readonly revision: number
  readonly instances: readonly CategoryInstance[]
  readonly containers: readonly Container[]
  readonly endpoints: readonly Endpoint[]
  readonly subscribers: readonly SubscriberEntry[]
  readonly delegates: Delegates
  /** Only where a procedure asks for it. */
  readonly access?: AccessState
}

/** What documents are written from: the state without the revision, which nobody is shown. */
export type SeenState = Omit<PublisherState, 'revision'>

/** Every container that exists, by membership or by publication (1.3.1.8), the default one included; highest number first. */
export const existingContainers = (state: Pick<SeenState, 'instances' | 'containers'>): readonly Container[] => {
  const known = new Map<number, Container>([[defaultContainer.id, defaultContainer]])
  for (const { container } of state.instances) if (!known.has(container)) known.set(container, { id: container, membersVersion: 0, members: [] })
  for (const container of state.containers) known.set(container.id, container)
  return [...known.values()].sort((a, b) => b.id - a.id)
}
