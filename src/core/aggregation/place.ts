import { UNREACHABLE } from '../categories/availability.ts'
import type { MachineState } from './machine-state.ts'

/** Where the user is, and at what: elements verbatim, empty where there is nothing to say. */
export interface Place {
  readonly endpointLocation: string
  readonly timeZone: string
  readonly device: string
}

const NOWHERE: Place = { endpointLocation: '', timeZone: '', device: '' }

/**
 * A location that is only approximate gives way when the user is available at another endpoint (treatLocationAsProximate, 2.2.2.7.1), which is
 * read as: not away or offline there.
 */
const locationOf = (mostActive: MachineState, machines: readonly MachineState[]): string => {
  const exact = machines.find(({ availability, state }) => availability < UNREACHABLE && !state.locationIsProximate)
  return (exact ?? mostActive).state.endpointLocation
}

/**
 * Location, time zone and device of the most active endpoint, unless the user is away or offline (3.8.5.1.2.6). `machines` are sorted, the
 * most active first.
 */
export const aggregatePlace = (availability: number, machines: readonly MachineState[]): Place => {
  const [mostActive] = machines
  if (mostActive === undefined || availability >= UNREACHABLE) return NOWHERE
  return { endpointLocation: locationOf(mostActive, machines), timeZone: mostActive.state.timeZone, device: mostActive.state.device }
}
