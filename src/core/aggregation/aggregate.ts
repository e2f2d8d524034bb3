import type { Instant } from '../base/instant.ts'
import type { Change } from '../model/change.ts'
import type { Endpoint } from '../model/endpoint.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { ownEntry, type Touch } from '../model/touch.ts'
import type { UserKey } from '../sip/uri.ts'
import { computeAggregateState, SIGNED_IN, SIGNED_OUT, writeAggregateState } from './aggregate-state.ts'
import { isDoNotDisturb, writeDndState } from './dnd-state.ts'
import { writeLegacyInterop } from './legacy-interop.ts'
import { findMachineStates, writeAggregateMachineState } from './machine-state.ts'
import type { AggregateFunction, AggregationPlan, PlanOutput, PlanRow } from './plan.ts'
import { findServices, writeServices } from './services.ts'
import { settle, type Computed } from './settle.ts'
import { readStates } from './state-instances.ts'
import { writeWorkingHours } from './working-hours.ts'

/** What aggregation may read of one publisher, as it is after the change that calls for it. */
export interface AggregationInput {
  readonly publisher: UserKey
  /** All living instances of `planCategories`; others do not disturb. */
  readonly instances: readonly CategoryInstance[]
  readonly endpoints: readonly Endpoint[]
}

/** What one function gets to compute one row of the plan. */
interface RowInput {
  readonly row: PlanRow
  /** The instances of the row's categories in its input container, without those that the server computes. */
  readonly inputs: readonly CategoryInstance[]
  /** What is stored under the row's own keys. */
  readonly stored: readonly CategoryInstance[]
  readonly hasEndpoint: boolean
  readonly at: Instant
}

/** A function of the plan: the instance numbers that are its own in each output, and what it publishes there. */
interface Aggregator {
  readonly instances: readonly number[]
  readonly compute: (input: RowInput) => readonly Computed[]
}

const place = ({ category, container }: PlanOutput, instance: number, expireType: Computed['expireType'], payload: string): Computed =>
  ({ category, container, instance, expireType, payload })

const AGGREGATE_MACHINE_STATE = 0x10000000

/** While an endpoint has a machineState the aggregate is instance 1, bounded by the user, otherwise instance 0, static (3.8.5.1.2.7). */
const aggregateState = ({ row, inputs, stored, at }: RowInput): readonly Computed[] => {
  const aggregate = computeAggregateState(readStates(inputs), stored, at, row.keepsLastActive === true)
  const [instance, expireType] = aggregate.isSignedIn ? [SIGNED_IN, 'user'] as const : [SIGNED_OUT, 'static'] as const
  return row.outputs.map((output) => place(output, instance, expireType, output.category === 'legacyInterop'
    ? writeLegacyInterop(aggregate.availability, output.shows.includes('activity') ? aggregate.activity : undefined)
    : writeAggregateState(aggregate, output.shows)))
}

/** Without a machineState there is none: 4.4.2 has no aggregateMachineState of an offline user, against 3.8.5.1.2.1. */
const aggregateMachineState = ({ row, inputs }: RowInput): readonly Computed[] => {
  const [mostActive] = findMachineStates(readStates(inputs))
  return mostActive === undefined ? [] : row.outputs.map((output) => place(output, AGGREGATE_MACHINE_STATE, 'user', writeAggregateMachineState(mostActive)))
}

/** Bounded by the user, so that without any endpoint there are none, even when a device is left that no endpoint bounds (3.2.5.5.1). */
const services = ({ row, inputs, hasEndpoint }: RowInput): readonly Computed[] => {
  const machines = findMachineStates(readStates(inputs))
  const found = hasEndpoint || machines.length > 0 ? findServices(inputs, machines) : []
  return found.length === 0 ? [] : row.outputs.map((output) => place(output, 0, 'user', writeServices(found, output.shows.includes('preferredEndpoint'))))
}

const workingHours = ({ row, inputs }: RowInput): readonly Computed[] => {
  const payload = writeWorkingHours(inputs)
  return payload === undefined ? [] : row.outputs.map((output) => place(output, 0, 'static', payload))
}

/** Static, since 3.8.5.4 names no expireType: calls are routed by it while the user is signed out as well. */
const dndState = ({ row, inputs }: RowInput): readonly Computed[] => {
  const payload = writeDndState(isDoNotDisturb(readStates(inputs)))
  return row.outputs.map((output) => place(output, 0, 'static', payload))
}

const aggregators: Readonly<Record<AggregateFunction, Aggregator>> = {
  aggregateState: { instances: [SIGNED_IN, SIGNED_OUT], compute: aggregateState },
  aggregateMachineState: { instances: [AGGREGATE_MACHINE_STATE], compute: aggregateMachineState },
  services: { instances: [0], compute: services },
  workingHours: { instances: [0], compute: workingHours },
  dndState: { instances: [0], compute: dndState },
}

/** Where instances changed: category to containers, or everywhere. */
export type Touched = Touch['categories'] | 'all'

const isTouched = ({ from }: PlanRow, touched: Touched): boolean =>
  touched === 'all' || from.categories.some((category) => ownEntry(touched, category)?.includes(from.container) === true)

/** In the order of the numbers, so that nothing hangs on the order in which instances were read. */
const storedAt = (content: readonly CategoryInstance[], output: PlanOutput, numbers: readonly number[]): readonly CategoryInstance[] =>
  numbers.flatMap((number) => content.find(({ category, instance }) => instance === number && category === output.category) ?? [])

/** What the server computes is never an input, whoever published it: it would not be the same the next time. */
const isResult = (plan: AggregationPlan, { category, container, instance }: CategoryInstance): boolean =>
  plan.some(({ computes, outputs }) => aggregators[computes].instances.includes(instance) && outputs.some((output) => output.container === container && output.category === category))

const newest = (instances: readonly CategoryInstance[]): Instant => instances.reduce((latest, { publishTime }) => Math.max(latest, publishTime), 0)

/**
 * Runs the rows of the plan whose inputs changed (3.2.5.6, 3.8): what to put and to delete so that the stored results are the current ones.
 * Empty when they are already. Depends on nothing but its arguments, and not on the order of instances.
 */
export const aggregate = (plan: AggregationPlan, { instances, endpoints }: AggregationInput, now: Instant, touched: Touched): readonly Change[] => {
  const rows = plan.filter((row) => isTouched(row, touched))
  if (rows.length === 0) return []
  const contents = new Map<number, CategoryInstance[]>()
  for (const instance of instances) {
    const content = contents.get(instance.container)
    if (content === undefined) contents.set(instance.container, [instance])
    else content.push(instance)
  }
  const hasEndpoint = endpoints.some(({ expiresAt }) => expiresAt > now)
  return rows.flatMap((row) => {
    const { instances: own, compute } = aggregators[row.computes]
    const inputs = (contents.get(row.from.container) ?? []).filter((instance) => row.from.categories.includes(instance.category) && !isResult(plan, instance))
    const stored = row.outputs.flatMap((output) => storedAt(contents.get(output.container) ?? [], output, own))
    // Clocks of several engines may differ: a result is never older than what it was computed from, and newer than what it replaces (1.3.1.6.4).
    const at = Math.max(now, newest(inputs), newest(stored) + 1)
    return settle(stored, compute({ row, inputs, stored, hasEndpoint, at }), at)
  })
}
