import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'

/** One way to hand a SIP request over and wait for its answer; requests over one link go one after the other. */
export interface Link {
  /** The status of the answer. */
  readonly send: (message: string) => Promise<number>
  readonly close: () => void
}

/** Straight to the engine's HTTP port, as a proxy would. */
export const httpLink = (engineUrl: string, credentials: string, path: string, flow: string): Link => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  return {
    send: (message) => new Promise((resolve, reject) => {
      const call = request(`${engineUrl}${path}?tid=1&flow=${encodeURIComponent(flow)}&contact=sip%3Abench.invalid`, {
        method: 'POST', agent, headers: { authorization, 'content-type': 'message/sip', 'content-length': Buffer.byteLength(message) },
      }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
        response.on('end', () => resolve(response.statusCode === 200 ? Number(/"code":(\d+)/.exec(text)?.[1] ?? 200) : response.statusCode ?? 0))
      })
      call.on('error', reject)
      call.end(message)
    }),
    close: () => agent.destroy(),
  }
}

/** Over one TCP connection to a SIP proxy, several requests at once if one likes; whatever is not an answer is counted as a notification. */
export const sipLink = async (port: number, onNotification: () => void): Promise<Link & { /** Bytes of the largest answer's body. */ readonly largest: () => number }> => {
  const socket: Socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject) })
  socket.setNoDelay(true)
  let buffer = Buffer.alloc(0)
  let largest = 0
  const answered = new Map<string, (status: number) => void>()
  const callIdOf = (head: string): string => /\r\nCall-ID:\s*(\S+)/i.exec(head)?.[1] ?? ''
  socket.on('data', (data) => {
    buffer = buffer.length === 0 ? data : Buffer.concat([buffer, data])
    for (;;) {
      const end = buffer.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = buffer.toString('latin1', 0, end)
      const length = Number(/\r\nContent-Length:\s*(\d+)/i.exec(head)?.[1] ?? 0)
      if (buffer.length < end + 4 + length) return
      buffer = buffer.subarray(end + 4 + length)
      const status = /^SIP\/2\.0 (\d{3})/.exec(head)?.[1]
      if (status === undefined) onNotification()
      else if (!status.startsWith('1')) {
        if (length > largest) largest = length
        answered.get(callIdOf(head))?.(Number(status))
        answered.delete(callIdOf(head))
      }
    }
  })
  return {
    send: (message) => new Promise((resolve) => {
      answered.set(callIdOf(message), resolve)
      socket.write(message)
    }),
    largest: () => largest,
    close: () => { socket.destroy() },
  }
}
