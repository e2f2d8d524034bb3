import type { UserKey } from '../sip/uri.ts'
import type { PhoneSeen } from './phone-parts.ts'

/** Other addresses of the same person (2.2.2.8.1), as the directory knows them. */
export interface LinkedIdentities {
  /** Where the person wants to be invited. */
  readonly primary: UserKey
  readonly secondary: readonly UserKey[]
  /** By which clients fetch the person's photo. */
  readonly cid: string | undefined
}

/** One device of a publisher, as a watcher before enhanced presence sees it (MS-SIP 2.2.1). */
export interface DeviceSeen {
  readonly epid: string
  /** Seconds since it was last heard of. */
  readonly age: number
  readonly availability: number
  readonly activity: number
  /** What stands inside its element. */
  readonly content: string
}

/** What one watcher of the presence package sees of a publisher, before it becomes a document. */
export interface PresenceSeen {
  readonly availability: number
  /** The activity as legacyInterop carries it. */
  readonly token: string | undefined
  readonly displayName: string | undefined
  readonly email: string | undefined
  readonly phone: string | undefined
  /** The personal note; only the forms of RFC 4480 have a place for it. */
  readonly note: string | undefined
  /** Minutes that its clock is ahead of UTC; only the forms of RFC 4480 have a place for it. */
  readonly timeOffset: number | undefined
  /** Phones that the watcher may see, the newest first; only the forms of RFC 4480 have a place for them. */
  readonly phones: readonly PhoneSeen[]
  readonly linked: LinkedIdentities | undefined
  /** The whole element, as a client before enhanced presence has set it. */
  readonly userInfo: string | undefined
  /** Those that the watcher may see, in any order; only the form of MS-SIP has a place for them. */
  readonly devices: readonly DeviceSeen[]
}

/** The availability that the server publishes where a user is blocked (3.2.6.2), and thus the one to show where nothing is seen. */
export const OFFLINE = 18500

/** Of a publisher of whom nothing is seen, whether it published nothing or blocks the watcher, who cannot tell (1.3.1.3.4). */
export const nothingSeen: PresenceSeen = {
  availability: OFFLINE, token: undefined, displayName: undefined, email: undefined, phone: undefined, note: undefined, timeOffset: undefined, phones: [], linked: undefined, userInfo: undefined, devices: [],
}
