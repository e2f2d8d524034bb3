import { containersNaming, type AggregationPlan } from '../core/aggregation/plan.ts'
import type { Instant } from '../core/base/instant.ts'
import { isPrivate } from '../core/categories/registry.ts'
import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { CategoryDirectory } from './category-directory.ts'
import type { DomainDirectory } from './domain-directory.ts'
import type { Features } from './deps.ts'

/** What a deployment is set to, as far as documents show it. */
export interface PresenceSettings {
  readonly plan: AggregationPlan
  readonly features: Pick<Features, 'legacyPresence'>
  readonly now: () => Instant
}

/** What the operator has set about how publishers are seen, for the engine and for the delivery; ask before a transaction begins. */
export const createPresenceTerms = (categories: CategoryDirectory, domains: DomainDirectory, { plan, features, now }: PresenceSettings) => {
  const showsPhones = containersNaming(plan, 'device')
  const showsPlaces = containersNaming(plan, 'location')
  const showsDevices = features.legacyPresence ? showsPhones : new Set<number>()
  return async (): Promise<PresenceTerms> => {
    const [registry, pidfForm] = await Promise.all([categories.registry(), domains.pidfForms()])
    return { categories: [...registry.rules.keys()], isHidden: isPrivate(registry), pidfForm, showsDevices, showsPhones, showsPlaces, now: now() }
  }
}
