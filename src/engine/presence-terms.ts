import { isPrivate } from '../core/categories/registry.ts'
import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { CategoryDirectory } from './category-directory.ts'
import type { DomainDirectory } from './domain-directory.ts'

/** What the operator has set about how publishers are seen, for the engine and for the delivery; ask before a transaction begins. */
export const createPresenceTerms = (categories: CategoryDirectory, domains: DomainDirectory) => async (): Promise<PresenceTerms> => {
  const [registry, pidfForm] = await Promise.all([categories.registry(), domains.pidfForms()])
  return { isHidden: isPrivate(registry), pidfForm }
}
