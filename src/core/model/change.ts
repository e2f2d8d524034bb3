import type { EndpointId } from '../sip/endpoint-id.ts'
import type { UserKey } from '../sip/uri.ts'
import type { AccessList, LegacyWatcher } from './access-list.ts'
import type { ContainerMember } from './container.ts'
import type { Delegate } from './delegate.ts'
import type { Endpoint } from './endpoint.ts'
import type { CategoryInstance, InstanceKey } from './publication.ts'
import type { SubscriberEntry } from './subscriber-entry.ts'

/** What the store must write on a publisher's side; a decision returns these, it never writes. */
export type Change =
  | { readonly kind: 'putInstance'; readonly instance: CategoryInstance }
  | { readonly kind: 'deleteInstance'; readonly key: InstanceKey }
  | { readonly kind: 'putContainer'; readonly id: number; readonly membersVersion: number; readonly added: readonly ContainerMember[]; readonly removed: readonly ContainerMember[] }
  | { readonly kind: 'putEndpoint'; readonly endpoint: Endpoint }
  /** Ends the endpoint's registration and, with it, its dialogs (3.4.5.1.3). */
  | { readonly kind: 'deleteEndpoint'; readonly endpointId: EndpointId }
  /** Creates or replaces the entry of its user. */
  | { readonly kind: 'putSubscriber'; readonly entry: SubscriberEntry }
  | { readonly kind: 'deleteSubscriber'; readonly user: UserKey }
  /** Moves the delegate list to `version`; `put` are created or replaced. */
  | { readonly kind: 'putDelegates'; readonly version: number; readonly put: readonly Delegate[]; readonly removed: readonly UserKey[] }
  /** Replaces the access list. */
  | { readonly kind: 'putAccessList'; readonly list: AccessList }
  /** Says what the access list decides of some who read presence documents. */
  | { readonly kind: 'regardWatchers'; readonly watchers: readonly LegacyWatcher[] }
