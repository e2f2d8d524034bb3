import { Agent, request } from 'node:http'

export interface ProxyAddress {
  readonly url: string
  /** The proxy's id and secret, by which it knows us as we know it. */
  readonly id: string
  readonly secret: string
  readonly timeoutMs: number
}

/** Posts to one URL of a proxy over kept connections. */
export interface Poster {
  /** Rejects when there is no answer in time, or a larger one than any that is meant for us. */
  readonly post: (json: string) => Promise<{ readonly status: number; readonly text: string }>
  readonly close: () => void
}

const MAX_ANSWER_BYTES = 64 * 1024

export const createPoster = ({ url, id, secret, timeoutMs }: ProxyAddress, maxSockets: number): Poster => {
  const agent = new Agent({ keepAlive: true, maxSockets })
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  return {
    post: (json) => new Promise((resolve, reject) => {
      const call = request(url, {
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
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
        response.on('error', reject)
      })
      call.on('timeout', () => call.destroy(new Error(`the proxy did not answer within ${timeoutMs} ms`)))
      call.on('error', reject)
      call.end(json)
    }),
    close: () => agent.destroy(),
  }
}
