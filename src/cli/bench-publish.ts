import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpLink, sipLink, type Link } from './bench-link.ts'
import * as wire from './demo-messages.ts'
import { ADMIN_PORT, ENGINE_PORT, startBenchEngine } from './bench-engine.ts'
import { hasKamailio, startKamailio } from './kamailio-process.ts'
import { startTemporaryPostgres, withFreshDatabase } from './temporary-postgres.ts'

const PUBLISHERS = 100
const IN_FLIGHT = 8
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5)
const SIP_PORT = 18_562
const KAMAILIO_HTTP_PORT = 18_563

type Row = Readonly<Record<string, string | number>>

const percentile = (sorted: readonly number[], part: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 100) / 100

const expectOk = async (what: string, status: Promise<number>): Promise<void> => {
  const got = await status
  if (got !== 200) throw new Error(`${what}: ${got}`)
}

/** Publishes as fast as 8 callers can for some seconds, and counts what the watchers hear. */
const measure = async (links: readonly Link[], versions: number[], heard: () => number): Promise<Row> => {
  const latencies: number[] = []
  const from = heard()
  const begin = performance.now()
  const until = begin + SECONDS * 1000
  await Promise.all(links.map(async (link, caller) => {
    // Each caller has publishers of its own, as each endpoint has its own user.
    const own = Array.from({ length: PUBLISHERS }, (_, at) => at).filter((at) => at % links.length === caller)
    for (let turn = 0; performance.now() < until; turn += 1) {
      const publisher = own[turn % own.length] ?? 0
      const version = versions[publisher] ?? 0
      const started = performance.now()
      await expectOk('publish', link.send(wire.publishNote(`p${publisher}`, 200, version, `note ${turn}`)))
      latencies.push(performance.now() - started)
      versions[publisher] = version + 1
    }
  }))
  const seconds = (performance.now() - begin) / 1000
  // Changes that are still on their way count to the time they take, not to the rate.
  const settled = performance.now()
  for (let before = -1; before !== heard(); await sleep(200)) before = heard()
  const sorted = latencies.sort((a, b) => a - b)
  return {
    'publishes/s': Math.round(latencies.length / seconds), 'p50 ms': percentile(sorted, 0.5), 'p99 ms': percentile(sorted, 0.99),
    'notifications/s': Math.round((heard() - from) / seconds), 'coalesced away': 0, 'settled after ms': Math.round(performance.now() - settled - 200),
  }
}

const IDLE_SAMPLES = 100

/** Counts what watchers hear, and calls whoever waits for the next one. */
interface Ear {
  heard: number
  next: (() => void) | undefined
}

const listen = (ear: Ear, count: number): void => {
  ear.heard += count
  ear.next?.()
  ear.next = undefined
}

/** One publish at a time on an otherwise idle system: how long until the watcher has heard it. */
const measureIdle = async (link: Link, versions: number[], ear: Ear): Promise<Row> => {
  const latencies: number[] = []
  for (let sample = 0; sample < IDLE_SAMPLES; sample += 1) {
    const version = versions[0] ?? 0
    const heard = new Promise<void>((resolve) => { ear.next = resolve })
    const started = performance.now()
    await Promise.all([expectOk('publish', link.send(wire.publishNote('p0', 200, version, `idle ${sample}`))), heard.then(() => latencies.push(performance.now() - started))])
    versions[0] = version + 1
    await sleep(5)
  }
  const sorted = latencies.sort((a, b) => a - b)
  return { 'idle: heard p50 ms': percentile(sorted, 0.5), 'idle: heard p99 ms': percentile(sorted, 0.99) }
}

interface Stage {
  readonly database: string
  readonly databaseUrl: string | undefined
  readonly throughKamailio: boolean
}

const runStage = async ({ database, databaseUrl, throughKamailio }: Stage, watcherCounts: readonly number[]): Promise<readonly Row[]> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'presentia-bench-'))
  const secret = randomBytes(16).toString('hex')
  const key = randomBytes(16).toString('hex')
  const ear: Ear = { heard: 0, next: undefined }
  const mailbox = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('end', () => {
      const count = (JSON.parse(text) as readonly unknown[]).length
      listen(ear, count)
      response.end(`{"r":[${Array.from({ length: count }, () => 202).join()}]}`)
    })
  })
  await new Promise<void>((resolve) => mailbox.listen(0, '127.0.0.1', resolve))
  const notifyUrl = throughKamailio ? `http://127.0.0.1:${KAMAILIO_HTTP_PORT}/v1/notify` : `http://127.0.0.1:${(mailbox.address() as AddressInfo).port}/v1/notify`
  const engineUrl = `http://127.0.0.1:${ENGINE_PORT}`
  const engine = await startBenchEngine(databaseUrl, dataDir, key, secret, notifyUrl, throughKamailio ? 'kamailio' : 'plain')
  const kamailio = throughKamailio ? await startKamailio({ sipPort: SIP_PORT, httpPort: KAMAILIO_HTTP_PORT, engineUrl, proxyId: 'bench', secret }) : undefined
  const links: Link[] = []
  const open = async (path: string): Promise<Link> => {
    const link = throughKamailio ? await sipLink(SIP_PORT, () => listen(ear, 1)) : httpLink(engineUrl, `bench:${secret}`, path, `bench/${links.length}`)
    links.push(link)
    return link
  }
  try {
    const put = await fetch(`http://127.0.0.1:${ADMIN_PORT}/admin/v1/domains/example.com`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: '{"kind":"enterprise"}' })
    if (!put.ok) throw new Error(`admin: ${put.status}`)
    const registrar = await open('/v1/registration')
    const sip = throughKamailio ? registrar : await open('/v1/sip')
    const publishers = Array.from({ length: PUBLISHERS }, (_, at) => `p${at}`)
    for (const publisher of publishers) {
      await expectOk('register', registrar.send(wire.register(publisher)))
      await expectOk('member', sip.send(wire.setMember(publisher, 200, 0, 'type="sameEnterprise"')))
    }
    const callers = await Promise.all(Array.from({ length: IN_FLIGHT }, () => open('/v1/sip')))
    const versions: number[] = []
    const rows: Row[] = []
    let watchers = 0
    for (const count of watcherCounts) {
      for (; watchers < count; watchers += 1) {
        const link = throughKamailio ? await open('') : sip
        await expectOk('register', (throughKamailio ? link : registrar).send(wire.register(`w${watchers}`)))
        await expectOk('watch', link.send(wire.watch(`w${watchers}`, ...publishers)))
      }
      const idle = count === 1 && callers[0] !== undefined ? await measureIdle(callers[0], versions, ear) : {}
      const row = await measure(callers, versions, () => ear.heard)
      const made = Number(row['publishes/s']) * count
      rows.push({ database, path: throughKamailio ? 'SIP through Kamailio' : 'HTTP to the engine', watchers: count, ...row, 'coalesced away': `${made === 0 ? 0 : Math.max(0, Math.round(100 - Number(row['notifications/s']) / made * 100))} %`, ...idle })
    }
    return rows
  } finally {
    for (const link of links) link.close()
    await kamailio?.stop()
    engine.kill('SIGTERM')
    await new Promise((resolve) => engine.once('exit', resolve))
    mailbox.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

/**
 * Publishes one note instance of 100 publishers, 8 requests in flight, with growing numbers of watchers, on PostgreSQL (DATABASE_URL, else a temporary
 * server where the packages are installed) and on the embedded database; through Kamailio too where it is installed.
 */
export const benchPublish = async (args: readonly string[]): Promise<readonly Row[]> => {
  const counts = args.length > 0 ? args.map(Number) : [0, 1, 10]
  const given = process.env['DATABASE_URL']
  const temporary = given === undefined ? await startTemporaryPostgres() : undefined
  const databaseUrl = given ?? temporary?.url
  const rows: Row[] = []
  try {
    if (databaseUrl !== undefined) {
      for (const throughKamailio of hasKamailio() ? [false, true] : [false]) {
        rows.push(...await withFreshDatabase(databaseUrl, (url) => runStage({ database: 'PostgreSQL', databaseUrl: url, throughKamailio }, counts)))
      }
    } else process.stdout.write('PostgreSQL is not installed here; only the embedded database is measured\n')
    rows.push(...await runStage({ database: 'embedded', databaseUrl: undefined, throughKamailio: false }, counts))
  } finally {
    await temporary?.stop()
  }
  return rows
}
