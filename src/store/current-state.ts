import type { Container } from '../core/model/container.ts'
import { noDelegates } from '../core/model/delegate.ts'
import { isAlive } from '../core/model/publication.ts'
import type { SeenState } from '../core/model/publisher.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadContainers } from './containers.ts'
import { loadLivingInstances } from './instances.ts'
import type { KnownPublisher, KnownPublishers } from './known-publishers.ts'
import type { Session } from './session.ts'

/** Publishers, each with its revision; undefined for those who are no longer users. */
export type Revisions = ReadonlyMap<UserKey, number | undefined>

/** What watchers may see of publishers, and the revision of each that it is at least. */
export interface CurrentState {
  readonly of: (publisher: UserKey) => SeenState
  readonly revisions: Revisions
}

/**
 * Memory may be ahead of what was just read by what this node has written since, which is little. More than that is another user of that name, from before it was deleted and
 * came back on a node whose clock is behind.
 */
const AHEAD = 50

/**
 * What watchers may see of publishers at the given revisions or later: from memory where this node remembers that much, else from the database. In one round trip, or
 * none.
 */
export const loadCurrentState = async (session: Session, known: KnownPublishers, wanted: Revisions, now: number): Promise<CurrentState> => {
  const remembered = new Map<UserKey, KnownPublisher>()
  const revisions = new Map<UserKey, number | undefined>(wanted)
  for (const [publisher, revision] of wanted) {
    const found = known.get(publisher)
    if (found === undefined || revision === undefined || found.revision < revision || found.revision > revision + AHEAD) continue
    remembered.set(publisher, found)
    revisions.set(publisher, found.revision)
  }
  const cold = [...wanted.keys()].filter((publisher) => !remembered.has(publisher))
  const unlisted = [...wanted.keys()].filter((publisher) => remembered.get(publisher)?.containers === undefined)
  const [instances, containers] = await Promise.all([
    cold.length === 0 ? undefined : loadLivingInstances(session, cold, 'all', now),
    unlisted.length === 0 ? undefined : loadContainers(session, unlisted),
  ])
  const membersOf = (publisher: UserKey): readonly Container[] => containers?.get(publisher) ?? []
  for (const [publisher, found] of remembered) {
    if (found.containers !== undefined) continue
    const complete = { ...found, containers: membersOf(publisher) }
    remembered.set(publisher, complete)
    // What was read may be newer than the revision; then the revision is out of date, and what is remembered with it will not be used.
    if (known.get(publisher) === found) known.put(complete)
  }
  return {
    revisions,
    of: (publisher) => {
      const found = remembered.get(publisher)
      const own = found === undefined ? { instances: instances?.get(publisher) ?? [], containers: membersOf(publisher) }
        : { instances: found.instances.filter((instance) => isAlive(instance, now)), containers: found.containers ?? [] }
      return { publisher, ...own, endpoints: [], subscribers: [], delegates: noDelegates }
    },
  }
}
