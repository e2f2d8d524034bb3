import { statement, type Session } from './session.ts'

/** A round of a timer through all users, or through whatever else is read page by page. */
export interface UserRound {
  readonly startedAt: number
  /** The last one dealt with, '' at the start; undefined when the round is over. */
  readonly position: string | undefined
}

const GET = statement('user-round-get', 'SELECT started_at, position FROM user_round WHERE name = $1')

/** The latest round of a timer, or undefined when there was none. */
export const loadRound = async (session: Session, name: string): Promise<UserRound | undefined> => {
  const [row] = await session.send<{ started_at: number; position: string | null }>(GET, [name])
  return row === undefined ? undefined : { startedAt: row.started_at, position: row.position ?? undefined }
}

// Of several nodes that find a round due one starts it.
const START = statement('user-round-start', `
  INSERT INTO user_round (name, started_at, position) VALUES ($1, $2, '')
  ON CONFLICT (name) DO UPDATE SET started_at = excluded.started_at, position = excluded.position WHERE user_round.started_at = $3 AND user_round.position IS NULL`)

/** Starts a round after the one that is over; does nothing when another node has. */
export const startRound = (session: Session, name: string, after: UserRound | undefined, now: number): Promise<unknown> => session.send(START, [name, now, after?.startedAt ?? -1])

/** The round of a timer that is under way; a new one when `everyMs` have passed since the latest began. Whichever node asks first starts it. */
export const takeUpRound = async (session: Session, name: string, everyMs: number, now: number): Promise<UserRound | undefined> => {
  const latest = await loadRound(session, name)
  if (latest !== undefined && (latest.position !== undefined || latest.startedAt + everyMs > now)) return latest
  await startRound(session, name, latest, now)
  return loadRound(session, name)
}

const MOVE = statement('user-round-move', 'UPDATE user_round SET position = $4 WHERE name = $1 AND started_at = $2 AND position = $3 RETURNING name')

/** Notes that a page is done; false when another node has done it meanwhile, which harms nobody. A node that dies within a page has not noted it, and the page is done again. */
export const moveRound = async (session: Session, name: string, { startedAt, position }: UserRound, to: string | undefined): Promise<boolean> =>
  (await session.send(MOVE, [name, startedAt, position ?? null, to ?? null])).length > 0

const FORGET = statement('user-round-forget', 'DELETE FROM user_round WHERE name = $1')

/** The next round is due at once. */
export const forgetRound = (session: Session, name: string): Promise<unknown> => session.send(FORGET, [name])
