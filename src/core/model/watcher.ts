import type { Instant } from '../base/instant.ts'
import type { UserKey } from '../sip/uri.ts'
import type { EndReason } from './dialog.ts'

/** States of a subscription as its publisher sees them (RFC 3857 4.7.1). */
export const watcherStatuses = ['pending', 'active', 'waiting', 'terminated'] as const
export type WatcherStatus = (typeof watcherStatuses)[number]

/** What brought it there (RFC 3858 4.3). */
export const watcherEvents = ['subscribe', 'approved', 'deactivated', 'probation', 'rejected', 'timeout', 'giveup', 'noresource'] as const
export type WatcherEvent = (typeof watcherEvents)[number]

/** One subscription to a publisher's presence: somebody who watches through several dialogs is several watchers. */
export interface Watcher {
  readonly user: UserKey
  /** Our tag of the dialog; with the publisher and the user it is the watcher's identity. */
  readonly localTag: string
  readonly displayName: string | undefined
  readonly status: WatcherStatus
  readonly event: WatcherEvent
  readonly beganAt: Instant
  /** Undefined when the subscription is over. */
  readonly expiresAt: Instant | undefined
}

/** The event by which a subscription ends that we end for a reason; a contact list that has moved has no watchers. */
export const eventOfEnd = (reason: EndReason): WatcherEvent => (reason === 'migrated' ? 'deactivated' : reason)
