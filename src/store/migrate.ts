import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from 'pg'

/** One numbered step; files are `NNNN-name.sql`, forward only, and never change after they have landed. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

/** Reads the migrations of a directory in order; throws when the numbering has gaps or doubles. */
export const readMigrations = (directory: string): readonly Migration[] =>
  readdirSync(directory).filter((file) => file.endsWith('.sql')).sort().map((file, at) => {
    const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file)
    if (match?.[1] === undefined || match[2] === undefined || Number(match[1]) !== at + 1) throw new Error(`migration ${file} is not number ${at + 1}`)
    return { number: at + 1, name: match[2], sql: readFileSync(join(directory, file), 'utf8') }
  })

/** An arbitrary constant: engines that start together take turns. */
const LOCK = 7_204_915_331

/** Brings the schema up to date and returns the names applied; running it again does nothing. Throws on a database newer than the code. */
export const migrate = async (pool: Pool, migrations: readonly Migration[]): Promise<readonly string[]> => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query(`SELECT pg_advisory_xact_lock(${LOCK})`)
    await client.query('CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text NOT NULL)')
    const { rows } = await client.query<{ number: number; name: string }>('SELECT number, name FROM migration ORDER BY number')
    for (const { number, name } of rows) {
      if (migrations[number - 1]?.name !== name) throw new Error(`the database has migration ${number} "${name}", which this version does not know`)
    }
    const missing = migrations.slice(rows.length)
    for (const { number, name, sql } of missing) {
      await client.query(sql)
      await client.query('INSERT INTO migration (number, name) VALUES ($1, $2)', [number, name])
    }
    await client.query('COMMIT')
    return missing.map(({ name }) => name)
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
