import t from 'tap'
import { aggregate } from '../../src/core/aggregation/aggregate.ts'
import { defaultPlan, planCategories, type AggregationPlan } from '../../src/core/aggregation/plan.ts'
import { availabilityClasses, classOfAvailability, isInactive } from '../../src/core/categories/availability.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import { activity, clock, DELIMITER, deskId, DEVICE, END, find, inBoth, inside, laptopId, machine, MS, OWN, run, says, shown, state, summary, withInstances, XSI, ZONE } from './aggregation-kit.ts'
import { anna, endpoint, instance, now } from './support.ts'

type States = readonly CategoryInstance[]

const user = (availability: number | undefined, said: Parameters<typeof says>[2] = {}): CategoryInstance => says('userState', availability, said)
const call = (availability: number | undefined, said: Parameters<typeof says>[2] = {}): CategoryInstance => says('phoneState', availability, { number: 0x80000000, ...said })
const calendar = (availability: number | undefined, said: Parameters<typeof says>[2] = {}): CategoryInstance => says('calendarState', availability, { number: 0x40000000, ...said })
const laptop = (availability: number | undefined, said: Parameters<typeof machine>[1] = {}): CategoryInstance => machine(availability, { number: 0x30000002, endpointId: laptopId, ...said })
const ago = (seconds: number): number => now - seconds * 1000

/** The aggregateState of container 2, which shows everything, without what all have in common. */
const whole = (states: States, options: Parameters<typeof run>[1] = {}): string => inside(shown(run(states, options).after, 'state', 2)).replace('<state xsi:type="aggregateState"', '').replace(/<\/state>$/, '')
const availabilityOf = (states: States): string => /<availability>(\d+)</.exec(whole(states))?.[1] ?? 'none'

t.test('2.2.2.7.1: classes of availability', async (t) => {
  const rows = [[0, 'unknown', false], [2999, 'unknown', false], [3000, 'online', false], [4499, 'online', false], [4500, 'idle', true], [5999, 'idle', true], [6000, 'busy', false], [7499, 'busy', false], [7500, 'busyIdle', true], [8999, 'busyIdle', true],
    [9000, 'doNotDisturb', false], [11999, 'doNotDisturb', false], [12000, 'away', true], [15500, 'away', true], [17999, 'away', true], [18000, 'offline', true], [4294967295, 'offline', true]] as const
  for (const [availability, name, inactive] of rows) t.same([classOfAvailability(availability), isInactive(availability)], [name, inactive], `${availability}`)
  t.equal(availabilityClasses.length, 8)
})

t.test('3.8.5.1.2.1: the most active machineState', async (t) => {
  const rows: readonly (readonly [name: string, states: States, expected: string | undefined])[] = [
    ['one', [machine(3500)], `${deskId} 3500`], ['none', [user(3500)], undefined], ['the lowest availability', [machine(5000), laptop(3500)], `${laptopId} 3500`], ['also of the inactive', [machine(15500), laptop(5000)], `${laptopId} 5000`], ['unknown is lower still', [machine(3500), laptop(1000)], `${laptopId} 1000`],
    ['of two alike the one published last', [machine(3500, { at: ago(9) }), laptop(3500, { at: ago(8) })], `${laptopId} 3500`], ['whatever startTime says', [machine(3500, { at: ago(9), start: '2031-03-04T09:29:00Z' }), laptop(3500, { at: ago(8), start: '2031-03-04T09:00:00Z' })], `${laptopId} 3500`],
    ['of two at once the one of the lower number', [laptop(3500), machine(3500)], `${deskId} 3500`], ...(['static', 'user', 'time'] as const).map((expireType) => [`ignored when ${expireType}`, [machine(3500, { expireType }), laptop(5000)], `${laptopId} 5000`] as const),
    ['ignored without an availability', [machine(undefined), laptop(5000)], `${laptopId} 5000`], ['other kinds do not count', [machine(5000), says('aggregateMachineState', 3000, { number: 9, expireType: 'endpoint', endpointId: laptopId }), call(3100, { expireType: 'endpoint', endpointId: laptopId })], `${deskId} 5000`],
  ]
  for (const [name, states, expected] of rows) {
    const found = find(run(states).after, 'state', 2, 0x10000000)
    const [, id, availability] = /^<state xsi:type="aggregateMachineState" endpointId="([^"]*)"><availability>(\d+)<\/availability><\/state>$/.exec(inside(found?.payload ?? '')) ?? []
    t.equal(found === undefined ? undefined : `${id} ${availability}`, expected?.toLowerCase(), name)
  }
  const rich = machine(5000, { manual: true, start: '2031-03-04T09:00:00Z', more: `${activity('', 1, 2)}${activity('idle', 4500, 5999)}${activity('', undefined, 'unbounded', '<custom LCID="1031">Pause</custom><custom/>')}<endpointLocation>Werk</endpointLocation>${DELIMITER}${ZONE}${DEVICE}${END}` })
  t.equal(inside(find(run([rich]).after, 'state', 2, 0x10000000)?.payload ?? ''), `<state xsi:type="aggregateMachineState" endpointId="${deskId.toLowerCase()}"><availability>5000</availability>${activity('idle', 4500, 5999)}${activity('', undefined, 'unbounded', '<custom LCID="1031">Pause</custom><custom/>')}</state>`, '3.8.5.1.2.7: availability, activity and endpointId, copied')
})

t.test('3.8.5.1.2.2: the aggregated availability', async (t) => {
  const rows: readonly (readonly [name: string, states: States, expected: number])[] = [
    ['the machine alone', [machine(3500)], 3500], ['the greater of two', [machine(3500), user(6500)], 6500], ['the greatest of all', [machine(3500), user(6500), calendar(9000), call(7000)], 9000], ['the machine may be the greatest', [machine(15500), user(3500)], 15500], ['only the most active machine counts', [machine(3500), laptop(15500)], 3500],
    ['no machine: 18000, against the 18500 of 3.8.5.1.2.1', [], 18000], ['no machine, though the user says otherwise', [user(3500, { manual: true })], 18000], ['a machine that is not bounded by an endpoint', [machine(3500, { expireType: 'static' })], 18000], ['beyond offline', [user(18500)], 18500],
    ['computed kinds are no input', [machine(3500), says('aggregateState', 9500, { number: 77 }), says('aggregateMachineState', 9500, { number: 78 })], 3500], ['what stands under the numbers of the server is no input', [machine(3500), user(9500, { number: 0 }), user(9600, { number: 1 }), user(9700, { number: 0x10000000 })], 3500],
    ['idle and busy: 1500 more', [machine(5000), user(6500)], 8000], ['4500 is idle', [machine(4500), user(6000)], 7500], ['5999 is idle', [machine(5999), user(7499)], 8999], ['4499 is not', [machine(4499), user(6500)], 6500], ['6000 is not', [machine(6000), user(6500)], 6500], ['7500 is not busy', [machine(5000), user(7500)], 7500], ['nor is 9000', [machine(5000), user(9000)], 9000], ['idle alone', [machine(5000), user(5500)], 5500],
    ['4.3.1: the idle machine must be the most active', [machine(5000), laptop(3500), user(6500)], 6500], ['no availability: takes no part', [machine(3500), calendar(undefined, { more: activity('out-of-office') })], 3500],
    ['manual removes what is older', [machine(3500), user(3500, { manual: true, at: ago(10) }), calendar(6500, { at: ago(11) })], 3500], ['but nothing newer', [machine(3500), user(3500, { manual: true, at: ago(10) }), calendar(6500, { at: ago(9) })], 6500], ['nor of the same age', [machine(3500), user(3500, { manual: true, at: ago(10) }), calendar(6500, { at: ago(10) })], 6500],
    ['nor the machine', [machine(5000, { at: ago(99) }), user(3500, { manual: true, at: ago(10) })], 5000], ['the age is startTime', [machine(3500), user(3500, { manual: true, at: ago(10) }), calendar(6500, { at: ago(11), start: '2031-03-04T09:30:10Z' })], 6500], ['startTime of the manual one, too', [machine(3500), user(3500, { manual: true, at: ago(10), start: '2031-03-04T08:00:00Z' }), calendar(6500, { at: ago(11) })], 6500],
    ['the newest of several manual ones', [machine(3500), user(9500, { manual: true, at: ago(20), number: 1000 }), user(6500, { manual: true, at: ago(10), number: 1001 }), calendar(9000, { at: ago(15) })], 6500], ['manual="1"', [machine(3500), { ...user(3500, { at: ago(10) }), payload: state('userState', '<availability>3500</availability>').replace('manual="false"', 'manual="1"') }, calendar(6500, { at: ago(11) })], 3500],
    ['manual without an availability', [machine(3500), user(undefined, { manual: true, at: ago(10) }), calendar(6500, { at: ago(11) })], 3500], ['a manual machineState is not one', [machine(3500, { manual: true, at: ago(10) }), calendar(6500, { at: ago(11) })], 6500],
    ['a startTime in another zone', [machine(3500), user(3500, { manual: true, start: '2031-03-04T10:30:00+01:00' }), calendar(6500, { start: '2031-03-04T09:29:59Z' })], 3500], ['a startTime that nobody can write counts as none', [machine(3500), user(3500, { manual: true, at: ago(10), start: '0001-01-01T00:00:00+14:00' }), calendar(6500, { at: ago(11) })], 3500],
    ['of two attributes the one without a prefix', [machine(3500), { ...user(9000), payload: state('userState', '<availability>3500</availability>', ' manual="true" startTime="2031-03-04T09:30:00Z"').replace('manual="false"', 'xmlns:q="urn:q" q:manual="false"') }, calendar(6500, { at: ago(20) })], 3500],
    ['numbers as the schema allows them', [machine(3500), { ...user(0), payload: state('userState', '<availability>\n +0006500 </availability>') }], 6500],
  ]
  for (const [name, states, expected] of rows) t.equal(availabilityOf(states), String(expected), name)
})

t.test('3.8.5.1.2.3: the aggregated activity', async (t) => {
  const rows: readonly (readonly [name: string, states: States, expected: string])[] = [
    ['a token, without its bounds', [user(6500, { more: activity('on-the-phone', 6500, 8999) })], '<activity token="on-the-phone"/>'], ['none', [user(6500)], ''], ['nothing that says anything', [user(6500, { more: `${activity('', 0)}${activity(' ')}${activity('', 0, 9999, '<custom> </custom>')}` })], ''],
    ['a custom text', [user(6500, { more: activity('', 6500, 8999, '<custom LCID="1031">Klavier</custom>') })], '<activity><custom LCID="1031">Klavier</custom></activity>'], ['all languages, no empty ones', [user(6500, { more: activity('', 1, 9999, '<custom LCID="1031">Klavier</custom><custom LCID="7"/><custom LCID="1033" updated="2031-03-04T09:00:00Z">Piano</custom>') })], '<activity><custom LCID="1031">Klavier</custom><custom LCID="1033" updated="2031-03-04T09:00:00Z">Piano</custom></activity>'],
    ['a token before custom texts', [user(6500, { more: activity('busy', 1, 9999, '<custom>x</custom>') })], '<activity token="busy"/>'], ['characters that need care', [user(6500, { more: activity('a&amp;b&quot;&lt;') })], '<activity token="a&amp;b&quot;&lt;"/>'], ['letters as they are', [user(6500, { more: activity('On-The-Phone') })], '<activity token="On-The-Phone"/>'],
    ['below minAvailability', [user(6500, { more: activity('a', 6501) })], ''], ['at minAvailability', [user(6500, { more: activity('a', 6500) })], '<activity token="a"/>'], ['at maxAvailability', [user(6500, { more: activity('a', 0, 6500) })], '<activity token="a"/>'], ['above maxAvailability', [user(6500, { more: activity('a', 0, 6499) })], ''],
    ['unbounded', [user(6500, { more: activity('a', 6500, 'unbounded') })], '<activity token="a"/>'], ['unbounded from below is never reached', [user(6500, { more: activity('a', 'unbounded') })], ''], ['against the final availability', [machine(5000), user(6500, { more: activity('idle-too', 8000, 8000) })], '<activity token="idle-too"/>'], ['of which the instance need not have any', [user(6500), calendar(undefined, { more: activity('out-of-office') })], '<activity token="out-of-office"/>'],
    ['the highest minAvailability', [user(6500, { more: activity('a', 100) }), calendar(3500, { more: activity('b', 101) })], '<activity token="b"/>'], ['a missing one is 0', [user(6500, { more: activity('a') }), calendar(3500, { at: ago(999), more: activity('b', 1) })], '<activity token="b"/>'], ['of equal ones the newest', [user(6500, { at: ago(9), more: activity('a', 5) }), calendar(3500, { at: ago(8), more: activity('b', 5) })], '<activity token="b"/>'],
    ['the newest by startTime', [user(6500, { at: ago(9), more: activity('a', 5), start: '2031-03-04T09:30:14Z' }), calendar(3500, { at: ago(8), more: activity('b', 5) })], '<activity token="a"/>'], ['of two at once the one of the lower number', [user(6500, { number: 9, more: activity('a', 5) }), calendar(3500, { number: 8, more: activity('b', 5) })], '<activity token="b"/>'], ['the first of one instance', [user(6500, { more: activity('a', 5) + activity('b', 5) })], '<activity token="a"/>'], ['several of one instance', [user(6500, { more: activity('a', 5) + activity('b', 6) })], '<activity token="b"/>'],
    ['removed by a manual state', [user(6500, { manual: true, at: ago(9) }), calendar(6500, { at: ago(10), more: activity('a') })], ''], ['of the machine', [machine(3500, { more: activity('online', 3000, 7000) }), user(6500)], '<activity token="online"/>'], ['not of other machines', [machine(3500), laptop(5000, { more: activity('idle') })], ''], ['4.3.1: none left', [user(9000), calendar(6500, { more: activity('in-a-meeting', 6500, 8999) })], ''],
    ['4.3.1: of two that hold', [machine(5000), user(6900, { more: activity('urgent-interruptions-only', 6900, 8999) }), calendar(6500, { more: activity('in-a-meeting', 6500, 8999) })], '<activity token="urgent-interruptions-only"/>'], ['offline: one that holds for any', [{ ...machine(3500), category: 'other' }, calendar(undefined, { more: activity('out-of-office', 12000) })], '<activity token="out-of-office"/>'],
  ]
  const found = (states: States): string => /<activity.*<\/activity>|<activity[^>]*\/>/.exec(whole(states))?.[0] ?? ''
  for (const [name, states, expected] of rows) t.equal(found(states.some(({ payload }) => payload.includes('machineState')) ? states : [machine(3500), ...states]), expected, name)
})

t.test('3.8.5.1.2.4: lastActive', async (t) => {
  const desk = { at: clock('09:00:00.999') }
  const rows: readonly (readonly [name: string, states: States, expected: string | undefined])[] = [
    ['online', [machine(3500, desk)], undefined], ['idle', [machine(5000, desk)], '09:00:00'], ['away', [machine(15500, desk)], '09:00:00'], ['busy', [machine(3500, desk), user(6500)], undefined], ['busy and idle', [machine(5000, desk), user(6500)], '09:00:00'], ['do not disturb, though the machine is idle', [machine(5000, desk), user(9500)], undefined], ['unknown', [machine(100, desk)], undefined],
    ['away by hand at an active machine: since then', [machine(3500, desk), user(15500, { at: clock('09:10:00.5') })], '09:10:00'], ['by startTime', [machine(3500, desk), calendar(15500, { start: '2031-03-04T11:20:00+02:00' })], '09:20:00'], ['be right back', [machine(3500, desk), user(12000, { at: clock('09:10:00') })], '09:10:00'], ['of two states the one that wins', [machine(3500, desk), user(12500, { at: clock('09:10:00') }), calendar(15500, { at: clock('09:11:00') })], '09:11:00'],
    ['of two alike the newest', [machine(3500, desk), user(15500, { at: clock('09:12:00') }), calendar(15500, { at: clock('09:11:00') })], '09:12:00'], ['away by hand at an idle machine: since the machine is', [machine(5000, desk), user(15500, { at: clock('09:10:00') })], '09:00:00'], ['a state that says idle', [machine(3500, desk), user(4500, { at: clock('09:10:00') })], '09:10:00'], ['or busy and idle', [machine(3500, desk), user(7500, { at: clock('09:10:00') })], '09:10:00'],
    ['the most active machine counts', [machine(15500, desk), laptop(5000, { at: clock('09:05:00') })], '09:05:00'], ['no machine: now', [user(3500)], '09:30:15'], ['offline', [machine(18000, desk)], '09:00:00'], ['startTime of a machine does not matter', [machine(5000, { ...desk, start: '2031-03-04T08:00:00Z' })], '09:00:00'],
  ]
  for (const [name, states, expected] of rows) t.equal(/ lastActive="([^"]*)"/.exec(whole(states))?.[1], expected === undefined ? undefined : `2031-03-04T${expected}`, name)
  const offline = run([user(3500)])
  const later = run(withInstances(offline.after, user(6500)), { at: now + 60_000 })
  t.match(find(later.after, 'state', 2), { instanceVersion: 1, publishTime: now }, 'still offline, and nothing to tell')
  const told = run(withInstances(offline.after, says('calendarState', undefined, { number: 7, more: activity('out-of-office', 12000) })), { at: now + 60_000 })
  t.match(find(told.after, 'state', 2), { instanceVersion: 2, publishTime: now + 60_000, payload: /lastActive="2031-03-04T09:30:15".*out-of-office/ }, 'since the last endpoint left, whatever is published since')
  const idle = run([machine(5000, desk)])
  const unpublished = run(idle.after.filter(({ instance: number }) => number !== 0x30000001), { at: now + 60_000 })
  t.match(find(unpublished.after, 'state', 2), { instance: 0, instanceVersion: 1, payload: /lastActive="2031-03-04T09:31:15"/ }, 'from idle to no endpoint: since then')
  t.match(find(run(withInstances(offline.after, machine(5000, { at: now + 9000 }))).after, 'state', 2), { instance: 1, payload: /lastActive="2031-03-04T09:30:24"/ }, 'from no endpoint to idle: since the machine says so')
})

t.test('3.8.5.1.2.4: the plan says where lastActive is shown, and whether it is kept', async (t) => {
  const without200: AggregationPlan = defaultPlan.map((row) => ({ ...row, outputs: row.outputs.map((output) => (output.container === 200 ? { ...output, shows: output.shows.filter((part) => part !== 'lastActive') } : output)) }))
  const shows = (plan: AggregationPlan): readonly number[] => run(inBoth(machine(5000)), { plan }).after.filter(({ category, payload }) => category === 'state' && payload.includes(' lastActive=')).map(({ container }) => container)
  t.same(shows(defaultPlan), [2, 200, 400, 3, 300], 'the table of 3.8.5.1.2.7')
  t.same(shows(without200), [2, 400, 3, 300], '4.4.2')
  const keeping: AggregationPlan = defaultPlan.map((row) => (row.computes === 'aggregateState' ? { ...row, keepsLastActive: true } : row))
  const since = (plan: AggregationPlan, ...availabilities: readonly number[]): string | undefined => {
    let after: States = []
    for (const [minute, availability] of availabilities.entries()) after = run(withInstances(after, machine(availability, { at: clock(`09:0${minute}:00`) })), { plan }).after
    return / lastActive="([^"]*)"/.exec(shown(after, 'state', 2))?.[1]
  }
  t.same([since(defaultPlan, 5000, 15500), since(keeping, 5000, 15500), since(keeping, 5000, 3500, 15500), since(keeping, 5000, 3500)], ['2031-03-04T09:01:00', '2031-03-04T09:00:00', '2031-03-04T09:02:00', undefined])
})

t.test('3.8.5.1.2.5: the meeting', async (t) => {
  const subject = '<meetingSubject LCID="1031" updated="2031-03-04T08:00:00Z">Planung &amp; mehr</meetingSubject>'
  const location = '<meetingLocation>Raum 12</meetingLocation>'
  const second = (more: string): CategoryInstance => calendar(6500, { number: 0x40000001, more })
  const rows: readonly (readonly [name: string, states: States, expected: string])[] = [
    ['both', [calendar(6500, { more: subject + location })], subject + location], ['subject', [calendar(6500, { more: subject })], subject], ['location', [calendar(6500, { more: location })], location], ['none', [calendar(6500)], ''], ['empty ones are left out', [calendar(6500, { more: `<meetingSubject/>${location}` })], location],
    ['two meetings: nothing', [calendar(6500, { more: subject }), second(subject)], ''], ['subject here, location there: nothing', [calendar(6500, { more: subject }), second(location)], ''], ['an empty element is one, too', [calendar(6500, { more: subject }), second('<meetingSubject/>')], ''], ['the other says nothing of it', [calendar(6500, { more: subject }), second('')], subject],
    ['the other is no meeting', [calendar(6500, { more: subject }), says('aggregateState', 6500, { number: 9, more: subject })], subject], ['removed by a manual state all the same', [user(3500, { manual: true, at: ago(1) }), calendar(6500, { more: subject })], subject], ['also when away', [user(15500), calendar(6500, { more: subject })], subject],
  ]
  for (const [name, states, expected] of rows) t.equal(whole([machine(3500), ...states]).replace(/^.*<\/availability>/, ''), expected, name)
})

t.test('3.8.5.1.2.6: location, time zone and device', async (t) => {
  const at = (where: string, extension = ''): string => `<endpointLocation>${where}</endpointLocation>${extension === '' ? '' : DELIMITER + extension + END}`
  const about = (where: string): string => at(where, `${ZONE}${DELIMITER}<treatLocationAsProximate>true</treatLocationAsProximate>`)
  const rows: readonly (readonly [name: string, states: States, expected: string])[] = [
    ['everything', [machine(3500, { more: at('Werk', ZONE + DEVICE) })], at('Werk', ZONE + DEVICE)], ['a location', [machine(3500, { more: at(' Werk\n2 ') })], at(' Werk\n2 ')], ['an empty one', [machine(3500, { more: at('\n', DEVICE) })], DELIMITER + DEVICE + END], ['an empty extension', [machine(3500, { more: at('Werk', '<device/><timeZoneName> </timeZoneName>') })], at('Werk')],
    ['some of it', [machine(3500, { more: at('', '<timeZoneAbbreviation>MEZ</timeZoneAbbreviation>') })], `${DELIMITER}<timeZoneAbbreviation>MEZ</timeZoneAbbreviation>${END}`], ['in the order of 7.2', [machine(3500, { more: `${DELIMITER}${DEVICE}<timeZoneName>Z</timeZoneName><timeZoneBias>0</timeZoneBias>${END}<endpointLocation>W</endpointLocation>` })], at('W', `<timeZoneBias>0</timeZoneBias><timeZoneName>Z</timeZoneName>${DEVICE}`)],
    ['of the most active machine', [machine(5000, { more: at('Werk', ZONE) }), laptop(3500, { more: at('Bahn') })], at('Bahn')], ['not of the user', [machine(3500), user(3500, { more: at('Werk') })], ''], ['at 11999', [machine(3500, { more: at('Werk', DEVICE) }), user(11999)], at('Werk', DEVICE)], ['from 12000 on nothing', [machine(3500, { more: at('Werk', ZONE + DEVICE) }), user(12000)], ''], ['the final availability decides', [machine(15500, { more: at('Werk') })], ''],
    ['2.2.2.7.1: an approximate location', [machine(3500, { more: about('Kiel') })], at('Kiel', ZONE)], ['gives way to that of another endpoint', [machine(3500, { more: about('Kiel') }), laptop(5000, { more: at('Werk', DEVICE) })], at('Werk', ZONE)], ['even to none', [machine(3500, { more: about('Kiel') }), laptop(5000)], DELIMITER + ZONE + END], ['unless the user is away there', [machine(3500, { more: about('Kiel') }), laptop(12000, { more: at('Werk') })], at('Kiel', ZONE)],
    ['or it is approximate as well', [machine(3500, { more: about('Kiel') }), laptop(5000, { more: about('Bonn') })], at('Kiel', ZONE)], ['the exact one first', [machine(3500, { more: at('Werk') }), laptop(5000, { more: about('Bonn') })], at('Werk')], ['"false" is not approximate', [machine(3500, { more: about('Kiel').replace('true', 'false') }), laptop(5000, { more: at('Werk') })], at('Kiel', ZONE)],
  ]
  for (const [name, states, expected] of rows) t.equal(whole(states).replace(/^.*?<\/availability>/, ''), expected, name)
})

t.test('3.8.5.1.2.7: what each output shows', async (t) => {
  const states = inBoth(machine(5000, { more: `<endpointLocation>Werk</endpointLocation>${DELIMITER}${ZONE}${DEVICE}${END}` }), user(6500, { more: activity('on-the-phone', 6500, 8999) }), calendar(6500, { more: '<meetingSubject>A</meetingSubject><meetingLocation>B</meetingLocation>' }))
  const { after } = run(states)
  const names = (container: number): string => [...shown(after, 'state', container).matchAll(/ (lastActive)=|<([a-z]\w+)/gi)].map(([, first, second]) => first ?? second).filter((name) => name !== 'state').join(' ')
  const zone = 'delimiter timeZoneBias timeZoneName timeZoneAbbreviation device end'
  const rows: readonly (readonly [container: number, expected: string, interop: string])[] = [
    [2, `lastActive availability activity endpointLocation meetingSubject meetingLocation ${zone}`, ''], [3, `lastActive availability activity endpointLocation meetingSubject meetingLocation ${zone}`, ''], [100, 'availability', 'availability="8000"'],
    [200, 'lastActive availability activity delimiter device end', 'availability="8000" token="on-the-phone"'], [300, `lastActive availability activity endpointLocation meetingSubject meetingLocation ${zone}`, 'availability="8000" token="on-the-phone"'], [400, `lastActive availability activity endpointLocation ${zone}`, 'availability="8000" token="on-the-phone"'],
  ]
  for (const [container, expected, interop] of rows) {
    t.equal(names(container), expected, `state in ${container}`)
    t.equal(shown(after, 'legacyInterop', container), interop === '' ? '' : `<legacyInterop xmlns="${MS}/categories" ${interop}/>`, `legacyInterop in ${container}`)
  }
  const of = (container: number): readonly number[] => after.filter((one) => one.container === container && one.category === 'state' && one.instance < 0x20000000).map(({ instance: number }) => number)
  t.same([2, 3, 100, 200, 300, 400, 0, 1, 32000].map(of), [[1, 0x10000000], [1], [1], [1], [1], [1], [], [], []], 'and nothing else')
  t.ok(after.filter(({ category, instance: number }) => number <= 1 && /state|legacyInterop/.test(category)).every(({ expireType, expiresAt, endpointId }) => expireType === 'user' && expiresAt === undefined && endpointId === undefined))
})

t.test('what is copied stays as the client wrote it, and means the same', async (t) => {
  const of = (payload: string): string => whole([{ ...machine(3500), payload }]).replace(/^.*?<\/availability>/, '')
  const rows: readonly (readonly [name: string, payload: string, expected: string])[] = [
    ['a prefix', `<s:state xmlns:s="${MS}/state" xmlns:i="${XSI}" i:type="s:machineState"><s:availability>3500</s:availability><s:endpointLocation>Werk</s:endpointLocation></s:state>`, `<s:endpointLocation xmlns="" xmlns:s="${MS}/state">Werk</s:endpointLocation>`],
    ['no namespace at all', '<state xmlns="" type="machineState"><availability>3500</availability><endpointLocation>Werk</endpointLocation></state>', '<endpointLocation>Werk</endpointLocation>'], ['another one of the client', '<state xmlns="urn:x" type="machineState"><availability>3500</availability><endpointLocation>Werk</endpointLocation></state>', '<endpointLocation xmlns="urn:x">Werk</endpointLocation>'],
    ['declared again', `<state xmlns="${MS}/state" type="machineState"><availability>3500</availability><endpointLocation xmlns="${MS}/state">Werk</endpointLocation></state>`, `<endpointLocation xmlns="${MS}/state">Werk</endpointLocation>`], ['attributes with prefixes of the root', `<state xmlns="${MS}/state" xmlns:q="urn:q" type="machineState"><availability>3500</availability><endpointLocation q:a="1">Werk</endpointLocation></state>`, '<endpointLocation xmlns:q="urn:q" q:a="1">Werk</endpointLocation>'],
    ['CDATA, comments, references', `<state xmlns="${MS}/state" type="machineState"><availability>3500</availability><endpointLocation>&#87;e<!-- r --><![CDATA[rk & <Hof>]]>&amp;</endpointLocation></state>`, '<endpointLocation>&#87;e<!-- r --><![CDATA[rk & <Hof>]]>&amp;</endpointLocation>'],
  ]
  for (const [name, payload, expected] of rows) t.equal(of(payload), expected, name)
  const custom = run([machine(3500), { ...user(6500), payload: `<s:state xmlns:s="${MS}/state" xmlns:i="${XSI}" i:type="s:userState"><s:availability>6500</s:availability><s:activity><s:custom LCID="7">Ruhe</s:custom></s:activity></s:state>` }])
  t.match(shown(custom.after, 'state', 200), `<activity><s:custom xmlns="" xmlns:s="${MS}/state" LCID="7">Ruhe</s:custom></activity>`)
})

t.test('a payload that is not what section 7 says takes no part, and does no harm', async (t) => {
  const bad = ['', 'x', '<state', '<state/>', '<other/>', state('moodState', '<availability>9500</availability>'), state('userState', '<availability>high</availability>'), state('userState', '<availability>9500</availability><availability>9000</availability>'), state('userState', '<availability>9500</availability><device>web</device>'),
    `<state xmlns="${MS}/state" type="userState"><availability>9500</availability>`, `<state xmlns="${MS}/state" xmlns:i="${XSI}" i:type="userState"><x:availability>9500</x:availability></state>`, `<!DOCTYPE state><state type="userState"><availability>9500</availability></state>`, `<state type="userState"><availability>9500</availability></state><x/>`, state('userState', `<availability>9500</availability>${activity('a', 'low')}`), '<device/>', `<state type="userState" type="x"><availability>9500</availability></state>`, '<state type="userState">\ud800</state>', `<calendarData/>`, '<'.repeat(1000), '<a>'.repeat(1000)]
  for (const payload of bad) {
    const broken = ['state', 'device', 'calendarData'].flatMap((category) => [0, 1, 2, 3].map((container) => instance({ category, container, instance: category === 'calendarData' ? 0 : 0x20000000, expireType: 'endpoint', endpointId: deskId, payload })))
    const result = run([...broken, ...inBoth(machine(3500))])
    t.same(result.after.filter(({ category, container, instance: number }) => category === 'state' && container === 100 && number === 1).map((one) => inside(one.payload)), ['<state xsi:type="aggregateState"><availability>3500</availability></state>'], payload.slice(0, 80))
    t.same([find(result.after, 'services', 2), find(result.after, 'workingHours', 1), shown(result.after, 'dndState', 2).includes('9500')], [undefined, undefined, false])
  }
})

t.test('3.8.5.4: what is do not disturb', async (t) => {
  const rows: readonly (readonly [name: string, states: States, expected: boolean])[] = [
    ['9000', [user(9000)], true], ['11999', [user(11999)], true], ['8999', [user(8999)], false], ['12000', [user(12000)], false], ['a presentation', [says('presentingState', 9000)], true], ['one of several', [user(3500), says('presentingState', 9500, { number: 5 })], true], ['no availability', [user(undefined)], false], ['nothing', [], false],
    ['not the calendar', [calendar(9500)], false], ['not the phone', [call(9500)], false], ['not the machine', [machine(9500)], false], ['not what was computed', [says('aggregateState', 9500, { number: 5 })], false], ['removed by a newer manual state all the same', [user(9500, { at: ago(9) }), user(3500, { manual: true, at: ago(1), number: 5 })], true],
  ]
  for (const [name, states, expected] of rows) t.equal(shown(run(states).after, 'dndState', 2).includes('<availability>9500</availability>'), expected, name)
})

t.test('1.3.1.6.4, 3.8.5.1.1, 4.3.1: versions and times', async (t) => {
  const first = run(inBoth(machine(3500)), { at: now })
  t.same(run(first.after, { at: now + 5 }).changes, [], 'nothing is published again')
  const skewed = run(withInstances(first.after, user(6500)), { at: now - 10_000 })
  t.same([...new Set(skewed.changes.map((change) => change.kind === 'putInstance' && change.instance.publishTime))], [now + 1], 'newer than what it replaces, for all outputs of a row')
  const ahead = run(withInstances(first.after, user(6500, { at: now + 7000 })), { at: now + 10 })
  t.equal(find(ahead.after, 'state', 100)?.publishTime, now + 7000, 'never older than what it was computed from')
  const uneven = first.after.map((one) => (one.category === 'legacyInterop' && one.container === 400 ? { ...one, instanceVersion: 40 } : one))
  t.same(run(uneven).changes, [], 'versions alone are no reason to publish')
  t.same([...new Set(summary(run(withInstances(uneven, user(6500)), { at: now + 10, touched: { state: [2] } }).changes).filter((line) => line.includes('/1 ')).map((line) => line.split(' ')[3]))], ['v41'], 'beyond the highest of the row')
  const missing = run(first.after.filter(({ category, container }) => category !== 'legacyInterop' || container !== 200), { at: now + 10 })
  t.same(summary(missing.changes), ['state 2/1', 'state 100/1', 'legacyInterop 100/1', 'state 200/1', 'legacyInterop 200/1', 'state 400/1', 'legacyInterop 400/1'].map((key) => `put ${key} v2 user`), 'one is missing: all of the row are published')
  const both = run(withInstances(first.after, { ...find(first.after, 'state', 100) ?? instance(), instance: 0 }))
  t.same(summary(both.changes), ['delete state 100/0'], 'never both')
  for (const over of [{ expireType: 'static' as const }, { expiresAt: now + 1 }, { endpointId: 'x' }, { payload: '' }]) {
    const changed = first.after.map((one) => (one.category === 'state' && one.container === 3 && one.instance === 1 ? { ...one, ...over } : one))
    t.same(summary(run(changed, { at: now + 10 }).changes), ['put state 3/1 v2 user', 'put state 300/1 v2 user', 'put legacyInterop 300/1 v2 user'], Object.keys(over).join())
  }
})

t.test('3.8.5.1.1, 3.2.5.6: what triggers which row', async (t) => {
  const everything = [...inBoth(machine(3500)), instance({ category: 'device', container: 2, expireType: 'endpoint', endpointId: deskId, payload: `<device xmlns="${MS}/device" endpointId="${deskId}"><capabilities uri="sip:a"><text render="true"/></capabilities><machineName/></device>` })]
  const rows = (touched: Parameters<typeof run>[1]): readonly string[] => [...new Set(run(everything, touched).changes.map((change) => (change.kind === 'putInstance' ? `${change.instance.category} ${change.instance.container}` : '')))]
  const two = ['state 2', 'state 100', 'legacyInterop 100', 'state 200', 'legacyInterop 200', 'state 400', 'legacyInterop 400']
  const three = ['state 3', 'state 300', 'legacyInterop 300']
  const dnd = (...containers: readonly number[]): readonly string[] => containers.map((container) => `dndState ${container}`)
  const services = [2, 100, 200, 300, 400].map((container) => `services ${container}`)
  t.same(rows({ touched: 'all' }), [...two, ...three, ...services, ...dnd(2, 0, 100, 200, 400, 3, 300)])
  t.same(rows({ touched: { state: [2] } }), [...two, ...services, ...dnd(2, 0, 100, 200, 400)])
  t.same(rows({ touched: { state: [3] } }), [...three, ...dnd(3, 300)])
  t.same(rows({ touched: { device: [2] } }), services)
  for (const touched of [{}, { note: [2, 3] }, { device: [3] }, { state: [] }, { state: [100, 0, 32000] }, { legacyInterop: [100] }, { constructor: [2] }]) t.same(rows({ touched: touched as Record<string, readonly number[]> }), [], JSON.stringify(touched))
  t.same(rows({ touched: { note: [200], state: [100, 3] } }), [...three, ...dnd(3, 300)])
})

t.test('the plan is data', async (t) => {
  t.same([...planCategories(defaultPlan)].sort(), ['calendarData', 'device', 'dndState', 'legacyInterop', 'services', 'state', 'workingHours'])
  t.same([...planCategories([])], [])
  t.same(JSON.parse(JSON.stringify(defaultPlan)), defaultPlan)
  const keys = defaultPlan.flatMap(({ computes, outputs }) => outputs.map(({ category, container }) => `${computes === 'aggregateMachineState' ? computes : category} ${container}`))
  t.equal(new Set(keys).size, keys.length, 'no two rows write the same')
  const plan: AggregationPlan = [{ computes: 'aggregateState', from: { categories: ['state', 'robot'], container: 40 }, outputs: [{ category: 'state', container: 10, shows: ['activity'] }, { category: 'legacyInterop', container: 20, shows: [] }] }]
  t.same([...planCategories(plan)], ['state', 'robot', 'legacyInterop'])
  const { after } = run([{ ...machine(3500), container: 40 }, { ...user(6500, { more: activity('busy') }), container: 40, category: 'robot' }, user(9500)], { plan })
  t.same([inside(shown(after, 'state', 10)), shown(after, 'legacyInterop', 20), shown(after, 'state', 2)], ['<state xsi:type="aggregateState"><availability>6500</availability><activity token="busy"/></state>', `<legacyInterop xmlns="${MS}/categories" availability="6500"/>`, ''])
  const odd: AggregationPlan = [{ computes: 'dndState', from: { categories: ['constructor'], container: 2 }, outputs: [{ category: 'dndState', container: 2, shows: [] }] }]
  t.same([run([], { plan: odd, touched: {} }).changes.length, run([], { plan: odd, touched: { ['constructor']: [2] } }).changes.length], [0, 1], 'names that objects know are categories like others')
  t.same(aggregate([], { publisher: anna, instances: [machine(3500)], endpoints: [endpoint()] }, now, 'all'), [])
  t.equal(shown(after, 'state', 10).includes(OWN), true)
})
