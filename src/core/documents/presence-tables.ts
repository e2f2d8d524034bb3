/** Activities of RFC 4480 that are made of what legacyInterop says. */
export type RpidActivity = 'away' | 'busy' | 'meal' | 'meeting' | 'on-the-phone' | 'presentation' | { readonly other: string }

/** One row of 3.7.5.4 and 3.7.5.5, which have the same ranges, and what it is for readers of RFC 4480. */
export interface PresenceRow {
  /** Availability, both ends included. */
  readonly from: number
  readonly to: number
  /** Only with this token; rows without one are for all others. */
  readonly token?: string
  /** 3.7.5.5: state/@avail, availability/@aggregate, activity/@aggregate, and the text of state where legacyInterop has no token. */
  readonly msrtc: { readonly avail: number; readonly availability: number; readonly activity: number; readonly defaultToken: string }
  /** 3.7.5.4, the activity in the words of the draft from before RFC 4480. */
  readonly pidf: { readonly basic: 'open' | 'closed'; readonly activity: 'away' | 'busy' | 'on-the-phone' | undefined }
  /** RFC 4480: what the person does, and that its devices are not used. */
  readonly rpid: { readonly activities: readonly RpidActivity[]; readonly idle: boolean }
}

const msrtc = (avail: number, availability: number, activity: number, defaultToken: string): PresenceRow['msrtc'] => ({ avail, availability, activity, defaultToken })
const open = (activity?: PresenceRow['pidf']['activity']): PresenceRow['pidf'] => ({ basic: 'open', activity })
const closed: PresenceRow['pidf'] = { basic: 'closed', activity: undefined }
const active = (...activities: readonly RpidActivity[]): PresenceRow['rpid'] => ({ activities, idle: false })
const idle = (...activities: readonly RpidActivity[]): PresenceRow['rpid'] => ({ activities, idle: true })

/**
 * The tables of 3.7.5.4 and 3.7.5.5 in one, in their order. The state element MUST equal the token of legacyInterop, which often has none: the
 * default is the word for the class of availability, as 4.11 shows it for two of them.
 */
export const presenceTable: readonly PresenceRow[] = [
  { from: 0, to: 2999, msrtc: msrtc(18500, 0, 100, 'offline'), pidf: closed, rpid: active() },
  { from: 3000, to: 4499, msrtc: msrtc(3500, 300, 400, 'online'), pidf: open(), rpid: active() },
  { from: 4500, to: 5999, msrtc: msrtc(15500, 300, 100, 'idle'), pidf: open('away'), rpid: idle('away') },
  { from: 6000, to: 7499, token: 'on-the-phone', msrtc: msrtc(6500, 300, 500, 'on-the-phone'), pidf: open('on-the-phone'), rpid: active('busy', 'on-the-phone') },
  { from: 6000, to: 7499, msrtc: msrtc(6500, 300, 600, 'busy'), pidf: open('busy'), rpid: active('busy') },
  { from: 7500, to: 8999, msrtc: msrtc(15500, 300, 100, 'away'), pidf: open('away'), rpid: idle('busy', 'away') },
  { from: 9000, to: 11999, msrtc: msrtc(9500, 300, 600, 'do-not-disturb'), pidf: open('busy'), rpid: active('busy', { other: 'do-not-disturb' }) },
  { from: 12000, to: 14999, msrtc: msrtc(12500, 300, 300, 'be-right-back'), pidf: open('away'), rpid: active('away') },
  { from: 15000, to: 17999, msrtc: msrtc(15500, 300, 100, 'away'), pidf: open('away'), rpid: active('away') },
  { from: 18000, to: Infinity, msrtc: msrtc(18500, 0, 100, 'offline'), pidf: closed, rpid: active() },
]

const [unknown] = presenceTable as readonly [PresenceRow, ...PresenceRow[]]

/** The row for what a legacyInterop instance says; tokens are case-sensitive. */
export const rowOf = (availability: number, token: string | undefined): PresenceRow =>
  presenceTable.find((row) => availability <= row.to && (row.token === undefined || row.token === token)) ?? unknown

/**
 * What activity tokens add for readers of RFC 4480. Those that only repeat the class of availability add nothing. `meal` stands for lunch, which the
 * text of RFC 4480 knows and its schema does not.
 */
export const tokenActivities: ReadonlyMap<string, readonly RpidActivity[]> = new Map<string, readonly RpidActivity[]>([
  ['online', []],
  ['idle', []],
  ['busy', []],
  ['do-not-disturb', []],
  ['be-right-back', []],
  ['away', []],
  ['offline', []],
  ['on-the-phone', ['on-the-phone']],
  ['in-a-conference', ['on-the-phone']],
  ['in-a-meeting', ['meeting']],
  ['presenting', ['presentation']],
  ['in-presentation', ['presentation']],
  ['urgent-interruptions-only', ['busy', { other: 'urgent-interruptions-only' }]],
  ['out-to-lunch', ['away', 'meal']],
  // Why somebody is out of office is not ours to say: not vacation.
  ['out-of-office', ['away']],
  ['off-work', ['away']],
])

const nameOf = (activity: RpidActivity): string => (typeof activity === 'string' ? activity : `other ${activity.other}`)

/**
 * The activities for readers of RFC 4480, each once: those of the row, then what the token adds. A token that is not known is told in its own words. What has no
 * name there comes first: a phone that reads one activity only was seen to take the last one, and `other` for having moved.
 */
export const rpidActivities = ({ rpid }: PresenceRow, token: string | undefined): readonly RpidActivity[] => {
  const added = token === undefined ? [] : tokenActivities.get(token) ?? [{ other: token }]
  const all = [...new Map([...rpid.activities, ...added].map((activity) => [nameOf(activity), activity])).values()]
  return [...all.filter((activity) => typeof activity !== 'string'), ...all.filter((activity) => typeof activity === 'string')]
}
