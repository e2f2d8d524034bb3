import { freePort, isFree } from '../../../src/cli/free-port.ts'

/** Ports of loopback in a row, none of them in use. */
export const freePorts = async (count: number): Promise<readonly number[]> => {
  for (;;) {
    const first = await freePort()
    const ports = Array.from({ length: count }, (_, at) => first + at)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return ports
  }
}
