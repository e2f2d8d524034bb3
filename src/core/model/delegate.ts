import type { UserKey } from '../sip/uri.ts'

/** A user who may act for a publisher (DelegateEntry, 3.9.1). */
export interface Delegate {
  readonly user: UserKey
  readonly publish: boolean
  readonly redelegate: boolean
}

/** A publisher's delegates with the version that guards the list (DelegateSet, 3.9.1). */
export interface Delegates {
  readonly version: number
  readonly members: readonly Delegate[]
}

/** The list before its first change: empty, at version zero (3.9.5.2). */
export const noDelegates: Delegates = { version: 0, members: [] }
