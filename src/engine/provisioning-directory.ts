import type { Instant } from '../core/base/instant.ts'
import { defaultProvisionGroups, type ProvisionGroups } from '../core/documents/provisioning.ts'
import { domainOf, type UserKey } from '../core/sip/uri.ts'
import { loadSetting } from '../store/deployment-settings.ts'
import type { Session } from '../store/session.ts'
import { createShortCache } from './short-cache.ts'

/** What in-band provisioning gives to a user. */
export interface ProvisioningDirectory {
  readonly groups: (user: UserKey) => Promise<ProvisionGroups>
  /** Forgets what is cached, after a change by the operator. */
  readonly forget: () => void
}

/** The operator's groups and values behind a short cache, on top of the smallest set that clients need. */
export const createProvisioningDirectory = (session: Session, now: () => Instant): ProvisioningDirectory => {
  const stored = createShortCache(async () => ({ groups: await loadSetting(session, 'provisioning'), values: await loadSetting(session, 'provisioningValues') }), now)
  return {
    groups: async (user) => {
      const { groups = {}, values } = await stored.get()
      return new Map([...defaultProvisionGroups(domainOf(user), values), ...Object.entries(groups)])
    },
    forget: stored.forget,
  }
}
