import type { Touch } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

/** A committed change that has not been told to everyone yet. */
export interface PendingChange {
  readonly publisher: UserKey
  readonly id: number
  readonly touch: Touch
  readonly trace: string
  readonly at: number
}

// The revision was moved just before, under the publisher's lock: ids rise in the order of commits whatever the clocks say.
const APPEND = statement('change-append', `
  INSERT INTO change (publisher, id, touch, trace, at) SELECT publisher, revision, $2, $3, $4 FROM publisher WHERE publisher = $1`)

/** Appends the one row that a transaction on a publisher leaves for fan-out. */
export const appendChange = (tx: Transaction, publisher: UserKey, touch: Touch, trace: string, now: number): Promise<unknown> =>
  tx.send(APPEND, [publisher, JSON.stringify(touch), trace, now])

const LOCK = statement('fan-out-lock', 'SELECT publisher FROM fan_out WHERE publisher = ANY($1::text[]) ORDER BY publisher FOR UPDATE SKIP LOCKED')
const PENDING = statement('changes-of', 'SELECT publisher, id, touch, trace, at FROM change WHERE publisher = ANY($1::text[]) ORDER BY publisher, id')

/** The right to tell these publishers' changes, without those that another node is telling, and the changes themselves. */
export interface Claim {
  readonly publishers: ReadonlySet<UserKey>
  readonly changes: readonly PendingChange[]
}

/**
 * Takes the right to tell these publishers' changes until the transaction ends, leaving out those that another node is telling. Whoever
 * sends something about a publisher holds it: that keeps newer state behind older. Order of locks: publisher's telling, dialogs, debts.
 */
export const claimPublishers = async (tx: Transaction, publishers: readonly UserKey[]): Promise<ReadonlySet<UserKey>> =>
  new Set((await tx.send<{ publisher: string }>(LOCK, [[...publishers]])).map((row) => row.publisher))

/** Claims publishers and reads their changes. Whatever is sent together with it runs behind it, and so sees all that is committed by then. */
export const claimChanges = async (tx: Transaction, publishers: readonly UserKey[]): Promise<Claim> => {
  const [mine, rows] = await Promise.all([
    claimPublishers(tx, publishers),
    tx.send<{ publisher: string; id: number; touch: string; trace: string; at: number }>(PENDING, [[...publishers]]),
  ])
  const changes = rows.filter((row) => mine.has(row.publisher))
  return { publishers: mine, changes: changes.map((row) => ({ publisher: row.publisher, id: row.id, touch: JSON.parse(row.touch) as Touch, trace: row.trace, at: row.at })) }
}

const UNTOLD = statement('changes-untold', 'SELECT DISTINCT publisher FROM change WHERE publisher = ANY($1::text[])')

/** Which of these publishers have changes that are not told yet. */
export const findUntold = async (session: Session, publishers: readonly UserKey[]): Promise<ReadonlySet<UserKey>> =>
  new Set((await session.send<{ publisher: string }>(UNTOLD, [[...publishers]])).map((row) => row.publisher))

const DELETE = statement('changes-delete', `
  DELETE FROM change USING unnest($1::text[], $2::bigint[]) AS told (publisher, id) WHERE change.publisher = told.publisher AND change.id = told.id`)

/** Forgets changes that have been told. */
export const deleteChanges = (tx: Transaction, changes: readonly PendingChange[]): Promise<unknown> =>
  tx.send(DELETE, [changes.map(({ publisher }) => publisher), changes.map(({ id }) => id)])

const LEFT_BEHIND = statement('changes-left-behind', 'SELECT DISTINCT publisher FROM change WHERE at <= $1 LIMIT $2')

/** Publishers whose changes nobody has told for a while: left by a crash, a failed attempt or another node. */
export const findLeftBehind = async (session: Session, before: number, limit: number): Promise<readonly UserKey[]> =>
  (await session.send<{ publisher: string }>(LEFT_BEHIND, [before, limit])).map((row) => row.publisher)

const COUNT = statement('changes-count', 'SELECT count(*) AS pending, min(at) AS oldest FROM change')

/** How many changes wait, and since when the oldest does. */
export const countChanges = async (session: Session): Promise<{ readonly pending: number; readonly oldest: number | undefined }> => {
  const [row] = await session.send<{ pending: number; oldest: number | null }>(COUNT, [])
  return { pending: row?.pending ?? 0, oldest: row?.oldest ?? undefined }
}
