import type { StateInstance } from './state-instances.ts'

/** The meeting of the aggregateState: elements verbatim, empty where there is nothing to say. */
export interface Meeting {
  readonly subject: string
  readonly location: string
}

const NO_MEETING: Meeting = { subject: '', location: '' }

/**
 * Subject and location of the one calendarState that has such elements; of several none (3.8.5.1.2.5). All calendarState instances count,
 * those too that a manual state removed from the availability: the rule knows no filter. An element that is there and empty counts as well.
 */
export const aggregateMeeting = (states: readonly StateInstance[]): Meeting => {
  const [meeting, ...others] = states.filter(({ state }) => state.type === 'calendarState' && state.hasMeeting)
  return meeting === undefined || others.length > 0 ? NO_MEETING : { subject: meeting.state.meetingSubject, location: meeting.state.meetingLocation }
}
