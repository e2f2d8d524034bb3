/** The classes of an availability number with the lowest number of each (2.2.2.7.1). */
export const availabilityClasses = [
  ['unknown', 0],
  ['online', 3000],
  ['idle', 4500],
  ['busy', 6000],
  ['busyIdle', 7500],
  ['doNotDisturb', 9000],
  ['away', 12000],
  ['offline', 18000],
] as const

export type AvailabilityClass = (typeof availabilityClasses)[number][0]

/** The class in which an availability falls; every number from 0 on falls in one. */
export const classOfAvailability = (availability: number): AvailabilityClass =>
  availabilityClasses.reduce<AvailabilityClass>((found, [name, lowest]) => (availability >= lowest ? name : found), 'unknown')

/** From here on (away, offline) the user cannot be reached through the endpoint, so that its place says nothing (3.8.5.1.2.6). */
export const UNREACHABLE = 12000

const inactive: ReadonlySet<AvailabilityClass> = new Set<AvailabilityClass>(['idle', 'busyIdle', 'away', 'offline'])

/** The classes in which the user does not take notice, and for which an aggregateState says since when. */
export const isInactive = (availability: number): boolean => inactive.has(classOfAvailability(availability))
