import { MS } from '../core/aggregation-kit.ts'
import { endpointIdOfEpid } from '../../src/core/sip/endpoint-id.ts'
import { defaultPlan } from '../../src/core/aggregation/plan.ts'
import { builtInRegistry } from '../../src/core/categories/registry.ts'
import { standardTemplate } from '../../src/core/containers/template.ts'
import type { EngineDeps } from '../../src/engine/deps.ts'
import type { Client } from './client.ts'
import { presence, userState } from './presence.ts'
import { people, type World } from './world.ts'

const { anna, boris, clara, gerd } = people
const hanna = 'hanna@nordwind.example'
const ivo = 'ivo@nordwind.example'

/** Who sees which container of Anna's: Clara as a partner, Boris as a colleague, the others because she says so; Ivo is blocked. */
const LEVELS: readonly (readonly [level: number, user: string])[] = [[100, clara], [200, boris], [300, gerd], [400, hanna], [32000, ivo]]

/** What the watchers of each container have heard since the last look: the lines of each notification. */
export type Heard = Readonly<Record<number, readonly (readonly string[])[]>>

/** Anna's presence, seen from everywhere. */
export interface Stage {
  readonly world: World
  /** The watcher of a container. */
  readonly watcher: (level: number) => Client
  /** Looks and forgets. */
  readonly heard: () => Heard
}

/** What the engine of these stories is made of; `uncheckedCategories` would let anything through. */
export const aggregating: Partial<EngineDeps> = {
  plan: defaultPlan, categories: { registry: async () => builtInRegistry, forget: () => undefined }, template: { current: async () => standardTemplate, forget: () => undefined },
}

/** Everything that a test counts on to be silent. */
export const SILENCE: Heard = Object.fromEntries(LEVELS.map(([level]) => [level, []]))

/**
 * A fresh world in which five watchers have subscribed to Anna's categories, before she has ever signed in. In 32000 stands what her client
 * puts there once for those whom she has blocked, as in 4.4.2: without it they would see what is for all colleagues.
 */
export const openStage = async (world: World, options: Partial<EngineDeps> = {}, categories: readonly string[] = ['state', 'services']): Promise<Stage> => {
  await world.reset({ ...aggregating, ...options })
  for (const user of [hanna, ivo]) await world.adds(user)
  const setup = world.client(anna, 'setup')
  await setup.setsMembers([[300, gerd], [400, hanna], [32000, ivo]].map(([id, user]) => ({ id: Number(id), version: 0, members: [`user ${user}`] })))
  await setup.publishes([...userState(18500, { containers: [32000] }), { category: 'services', container: 32000, data: `<services xmlns="${MS}/service"/>` }])
  const clients = new Map<number, Client>()
  for (const [level, user] of LEVELS) {
    const client = world.client(user)
    if (user !== clara) await client.registers({ granted: 500_000 })
    await client.subscribesOne(anna, categories, { headers: { Expires: '7200' } })
    clients.set(level, client)
  }
  const watcher = (level: number): Client => {
    const client = clients.get(level)
    if (client === undefined) throw new Error(`nobody watches ${level}`)
    return client
  }
  return { world, watcher, heard: () => Object.fromEntries(LEVELS.map(([level]) => [level, watcher(level).hears().map(presence)])) }
}

/** An endpoint of Anna's; `id` is how the server writes it in what it computes, in the first characters. */
export interface Endpoint {
  readonly client: Client
  readonly id: string
}

export const endpointOf = (world: World, epid: string): Endpoint => ({ client: world.client(anna, epid), id: endpointIdOfEpid(epid).slice(0, 8) })

/** What is stored of Anna, a line an instance: `state 200/1 v3 user`. */
export const stored = async ({ store }: World): Promise<readonly string[]> => {
  const { rows } = await store.pool.query<{ line: string }>("SELECT category || ' ' || container || '/' || instance || ' v' || instance_version || ' ' || expire_type AS line FROM category_instance WHERE publisher = $1 ORDER BY category, container, instance", [anna])
  return rows.map(({ line }) => line)
}
