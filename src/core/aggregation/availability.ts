import { classOfAvailability } from '../categories/availability.ts'
import type { MachineState } from './machine-state.ts'
import { byAge, type StateInstance } from './state-instances.ts'

/**
 * What counts for a user without endpoints. 3.8.5.1.2.1 says 18500, but the computed instances of 4.4.2 have 18000; 18500 stands only in
 * what is fixed in container 32000 (3.2.6.2).
 */
export const OFFLINE = 18000

/** Busy and idle is so much more than busy (3.8.5.1.2.2). */
const IDLE_WHILE_BUSY = 1500

const EXCLUDED: ReadonlySet<string> = new Set(['machineState', 'aggregateMachineState', 'aggregateState'])

/** The outcome of 3.8.5.1.2.2. */
export interface AggregateAvailability {
  readonly availability: number
  /** The instances that the newest manual one left, the newest first; those of machines are not among them. */
  readonly left: readonly StateInstance[]
  /** The newest instance with the highest availability of those left. */
  readonly winner: StateInstance | undefined
}

/** The newest manual instance removes all that are older (3.8.5.1.2.2). */
const filterManual = (sorted: readonly StateInstance[]): readonly StateInstance[] => {
  const manual = sorted.find(({ state }) => state.manual)
  return manual === undefined ? sorted : sorted.filter(({ since }) => since >= manual.since)
}

/**
 * The highest availability of the states of one container (3.8.5.1.2.2). An instance without an availability, such as an out-of-office
 * calendarState, takes no part in that; it may still be the newest manual one, and offer its activity.
 */
export const aggregateAvailability = (states: readonly StateInstance[], mostActive: MachineState | undefined): AggregateAvailability => {
  const left = filterManual(states.filter(({ state }) => !EXCLUDED.has(state.type)).sort(byAge))
  const machine = mostActive?.availability ?? OFFLINE
  let highest = 0
  let winner: StateInstance | undefined
  for (const candidate of left) {
    const { availability } = candidate.state
    if (availability === undefined || (winner !== undefined && availability <= highest)) continue
    highest = availability
    winner = candidate
  }
  const availability = Math.max(machine, highest)
  const isIdleWhileBusy = classOfAvailability(machine) === 'idle' && classOfAvailability(availability) === 'busy'
  return { availability: isIdleWhileBusy ? availability + IDLE_WHILE_BUSY : availability, left, winner }
}
