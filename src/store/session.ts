import type { Pool, PoolClient, QueryResultRow } from 'pg'
import { isConnectionLost } from './errors.ts'
import { streamOf } from './pool.ts'

/** Constant, named SQL: prepared once per connection, and the name is what statistics show. */
export interface Statement {
  readonly name: string
  readonly text: string
}

export const statement = (name: string, text: string): Statement => ({ name, text })

/** A connection that statements can be sent over. Sent without waiting, they travel together and run one after the other. */
export interface Session {
  readonly send: <R extends QueryResultRow>(sql: Statement, values: readonly unknown[]) => Promise<R[]>
}

/** A session inside a transaction; only functions that need one take it. */
export interface Transaction extends Session {
  readonly inTransaction: true
}

const sendOver = (client: PoolClient | Pool): Session['send'] => async <R extends QueryResultRow>(sql: Statement, values: readonly unknown[]) =>
  (await client.query<R>({ name: sql.name, text: sql.text, values: [...values] })).rows

/**
 * Holds back what is written to the server until the current turn of the event loop is over: statements that are sent together leave in one
 * piece, which saves a system call each. The embedded database has no socket to hold.
 */
const together = (client: PoolClient): (() => void) => {
  const stream = streamOf(client)
  let corked = false
  return () => {
    if (corked || stream.cork === undefined) return
    corked = true
    stream.cork()
    process.nextTick(() => {
      corked = false
      stream.uncork?.()
    })
  }
}

/** Statements that each stand alone, over any connection of the pool. */
export const poolSession = (pool: Pool): Session => ({ send: sendOver(pool) })

/** The longest that any statement waits for a lock, a little more than PostgreSQL needs to find a deadlock. */
export const MAX_LOCK_WAIT_MS = 1_500

/** The longest that a request waits for a dialog: whoever holds it longer waits for a slow proxy, and nobody may take all connections waiting for that. */
export const DIALOG_WAIT_MS = 500

const LIMIT_LOCK_WAIT = statement('lock-timeout', "SELECT set_config('lock_timeout', $1, true)")

/** From here on the transaction fails rather than wait longer than this for one lock (see isLockTimeout). */
export const limitLockWait = (tx: Transaction, milliseconds: number): Promise<unknown> => tx.send(LIMIT_LOCK_WAIT, [String(milliseconds)])

/** Codes of failures that another attempt may not meet: serialization failure and deadlock. */
const TRANSIENT = new Set(['40001', '40P01'])

/** What every statement gets after one has failed in its transaction. */
const ABORTED = '25P02'

const codeOf = (error: unknown): string => (typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '')

const attempt = async <T>(pool: Pool, work: (transaction: Transaction) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  const sent: Promise<unknown>[] = []
  const track = <R>(promise: Promise<R>): Promise<R> => {
    // Failures surface where the result is awaited, below at the latest; until then they must not count as unhandled.
    promise.catch(() => undefined)
    sent.push(promise)
    return promise
  }
  const send = sendOver(client)
  const gather = together(client)
  let broken: Error | undefined
  try {
    gather()
    track(client.query('BEGIN'))
    const result = await work({ inTransaction: true, send: (sql, values) => { gather(); return track(send(sql, values)) } })
    gather()
    track(client.query('COMMIT'))
    // A COMMIT after a failed statement answers ROLLBACK without an error, so every statement must be asked.
    await Promise.all(sent)
    return result
  } catch (error) {
    const settled = await Promise.allSettled(sent)
    const first = settled.find((outcome) => outcome.status === 'rejected')
    // After one failed statement all others fail as well; the first one is the cause.
    const cause: unknown = codeOf(error) === ABORTED && first !== undefined ? first.reason : error
    await client.query('ROLLBACK').catch((failed: unknown) => { broken = failed instanceof Error ? failed : new Error(String(failed)) })
    // A server that has become a standby rolls back as if nothing were wrong.
    if (cause instanceof Error && isConnectionLost(cause)) broken = cause
    throw cause
  } finally {
    // A connection that is lost, or cannot even roll back, is thrown away; the pool hears why.
    client.release(broken)
  }
}

/**
 * Runs `work` in one transaction. What it sends without awaiting goes out together with the COMMIT, so that a usual write costs two round trips.
 * Repeats a few times what only lost against a concurrent transaction; `tries` tells the work how often it has been run.
 * When the connection is lost behind the COMMIT, nobody knows what became of it: that is a failure here, and the caller must not acknowledge. Whoever repeats
 * the request finds by the versions what holds; what was committed is told by the poll for what was left behind.
 */
export const transact = async <T>(pool: Pool, work: (transaction: Transaction, tries: number) => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(pool, (transaction) => work(transaction, tries))
    } catch (error) {
      if (tries >= 3 || !TRANSIENT.has(codeOf(error))) throw error
    }
  }
}
