import { legacyDevice, legacyUserInfo } from './legacy-presence.ts'
import { builtInPayloadChecks, type PayloadCheck } from './validate-payload.ts'

/** What the server knows about a category name (3.2.5.1.2, 1.3.1.2). */
export interface CategoryRule {
  readonly name: string
  /** Private categories are never given to other subscribers (1.3.1.2, 3.4.5.1.3). */
  readonly private: boolean
  /** Containers into which only the server publishes. */
  readonly readOnlyContainers: readonly number[]
  /** Nobody but the server publishes it anywhere, and no operator changes what it is. */
  readonly serverOnly?: true
  /** Largest data of one publication, in bytes of UTF-8. */
  readonly maxBytes: number
  /** Largest sum over all instances of the category of one publisher, in bytes of UTF-8. */
  readonly quotaBytes: number
  /** Judges a payload: a sentence that names the place, or undefined when it is fine. Opaque categories have none. */
  readonly check: PayloadCheck | undefined
}

/** All registered category names; what is not in here is refused, unless `openTo` is set. */
export interface CategoryRegistry {
  readonly rules: ReadonlyMap<string, CategoryRule>
  /** The rule for unregistered names where a deployment opens them; undefined refuses them with 403. */
  readonly openTo: CategoryRule | undefined
  /** Names that are registered no more, and were private when they were removed. */
  readonly withheld?: ReadonlySet<string>
}

/** Bounds of a category for which nothing else is said. */
export const defaultCategoryLimits = { maxBytes: 32 * 1024, quotaBytes: 512 * 1024 } as const

/**
 * The category in which the documents that phones publish by PUBLISH are kept whole, for what no category has a place for: contacts with their
 * priority, mood, the namespaces that nobody here knows. Private and written by the server alone; the documents of ordinary watchers are made of it.
 */
export const KEPT_PIDF = 'pidf'
export const KEPT_PIDF_CONTAINER = 1
/** The largest that an operator may let phones publish. */
export const KEPT_PIDF_BYTES = 256 * 1024

const rule = (name: string, special: Partial<CategoryRule> = {}): CategoryRule => ({
  name, private: false, readOnlyContainers: [], ...defaultCategoryLimits, check: builtInPayloadChecks.get(name), ...special,
})

/**
 * The categories of 2.2.2.7. Private are routing and mwi (1.3.1.2), what the server computes for other purposes than watching (2.2.2.7.6, .9, .10),
 * linkedPICContacts (2.2.2.7.12) and the settings that persistent chat clients keep for themselves (2.2.2.7.13).
 */
export const builtInCategories: readonly CategoryRule[] = [
  rule('state'),
  rule('device'),
  rule('services'),
  // Published by the server into container 1, where clients must not overwrite it (3.2.6.2).
  rule('userProperties', { readOnlyContainers: [1] }),
  rule('contactCard'),
  rule('legacyInterop', { private: true }),
  rule('routing', { private: true }),
  rule('calendarData'),
  rule('workingHours', { private: true }),
  rule('dndState', { private: true }),
  rule('mwi', { private: true }),
  rule('linkedPICContacts', { private: true }),
  rule('note'),
  rule('roomSetting', { private: true }),
  rule('roomUpdate', { private: true }),
  rule('roomInvitation', { private: true }),
  rule('gcFilterSetting', { private: true }),
  // Not of the specification: what clients before enhanced presence say of themselves beside their state (MS-SIP 2.2.1), for documents of their kind.
  rule(legacyDevice, { private: true, serverOnly: true, maxBytes: 8 * 1024 }),
  rule(legacyUserInfo, { private: true, serverOnly: true, maxBytes: 8 * 1024 }),
  // Of ours: what phones publish by PUBLISH, as they wrote it.
  rule(KEPT_PIDF, { private: true, serverOnly: true, maxBytes: KEPT_PIDF_BYTES }),
]

export const builtInRegistry: CategoryRegistry = {
  rules: new Map(builtInCategories.map((category) => [category.name, category])),
  openTo: undefined,
}

/** The rule for a name, or undefined when publications of it are refused. */
export const findCategory = (registry: CategoryRegistry, name: string): CategoryRule | undefined => registry.rules.get(name) ?? registry.openTo

/** True for categories that are never given to others (1.3.1.2); to remove a private one from the registry does not give it away. */
export const isPrivate = (registry: CategoryRegistry) => (name: string): boolean => findCategory(registry, name)?.private === true || registry.withheld?.has(name) === true

/** A registered name as an operator set it; `removed` takes a built-in one away, and keeps in mind that one was private. */
export interface RegisteredCategory {
  readonly name: string
  readonly removed: boolean
  readonly private: boolean
  readonly readOnlyContainers: readonly number[]
  readonly maxBytes: number
  readonly quotaBytes: number
  readonly check: PayloadCheck | undefined
}

/** The built-in categories with what operators registered on top; `open` admits all other names with default bounds. */
export const buildRegistry = (registered: readonly RegisteredCategory[], open: boolean): CategoryRegistry => {
  const rules = new Map(builtInRegistry.rules)
  for (const { removed, ...category } of registered) {
    if (rules.get(category.name)?.serverOnly === true) continue
    if (removed) rules.delete(category.name)
    else rules.set(category.name, category)
  }
  const withheld = new Set(registered.flatMap((category) => (category.removed && category.private ? [category.name] : [])))
  return { rules, withheld, openTo: open ? rule('', { check: undefined }) : undefined }
}
