import { builtInRegistry, type CategoryRegistry } from '../../src/core/categories/registry.ts'
import type { CategoryDirectory } from '../../src/engine/category-directory.ts'

/** The built-in categories without judgement of their data, for tests whose data is only there to be told apart. */
export const uncheckedRegistry: CategoryRegistry = {
  rules: new Map([...builtInRegistry.rules].map(([name, rule]) => [name, { ...rule, check: undefined }])),
  openTo: undefined,
}

export const uncheckedCategories: CategoryDirectory = { registry: async () => uncheckedRegistry, forget: () => undefined }
