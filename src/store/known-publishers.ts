import type { Container } from '../core/model/container.ts'
import type { Endpoint } from '../core/model/endpoint.ts'
import type { CategoryInstance } from '../core/model/publication.ts'
import type { UserKey } from '../core/sip/uri.ts'

/** All publications and endpoints of a publisher as they were at a revision, those past their time included. */
export interface KnownPublisher {
  readonly publisher: UserKey
  readonly revision: number
  readonly instances: readonly CategoryInstance[]
  readonly endpoints: readonly Endpoint[]
  /** What all instances weigh (see weighInstances). */
  readonly weight: number
  /** Its memberships, once somebody has asked for them. */
  readonly containers?: readonly Container[]
}

/**
 * What this node remembers of publishers. It may be out of date at any time: whoever acts on it must find the same revision in the database. Everything that
 * changes a publisher's side moves its revision in the same transaction, so that an equal revision means an equal state.
 */
export interface KnownPublishers {
  readonly get: (publisher: UserKey) => KnownPublisher | undefined
  readonly put: (known: KnownPublisher) => void
  readonly forget: (publisher: UserKey) => void
  readonly forgetAll: () => void
}

/** Costs of an entry, an endpoint and a member besides their texts, roughly. */
const ENTRY_BYTES = 1_000
const ENDPOINT_BYTES = 500
const MEMBER_BYTES = 300

const sizeOf = ({ weight, endpoints, containers = [] }: KnownPublisher): number =>
  ENTRY_BYTES + weight + endpoints.length * ENDPOINT_BYTES + containers.reduce((sum, { members }) => sum + members.length * MEMBER_BYTES, 0)

/** `maxBytes` bounds what is remembered, roughly; those who were not asked for the longest are forgotten first. */
export const createKnownPublishers = (maxBytes: number): KnownPublishers => {
  const known = new Map<UserKey, KnownPublisher>()
  let bytes = 0
  const forget = (publisher: UserKey): void => {
    const old = known.get(publisher)
    if (old === undefined) return
    known.delete(publisher)
    bytes -= sizeOf(old)
  }
  return {
    get: (publisher) => {
      const found = known.get(publisher)
      if (found === undefined) return undefined
      known.delete(publisher)
      known.set(publisher, found)
      return found
    },
    put: (entry) => {
      forget(entry.publisher)
      known.set(entry.publisher, entry)
      bytes += sizeOf(entry)
      for (const oldest of known.keys()) {
        if (bytes <= maxBytes) break
        forget(oldest)
      }
    },
    forget,
    forgetAll: () => {
      known.clear()
      bytes = 0
    },
  }
}
