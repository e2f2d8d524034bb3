import { createServer } from 'node:net'

// Below those that systems hand out for outgoing connections, so that a server that is away for a moment finds its port again.
const [FROM, TO] = [20_000, 32_000]

/** Does nobody listen on this port of loopback? */
export const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** A port of loopback on which nobody listens, and which stays free for a server that is started there again and again. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM))
    if (await isFree(port)) return port
  }
}
