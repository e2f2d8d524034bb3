import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session } from './session.ts'

/** Bounds that hold for one user in place of the deployment's; what is not set is as for all. */
export interface UserLimits {
  /** Contacts on its contact list. */
  readonly maxContacts?: number
  /** Contacts that one of its category subscriptions may watch, and categories of each. */
  readonly maxResourcesPerDialog?: number
  readonly maxCategoriesPerRequest?: number
  /** Category subscriptions of others to it. */
  readonly maxIncoming?: number
}

const OF_USER = statement('limits-of-user', 'SELECT limits FROM presence_user WHERE user_uri = $1')

/** The own bounds of a user; none for those who are not users of this server. */
export const loadUserLimits = async (session: Session, user: UserKey): Promise<UserLimits> => (await session.send<{ limits: UserLimits }>(OF_USER, [user]))[0]?.limits ?? {}

// A subscriber that is among them already takes no more room. Counted no further than the bound: it is asked in every batch, for each contact.
const TOO_MANY = statement('watched-by-too-many', `
  SELECT p.publisher FROM unnest($1::text[]) AS p (publisher) JOIN presence_user AS u ON u.user_uri = p.publisher
  CROSS JOIN LATERAL (SELECT coalesce((u.limits->>'maxIncoming')::bigint, $3)) AS bound (most)
  WHERE (SELECT count(*) FROM (SELECT FROM subscription AS s WHERE s.publisher = p.publisher AND s.subscriber <> $2 LIMIT bound.most) AS others) >= bound.most`)

/** Those among these users whom as many others watch as may be (3.4.5.1.3.1). */
export const findWatchedByTooMany = async (session: Session, users: readonly UserKey[], subscriber: UserKey, maxIncoming: number): Promise<readonly UserKey[]> =>
  (await session.send<{ publisher: string }>(TOO_MANY, [[...users], subscriber, maxIncoming])).map((row) => row.publisher)

// Behind the lock of a subscriber of ours the count is exact; those of other domains have no row to lock, and may overshoot by what they send at once.
const FULL_PAIRS = statement('pairs-full', `
  SELECT p.publisher FROM unnest($1::text[]) AS p (publisher) WHERE (
    SELECT count(*) FROM subscription AS s JOIN dialog AS d ON d.subscriber = s.subscriber AND d.local_tag = s.local_tag
    WHERE s.publisher = p.publisher AND s.subscriber = $2 AND d.expires_at > $3 AND (d.kind NOT IN ('batch', 'adrl') OR d.endpoint_id IS NULL) AND NOT (d.call_id = $4 AND d.remote_tag = $5)) >= $6`)

/** A dialog by what its SUBSCRIBEs carry, whether it exists or not. */
export interface AskingDialog {
  readonly subscriber: UserKey
  readonly callId: string
  readonly remoteTag: string
}

/** Those among these users whom a subscriber watches through as many living dialogs as may be, not counting the one that asks nor the dialogs of its endpoints on lists. */
export const findFullPairs = async (session: Session, users: readonly UserKey[], { subscriber, callId, remoteTag }: AskingDialog, most: number, now: number): Promise<readonly UserKey[]> =>
  (await session.send<{ publisher: string }>(FULL_PAIRS, [[...users], subscriber, now, callId, remoteTag, most])).map((row) => row.publisher)

const POOLS = statement('home-pools-of', 'SELECT user_uri, home_pool FROM presence_user WHERE user_uri = ANY($1::text[]) AND home_pool IS NOT NULL')

/** The pools of those among these users who are served elsewhere in this deployment. */
export const findHomePools = async (session: Session, users: readonly UserKey[]): Promise<ReadonlyMap<UserKey, string>> =>
  new Map((await session.send<{ user_uri: string; home_pool: string }>(POOLS, [[...users]])).map((row) => [row.user_uri, row.home_pool]))
