import { randomBytes } from 'node:crypto'
import { openWire, type Wire, type WireMessage } from './sip-wire.ts'

/** Who a client is, and how it is reached. */
export interface Identity {
  /** Without `sip:`. */
  readonly user: string
  readonly epid: string
  readonly transport: 'tcp' | 'udp'
}

export interface RequestParts {
  readonly uri?: string
  readonly callId?: string
  readonly cseq?: number
  readonly fromTag?: string
  readonly toTag?: string
  readonly to?: string
  readonly headers: readonly string[]
  readonly body?: string
}

/** One client's connection to a proxy, which it may lose and open again, and the requests over it. */
export interface SipClient {
  /** False when nobody listens there. */
  readonly connect: (port: number) => Promise<boolean>
  readonly isConnected: () => boolean
  /** Closes the connection without a word, as a network that goes away does. */
  readonly disconnect: () => void
  /** The final answer; undefined when there was none in time, or the connection broke. */
  readonly request: (method: string, parts: RequestParts) => Promise<WireMessage | undefined>
}

export interface SipClientEvents {
  /** A NOTIFY or BENOTIFY, once each; what is returned is the status that a NOTIFY is answered with. */
  readonly onNotification: (message: WireMessage) => number
  readonly onBroken: () => void
}

const CRLF = '\r\n'

/** Longer than the proxy waits for the engine. */
const PATIENCE_MS = 10_000

/** When a request over UDP is repeated (RFC 3261 17.1.2.1, shortened to what loopback needs). */
const REPEAT_MS = [500, 1_500, 3_500, 7_500]

export const token = (): string => randomBytes(8).toString('hex')

/** The tag of a From or To header. */
export const tagOf = (header: string): string => /;tag=([^;\s]+)/.exec(header)?.[1] ?? ''

const answerText = (request: WireMessage, status: number): string => [
  `SIP/2.0 ${status} ${status === 200 ? 'OK' : 'Refused'}`, ...request.all('Via').map((via) => `Via: ${via}`), ...['From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${request.header(name)}`), 'Content-Length: 0', '', '',
].join(CRLF)

export const createSipClient = ({ user, epid, transport }: Identity, events: SipClientEvents): SipClient => {
  let wire: Wire | undefined
  let lastCseq = 0
  const waiting = new Map<string, (answer: WireMessage | undefined) => void>()
  // Repeated by the proxy while our answer is on its way.
  const answered = new Map<string, number>()

  const giveUp = (): void => {
    wire = undefined
    for (const settle of waiting.values()) settle(undefined)
  }
  const takeNotification = (message: WireMessage, own: Wire): void => {
    const branch = /branch=([^;\s,]+)/.exec(message.header('Via'))?.[1] ?? token()
    const status = answered.get(branch) ?? events.onNotification(message)
    if (message.method !== 'NOTIFY') return
    answered.set(branch, status)
    if (answered.size > 200) for (const [oldest] of [...answered].slice(0, 100)) answered.delete(oldest)
    own.send(answerText(message, status))
  }
  const text = (method: string, parts: RequestParts, cseq: number, callId: string, localPort: number): string => {
    const { uri = `sip:${user}`, fromTag = `t${epid}`, toTag, to = user, headers, body = '' } = parts
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${localPort};branch=z9hG4bK${token()};rport`,
      'Max-Forwards: 70',
      `From: <sip:${user}>;tag=${fromTag};epid=${epid}`,
      `To: <sip:${to}>${toTag === undefined ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:${user.split('@', 1)[0] ?? ''}@127.0.0.1:${localPort};transport=${transport}>`,
      ...headers,
      `Content-Length: ${Buffer.byteLength(body)}`, '', body,
    ].join(CRLF)
  }
  return {
    isConnected: () => wire !== undefined,
    connect: async (port) => {
      const mine: Wire | undefined = await openWire(transport, port, (message) => {
        if (mine === undefined || wire !== mine) return
        if (message.method === 'NOTIFY' || message.method === 'BENOTIFY') takeNotification(message, mine)
        else if (message.status >= 200) waiting.get(`${message.header('Call-ID')} ${message.header('CSeq')}`)?.(message)
      }, () => {
        if (wire !== mine) return
        giveUp()
        events.onBroken()
      }).catch(() => undefined)
      wire = mine
      return mine !== undefined
    },
    disconnect: () => {
      wire?.close()
      giveUp()
    },
    request: (method, parts) => {
      const own = wire
      if (own === undefined) return Promise.resolve(undefined)
      const cseq = parts.cseq ?? ++lastCseq
      const callId = parts.callId ?? token()
      const message = text(method, parts, cseq, callId, own.localPort)
      return new Promise((resolve) => {
        const key = `${callId} ${cseq} ${method}`
        const timers = [setTimeout(() => settle(undefined), PATIENCE_MS), ...(transport === 'udp' ? REPEAT_MS.map((ms) => setTimeout(() => own.send(message), ms)) : [])]
        const settle = (answer: WireMessage | undefined): void => {
          for (const timer of timers) clearTimeout(timer)
          waiting.delete(key)
          resolve(answer)
        }
        waiting.set(key, settle)
        own.send(message)
      })
    },
  }
}
