import type { SourceNetwork } from '../core/model/network.ts'
import type { SubscriberEntry } from '../core/model/subscriber-entry.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

interface Row {
  readonly subscriber: string
  readonly display_name: string
  readonly network: SourceNetwork | 'unknown'
  readonly acknowledged: boolean
  readonly context: string | null
  readonly kept: boolean
}

const OF = statement('subscriber-entries-of', 'SELECT subscriber, display_name, network, acknowledged, context, kept FROM subscriber_entry WHERE publisher = $1 ORDER BY subscriber')

/** The subscriber list of a publisher. */
export const loadSubscriberEntries = async (session: Session, publisher: UserKey): Promise<readonly SubscriberEntry[]> =>
  (await session.send<Row>(OF, [publisher])).map((row) => ({
    user: row.subscriber, displayName: row.display_name, network: row.network, acknowledged: row.acknowledged, context: row.context ?? undefined, kept: row.kept,
  }))

const LISTED = statement('subscriber-entries-listed', 'SELECT publisher FROM subscriber_entry WHERE publisher = ANY($1::text[]) AND subscriber = $2 AND (kept OR NOT $3)')

/** Those of the publishers who have the subscriber on their list already; only where it is kept, if asked for. */
export const findListing = async (session: Session, publishers: readonly UserKey[], subscriber: UserKey, onlyKept = false): Promise<ReadonlySet<UserKey>> =>
  new Set((await session.send<{ publisher: string }>(LISTED, [[...publishers], subscriber, onlyKept])).map((row) => row.publisher))

const PUT = statement('subscriber-entry-put', `
  INSERT INTO subscriber_entry (publisher, subscriber, display_name, network, acknowledged, context, kept) VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (publisher, subscriber) DO UPDATE SET display_name = excluded.display_name, network = excluded.network, acknowledged = excluded.acknowledged,
    context = excluded.context, kept = excluded.kept`)

export const putSubscriberEntry = (tx: Transaction, publisher: UserKey, entry: SubscriberEntry): Promise<unknown> =>
  tx.send(PUT, [publisher, entry.user, entry.displayName, entry.network, entry.acknowledged, entry.context ?? null, entry.kept])

const DELETE = statement('subscriber-entry-delete', 'DELETE FROM subscriber_entry WHERE publisher = $1 AND subscriber = ANY($2::text[])')

export const deleteSubscriberEntries = (tx: Transaction, publisher: UserKey, users: readonly UserKey[]): Promise<unknown> => tx.send(DELETE, [publisher, [...users]])
