import type { Instant } from '../core/base/instant.ts'
import type { PidfForm } from '../core/documents/pidf.ts'
import type { DomainKind } from '../core/model/network.ts'
import { domainOf, type UserKey } from '../core/sip/uri.ts'
import { loadDomains, loadPidfForms } from '../store/domains.ts'
import type { Session } from '../store/session.ts'
import { createShortCache } from './short-cache.ts'

/** What kind of domain a user comes from. */
export interface DomainDirectory {
  readonly kindOf: (user: UserKey) => Promise<DomainKind>
  /** The same of many users; ask before a transaction begins. */
  readonly kinds: () => Promise<(user: UserKey) => DomainKind>
  /** What a domain counts as that is not in the table. */
  readonly unknownKind: DomainKind
  /** Which form of PIDF the users of a domain read. */
  readonly pidfForms: () => Promise<(user: UserKey) => PidfForm>
  /** Forgets what is cached, after a change by the operator. */
  readonly forget: () => void
}

/** The domain table behind a short cache. A domain that is not in it counts as `unknownKind`. */
export const createDomainDirectory = (session: Session, now: () => Instant, unknownKind: DomainKind): DomainDirectory => {
  const table = createShortCache(() => loadDomains(session), now)
  const forms = createShortCache(() => loadPidfForms(session), now)
  const kinds: DomainDirectory['kinds'] = async () => {
    const stored = await table.get()
    return (user) => stored.get(domainOf(user)) ?? unknownKind
  }
  return {
    kindOf: async (user) => (await kinds())(user),
    kinds,
    unknownKind,
    pidfForms: async () => {
      const stored = await forms.get()
      return (user) => stored.get(domainOf(user)) ?? 'both'
    },
    forget: () => {
      table.forget()
      forms.forget()
    },
  }
}
