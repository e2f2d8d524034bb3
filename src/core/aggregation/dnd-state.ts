import { classOfAvailability } from '../categories/availability.ts'
import type { StateInstance } from './state-instances.ts'
import { writeAvailability, writeState } from './write-state.ts'

/** What stands for all of the class in dndState (3.8.5.4). */
const DO_NOT_DISTURB = 9500

const TYPES: ReadonlySet<string> = new Set(['userState', 'presentingState'])

/** Whether the user, or a presentation, asks not to be disturbed (3.8.5.4). Calendar, calls and machines do not count, nor does what is manual. */
export const isDoNotDisturb = (states: readonly StateInstance[]): boolean =>
  states.some(({ state }) => TYPES.has(state.type) && state.availability !== undefined && classOfAvailability(state.availability) === 'doNotDisturb')

/** dndState (2.2.2.7.10): without an availability when the user may be disturbed. */
export const writeDndState = (isOn: boolean): string => writeState('userState', ' manual="true"', isOn ? writeAvailability(DO_NOT_DISTURB) : '')
