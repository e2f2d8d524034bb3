import type { AggregationPlan } from '../core/aggregation/plan.ts'
import type { Instant } from '../core/base/instant.ts'
import type { NotifyInstruction } from '../core/model/dialog.ts'
import type { SourceNetwork } from '../core/model/network.ts'
import type { ContactLimits } from '../core/contacts/change-contacts.ts'
import type { MigratedWrites } from '../core/contacts/contact-store.ts'
import type { EventStateLimits } from '../core/publications/event-state.ts'
import type { SubscriberLimits } from '../core/subscribers/record-subscriber.ts'
import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { SipReply } from '../core/sip/reply.ts'
import type { SipRequest } from '../core/sip/request.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Path } from '../core/subscriptions/dialog.ts'
import type { ExpiryLimits } from '../core/subscriptions/lifetime.ts'
import type { Store } from '../store/connect.ts'
import type { Sender } from '../store/sender.ts'
import type { CategoryDirectory } from './category-directory.ts'
import type { ConflictGuard } from './conflict-guard.ts'
import type { Directory } from './directory.ts'
import type { DomainDirectory } from './domain-directory.ts'
import type { MemberDomains } from './member-domains.ts'
import type { ProvisioningDirectory } from './provisioning-directory.ts'
import type { RateGuard } from './rate-guard.ts'
import type { TemplateDirectory } from './template-directory.ts'

/** Bounds that an operator may set. */
export interface EngineLimits {
  readonly subscriptionExpires: ExpiryLimits
  readonly maxContainerMembers: number
  /** Of the subscriber list of one publisher, and of what the contexts on it hold. */
  readonly subscribers: SubscriberLimits
  readonly maxDelegates: number
  readonly contacts: ContactLimits
  /** How long somebody of whom nothing was decided waits on behind its subscription, in seconds (RFC 3857 4.7.1). */
  readonly watcherWait: number
  /** Entries of the access list of one user. */
  readonly maxAccessEntries: number
  /** Subscriptions of others to one publisher. */
  readonly maxIncoming: number
  /** Dialogs through which one subscriber may watch one publisher. */
  readonly maxDialogsPerPair: number
  /** What all publications of one publisher may weigh, so that a self subscription's answer fits a message. */
  readonly maxPublisherBytes: number
  /** Bytes of one answer; what a batch does not fit in is told afterwards. */
  readonly maxAnswerBytes: number
  readonly maxResourcesPerDialog: number
  readonly maxCategoriesPerRequest: number
  /** Of what phones publish by PUBLISH. */
  readonly eventStates: EventStateLimits
}

/** Chance comes in from outside, so that stories can be told with known tags. */
export interface Chance {
  /** A fresh dialog tag, unguessable. */
  readonly tag: () => string
  /** A fresh multipart boundary. */
  readonly boundary: () => string
  /** A number from 0 to 1. */
  readonly fraction: () => number
}

/** The protocols beside enhanced presence that an operator may switch off; what is off is answered as by servers that do not have it. */
export interface Features {
  /** setPresence and getPresence (MS-SIP 3.2). */
  readonly legacyPresence: boolean
  /** Lists of presentities in one SUBSCRIBE (MS-SIP 3.3). */
  readonly adhocLists: boolean
  /** Access lists and pending watchers (MS-SIP 2.2.3, 3.7). */
  readonly accessLists: boolean
  /** Lists of resources of ordinary phones (RFC 4662, RFC 5367). */
  readonly resourceLists: boolean
  /** Who watches a user, for itself (RFC 3857). */
  readonly watcherInfo: boolean
  /** Search for users (2.2.1, 3.1). */
  readonly directorySearch: boolean
  /** Watchers of PIDF need no registration where their proxy says who they are. */
  readonly unregisteredPhones: boolean
  /** Contact lists that move to a store elsewhere (3.10). */
  readonly contactStore: boolean
  /** PUBLISH of ordinary phones (RFC 3903). */
  readonly publish: boolean
}

export interface EngineDeps {
  readonly store: Store
  /** Numbers what is sent in dialogs. */
  readonly sender: Sender
  readonly domains: DomainDirectory
  readonly now: () => Instant
  readonly chance: Chance
  readonly categories: CategoryDirectory
  /** What the server computes from publications (3.8). */
  readonly plan: AggregationPlan
  /** How presence is shown to watchers in other formats (3.7). */
  readonly presenceTerms: () => Promise<PresenceTerms>
  readonly conflicts: ConflictGuard
  readonly rates: RateGuard
  readonly template: TemplateDirectory
  readonly provisioning: ProvisioningDirectory
  readonly memberDomains: MemberDomains
  /** Where users are looked for (3.1). */
  readonly directory: Directory
  readonly limits: EngineLimits
  /** How long an endpoint may be without its connection before it counts as gone, in milliseconds. */
  readonly lostConnectionGraceMs: number
  /** Enterprise users are created by their first registration. */
  readonly createUsersOnRegister: boolean
  /** The server publishes what the directory says of its users (3.2.6.2). */
  readonly serverPublications: boolean
  readonly features: Features
  /** What becomes of changes of contact lists that are kept in a store elsewhere (3.10.4). */
  readonly migratedWrites: MigratedWrites
}

/** How a request came in: the proxy, its token for the connection, and what it says about the sender. */
export interface Arrival {
  readonly proxy: string
  readonly flow: string
  /** URI under which the client reaches this proxy; the Contact of our side of a dialog. */
  readonly contact: string
  /** The identity that the proxy authenticated, if it did. */
  readonly user: UserKey | undefined
  readonly network: SourceNetwork | undefined
  /** The proxy says that the sender is registered without user services (MS-SIPREGE 3.1.1.5.1): nothing of it is kept. */
  readonly survivable: boolean
  /** Names this request in the log, in ms-diagnostics and in the change it makes. */
  readonly trace: string
}

/** A request that passed the common checks, with the network its sender comes from. */
export interface Call {
  readonly request: SipRequest
  readonly arrival: Arrival
  readonly network: SourceNetwork
  readonly now: Instant
}

/** On whose behalf somebody is to be watched: that of a call, or of a dialog whose client does not ask just now. */
export interface Asking {
  readonly request: Pick<SipRequest, 'fromUser' | 'fromTag' | 'toTag' | 'callId' | 'expires' | 'require' | 'accept' | 'contentType'> & { readonly from: Pick<SipRequest['from'], 'displayName'> }
  readonly arrival: Pick<Arrival, 'trace'>
  readonly network: SourceNetwork
  readonly now: Instant
}

/** Where the call came in, for the dialog that it opens or renews. */
export const pathOf = ({ arrival: { proxy, flow, contact, network: named }, network }: Call): Path => ({ network, networkNamed: named !== undefined, proxy, flow, contact })

/** The request is not for this server: the proxy relays it to where To is at home. Nothing was carried out. */
export interface Relay {
  readonly relay: true
}

/** What a PUBLISH did with what is published under its tag (RFC 3903 4.1). */
export type EventStateOperation = 'published' | 'modified' | 'refreshed' | 'removed'

/** What goes back to the proxy, and whose changes are to be told once it is on its way. */
export interface Answer {
  readonly reply: SipReply
  readonly notify: readonly NotifyInstruction[]
  readonly touched: readonly UserKey[]
  /** Only of a PUBLISH that was carried out, and not before. */
  readonly eventState?: EventStateOperation
}
