import { connect, type Socket } from 'node:net'

/** What came back to a request. */
export interface Answer {
  /** SIP status, or the HTTP one where the engine refused the call itself. */
  readonly status: number
  /** First line and headers. */
  readonly head: string
  /** Bytes of the body. */
  readonly length: number
}

/** One connection over which a client's SIP requests go and are answered. */
export interface Link {
  readonly send: (message: string) => Promise<Answer>
  /** Under which the other side knows this connection. */
  readonly localPort: number
  readonly close: () => void
}

/** Throws unless a request was answered with 200. */
export const expectOk = async (what: string, answering: Promise<Answer>): Promise<Answer> => {
  const answer = await inTime(what, answering)
  if (answer.status !== 200) throw new Error(`${what}: ${answer.status}`)
  return answer
}

const ANSWER_MS = 30_000

/** The same promise, that fails when nothing comes of it for half a minute. */
export const inTime = async <T>(what: string, waiting: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([waiting, new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: nothing for ${ANSWER_MS / 1000} s`)), ANSWER_MS) })])
  } finally {
    clearTimeout(timer)
  }
}

const LENGTH = /\r\ncontent-length: *(\d+)/i

/** Cuts what a connection brings into messages, SIP and HTTP alike: a head, an empty line, as many bytes as the head says. */
const onMessages = (socket: Socket, onMessage: (head: string, body: Buffer) => void): void => {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => {
    const buffer = rest.length === 0 ? data : Buffer.concat([rest, data])
    let from = 0
    for (;;) {
      const end = buffer.indexOf('\r\n\r\n', from)
      if (end < 0) break
      const head = buffer.toString('latin1', from, end)
      const next = end + 4 + Number(LENGTH.exec(head)?.[1] ?? 0)
      if (buffer.length < next) break
      onMessage(head, buffer.subarray(end + 4, next))
      from = next
    }
    rest = buffer.subarray(from)
  })
}

const open = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject) })
  return socket.setNoDelay(true)
}

/** Straight to the engine's HTTP port, as a proxy of kind `plain` would; written by hand, because the load shares its machine with what is measured. */
export const httpLink = async (port: number, credentials: string, flow: string): Promise<Link> => {
  const socket = await open(port)
  const waiting: ((answer: Answer) => void)[] = []
  const headers = `host: 127.0.0.1\r\nauthorization: Basic ${Buffer.from(credentials).toString('base64')}\r\ncontent-type: message/sip\r\ncontent-length: `
  const query = `?tid=1&flow=${encodeURIComponent(flow)}&contact=sip%3Abench.invalid`
  onMessages(socket, (head, body) => {
    const http = Number(head.slice(9, 12))
    // HTTP answers in the order of the requests.
    waiting.shift()?.({ status: http === 200 ? Number(/"code":(\d+)/.exec(body.toString('latin1', 0, 60))?.[1] ?? 200) : http, head, length: body.length })
  })
  return {
    send: (message) => new Promise((resolve) => {
      waiting.push(resolve)
      socket.write(`POST /v1/${message.startsWith('REGISTER') ? 'registration' : 'sip'}${query} HTTP/1.1\r\n${headers}${Buffer.byteLength(message)}\r\n\r\n${message}`)
    }),
    localPort: socket.localPort ?? 0,
    close: () => { socket.destroy() },
  }
}

const CALL_ID = /\r\nCall-ID: *(\S+)/i

/** 200 to a request of the proxy (RFC 3261 8.2.6.2). */
const acknowledge = (head: string): string =>
  `SIP/2.0 200 OK\r\n${head.split('\r\n').filter((line) => /^(?:via|from|to|call-id|cseq):/i.test(line)).join('\r\n')}\r\nContent-Length: 0\r\n\r\n`

/** Takes in a notification: its first line with the headers, and its body. */
export type Listen = (head: string, body: Buffer) => void

/** Over one TCP connection to a SIP proxy. Whatever is not an answer counts as a notification; a NOTIFY is answered, a BENOTIFY is not. */
export const sipLink = async (port: number, onNotification: Listen): Promise<Link> => {
  const socket = await open(port)
  const waiting = new Map<string, (answer: Answer) => void>()
  onMessages(socket, (head, body) => {
    if (!head.startsWith('SIP/2.0 ')) {
      if (head.startsWith('NOTIFY ')) socket.write(acknowledge(head))
      onNotification(head, body)
      return
    }
    const status = Number(head.slice(8, 11))
    const callId = CALL_ID.exec(head)?.[1] ?? ''
    const resolve = waiting.get(callId)
    if (status < 200 || resolve === undefined) return
    waiting.delete(callId)
    resolve({ status, head, length: body.length })
  })
  return {
    send: (message) => new Promise((resolve) => {
      waiting.set(CALL_ID.exec(message)?.[1] ?? '', resolve)
      socket.write(message)
    }),
    localPort: socket.localPort ?? 0,
    close: () => { socket.destroy() },
  }
}
