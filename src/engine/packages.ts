import { eventPackages } from '../core/sip/media-types.ts'
import { handleAclSubscribe, handlePendingSubscribe } from './access-subscribe.ts'
import { handleContactsSubscribe } from './contacts-subscribe.ts'
import type { Answer, Call, EngineDeps, Features, Relay } from './deps.ts'
import { handlePresenceSubscribe } from './presence-package.ts'
import { handleProvisioning } from './provisioning-subscribe.ts'
import { handleSelfSubscribe } from './self-subscribe.ts'
import { handleWatcherInfoSubscribe } from './watcher-info-subscribe.ts'

/** An event package: how a SUBSCRIBE to it is processed, and what it can be switched off by. */
interface Package {
  readonly handle: (deps: EngineDeps, call: Call) => Promise<Answer | Relay>
  readonly feature?: keyof Features
}

/** Event package to handler; a new package is one more row. */
const packages: ReadonlyMap<string, Package> = new Map<string, Package>([
  [eventPackages.roamingSelf, { handle: handleSelfSubscribe }],
  [eventPackages.presence, { handle: handlePresenceSubscribe }],
  [eventPackages.roamingContacts, { handle: handleContactsSubscribe }],
  [eventPackages.provisioning, { handle: handleProvisioning }],
  [eventPackages.roamingAcl, { handle: handleAclSubscribe, feature: 'accessLists' }],
  [eventPackages.pendingWatchers, { handle: handlePendingSubscribe, feature: 'accessLists' }],
  [eventPackages.watcherInfo, { handle: handleWatcherInfoSubscribe, feature: 'watcherInfo' }],
])

/** The packages that are served, as Allow-Events names them: clients cut at the comma and keep blanks. */
export const allowEvents = (features: Features): string =>
  [...packages].flatMap(([name, { feature }]) => (feature === undefined || features[feature] ? [name] : [])).join(',')

/** Who processes a SUBSCRIBE to a package; undefined where it is not served. */
export const findPackage = (features: Features, event: string): Package['handle'] | undefined => {
  const found = packages.get(event)
  return found === undefined || (found.feature !== undefined && !features[found.feature]) ? undefined : found.handle
}
