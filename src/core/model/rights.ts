import type { SourceNetwork } from './network.ts'

/** Who may be watched from outside, and who may watch there (3.4.5.3). */
export const rightNames = ['incomingFederated', 'outgoingFederated', 'incomingPublicCloud', 'outgoingPublicCloud'] as const
export type RightName = (typeof rightNames)[number]

/** All rights of a user, or the defaults of a domain. */
export type Rights = Readonly<Record<RightName, boolean>>

/** Rights that are set at a user itself; the others are those of its domain. */
export type OwnRights = Readonly<Partial<Rights>>

export const allGranted: Rights = { incomingFederated: true, outgoingFederated: true, incomingPublicCloud: true, outgoingPublicCloud: true }

/** A user's own word goes before that of its domain. */
export const effectiveRights = (ofDomain: Rights, own: OwnRights): Rights => ({ ...ofDomain, ...own })

/** Incoming: others watch the user. Outgoing: the user watches others. */
export type Direction = 'incoming' | 'outgoing'

/** True when the rights of our user allow a subscription from or to that network; inside the enterprise nothing needs a right (3.4.5.3). */
export const grants = (rights: Rights, direction: Direction, network: SourceNetwork): boolean => {
  if (network === 'sameEnterprise') return true
  const federated = network === 'federated'
  if (direction === 'incoming') return federated ? rights.incomingFederated : rights.incomingPublicCloud
  return federated ? rights.outgoingFederated : rights.outgoingPublicCloud
}

/** True when something was granted before that is not now; without a word from before everything was. */
export const takesAway = (before: Rights | undefined, after: Rights): boolean => rightNames.some((name) => (before?.[name] ?? true) && !after[name])
