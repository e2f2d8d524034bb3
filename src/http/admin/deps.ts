import type { AggregationPlan } from '../../core/aggregation/plan.ts'
import type { MigratedWrites } from '../../core/contacts/contact-store.ts'
import type { PresenceTerms } from '../../core/notifications/presence.ts'
import type { UserKey } from '../../core/sip/uri.ts'
import type { CategoryDirectory } from '../../engine/category-directory.ts'
import type { EngineLimits, Features } from '../../engine/deps.ts'
import type { DomainDirectory } from '../../engine/domain-directory.ts'
import type { LookDeps } from '../../engine/look-at-contact-store.ts'
import type { MemberDomains } from '../../engine/member-domains.ts'
import type { ProvisioningDirectory } from '../../engine/provisioning-directory.ts'
import type { TemplateDirectory } from '../../engine/template-directory.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import type { Store } from '../../store/connect.ts'
import type { Readiness } from '../health.ts'

/** What the operators' interface works on. */
export interface AdminDeps {
  readonly store: Store
  readonly domains: DomainDirectory
  readonly categories: CategoryDirectory
  readonly plan: AggregationPlan
  readonly template: TemplateDirectory
  readonly provisioning: ProvisioningDirectory
  readonly memberDomains: MemberDomains
  readonly limits: EngineLimits
  readonly features: Features
  readonly presenceTerms: () => Promise<PresenceTerms>
  /** The server publishes what the directory says of its users. */
  readonly serverPublications: boolean
  readonly migratedWrites: MigratedWrites
  /** The store to which contact lists move, where there is one. */
  readonly contactStore: Pick<LookDeps, 'contacts' | 'refreshMs'> | undefined
  /** The configured proxies by id. */
  readonly proxies: ReadonlyMap<string, { readonly kind: 'kamailio' | 'opensips' | 'plain' }>
  /** Endpoints are compared with what their registrars hold. */
  readonly reconciles: boolean
  /** Users are read from LDAP. */
  readonly feedsUsers: boolean
  readonly now: () => number
  readonly adminKey: string
  /** Says that publishers have changes to tell. */
  readonly wake: (publishers: readonly UserKey[]) => void
  /** Makes changed rights and domains hold for the subscriptions that exist. */
  readonly enforceRights: () => Promise<unknown>
  /** Brings the subscriptions to stored lists to what these hold now. */
  readonly settleResourceLists: () => Promise<unknown>
  /** Tells subscriptions that have ended so, without waiting for the timer. */
  readonly endExpired: () => Promise<unknown>
  readonly isReady: () => Promise<Readiness>
  readonly log: Log
  readonly metrics: Metrics
}
