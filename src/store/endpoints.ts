import { isEventState, type Endpoint } from '../core/model/endpoint.ts'
import type { EndpointId } from '../core/sip/endpoint-id.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A row of endpoint, as columns or as JSON. */
export interface EndpointRow {
  readonly user_uri: string
  readonly endpoint_id: string
  readonly instance_id: string
  readonly epid: string | null
  readonly proxy: string
  readonly flow: string
  readonly contact: string
  readonly call_id: string
  readonly cseq: number
  readonly registered_at: number
  readonly expires_at: number
  readonly entity_tag: string | null
}

export const readEndpoint = (row: EndpointRow): Endpoint => ({
  endpointId: row.endpoint_id, instanceId: row.instance_id, epid: row.epid ?? undefined, proxy: row.proxy, flow: row.flow,
  contact: row.contact, callId: row.call_id, cseq: row.cseq, registeredAt: row.registered_at, expiresAt: row.expires_at,
  ...(row.entity_tag === null ? {} : { entityTag: row.entity_tag }),
})

const SELECT = statement('endpoints-of', 'SELECT * FROM endpoint WHERE user_uri = $1 ORDER BY endpoint_id')

/** All endpoints of a user, expired ones that nobody has cleaned yet included. */
export const loadEndpoints = async (session: Session, user: UserKey): Promise<readonly Endpoint[]> =>
  (await session.send<EndpointRow>(SELECT, [user])).map(readEndpoint)

const UPSERT = statement('endpoint-put', `
  INSERT INTO endpoint (user_uri, endpoint_id, instance_id, epid, proxy, flow, contact, call_id, registered_at, expires_at, cseq, entity_tag)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
  ON CONFLICT (user_uri, endpoint_id) DO UPDATE SET instance_id = excluded.instance_id, epid = excluded.epid, proxy = excluded.proxy,
    flow = excluded.flow, contact = excluded.contact, call_id = excluded.call_id, expires_at = excluded.expires_at, cseq = excluded.cseq,
    entity_tag = excluded.entity_tag`)

// Registrations are refreshed more often than subscriptions: dialogs follow the endpoint to its new connection (3.3.5.2, 3.4.5.2). What they are owed
// goes along, and need not wait any longer: mostly it could not be told because the old connection was gone. Locked in a statement of its own, behind which the
// debts are seen that whoever held the dialogs has just noted.
const LOCK_MOVING = statement('endpoint-lock-moving', `
  SELECT 1 FROM dialog WHERE subscriber = $1 AND endpoint_id = $2 AND (proxy <> $3 OR flow <> $4) ORDER BY subscriber, local_tag FOR UPDATE`)
const MOVE_DIALOGS = statement('endpoint-move-dialogs', `
  WITH moved AS (UPDATE dialog SET proxy = $3, flow = $4 WHERE subscriber = $1 AND endpoint_id = $2 AND (proxy <> $3 OR flow <> $4) RETURNING subscriber, local_tag)
  UPDATE deferred SET proxy = $3, due_at = least(due_at, $5) FROM moved WHERE deferred.subscriber = moved.subscriber AND deferred.local_tag = moved.local_tag`)

const moveDialogs = (tx: Transaction, user: UserKey, endpoint: Endpoint): readonly Promise<unknown>[] => [
  tx.send(LOCK_MOVING, [user, endpoint.endpointId, endpoint.proxy, endpoint.flow]),
  tx.send(MOVE_DIALOGS, [user, endpoint.endpointId, endpoint.proxy, endpoint.flow, endpoint.registeredAt]),
]

export const putEndpoint = (tx: Transaction, user: UserKey, endpoint: Endpoint): readonly Promise<unknown>[] => [
  tx.send(UPSERT, [user, endpoint.endpointId, endpoint.instanceId, endpoint.epid ?? null, endpoint.proxy, endpoint.flow, endpoint.contact, endpoint.callId, endpoint.registeredAt, endpoint.expiresAt, endpoint.cseq, endpoint.entityTag ?? null]),
  // Without a connection it has no dialogs either.
  ...(isEventState(endpoint) ? [] : moveDialogs(tx, user, endpoint)),
]

const DELETE = statement('endpoint-delete', 'DELETE FROM endpoint WHERE user_uri = $1 AND endpoint_id = ANY($2::text[])')

export const deleteEndpoints = (tx: Transaction, user: UserKey, ids: readonly EndpointId[]): Promise<unknown> => tx.send(DELETE, [user, [...ids]])

// Publishing endpoints are part of what decisions are made on, hence the revision.
const SHORTEN = statement('endpoints-shorten', `
  WITH revised AS (UPDATE publisher SET revision = revision + 1 WHERE publisher = $1)
  UPDATE endpoint SET expires_at = least(expires_at, $3) WHERE user_uri = $1 AND endpoint_id = ANY($2::text[])`)

/** Lets endpoints expire at a time, if they would not do so earlier. */
export const shortenEndpoints = (tx: Transaction, user: UserKey, ids: readonly EndpointId[], until: number): Promise<unknown> => tx.send(SHORTEN, [user, [...ids], until])

const LIVING = statement('endpoints-living', `
  SELECT endpoint.user_uri, endpoint.endpoint_id FROM endpoint JOIN unnest($1::text[], $2::text[]) AS asked (user_uri, endpoint_id)
    ON endpoint.user_uri = asked.user_uri AND endpoint.endpoint_id = asked.endpoint_id WHERE endpoint.expires_at > $3`)

/** Which of these endpoints are registered, as `user endpointId`. */
export const findLivingEndpoints = async (session: Session, asked: readonly { readonly user: UserKey; readonly endpointId: EndpointId }[], now: number): Promise<ReadonlySet<string>> =>
  new Set((await session.send<{ user_uri: string; endpoint_id: string }>(LIVING, [asked.map(({ user }) => user), asked.map(({ endpointId }) => endpointId), now])).map((row) => `${row.user_uri} ${row.endpoint_id}`))

const EXPIRED = statement('endpoints-expired', 'SELECT DISTINCT user_uri FROM endpoint WHERE expires_at <= $1 LIMIT $2')

/** Users with an endpoint whose registration ran out without the proxy saying so. */
export const findUsersWithExpiredEndpoints = async (session: Session, now: number, limit: number): Promise<readonly UserKey[]> =>
  (await session.send<{ user_uri: string }>(EXPIRED, [now, limit])).map((row) => row.user_uri)
