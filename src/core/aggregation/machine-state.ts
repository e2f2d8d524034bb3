import { writeAttribute } from '../xml/write.ts'
import { byKey, type StateInstance } from './state-instances.ts'
import { writeAvailability, writeState } from './write-state.ts'

/** The state of one endpoint. */
export interface MachineState extends StateInstance {
  readonly availability: number
}

/** The lower availability is the more active, of two alike the one published last (3.8.5.1.2.1, 3.8.5.2.2); startTime does not matter here. */
export const isMoreActive = (a: MachineState, b: MachineState): boolean =>
  a.availability < b.availability || (a.availability === b.availability && a.instance.publishTime > b.instance.publishTime)

const byActivity = (a: MachineState, b: MachineState): number => (isMoreActive(a, b) ? -1 : isMoreActive(b, a) ? 1 : byKey(a.instance, b.instance))

/**
 * The machineState instances, the most active first (3.8.5.1.2.1). Those that are not bounded by an endpoint are ignored, and so are those
 * without an availability, for which no rule says anything.
 */
export const findMachineStates = (states: readonly StateInstance[]): readonly MachineState[] =>
  states
    .flatMap((found) => {
      const { instance, state } = found
      if (state.type !== 'machineState' || instance.expireType !== 'endpoint' || state.availability === undefined) return []
      return [{ ...found, availability: state.availability }]
    })
    .sort(byActivity)

/** The endpoint of a machineState as the server writes it in what it computes: in lower case (4.3.1). */
export const endpointIdOf = ({ instance }: MachineState): string | undefined => instance.endpointId?.toLowerCase()

/** aggregateMachineState: availability, activity and endpoint of the most active machineState, and nothing else (3.8.5.1.2.7). */
export const writeAggregateMachineState = (mostActive: MachineState): string =>
  writeState('aggregateMachineState', writeAttribute('endpointId', endpointIdOf(mostActive)),
    writeAvailability(mostActive.availability) + mostActive.state.activities.map(({ element }) => element).join(''))
