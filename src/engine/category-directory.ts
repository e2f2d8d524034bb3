import type { Instant } from '../core/base/instant.ts'
import { buildRegistry, builtInRegistry, type CategoryRegistry } from '../core/categories/registry.ts'
import { compilePayloadSchema, type PayloadCheck } from '../core/categories/validate-payload.ts'
import { loadCategories, type StoredCategory } from '../store/categories.ts'
import type { Session } from '../store/session.ts'
import { createShortCache } from './short-cache.ts'

/** The category registry in force. */
export interface CategoryDirectory {
  readonly registry: () => Promise<CategoryRegistry>
  /** Forgets what is cached, after a change by the operator. */
  readonly forget: () => void
}

/** The built-in table with the operators' rows on top, behind a short cache; schemas are compiled once per version of their row. */
export const createCategoryDirectory = (session: Session, now: () => Instant, open: boolean): CategoryDirectory => {
  const compiled = new Map<string, { readonly updatedAt: number; readonly check: PayloadCheck | undefined }>()
  const checkOf = ({ name, schema, updatedAt }: StoredCategory): PayloadCheck | undefined => {
    // An operator's row without a schema keeps the built-in judgement of a built-in name.
    if (schema === undefined) return builtInRegistry.rules.get(name)?.check
    const known = compiled.get(name)
    if (known?.updatedAt === updatedAt) return known.check
    const result = compilePayloadSchema(schema)
    // The admin API lets no schema in that does not compile.
    const check = result.ok ? result.validate : undefined
    compiled.set(name, { updatedAt, check })
    return check
  }
  const cached = createShortCache(async () => buildRegistry((await loadCategories(session)).map((row) => ({ ...row, check: checkOf(row) })), open), now)
  return { registry: cached.get, forget: cached.forget }
}
