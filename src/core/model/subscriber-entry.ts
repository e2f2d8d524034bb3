import type { UserKey } from '../sip/uri.ts'
import type { SourceNetwork } from './network.ts'

/** One user on a publisher's subscriber list (SubscriberEntry, 3.6.1): who wants the publisher to know of the subscription. */
export interface SubscriberEntry {
  readonly user: UserKey
  readonly displayName: string
  readonly network: SourceNetwork | 'unknown'
  readonly acknowledged: boolean
  /** What stood in the context element, verbatim; '' for an empty one, undefined where there was none. */
  readonly context: string | undefined
  /** MSRTC and PIDF watchers stay on the list when they are acknowledged, or each SUBSCRIBE would prompt anew (3.6.5.1, 3.7.5.3). */
  readonly kept: boolean
}
