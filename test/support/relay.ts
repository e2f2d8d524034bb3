import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands between an engine and its database, and can fail as networks and servers do. */
export interface Relay {
  /** The URL given at the start, by way of the relay. */
  readonly url: string
  /** Connections carry data; new ones are made. */
  readonly pass: () => void
  /** What the server says is swallowed on all connections that there are, for ever; what is said to it arrives. */
  readonly mute: () => void
  /** Connections that there are carry nothing any more, for ever; new ones are taken and not answered. Nobody is told. */
  readonly hang: () => void
  readonly reset: () => void
  /** Resets the connection that was made last. */
  readonly resetLast: () => void
  readonly close: () => void
}

interface Pair {
  readonly client: Socket
  readonly server: Socket | undefined
  muted: boolean
  dead: boolean
}

export const openRelay = async (target: string): Promise<Relay> => {
  const { hostname, port } = new URL(target)
  const pairs: Pair[] = []
  let hanging = false
  const listener = createServer((client) => {
    const server = hanging ? undefined : connect(Number(port), hostname)
    const pair: Pair = { client, server, muted: false, dead: false }
    pairs.push(pair)
    client.on('error', () => undefined)
    client.on('close', () => server?.destroy())
    if (server === undefined) return
    server.on('error', () => undefined)
    server.on('close', () => { if (!pair.dead) client.destroy() })
    client.on('data', (data) => { if (!pair.dead) server.write(data) })
    server.on('data', (data) => { if (!pair.dead && !pair.muted) client.write(data) })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String((listener.address() as AddressInfo).port)
  const reset = (): void => { for (const { client } of pairs) client.resetAndDestroy() }
  return {
    url: url.href, reset,
    resetLast: () => { pairs.at(-1)?.client.resetAndDestroy() },
    pass: () => { hanging = false },
    mute: () => { for (const pair of pairs) pair.muted = true },
    hang: () => {
      hanging = true
      for (const pair of pairs) pair.dead = true
    },
    close: () => {
      reset()
      listener.close()
    },
  }
}
