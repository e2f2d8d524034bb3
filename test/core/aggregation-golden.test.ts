import t from 'tap'
import { writePublishTime } from '../../src/core/base/instant.ts'
import { decideDeregistration } from '../../src/core/publications/expire.ts'
import { activity, clock, DELIMITER, deskId, DEVICE, deviceInstance, END, find, inside, laptopId, machine, MS, OWN, run, says, shown, summary, withInstances, ZONE } from './aggregation-kit.ts'
import { endpoint, instance, state as publisherState } from './support.ts'

const TYPE = (type: string, attributes = ''): string => `<state xsi:type="${type}"${attributes} ${OWN}>`
const interop = (attributes: string): string => `<legacyInterop xmlns="${MS}/categories" ${attributes}/>`
const placed = (location: string): string => `<endpointLocation>${location}</endpointLocation>`
const extension = (content: string): string => `${DELIMITER}${content}${END}`

/** An endpoint at home that is there since a while, in both input containers. */
const atHome = (at: number, availability = 3500, where = 'Am Deich'): ReturnType<typeof machine>[] =>
  [2, 3].map((container) => machine(availability, { container, at, more: `${placed(where)}${extension(ZONE + DEVICE)}` }))

t.test('4.3.1: a user asks not to be disturbed, for some containers less strictly than for others', async (t) => {
  const signedIn = run(atHome(clock('08:23:10')), { at: clock('08:23:10') })
  const moved = run(withInstances(signedIn.after, ...atHome(clock('08:25:19.233'), 3500, 'Werk 2')), { at: clock('08:25:19.233') })
  const busy = [2, 3].flatMap((container) => says('userState', container === 2 ? 9500 : 6900, {
    container, manual: true, at: clock('08:28:24.217'),
    more: `${container === 2 ? activity('', 9500, 11999, '<custom LCID="1031">Im Gespr\u00e4ch</custom>') : activity('urgent-interruptions-only', 6900, 8999)}<endpointLocation>\n</endpointLocation>`,
  }))
  const { changes, after } = run(withInstances(moved.after, ...busy), { at: clock('08:28:24.217'), touched: { state: [2, 3] } })
  t.same(summary(changes), [
    'put state 2/1 v3 user', 'put state 100/1 v3 user', 'put legacyInterop 100/1 v3 user', 'put state 200/1 v3 user', 'put legacyInterop 200/1 v3 user', 'put state 400/1 v3 user', 'put legacyInterop 400/1 v3 user',
    'put state 3/1 v3 user', 'put state 300/1 v3 user', 'put legacyInterop 300/1 v3 user',
    'put dndState 2/0 v2 static', 'put dndState 0/0 v2 static', 'put dndState 100/0 v2 static', 'put dndState 200/0 v2 static', 'put dndState 400/0 v2 static',
  ], 'the endpoint did not change, nor did what may be said in 3')
  t.same([...new Set(changes.map((change) => change.kind === 'putInstance' && change.instance.publishTime))], [clock('08:28:24.217')], 'one publishTime')
  const custom = '<activity><custom LCID="1031">Im Gespr\u00e4ch</custom></activity>'
  const urgent = '<activity token="urgent-interruptions-only"/>'
  for (const container of [2, 400]) t.equal(shown(after, 'state', container), `${TYPE('aggregateState')}<availability>9500</availability>${custom}${placed('Werk 2')}${extension(ZONE + DEVICE)}</state>`, `${container}`)
  t.equal(shown(after, 'state', 100), `${TYPE('aggregateState')}<availability>9500</availability></state>`)
  t.equal(shown(after, 'state', 200), `${TYPE('aggregateState')}<availability>9500</availability>${custom}${extension(DEVICE)}</state>`)
  for (const container of [3, 300]) t.equal(shown(after, 'state', container), `${TYPE('aggregateState')}<availability>6900</availability>${urgent}${placed('Werk 2')}${extension(ZONE + DEVICE)}</state>`, `${container}`)
  for (const container of [100, 200, 400]) t.equal(shown(after, 'legacyInterop', container), interop('availability="9500"'), `${container}`)
  t.equal(shown(after, 'legacyInterop', 300), interop('availability="6900" token="urgent-interruptions-only"'))
  t.same([2, 3].map((container) => find(after, 'legacyInterop', container)), [undefined, undefined])
  const ofMachines = find(after, 'state', 2, 0x10000000)
  t.equal(ofMachines?.payload, `${TYPE('aggregateMachineState', ` endpointId="${deskId.toLowerCase()}"`)}<availability>3500</availability></state>`)
  t.same([ofMachines?.instanceVersion, ofMachines?.publishTime, ofMachines?.expireType], [1, clock('08:23:10'), 'user'], 'a new location is none of its business')
  t.notOk(find(after, 'state', 3, 0x10000000), 'only in 2')
})

t.test('4.3.1.1: a meeting begins while the machine is idle and the user does not want to be disturbed', async (t) => {
  const undisturbed = [2, 3].map((container) => says('userState', container === 2 ? 9000 : 6900, {
    container, number: 0x24000000, manual: true, expireType: 'time', at: clock('09:26:06.450'), more: `${container === 3 ? activity('urgent-interruptions-only', 6900, 8999) : ''}<endpointLocation>\n</endpointLocation>`,
  }))
  let { after } = run([...atHome(clock('09:00:00')), ...undisturbed], { at: clock('09:26:06.450') })
  after = run(withInstances(after, ...atHome(clock('10:06:03.920'), 5000, 'Werk 2')), { at: clock('10:06:03.920') }).after
  t.same([2, 3].map((container) => find(after, 'state', container)?.instanceVersion), [2, 2])
  // As in the example, the two groups of outputs have been published differently often.
  after = after.map((one) => (one.category !== 'dndState' && [3, 300].includes(one.container) && one.instance === 1 ? { ...one, instanceVersion: 14 } : one))
  const meeting = [2, 3].map((container) => says('calendarState', 6500, {
    container, number: 0x4fd3c48b, expireType: 'endpoint', endpointId: deskId, at: clock('10:06:28.937'), start: '2031-03-04T10:00:00Z',
    more: `${activity('in-a-meeting', 6500, 8999)}<endpointLocation>\n</endpointLocation><meetingSubject>Kundentermin</meetingSubject><meetingLocation LCID="1031">Raum 12</meetingLocation>`,
  }))
  const result = run(withInstances(after, ...meeting), { at: clock('10:06:28.937'), touched: { state: [2, 3] } })
  t.same(summary(result.changes), [
    'put state 2/1 v3 user', 'put state 100/1 v3 user', 'put legacyInterop 100/1 v3 user', 'put state 200/1 v3 user', 'put legacyInterop 200/1 v3 user', 'put state 400/1 v3 user', 'put legacyInterop 400/1 v3 user',
    'put state 3/1 v15 user', 'put state 300/1 v15 user', 'put legacyInterop 300/1 v15 user',
  ], 'lockstep: 100, 200 and 400 say what they said, and are published again all the same')
  const about = '<meetingSubject>Kundentermin</meetingSubject><meetingLocation LCID="1031">Raum 12</meetingLocation>'
  t.equal(shown(result.after, 'state', 2), `${TYPE('aggregateState')}<availability>9000</availability>${placed('Werk 2')}${about}${extension(ZONE + DEVICE)}</state>`, 'the meeting does not hold for 9000, and an active class has no lastActive')
  t.equal(shown(result.after, 'state', 100), `${TYPE('aggregateState')}<availability>9000</availability></state>`)
  t.equal(shown(result.after, 'state', 200), `${TYPE('aggregateState')}<availability>9000</availability>${extension(DEVICE)}</state>`)
  t.equal(shown(result.after, 'state', 400), `${TYPE('aggregateState')}<availability>9000</availability>${placed('Werk 2')}${extension(ZONE + DEVICE)}</state>`)
  for (const container of [3, 300]) t.equal(shown(result.after, 'state', container), `${TYPE('aggregateState', ' lastActive="2031-03-04T10:06:03"')}<availability>8400</availability><activity token="urgent-interruptions-only"/>${placed('Werk 2')}${about}${extension(ZONE + DEVICE)}</state>`, `${container}: busy and idle, since the machine is`)
  for (const container of [100, 200, 400]) t.equal(shown(result.after, 'legacyInterop', container), interop('availability="9000"'))
  t.equal(shown(result.after, 'legacyInterop', 300), interop('availability="8400" token="urgent-interruptions-only"'))
  const ofMachines = find(result.after, 'state', 2, 0x10000000)
  t.same([inside(ofMachines?.payload ?? ''), ofMachines?.instanceVersion, ofMachines?.publishTime], [`<state xsi:type="aggregateMachineState" endpointId="${deskId.toLowerCase()}"><availability>5000</availability></state>`, 2, clock('10:06:03.920')])
})

t.test('4.4.2 and 4.4.3: the last endpoint leaves, the first one comes', async (t) => {
  const desk = endpoint({ endpointId: deskId.toLowerCase(), instanceId: deskId })
  const text = '<text capture="true" render="true" publish="false">\n</text>'
  const signedIn = run([...atHome(clock('08:00:00')), deviceInstance(deskId, 7, clock('08:00:00'), ['sip:anna@nordwind.example', text])], { at: clock('08:00:00'), endpoints: [desk] })
  const before = publisherState({ instances: signedIn.after, endpoints: [desk] })
  const leaving = decideDeregistration([], before, [desk.endpointId], clock('23:40:49.543'))
  const left = signedIn.after.filter((one) => !leaving.changes.some((change) => change.kind === 'deleteInstance' && change.key === one))
  t.same(left.filter(({ category }) => category !== 'dndState'), [], '3.2.5.5.1: nothing of endpoint and user is left')
  const offline = run(left, { at: clock('23:40:49.543'), endpoints: [], touched: leaving.touch.categories })
  t.same(summary(offline.changes), [
    'put state 2/0 v1 static', 'put state 100/0 v1 static', 'put legacyInterop 100/0 v1 static', 'put state 200/0 v1 static', 'put legacyInterop 200/0 v1 static', 'put state 400/0 v1 static', 'put legacyInterop 400/0 v1 static',
    'put state 3/0 v1 static', 'put state 300/0 v1 static', 'put legacyInterop 300/0 v1 static',
  ])
  const gone = `${TYPE('aggregateState', ' lastActive="2031-03-04T23:40:49"')}<availability>18000</availability></state>`
  for (const container of [2, 3, 200, 300, 400]) t.equal(shown(offline.after, 'state', container), gone, `${container}`)
  t.equal(shown(offline.after, 'state', 100), gone.replace(' lastActive="2031-03-04T23:40:49"', ''))
  for (const container of [100, 200, 300, 400]) t.equal(shown(offline.after, 'legacyInterop', container), interop('availability="18000"'))
  t.same([...new Set(offline.after.filter(({ category }) => category !== 'dndState').map(({ publishTime }) => writePublishTime(publishTime)))], ['2031-03-04T23:40:49.543'])
  const device = deviceInstance(deskId, 412819398, clock('23:41:05.450'), ['sip:anna@nordwind.example', `${text}<gifInk capture="false" render="true" publish="false"/>`])
  const back = run(withInstances(offline.after, device, ...[2, 3].map((container) => machine(3500, { container, at: clock('23:41:05.450'), more: '<endpointLocation></endpointLocation>' }))), { at: clock('23:41:05.450'), endpoints: [desk], touched: { state: [2, 3], device: [2] } })
  t.same(summary(back.changes), [
    'put state 2/1 v1 user', 'put state 100/1 v1 user', 'put legacyInterop 100/1 v1 user', 'put state 200/1 v1 user', 'put legacyInterop 200/1 v1 user', 'put state 400/1 v1 user', 'put legacyInterop 400/1 v1 user',
    'delete state 2/0', 'delete state 100/0', 'delete legacyInterop 100/0', 'delete state 200/0', 'delete legacyInterop 200/0', 'delete state 400/0', 'delete legacyInterop 400/0',
    'put state 3/1 v1 user', 'put state 300/1 v1 user', 'put legacyInterop 300/1 v1 user', 'delete state 3/0', 'delete state 300/0', 'delete legacyInterop 300/0',
    'put state 2/268435456 v1 user', 'put services 2/0 v1 user', 'put services 100/0 v1 user', 'put services 200/0 v1 user', 'put services 300/0 v1 user', 'put services 400/0 v1 user',
  ])
  for (const container of [2, 3, 100, 200, 300, 400]) t.equal(shown(back.after, 'state', container), `${TYPE('aggregateState')}<availability>3500</availability></state>`, `${container}: no empty elements, no empty extension`)
  t.equal(shown(back.after, 'services', 2), `<services xmlns="${MS}/service"><service uri="sip:anna@nordwind.example"><capabilities><text render="true" capture="true" publish="false" preferredEndpointId="${deskId.toLowerCase()}" deviceAvailability="3500"/>` +
    `<gifInk render="true" capture="false" publish="false" preferredEndpointId="${deskId.toLowerCase()}" deviceAvailability="3500"/></capabilities></service></services>`)
})

t.test('4.5: the only endpoint goes away', async (t) => {
  const { after } = run(withInstances(run(atHome(clock('08:00:00'))).after, ...atHome(clock('19:58:38.467'), 15500)), { at: clock('19:58:38.467') })
  for (const container of [2, 3, 200, 300, 400]) t.equal(shown(after, 'state', container), `${TYPE('aggregateState', ' lastActive="2031-03-04T19:58:38"')}<availability>15500</availability></state>`, `${container}: nothing but the availability`)
  t.equal(shown(after, 'state', 100), `${TYPE('aggregateState')}<availability>15500</availability></state>`)
})

t.test('4.3.2.1: what two endpoints can do', async (t) => {
  const flags = (capture: boolean, render: boolean, publish: boolean): string => `capture="${capture}" render="${render}" publish="${publish}"`
  const common = `<text ${flags(true, true, false)}>\n</text><gifInk ${flags(false, true, false)}>\n</gifInk><isfInk ${flags(false, true, false)}>\n</isfInk>`
  const desk = deviceInstance(deskId, 2210988456, clock('22:14:36.780'), ['sip:anna@nordwind.example', common], ['tel:+49431555;ext=67', `<remoteCallControl ${flags(false, false, true)}/>`])
  const laptop = deviceInstance(laptopId, 1827441964, clock('22:20:22.313'), ['sip:anna@nordwind.example', common], ['anna@mail.nordwind.example', `<calendar ${flags(false, false, true)} version="655616"/>`])
  const machines = [machine(3500, { at: clock('22:14:36.233') }), machine(3500, { at: clock('22:20:22.313'), number: 0x36cec312, endpointId: laptopId })]
  const first = run([desk, ...machines.slice(0, 1)], { at: clock('22:14:36.780') })
  const { changes, after } = run(withInstances(first.after, laptop, ...machines), { at: clock('22:20:22.313'), touched: { device: [2] } })
  t.same(summary(changes), [2, 100, 200, 300, 400].map((container) => `put services ${container}/0 v2 user`))
  t.same(changes.map((change) => change.kind === 'putInstance' && change.instance.publishTime), Array(5).fill(clock('22:20:22.313')))
  const by = (id: string): string => `preferredEndpointId="${id.toLowerCase()}" deviceAvailability="3500"`
  t.equal(shown(after, 'services', 2), `<services xmlns="${MS}/service">` +
    `<service uri="sip:anna@nordwind.example"><capabilities><text render="true" capture="true" publish="false" ${by(laptopId)}/><gifInk render="true" capture="false" publish="false" ${by(laptopId)}/><isfInk render="true" capture="false" publish="false" ${by(laptopId)}/></capabilities></service>` +
    `<service uri="tel:+49431555;ext=67"><capabilities><remoteCallControl render="false" capture="false" publish="true" ${by(deskId)}/></capabilities></service>` +
    `<service uri="anna@mail.nordwind.example"><capabilities><calendar render="false" capture="false" publish="true" version="655616" ${by(laptopId)}/></capabilities></service></services>`)
  for (const container of [100, 200, 300, 400]) {
    t.equal(shown(after, 'services', container), `<services xmlns="${MS}/service"><service uri="sip:anna@nordwind.example"><capabilities><text render="true" capture="true" deviceAvailability="3500"/><gifInk render="true" capture="false" deviceAvailability="3500"/><isfInk render="true" capture="false" deviceAvailability="3500"/></capabilities></service></services>`, `${container}`)
  }
})

t.test('4.3.3: working hours', async (t) => {
  const change = (bias: number, month: number): string => `<Bias>${bias}</Bias><Time>03:00:00</Time><DayOrder>5</DayOrder><Month>${month}</Month><DayOfWeek>Sunday</DayOfWeek>`
  const hours = (start: number): string => `<WorkingHours xmlns:auto-ns1="${MS}/calendarData" xmlns="http://schemas.microsoft.com/exchange/services/2006/types">\n  <TimeZone><Bias>-60</Bias><StandardTime>${change(0, 10)}</StandardTime><DaylightTime>${change(-60, 3)}</DaylightTime></TimeZone>` +
    `<WorkingPeriodArray><WorkingPeriod><DayOfWeek>Monday Tuesday Wednesday Thursday</DayOfWeek><StartTimeInMinutes>${start}</StartTimeInMinutes><EndTimeInMinutes>1020</EndTimeInMinutes></WorkingPeriod></WorkingPeriodArray></WorkingHours>`
  const calendar = (content: string, over: Partial<ReturnType<typeof instance>> = {}): ReturnType<typeof instance> =>
    instance({ category: 'calendarData', container: 1, payload: `<calendarData xmlns="${MS}/calendarData" mailboxID="anna@nordwind.example">\n${content}\n</calendarData>`, ...over })
  const elsewhere = [100, 200, 300, 400, 32000].map((container) => calendar(hours(1), { container }))
  const freeBusy = calendar('<freeBusy startTime="2031-03-04T08:00:00Z" granularity="PT15M" encodingVersion="1"/>', { instance: 1982801780, expireType: 'endpoint', endpointId: deskId })
  const first = run([calendar(hours(480)), freeBusy, ...elsewhere], { at: clock('08:00:00'), touched: { calendarData: [1, 100, 200, 300, 400, 32000] } })
  t.same(summary(first.changes), ['put workingHours 1/0 v1 static'])
  const moved = run(withInstances(first.after, calendar(hours(540), { instanceVersion: 2 })), { at: clock('12:31:02.813'), touched: { calendarData: [1] } })
  t.same(summary(moved.changes), ['put workingHours 1/0 v2 static'])
  t.match(find(moved.after, 'workingHours', 1), { publishTime: clock('12:31:02.813'), payload: `<calendarData mailboxID="anna@nordwind.example" xmlns="${MS}/calendarData">${hours(540)}</calendarData>` })
  t.same(run(withInstances(moved.after, calendar(hours(540), { instanceVersion: 3 })), { touched: { calendarData: [1] } }).changes, [], '3.8.5.3: the same hours are not published again')
  t.same(summary(run(withInstances(moved.after, calendar('')), { touched: { calendarData: [1] } }).changes), ['delete workingHours 1/0'], 'the element is removed')
  t.same(summary(run(moved.after.filter(({ category, container, instance: number }) => category !== 'calendarData' || container !== 1 || number !== 0), { touched: { calendarData: [1] } }).changes), ['delete workingHours 1/0'], 'the instance is unpublished')
  t.same(run(moved.after.filter(({ container }) => container === 1), { touched: { calendarData: [100] } }).changes, [], 'the other containers do not matter')
})

t.test('3.8.5.4, 2.2.2.7.10: do not disturb', async (t) => {
  const on = `<state xsi:type="userState" manual="true" ${OWN}><availability>9500</availability></state>`
  const off = `<state xsi:type="userState" manual="true" ${OWN}></state>`
  const first = run([says('userState', 9001, { container: 2 }), says('userState', 6900, { container: 3 })], { touched: { state: [2, 3] } })
  const of = (instances: typeof first.after): readonly (readonly [number, string])[] => instances.filter(({ category }) => category === 'dndState').map(({ container, payload }) => [container, payload] as const)
  t.same(of(first.after), [[2, on], [0, on], [100, on], [200, on], [400, on], [3, off], [300, off]])
  const calm = run(withInstances(first.after, says('userState', 3500, { container: 2 })), { touched: { state: [2] } })
  t.same(summary(calm.changes).filter((line) => line.includes('dnd')), [2, 0, 100, 200, 400].map((container) => `put dndState ${container}/0 v2 static`))
  t.same(of(calm.after).map(([, payload]) => payload), Array(7).fill(off))
  const presenting = run(withInstances(calm.after, says('presentingState', 9000, { container: 3, number: 5 })), { touched: { state: [3] } })
  t.same(of(presenting.after), [[2, off], [0, off], [100, off], [200, off], [400, off], [3, on], [300, on]])
})
