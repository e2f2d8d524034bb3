import type { NotifyInstruction } from '../core/model/dialog.ts'
import { createPoster } from './post-json.ts'
import type { DeliveryResult, ProxyClient } from './proxy-client.ts'

export interface KamailioOptions {
  readonly notifyUrl: string
  readonly id: string
  readonly secret: string
  readonly timeoutMs: number
}

/** Kamailio reads a whole HTTP message into one buffer (tcp_rd_buf_size); batches of about ten are as fast as larger ones. */
const MAX_BATCH_BYTES = 200_000
const MAX_BATCH = 50

const RESULTS: Readonly<Record<number, DeliveryResult>> = { 202: 'sent', 430: 'gone' }

/** A message this large does not fit the proxy's buffer, and would close the connection under all others. */
const MAX_INSTRUCTION_BYTES = 480_000

interface Batch {
  readonly json: string
  /** Places of its instructions in the whole list. */
  readonly places: readonly number[]
}

/** Cuts a list into batches that fit the proxy's buffer, order kept, each ready JSON; instructions that fit no batch are left out. */
export const cutBatches = (instructions: readonly NotifyInstruction[]): readonly Batch[] => {
  const batches: Batch[] = []
  let items: string[] = []
  let places: number[] = []
  let bytes = 0
  const flush = (): void => {
    if (items.length > 0) batches.push({ json: `[${items.join(',')}]`, places })
    items = []
    places = []
    bytes = 0
  }
  for (const [place, instruction] of instructions.entries()) {
    const item = JSON.stringify(instruction)
    const size = Buffer.byteLength(item)
    if (size > MAX_INSTRUCTION_BYTES) continue
    if (items.length >= MAX_BATCH || (items.length > 0 && bytes + size > MAX_BATCH_BYTES)) flush()
    items.push(item)
    places.push(place)
    bytes += size
  }
  flush()
  return batches
}

const readResults = (text: string, count: number): readonly DeliveryResult[] => {
  const parsed: unknown = JSON.parse(text)
  const codes = typeof parsed === 'object' && parsed !== null && 'r' in parsed && Array.isArray(parsed.r) ? (parsed.r as readonly unknown[]) : []
  if (codes.length !== count) throw new Error(`the proxy answered ${codes.length} results to ${count} instructions`)
  return codes.map((code) => RESULTS[Number(code)] ?? 'failed')
}

/** Delivers through Kamailio's HTTP port (kamailio/presentia-routes.cfg), over kept connections, batch after batch. */
export const createKamailioClient = ({ notifyUrl, id, secret, timeoutMs }: KamailioOptions): ProxyClient => {
  const poster = createPoster({ url: notifyUrl, id, secret, timeoutMs }, 4)
  const post = async (json: string): Promise<string> => {
    const { status, text } = await poster.post(json)
    if (status !== 200) throw new Error(`the proxy answered ${status}`)
    return text
  }
  return {
    deliver: async (instructions, heard) => {
      const batches = cutBatches(instructions)
      // What is in no batch is too large.
      const results: DeliveryResult[] = instructions.map(() => 'failed')
      for (const { places } of batches) for (const place of places) results[place] = 'unreached'
      try {
        for (const { json, places } of batches) {
          const answered = readResults(await post(json), places.length)
          for (const [at, place] of places.entries()) {
            const result = answered[at] ?? 'failed'
            results[place] = result
            heard?.(place, result)
          }
        }
        return { results }
      } catch (error) {
        // What was taken before stays taken.
        return { results, error }
      }
    },
    close: poster.close,
  }
}
