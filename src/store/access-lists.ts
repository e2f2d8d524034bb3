import { decideAccess, effectiveEntries, type AccessDecision, type Membership } from '../core/access-lists/effective.ts'
import { newAccessList, type AccessLetter, type AccessList, type AccessRights, type AccessState, type Ace, type AceType, type LegacyWatcher, type PendingWatcher } from '../core/model/access-list.ts'
import { BLOCKED_CONTAINER, type MemberType } from '../core/model/container.ts'
import { suffixes } from '../core/resolution/membership.ts'
import { domainOf, type UserKey } from '../core/sip/uri.ts'
import { loadContainers } from './containers.ts'
import type { DialogRef } from './dialogs.ts'
import { oweWatchers } from './owe-watchers.ts'
import { statement, type Session, type Transaction } from './session.ts'

const NUMBER = statement('access-list-number', 'SELECT delta_num FROM access_list WHERE publisher = $1')
const ENTRIES = statement('access-entries-of', 'SELECT entry_type, mask, rights FROM access_entry WHERE publisher = $1 ORDER BY entry_type, mask')

interface EntryRow { readonly entry_type: AceType; readonly mask: string; readonly rights: AccessRights }

const readEntry = (row: EntryRow): Ace => ({ type: row.entry_type, mask: row.mask, rights: row.rights })

const loadStored = async (session: Session, publisher: UserKey): Promise<AccessList> => {
  const [[number], entries] = await Promise.all([session.send<{ delta_num: number }>(NUMBER, [publisher]), session.send<EntryRow>(ENTRIES, [publisher])])
  return number === undefined ? newAccessList : { deltaNum: number.delta_num, entries: entries.map(readEntry) }
}

// Of oneself nothing is decided. Who waits on behind a subscription that is over is decided of as well.
const WATCHERS = statement('access-watchers-of', `
  SELECT subscriber, access FROM subscription WHERE publisher = $1 AND format <> 'categories' AND subscriber <> $1
  UNION SELECT subscriber, 'P' FROM past_watcher WHERE publisher = $1 AND status = 'waiting'`)

/** What decisions about access read of a publisher besides its containers; behind its lock. */
export const loadAccessState = async (session: Session, publisher: UserKey): Promise<AccessState> => {
  const [list, watchers] = await Promise.all([loadStored(session, publisher), session.send<{ subscriber: string; access: AccessLetter }>(WATCHERS, [publisher])])
  return { list, watchers: watchers.map(({ subscriber: user, access }) => ({ user, access })) }
}

/** The access list of a user as clients see it. */
export const loadAccessList = async (session: Session, user: UserKey): Promise<AccessList> => {
  const [{ deltaNum, entries }, containers] = await Promise.all([loadStored(session, user), loadContainers(session, [user])])
  return { deltaNum, entries: effectiveEntries(entries, containers.get(user) ?? []) }
}

// Only what can say something of this one watcher: few rows of each publisher, whatever their lists hold.
const DECIDING = statement('access-deciding', `
  SELECT publisher, 'ace' AS source, 0 AS container, entry_type AS type, mask AS value, rights FROM access_entry
  WHERE publisher = ANY($1::text[]) AND (entry_type = 'ALL' OR (entry_type = 'USER' AND mask = $2) OR (entry_type = 'DOMAIN' AND mask = ANY($3::text[])))
  UNION ALL
  SELECT publisher, 'member', container, member_type, member_value, '' FROM container_member
  WHERE publisher = ANY($1::text[]) AND ((member_type = 'user' AND member_value = $2) OR (member_type = 'domain' AND member_value = ANY($3::text[])) OR (container = $4 AND member_value = ''))`)

type DecidingRow = { readonly publisher: string } & (
  { readonly source: 'ace'; readonly container: number; readonly type: AceType; readonly value: string; readonly rights: AccessRights } |
  { readonly source: 'member'; readonly container: number; readonly type: MemberType; readonly value: string; readonly rights: '' })

/** What the access lists of publishers decide of a watcher (MS-SIP 3.7); those that say nothing are missing. One statement, for one publisher or many. */
export const loadAccess = async (session: Session, publishers: readonly UserKey[], watcher: UserKey): Promise<ReadonlyMap<UserKey, AccessDecision>> => {
  const rows = await session.send<DecidingRow>(DECIDING, [[...publishers], watcher, [...suffixes(domainOf(watcher))], BLOCKED_CONTAINER])
  return new Map([...Map.groupBy(rows, ({ publisher }) => publisher)].map(([publisher, own]) => {
    const entries = own.flatMap((row) => (row.source === 'ace' ? [{ type: row.type, mask: row.value, rights: row.rights }] : []))
    const containers = own.flatMap((row): readonly Membership[] => (row.source === 'member' ? [{ id: row.container, members: [{ type: row.type, value: row.value }] }] : []))
    return [publisher, decideAccess(entries, containers, publisher, watcher)]
  }))
}

const PUT_NUMBER = statement('access-list-put', 'INSERT INTO access_list (publisher, delta_num) VALUES ($1, $2) ON CONFLICT (publisher) DO UPDATE SET delta_num = excluded.delta_num')
const DELETE_OTHERS = statement('access-entries-delete-others', `
  DELETE FROM access_entry WHERE publisher = $1
    AND NOT EXISTS (SELECT 1 FROM unnest($2::text[], $3::text[]) AS kept (type, mask) WHERE kept.type = access_entry.entry_type AND kept.mask = access_entry.mask)`)
const PUT_ENTRIES = statement('access-entries-put', `
  INSERT INTO access_entry (publisher, entry_type, mask, rights) SELECT $1, put.* FROM unnest($2::text[], $3::text[], $4::text[]) AS put (type, mask, rights)
  ON CONFLICT (publisher, entry_type, mask) DO UPDATE SET rights = excluded.rights WHERE access_entry.rights <> excluded.rights`)

/** Writes a list in place of the one that is there, under the publisher's lock. */
export const putAccessList = (tx: Transaction, publisher: UserKey, { deltaNum, entries }: AccessList): readonly Promise<unknown>[] => {
  const keys = [publisher, entries.map(({ type }) => type), entries.map(({ mask }) => mask)]
  return [tx.send(PUT_NUMBER, [publisher, deltaNum]), tx.send(DELETE_OTHERS, keys), tx.send(PUT_ENTRIES, [...keys, entries.map(({ rights }) => rights)])]
}

// What a letter makes of a subscription (RFC 3857 4.7.1). Whether it is blocked politely changes nothing of its state.
const MOVE = (letter: string, now: string): string => `access = ${letter},
      status_at = CASE WHEN edge.access IN ('A', 'B') AND ${letter} IN ('A', 'B') THEN edge.status_at ELSE ${now} END,
      status_event = CASE WHEN edge.access IN ('A', 'B') AND ${letter} IN ('A', 'B') THEN edge.status_event WHEN ${letter} = 'D' THEN 'rejected' WHEN ${letter} = 'P' THEN 'subscribe' ELSE 'approved' END`

// Those who wait on behind a subscription that is over are done with by any word but that to wait.
const REGARD = statement('access-regard', `
  WITH regarded AS (SELECT * FROM unnest($2::text[], $3::text[]) AS regarded (subscriber, access)),
  changed AS (
    UPDATE subscription AS edge SET ${MOVE('regarded.access', '$4::bigint')} FROM regarded
    WHERE edge.publisher = $1 AND edge.subscriber = regarded.subscriber AND edge.format <> 'categories' AND edge.access <> regarded.access RETURNING edge.publisher, edge.status_at),
  decided AS (
    UPDATE past_watcher AS past SET status = 'terminated', event = CASE regarded.access WHEN 'D' THEN 'rejected' ELSE 'approved' END, status_at = $4::bigint FROM regarded
    WHERE past.publisher = $1 AND past.subscriber = regarded.subscriber AND past.status = 'waiting' AND regarded.access <> 'P' RETURNING past.publisher),
  moved AS (SELECT publisher, false AS waited FROM changed WHERE status_at = $4::bigint UNION ALL SELECT publisher, false FROM decided)
  ${oweWatchers('moved', '$4::bigint')}`)

/** Writes what is decided of watchers to their edges, whatever dialogs these are of. Who waits for a word is told to presence.wpending by the change that says so. */
export const regardWatchers = (tx: Transaction, publisher: UserKey, watchers: readonly LegacyWatcher[], now: number): Promise<unknown> =>
  tx.send(REGARD, [publisher, watchers.map(({ user }) => user), watchers.map(({ access }) => access), now])

const EDGE = statement('access-of-edge', `
  WITH changed AS (
    UPDATE subscription AS edge SET ${MOVE('$4', '$5::bigint')} WHERE publisher = $1 AND subscriber = $2 AND local_tag = $3 AND access <> $4 RETURNING edge.publisher, edge.status_at),
  moved AS (SELECT publisher, false AS waited FROM changed WHERE status_at = $5::bigint)
  ${oweWatchers('moved', '$5::bigint')}`)

/** Writes what is decided of the watcher of one edge. */
export const putAccess = (tx: Transaction, publisher: UserKey, { subscriber, localTag }: DialogRef, access: AccessLetter, now: number): Promise<unknown> => tx.send(EDGE, [publisher, subscriber, localTag, access, now])

// Watchers in these formats are entered on the subscriber list, which knows their names.
const PENDING = statement('access-pending', `
  SELECT DISTINCT edge.subscriber, coalesce(entry.display_name, '') AS display_name
  FROM subscription AS edge JOIN dialog ON dialog.subscriber = edge.subscriber AND dialog.local_tag = edge.local_tag
  LEFT JOIN subscriber_entry AS entry ON entry.publisher = edge.publisher AND entry.subscriber = edge.subscriber
  WHERE edge.publisher = $1 AND edge.access = 'P' AND dialog.expires_at > $2 ORDER BY edge.subscriber`)

/** Who waits for a publisher's word: those with a living subscription. */
export const loadPendingWatchers = async (session: Session, publisher: UserKey, now: number): Promise<readonly PendingWatcher[]> =>
  (await session.send<{ subscriber: string; display_name: string }>(PENDING, [publisher, now])).map((row) => ({ user: row.subscriber, displayName: row.display_name }))

const DISREGARD = statement('access-disregard', `
  WITH changed AS (UPDATE subscription AS edge SET ${MOVE("'A'", '$1::bigint')} WHERE access <> 'A' RETURNING edge.publisher, edge.status_at),
  moved AS (SELECT publisher, false AS waited FROM changed WHERE status_at = $1::bigint)
  ${oweWatchers('moved', '$1::bigint')}`)

/** Nobody is kept out any more, where access lists have been switched off. What the lists say stays. */
export const disregardAccess = (session: Session, now: number): Promise<unknown> => session.send(DISREGARD, [now])
