import type { Change } from './change.ts'
import type { Touch } from './touch.ts'

/** A decision on one publisher: what to write, what to tell, and what the requester gets to read. */
export interface Outcome {
  readonly changes: readonly Change[]
  readonly touch: Touch
  /** Body of the 200, with its media type; a 200 without body otherwise. */
  readonly answer?: { readonly type: string; readonly text: string }
}
