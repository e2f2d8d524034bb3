import { createSocket } from 'node:dgram'
import { connect } from 'node:net'

/** A SIP message as a client reads it off the wire. */
export interface WireMessage {
  /** Status of an answer; 0 for a request. */
  readonly status: number
  /** Method of a request; '' for an answer. */
  readonly method: string
  /** All values of a header, in their order. */
  readonly all: (name: string) => readonly string[]
  /** The first value of a header, '' without it. */
  readonly header: (name: string) => string
  readonly body: string
}

/** A connection of a client to its proxy; over UDP it only looks like one. */
export interface Wire {
  readonly localPort: number
  readonly send: (text: string) => void
  readonly close: () => void
}

const readMessage = (head: string, body: string): WireMessage => {
  const [start = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const)
  const all = (name: string): readonly string[] => headers.filter(([candidate]) => candidate === name.toLowerCase()).map(([, value]) => value)
  const status = Number(/^SIP\/2\.0 (\d{3})/.exec(start)?.[1] ?? 0)
  return { status, method: status === 0 ? start.split(' ', 1)[0] ?? '' : '', all, header: (name) => all(name)[0] ?? '', body }
}

/** Cuts whole messages off the front of what has come; keep-alives between them are passed over. */
export const cutMessages = (buffer: Buffer): { readonly messages: readonly WireMessage[]; readonly rest: Buffer } => {
  const messages: WireMessage[] = []
  let rest = buffer
  for (;;) {
    while (rest[0] === 13 || rest[0] === 10) rest = rest.subarray(1)
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return { messages, rest }
    const head = rest.toString('utf8', 0, end)
    const length = Number(/^Content-Length:\s*(\d+)/im.exec(head)?.[1] ?? 0)
    if (rest.length < end + 4 + length) return { messages, rest }
    messages.push(readMessage(head, rest.toString('utf8', end + 4, end + 4 + length)))
    rest = rest.subarray(end + 4 + length)
  }
}

const openTcp = (port: number, onMessage: (message: WireMessage) => void, onBroken: () => void): Promise<Wire> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let buffer: Buffer = Buffer.alloc(0)
    let closed = false
    socket.setNoDelay(true)
    socket.once('connect', () => resolve({
      localPort: socket.localPort ?? 0,
      send: (text) => { socket.write(text) },
      close: () => {
        closed = true
        socket.destroy()
      },
    }))
    socket.on('error', reject)
    socket.on('data', (data) => {
      const { messages, rest } = cutMessages(Buffer.concat([buffer, data]))
      buffer = rest
      for (const message of messages) if (!closed) onMessage(message)
    })
    socket.once('end', () => socket.destroy())
    socket.once('close', () => { if (!closed) onBroken() })
  })

const openUdp = (port: number, onMessage: (message: WireMessage) => void): Promise<Wire> =>
  new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 })
    socket.on('message', (data) => { for (const message of cutMessages(data).messages) onMessage(message) })
    socket.on('error', () => undefined)
    socket.bind(0, '127.0.0.1', () => resolve({ localPort: socket.address().port, send: (text) => { socket.send(text, port, '127.0.0.1') }, close: () => { socket.close() } }))
  })

/** Opens a connection to a proxy on loopback; rejects when nobody listens there. `onBroken` is called when the other side closes it, not after `close`. */
export const openWire = (transport: 'tcp' | 'udp', port: number, onMessage: (message: WireMessage) => void, onBroken: () => void): Promise<Wire> =>
  transport === 'tcp' ? openTcp(port, onMessage, onBroken) : openUdp(port, onMessage)
