import type { UserKey } from '../sip/uri.ts'

/** What a client before enhanced presence says of its endpoint (MS-SIP 2.2.1), in numbers and in its own words. */
export interface LegacyValues {
  /** `aggregate` is 0 to 999; mostly its class of a hundred counts. */
  readonly availability: { readonly aggregate: number; readonly description: string | undefined }
  readonly activity: { readonly aggregate: number; readonly description: string | undefined; readonly note: string | undefined }
  /** Whatever else it says, elements that can stand where the namespace of the document is the default. */
  readonly extensions: string
}

/** Highest aggregate of availability and activity (MS-SIP 2.2.1). */
export const MAX_AGGREGATE = 999

/** A setPresence request (MS-SIP 3.2.4.2). */
export interface SetPresence extends LegacyValues {
  readonly user: UserKey
  /** What it says of its user, for a place as above: replaces what is known, '' takes it away, undefined leaves it. */
  readonly userInfo: string | undefined
}
