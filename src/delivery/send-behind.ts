import type { NotifyInstruction } from '../core/model/dialog.ts'
import type { Proxies } from './proxies.ts'
import { readRefused, type RefusedNotify } from './refused-notify.ts'

/**
 * Sends the notifications that belong behind an answer, for proxies that leave that to us. What is not sent counts as a NOTIFY that failed, so that its dialog is owed
 * its state: 430 where the connection is gone, else 500. Never rejects.
 */
export const createSendBehind = (proxies: Pick<Proxies, 'handOver'>, refused: (notify: RefusedNotify) => void) =>
  async (proxy: string, instructions: readonly NotifyInstruction[]): Promise<void> => {
    const { results } = await proxies.handOver(proxy, instructions, 'brief')
    for (const [place, instruction] of instructions.entries()) {
      const result = results[place]
      const notify = result === 'sent' ? undefined : readRefused(instruction, result === 'gone' ? 430 : 500)
      if (notify !== undefined) refused(notify)
    }
  }
