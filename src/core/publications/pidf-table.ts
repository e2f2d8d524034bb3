import type { Instant } from '../base/instant.ts'
import type { PidfActivity, UserInput } from '../requests/pidf-parts.ts'
import type { PidfDocument, PidfTuple } from '../requests/pidf.ts'

// What the document of a phone (RFC 3863, RFC 4480) means in enhanced presence: rows of instances of the state category in the containers from which aggregation
// takes its input (3.8.5.1.2.7). Container 2 is what 100, 200 and 400 are shown, container 3 what the workgroup (300) is shown.

/** What a row publishes into each of the two containers. */
export interface Availabilities {
  readonly 2: number
  readonly 3: number
}

/** Kinds of state, with the highest hexadecimal digit of the instance numbers that clients give them; presentingState has none that is known. */
export const statePrefixes = { userState: 0x2, machineState: 0x3, calendarState: 0x4, outOfOffice: 0x5, phoneState: 0x8, presentingState: 0xa } as const

/** One row: what a phone says, and the state that comes of it. */
export interface StateRow {
  /** As the README shows it. */
  readonly input: string
  readonly kind: keyof typeof statePrefixes
  /** Undefined: the state takes no part in the availability, and offers its activity only. */
  readonly availability: Availabilities | undefined
  /** Removes all older states of the user (3.8.5.1.2.2). */
  readonly manual: boolean
  /** With the availabilities for which it holds; `only` in one of the containers. */
  readonly activity: { readonly token: string; readonly min: number; readonly max: number | undefined; readonly only?: 3 } | undefined
  readonly why: string
}

const both = (availability: number): Availabilities => ({ 2: availability, 3: availability })
const acts = (token: string, min: number, max?: number): StateRow['activity'] => ({ token, min, max })

type Rest = Partial<Pick<StateRow, 'activity' | 'manual'>>

const row = (input: string, kind: StateRow['kind'], availability: Availabilities | undefined, why: string, rest: Rest = {}): StateRow => ({ input, kind, availability, manual: false, activity: undefined, why, ...rest })

/** From the most active to the least. */
const inputs = ['active', 'idle', 'away'] as const
type Input = (typeof inputs)[number]

/** What the one machineState of a document hangs on. */
export interface Signs {
  readonly isClosed: boolean
  /** How the most active of its parts is used; undefined when nothing is said about it. */
  readonly input: Input | undefined
  readonly activities: readonly PidfActivity[]
}

/** From here on the user is taken to be idle, and away: as enhanced presence clients do by default. */
const IDLE_S = 5 * 60
const AWAY_S = 20 * 60

const ABSENT: ReadonlySet<string> = new Set(['away', 'sleeping'])

const present = row('a tuple open, or no tuple at all', 'machineState', both(3500), 'A phone that publishes is there, also when it says nothing of its services.')

/** The state of the phone itself; the first row that applies is taken. */
export const machineRows: readonly (StateRow & { readonly applies: (signs: Signs) => boolean })[] = [
  { ...row('every tuple closed (`basic`, or `willingness` of OMA)', 'machineState', both(18500), 'Nobody can be reached there; the do-not-disturb key of many desk phones says no more than this.'), applies: ({ isClosed }) => isClosed },
  { ...row('no input for 20 minutes, or no other activities than `away` and `sleeping`', 'machineState', both(15500), 'The limit after which clients call their user away.'),
    applies: ({ input, activities }) => input === 'away' || (activities.length > 0 && activities.every(({ name }) => ABSENT.has(name))) },
  { ...row('`user-input` idle, or no input for 5 minutes', 'machineState', both(5000), 'The limit after which clients call their user idle.'), applies: ({ input }) => input === 'idle' },
  { ...present, applies: () => true },
]

/** Not to be disturbed: what clients publish for it, time-bound there and bound to the phone here. */
export const doNotDisturb: StateRow = row('`overriding-willingness` closed (OMA), `other` or `busy` with the text `do-not-disturb`', 'userState', { 2: 9500, 3: 6900 },
  'Do not disturb is not for the workgroup: it sees busy, and may interrupt when it is urgent.', { manual: true, activity: { token: 'urgent-interruptions-only', min: 6900, max: 8999, only: 3 } })

const BUSY = 'Busy without a word for it; not by hand, so that it does not undo what the user set elsewhere.'
const FAR = 'Away, whatever else the user is signed in with.'

/** What the user does: each activity of a document is a state of its own, and aggregation picks. */
export const activityRows: ReadonlyMap<readonly string[], StateRow> = new Map<readonly string[], StateRow>([
  [['on-the-phone'], row('`on-the-phone`', 'phoneState', both(6500), 'As a client publishes a call.', { activity: acts('on-the-phone', 6500, 8999) })],
  [['meeting', 'appointment'], row('`meeting`, `appointment`', 'calendarState', both(6500), 'As a client publishes a meeting of the calendar.', { activity: acts('in-a-meeting', 6500, 8999) })],
  [['busy', 'working', 'worship', 'performance', 'steering'], row('`busy`, `working`, `worship`, `performance`, `steering`', 'userState', both(6500), BUSY)],
  [['presentation'], row('`presentation`', 'presentingState', both(9000), 'Whoever presents is not to be disturbed.', { activity: acts('in-presentation', 9000, 11999) })],
  [['away', 'in-transit', 'travel', 'shopping'], row('`away`, `in-transit`, `travel`, `shopping`', 'userState', both(15500), FAR, { activity: acts('away', 15000, 17999) })],
  [['breakfast', 'lunch', 'dinner', 'meal'], row('`breakfast`, `lunch`, `dinner`, `meal`', 'userState', both(12500), 'Meals end.', { activity: acts('be-right-back', 12000, 14999) })],
  [['holiday', 'vacation', 'permanent-absence'], row('`holiday`, `vacation`, `permanent-absence`', 'outOfOffice', undefined, 'As a client publishes out of office: shown while the user is away or offline.', { activity: acts('out-of-office', 12000) })],
  [['sleeping'], row('`sleeping`', 'userState', both(15500), FAR, { activity: acts('off-work', 15000, 17999) })],
])

/** Every row of which a document may have one state, in an order that does not change while it lives. */
export const stateRows: readonly StateRow[] = [doNotDisturb, ...activityRows.values()]

/** Any other activity: in its own words. */
export const customRow: StateRow = row('`other` with a text, `tv`, `playing`, `looking-for-work`, `spectator`, any other name', 'userState', undefined, 'Says nothing about being available, so that its text is all there is to show; `unknown` and an empty `other` say nothing at all.')

/** So many texts of one document; the rest is left out. */
export const MAX_CUSTOM = 4

/** The words under which we ourselves tell ordinary watchers of it (see presence-tables.ts), those of a softphone, and a short one. */
const isDoNotDisturb = ({ name, text }: PidfActivity): boolean => (name === 'other' || name === 'busy') && ['do-not-disturb', 'do not disturb', 'dnd'].includes(text.toLowerCase())

const isTupleClosed = ({ basic, willingness }: PidfTuple): boolean => basic === 'closed' || willingness === 'closed'

/** A time counts more than the word: phones that went to sleep do not say so. */
const readInput = ({ state, lastInput }: UserInput, now: Instant): Input => {
  const unused = lastInput === undefined ? 0 : (now - lastInput) / 1000
  if (unused > AWAY_S) return 'away'
  return state === 'idle' || unused > IDLE_S ? 'idle' : 'active'
}

/** What a document says about whoever published it, all its parts together. */
export interface Reading {
  readonly machine: StateRow
  readonly states: readonly StateRow[]
  readonly customs: readonly string[]
}

/** Goes through the tables. */
export const readStates = ({ tuples, persons, devices }: PidfDocument, now: Instant): Reading => {
  const activities = [...persons, ...tuples].flatMap((part) => part.activities).filter(({ name }) => name !== 'unknown')
  const used = new Set([...persons, ...devices, ...tuples].flatMap(({ userInput }) => (userInput === undefined ? [] : [readInput(userInput, now)])))
  const signs: Signs = { isClosed: tuples.length > 0 && tuples.every(isTupleClosed), input: inputs.find((input) => used.has(input)), activities }
  const isUndisturbed = persons.some(({ overridingWillingness }) => overridingWillingness === 'closed') || activities.some(isDoNotDisturb)
  const rows = [...activityRows].flatMap(([names, found]) => (activities.some(({ name }) => names.includes(name)) ? [found] : []))
  const known = new Set([...activityRows.keys()].flat())
  const customs = activities.flatMap((activity) => (known.has(activity.name) || isDoNotDisturb(activity) ? [] : [activity.name === 'other' ? activity.text : activity.name.replaceAll('-', ' ')]))
  const machine = machineRows.find(({ applies }) => applies(signs)) ?? present
  return { machine, states: [...(isUndisturbed ? [doNotDisturb] : []), ...rows], customs: [...new Set(customs.filter((text) => text !== ''))].slice(0, MAX_CUSTOM) }
}
