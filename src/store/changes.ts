import type { Touch } from '../core/model/touch.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { OWN_KINDS } from './dialogs.ts'
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

const PENDING = statement('changes-of', 'SELECT publisher, id, touch, trace, at FROM change WHERE publisher = ANY($1::text[]) ORDER BY publisher, id')


const REVISIONS = statement('publishers-revisions', 'SELECT publisher, revision FROM publisher WHERE publisher = ANY($1::text[])')

/** The revisions of these publishers now. */
export const loadRevisions = async (session: Session, publishers: readonly UserKey[]): Promise<ReadonlyMap<UserKey, number>> =>
  new Map((await session.send<{ publisher: string; revision: number }>(REVISIONS, [[...publishers]])).map((row) => [row.publisher, row.revision]))

/** What is still to be told of these publishers, in the order in which it happened. */
export const loadPending = async (session: Session, publishers: readonly UserKey[]): Promise<readonly PendingChange[]> =>
  (await session.send<{ publisher: string; id: number; touch: string; trace: string; at: number }>(PENDING, [[...publishers]]))
    .map((row) => ({ publisher: row.publisher, id: row.id, touch: JSON.parse(row.touch) as Touch, trace: row.trace, at: row.at }))

const UNTOLD = statement('changes-untold', 'SELECT DISTINCT publisher FROM change WHERE publisher = ANY($1::text[])')

/** Which of these publishers have changes that are not told yet. */
export const findUntold = async (session: Session, publishers: readonly UserKey[]): Promise<ReadonlySet<UserKey>> =>
  new Set((await session.send<{ publisher: string }>(UNTOLD, [[...publishers]])).map((row) => row.publisher))

const DELETE = statement('changes-delete', `
  DELETE FROM change USING unnest($1::text[], $2::bigint[]) AS told (publisher, id) WHERE change.publisher = told.publisher AND change.id = told.id`)

/** Forgets changes that have been told. */
export const deleteChanges = (tx: Session, changes: readonly PendingChange[]): Promise<unknown> =>
  tx.send(DELETE, [changes.map(({ publisher }) => publisher), changes.map(({ id }) => id)])

// A subscription that is made meanwhile reads the state behind the commit of its own, and so has what these changes are about.
const DELETE_UNWATCHED = statement('changes-delete-unwatched', `
  DELETE FROM change USING unnest($1::text[]) AS dirty (publisher)
  WHERE change.publisher = dirty.publisher
    AND NOT EXISTS (SELECT 1 FROM subscription AS edge WHERE edge.publisher = dirty.publisher)
    AND NOT EXISTS (SELECT 1 FROM dialog WHERE dialog.subscriber = dirty.publisher AND dialog.kind IN (${OWN_KINDS}))
  RETURNING change.publisher, change.at`)

/** Forgets the changes of those publishers whom nobody watches, not even their own clients; says whose they were, and when they were made. */
export const deleteUnwatched = (session: Session, publishers: readonly UserKey[]): Promise<readonly { readonly publisher: UserKey; readonly at: number }[]> =>
  session.send<{ publisher: string; at: number }>(DELETE_UNWATCHED, [[...publishers]])

const LEFT_BEHIND = statement('changes-left-behind', 'SELECT DISTINCT publisher FROM change WHERE at <= $1 AND taken_at <= $1 LIMIT $2')

const TAKE = statement('changes-take', `
  UPDATE change SET taken_at = $3 FROM unnest($1::text[], $2::bigint[]) AS told (publisher, id) WHERE change.publisher = told.publisher AND change.id = told.id`)

/** Says that changes are being told at this moment, so that nobody takes them for left behind. */
export const takeChanges = (session: Session, changes: readonly PendingChange[], now: number): Promise<unknown> =>
  session.send(TAKE, [changes.map(({ publisher }) => publisher), changes.map(({ id }) => id), now])

/** Publishers whose changes nobody has told for a while: left by a crash, a failed attempt or another node. */
export const findLeftBehind = async (session: Session, before: number, limit: number): Promise<readonly UserKey[]> =>
  (await session.send<{ publisher: string }>(LEFT_BEHIND, [before, limit])).map((row) => row.publisher)
