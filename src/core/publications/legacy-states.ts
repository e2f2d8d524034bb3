/** Availability or activity numbers of a legacy client, both ends included. */
type Range = readonly [from: number, to: number]

/** A state to publish; the token is its activity where it says more than the number. */
export interface LegacyState {
  readonly type: 'machineState' | 'userState' | 'phoneState'
  readonly availability: number
  readonly activity?: { readonly token: string; readonly from: number; readonly to: number }
}

/** One row: what these numbers of an endpoint (MS-SIP 2.2.1) are in enhanced presence. */
export interface LegacyStateRow {
  readonly availability: Range
  readonly activity: Range
  /** The first one is that of the machine, which there always is. */
  readonly states: readonly [LegacyState, ...LegacyState[]]
}

const ANY: Range = [0, 999]
const THERE: Range = [100, 999]

const machine = (availability: number, activity?: LegacyState['activity']): LegacyState => ({ type: 'machineState', availability, ...(activity === undefined ? {} : { activity }) })

const ACTIVE = 3500
const IDLE = 5000
const BUSY = 6500
const BE_RIGHT_BACK = 12500
const AWAY = 15500
const OFFLINE = 18000

/**
 * What setPresence says as states of its endpoint. Several endpoints come together as MS-SIP 2.2.1 wants it, the most available one deciding: of machineStates
 * the most active wins (MS-PRES 3.8.5.1.2.1), so that whatever says that somebody is less there (idle, back soon, at lunch, away) is one; what says that
 * somebody is more taken up (in a session, busy) must win against every machine, and is a state beside it. The first row that holds both numbers counts.
 */
export const legacyStates: readonly LegacyStateRow[] = [
  // Not to be reached: the user has signed out here, or hides; what it does meanwhile is nobody's business.
  { availability: [0, 99], activity: ANY, states: [machine(OFFLINE)] },
  // No information on what the user does: it is as much there as its device. A gateway to a phone says no more than that there may be somebody.
  { availability: [100, 199], activity: [0, 99], states: [machine(AWAY)] },
  { availability: [200, 299], activity: [0, 99], states: [machine(IDLE)] },
  { availability: [300, 999], activity: [0, 99], states: [machine(ACTIVE)] },
  // From here on what the user does says it all: MS-PRES 3.7.5.5 knows no availability between 0 and 300 to give back.
  { availability: THERE, activity: [100, 149], states: [machine(AWAY)] },
  // Away, with the reason for those who can show it.
  { availability: THERE, activity: [150, 199], states: [machine(AWAY, { token: 'out-to-lunch', from: 15000, to: 17999 })] },
  { availability: THERE, activity: [200, 299], states: [machine(IDLE)] },
  { availability: THERE, activity: [300, 399], states: [machine(BE_RIGHT_BACK, { token: 'be-right-back', from: 12000, to: 14999 })] },
  { availability: THERE, activity: [400, 499], states: [machine(ACTIVE)] },
  // The token makes it "on the phone" for everybody (MS-PRES 3.7.5.4, 3.7.5.5); its bounds are those that clients use for calls.
  { availability: THERE, activity: [500, 599], states: [machine(ACTIVE), { type: 'phoneState', availability: BUSY, activity: { token: 'on-the-phone', from: BUSY, to: 8999 } }] },
  // Not manual: that would take older states of the user's other endpoints away, which a legacy client knows nothing of.
  { availability: THERE, activity: [600, 699], states: [machine(ACTIVE), { type: 'userState', availability: BUSY }] },
  // Away again, by another number (MS-SIP 2.2.1).
  { availability: THERE, activity: [700, 799], states: [machine(AWAY)] },
  { availability: THERE, activity: [800, 999], states: [machine(ACTIVE)] },
]

const holds = ([from, to]: Range, value: number): boolean => value >= from && value <= to

/** The states of an endpoint with these numbers, each 0 to 999. */
export const statesOfLegacy = (availability: number, activity: number): readonly LegacyState[] =>
  legacyStates.find((row) => holds(row.availability, availability) && holds(row.activity, activity))?.states ?? [machine(OFFLINE)]
