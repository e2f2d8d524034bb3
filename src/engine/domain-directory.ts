import type { Instant } from '../core/base/instant.ts'
import type { DomainKind } from '../core/model/network.ts'
import { domainOf, type UserKey } from '../core/sip/uri.ts'
import { loadDomains } from '../store/domains.ts'
import type { Session } from '../store/session.ts'

/** What kind of domain a user comes from. */
export interface DomainDirectory {
  readonly kindOf: (user: UserKey) => Promise<DomainKind>
  /** What a domain counts as that is not in the table. */
  readonly unknownKind: DomainKind
  /** Forgets what is cached, after a change by the operator. */
  readonly forget: () => void
}

/** How long another node's change of the domain table may go unnoticed here. */
const MAX_AGE_MS = 2_000

/** The domain table behind a short cache. A domain that is not in it counts as `unknownKind`. */
export const createDomainDirectory = (session: Session, now: () => Instant, unknownKind: DomainKind): DomainDirectory => {
  let loading: Promise<ReadonlyMap<string, DomainKind>> | undefined
  let loadedAt = 0
  const table = (): Promise<ReadonlyMap<string, DomainKind>> => {
    if (loading === undefined || now() - loadedAt > MAX_AGE_MS) {
      loadedAt = now()
      const fresh = loadDomains(session)
      loading = fresh
      fresh.catch(() => { if (loading === fresh) loading = undefined })
    }
    return loading
  }
  return {
    kindOf: async (user) => (await table()).get(domainOf(user)) ?? unknownKind,
    unknownKind,
    forget: () => { loading = undefined },
  }
}
