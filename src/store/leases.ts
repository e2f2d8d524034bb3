import type { RegisteredEndpoint } from '../core/registrations/lease.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { readEndpoint, type EndpointRow } from './endpoints.ts'
import { statement, type Session, type Transaction } from './session.ts'

// Until when endpoints count as registered, read and changed for many users at a time.
const read = (row: EndpointRow): RegisteredEndpoint => ({ user: row.user_uri, ...readEndpoint(row) })

const OF_PROXY = statement('leases-of-proxy', `
  SELECT * FROM endpoint WHERE proxy = $1 AND (user_uri, endpoint_id) > ($2, $3) ORDER BY user_uri, endpoint_id LIMIT $4`)

/** The next page of the endpoints of a proxy, in the order of user and id; those whose time has run out and whom nobody has ended yet included. */
export const loadEndpointsOfProxy = async (session: Session, proxy: string, after: readonly [user: UserKey, endpointId: string], limit: number): Promise<readonly RegisteredEndpoint[]> =>
  (await session.send<EndpointRow>(OF_PROXY, [proxy, ...after, limit])).map(read)

const RUN_OUT = statement('leases-run-out', 'SELECT * FROM endpoint WHERE user_uri = ANY($1::text[]) AND expires_at <= $2 ORDER BY user_uri, endpoint_id')

/** The endpoints of these users whose time has run out. */
export const loadRunOut = async (session: Session, users: readonly UserKey[], now: number): Promise<readonly RegisteredEndpoint[]> => (await session.send<EndpointRow>(RUN_OUT, [[...users], now])).map(read)

/** An endpoint as it was read, and until when it shall count as registered from now on. */
export interface Lease {
  readonly endpoint: RegisteredEndpoint
  readonly until: number
}

const LOCK = statement('leases-lock', 'SELECT publisher FROM publisher WHERE publisher = ANY($1::text[]) ORDER BY publisher FOR UPDATE')

// Only rows that nobody has touched since they were read: every REGISTER and every lost connection moves the expiry. Decisions are made on endpoints, hence the
// revision.
const PUT = statement('leases-put', `
  WITH put AS (
    UPDATE endpoint SET expires_at = lease.until FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS lease (user_uri, endpoint_id, contact, call_id, expires_at, until)
    WHERE endpoint.user_uri = lease.user_uri AND endpoint.endpoint_id = lease.endpoint_id AND endpoint.contact = lease.contact AND endpoint.call_id = lease.call_id AND endpoint.expires_at = lease.expires_at
    RETURNING endpoint.user_uri, endpoint.expires_at < lease.expires_at AS shorter
  ), revised AS (
    UPDATE publisher SET revision = revision + 1 FROM (SELECT DISTINCT user_uri FROM put) AS whose WHERE publisher.publisher = whose.user_uri
  )
  SELECT shorter FROM put`)

/** Puts new leases on endpoints that are still as they were read; says how many became shorter and how many longer. */
export const putLeases = async (tx: Transaction, leases: readonly Lease[]): Promise<{ readonly shorter: number; readonly longer: number }> => {
  if (leases.length === 0) return { shorter: 0, longer: 0 }
  const of = <T>(column: (lease: Lease) => T): T[] => leases.map(column)
  void tx.send(LOCK, [of(({ endpoint }) => endpoint.user)])
  const put = await tx.send<{ shorter: boolean }>(PUT, [
    of(({ endpoint }) => endpoint.user), of(({ endpoint }) => endpoint.endpointId), of(({ endpoint }) => endpoint.contact), of(({ endpoint }) => endpoint.callId), of(({ endpoint }) => endpoint.expiresAt),
    of(({ until }) => until),
  ])
  const shorter = put.filter((row) => row.shorter).length
  return { shorter, longer: put.length - shorter }
}
