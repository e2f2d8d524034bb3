import { defaultPlan } from '../core/aggregation/plan.ts'
import type { Change } from '../core/model/change.ts'
import type { Endpoint } from '../core/model/endpoint.ts'
import { instanceKeyText, type CategoryInstance } from '../core/model/publication.ts'
import { withAggregates, type Completed } from '../core/publications/with-aggregates.ts'
import { range } from './bench-crowd.ts'
import { withPostgres } from './bench-database.ts'
import { expectOk } from './bench-link.ts'
import { runLoad, type Load } from './bench-load.ts'
import { withStage } from './bench-stage.ts'
import { ascending, average, percent, percentile, type Row } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'
import { withFreshDatabase } from './temporary-postgres.ts'

const ENDPOINTS = 5
const PUBLISHERS = 100
const IN_FLIGHT = 8
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5)
const NOW = Date.parse('2026-01-01T00:00:00Z')
const PUBLISHER = 'star@example.com'
const MS = 'http://schemas.microsoft.com/2006/09/sip'

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

/** Endpoints that are active and idle in turn, on an engine that computes the plan of the specification, or nothing; nobody watches. */
const runEngine = (databaseUrl: string | undefined, computes: boolean): Promise<Load> =>
  withStage({ way: 'http', databaseUrl, settings: computes ? {} : { PRESENTIA_AGGREGATION: '[]' } }, async (stage) => {
    const links = await Promise.all(range(0, IN_FLIGHT).map(stage.open))
    const [first] = links
    for (let at = 0; first !== undefined && at < PUBLISHERS; at += 1) {
      await expectOk('register', first.send(wire.register(`p${at}`)))
      await expectOk('arrive', first.send(wire.publishPresence(`p${at}`, 'hello')))
    }
    const versions = range(0, PUBLISHERS).map(() => 1)
    return runLoad({
      links, publishers: PUBLISHERS, seconds: SECONDS,
      publish: async (link, publisher) => {
        const version = versions[publisher] ?? 1
        await expectOk('publish', link.send(wire.publishMachineState(`p${publisher}`, version % 2 === 0 ? 3500 : 5000, version)))
        versions[publisher] = version + 1
      },
    })
  })

const rateRows = async (database: string, run: (computes: boolean) => Promise<Load>): Promise<readonly Row[]> => {
  // In this order, so that a machine that grows busier or calmer meanwhile favours neither.
  const runs = [await run(false), await run(true), await run(true), await run(false)]
  const mean = (...at: readonly [number, number]): Load => {
    const both = at.flatMap((one) => runs[one] ?? [])
    return { rate: average(both.map(({ rate }) => rate)), latencies: ascending(both.flatMap(({ latencies }) => latencies)) }
  }
  const [without, withPlan] = [mean(0, 3), mean(1, 2)]
  return ([['without aggregation', without, '-'], ['with aggregation', withPlan, '>= 50 %']] as const).map(([what, { rate, latencies }, target]) => ({
    what: `publish a machineState into 2 and 3, ${what}`, database, 'publishes/s': Math.round(rate), 'p50 ms': percentile(latencies, 0.5), 'p99 ms': percentile(latencies, 0.99), share: percent(rate, without.rate), target,
  }))
}

/**
 * What the server computes from publications (3.8), and what that costs: CPU time for a user with five endpoints who publishes in both input
 * containers, and publishes per second of 100 users, 8 in flight, on PostgreSQL (DATABASE_URL, else a temporary server) and embedded.
 */
export const benchAggregate = async (): Promise<readonly Row[]> => [
  ...cpuRows(),
  // Each run begins with users whom nobody knows yet.
  ...await withPostgres((server) => rateRows('PostgreSQL', (computes) => withFreshDatabase(server, (url) => runEngine(url, computes)))) ?? [],
  ...await rateRows('embedded', (computes) => runEngine(undefined, computes)),
]
