import { sql, type Kysely } from 'kysely'
import type { RegisteredCategory } from '../core/categories/registry.ts'
import type { Database } from './database.ts'
import { statement, type Session } from './session.ts'

/** A category name as an operator registered it; its schema is compiled above the store. */
export interface StoredCategory extends Omit<RegisteredCategory, 'check'> {
  readonly schema: object | undefined
  readonly updatedAt: number
}

interface Row {
  readonly name: string
  readonly removed: boolean
  readonly private: boolean
  readonly read_only_containers: readonly number[]
  readonly max_bytes: number
  readonly quota_bytes: number
  readonly payload_schema: object | null
  readonly updated_at: number
}

const read = (row: Row): StoredCategory => ({
  name: row.name, removed: row.removed, private: row.private, readOnlyContainers: row.read_only_containers, maxBytes: row.max_bytes, quotaBytes: row.quota_bytes,
  schema: row.payload_schema ?? undefined, updatedAt: row.updated_at,
})

const ALL = statement('categories-all', 'SELECT * FROM category ORDER BY name')

/** Everything that operators registered; small, and cached by the engine. */
export const loadCategories = async (session: Session): Promise<readonly StoredCategory[]> => (await session.send<Row>(ALL, [])).map(read)

/** Registers, changes or removes a name; true when there was no row for it. */
export const putCategory = async (db: Kysely<Database>, category: Omit<StoredCategory, 'updatedAt'>, now: number): Promise<boolean> => {
  const values = {
    removed: category.removed, private: category.private, read_only_containers: [...category.readOnlyContainers], max_bytes: category.maxBytes, quota_bytes: category.quotaBytes,
    payload_schema: category.schema === undefined ? null : JSON.stringify(category.schema), updated_at: now,
  }
  const row = await db.insertInto('category').values({ name: category.name, created_at: now, ...values })
    .onConflict((conflict) => conflict.column('name').doUpdateSet(values)).returning(sql<boolean>`xmax = 0`.as('inserted')).executeTakeFirst()
  return row?.inserted === true
}

/** Forgets what was registered under a name; a built-in one is as it came again. */
export const deleteCategory = async (db: Kysely<Database>, name: string): Promise<void> => {
  await db.deleteFrom('category').where('name', '=', name).execute()
}
