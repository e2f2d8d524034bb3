import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultPlan } from '../core/aggregation/plan.ts'
import type { Change } from '../core/model/change.ts'
import type { Endpoint } from '../core/model/endpoint.ts'
import { instanceKeyText, type CategoryInstance } from '../core/model/publication.ts'
import { withAggregates, type Completed } from '../core/publications/with-aggregates.ts'
import { ADMIN_PORT, ENGINE_PORT, startBenchEngine } from './bench-engine.ts'
import { httpLink, type Link } from './bench-link.ts'
import * as wire from './demo-messages.ts'
import { startTemporaryPostgres, withFreshDatabase } from './temporary-postgres.ts'

const ENDPOINTS = 5
const PUBLISHERS = 100
const IN_FLIGHT = 8
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5)
const NOW = Date.parse('2026-01-01T00:00:00Z')
const PUBLISHER = 'star@example.com'
const MS = 'http://schemas.microsoft.com/2006/09/sip'

type Row = Readonly<Record<string, string | number>>

const idOf = (endpoint: number): string => `00000000-0000-5000-8000-00000000000${endpoint}`

const endpoints: readonly Endpoint[] = Array.from({ length: ENDPOINTS }, (_, at) =>
  ({ endpointId: idOf(at), instanceId: idOf(at), epid: `e${at}`, proxy: 'bench', flow: `f${at}`, contact: `sip:star@192.0.2.${at}`, callId: `r${at}`, cseq: 1, registeredAt: NOW, expiresAt: NOW + 3_600_000_000 }))

const stateText = (type: string, availability: number, more: string, attributes = ''): string =>
  `<state xmlns="${MS}/state" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" manual="false" xsi:type="${type}"${attributes}><availability>${availability}</availability>${more}</state>`

const put = (over: Partial<CategoryInstance> & Pick<CategoryInstance, 'category' | 'container' | 'instance' | 'payload'>): CategoryInstance =>
  ({ instanceVersion: 1, expireType: 'static', expiresAt: undefined, endpointId: undefined, publishTime: NOW, ...over })

const machine = (endpoint: number, container: number, availability: number, location: string, publishTime: number): CategoryInstance => put({
  category: 'state', container, instance: 0x30000000 + endpoint, expireType: 'endpoint', endpointId: idOf(endpoint), publishTime,
  payload: stateText('machineState', availability, `<endpointLocation>${location}</endpointLocation><delimiter xmlns="${MS}/commontypes"/><timeZoneBias>-60</timeZoneBias><timeZoneName>Central European Time</timeZoneName><timeZoneAbbreviation>CET</timeZoneAbbreviation><device>computer</device><end xmlns="${MS}/commontypes"/>`),
})

const CAPABILITIES = ['text', 'gifInk', 'isfInk', 'voice', 'video', 'applicationSharing'].map((name) => `<${name} capture="true" render="true" publish="false"/>`).join('')

/** What five endpoints of a user publish who is in a meeting, and does not want to be disturbed by everybody. */
const inputs: readonly CategoryInstance[] = [
  ...endpoints.flatMap(({ endpointId }, at) => [
    put({ category: 'device', container: 2, instance: at, expireType: 'endpoint', endpointId, payload: `<device xmlns="${MS}/device" endpointId="${endpointId}"><capabilities preferred="false" uri="sip:${PUBLISHER}">${CAPABILITIES}</capabilities><timezone>00:00:00+01:00</timezone><machineName>m${at}</machineName></device>` }),
    ...[2, 3].map((container) => machine(at, container, at === 0 ? 3500 : 5000, 'Office', NOW + at)),
  ]),
  ...[2, 3].flatMap((container) => [
    put({ category: 'state', container, instance: 0x20000000, payload: stateText('userState', container === 2 ? 6500 : 6900, '<activity token="busy" minAvailability="6500" maxAvailability="8999"/>').replace('"false"', '"true"') }),
    put({ category: 'state', container, instance: 0x40000001, payload: stateText('calendarState', 6500, '<activity token="in-a-meeting" minAvailability="6500" maxAvailability="8999"/><meetingSubject>Review</meetingSubject><meetingLocation>Room 5</meetingLocation>', ' startTime="2026-01-01T00:00:00Z"') }),
  ]),
]

/** Puts instances in place of what is stored under their keys, with all consequences. */
const publish = (before: readonly CategoryInstance[], instances: readonly CategoryInstance[], now: number): Completed => {
  const after = new Map(before.map((instance) => [instanceKeyText(instance), instance]))
  for (const instance of instances) after.set(instanceKeyText(instance), instance)
  const changes: readonly Change[] = instances.map((instance) => ({ kind: 'putInstance', instance }))
  return withAggregates(defaultPlan, { publisher: PUBLISHER, before, after: [...after.values()], changes, changed: instances, endpoints }, now)
}

const ROUNDS = 3_000
const WARM_UP = 1_000

/** CPU time of everything that a publication costs besides its own decision; `next` is what is published in each turn. */
const measureCpu = (what: string, next: (turn: number, now: number) => readonly CategoryInstance[]): Row => {
  let stored = publish([], inputs, NOW).after
  let written = 0
  const play = (from: number, count: number): void => {
    for (let turn = from; turn < from + count; turn += 1) {
      const now = NOW + 1_000 * (turn + 1)
      const { after, changes } = publish(stored, next(turn, now), now)
      stored = after
      written += changes.length
    }
  }
  play(0, WARM_UP)
  written = 0
  const from = process.cpuUsage()
  play(WARM_UP, ROUNDS)
  const { user, system } = process.cpuUsage(from)
  return { what: `${what}, ${ENDPOINTS} endpoints`, database: '-', 'CPU ms': Math.round((user + system) / ROUNDS) / 1000, target: '< 0.3', 'rows written': Math.round(written / ROUNDS * 10) / 10 }
}

const both = (make: (container: number) => CategoryInstance): readonly CategoryInstance[] => [2, 3].map(make)

const cpuRows = (): readonly Row[] => [
  measureCpu('a note, which nothing is computed from', (turn, now) => [put({ category: 'note', container: 200, instance: 0, payload: `<note xmlns="${MS}/note">${turn}</note>`, publishTime: now })]),
  measureCpu('a machineState that changes nothing', (turn, now) => both((container) => machine(4, container, turn % 2 === 0 ? 5000 : 5500, 'Office', now))),
  measureCpu('a machineState, active and idle in turn', (turn, now) => both((container) => machine(0, container, turn % 2 === 0 ? 3500 : 5000, 'Office', now))),
  measureCpu('a machineState with a text never seen', (turn, now) => both((container) => machine(0, container, 3500, `Room ${turn}`, now))),
]

const percentile = (sorted: readonly number[], part: number): number => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 100) / 100

const send = async (link: Link, what: string, message: string): Promise<void> => {
  const status = await link.send(message)
  if (status !== 200) throw new Error(`${what}: ${status}`)
}

/** Endpoints that are active and idle in turn, 8 publications in flight. */
const measureRate = async (links: readonly Link[]): Promise<{ readonly rate: number; readonly latencies: readonly number[] }> => {
  const latencies: number[] = []
  const begin = performance.now()
  const until = begin + SECONDS * 1000
  await Promise.all(links.map(async (link, caller) => {
    // Each caller has publishers of its own, as each endpoint has its own user.
    const own = Array.from({ length: PUBLISHERS }, (_, at) => at).filter((at) => at % links.length === caller)
    for (let turn = 0; performance.now() < until; turn += 1) {
      const version = 1 + Math.floor(turn / own.length)
      const started = performance.now()
      await send(link, 'publish', wire.publishMachineState(`p${own[turn % own.length]}`, version % 2 === 0 ? 3500 : 5000, version))
      latencies.push(performance.now() - started)
    }
  }))
  return { rate: latencies.length / ((performance.now() - begin) / 1000), latencies: latencies.sort((a, b) => a - b) }
}

/** The same load on an engine that computes the plan of the specification, or nothing. */
const runEngine = async (databaseUrl: string | undefined, computes: boolean): Promise<Awaited<ReturnType<typeof measureRate>>> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'presentia-bench-'))
  const [secret, key] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
  // Nobody watches, so that nothing is handed over.
  const engine = await startBenchEngine(databaseUrl, dataDir, key, secret, 'http://127.0.0.1:9/v1/notify', 'plain', computes ? {} : { PRESENTIA_AGGREGATION: '[]' })
  const open = (path: string, flow: string): Link => httpLink(`http://127.0.0.1:${ENGINE_PORT}`, `bench:${secret}`, path, flow)
  const registrar = open('/v1/registration', 'bench/registrar')
  const callers = Array.from({ length: IN_FLIGHT }, (_, at) => open('/v1/sip', `bench/${at}`))
  try {
    const domain = await fetch(`http://127.0.0.1:${ADMIN_PORT}/admin/v1/domains/example.com`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: '{"kind":"enterprise"}' })
    if (!domain.ok) throw new Error(`admin: ${domain.status}`)
    const [first] = callers
    for (let at = 0; first !== undefined && at < PUBLISHERS; at += 1) {
      await send(registrar, 'register', wire.register(`p${at}`))
      await send(first, 'arrive', wire.publishPresence(`p${at}`, 'hello'))
    }
    return await measureRate(callers)
  } finally {
    for (const link of [registrar, ...callers]) link.close()
    engine.kill('SIGTERM')
    await new Promise((resolve) => engine.once('exit', resolve))
    rmSync(dataDir, { recursive: true, force: true })
  }
}

const rateRows = async (database: string, run: (computes: boolean) => ReturnType<typeof runEngine>): Promise<readonly Row[]> => {
  // In this order, so that a machine that grows busier or calmer meanwhile favours neither.
  const runs = [await run(false), await run(true), await run(true), await run(false)]
  const mean = (...at: readonly [number, number]): Awaited<ReturnType<typeof measureRate>> => {
    const both = at.flatMap((one) => runs[one] ?? [])
    return { rate: both.reduce((sum, { rate }) => sum + rate, 0) / both.length, latencies: both.flatMap(({ latencies }) => latencies).sort((a, b) => a - b) }
  }
  const [without, withPlan] = [mean(0, 3), mean(1, 2)]
  return ([['without aggregation', without, '-'], ['with aggregation', withPlan, '>= 50 %']] as const).map(([what, { rate, latencies }, target]) => ({
    what: `publish a machineState into 2 and 3, ${what}`, database, 'publishes/s': Math.round(rate), 'p50 ms': percentile(latencies, 0.5), 'p99 ms': percentile(latencies, 0.99), share: `${Math.round(rate / without.rate * 100)} %`, target,
  }))
}

/**
 * What the server computes from publications (3.8), and what that costs: CPU time for a user with five endpoints who publishes in both input
 * containers, and publishes per second of 100 users, 8 in flight, on PostgreSQL (DATABASE_URL, else a temporary server) and embedded.
 */
export const benchAggregate = async (): Promise<readonly Row[]> => {
  const rows: Row[] = [...cpuRows()]
  const given = process.env['DATABASE_URL']
  const temporary = given === undefined ? await startTemporaryPostgres() : undefined
  const databaseUrl = given ?? temporary?.url
  try {
    if (databaseUrl !== undefined) rows.push(...await rateRows('PostgreSQL', (computes) => withFreshDatabase(databaseUrl, (url) => runEngine(url, computes))))
    else process.stdout.write('PostgreSQL is not installed here; only the embedded database is measured\n')
    rows.push(...await rateRows('embedded', (computes) => runEngine(undefined, computes)))
  } finally {
    await temporary?.stop()
  }
  return rows
}
