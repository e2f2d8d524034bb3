/** What a function computes is its own; a row of the plan says from where and to where. */
export const aggregateFunctions = ['aggregateState', 'aggregateMachineState', 'services', 'workingHours', 'dndState'] as const
export type AggregateFunction = (typeof aggregateFunctions)[number]

/** Parts of a computed value that an output may show or leave out. */
export const parts = ['activity', 'location', 'meeting', 'lastActive', 'timeZone', 'device', 'preferredEndpoint'] as const
export type Part = (typeof parts)[number]

/** A category in a container that the server publishes itself. */
export interface PlanOutput {
  readonly category: string
  readonly container: number
  readonly shows: readonly Part[]
}

/**
 * One row of the plan: which categories of which container go in, which function computes, and where its results are published. All outputs
 * of a row change together, with one version and one publishTime (4.3.1).
 */
export interface PlanRow {
  readonly computes: AggregateFunction
  readonly from: { readonly categories: readonly string[]; readonly container: number }
  readonly outputs: readonly PlanOutput[]
  /**
   * aggregateState: keep the earlier lastActive while the user stays inactive, say from idle to away. The figure of 3.8.5.1.2.4 is not to be
   * had, and what is known of real servers shows no carry-over.
   */
  readonly keepsLastActive?: true
}

/** Data, not code: a deployment may hand in another one. */
export type AggregationPlan = readonly PlanRow[]

const output = (category: string, container: number, ...shows: readonly Part[]): PlanOutput => ({ category, container, shows })

const EVERYTHING: readonly Part[] = ['activity', 'location', 'meeting', 'lastActive', 'timeZone', 'device']

/**
 * The tables of 3.8.5.1.2.7, 3.8.5.2.2, 3.8.5.3 and 3.8.5.4. Three places differ from their words:
 * - legacyInterop shows the activity token wherever the state beside it does, as in 4.3.1; the table has the availability only.
 * - lastActive in container 200 follows the table, though 4.4.2 has none there: an older server, perhaps.
 * - aggregateMachineState has a row of its own: 4.3.1 has it at another version than the rest.
 */
export const defaultPlan: AggregationPlan = [
  {
    computes: 'aggregateState',
    from: { categories: ['state'], container: 2 },
    outputs: [
      output('state', 2, ...EVERYTHING),
      output('state', 100),
      output('legacyInterop', 100),
      output('state', 200, 'activity', 'lastActive', 'device'),
      output('legacyInterop', 200, 'activity'),
      output('state', 400, 'activity', 'location', 'lastActive', 'timeZone', 'device'),
      output('legacyInterop', 400, 'activity'),
    ],
  },
  {
    computes: 'aggregateState',
    from: { categories: ['state'], container: 3 },
    outputs: [output('state', 3, ...EVERYTHING), output('state', 300, ...EVERYTHING), output('legacyInterop', 300, 'activity')],
  },
  { computes: 'aggregateMachineState', from: { categories: ['state'], container: 2 }, outputs: [output('state', 2)] },
  {
    computes: 'services',
    from: { categories: ['device', 'state'], container: 2 },
    outputs: [output('services', 2, 'preferredEndpoint'), ...[100, 200, 300, 400].map((container) => output('services', container))],
  },
  { computes: 'workingHours', from: { categories: ['calendarData'], container: 1 }, outputs: [output('workingHours', 1)] },
  { computes: 'dndState', from: { categories: ['state'], container: 2 }, outputs: [2, 0, 100, 200, 400].map((container) => output('dndState', container)) },
  { computes: 'dndState', from: { categories: ['state'], container: 3 }, outputs: [3, 300].map((container) => output('dndState', container)) },
]

/** The categories that any row reads or writes: `aggregate` must be given all instances of all of them. */
export const planCategories = (plan: AggregationPlan): ReadonlySet<string> =>
  new Set(plan.flatMap(({ from, outputs }) => [...from.categories, ...outputs.map(({ category }) => category)]))

/** The containers in which computed states show a part to those who see them. */
export const containersNaming = (plan: AggregationPlan, part: Part): ReadonlySet<number> =>
  new Set(plan.flatMap(({ outputs }) => outputs.filter(({ category, shows }) => category === 'state' && shows.includes(part)).map(({ container }) => container)))
