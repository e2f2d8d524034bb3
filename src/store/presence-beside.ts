import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session } from './session.ts'
import { loadLinked } from './users.ts'

const EPIDS = statement('endpoints-epids', 'SELECT user_uri, endpoint_id, epid FROM endpoint WHERE user_uri = ANY($1::text[]) AND epid IS NOT NULL')

/** What presence documents show of publishers beside their publications, those of the terms included: other addresses, and where devices are shown their epids. In one round trip. */
export const loadPresenceTerms = async (session: Session, publishers: readonly UserKey[], terms: PresenceTerms): Promise<(publisher: UserKey) => PresenceTerms> => {
  const [linked, rows] = await Promise.all([
    loadLinked(session, publishers),
    terms.showsDevices.size === 0 ? [] : session.send<{ user_uri: string; endpoint_id: string; epid: string }>(EPIDS, [[...publishers]]),
  ])
  const endpoints = Map.groupBy(rows, (row) => row.user_uri)
  return (publisher) => ({ ...terms, linked: linked.get(publisher), epids: new Map((endpoints.get(publisher) ?? []).map((row) => [row.endpoint_id, row.epid])) })
}
