import type { ContactChange, ContactDelta } from '../core/model/contact.ts'
import { noMove, type ContactMove, type UcsMode } from '../core/model/contact-store.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadSetting } from './deployment-settings.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Session, type Transaction } from './session.ts'

interface MoveRow {
  readonly user_uri: string
  readonly permitted: boolean | null
  readonly mode: UcsMode
  readonly epoch: number
  readonly attempts: number
  readonly reason: string | null
  readonly due_at: number | null
  readonly changed_at: number
}

const read = (row: MoveRow): ContactMove =>
  ({ user: row.user_uri, permitted: row.permitted ?? undefined, mode: row.mode, epoch: row.epoch, attempts: row.attempts, reason: row.reason ?? undefined, dueAt: row.due_at ?? undefined, changedAt: row.changed_at })

const GET = statement('contact-store-get', 'SELECT * FROM contact_store WHERE user_uri = $1')

/** How a user's list stands between here and the store elsewhere. */
export const loadMove = async (session: Session, user: UserKey): Promise<ContactMove> => {
  const [row] = await session.send<MoveRow>(GET, [user])
  return row === undefined ? noMove(user) : read(row)
}

/** The mode that subscribers are told; undefined where there is no store elsewhere. */
export const loadUcsMode = async (session: Session, user: UserKey, isOn: boolean): Promise<UcsMode | undefined> => (isOn ? (await loadMove(session, user)).mode : undefined)

/** Whether lists may move of users of whom nothing else is said. */
export const loadPermitted = async (session: Session): Promise<boolean> => (await loadSetting(session, 'contactStore'))?.allowed ?? false

const PUT = statement('contact-store-put', `
  INSERT INTO contact_store (user_uri, permitted, mode, epoch, attempts, reason, due_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (user_uri) DO UPDATE SET permitted = excluded.permitted, mode = excluded.mode, epoch = excluded.epoch, attempts = excluded.attempts, reason = excluded.reason,
    due_at = excluded.due_at, changed_at = excluded.changed_at`)

/** Writes how a list stands, under its user's lock. */
export const putMove = (tx: Transaction, { user, permitted, mode, epoch, attempts, reason, dueAt, changedAt }: ContactMove): Promise<unknown> =>
  tx.send(PUT, [user, permitted ?? null, mode, epoch, attempts, reason ?? null, dueAt ?? null, changedAt])

// The one that has waited longest. Its time is moved on in the same statement: other engines leave it alone until then, and take it up should this one die.
const CLAIM = statement('contact-store-claim', `
  WITH due AS MATERIALIZED (SELECT user_uri FROM contact_store WHERE due_at <= $1 ORDER BY due_at, user_uri LIMIT 1 FOR UPDATE SKIP LOCKED)
  UPDATE contact_store SET due_at = $2 FROM due WHERE contact_store.user_uri = due.user_uri RETURNING contact_store.*`)

/** The next user with something to do, who is this engine's until a time; undefined when there is none. */
export const claimMove = async (session: Session, now: number, until: number): Promise<ContactMove | undefined> => (await session.send<MoveRow>(CLAIM, [now, until])).map(read)[0]

const HASTEN = statement('contact-store-hasten', "UPDATE contact_store SET due_at = $1 WHERE mode = 'allowed' AND due_at > $1")

/** Has all waiting users looked at, after what holds for everybody has changed. */
export const hastenMoves = (session: Session, now: number): Promise<unknown> => session.send(HASTEN, [now])

const LOCK_DIALOGS = statement('contact-store-dialogs', `
  SELECT subscriber, local_tag FROM dialog WHERE subscriber = $1 AND kind = 'contacts' AND ucs AND expires_at > $2 ORDER BY subscriber, local_tag FOR UPDATE`)

/** Locks the living dialogs of a user's list whose clients read the store elsewhere by themselves. */
export const lockUcsDialogs = async (tx: Transaction, user: UserKey, now: number): Promise<readonly DialogRef[]> =>
  (await tx.send<{ subscriber: string; local_tag: string }>(LOCK_DIALOGS, [user, now])).map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag }))

const WATCHED = statement('contact-store-watched', "SELECT 1 FROM dialog WHERE subscriber = $1 AND kind = 'contacts' AND expires_at > $2 LIMIT 1")

/** Whether anybody watches a user's list here. */
export const isListWatched = async (session: Session, user: UserKey, now: number): Promise<boolean> => (await session.send(WATCHED, [user, now])).length > 0

const LOOK_SOON = statement('contact-store-look-soon', "UPDATE contact_store SET due_at = $2 WHERE user_uri = $1 AND mode = 'migrated' AND (due_at IS NULL OR due_at > $2)")

/** Has the copy of a list that is kept elsewhere looked at. */
export const lookSoon = (session: Session, user: UserKey, now: number): Promise<unknown> => session.send(LOOK_SOON, [user, now])

const LOOKED = statement('contact-store-looked', 'UPDATE contact_store SET due_at = $3, attempts = $4, reason = $5 WHERE user_uri = $1 AND due_at = $2')

/** What came of a look at a list that is kept elsewhere, and when the next one is due; unless somebody has asked for one since it was claimed. */
export const putLooked = (session: Session, { user, dueAt: claimedUntil }: ContactMove, { dueAt, attempts, reason }: Pick<ContactMove, 'dueAt' | 'attempts' | 'reason'>): Promise<unknown> =>
  session.send(LOOKED, [user, claimedUntil, dueAt ?? null, attempts, reason ?? null])

const OWE = statement('contact-store-change-put', 'INSERT INTO contact_store_change (user_uri, delta_num, prev_delta_num, change) SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[])')

/** Keeps changes for the store elsewhere, until it has taken them. */
export const oweChanges = (tx: Transaction, user: UserKey, deltas: readonly ContactDelta[]): Promise<unknown> =>
  tx.send(OWE, [user, deltas.map(({ deltaNum }) => deltaNum), deltas.map(({ prevDeltaNum }) => prevDeltaNum), deltas.map(({ change }) => JSON.stringify(change))])

const OWED = statement('contact-store-changes', 'SELECT delta_num, prev_delta_num, change FROM contact_store_change WHERE user_uri = $1 ORDER BY delta_num LIMIT $2')

/** What the store elsewhere has not taken yet, in order. */
export const loadOwedChanges = async (session: Session, user: UserKey, limit: number): Promise<readonly ContactDelta[]> =>
  (await session.send<{ delta_num: number; prev_delta_num: number; change: string }>(OWED, [user, limit]))
    .map((row) => ({ deltaNum: row.delta_num, prevDeltaNum: row.prev_delta_num, change: JSON.parse(row.change) as ContactChange }))

const PAID = statement('contact-store-changes-paid', 'DELETE FROM contact_store_change WHERE user_uri = $1 AND ($2::bigint IS NULL OR delta_num <= $2)')

/** Forgets changes up to a number, which the store elsewhere has taken; all of them without one. */
export const forgetOwedChanges = (session: Session, user: UserKey, upTo?: number): Promise<unknown> => session.send(PAID, [user, upTo ?? null])

const LIST = statement('contact-store-list', 'SELECT * FROM contact_store WHERE mode = $1 AND user_uri > $2 ORDER BY user_uri LIMIT $3')
const LIST_ALL = statement('contact-store-list-all', 'SELECT * FROM contact_store WHERE user_uri > $1 ORDER BY user_uri LIMIT $2')

/** One page of the users of whom anything is said or was asked, after `after`, in one mode if given. */
export const listMoves = async (session: Session, mode: UcsMode | undefined, limit: number, after: string): Promise<readonly ContactMove[]> =>
  (mode === undefined ? await session.send<MoveRow>(LIST_ALL, [after, limit]) : await session.send<MoveRow>(LIST, [mode, after, limit])).map(read)

const COUNT = statement('contact-store-count', 'SELECT mode, count(*) AS users FROM contact_store GROUP BY mode')

/** How many users are in which mode; the others are in `disabled`. */
export const countMoves = async (session: Session): Promise<ReadonlyMap<UcsMode, number>> =>
  new Map((await session.send<{ mode: UcsMode; users: number }>(COUNT, [])).map(({ mode, users }) => [mode, users]))
