import type { Instant } from '../core/base/instant.ts'
import { statement, type Session } from './session.ts'

/** What came of a run of the feed. */
export interface FeedReport {
  readonly startedAt: Instant
  readonly finishedAt: Instant
  /** Everything was read, or what had changed. */
  readonly kind: 'full' | 'changes'
  /** Entries read, and how many of them name no user here. */
  readonly read: number
  readonly passedOver: number
  readonly created: number
  readonly changed: number
  /** Users who are in the directory no longer, and how many of them were removed. */
  readonly gone: number
  readonly removed: number
  /** Why it came to no good end. */
  readonly error?: string
}

/** How far reading the directory has come. */
export interface FeedState {
  readonly holder: string
  readonly heldUntil: Instant
  readonly dueAt: Instant
  readonly fullDueAt: Instant
  readonly readUntil: Instant | undefined
  /** The `how` of the source when everything was read last. */
  readonly readHow: string
  readonly report: FeedReport | undefined
  readonly succeededAt: Instant | undefined
}

interface Row {
  readonly holder: string
  readonly held_until: number
  readonly due_at: number
  readonly full_due_at: number
  readonly read_until: number | null
  readonly read_how: string
  readonly report: FeedReport | null
  readonly succeeded_at: number | null
}

const read = (row: Row): FeedState =>
  ({ holder: row.holder, heldUntil: row.held_until, dueAt: row.due_at, fullDueAt: row.full_due_at, readUntil: row.read_until ?? undefined, readHow: row.read_how, report: row.report ?? undefined, succeededAt: row.succeeded_at ?? undefined })

const GET = statement('directory-feed-get', 'SELECT * FROM directory_feed WHERE name = $1')

/** How things stand; undefined before the first run. */
export const loadFeed = async (session: Session, name: string): Promise<FeedState | undefined> => {
  const [row] = await session.send<Row>(GET, [name])
  return row === undefined ? undefined : read(row)
}

// Of several engines that find a run due one has it. An engine that died with it loses it when its time is over.
const CLAIM = statement('directory-feed-claim', `
  INSERT INTO directory_feed (name, holder, held_until, due_at, full_due_at) VALUES ($1, $2, $4, 0, 0)
  ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until WHERE directory_feed.held_until <= $3 AND directory_feed.due_at <= $3
  RETURNING *`)

/** Takes the next run, if one is due and nobody is at it. */
export const claimFeed = async (session: Session, name: string, holder: string, now: Instant, until: Instant): Promise<FeedState | undefined> => {
  const [row] = await session.send<Row>(CLAIM, [name, holder, now, until])
  return row === undefined ? undefined : read(row)
}

const HOLD = statement('directory-feed-hold', 'UPDATE directory_feed SET held_until = $3 WHERE name = $1 AND holder = $2 RETURNING name')

/** Goes on holding the run; false when another engine has taken it meanwhile. */
export const holdFeed = async (session: Session, name: string, holder: string, until: Instant): Promise<boolean> => (await session.send(HOLD, [name, holder, until])).length > 0

// What somebody asks for while a run is under way moves these times, and is not undone here: the run may have passed what it was asked for.
const SETTLE = statement('directory-feed-settle', `
  UPDATE directory_feed SET holder = '', held_until = 0, read_until = $5, read_how = $10, report = $6, succeeded_at = coalesce($7, succeeded_at),
    due_at = CASE WHEN due_at = $8 THEN $3 ELSE due_at END, full_due_at = CASE WHEN full_due_at = $9 THEN $4 ELSE full_due_at END
  WHERE name = $1 AND holder = $2 RETURNING name`)

/** What is known at the end of a run, good or bad; `before` is what was claimed. */
export interface FeedSettled extends Pick<FeedState, 'dueAt' | 'fullDueAt' | 'readUntil' | 'readHow'> {
  readonly before: FeedState
  readonly report: FeedReport
}

/** Ends a run; does nothing when another engine has taken it meanwhile. */
export const settleFeed = (session: Session, name: string, holder: string, { before, dueAt, fullDueAt, readUntil, readHow, report }: FeedSettled): Promise<unknown> =>
  session.send(SETTLE, [name, holder, dueAt, fullDueAt, readUntil ?? null, JSON.stringify(report), report.error === undefined ? report.finishedAt : null, before.dueAt, before.fullDueAt, readHow])

const ASK = statement('directory-feed-ask', `
  INSERT INTO directory_feed (name, holder, held_until, due_at, full_due_at) VALUES ($1, '', 0, $2, 0)
  ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, full_due_at = CASE WHEN $3 THEN excluded.due_at ELSE directory_feed.full_due_at END`)

/** The next run is due then; with `full` it reads everything. Asked for while one is under way, it follows that. */
export const askForFeed = (session: Session, name: string, at: Instant, full: boolean): Promise<unknown> => session.send(ASK, [name, at, full])

const RELEASE = statement('directory-feed-release', "UPDATE directory_feed SET holder = '', held_until = 0 WHERE name = $1 AND holder = $2")

/** Leaves a run that is under way to whoever comes next; it begins anew. */
export const releaseFeed = (session: Session, name: string, holder: string): Promise<unknown> => session.send(RELEASE, [name, holder])
