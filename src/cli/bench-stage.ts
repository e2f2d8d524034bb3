import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startBenchEngine, type BenchEngine, type BenchEngineOptions } from './bench-engine.ts'
import { httpLink, sipLink, type Link, type Listen } from './bench-link.ts'
import { freePort } from './free-port.ts'
import { startKamailio } from './kamailio-process.ts'
import { cpuOfTree, findPostmaster } from './process-cpu.ts'

/** How clients reach the engine: the benchmark plays the proxy, or a Kamailio stands between. */
export const ways = ['http', 'kamailio'] as const
export type Way = (typeof ways)[number]

export const wayNames: Readonly<Record<Way, string>> = { http: 'HTTP to the engine', kamailio: 'SIP through Kamailio' }

/** Counts what watchers hear. */
export interface Ear {
  readonly heard: () => number
  /** The next notification that comes. */
  readonly next: () => Promise<void>
  readonly listen: (count: number) => void
}

export const createEar = (): Ear => {
  let heard = 0
  let wake: (() => void) | undefined
  return {
    heard: () => heard,
    next: () => new Promise((resolve) => { wake = resolve }),
    listen: (count) => {
      heard += count
      wake?.()
      wake = undefined
    },
  }
}

/** CPU milliseconds so far of each process that takes part; undefined for one that does not, or runs elsewhere. */
export interface CpuTimes {
  readonly engine: number | undefined
  readonly database: number | undefined
  readonly proxy: number | undefined
  readonly load: number
}

export const readCpu = (pids: Readonly<Record<'engine' | 'database' | 'proxy', number | undefined>>): CpuTimes => {
  const { user, system } = process.cpuUsage()
  const of = (pid: number | undefined): number | undefined => (pid === undefined ? undefined : cpuOfTree(pid))
  return { engine: of(pids.engine), database: of(pids.database), proxy: of(pids.proxy), load: (user + system) / 1000 }
}

/** An engine with what stands around it, ready for clients. */
export interface Stage {
  readonly engine: BenchEngine
  readonly ear: Ear
  readonly open: () => Promise<Link>
  readonly cpu: () => CpuTimes
}

export interface StageOptions extends Pick<BenchEngineOptions, 'databaseUrl' | 'settings' | 'nodeOptions'> {
  readonly way: Way
  /** Reads what watchers hear; only through Kamailio. */
  readonly listen?: Listen
}

/** Takes in notifications as a proxy of kind `plain` would, and counts them without reading them: no string inside an instruction holds a bare quote. */
const startMailbox = async (ear: Ear): Promise<{ readonly url: string; readonly close: () => void }> => {
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('latin1').on('data', (chunk: string) => { text += chunk }).on('end', () => {
      const count = text.split('{"m":"').length - 1
      ear.listen(count)
      response.end(`{"r":[${'202,'.repeat(count).slice(0, -1)}]}`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/notify`, close: () => { server.close() } }
}

/** Runs `work` with a new engine on a database, and ends everything afterwards. */
export const withStage = async <T>({ way, databaseUrl, listen, ...options }: StageOptions, work: (stage: Stage) => Promise<T>): Promise<T> => {
  const ear = createEar()
  const links: Link[] = []
  const database = databaseUrl === undefined ? undefined : await findPostmaster(databaseUrl)
  const play = async (engine: BenchEngine, proxy: number | undefined, open: Stage['open']): Promise<T> => {
    try {
      return await work({ engine, ear, open: async () => { const link = await open(); links.push(link); return link }, cpu: () => readCpu({ engine: engine.pid, database, proxy }) })
    } finally {
      for (const link of links) link.close()
    }
  }
  if (way === 'http') {
    const mailbox = await startMailbox(ear)
    const engine = await startBenchEngine({ ...options, databaseUrl, kind: 'plain', notifyUrl: mailbox.url })
    return play(engine, undefined, () => httpLink(engine.port, `${engine.proxyId}:${engine.secret}`, `bench/${links.length}`)).finally(async () => {
      await engine.stop()
      mailbox.close()
    })
  }
  const [sipPort, httpPort] = [await freePort(), await freePort()]
  const engine = await startBenchEngine({ ...options, databaseUrl, kind: 'kamailio', notifyUrl: `http://127.0.0.1:${httpPort}/v1/notify` })
  try {
    const kamailio = await startKamailio({ sipPort, httpPort, engineUrl: `http://127.0.0.1:${engine.port}`, proxyId: engine.proxyId, secret: engine.secret })
    return await play(engine, kamailio.process.pid, () => sipLink(sipPort, (head, body) => { ear.listen(1); listen?.(head, body) })).finally(kamailio.stop)
  } finally {
    await engine.stop()
  }
}
