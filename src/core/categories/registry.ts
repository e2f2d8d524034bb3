/** What the server knows about a category name (3.2.5.1.2, 1.3.1.2). */
export interface CategoryRule {
  readonly name: string
  /** Private categories are never given to other subscribers (1.3.1.2, 3.4.5.1.3). */
  readonly private: boolean
  /** Containers into which only the server publishes. */
  readonly readOnlyContainers: readonly number[]
  /** Largest data of one publication, in bytes of UTF-8. */
  readonly maxBytes: number
  /** Largest sum over all instances of the category of one publisher, in bytes of UTF-8. */
  readonly quotaBytes: number
}

/** All registered category names; what is not in here is refused, unless `openTo` is set. */
export interface CategoryRegistry {
  readonly rules: ReadonlyMap<string, CategoryRule>
  /** The rule for unregistered names where a deployment opens them; undefined refuses them with 403. */
  readonly openTo: CategoryRule | undefined
}

const DEFAULT_MAX_BYTES = 32 * 1024
const DEFAULT_QUOTA_BYTES = 512 * 1024

const rule = (name: string, special: Partial<CategoryRule> = {}): CategoryRule => ({
  name, private: false, readOnlyContainers: [], maxBytes: DEFAULT_MAX_BYTES, quotaBytes: DEFAULT_QUOTA_BYTES, ...special,
})

/** The categories of 2.2.2.7 and its persistent chat section; routing and mwi are private (1.3.1.2). */
export const builtInCategories: readonly CategoryRule[] = [
  rule('state'),
  rule('device'),
  rule('services'),
  // Published by the server into container 1, where clients must not overwrite it (3.2.6.2).
  rule('userProperties', { readOnlyContainers: [1] }),
  rule('contactCard'),
  rule('legacyInterop'),
  rule('routing', { private: true }),
  rule('calendarData'),
  rule('workingHours'),
  rule('dndState'),
  rule('mwi', { private: true }),
  rule('linkedPICContacts'),
  rule('note'),
  rule('roomSetting'),
  rule('roomUpdate'),
  rule('roomInvitation'),
  rule('gcFilterSetting'),
]

export const builtInRegistry: CategoryRegistry = {
  rules: new Map(builtInCategories.map((category) => [category.name, category])),
  openTo: undefined,
}

/** The rule for a name, or undefined when publications of it are refused. */
export const findCategory = (registry: CategoryRegistry, name: string): CategoryRule | undefined => registry.rules.get(name) ?? registry.openTo
