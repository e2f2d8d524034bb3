import type { Pool } from 'pg'

// Only what every PostgreSQL from 15 on says in the same words; NOT NULL is a constraint of its own from 18 on, and is read off the columns.
const COLUMNS = `
  SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required, pg_get_expr(d.adbin, d.adrelid) AS value
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname COLLATE "C", a.attnum`
const CONSTRAINTS = `
  SELECT c.relname AS "table", k.conname AS name, pg_get_constraintdef(k.oid) AS text
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'public' AND k.contype <> 'n' ORDER BY k.contype <> 'p', k.conname COLLATE "C"`
const INDEXES = `
  SELECT c.relname AS "table", i.relname AS name, pg_get_indexdef(i.oid) AS text
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'public' AND NOT x.indisprimary ORDER BY i.relname COLLATE "C"`
const STORAGE = `
  SELECT c.relname AS "table", option AS text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(c.reloptions) AS option
  WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'i') ORDER BY 1, 2`
const OTHERS = `
  SELECT kind || ' ' || name AS text FROM (
    SELECT 'view' AS kind, c.relname::text AS name, n.nspname AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm', 'S', 'f')
    UNION ALL SELECT 'function', p.proname::text, n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL SELECT 'trigger', g.tgname::text, 'public' FROM pg_trigger g WHERE NOT g.tgisinternal) AS other
  WHERE schema = 'public' ORDER BY 1`

interface Named { readonly table: string; readonly name: string; readonly text: string }
interface Column { readonly table: string; readonly name: string; readonly type: string; readonly required: boolean; readonly value: string | null }

/** The public schema as text, one line a thing, in an order of its own: equal on every server that holds the same schema. */
export const dumpSchema = async (pool: Pool): Promise<string> => {
  const columns = (await pool.query<Column>(COLUMNS)).rows
  const constraints = (await pool.query<Named>(CONSTRAINTS)).rows
  const indexes = (await pool.query<Named>(INDEXES)).rows
  const storage = (await pool.query<Named>(STORAGE)).rows
  const others = (await pool.query<Named>(OTHERS)).rows
  const lines: string[] = []
  for (const [table, own] of Map.groupBy(columns, (column) => column.table)) {
    lines.push(`table ${table}`)
    for (const { name, type, required, value } of own) lines.push(`  ${name} ${type}${required ? ' not null' : ''}${value === null ? '' : ` default ${value}`}`)
    for (const { name, text } of constraints.filter((constraint) => constraint.table === table)) lines.push(`  constraint ${name} ${text}`)
    for (const { text } of indexes.filter((index) => index.table === table)) lines.push(`  ${text}`)
    for (const { text } of storage.filter((option) => option.table === table)) lines.push(`  with ${text}`)
    lines.push('')
  }
  for (const { text } of others) lines.push(text)
  return lines.join('\n')
}

/** The columns of each primary key, in their order. */
export const readPrimaryKeys = async (pool: Pool): Promise<ReadonlyMap<string, readonly string[]>> => {
  const { rows } = await pool.query<{ table: string; columns: string[] }>(`
    SELECT c.relname AS "table", ARRAY(
      SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS part (number, at) JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.number ORDER BY part.at) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1`)
  return new Map(rows.map(({ table, columns }) => [table, columns]))
}
