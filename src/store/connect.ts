import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Database } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { isDatabaseBusy } from './errors.ts'
import { MAX_LOCK_WAIT_MS } from './session.ts'
import { WatchedPool, type PoolObserver } from './pool.ts'
import { createPublishing, type Publishing } from './publish-hot-path.ts'
import { watchAge } from './watch-age.ts'

/** How the database is seen from here; cheap to ask. */
export interface DatabaseHealth {
  readonly isAway: () => boolean
  /** How long the request that has waited longest, for a connection or for its turn on the hot path, does so already. */
  readonly oldestWaitMs: () => number
}

/** An open database, embedded or not; everything above sees only the pool. */
export interface Store {
  readonly pool: pg.Pool
  readonly db: Kysely<Database>
  readonly kind: 'postgres' | 'embedded'
  /** The hot path of publishing, shared by all requests of this process. */
  readonly publishing: Publishing
  readonly health: DatabaseHealth
  readonly close: () => Promise<void>
}

export interface StoreOptions {
  /** A PostgreSQL URL; without one the embedded database is used. */
  readonly url?: string
  /** Directory of the embedded database; without one it lives in memory and is gone at close. */
  readonly dataDir?: string
  readonly poolSize?: number
  /** After so long a statement fails, in milliseconds; 10,000 without it. */
  readonly statementTimeoutMs?: number
  /** Hears of each wait for a connection, and of each use of one. */
  readonly observer?: PoolObserver
  readonly onError: (error: Error) => void
  /** Called when the database has gone away, with the reason, and when it is back, after so many milliseconds. */
  readonly onAway?: (reason: unknown) => void
  readonly onBack?: (afterMs: number) => void
}

const INT8 = 20

// All bigint columns hold counters and milliseconds, far below 2^53.
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format))) as typeof pg.types.getTypeParser,
}

/** Each question to a database that may be away ends after so long, in milliseconds. */
const ASK_TIMEOUT_MS = 1_000

/** Asks a server, over a fresh connection, whether it takes writes: a standby (and what was the primary before a fail-over) takes none. */
const askServer = (url: string) => async (): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: ASK_TIMEOUT_MS, query_timeout: ASK_TIMEOUT_MS, application_name: 'presentia' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only')
    if (rows[0]?.transaction_read_only !== 'off') throw new Error('the server takes no writes')
  } catch (error) {
    // A server with too many connections is there; those that we have may still be good.
    if (!isDatabaseBusy(error)) throw error
  } finally {
    client.end().catch(() => undefined)
  }
}

const openPool = (config: object, { observer, statementTimeoutMs = 10_000 }: StoreOptions, ask?: () => Promise<void>): WatchedPool => new WatchedPool({
  config: { ...config, pipeline: true, types } as pg.PoolConfig, statementTimeoutMs, ...(observer === undefined ? {} : { observer }), ...(ask === undefined ? {} : { ask }),
})

const finish = (pool: WatchedPool, kind: Store['kind'], { onError, onAway, onBack }: StoreOptions, closeMore: () => Promise<void>): Store => {
  const publishing = createPublishing(pool)
  const heard = (error: Error): void => {
    pool.suspect(error)
    // Another server may have taken over, quickly enough that nobody noticed.
    publishing.known.forgetAll()
    onError(error)
  }
  // Without a listener, the loss of an idle connection would end the process.
  pool.on('error', heard)
  // The pool does not listen to connections that are in use; their loss must not end the process either.
  pool.on('connect', (client) => { client.on('error', heard) })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  const [read, write] = [watchAge(publishing.read), watchAge(publishing.write)]
  pool.listen({
    // What took over may lack the last commits of the server before, and count revisions anew from there.
    onDistrust: publishing.known.forgetAll, onAway: onAway ?? (() => undefined), onBack: onBack ?? (() => undefined),
  })
  const close = async (): Promise<void> => {
    await db.destroy()
    // Kysely ends the pool only if it has used it.
    if (!pool.ended) await pool.end()
    await closeMore()
  }
  return {
    pool, db, kind, close, publishing: { ...publishing, read: read.call, write: write.call },
    health: { isAway: () => pool.isAway, oldestWaitMs: () => Math.max(pool.oldestWaitMs, read.oldestMs(), write.oldestMs()) },
  }
}

const connectEmbedded = async (options: StoreOptions): Promise<Store> => {
  const { dataDir } = options
  let release = (): void => undefined
  let lite: PGlite
  if (dataDir === undefined) {
    lite = await PGlite.create()
  } else {
    mkdirSync(dataDir, { recursive: true })
    release = lockDirectory(dataDir)
    try {
      lite = await PGlite.create(join(dataDir, 'database'))
    } catch (error) {
      release()
      throw error
    }
  }
  // One connection is all the embedded database has; a query of the pool inside one's own transaction must fail, not wait for ever.
  const pool = openPool({ ...createPgConfig(lite), max: 1, connectionTimeoutMillis: 10_000, idleTimeoutMillis: 0 }, options)
  return finish(pool, 'embedded', options, async () => { await lite.close(); release() })
}

const connectPostgres = (url: string, options: StoreOptions): Store => {
  const { poolSize = 8, statementTimeoutMs = 10_000 } = options
  const config = { connectionString: url, max: poolSize, connectionTimeoutMillis: 3_000, idleTimeoutMillis: 60_000, statement_timeout: statementTimeoutMs, lock_timeout: MAX_LOCK_WAIT_MS, keepAlive: true, application_name: 'presentia' }
  return finish(openPool(config, options, askServer(url)), 'postgres', options, async () => undefined)
}

/** Opens PostgreSQL or the embedded database. Throws when the data directory is in use by another process. */
export const connectStore = async (options: StoreOptions): Promise<Store> =>
  options.url === undefined ? connectEmbedded(options) : connectPostgres(options.url, options)
