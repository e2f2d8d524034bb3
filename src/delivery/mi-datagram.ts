import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { readMiAnswer, writeCommand, type MiAnswer, type MiLine } from './mi.ts'

/** OpenSIPS' buffer for a datagram (mi_datagram, frequently asked question 2.2). */
const MAX_COMMAND_BYTES = 65_457

/** How long an answer is waited for that may take its time: tm gives up long before (30 s unless set lower). */
const LONGEST_ANSWER_MS = 45_000

interface Waiting {
  readonly answered: (answer: MiAnswer | undefined) => void
  /** Undefined for those who wait for as long as there can be an answer. */
  readonly failed?: (error: Error) => void
  readonly since: number
}

export interface MiDatagramOptions {
  readonly url: string
  readonly timeoutMs: number
  /** How long an answer may take that has its own time. */
  readonly longestMs?: number
  /** A clock that only rises, in milliseconds. */
  readonly now: () => number
}

const open = async (host: string, port: number): Promise<Socket> => {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  // Connected: answers from elsewhere do not get here, and a port where nobody listens is noticed.
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.connect(port, host, () => {
      socket.off('error', reject)
      resolve()
    })
  }).catch((error: unknown) => {
    socket.close()
    throw error
  })
  return socket
}

/** The Management Interface in datagrams (mi_datagram on UDP): commands are taken side by side, and answered when there is an answer. */
export const createMiDatagram = ({ url, timeoutMs, longestMs = LONGEST_ANSWER_MS, now }: MiDatagramOptions): MiLine => {
  const { hostname, port } = new URL(url)
  const waiting = new Map<number, Waiting>()
  let commands = 0
  let socket: Promise<Socket> | undefined
  let sweeper: NodeJS.Timeout | undefined
  let closed = false

  /** Gives up those at the head of the queue who have waited for too long, and looks again when the next one may have. */
  const sweep = (): void => {
    sweeper = undefined
    for (const [id, { since, answered }] of waiting) {
      const left = since + longestMs - now()
      if (left > 0) {
        sweeper = setTimeout(sweep, left).unref()
        return
      }
      waiting.delete(id)
      answered(undefined)
    }
  }

  /** Nobody knows which command was meant, or none gets through: all that are waited for have failed. */
  const fail = (cause: unknown): void => {
    const error = cause instanceof Error ? cause : new Error(String(cause))
    for (const [id, { failed }] of waiting) {
      if (failed === undefined) continue
      waiting.delete(id)
      failed(error)
    }
  }

  const take = (text: string): void => {
    try {
      const { id, answer } = readMiAnswer(text)
      const asked = typeof id === 'number' ? waiting.get(id) : undefined
      if (typeof id === 'number') waiting.delete(id)
      asked?.answered(answer)
    } catch (error) {
      // Whose answer it was cannot be said: trouble of its own OpenSIPS reports in plain words.
      fail(error)
    }
  }

  const opened = (): Promise<Socket> => {
    socket ??= open(hostname.replace(/^\[|\]$/g, ''), Number(port)).then((fresh) => {
      fresh.on('message', (bytes) => take(bytes.toString('utf8')))
      fresh.on('error', fail)
      return fresh
    })
    // The next command tries again.
    socket.catch(() => { socket = undefined })
    return socket
  }

  const send = (text: string): void => {
    // In order: all wait for the same socket.
    opened().then((to) => {
      if (closed) throw new Error('this engine stops')
      to.send(text, (error) => { if (error !== null) fail(error) })
    }).catch(fail)
  }

  const wait = (entry: Waiting): number => {
    commands = (commands + 1) % 0x7fff_ffff
    waiting.set(commands, entry)
    sweeper ??= setTimeout(sweep, longestMs).unref()
    return commands
  }

  return {
    ask: (method, params) => new Promise((resolve, reject) => {
      const giveUp = (): void => {
        waiting.delete(id)
        reject(new Error(`OpenSIPS did not answer within ${timeoutMs} ms`))
      }
      const timer = setTimeout(giveUp, timeoutMs)
      const id = wait({
        since: now(),
        answered: (answer) => {
          clearTimeout(timer)
          if (answer === undefined) giveUp()
          else resolve(answer)
        },
        failed: (error) => {
          clearTimeout(timer)
          reject(error)
        },
      })
      send(writeCommand(id, method, params))
    }),
    begin: (method, params, answered) => send(writeCommand(wait({ since: now(), answered }), method, params)),
    maxBytes: MAX_COMMAND_BYTES,
    close: () => {
      if (closed) return
      closed = true
      clearTimeout(sweeper)
      fail(new Error('this engine stops'))
      socket?.then((used) => used.close(), () => undefined)
    },
  }
}
