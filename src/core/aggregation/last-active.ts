import type { Instant } from '../base/instant.ts'
import { classOfAvailability, isInactive } from '../categories/availability.ts'
import type { MachineState } from './machine-state.ts'
import type { StateInstance } from './state-instances.ts'

/** What is known when lastActive is computed. */
export interface LastActiveInput {
  readonly availability: number
  readonly mostActive: MachineState | undefined
  readonly winner: StateInstance | undefined
  /** What the stored aggregate says; undefined where it shall not be kept. */
  readonly stored: Instant | undefined
  readonly at: Instant
}

const ACTIVE: ReadonlySet<string> = new Set(['unknown', 'online'])

/**
 * Since when the user does not take notice (3.8.5.1.2.4, of which only the figure's caption is known; the rule is read off 4.3.1.1, 4.4.2, 4.5
 * and 4.8, which it fits all). Undefined in the classes in which the user does. Otherwise:
 * - the most active endpoint is idle or further away: since it said so;
 * - it is active, but the user is away all the same, by hand or by calendar: since the state that says so (no example);
 * - there is no endpoint: since the last one left, which is when this is computed for the first time.
 */
export const computeLastActive = ({ availability, mostActive, winner, stored, at }: LastActiveInput): Instant | undefined => {
  if (!isInactive(availability)) return undefined
  if (stored !== undefined) return stored
  if (mostActive === undefined) return at
  return ACTIVE.has(classOfAvailability(mostActive.availability)) ? winner?.since : mostActive.instance.publishTime
}

/** To the second, UTC, without a zone letter (4.3.1.1). */
export const writeLastActive = (at: Instant): string => new Date(at).toISOString().slice(0, 19)
