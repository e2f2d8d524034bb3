import type { DomainKind } from '../core/model/network.ts'
import { effectiveRights, rightNames, type OwnRights, type RightName, type Rights } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Session, type Statement } from './session.ts'

/** The columns of both tables that hold rights. */
export const rightColumns = {
  incomingFederated: 'incoming_federated', outgoingFederated: 'outgoing_federated', incomingPublicCloud: 'incoming_public_cloud', outgoingPublicCloud: 'outgoing_public_cloud',
} as const satisfies Record<RightName, string>

type Columns<T> = Readonly<Record<(typeof rightColumns)[RightName], T>>

/** The columns of a domain's rights. */
export const domainRightColumns = (rights: Rights): Columns<boolean> => ({
  incoming_federated: rights.incomingFederated, outgoing_federated: rights.outgoingFederated, incoming_public_cloud: rights.incomingPublicCloud, outgoing_public_cloud: rights.outgoingPublicCloud,
})

/** The columns of a user's own rights; what is not set is null. */
export const ownRightColumns = (rights: OwnRights): Columns<boolean | null> => ({
  incoming_federated: rights.incomingFederated ?? null, outgoing_federated: rights.outgoingFederated ?? null, incoming_public_cloud: rights.incomingPublicCloud ?? null, outgoing_public_cloud: rights.outgoingPublicCloud ?? null,
})

export const readDomainRights = (row: Columns<boolean>): Rights => ({
  incomingFederated: row.incoming_federated, outgoingFederated: row.outgoing_federated, incomingPublicCloud: row.incoming_public_cloud, outgoingPublicCloud: row.outgoing_public_cloud,
})

/** Only what is set. */
export const readOwnRights = (row: Columns<boolean | null>): OwnRights =>
  Object.fromEntries(rightNames.flatMap((name) => (row[rightColumns[name]] === null ? [] : [[name, row[rightColumns[name]]]])))

/** What a user's own row says, and what comes of it with that of its domain. */
export interface UserRights {
  readonly own: OwnRights
  readonly effective: Rights
}

const COLUMNS = `u.incoming_federated, u.outgoing_federated, u.incoming_public_cloud, u.outgoing_public_cloud,
    coalesce(d.incoming_federated, true) AS of_domain_1, coalesce(d.outgoing_federated, true) AS of_domain_2,
    coalesce(d.incoming_public_cloud, true) AS of_domain_3, coalesce(d.outgoing_public_cloud, true) AS of_domain_4`

// Without a row nobody has taken a right away. Keys of publishers are those of users, so that this also tells who exists.
const OF_PUBLISHERS = statement('rights-of-publishers', `
  SELECT p.publisher, ${COLUMNS}
  FROM publisher p LEFT JOIN presence_user u ON u.user_uri = p.publisher LEFT JOIN domain d ON d.domain = u.domain WHERE p.publisher = ANY($1::text[])`)

const OF_USERS = statement('rights-of-users', `
  SELECT u.user_uri AS publisher, ${COLUMNS} FROM presence_user u LEFT JOIN domain d ON d.domain = u.domain WHERE u.user_uri = ANY($1::text[])`)

interface UserRow extends Columns<boolean | null> {
  readonly publisher: string
  readonly of_domain_1: boolean
  readonly of_domain_2: boolean
  readonly of_domain_3: boolean
  readonly of_domain_4: boolean
}

const load = async (session: Session, sql: Statement, users: readonly UserKey[]): Promise<ReadonlyMap<UserKey, UserRights>> =>
  new Map((await session.send<UserRow>(sql, [[...users]])).map((row) => {
    const own = readOwnRights(row)
    const ofDomain = { incomingFederated: row.of_domain_1, outgoingFederated: row.of_domain_2, incomingPublicCloud: row.of_domain_3, outgoingPublicCloud: row.of_domain_4 }
    return [row.publisher, { own, effective: effectiveRights(ofDomain, own) }]
  }))

/** The rights of those among these who are users of this server. */
export const loadRights = (session: Session, users: readonly UserKey[]): Promise<ReadonlyMap<UserKey, UserRights>> => load(session, OF_PUBLISHERS, users)

/** The same, and of those whom another pool of this deployment serves. */
export const loadRightsAnywhere = (session: Session, users: readonly UserKey[]): Promise<ReadonlyMap<UserKey, UserRights>> => load(session, OF_USERS, users)

/** Where a page of a scan goes on: behind the last row of the one before. */
export type After = readonly [string, string, string]

export const FROM_START: After = ['', '', '']

// The publisher's side alone, in the order of the partial index on edges from outside: few in most deployments, whatever the number of all edges.
const NOT_GRANTED = statement('edges-not-granted', `
  SELECT e.publisher, e.subscriber, e.local_tag FROM subscription e JOIN presence_user u ON u.user_uri = e.publisher LEFT JOIN domain d ON d.domain = u.domain
  WHERE e.network <> 'sameEnterprise' AND (e.publisher, e.subscriber, e.local_tag) > ($1, $2, $3)
    AND NOT CASE e.network WHEN 'federated' THEN coalesce(u.incoming_federated, d.incoming_federated, true) ELSE coalesce(u.incoming_public_cloud, d.incoming_public_cloud, true) END
  ORDER BY e.publisher, e.subscriber, e.local_tag LIMIT $4`)

/** One page of the edges from outside that the rights of their publishers do not allow (any more); the same rule as `grants`. */
export const findEdgesNotGranted = async (session: Session, [publisher, subscriber, localTag]: After, limit: number): Promise<readonly (DialogRef & { readonly publisher: UserKey })[]> =>
  (await session.send<{ publisher: string; subscriber: string; local_tag: string }>(NOT_GRANTED, [publisher, subscriber, localTag, limit])).map((row) => ({ publisher: row.publisher, subscriber: row.subscriber, localTag: row.local_tag }))

// The subscriber's side alone, in the order of the partial index on dialogs without an endpoint: those of users who are not ours. The domain is what
// stands behind the @, or all of a key without one.
const MISPLACED = statement('dialogs-misplaced', `
  SELECT o.subscriber, o.local_tag, o.kind FROM (
    SELECT a.subscriber, a.local_tag, a.network, a.network_named, coalesce(d.kind, $1) AS kind
    FROM dialog a LEFT JOIN domain d ON d.domain = substr(a.subscriber, position('@' in a.subscriber) + 1)
    WHERE a.endpoint_id IS NULL AND a.expires_at > $2 AND (a.subscriber, a.local_tag) > ($3, $4)) AS o
  WHERE o.kind = 'blocked' OR (NOT o.network_named AND o.network <> CASE o.kind WHEN 'enterprise' THEN 'sameEnterprise' ELSE o.kind END)
  ORDER BY o.subscriber, o.local_tag LIMIT $5`)

/** One page of the living dialogs of which the domain table says something else than when they were opened; domains that are not in it count as `unknownKind`. */
export const findMisplacedDialogs = async (session: Session, unknownKind: DomainKind, now: number, [subscriber, localTag]: After, limit: number): Promise<readonly (DialogRef & { readonly domainKind: DomainKind })[]> =>
  (await session.send<{ subscriber: string; local_tag: string; kind: DomainKind }>(MISPLACED, [unknownKind, now, subscriber, localTag, limit])).map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag, domainKind: row.kind }))
