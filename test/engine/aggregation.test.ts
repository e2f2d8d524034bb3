import t from 'tap'
import { aggregate } from '../../src/core/aggregation/aggregate.ts'
import { defaultPlan, type AggregationPlan } from '../../src/core/aggregation/plan.ts'
import { readConfig } from '../../src/config/config.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import { createCategoryDirectory } from '../../src/engine/category-directory.ts'
import { connectStore } from '../../src/store/connect.ts'
import { loadEndpoints } from '../../src/store/endpoints.ts'
import { loadInstances } from '../../src/store/instances.ts'
import { poolSession } from '../../src/store/session.ts'
import { openAdmin } from '../support/admin.ts'
import { removal } from '../support/bodies.ts'
import { endpointOf, openStage, SILENCE, stored, type Endpoint, type Stage } from '../support/aggregation-stage.ts'
import { activity } from '../core/aggregation-kit.ts'
import { arrival, DESK, deviceOf, INPUTS, machineState, MANUAL, MEETING, meeting, MOBILE, presence, publishTimes, states, TIMED, userState } from '../support/presence.ts'
import { openWorld, people, START, World } from '../support/world.ts'
import { openTestStore } from '../support/database.ts'

// What the server computes (3.8) as clients and watchers live it: SIP in, notifications out.

const world = await openWorld(t)
const { anna } = people
const URI = `sip:${anna}`

/** The hour and minute of a moment of these stories. */
const clock = (seconds = 0): string => new Date(START + seconds * 1000).toISOString().slice(11, 19)

/** What every computed place holds while the desk is the most active endpoint, and nothing else is said. */
const AT_DESK = 'at Werk 2 (MEZ) on computer'
const AT_SHORE = 'at Am Deich (MEZ) on mobile'

/** Anna at her desk, told to everyone and forgotten. */
const atDesk = async (stage: Stage): Promise<Endpoint> => {
  const desk = endpointOf(world, 'desk000001')
  await desk.client.registers({ granted: 100_000 })
  await desk.client.publishes(arrival(DESK, anna))
  stage.heard()
  return desk
}

/** And, later, on her mobile, which lies there unused. */
const withMobile = async (stage: Stage): Promise<readonly [desk: Endpoint, mobile: Endpoint]> => {
  const desk = await atDesk(stage)
  const mobile = endpointOf(world, 'mobile0001')
  await mobile.client.registers({ granted: 100_000 })
  world.advance(60)
  await mobile.client.publishes(arrival(MOBILE, anna, 5000))
  stage.heard()
  return [desk, mobile]
}

/** One notification for each watcher that is named, with these lines; silence for the others. */
const once = (lines: Readonly<Record<number, readonly string[]>>): object => ({ ...SILENCE, ...Object.fromEntries(Object.entries(lines).map(([level, heard]) => [level, [heard]])) })

const everywhere = (...lines: readonly string[]): Readonly<Record<number, readonly string[]>> => Object.fromEntries([100, 200, 300, 400].map((level) => [level, lines]))

/** The lines of a document that speak of a category. */
const of = (category: string, lines: readonly string[]): readonly string[] => lines.filter((line) => line.startsWith(`${category}#`) || line.startsWith(`${category} `))

t.test('3.8.5.1, 3.8.5.2: the first endpoint publishes; everything computed is in its answer, in what its own endpoints hear, and in one notification for each watcher', async (t) => {
  const stage = await openStage(world)
  const { client, id } = endpointOf(world, 'desk000001')
  await client.registers()
  const self = await client.subscribesSelf(['categories'])
  const [forBlocked, ...others] = presence(self.answer)
  t.strictSame([forBlocked, others], ['services#0 in 32000 v1 static: ', ['state#0x20000000 in 32000 v1 static: user 18500']])
  const answer = await client.publishes(arrival(DESK, anna))
  t.equal(answer.status, 200)
  t.strictSame(presence(answer), [
    'device#0x30000001 in 2 v1 endpoint: 0',
    `state#1 in 2 v1 user: aggregate 3500 ${AT_DESK}`, 'state#0x10000000 in 2 v1 user: aggregateMachine 3500', `state#0x30000001 in 2 v1 endpoint: machine 3500 ${AT_DESK}`,
    `state#1 in 3 v1 user: aggregate 3500 ${AT_DESK}`, `state#0x30000001 in 3 v1 endpoint: machine 3500 ${AT_DESK}`,
    'state#1 in 100 v1 user: aggregate 3500', 'state#1 in 200 v1 user: aggregate 3500 on computer', `state#1 in 300 v1 user: aggregate 3500 ${AT_DESK}`, `state#1 in 400 v1 user: aggregate 3500 ${AT_DESK}`,
    'state#0x20000000 in 32000 v1 static: user 18500',
    ...[100, 200, 300, 400].map((container) => `legacyInterop#1 in ${container} v1 user: 3500`),
    `services#0 in 2 v1 user: ${URI} text by ${id} 3500, voice by ${id} 3500`, ...[100, 200, 300, 400].map((container) => `services#0 in ${container} v1 user: ${URI} text 3500, voice 3500`), 'services#0 in 32000 v1 static: ',
    ...[0, 2, 3, 100, 200, 300, 400].map((container) => `dndState#0 in ${container} v1 static: user no availability`),
  ])
  t.strictSame([...new Set([...publishTimes(answer)].filter(([place]) => !place.includes('32000')).map(([, time]) => time))], ['2026-03-02T08:00:00.000'], 'with one publishTime')
  const own = client.hears()
  t.strictSame(own.map((heard) => [...presence(heard)].sort()), [[...presence(answer)].sort()], 'her own endpoint hears the same, once')
  const services = `services#0: ${URI} text 3500, voice 3500`
  t.strictSame(stage.heard(), once({
    100: ['state#1: aggregate 3500', services], 200: ['state#1: aggregate 3500 on computer', services],
    300: [`state#1: aggregate 3500 ${AT_DESK}`, services], 400: [`state#1: aggregate 3500 ${AT_DESK}`, services],
  }))
  const fresh = await client.subscribesSelf(['categories'], { callId: 'fresh' })
  t.strictSame([...presence(fresh.answer)].sort(), [...presence(answer)].sort(), 'and that is what is stored')
})

t.test('1.3.1.2, 2.2.2.7.6, .9, .10: what is computed for the server itself is never given to others', async (t) => {
  const stage = await openStage(world, {}, ['legacyInterop', 'dndState', 'workingHours', 'device'])
  const desk = await atDesk(stage)
  await desk.client.publishes(userState(9500))
  t.strictSame(stage.heard(), SILENCE)
  const polled = await stage.watcher(200).subscribesOne(anna, ['legacyInterop', 'dndState', 'state'], { callId: 'poll', headers: { Expires: '0' } })
  t.strictSame(presence(polled.answer), ['state#1: aggregate 9500 on computer'])
})

t.test('3.8.5.1.2.1, 3.8.5.2.2: a second endpoint comes, both grow idle, the first is used again', async (t) => {
  const stage = await openStage(world)
  const desk = await atDesk(stage)
  const mobile = endpointOf(world, 'mobile0001')
  await mobile.client.registers()
  for (const { client } of [desk, mobile]) await client.subscribesSelf(['categories'])
  world.advance(60)
  const answer = await mobile.client.publishes(arrival(MOBILE, anna))
  t.strictSame(of('state', presence(answer)).slice(0, 4), [
    `state#1 in 2 v2 user: aggregate 3500 ${AT_SHORE}`, 'state#0x10000000 in 2 v2 user: aggregateMachine 3500', `state#0x30000001 in 2 v1 endpoint: machine 3500 ${AT_DESK}`, `state#0x30000002 in 2 v1 endpoint: machine 3500 ${AT_SHORE}`,
  ], 'of two alike the newer one')
  t.strictSame(of('services', presence(answer)).slice(0, 2), [`services#0 in 2 v2 user: ${URI} text by ${mobile.id} 3500, voice by ${desk.id} 3500`, `services#0 in 100 v2 user: ${URI} text 3500, voice 3500`])
  t.strictSame(of('dndState', presence(answer)), [], 'nothing about what did not change')
  for (const { client } of [desk, mobile]) t.strictSame(client.hears().map((heard) => [...presence(heard)].sort()), [[...presence(answer)].sort()], 'each of her endpoints hears it once')
  const services = `services#0: ${URI} text 3500, voice 3500`
  const shore = { 100: ['state#1: aggregate 3500', services], 200: ['state#1: aggregate 3500 on mobile', services], 300: [`state#1: aggregate 3500 ${AT_SHORE}`, services], 400: [`state#1: aggregate 3500 ${AT_SHORE}`, services] }
  t.strictSame(stage.heard(), once(shore), 'lockstep (4.3.1): 100 is published again with the others, though it says what it said')

  world.advance(60)
  await mobile.client.publishes(machineState(MOBILE, 5000, 1))
  t.strictSame(stage.heard()[200], [['state#1: aggregate 3500 on computer', services]], 'the mobile is idle: back to the desk')

  world.advance(60)
  await desk.client.publishes(machineState(DESK, 5000, 1))
  const idle = `services#0: ${URI} text 5000, voice 5000`
  t.strictSame(stage.heard(), once({
    100: ['state#1: aggregate 5000', idle], 200: [`state#1: aggregate 5000 since ${clock(180)} on computer`, idle],
    300: [`state#1: aggregate 5000 since ${clock(180)} ${AT_DESK}`, idle], 400: [`state#1: aggregate 5000 since ${clock(180)} ${AT_DESK}`, idle],
  }), 'all are idle, since the last one is')
  world.advance(60)
  await desk.client.publishes(machineState(DESK, 3500, 2))
  t.strictSame(stage.heard()[300], [[`state#1: aggregate 3500 ${AT_DESK}`, services]])
})

const gone = (text: string): RegExp => new RegExp(`^${text}`)

/** The ways in which an endpoint leaves; each returns when everybody knows. */
const leavings: readonly (readonly [how: string, leave: (endpoint: Endpoint) => Promise<unknown>])[] = [
  ['it de-registers', ({ client }) => client.deregisters()],
  ['the registrar lost its binding', ({ client }) => client.losesBinding()],
  ['its connection is lost and it does not come back', async ({ client }) => { await client.losesBinding({ connectionLost: true }); world.advance(6); await world.timers() }],
  ['its registration runs out without a word', async ({ client }) => { await client.registers({ granted: 30 }); world.advance(61); await world.timers() }],
]

for (const [how, leave] of leavings) {
  t.test(`3.2.5.5, 3.2.5.5.1: an endpoint leaves, then the last one: ${how}`, async (t) => {
    const stage = await openStage(world, { lostConnectionGraceMs: how.includes('connection') ? 5_000 : 0 })
    const [desk, mobile] = await withMobile(stage)
    await mobile.client.subscribesSelf(['categories'])
    await leave(desk)
    const services = `services#0: ${URI} text 5000`
    t.strictSame(stage.heard(), once({
      100: ['state#1: aggregate 5000', services], 200: [`state#1: aggregate 5000 since ${clock(60)} on mobile`, services],
      300: [`state#1: aggregate 5000 since ${clock(60)} ${AT_SHORE}`, services], 400: [`state#1: aggregate 5000 since ${clock(60)} ${AT_SHORE}`, services],
    }), 'what is left is what the other one says, idle since it said so')
    const [own, ...more] = mobile.client.hears()
    t.strictSame(more, [])
    const lines = own === undefined ? [] : presence(own)
    t.ok(lines.includes(`services#0 in 2 v2 user: ${URI} text by ${mobile.id} 5000`), 'the voice has gone with the desk')
    t.notOk(lines.some((line) => line.includes('0x30000001')))

    await leave(mobile)
    const since = clock((world.now - START) / 1000)
    const nobody = [`state#0: aggregate 18000 since ${since}`, 'services (none)']
    t.strictSame(stage.heard(), once({ ...everywhere(...nobody), 100: ['state#0: aggregate 18000', 'services (none)'] }), 'instance 1 makes way for 0 in one notification')
    t.strictSame(await stored(world), [
      ...[0, 2, 3, 100, 200, 300, 400].map((container) => `dndState ${container}/0 v1 static`), ...[100, 200, 300, 400].map((container) => `legacyInterop ${container}/0 v1 static`),
      'services 32000/0 v1 static', ...[2, 3, 100, 200, 300, 400].map((container) => `state ${container}/0 v1 static`), `state 32000/${MANUAL} v1 static`,
    ])
    world.advance(600)
    await world.timers()
    t.strictSame(stage.heard(), SILENCE, 'and that is all, however long it lasts')

    await desk.client.registers()
    t.strictSame(stage.heard(), SILENCE, 'being registered says nothing')
    const back = await desk.client.publishes(arrival(DESK, anna))
    t.strictSame(of('state', presence(back)).filter((line) => line.startsWith('state#0 ')), [])
    t.match(of('state', presence(back))[0], gone('state#1 in 2 v1 user: aggregate 3500'))
    t.strictSame(stage.heard()[100], [['state#1: aggregate 3500', `services#0: ${URI} text 3500, voice 3500`]], 'and 0 for 1 as well')
  })
}

t.test('3.2.5.5.1: services are bounded by the user, and do not outlive the last endpoint, though a device may', async (t) => {
  const stage = await openStage(world)
  const [desk, mobile] = [endpointOf(world, 'desk000001'), endpointOf(world, 'mobile0001')]
  for (const { client } of [desk, mobile]) await client.registers()
  await desk.client.publishes([{ ...deviceOf(DESK, anna), expireType: 'static' }])
  const services = `services#0: ${URI} text -, voice -`
  t.strictSame(stage.heard(), once(everywhere(services)), 'nobody has said how active it is')
  await desk.client.deregisters()
  t.strictSame(stage.heard(), SILENCE)
  await mobile.client.publishes(machineState(MOBILE, 3500))
  stage.heard()
  await mobile.client.deregisters()
  t.strictSame(stage.heard(), once({ ...everywhere(`state#0: aggregate 18000 since ${clock()}`, 'services (none)'), 100: ['state#0: aggregate 18000', 'services (none)'] }))
  t.strictSame((await stored(world)).filter((line) => /^(device|services) (?!32000)/.test(line)), [`device 2/${DESK.number} v1 static`])
})

t.test('3.2.5.5: a connection that comes back in time changes nothing', async (t) => {
  const stage = await openStage(world, { lostConnectionGraceMs: 5_000 })
  const [desk] = await withMobile(stage)
  const before = await stored(world)
  await desk.client.losesBinding({ connectionLost: true })
  world.advance(4)
  await world.timers()
  await desk.client.registers()
  world.advance(30)
  await world.timers()
  t.strictSame(stage.heard(), SILENCE)
  t.strictSame(await stored(world), before)
})

t.test('3.2.6.1: a state with an end stops to count at its second, by the timer or by whatever comes first', async (t) => {
  const stage = await openStage(world)
  const desk = await atDesk(stage)
  await desk.client.subscribesSelf(['categories'])
  const busy = userState(6500, { instance: TIMED, expireType: 'time', expires: 60, more: activity('in-presentation', 6500, 8999) })
  await desk.client.publishes(busy)
  t.strictSame(stage.heard()[200], [['state#1: aggregate 6500 in-presentation on computer']])
  desk.client.hears()
  world.advance(59)
  await world.timers()
  t.strictSame(stage.heard(), SILENCE)
  world.advance(1)
  await world.timers()
  t.strictSame(stage.heard(), once({ 100: ['state#1: aggregate 3500'], 200: ['state#1: aggregate 3500 on computer'], 300: [`state#1: aggregate 3500 ${AT_DESK}`], 400: [`state#1: aggregate 3500 ${AT_DESK}`] }))
  const [own, ...more] = desk.client.hears()
  t.strictSame([more, own === undefined ? [] : of('dndState', presence(own)), own?.body.includes(String(TIMED))], [[], [], false])
  await world.timers()
  t.strictSame([stage.heard(), desk.client.hears()], [SILENCE, []], 'once')

  await desk.client.publishes(busy)
  stage.heard()
  desk.client.hears()
  world.advance(60)
  const answer = await desk.client.publishes(machineState(DESK, 3600, 1))
  t.match(of('state', presence(answer))[0], gone('state#1 in 2 v5 user: aggregate 3600 at'), 'a publication finds it ended before the timer does')
  t.strictSame(stage.heard()[200]?.map((lines) => lines[0]), ['state#1: aggregate 3600 on computer'])
  desk.client.hears()
  await world.timers()
  t.strictSame([stage.heard(), desk.client.hears()], [SILENCE, []], 'nothing is left for the timer')
})

t.test('3.8.5.1.1: a publication that changes nothing computed tells nobody of it, and keeps what is stored', async (t) => {
  const stage = await openStage(world)
  const [desk, mobile] = await withMobile(stage)
  await desk.client.subscribesSelf(['categories'])
  const computed = async () => (await stored(world)).filter((line) => !line.startsWith('note') && !/\/(805306369|805306370|536870912) /.test(line))
  const before = await computed()
  const silent = async (name: string, send: () => Promise<unknown>, names: readonly string[] = ['state']): Promise<void> => {
    world.advance(10)
    await send()
    t.strictSame(stage.heard(), SILENCE, name)
    t.strictSame(desk.client.hears().map((heard) => [...new Set(presence(heard).map((line) => line.split('#', 1)[0]))]), [names], `${name}: her own endpoints hear what was published`)
    t.strictSame(await computed(), before, name)
  }
  await silent('the less active endpoint is still less active', () => mobile.client.publishes(machineState(MOBILE, 5500, 1)))
  await silent('the user says what the machine says', () => desk.client.publishes(userState(3500)))
  await silent('and takes it back', () => desk.client.publishes(INPUTS.map((container) => removal('state', container, 1, { instance: MANUAL }))))
  await silent('the same device once more', () => desk.client.publishes([deviceOf(DESK, anna, 1)]), ['device'])
  await silent('a note', () => desk.client.publishes([{ category: 'note', container: 200, data: 'hello' }]), ['note'])
  await silent('a state where none is computed from', () => desk.client.publishes(userState(9500, { containers: [500] })))
  const answer = await desk.client.publishes(machineState(DESK, 3500, 1))
  t.strictSame([...new Set(presence(answer).map((line) => line.split('#', 1)[0]))], ['state'], 'nor is what did not change part of the answer')
})

t.test('4.3.1, 3.8.5.4: do not disturb, for some less strictly than for others', async (t) => {
  const stage = await openStage(world)
  const desk = await atDesk(stage)
  await desk.client.subscribesSelf(['categories'])
  const strict = activity('', 9500, 11999, '<custom LCID="1031">Im Gespräch</custom>')
  world.advance(60)
  const answer = await desk.client.publishes([...userState(9500, { containers: [2], more: strict }), ...userState(6900, { containers: [3], more: activity('urgent-interruptions-only', 6900, 8999) })])
  t.strictSame(of('dndState', presence(answer)), [
    'dndState#0 in 0 v2 static: user 9500', 'dndState#0 in 2 v2 static: user 9500', 'dndState#0 in 3 v1 static: user no availability', 'dndState#0 in 100 v2 static: user 9500',
    'dndState#0 in 200 v2 static: user 9500', 'dndState#0 in 300 v1 static: user no availability', 'dndState#0 in 400 v2 static: user 9500',
  ])
  t.strictSame(of('legacyInterop', presence(answer)), ['legacyInterop#1 in 100 v2 user: 9500', 'legacyInterop#1 in 200 v2 user: 9500', 'legacyInterop#1 in 300 v2 user: 6900 urgent-interruptions-only', 'legacyInterop#1 in 400 v2 user: 9500'])
  t.strictSame(of('services', presence(answer)), [])
  t.strictSame(desk.client.hears().map((heard) => [...presence(heard)].sort()), [[...presence(answer)].sort()])
  t.strictSame(stage.heard(), once({
    100: ['state#1: aggregate 9500'], 200: ["state#1: aggregate 9500 'Im Gespräch' on computer"],
    300: [`state#1: aggregate 6900 urgent-interruptions-only ${AT_DESK}`], 400: [`state#1: aggregate 9500 'Im Gespräch' ${AT_DESK}`],
  }))

  world.advance(60)
  await desk.client.publishes(machineState(DESK, 5000, 1))
  const services = `services#0: ${URI} text 5000, voice 5000`
  t.strictSame(stage.heard(), once({ ...everywhere(services), 300: [`state#1: aggregate 8400 urgent-interruptions-only since ${clock(120)} ${AT_DESK}`, services] }), 'idle, and busy only where it is not "do not disturb"')

  await desk.client.deregisters()
  t.strictSame(stage.heard()[200], [[`state#0: aggregate 18000 since ${clock(120)}`, 'services (none)']], 'gone is more than undisturbed')
  t.strictSame((await stored(world)).filter((line) => line.startsWith('dndState 2')), ['dndState 2/0 v2 static', 'dndState 200/0 v2 static'], 'but she still does not want to be disturbed')
  await desk.client.registers()
  const back = await desk.client.publishes(machineState(DESK, 3500))
  t.match(of('state', presence(back))[0], gone("state#1 in 2 v1 user: aggregate 9500 'Im Gespräch'"))
  await desk.client.publishes(INPUTS.map((container) => removal('state', container, 1, { instance: MANUAL })))
  t.strictSame((await stored(world)).filter((line) => line.startsWith('dndState ')), [0, 2, 3, 100, 200, 300, 400].map((container) => `dndState ${container}/0 v${[3, 300].includes(container) ? 1 : 3} static`))
})

t.test('3.8.5.1.2.3, 3.8.5.1.2.5: a meeting, and who learns of it', async (t) => {
  const stage = await openStage(world)
  const desk = await atDesk(stage)
  world.advance(60)
  const answer = await desk.client.publishes(meeting(6500))
  t.match(of('state', presence(answer))[0], `state#1 in 2 v2 user: aggregate 6500 in-a-meeting at Werk 2 for Kundentermin in Raum 12 (MEZ) on computer`)
  t.strictSame(of('legacyInterop', presence(answer)), ['legacyInterop#1 in 100 v2 user: 6500', ...[200, 300, 400].map((container) => `legacyInterop#1 in ${container} v2 user: 6500 in-a-meeting`)])
  t.strictSame(stage.heard(), once({
    100: ['state#1: aggregate 6500'], 200: ['state#1: aggregate 6500 in-a-meeting on computer'],
    300: ['state#1: aggregate 6500 in-a-meeting at Werk 2 for Kundentermin in Raum 12 (MEZ) on computer'], 400: [`state#1: aggregate 6500 in-a-meeting ${AT_DESK}`],
  }))
  await desk.client.publishes(meeting(6500, { instance: MEETING + 1, containers: [3], subject: 'Noch einer' }))
  t.strictSame(stage.heard(), once({ 300: [`state#1: aggregate 6500 in-a-meeting ${AT_DESK}`] }), 'of two none, where there are two')
  await desk.client.publishes([removal('state', 3, 1, { instance: MEETING + 1 }), ...INPUTS.map((container) => removal('state', container, 1, { instance: MEETING }))])
  t.strictSame(stage.heard(), once({ 100: ['state#1: aggregate 3500'], 200: ['state#1: aggregate 3500 on computer'], 300: [`state#1: aggregate 3500 ${AT_DESK}`], 400: [`state#1: aggregate 3500 ${AT_DESK}`] }))
})

const hours = (start: number): string => `<calendarData xmlns="http://schemas.microsoft.com/2006/09/sip/calendarData" mailboxID="${anna}"><WorkingHours xmlns="http://schemas.microsoft.com/exchange/services/2006/types"><TimeZone><Bias>-60</Bias>` +
  ['StandardTime', 'DaylightTime'].map((name) => `<${name}><Bias>0</Bias><Time>03:00:00</Time><DayOrder>5</DayOrder><Month>10</Month><DayOfWeek>Sunday</DayOfWeek></${name}>`).join('') +
  `</TimeZone><WorkingPeriodArray><WorkingPeriod><DayOfWeek>Monday Tuesday</DayOfWeek><StartTimeInMinutes>${start}</StartTimeInMinutes><EndTimeInMinutes>1020</EndTimeInMinutes></WorkingPeriod></WorkingPeriodArray></WorkingHours></calendarData>`

t.test('3.8.5.3: working hours follow the calendar of container 1, for the user alone', async (t) => {
  const stage = await openStage(world, {}, ['workingHours', 'calendarData'])
  const { client } = await atDesk(stage)
  await client.subscribesSelf(['categories'])
  const calendar = (start: number, version: number, container = 1) => client.publishes([{ category: 'calendarData', container, version, data: hours(start) }])
  const places = (lines: readonly string[]): readonly string[] => lines.map((line) => line.replace(/:.*/, ''))
  t.strictSame(places(presence(await calendar(480, 0))), ['calendarData#0 in 1 v1 static', 'workingHours#0 in 1 v1 static'])
  t.strictSame(client.hears().map((heard) => places(presence(heard))), [['calendarData#0 in 1 v1 static', 'workingHours#0 in 1 v1 static']])
  t.strictSame(places(presence(await calendar(480, 1))), ['calendarData#0 in 1 v2 static'], 'the same hours are not published again')
  const moved = await calendar(540, 2)
  t.strictSame(places(presence(moved)), ['calendarData#0 in 1 v3 static', 'workingHours#0 in 1 v2 static'])
  t.match(moved.body, /<category name="workingHours"[^>]*><calendarData mailboxID="anna@nordwind\.example" [^>]*><WorkingHours [^>]*>.*<StartTimeInMinutes>540</)
  t.strictSame(places(presence(await calendar(600, 0, 100))), ['calendarData#0 in 1 v3 static', 'calendarData#0 in 100 v1 static'], 'another container does not matter')
  client.hears()
  const removed = await client.publishes([removal('calendarData', 1, 3)])
  t.strictSame(places(presence(removed)), ['calendarData#0 in 100 v1 static', 'calendarData in 1 (none)', 'workingHours in 1 (none)'])
  t.strictSame(client.hears().map((heard) => places(presence(heard))), [['calendarData#0 in 100 v1 static', 'calendarData in 1 (none)', 'workingHours in 1 (none)']], 'and they go with it')
  t.strictSame((await stored(world)).filter((line) => /calendar|working/.test(line)), ['calendarData 100/0 v1 static'])
  t.strictSame(stage.heard()[200], [], 'nobody else has heard anything of them')
})

t.test('3.2.5.4: a publication that is refused computes nothing', async (t) => {
  const stage = await openStage(world)
  const desk = await atDesk(stage)
  await desk.client.subscribesSelf(['categories'])
  const weight = Number((await world.store.pool.query('SELECT sum(octet_length(payload) + 256) AS n FROM category_instance')).rows[0]?.n)
  const registry = await world.engine.categories.registry()
  const rule = registry.rules.get('state')
  if (rule === undefined) throw new Error('there is no state')
  const bytes = Number((await world.store.pool.query("SELECT sum(octet_length(payload)) AS n FROM category_instance WHERE category = 'state'")).rows[0]?.n)
  const withQuota = { ...registry, rules: new Map([...registry.rules, ['state', { ...rule, quotaBytes: bytes + 100 }]]) }
  const { engine } = world
  for (const [name, status, deps, publications] of [
    ['a conflict (3.2.5.1.2)', 409, {}, [...userState(9500), ...machineState(DESK, 5000, 7)]],
    ['data that its schema does not take', 400, {}, [...userState(9500), ...states('nobodyState', 3500, { instance: 5 })]],
    ['the quota of the category', 413, { categories: { registry: async () => withQuota, forget: () => undefined } }, userState(9500)],
    ['the quota of the user', 413, { limits: { ...engine.limits, maxPublisherBytes: weight + 300 } }, userState(9500)],
    ['the same instance twice', 400, {}, [...userState(9500), ...userState(6500)]],
  ] as const) {
    world.engine = { ...engine, ...deps }
    const before = await world.dump()
    const answer = await desk.client.publishes(publications)
    t.equal(answer.status, status, name)
    t.notMatch(answer.body, /aggregate/, name)
    t.strictSame(await world.dump(), before, name)
    t.strictSame([stage.heard(), desk.client.hears()], [SILENCE, []], name)
  }
})

t.test('design 18: a repeated publication is answered with the same categories, and computes nothing', async (t) => {
  const stage = await openStage(world)
  const desk = endpointOf(world, 'desk000001')
  await desk.client.registers()
  await desk.client.subscribesSelf(['categories'])
  const same = { callId: 'publish-1', cseq: 7, fromTag: 'one' }
  const first = await desk.client.publishes(arrival(DESK, anna), same)
  stage.heard()
  desk.client.hears()
  world.advance(1)
  const before = await world.dump()
  const again = await desk.client.publishes(arrival(DESK, anna), same)
  t.strictSame([again.status, again.toTag, presence(again)], [200, first.toTag, presence(first)])
  t.strictSame(await world.dump(), before)
  t.strictSame([stage.heard(), desk.client.hears()], [SILENCE, []])
  await desk.client.publishes(machineState(DESK, 5000, 1))
  t.match(presence(await desk.client.publishes(arrival(DESK, anna), same)).join('\n'), /state#1 in 2 v2 user: aggregate 5000 /, 'with the data as it is now')
})

t.test('3.2.5.6: the operator changes what is computed from, and what is computed', async (t) => {
  const stage = await openStage(world)
  const desk = await atDesk(stage)
  await desk.client.subscribesSelf(['categories'])
  const operator = await openAdmin(world)
  const place = (container: number, instance = MANUAL): string => `/users/${anna}/publications/state/${container}/${instance}`
  const xml = userState(6500, { containers: [2], more: activity('busy', 6500, 8999) })[0]?.data ?? ''
  world.advance(60)
  t.equal((await operator('PUT', place(2), { xml })).status, 204)
  t.strictSame(stage.heard(), once({ 100: ['state#1: aggregate 6500'], 200: ['state#1: aggregate 6500 busy on computer'], 400: [`state#1: aggregate 6500 busy ${AT_DESK}`] }), 'published for her, where 2 leads')
  t.equal(desk.client.hears().length, 1, 'her own endpoint hears it once')
  t.equal((await operator('PUT', place(2), { xml })).status, 204)
  t.strictSame([stage.heard(), desk.client.hears()], [SILENCE, []], 'the same again is nothing')
  t.equal((await operator('DELETE', place(2))).status, 204)
  t.strictSame(stage.heard(), once({ 100: ['state#1: aggregate 3500'], 200: ['state#1: aggregate 3500 on computer'], 400: [`state#1: aggregate 3500 ${AT_DESK}`] }), 'and taken away')
  const [own, ...more] = desk.client.hears()
  t.strictSame([more, own === undefined ? [] : of('state', presence(own))[0]], [[], `state#1 in 2 v3 user: aggregate 3500 ${AT_DESK}`])
  t.strictSame(own === undefined ? [] : [...new Set(presence(own).map((line) => line.split('#', 1)[0]))], ['legacyInterop', 'state'], 'nothing of dndState, which says what it said')
  t.equal((await operator('DELETE', place(2))).status, 404)
  t.equal((await operator('PUT', place(3), { xml, expires: 30 })).status, 204)
  t.strictSame(stage.heard(), once({ 300: [`state#1: aggregate 6500 busy ${AT_DESK}`] }))
  world.advance(30)
  await world.timers()
  t.strictSame(stage.heard(), once({ 300: [`state#1: aggregate 3500 ${AT_DESK}`] }), 'for a time')

  t.equal((await operator('DELETE', place(2, 1))).status, 204)
  t.strictSame((await stored(world)).filter((line) => /^(state|legacyInterop) (2|100|200|400)\/1 /.test(line)).map((line) => line.replace(/ (\d+)\/1/, '')), Array(7).fill(0).map((_, at) => `${at < 3 ? 'legacyInterop' : 'state'} v4 user`), 'what is computed stands there again at once, in step')
  t.equal((await operator('DELETE', place(2, DESK.number))).status, 204)
  t.match(stage.heard()[200]?.at(-1)?.[0], gone('state#0: aggregate 18000 since'), 'without any machineState she is offline')
  t.strictSame((await stored(world)).filter((line) => /^(state|legacyInterop) (2|100|200|400)\/1 /.test(line)), [], 'nowhere both')
})

t.test('3.8: a client that publishes where the server computes is overruled as soon as its input is touched', async (t) => {
  const stage = await openStage(world)
  const { client } = await atDesk(stage)
  const forged = (version: number, container = 2) => states('aggregateState', 3000, { instance: 1, version, containers: [container], expireType: 'user' })
  const both = await client.publishes([...machineState(DESK, 5000, 1), ...forged(1)])
  t.equal(both.status, 200)
  t.strictSame(of('state', presence(both)).filter((line) => line.startsWith('state#1 in 2 ')), [`state#1 in 2 v3 user: aggregate 5000 since ${clock()} ${AT_DESK}`], 'in one request: what is computed is what is stored')
  t.strictSame(stage.heard()[200]?.map((lines) => lines[0]), [`state#1: aggregate 5000 since ${clock()} on computer`])
  const again = await client.publishes([removal('state', 2, 3, { instance: 1 })])
  t.match(of('state', presence(again))[0], gone('state#1 in 2 v4 user: aggregate 5000 '), 'what is taken away stands there again')
  stage.heard()
  await client.publishes(forged(4, 200))
  t.strictSame(stage.heard(), once({ 200: ['state#1: aggregate 3000'] }), 'elsewhere nothing asks for a computation')
  await client.publishes(machineState(DESK, 3500, 2))
  t.strictSame(stage.heard()[200]?.map((lines) => lines[0]), ['state#1: aggregate 3500 on computer'], 'until the next one')
  t.equal((await stored(world)).filter((line) => /^state \d+\/1 v6 /.test(line)).length, 4, 'which is in step again')
})

t.test('3.2.5.1.2: state is made read-only, or removed, by the operator', async (t) => {
  const categories = createCategoryDirectory(poolSession(world.store.pool), () => world.now, false)
  const stage = await openStage(world, { categories })
  const [desk, mobile] = await withMobile(stage)
  const operator = await openAdmin(world)
  t.equal((await operator('PUT', '/categories/state', { readOnlyContainers: [100, 200, 300, 400] })).status, 200)
  t.equal((await desk.client.publishes(states('aggregateState', 3500, { instance: 1, version: 1, containers: [200] }))).status, 403, 'what is computed is not for clients to overwrite')
  t.strictSame(stage.heard(), SILENCE)
  t.equal((await desk.client.publishes(userState(6500))).status, 200)
  t.strictSame(stage.heard()[200], [['state#1: aggregate 6500 on computer']], 'it is for the server')

  t.equal((await operator('PUT', '/categories/state', { readOnlyContainers: [2] })).status, 200)
  const before = await world.dump()
  t.equal((await desk.client.publishes(userState(9500, { version: 1 }))).status, 403)
  t.strictSame(await world.dump(), before)
  await mobile.client.deregisters()
  t.strictSame(stage.heard(), SILENCE, 'the less active one leaves')

  t.equal((await operator('DELETE', '/categories/state')).status, 204)
  t.equal((await desk.client.publishes(machineState(DESK, 5000, 1))).status, 403)
  t.strictSame(stage.heard(), SILENCE)
  await desk.client.deregisters()
  t.match(stage.heard()[200], [[gone('state#0: aggregate 18000'), 'services (none)']], 'what was published before does not outlive its endpoint')
})

t.test('deleting a user takes away what was computed for it, and computes nothing more', async (t) => {
  const stage = await openStage(world)
  await withMobile(stage)
  const operator = await openAdmin(world)
  t.equal((await operator('DELETE', `/users/${anna}`)).status, 204)
  t.strictSame(stage.heard(), { ...once(everywhere('state (none)', 'services (none)')), 32000: [['state (none)', 'services (none)']] })
  t.strictSame(await stored(world), [])
})

/** A plan as a deployment writes it into its environment. */
const configured = (rows: unknown): AggregationPlan => readConfig({ PRESENTIA_AGGREGATION: JSON.stringify(rows) }).aggregation ?? defaultPlan

t.test('3.8: which category is computed where is data, and a deployment can hand in its own', async (t) => {
  t.strictSame(configured(JSON.parse(JSON.stringify(defaultPlan))), defaultPlan, 'the plan of the specification, written down')
  const rows = [{ computes: 'aggregateState', from: { categories: ['state'], container: 40 }, outputs: [{ category: 'state', container: 200, shows: ['lastActive'] }, { category: 'legacyInterop', container: 100, shows: [] }], keepsLastActive: true }]
  const stage = await openStage(world, { plan: configured(rows) })
  const { client } = endpointOf(world, 'desk000001')
  await client.registers()
  const computed = async () => (await stored(world)).filter((line) => !/32000|\/805306369 /.test(line))
  t.strictSame(presence(await client.publishes(arrival(DESK, anna))).length, 4, 'nothing is computed from 2 and 3')
  t.strictSame([stage.heard(), await computed()], [SILENCE, []])
  const answer = await client.publishes(machineState(DESK, 5000, 0, [40]))
  t.strictSame(presence(answer).filter((line) => / v1 user/.test(line)), [`state#1 in 200 v1 user: aggregate 5000 since ${clock()}`, 'legacyInterop#1 in 100 v1 user: 5000'])
  const colleagues = (line: string): object => once({ 200: [line], 300: [line], 400: [line] })
  t.strictSame(stage.heard(), colleagues(`state#1: aggregate 5000 since ${clock()}`), 'those in 300 and 400 are colleagues as well')
  world.advance(60)
  await client.publishes(machineState(DESK, 15500, 1, [40]))
  t.strictSame(stage.heard(), colleagues(`state#1: aggregate 15500 since ${clock()}`), 'keepsLastActive')
  t.strictSame(await computed(), ['legacyInterop 100/1 v2 user', 'state 200/1 v2 user'])
})

t.test('3.8: an empty plan computes nothing, and leaves everything to clients', async (t) => {
  const stage = await openStage(world, { plan: configured([]) })
  const { client } = endpointOf(world, 'desk000001')
  await client.registers()
  await client.publishes([...arrival(DESK, anna), ...userState(9500)])
  t.strictSame(stage.heard(), SILENCE)
  t.equal((await stored(world)).length, 2 + 3 + 2)
  await client.publishes(states('aggregateState', 3500, { instance: 1, containers: [200], expireType: 'user' }))
  t.strictSame(stage.heard(), once({ 200: ['state#1: aggregate 3500'], 300: ['state#1: aggregate 3500'], 400: ['state#1: aggregate 3500'] }))
  await client.deregisters()
  t.strictSame(stage.heard(), once({ 200: ['state (none)'], 300: ['state (none)'], 400: ['state (none)'] }))
})

const COMPUTED = new Set(defaultPlan.flatMap(({ computes, outputs }) => outputs.flatMap(({ category, container }) => (computes === 'aggregateMachineState' ? [0x10000000] : [0, 1]).map((instance) => `${category} ${container}/${instance}`))))

/** Category, place, number, life and data of computed instances; not their versions and times, which tell how often they were published. */
const results = (instances: readonly CategoryInstance[]): readonly string[] =>
  instances.filter((one) => COMPUTED.has(`${one.category} ${one.container}/${one.instance}`)).map((one) => `${one.category} ${one.container}/${one.instance} ${one.expireType} ${one.payload}`).sort()

t.test('two endpoints publish, idle, come and go at the same time on two engines: what is stored is what a computation from scratch says', async (t) => {
  // On the embedded database both engines share its one connection, and so take turns.
  const { store: first, reset, url } = await openTestStore(t)
  const second = url === undefined ? first : await connectStore({ url, onError: () => undefined })
  if (second !== first) t.teardown(() => second.close())
  const one = new World({ store: first, reset, url })
  const stage = await openStage(one)
  const two = new World({ store: second, reset: async () => undefined, url })
  two.engine = { ...one.engine, store: second }
  const clients = [endpointOf(one, 'desk000001').client, endpointOf(two, 'mobile0001').client]
  const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000)
  t.comment(`TEST_SEED=${seed}`)
  let random = seed
  const draw = (count: number): number => (random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0, Math.floor(random / 65_536) % count)
  for (const client of clients) await client.registers({ granted: 100_000 })
  let tried = 0
  const publish = async (client: (typeof clients)[number], at: number): Promise<void> => {
    const machine = at === 0 ? DESK : MOBILE
    for (let turn = 0; turn < 3; turn += 1) {
      // What a client does on 409: it takes the current versions and tries again.
      const versions = new Map((await loadInstances(poolSession(first.pool), anna, 'all')).map((instance) => [`${instance.category} ${instance.container}/${instance.instance}`, instance.instanceVersion]))
      const current = (publications: ReturnType<typeof arrival>) => publications.map((publication) => ({ ...publication, version: versions.get(`${publication.category} ${publication.container}/${publication.instance}`) ?? 0 }))
      const manual = draw(3) === 0 ? userState([3500, 6500, 9500, 12500][draw(4)] ?? 0, { instance: at === 0 ? MANUAL : MANUAL + 1 }) : []
      const { status, says } = await client.publishes(current([...machineState(machine, [3500, 3600, 5000, 15500][draw(4)] ?? 0), ...(draw(2) === 0 ? [deviceOf(machine, anna)] : []), ...manual]))
      if (status !== 200) throw new Error(`${status} ${says.join()}`)
      tried += 1
    }
  }
  for (let round = 0; round < 15; round += 1) {
    one.advance(1)
    two.now = one.now
    const leaving = draw(4)
    await Promise.all(clients.map(async (client, at) => {
      if (leaving === at) {
        await client.deregisters()
        await client.registers({ granted: 100_000 })
      } else await publish(client, at)
    }))
    const session = poolSession(first.pool)
    const [instances, endpoints] = [await loadInstances(session, anna, 'all'), await loadEndpoints(session, anna)]
    const scratch = aggregate(defaultPlan, { publisher: anna, instances: instances.filter((instance) => !COMPUTED.has(`${instance.category} ${instance.container}/${instance.instance}`)), endpoints }, one.now, 'all')
    const fresh = scratch.flatMap((change) => (change.kind === 'putInstance' ? [change.instance] : []))
    // Since when nobody is there is known by what is stored alone.
    const isOffline = instances.some(({ category, container, instance }) => category === 'state' && container === 2 && instance === 0)
    const comparable = (lines: readonly string[]): readonly string[] => (isOffline ? lines.map((line) => line.replace(/ lastActive="[^"]*"/, '')) : lines)
    t.strictSame(comparable(results(instances)), comparable(results(fresh)), `round ${round}`)
    t.strictSame(aggregate(defaultPlan, { publisher: anna, instances, endpoints }, one.now, 'all'), [], `round ${round}: nothing is left to compute`)
    const stamps = instances.filter(({ category, container, instance }) => category === 'state' && [2, 100, 200, 400].includes(container) && instance < 2).map(({ instanceVersion, publishTime }) => `${instanceVersion} ${publishTime}`)
    t.equal(new Set(stamps).size, 1, `round ${round}: in step`)
  }
  t.ok(tried > 30)
  await Promise.all([one.delivery.idle(), two.delivery.idle()])
  stage.heard()
  await clients[0]?.publishes([{ category: 'note', container: 500, data: 'x' }])
  t.strictSame((await second.pool.query('SELECT 1 FROM change')).rows, [], 'all is told')
})
