import type { InstanceKey } from '../core/model/publication.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { DialogRef } from './dialogs.ts'
import { statement, type Transaction } from './session.ts'
import { PUBLISHER_TABLES } from './users.ts'

// Containers in version zero are those of the template, which nobody has touched.
const HAS_DATA = statement('home-pool-has-data', `
  SELECT EXISTS (
      SELECT category, container, instance FROM category_instance WHERE publisher = $1
      EXCEPT SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[])
    ) OR EXISTS (SELECT 1 FROM container WHERE publisher = $1 AND members_version > 0)
    OR EXISTS (SELECT 1 FROM subscriber_entry WHERE publisher = $1) OR EXISTS (SELECT 1 FROM delegate_list WHERE publisher = $1)
    OR EXISTS (SELECT 1 FROM access_list WHERE publisher = $1) OR EXISTS (SELECT 1 FROM contact_list WHERE user_uri = $1) OR EXISTS (SELECT 1 FROM endpoint WHERE user_uri = $1)
    OR EXISTS (SELECT 1 FROM dialog WHERE subscriber = $1) OR EXISTS (SELECT 1 FROM contact_store WHERE user_uri = $1 AND mode <> 'disabled') AS has_data`)

/**
 * True when something of a user is kept here that would be lost should another pool serve it: what it published and set, where it is signed in, what it
 * watches. Instances at `passedOver` do not count.
 */
export const hasDataHere = async (tx: Transaction, user: UserKey, passedOver: readonly InstanceKey[]): Promise<boolean> =>
  (await tx.send<{ has_data: boolean }>(HAS_DATA, [user, passedOver.map(({ category }) => category), passedOver.map(({ container }) => container), passedOver.map(({ instance }) => instance)]))[0]?.has_data === true

/** A user without data here is a publisher here no more. The row that says who tells its last change stays. */
export const deletePublisher = (tx: Transaction, user: UserKey): readonly Promise<unknown>[] =>
  PUBLISHER_TABLES.map((table) => tx.send(statement(`user-delete-${table}`, `DELETE FROM ${table} WHERE publisher = $1`), [user]))

const WATCHERS = statement('home-pool-watchers', 'SELECT subscriber, local_tag FROM subscription WHERE publisher = $1')

/** The dialogs that watch a user. */
export const findWatchersOf = async (tx: Transaction, user: UserKey): Promise<readonly DialogRef[]> =>
  (await tx.send<{ subscriber: string; local_tag: string }>(WATCHERS, [user])).map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag }))

const FORGET = statement('home-pool-forget', `
  WITH gone AS (DELETE FROM presence_user WHERE user_uri = $1 AND home_pool IS NOT NULL RETURNING user_uri),
    entry AS (DELETE FROM directory_entry WHERE user_uri IN (SELECT user_uri FROM gone))
  SELECT user_uri FROM gone`)

/** Deletes a user whom another pool serves, of whom nothing else is here; false when there is none. */
export const forgetHomedElsewhere = async (tx: Transaction, user: UserKey): Promise<boolean> => (await tx.send(FORGET, [user])).length > 0
