import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { builtInRegistry, defaultCategoryLimits } from '../../core/categories/registry.ts'
import { compilePayloadSchema } from '../../core/categories/validate-payload.ts'
import { deleteCategory, loadCategories, putCategory, type StoredCategory } from '../../store/categories.ts'
import { CACHE_AGE_MS } from '../../engine/short-cache.ts'
import { deferWatchers } from '../../store/deferred.ts'
import { poolSession, transact } from '../../store/session.ts'
import { ProblemError } from '../problem.ts'
import type { AdminDeps } from './deps.ts'
import { Category, CategoryBody, Problem } from './schemas.ts'

const Params = Type.Object({ name: Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000-\\u001f]+$' }) })

interface View {
  readonly name: string
  readonly builtIn: boolean
  readonly private: boolean
  readonly readOnlyContainers: number[]
  readonly maxBytes: number
  readonly quotaBytes: number
  readonly schema?: Record<string, unknown>
}

const writeStored = (stored: StoredCategory): View => ({
  name: stored.name, builtIn: builtInRegistry.rules.has(stored.name), private: stored.private, readOnlyContainers: [...stored.readOnlyContainers], maxBytes: stored.maxBytes,
  quotaBytes: stored.quotaBytes, ...(stored.schema === undefined ? {} : { schema: stored.schema as Record<string, unknown> }),
})

/** All names in force: the built-in ones, unless changed or removed, and those of the operator, by name. */
const listAll = async (deps: AdminDeps): Promise<readonly View[]> => {
  const stored = await loadCategories(poolSession(deps.store.pool))
  const rest = [...builtInRegistry.rules.values()].filter(({ name }) => !stored.some((row) => row.name === name))
  return [
    ...stored.filter(({ removed }) => !removed).map(writeStored),
    ...rest.map(({ check: _, readOnlyContainers, ...rule }) => ({ ...rule, readOnlyContainers: [...readOnlyContainers], builtIn: true })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What a name is to others by its row, removed or not, or by the built-in table. */
const isHidden = async (deps: AdminDeps, name: string): Promise<boolean> =>
  ((await loadCategories(poolSession(deps.store.pool))).find((row) => row.name === name) ?? builtInRegistry.rules.get(name))?.private === true

/** A category that has become private, or is so no more, looks different to everyone who watches it (1.3.1.2): told when every node knows. */
const tellWatchers = async (deps: AdminDeps, name: string): Promise<void> => {
  // Debts that are paid meanwhile are locked in another order; what loses is repeated.
  await transact(deps.store.pool, async (tx) => { void deferWatchers(tx, name, deps.now() + CACHE_AGE_MS, 'category changed') })
}

const expectChangeable = (name: string): void => {
  if (builtInRegistry.rules.get(name)?.serverOnly === true) throw new ProblemError(400, `${name} is the server's own: it can be neither changed nor removed`)
}

/** The category registry (3.2.5.1.2): which names may be published, and under which rules. */
export const categoryRoutes = (deps: AdminDeps): FastifyPluginAsyncTypebox => async (app) => {
  const tags = ['categories']

  app.get('/categories', { schema: { tags, summary: 'List the registered categories', response: { 200: Type.Object({ items: Type.Array(Category) }) } } }, async () => ({ items: [...await listAll(deps)] }))

  app.get('/categories/:name', { schema: { tags, summary: 'Read a category', params: Params, response: { 200: Category, 404: Problem } } }, async (request) => {
    const found = (await listAll(deps)).find(({ name }) => name === request.params.name)
    if (found === undefined) throw new ProblemError(404, 'there is no such category')
    return found
  })

  app.put('/categories/:name', { schema: { tags, summary: 'Register or change a category', params: Params, body: CategoryBody, response: { 200: Category, 201: Category, 400: Problem } } }, async (request, reply) => {
    const { name } = request.params
    expectChangeable(name)
    const { private: isPrivate = false, readOnlyContainers = [], maxBytes = defaultCategoryLimits.maxBytes, quotaBytes = defaultCategoryLimits.quotaBytes, schema } = request.body
    if (maxBytes > quotaBytes) throw new ProblemError(400, 'maxBytes is above quotaBytes')
    const compiled = schema === undefined ? undefined : compilePayloadSchema(schema)
    if (compiled?.ok === false) throw new ProblemError(400, `schema: ${compiled.error}`)
    const [known, wasPrivate] = [(await listAll(deps)).some((category) => category.name === name), await isHidden(deps, name)]
    const stored = { name, removed: false, private: isPrivate, readOnlyContainers: [...new Set(readOnlyContainers)].sort((a, b) => a - b), maxBytes, quotaBytes, schema }
    await putCategory(deps.store.db, stored, deps.now())
    deps.categories.forget()
    if (wasPrivate !== isPrivate) await tellWatchers(deps, name)
    deps.log.info({ category: name }, 'category set')
    return reply.code(known ? 200 : 201).send(writeStored({ ...stored, updatedAt: 0 }))
  })

  app.delete('/categories/:name', {
    schema: { tags, summary: 'Remove a category; what is published stays until it is cleared, and hidden if the category was private', params: Params, response: { 204: Type.Null(), 400: Problem, 404: Problem } },
  }, async (request, reply) => {
    const { name } = request.params
    expectChangeable(name)
    const known = (await listAll(deps)).find((category) => category.name === name)
    if (known === undefined) throw new ProblemError(404, 'there is no such category')
    // A built-in name needs a row that says it is gone; a private one, that what is published under it is nobody else's business (1.3.1.2).
    if (known.builtIn || known.private) await putCategory(deps.store.db, { name, removed: true, private: known.private, readOnlyContainers: [], ...defaultCategoryLimits, schema: undefined }, deps.now())
    else await deleteCategory(deps.store.db, name)
    deps.categories.forget()
    deps.log.info({ category: name }, 'category removed')
    return reply.code(204).send(null)
  })
}
