import type { Instant } from '../base/instant.ts'
import { readStatePayload, type StateActivity } from '../categories/state-payload.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'
import { aggregateActivity, writeActivity } from './activity.ts'
import { aggregateAvailability } from './availability.ts'
import { computeLastActive, writeLastActive } from './last-active.ts'
import { findMachineStates } from './machine-state.ts'
import { aggregateMeeting, type Meeting } from './meeting.ts'
import { aggregatePlace, type Place } from './place.ts'
import type { Part } from './plan.ts'
import type { StateInstance } from './state-instances.ts'
import { writeAvailability, writeState } from './write-state.ts'

/** The user's overall presence, seen from one input container; what an output shows of it is for the plan to say. */
export interface AggregateState {
  /** An endpoint has published a machineState. */
  readonly isSignedIn: boolean
  readonly availability: number
  readonly activity: StateActivity | undefined
  readonly lastActive: Instant | undefined
  readonly meeting: Meeting
  readonly place: Place
}

/** The instance under which the aggregate of a user is published (3.8.5.1.2.7). */
export const SIGNED_IN = 1
export const SIGNED_OUT = 0

const firstLastActive = (stored: readonly CategoryInstance[]): Instant | undefined => {
  for (const { payload } of stored) {
    const lastActive = readStatePayload(payload)?.lastActive
    if (lastActive !== undefined) return lastActive
  }
  return undefined
}

/**
 * Puts the steps of 3.8.5.1.2.1 to 3.8.5.1.2.6 together. `stored` are the outputs of the same row: when there is no endpoint, only they know
 * when the last one left; `at` is when the result is published.
 */
export const computeAggregateState = (states: readonly StateInstance[], stored: readonly CategoryInstance[], at: Instant, keepsLastActive: boolean): AggregateState => {
  const machines = findMachineStates(states)
  const [mostActive] = machines
  const { availability, left, winner } = aggregateAvailability(states, mostActive)
  const kept = keepsLastActive ? stored : stored.filter(({ instance }) => mostActive === undefined && instance === SIGNED_OUT)
  return {
    isSignedIn: mostActive !== undefined,
    availability,
    activity: aggregateActivity(mostActive === undefined ? left : [...left, mostActive], availability),
    lastActive: computeLastActive({ availability, mostActive, winner, stored: firstLastActive(kept), at }),
    meeting: aggregateMeeting(states),
    place: aggregatePlace(availability, machines),
  }
}

/** What later versions added to the document stands between two marks (7.1, 7.2). */
const writeExtension = (content: string): string =>
  content === '' ? '' : `<delimiter xmlns="${namespaces.commonTypes}"/>${content}<end xmlns="${namespaces.commonTypes}"/>`

/** aggregateState as one output shows it: elements in the order of 7.2, no empty ones, no manual attribute (4.3.1). */
export const writeAggregateState = ({ availability, activity, lastActive, meeting, place }: AggregateState, shows: readonly Part[]): string => {
  const show = (part: Part, content: string): string => (shows.includes(part) ? content : '')
  return writeState('aggregateState',
    show('lastActive', writeAttribute('lastActive', lastActive === undefined ? undefined : writeLastActive(lastActive))),
    writeAvailability(availability) +
    show('activity', activity === undefined ? '' : writeActivity(activity)) +
    show('location', place.endpointLocation) +
    show('meeting', meeting.subject + meeting.location) +
    writeExtension(show('timeZone', place.timeZone) + show('device', place.device)))
}
