import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Database } from './database.ts'
import { lockDirectory } from './directory-lock.ts'
import { createPublishing, type Publishing } from './publish-hot-path.ts'

/** An open database, embedded or not; everything above sees only the pool. */
export interface Store {
  readonly pool: pg.Pool
  readonly db: Kysely<Database>
  readonly kind: 'postgres' | 'embedded'
  /** The hot path of publishing, shared by all requests of this process. */
  readonly publishing: Publishing
  readonly close: () => Promise<void>
}

export interface StoreOptions {
  /** A PostgreSQL URL; without one the embedded database is used. */
  readonly url?: string
  /** Directory of the embedded database; without one it lives in memory and is gone at close. */
  readonly dataDir?: string
  readonly poolSize?: number
  readonly onError: (error: Error) => void
}

const INT8 = 20

// All bigint columns hold counters and milliseconds, far below 2^53.
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format))) as typeof pg.types.getTypeParser,
}

const finish = (pool: pg.Pool, kind: Store['kind'], onError: (error: Error) => void, closeMore: () => Promise<void>): Store => {
  // Without a listener, the loss of an idle connection would end the process.
  pool.on('error', onError)
  // The pool does not listen to connections that are in use; their loss must not end the process either.
  pool.on('connect', (client) => { client.on('error', onError) })
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  return { pool, db, kind, publishing: createPublishing(pool, kind === 'embedded' ? 1 : 2), close: async () => { await db.destroy(); await closeMore() } }
}

const connectEmbedded = async ({ dataDir, onError }: StoreOptions): Promise<Store> => {
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
  const pool = new pg.Pool({ ...createPgConfig(lite), max: 1, connectionTimeoutMillis: 10_000, idleTimeoutMillis: 0, pipeline: true, types } as pg.PoolConfig)
  return finish(pool, 'embedded', onError, async () => { await lite.close(); release() })
}

const connectPostgres = (url: string, { poolSize = 8, onError }: StoreOptions): Store =>
  finish(
    new pg.Pool({
      connectionString: url, max: poolSize, connectionTimeoutMillis: 3_000, idleTimeoutMillis: 60_000, statement_timeout: 10_000,
      keepAlive: true, application_name: 'presentia', pipeline: true, types,
    } as pg.PoolConfig),
    'postgres', onError, async () => undefined,
  )

/** Opens PostgreSQL or the embedded database. Throws when the data directory is in use by another process. */
export const connectStore = async (options: StoreOptions): Promise<Store> =>
  options.url === undefined ? connectEmbedded(options) : connectPostgres(options.url, options)
