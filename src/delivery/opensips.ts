import type { NotifyInstruction } from '../core/model/dialog.ts'
import { isProtocolError, writeCommand, type MiAnswer, type MiLine, type MiParams } from './mi.ts'
import type { DeliveryResult, ProxyClient } from './proxy-client.ts'
import { headerOf, readRefused, type RefusedNotify } from './refused-notify.ts'

/** So much is begun before OpenSIPS must have taken it: what the buffer of its socket holds for sure (Linux gives 208 KB, and counts more than the bytes sent). */
const WINDOW = 32
const WINDOW_BYTES = 64_000

/** A connection as the script names it: transport, address and port of the other end, address and port of the listener. */
const FLOW = /^(udp|tcp|tls|ws|wss)\/(\[?[0-9a-f.:]+\]?)\/(\d{1,5})\/(\[?[0-9a-f.:]+\]?)\/(\d{1,5})(?:\/|$)/i

const hostOf = (address: string): string => (address.includes(':') && !address.startsWith('[') ? `[${address}]` : address)

/**
 * The parameters of `t_uac_dlg` (tm, "t_uac_dlg"); undefined for a flow that is not of our script. OpenSIPS makes line breaks of a written `\r` or `\n` in headers, so that a
 * quoted display name could begin a header of its own: a backslash there means nothing (RFC 3261 25.1), and goes.
 */
export const writeUacDialog = ({ m, ruri, flow, h, b }: NotifyInstruction): MiParams | undefined => {
  const [, transport, address, port, ownAddress, ownPort] = FLOW.exec(flow) ?? []
  if (transport === undefined || address === undefined || ownAddress === undefined) return undefined
  return {
    method: m, ruri, headers: h.replace(/\\+(?=[rn])/g, ''),
    next_hop: `sip:${hostOf(address)}:${port};transport=${transport.toLowerCase()}`, socket: `${transport.toLowerCase()}:${hostOf(ownAddress)}:${ownPort}`,
    ...(b === '' ? {} : { body: b }),
  }
}

/** What the answer to the SIP request was: its status, and its Retry-After. Undefined where the command says nothing of it. */
const readFinal = (result: unknown): { readonly code: number; readonly retryAfter: number | undefined } | undefined => {
  if (typeof result !== 'object' || result === null || !('Status' in result)) return undefined
  const [, code] = /^(\d{3})\b/.exec(String(result.Status)) ?? []
  if (code === undefined) return undefined
  const message = 'Message' in result ? String(result.Message).split('\r\n\r\n', 1)[0] ?? '' : ''
  // Remarks may follow the seconds (RFC 3261 20.33).
  const [, seconds] = /^(\d{1,9})/.exec(headerOf(message, 'Retry-After') ?? '') ?? []
  return { code: Number(code), retryAfter: seconds === undefined ? undefined : Number(seconds) }
}

/** Codes of the command's own refusals (tm) that mean: not over this connection. 404: no such listener; 477, 478: not sent, no way there. */
const NO_WAY: readonly number[] = [404, 477, 478]

/** What an answer means for the hand-over. Throws when this OpenSIPS cannot do it at all. */
const judge = (answer: MiAnswer): DeliveryResult => {
  if (!('error' in answer)) return 'sent'
  if (isProtocolError(answer)) throw new Error(`OpenSIPS refuses t_uac_dlg: ${answer.error.code} ${answer.error.message}`)
  return NO_WAY.includes(answer.error.code) ? 'gone' : 'failed'
}

/** An instruction that can be sent, with its place among all and the bytes of its command. */
interface Fitting {
  readonly place: number
  readonly instruction: NotifyInstruction
  readonly params: MiParams
  readonly bytes: number
}

const cutWindows = (fitting: readonly Fitting[]): readonly (readonly Fitting[])[] => {
  const windows: Fitting[][] = []
  let room = 0
  for (const each of fitting) {
    const last = windows.at(-1)
    if (last !== undefined && last.length < WINDOW && each.bytes <= room) last.push(each)
    else {
      windows.push([each])
      room = WINDOW_BYTES
    }
    room -= each.bytes
  }
  return windows
}

/**
 * Delivers through OpenSIPS' Management Interface: a `t_uac_dlg` for each notification. `refused` hears of every NOTIFY that came to a failure in the end, also
 * long after it was handed over.
 */
export const createOpensipsClient = (line: MiLine, refused: (notify: RefusedNotify) => void): ProxyClient => {
  const hear = (instruction: NotifyInstruction, answer: MiAnswer | undefined): void => {
    // Not even the time-out of tm: the command or its answer got lost.
    const final = answer === undefined ? { code: 408, retryAfter: undefined } : 'result' in answer ? readFinal(answer.result) : undefined
    // A BENOTIFY is never answered: OpenSIPS says 408 of each.
    if (final === undefined || final.code < 300 || instruction.m === 'BENOTIFY') return
    const notify = readRefused(instruction, final.code, final.retryAfter)
    if (notify !== undefined) refused(notify)
  }

  /** Side by side: begun in order, and sent when OpenSIPS has taken them all without a refusal; what they come to is heard later. */
  const sendTogether = async (begin: NonNullable<MiLine['begin']>, batch: readonly Fitting[], tell: (place: number, result: DeliveryResult) => void): Promise<void> => {
    const early = new Map<number, MiAnswer>()
    let taken = false
    for (const { place, instruction, params } of batch) {
      begin('t_uac_dlg', params, (answer) => {
        if (answer !== undefined) early.set(place, answer)
        // Silence about what was never taken is no failure: it is sent again.
        if (answer !== undefined || taken) hear(instruction, answer)
      })
    }
    await line.ask('version')
    taken = true
    for (const { place } of batch) {
      const answer = early.get(place)
      tell(place, answer === undefined ? 'sent' : judge(answer))
    }
  }

  return {
    deliver: async (instructions, heard) => {
      const results: DeliveryResult[] = instructions.map(() => 'failed')
      const tell = (place: number, result: DeliveryResult): void => {
        results[place] = result
        heard?.(place, result)
      }
      const fitting = instructions.flatMap((instruction, place): readonly Fitting[] => {
        const params = writeUacDialog(instruction)
        if (params === undefined) return []
        const bytes = Buffer.byteLength(writeCommand(0x7fff_ffff, 't_uac_dlg', params))
        return bytes > line.maxBytes ? [] : [{ place, instruction, params, bytes }]
      })
      for (const { place } of fitting) results[place] = 'unreached'
      try {
        if (line.begin !== undefined) {
          for (const batch of cutWindows(fitting)) await sendTogether(line.begin, batch, tell)
          return { results }
        }
        for (const { place, instruction, params } of fitting) {
          const answer = await line.ask('t_uac_dlg', params)
          tell(place, judge(answer))
          hear(instruction, answer)
        }
        return { results }
      } catch (error) {
        // What was taken before stays taken.
        return { results, error }
      }
    },
    close: line.close,
  }
}
