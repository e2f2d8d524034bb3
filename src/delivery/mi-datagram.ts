import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { readMiAnswer, writeCommand, type MiAnswer, type MiLine } from './mi.ts'

/** OpenSIPS' buffer for a datagram (mi_datagram, frequently asked question 2.2). */
const MAX_COMMAND_BYTES = 65_457

/** How long an answer is waited for that may take its time: tm gives up long before (30 s unless set lower). */
const LONGEST_ANSWER_MS = 45_000

interface Waiting {
  readonly answered: (answer: MiAnswer) => void
  /** Undefined for those whom nothing but an answer interests. */
  readonly failed?: (error: Error) => void
  readonly since: number
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

/** The Management Interface in datagrams (mi_datagram on UDP): commands are taken side by side, and answered when there is an answer. `now` is a clock that only rises, in milliseconds. */
export const createMiDatagram = ({ url, timeoutMs, now }: { readonly url: string; readonly timeoutMs: number; readonly now: () => number }): MiLine => {
  const { hostname, port } = new URL(url)
  const waiting = new Map<number, Waiting>()
  let commands = 0
  let socket: Promise<Socket> | undefined
  let closed = false

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
    for (const [id, { since }] of waiting) {
      if (entry.since - since < LONGEST_ANSWER_MS) break
      waiting.delete(id)
    }
    waiting.set(commands, entry)
    return commands
  }

  return {
    ask: (method, params) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(id)
        reject(new Error(`OpenSIPS did not answer within ${timeoutMs} ms`))
      }, timeoutMs)
      const id = wait({
        since: now(),
        answered: (answer) => {
          clearTimeout(timer)
          resolve(answer)
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
      fail(new Error('this engine stops'))
      socket?.then((used) => used.close(), () => undefined)
    },
  }
}
