import { createServer } from 'node:net'
import { freePort } from '../../../src/cli/free-port.ts'

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** Ports of loopback in a row, none of them in use. */
export const freePorts = async (count: number): Promise<readonly number[]> => {
  for (;;) {
    const first = await freePort()
    const ports = Array.from({ length: count }, (_, at) => first + at)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return ports
  }
}
