import { Agent, request } from 'node:http'
import type { NotifyInstruction } from '../core/model/dialog.ts'
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
const MAX_ANSWER_BYTES = 64 * 1024

const RESULTS: Readonly<Record<number, DeliveryResult>> = { 202: 'sent', 430: 'gone' }

/** Cuts a list into batches that fit the proxy's buffer, order kept. Each batch is ready JSON. */
export const cutBatches = (instructions: readonly NotifyInstruction[]): readonly { readonly json: string; readonly count: number }[] => {
  const batches: { json: string; count: number }[] = []
  let items: string[] = []
  let bytes = 0
  const flush = (): void => {
    if (items.length > 0) batches.push({ json: `[${items.join(',')}]`, count: items.length })
    items = []
    bytes = 0
  }
  for (const instruction of instructions) {
    const item = JSON.stringify(instruction)
    const size = Buffer.byteLength(item)
    if (items.length >= MAX_BATCH || (items.length > 0 && bytes + size > MAX_BATCH_BYTES)) flush()
    items.push(item)
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
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const post = (json: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const call = request(notifyUrl, {
        method: 'POST', agent, timeout: timeoutMs,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json), authorization },
      }, (response) => {
        const chunks: Buffer[] = []
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > MAX_ANSWER_BYTES) call.destroy(new Error('the answer of the proxy is too large'))
          else chunks.push(chunk)
        })
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
          else reject(new Error(`the proxy answered ${response.statusCode ?? 'nothing'}`))
        })
        response.on('error', reject)
      })
      call.on('timeout', () => call.destroy(new Error(`the proxy did not answer within ${timeoutMs} ms`)))
      call.on('error', reject)
      call.end(json)
    })
  return {
    deliver: async (instructions) => {
      const results: DeliveryResult[] = []
      for (const { json, count } of cutBatches(instructions)) results.push(...readResults(await post(json), count))
      return results
    },
    close: () => agent.destroy(),
  }
}
