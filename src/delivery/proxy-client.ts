import type { NotifyInstruction } from '../core/model/dialog.ts'

/** What became of one instruction: on the wire, its connection gone, not to be sent as it is, or not taken because the proxy did not answer. */
export type DeliveryResult = 'sent' | 'gone' | 'failed' | 'unreached'

/** Results in the order of the instructions, and what went wrong where some were not taken. */
export interface Delivered {
  readonly results: readonly DeliveryResult[]
  readonly error?: unknown
}

/** A proxy that sends notifications for the engine. */
export interface ProxyClient {
  /** `heard` is called with each result as soon as it is known, for whoever does not wait until the end. */
  readonly deliver: (instructions: readonly NotifyInstruction[], heard?: (place: number, result: DeliveryResult) => void) => Promise<Delivered>
  readonly close: () => void
}
