import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { randomBytes } from 'node:crypto'

/** A SIP message as a client reads it off the wire. */
export interface Heard {
  readonly start: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly header: (name: string) => string | undefined
  readonly all: (name: string) => readonly string[]
  /** Status of a response; 0 for a request. */
  readonly status: number
  /** Method of a request; '' for a response. */
  readonly method: string
}

const read = (head: string, body: string): Heard => {
  const [start = '', ...lines] = head.split('\r\n')
  const headers = lines.filter((line) => line !== '').map((line) => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()] as const)
  const all = (name: string): readonly string[] => headers.filter(([candidate]) => candidate.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  const response = /^SIP\/2\.0 (\d{3})/.exec(start)
  return { start, headers, body, all, header: (name) => all(name)[0], status: Number(response?.[1] ?? 0), method: response === null ? start.split(' ', 1)[0] ?? '' : '' }
}

/** Cuts complete messages off the front of a stream. */
const cut = (buffer: Buffer): { readonly messages: readonly Heard[]; readonly rest: Buffer } => {
  const messages: Heard[] = []
  let rest = buffer
  for (;;) {
    while (rest.length > 0 && (rest[0] === 13 || rest[0] === 10)) rest = rest.subarray(1)
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return { messages, rest }
    const head = rest.subarray(0, end).toString('utf8')
    const length = Number(/^Content-Length:\s*(\d+)/im.exec(head)?.[1] ?? 0)
    if (rest.length < end + 4 + length) return { messages, rest }
    messages.push(read(head, rest.subarray(end + 4, end + 4 + length).toString('utf8')))
    rest = rest.subarray(end + 4 + length)
  }
}

export interface RequestOptions {
  readonly uri?: string
  readonly to?: string
  readonly toTag?: string
  readonly callId?: string
  readonly cseq?: number
  readonly fromTag?: string
  readonly headers?: readonly string[]
  readonly body?: string
  readonly contact?: string | null
}

const random = (): string => randomBytes(6).toString('hex')

/** How long a client waits for a message that must come. */
const PATIENCE_MS = 5_000

/** An enhanced-presence client on TCP or UDP: sends what it is told, keeps what it hears, answers each NOTIFY. */
export class SipClient {
  readonly user: string
  readonly transport: 'tcp' | 'udp'
  readonly epid: string
  /** The status with which NOTIFY requests are answered; 0 leaves them unanswered. */
  notifyStatus = 200
  /** More header lines of these answers. */
  notifyHeaders: readonly string[] = []
  private readonly port: number
  private tcp: Socket | undefined
  private udp: UdpSocket | undefined
  private buffer: Buffer = Buffer.alloc(0)
  private inbox: Heard[] = []
  private waiting: { readonly matches: (message: Heard) => boolean; readonly resolve: (message: Heard) => void }[] = []
  private cseq = 0
  localPort = 0

  constructor(user: string, transport: 'tcp' | 'udp', port: number, epid: string = random().slice(0, 10)) {
    this.user = user
    this.transport = transport
    this.port = port
    this.epid = epid
  }

  async open(): Promise<this> {
    if (this.transport === 'udp') {
      const socket = createSocket('udp4')
      this.udp = socket
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
      this.localPort = socket.address().port
      socket.on('message', (data) => { for (const message of cut(data).messages) this.take(message) })
    } else {
      const socket = connect(this.port, '127.0.0.1')
      this.tcp = socket
      await new Promise<void>((resolve, reject) => { socket.once('connect', resolve); socket.once('error', reject) })
      this.localPort = socket.localPort ?? 0
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        const { messages, rest } = cut(Buffer.concat([this.buffer, data]))
        this.buffer = rest
        for (const message of messages) this.take(message)
      })
    }
    return this
  }

  close(): void {
    this.tcp?.destroy()
    this.udp?.close()
    this.udp = undefined
  }

  write(text: string | Buffer): void {
    if (this.udp !== undefined) this.udp.send(text, this.port, '127.0.0.1')
    else this.tcp?.write(text)
  }

  private take(message: Heard): void {
    if (message.method === 'NOTIFY' && this.notifyStatus > 0) this.answer(message, this.notifyStatus)
    const at = this.waiting.findIndex(({ matches }) => matches(message))
    if (at >= 0) this.waiting.splice(at, 1)[0]?.resolve(message)
    else this.inbox.push(message)
  }

  private answer(request: Heard, status: number): void {
    const via = request.all('Via').map((value) => `Via: ${value}\r\n`).join('')
    const same = ['From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${request.header(name) ?? ''}\r\n`).join('')
    const more = this.notifyHeaders.map((line) => `${line}\r\n`).join('')
    this.write(`SIP/2.0 ${status} Answer\r\n${via}${same}${more}Content-Length: 0\r\n\r\n`)
  }

  /** The next message that matches, heard already or still to come; rejects when none comes in time. */
  wait(what: string, matches: (message: Heard) => boolean, patienceMs = PATIENCE_MS): Promise<Heard> {
    const at = this.inbox.findIndex(matches)
    const [heard] = at < 0 ? [] : this.inbox.splice(at, 1)
    if (heard !== undefined) return Promise.resolve(heard)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((candidate) => candidate !== waiter)
        reject(new Error(`${this.user} did not hear ${what}; heard instead: ${this.inbox.map(({ start }) => start).join(' | ') || 'nothing'}`))
      }, patienceMs)
      const waiter = { matches, resolve: (message: Heard) => { clearTimeout(timer); resolve(message) } }
      this.waiting.push(waiter)
    })
  }

  /** The next NOTIFY or BENOTIFY of a dialog. */
  notification(callId: string, patienceMs?: number): Promise<Heard> {
    return this.wait(`a notification of ${callId}`, (message) => /^(BE)?NOTIFY$/.test(message.method) && message.header('Call-ID') === callId, patienceMs)
  }

  /** Messages that came and nobody asked for. */
  unheard(): readonly Heard[] {
    return this.inbox
  }

  contact(): string {
    return `<sip:${this.user.split('@', 1)[0]}@127.0.0.1:${this.localPort};transport=${this.transport}>`
  }

  /** Sends a request and waits for its final answer. */
  request(method: string, options: RequestOptions = {}): Promise<Heard> {
    const cseq = options.cseq ?? ++this.cseq
    const callId = options.callId ?? random()
    this.write(this.text(method, { ...options, cseq, callId }))
    return this.wait(`the answer to ${method} ${cseq}`, (message) => message.status >= 200 && message.header('CSeq') === `${cseq} ${method}` && message.header('Call-ID') === callId)
  }

  text(method: string, { uri, to, toTag, callId, cseq, fromTag, headers = [], body = '', contact }: RequestOptions): string {
    const lines = [
      `${method} ${uri ?? `sip:${to ?? this.user}`} SIP/2.0`,
      `Via: SIP/2.0/${this.transport.toUpperCase()} 127.0.0.1:${this.localPort};branch=z9hG4bK${random()};rport`,
      'Max-Forwards: 70',
      `From: <sip:${this.user}>;tag=${fromTag ?? `t${this.epid}`};epid=${this.epid}`,
      `To: <sip:${to ?? this.user}>${toTag === undefined ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${callId ?? random()}`,
      `CSeq: ${cseq ?? ++this.cseq} ${method}`,
      ...(contact === null ? [] : [`Contact: ${contact ?? this.contact()}`]),
      ...headers,
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    return `${lines.join('\r\n')}\r\n\r\n${body}`
  }

  register(expires = 3600, headers: readonly string[] = []): Promise<Heard> {
    return this.request('REGISTER', {
      uri: `sip:${this.user.split('@')[1]}`, callId: `reg-${this.epid}`,
      headers: ['Supported: gruu-10, adhoclist, msrtc-event-categories', 'Event: registration', 'ms-keep-alive: UAC;hop-hop=yes', `Expires: ${expires}`, ...headers],
    })
  }
}

/** The tag of a To or From header. */
export const tagOf = (header: string | undefined): string => /;tag=([^;\s]+)/.exec(header ?? '')?.[1] ?? ''
