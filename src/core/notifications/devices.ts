import { endpointIdOf, findMachineStates } from '../aggregation/machine-state.ts'
import { readStates } from '../aggregation/state-instances.ts'
import type { Instant } from '../base/instant.ts'
import { readLegacyInterop } from '../categories/legacy-interop.ts'
import { legacyDevice, LEGACY_CONTAINER, readLegacyDevice } from '../categories/legacy-presence.ts'
import { rowOf } from '../documents/presence-tables.ts'
import type { DeviceSeen } from '../documents/presence-seen.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { ownEntry, type Touch } from '../model/touch.ts'

/** A device before it is known who looks at it, and when. */
export interface Device extends Omit<DeviceSeen, 'age' | 'epid'> {
  /** In lower case. */
  readonly endpointId: string
  /** Undefined of endpoints that publish enhanced presence: their registration knows. */
  readonly epid: string | undefined
  /** What its machineState says (MS-PRES 3.8.5.1.2.1); undefined of one that has none. */
  readonly machine: number | undefined
  /** When it was last heard of. */
  readonly at: Instant
}

/** The container in which the states of endpoints are looked for. */
export const STATES = 2

/** From here on a user is away (3.7.5.5), or wants to be thought so. */
export const AWAY = 12000

/** Below, a device cannot be reached (MS-SIP 2.2.1): whoever hides there is not to be found in a list of devices. */
const REACHABLE = 100

const legacyDevices = (instances: readonly CategoryInstance[]): readonly Device[] =>
  instances.flatMap(({ category, container, endpointId, publishTime, payload }) => {
    const device = category === legacyDevice && container === LEGACY_CONTAINER ? readLegacyDevice(payload) : undefined
    return device === undefined || endpointId === undefined ? [] : [{ ...device, endpointId: endpointId.toLowerCase(), machine: undefined, at: publishTime }]
  })

/** Endpoints of enhanced presence, in the numbers of those before (3.7.5.5). */
const machines = (instances: readonly CategoryInstance[]): readonly Device[] =>
  findMachineStates(readStates(instances.filter(({ category, container }) => category === 'state' && container === STATES))).flatMap((machine) => {
    const endpointId = endpointIdOf(machine)
    if (endpointId === undefined) return []
    const { msrtc: { availability, activity } } = rowOf(machine.availability, machine.state.activities[0]?.token)
    return [{ endpointId, epid: undefined, availability, activity, machine: machine.availability, at: machine.instance.publishTime, content: `<availability aggregate="${availability}"/><activity aggregate="${activity}"/>` }]
  })

/** The devices of a publisher that can be reached, each endpoint once: in its own words where it has any. `instances` must be alive. */
export const findDevices = (instances: readonly CategoryInstance[]): readonly Device[] => {
  const known = new Map<string, Device>()
  for (const device of legacyDevices(instances)) known.set(device.endpointId, device)
  for (const device of machines(instances)) {
    const other = known.get(device.endpointId)
    if (other === undefined) known.set(device.endpointId, device)
    // Of several machineStates of one endpoint the most active one, which comes first.
    else if (other.machine === undefined) known.set(device.endpointId, { ...other, machine: device.machine })
  }
  return [...known.values()].filter(({ availability }) => availability >= REACHABLE)
}

/**
 * May this device be shown of a user who is seen with that availability? Who says by hand to be away must not be given away by a device that is in use:
 * others see no machineState either (3.8.5.1.2.7).
 */
export const isInKeeping = ({ machine }: Pick<Device, 'machine'>, availability: number): boolean => availability < AWAY || (machine !== undefined && machine >= availability)

/** As what the user is seen, in any container; devices can be told apart in all of them where nothing says so. */
const shownAvailabilities = (instances: readonly CategoryInstance[]): ReadonlySet<number> => {
  const shown = new Set(instances.flatMap(({ category, payload }) => (category === 'legacyInterop' ? readLegacyInterop(payload)?.availability ?? [] : [])))
  return shown.size === 0 ? new Set([0]) : shown
}

// What nobody is shown must not be heard of either, or its comings and goings could be told by the notifications.
const textOf = (instances: readonly CategoryInstance[]): string => {
  const shown = [...shownAvailabilities(instances)]
  return findDevices(instances).filter((device) => shown.some((availability) => isInKeeping(device, availability)))
    .map(({ endpointId, epid, availability, activity, machine, content }) => `${endpointId} ${epid} ${availability} ${activity} ${machine} ${content}`).sort().join('\n')
}

/** True when a change has changed what can be seen of single devices; `before` and `after` are all living instances of the categories that it touched. */
export const changesDevices = ({ categories }: Touch, before: readonly CategoryInstance[], after: readonly CategoryInstance[]): boolean => {
  const isConcerned = ownEntry(categories, 'state')?.includes(STATES) === true || ownEntry(categories, legacyDevice)?.includes(LEGACY_CONTAINER) === true
  return isConcerned && textOf(before) !== textOf(after)
}
