import type { Instant } from '../base/instant.ts'
import type { Endpoint } from '../model/endpoint.ts'
import type { UserKey } from '../sip/uri.ts'
import { EXPIRY_MARGIN_MS } from './register.ts'

/** An endpoint with its user. */
export interface RegisteredEndpoint extends Endpoint {
  readonly user: UserKey
}

/** What the registrar of a proxy says of an endpoint: for how many seconds more it is registered, 0 when it is not at all, or that this cannot be said now. */
export type Held = number | 'unclear'

/**
 * Until when an endpoint counts as registered, after what the registrar of its proxy said; undefined when nothing changes. One that is not there has
 * `graceMs` to come back, like one whose connection was lost. One that is there for longer than we knew has been refreshed without our hearing of it.
 */
export const decideLease = ({ expiresAt }: Endpoint, held: Held, now: Instant, graceMs: number): Instant | undefined => {
  if (held === 'unclear') return undefined
  if (held === 0) return now + graceMs < expiresAt ? now + graceMs : undefined
  return now + held * 1000 > expiresAt ? now + held * 1000 + EXPIRY_MARGIN_MS : undefined
}
