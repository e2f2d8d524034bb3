import type { StateActivity } from '../categories/state-payload.ts'
import { writeAttribute } from '../xml/write.ts'
import { byAge, type StateInstance } from './state-instances.ts'

/**
 * The activity of the aggregateState: of those that hold for the final availability the one with the highest minAvailability, of several
 * the one of the newest instance (3.8.5.1.2.3). `states` are those left by the manual filter and the machineState.
 */
export const aggregateActivity = (states: readonly StateInstance[], availability: number): StateActivity | undefined => {
  let best: StateActivity | undefined
  for (const { state } of [...states].sort(byAge)) {
    for (const activity of state.activities) {
      if (availability < activity.minAvailability || availability > activity.maxAvailability) continue
      if (best === undefined || activity.minAvailability > best.minAvailability) best = activity
    }
  }
  return best
}

/** An activity without its bounds: they mean nothing any more (4.3.1). A custom text stands for a missing token only (2.2.2.7.1). */
export const writeActivity = ({ token, custom }: StateActivity): string =>
  token === '' ? `<activity>${custom}</activity>` : `<activity${writeAttribute('token', token)}/>`
