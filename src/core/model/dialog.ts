import { secondsLeft, type Instant } from '../base/instant.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'
import type { UserKey } from '../sip/uri.ts'
import type { SourceNetwork } from './network.ts'

/**
 * Self subscriptions, category subscriptions in their two forms (3.4.5.1.1), contact lists (MS-SIP 3.7.5), presence for other clients (3.7), one by one and in
 * lists of the clients before enhanced presence (MS-SIP 3.3), the access lists and pending watchers of those (MS-SIP 3.7.5), and lists of ordinary phones (RFC 4662);
 * watcher information (RFC 3857).
 */
export const dialogKinds = ['self', 'batch', 'single', 'contacts', 'msrtc', 'pidf', 'adrl', 'acl', 'wpending', 'list', 'winfo'] as const
export type DialogKind = (typeof dialogKinds)[number]

/** By which a user watches what is its own. */
export const ownDialogKinds = ['self', 'contacts', 'acl', 'wpending', 'winfo'] as const satisfies readonly DialogKind[]

/** Parts of a self subscription's scope that this server knows (2.2.2.3.1). */
export const selfScopes = ['categories', 'containers', 'subscribers', 'delegates'] as const
export type SelfScope = (typeof selfScopes)[number]

/** Why we end a subscription (RFC 6665 4.1.3): its time is over, it should be opened anew, its resource is gone, it is not allowed; its contact list has moved to another store (MS-PRES 4.14.2). */
export const endReasons = ['timeout', 'deactivated', 'noresource', 'rejected', 'migrated'] as const
export type EndReason = (typeof endReasons)[number]

/** Lists of presence documents (MS-SIP 3.3, RFC 4662): what is said of one resource ends that one's part in the list, not the dialog. */
export const tellsResources = (kind: DialogKind): boolean => kind === 'adrl' || kind === 'list'

/** Dialogs whose notifications are event lists say so (RFC 4662 4.2). */
export const needsEventlist = ({ kind }: Pick<Dialog, 'kind'>): boolean => kind === 'self' || kind === 'batch' || kind === 'single' || tellsResources(kind)

/** Dialogs on many publishers at once: who opens one anew learns who is rejected. */
export const isListKind = (kind: DialogKind): boolean => kind === 'batch' || tellsResources(kind)

/** A live subscription dialog (SelfSubscriptionDialogEntry, CategorySubscriptionDialogEntry; 3.2.1). */
export interface Dialog {
  readonly subscriber: UserKey
  /** Our tag, chosen by the engine; with Call-ID and remoteTag it is the dialog's identity (RFC 3261 12). */
  readonly localTag: string
  readonly remoteTag: string
  readonly callId: string
  readonly kind: DialogKind
  /** Its package, and of the parameters those that count (see event-header.ts). */
  readonly event: string
  /** Undefined for subscribers that need not register (other domains). */
  readonly endpointId: EndpointId | undefined
  readonly network: SourceNetwork
  /** The proxy itself named the network; otherwise it follows the subscriber's domain. */
  readonly networkNamed: boolean
  /** From and To of what we send: the SUBSCRIBE's To and From with both tags, epid included. */
  readonly localText: string
  readonly remoteText: string
  /** The subscriber's Contact, the Request-URI of what we send, and the routes towards it. */
  readonly target: string
  readonly routes: readonly string[]
  readonly proxy: string
  readonly flow: string
  /** The Contact under which the proxy reaches this dialog's server side. */
  readonly contact: string
  /** BENOTIFY was negotiated (MS-SIP 3.5). */
  readonly benotify: boolean
  /** CSeq of the last notification, piggybacked ones included. */
  readonly cseq: number
  readonly remoteCseq: number
  /** When it last got something. */
  readonly notifiedAt: Instant
  readonly scope: readonly SelfScope[]
  /** Self dialogs: the publisher's revision that the first answer showed; 0 for others. Not moved later: what a refresh shows may be overtaken by an older notification that is already on its way, and must then be told again. */
  readonly since: number
  readonly createdAt: Instant
  readonly expiresAt: Instant
  /** Where every notification extends the life (com.microsoft.autoextend, MS-SIP 3.6): by how many milliseconds; 0 where it counts down. */
  readonly extendMs: number
  /** The client reads contact lists that have moved elsewhere by itself (ms-ucs, MS-PRES 3.10.4). */
  readonly ucs: boolean
  /** Which engine numbers it. */
  readonly sender: string
  /** Of a list of the clients before enhanced presence: the version of its last list document (RFC 4662 5.2). */
  readonly rlmiVersion: number
}

/** The seconds that a dialog is said to live on: all of them anew with every notification where that was negotiated, else what is left (MS-SIP 3.6). */
export const shownExpires = ({ expiresAt, extendMs }: Pick<Dialog, 'expiresAt' | 'extendMs'>, now: Instant): number =>
  extendMs > 0 && expiresAt > now ? Math.round(extendMs / 1000) : secondsLeft(expiresAt, now)

/** One publisher that a category dialog watches, with the categories of interest; kept on the publisher's side. */
export interface Subscription {
  readonly publisher: UserKey
  readonly subscriber: UserKey
  readonly localTag: string
  readonly network: SourceNetwork
  readonly categories: readonly string[]
  /** The publisher's revision when the subscription was made; what is older was in its answer. */
  readonly since: number
}

/** A notification ready for the proxy (contract version 1): headers without Via, Max-Forwards and Content-Length. */
export interface NotifyInstruction {
  readonly m: 'NOTIFY' | 'BENOTIFY'
  readonly ruri: string
  readonly flow: string
  readonly h: string
  readonly b: string
}
