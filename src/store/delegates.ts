import { noDelegates, type Delegate, type Delegates } from '../core/model/delegate.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { statement, type Session, type Transaction } from './session.ts'

interface Row {
  readonly version: number
  readonly delegate: string | null
  readonly publish: boolean | null
  readonly redelegate: boolean | null
}

const OF = statement('delegates-of', `
  SELECT list.version, d.delegate, d.publish, d.redelegate FROM delegate_list AS list LEFT JOIN delegate AS d ON d.publisher = list.publisher
  WHERE list.publisher = $1 ORDER BY d.delegate`)

/** The delegates of a publisher with the version of their list. */
export const loadDelegates = async (session: Session, publisher: UserKey): Promise<Delegates> => {
  const rows = await session.send<Row>(OF, [publisher])
  const [first] = rows
  if (first === undefined) return noDelegates
  return { version: first.version, members: rows.flatMap(({ delegate, publish, redelegate }) => (delegate === null ? [] : [{ user: delegate, publish: publish === true, redelegate: redelegate === true }])) }
}

const VERSION = statement('delegates-version', 'INSERT INTO delegate_list (publisher, version) VALUES ($1, $2) ON CONFLICT (publisher) DO UPDATE SET version = excluded.version')
const PUT = statement('delegates-put', `
  INSERT INTO delegate (publisher, delegate, publish, redelegate) SELECT $1, * FROM unnest($2::text[], $3::boolean[], $4::boolean[])
  ON CONFLICT (publisher, delegate) DO UPDATE SET publish = excluded.publish, redelegate = excluded.redelegate`)
const REMOVE = statement('delegates-remove', 'DELETE FROM delegate WHERE publisher = $1 AND delegate = ANY($2::text[])')

/** Writes a list's new version and the difference of its members. */
export const putDelegates = (tx: Transaction, publisher: UserKey, version: number, put: readonly Delegate[], removed: readonly UserKey[]): readonly Promise<unknown>[] => [
  tx.send(VERSION, [publisher, version]),
  ...(put.length === 0 ? [] : [tx.send(PUT, [publisher, put.map(({ user }) => user), put.map(({ publish }) => publish), put.map(({ redelegate }) => redelegate)])]),
  ...(removed.length === 0 ? [] : [tx.send(REMOVE, [publisher, [...removed]])]),
]
