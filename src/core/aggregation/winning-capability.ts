import type { Capability } from '../categories/device-payload.ts'
import { isMoreActive, type MachineState } from './machine-state.ts'

/** A capability of one endpoint, with the state of that endpoint when it has published one. */
export interface EndpointCapability {
  readonly capability: Capability
  /** In lower case. */
  readonly endpointId: string
  readonly machine: MachineState | undefined
}

const isUseless = ({ render, capture }: Capability): boolean => render !== true && capture !== true

/** An endpoint without a machineState is less active than any that has one. */
const isBetterPlaced = (a: MachineState | undefined, b: MachineState | undefined): boolean => a !== undefined && (b === undefined || isMoreActive(a, b))

const wins = (current: EndpointCapability, winning: EndpointCapability): boolean => {
  if (current.capability.publish === true) return (current.capability.version ?? 0) > (winning.capability.version ?? 0)
  return isUseless(winning.capability) || isBetterPlaced(current.machine, winning.machine)
}

/**
 * Walks through the capabilities of one type under one URI, in the given order (3.8.5.2.2): what an endpoint publishes for the user goes by its
 * version, what it renders or captures by how active it is. Of equal versions the first stays.
 */
export const findWinner = (candidates: readonly EndpointCapability[]): EndpointCapability | undefined => {
  let winning: EndpointCapability | undefined
  for (const current of candidates) if (winning === undefined || wins(current, winning)) winning = current
  return winning
}
