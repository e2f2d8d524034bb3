import type { Instant } from '../base/instant.ts'
import type { EndpointId } from '../sip/endpoint-id.ts'

/**
 * An endpoint of a user: registered, as the proxy's registrar reported it, or one that is not registered for all we know but publishes by PUBLISH
 * (RFC 3903), one for each entity tag. The latter bounds publications like any other; it has no connection, so that nothing is sent to it.
 */
export interface Endpoint {
  readonly endpointId: EndpointId
  /** The UUID as the client wrote it in +sip.instance (or the computed one); documents show this form. */
  readonly instanceId: string
  readonly epid: string | undefined
  /** The proxy that carries the connection, and its opaque token for it. */
  readonly proxy: string
  readonly flow: string
  /** The registered Contact URI and the REGISTER's Call-ID: which binding of the registrar this is. */
  readonly contact: string
  readonly callId: string
  /** CSeq of the REGISTER: of two with the same Call-ID the higher one is the later one, in whatever order they come here (RFC 3261 10.3). */
  readonly cseq: number
  readonly registeredAt: Instant
  readonly expiresAt: Instant
  /** The current entity tag of what it publishes by PUBLISH; registered endpoints have none. */
  readonly entityTag?: string
}

/** Is it there by PUBLISH alone? Then no REGISTER, registrar or SUBSCRIBE is ever about it. */
export const isEventState = ({ entityTag }: Endpoint): boolean => entityTag !== undefined
