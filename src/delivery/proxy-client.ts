import type { NotifyInstruction } from '../core/model/dialog.ts'

/** What became of one instruction: on the wire, its connection gone, or refused as malformed. */
export type DeliveryResult = 'sent' | 'gone' | 'failed'

/** A proxy that sends notifications for the engine. Throws when the proxy as a whole cannot be reached. */
export interface ProxyClient {
  readonly deliver: (instructions: readonly NotifyInstruction[]) => Promise<readonly DeliveryResult[]>
  readonly close: () => void
}
