import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { aggregate } from '../../src/core/aggregation/aggregate.ts'
import { defaultPlan, planCategories } from '../../src/core/aggregation/plan.ts'
import { builtInPayloadChecks } from '../../src/core/categories/validate-payload.ts'
import { instanceKeyText, type CategoryInstance } from '../../src/core/model/publication.ts'
import { parseXml } from '../../src/core/xml/parse.ts'
import { DELIMITER, deskId, device, END, find, laptopId, MS, run, XSI } from './aggregation-kit.ts'
import { anna, bytes, endpoint, instance, must, now } from './support.ts'

/** A state before it is written: the naive model below reads this, never the XML. */
interface Drawn {
  readonly type: string
  readonly container: number
  readonly number: number
  readonly availability: number | undefined
  readonly manual: boolean
  readonly start: number | undefined
  readonly at: number
  readonly expireType: CategoryInstance['expireType']
  readonly endpointId: string
  readonly activities: readonly { readonly token: string; readonly custom: string; readonly min: number | undefined; readonly max: number | undefined }[]
  readonly more: string
  readonly form: 'plain' | 'prefix' | 'bare'
}

const times = fc.constantFrom(0, 1, 2, 3, 500, 999).map((seconds) => now - seconds * 1000)
const availabilities = fc.oneof(fc.constantFrom(0, 2999, 3500, 4499, 4500, 5000, 5999, 6000, 6500, 7499, 7500, 8999, 9000, 9500, 11999, 12000, 15500, 18000), fc.integer({ min: 0, max: 20_000 }))
const bounds = fc.option(fc.constantFrom(0, 3500, 6500, 8000, 9000, 15000), { nil: undefined })
const texts = fc.constantFrom('', 'x', ' Werk 2 ', 'a &amp; b', '&#228;', '<![CDATA[<x>]]>', '<!-- c -->y')
const drawn: fc.Arbitrary<Drawn> = fc.record({
  type: fc.constantFrom('userState', 'machineState', 'machineState', 'machineState', 'calendarState', 'phoneState', 'presentingState', 'aggregateState', 'aggregateMachineState'),
  container: fc.constantFrom(2, 2, 3, 100), number: fc.constantFrom(0, 1, 0x10000000, 5, 6, 7, 8), availability: fc.option(availabilities, { nil: undefined, freq: 6 }), manual: fc.boolean(), start: fc.option(times, { nil: undefined }), at: times,
  expireType: fc.constantFrom('endpoint', 'endpoint', 'static', 'user', 'time'), endpointId: fc.constantFrom(deskId, laptopId, laptopId.toLowerCase()),
  activities: fc.array(fc.record({ token: fc.constantFrom('', '', 'busy', 'On &amp; off'), custom: texts, min: bounds, max: bounds }), { maxLength: 2 }),
  more: texts, form: fc.constantFrom('plain', 'prefix', 'bare'),
})

const write = ({ type, availability, manual, start, activities, more, form }: Drawn): string => {
  const p = form === 'prefix' ? 's:' : ''
  const tag = (name: string, content: string, attributes = ''): string => `<${p}${name}${attributes}>${content}</${p}${name}>`
  const bound = (name: string, value: number | undefined): string => (value === undefined ? '' : ` ${name}="${value}"`)
  const root = form === 'prefix' ? ` xmlns:s="${MS}/state" xmlns:xsi="${XSI}" xsi:type="s:${type}"` : form === 'bare' ? ` xmlns="" type="${type}"` : ` xmlns="${MS}/state" xmlns:xsi="${XSI}" xsi:type="${type}"`
  const meeting = type === 'calendarState' && more !== '' ? tag('meetingSubject', more, ' LCID="1031"') : ''
  const zone = type === 'machineState' ? `${DELIMITER}${tag('timeZoneName', more)}${tag('device', 'web')}${more === 'x' ? DELIMITER + tag('treatLocationAsProximate', 'true') : ''}${END}` : ''
  return tag('state', (availability === undefined ? '' : tag('availability', String(availability))) +
    activities.map(({ token, custom, min, max }) => tag('activity', custom === '' ? '' : tag('custom', custom), `${token === '' ? '' : ` token="${token}"`}${bound('minAvailability', min)}${bound('maxAvailability', max)}`)).join('') +
    tag('endpointLocation', more) + meeting + zone, `${root} manual="${manual}"${start === undefined ? '' : ` startTime="${new Date(start).toISOString()}"`}`)
}

const stateInstance = (one: Drawn): CategoryInstance => instance({
  category: 'state', container: one.container, instance: one.number, expireType: one.expireType, endpointId: one.expireType === 'endpoint' ? one.endpointId : undefined, publishTime: one.at, payload: write(one),
})

const capabilities = fc.array(fc.tuple(fc.constantFrom('text', 'voice', 'hologram'), fc.constantFrom('', ' render="true"', ' capture="1" render="0"'), fc.constantFrom('', ' publish="true"', ' publish="0"'), fc.constantFrom('', ' version="3"')), { maxLength: 3 })
const others: fc.Arbitrary<CategoryInstance> = fc.oneof(
  fc.record({ id: fc.constantFrom(deskId, laptopId), number: fc.nat(3), at: times, uri: fc.constantFrom('sip:a', 'tel:1', 'a&amp;b', ''), capabilities }).map(({ id, number, at, uri, capabilities: found }) => instance({
    category: 'device', container: 2, instance: number, expireType: 'endpoint', endpointId: id, publishTime: at, payload: device(id, [uri, found.map(([type, ...attributes]) => `<${type}${attributes.join('')}/>`).join('')]),
  })),
  fc.constantFrom('', `<calendarData xmlns="${MS}/calendarData"/>`, ...['<WorkingHours xmlns="urn:w">', '<WorkingHours>'].map((open) => `<calendarData xmlns="${MS}/calendarData" mailboxID="a&amp;b">${open}<TimeZone><Bias>1</Bias>${['StandardTime', 'DaylightTime'].map((name) => `<${name}><Bias>0</Bias><Time>1</Time><DayOrder>1</DayOrder><Month>1</Month><DayOfWeek>Day</DayOfWeek></${name}>`).join('')}</TimeZone><WorkingPeriodArray/></WorkingHours></calendarData>`))
    .chain((payload) => fc.constantFrom(0, 1).map((number) => instance({ category: 'calendarData', container: 1, instance: number, payload }))),
  // What may be left from before, or was put there by a client.
  fc.record({
    category: fc.constantFrom(...planCategories(defaultPlan)), container: fc.constantFrom(0, 1, 2, 3, 100, 200, 300, 400), number: fc.constantFrom(0, 1, 0x10000000), instanceVersion: fc.integer({ min: 1, max: 9 }), at: fc.oneof(times, fc.constant(now + 5000)), payload: fc.constantFrom('', 'broken', '<x/>', `<state xmlns="${MS}/state" type="aggregateState" lastActive="2031-03-01T00:00:00"/>`, `<legacyInterop availability="3500"/>`),
    expireType: fc.constantFrom('static', 'user', 'endpoint'),
  }).map(({ number, at, ...rest }) => instance({ ...rest, instance: number, publishTime: at } as Partial<CategoryInstance>)),
)

const unique = (instances: readonly CategoryInstance[]): readonly CategoryInstance[] => [...new Map(instances.map((one) => [instanceKeyText(one), one])).values()]
const worlds = fc.tuple(fc.array(drawn.map(stateInstance), { maxLength: 10 }), fc.array(others, { maxLength: 8 })).map(([states, more]) => unique([...states, ...more]))
const registered = fc.constantFrom([], [endpoint()])

t.test('property: what is published hangs on what is there, not on how it was read', async () => {
  fc.assert(fc.property(worlds, registered, fc.infiniteStream(fc.nat(1000)), (instances, endpoints, keys) => {
    const order = instances.map((one) => ({ one, key: keys.next().value as number })).sort((a, b) => a.key - b.key).map(({ one }) => one)
    const changes = aggregate(defaultPlan, { publisher: anna, instances, endpoints }, now, 'all')
    assert.deepEqual(aggregate(defaultPlan, { publisher: anna, instances: order, endpoints }, now, 'all'), changes)
  }), { numRuns: 400 })
})

t.test('property: once is enough, also later', async () => {
  fc.assert(fc.property(worlds, registered, (instances, endpoints) => {
    const { after } = run(instances, { endpoints })
    assert.deepEqual(run(after, { endpoints }).changes, [])
    assert.deepEqual(run(after, { endpoints, at: now + 600_000 }).changes, [])
  }), { numRuns: 400 })
})

const OUTPUTS = defaultPlan.flatMap(({ outputs }) => outputs)

t.test('property: results are valid, newer than before, and in step', async () => {
  fc.assert(fc.property(worlds, registered, (instances, endpoints) => {
    const stored = new Map(instances.map((one) => [instanceKeyText(one), one]))
    const { changes, after } = run(instances, { endpoints })
    for (const { category, container } of OUTPUTS) {
      const numbers = after.filter((one) => one.category === category && one.container === container).map((one) => one.instance)
      assert.ok(!(numbers.includes(0) && numbers.includes(1)) || !['state', 'legacyInterop'].includes(category), `${category} ${container}`)
    }
    for (const change of changes) {
      if (change.kind === 'deleteInstance') {
        assert.ok(stored.has(instanceKeyText(change.key)))
        continue
      }
      assert.equal(change.kind, 'putInstance')
      if (change.kind !== 'putInstance') continue
      const { instance: put } = change
      const before = stored.get(instanceKeyText(put))
      assert.ok(put.instanceVersion > (before?.instanceVersion ?? 0) && put.publishTime > (before?.publishTime ?? 0) && put.publishTime >= now)
      assert.ok(OUTPUTS.some(({ category, container }) => category === put.category && container === put.container))
      assert.equal(builtInPayloadChecks.get(put.category)?.(put.payload), undefined, put.payload)
      assert.equal(must(parseXml(bytes(put.payload))).root.end, put.payload.length)
      assert.equal(put.expireType, put.instance === 0 && put.category !== 'services' ? 'static' : 'user')
    }
    for (const container of [2, 3]) {
      const row = defaultPlan.find(({ computes, from }) => computes === 'aggregateState' && from.container === container)
      const stamps = new Set(row?.outputs.map(({ category, container: to }) => { const one = find(after, category, to); return `${one?.instance} ${one?.instanceVersion} ${one?.publishTime}` }))
      assert.equal(stamps.size, 1)
    }
  }), { numRuns: 400 })
})

/** 3.8.5.1.2.1 to 3.8.5.1.2.3 once more, plainly, over what was drawn. */
const expected = (states: readonly Drawn[]): { readonly availability: number; readonly activity: string } => {
  const machines = states.filter(({ type, expireType, availability }) => type === 'machineState' && expireType === 'endpoint' && availability !== undefined)
  const lowest = Math.min(...machines.map(({ availability }) => availability ?? 0))
  const [best] = machines.filter(({ availability }) => availability === lowest).sort((a, b) => b.at - a.at || a.number - b.number)
  const age = ({ start, at }: Drawn): number => start ?? at
  const rest = states.filter(({ type }) => !['machineState', 'aggregateState', 'aggregateMachineState'].includes(type))
  const limit = Math.max(...rest.filter(({ manual }) => manual).map(age))
  const left = rest.filter((one) => age(one) >= limit)
  const machine = best?.availability ?? 18000
  const top = Math.max(machine, ...left.map(({ availability }) => availability ?? 0))
  const availability = machine >= 4500 && machine < 6000 && top >= 6000 && top < 7500 ? top + 1500 : top
  const candidates = [...left, ...(best === undefined ? [] : [best])].flatMap((one) => one.activities.map((activity, place) => ({ one, place, ...activity, min: activity.min ?? 0, max: activity.max ?? Infinity })))
    .filter(({ token, custom, min, max }) => (token !== '' || !['', '<!-- c -->'].includes(custom)) && min <= availability && availability <= max)
    .sort((a, b) => b.min - a.min || age(b.one) - age(a.one) || a.one.number - b.one.number || a.place - b.place)
  return { availability, activity: candidates[0] === undefined ? '' : candidates[0].token === '' ? `custom ${candidates[0].custom}` : `token ${candidates[0].token}` }
}

t.test('property: availability and activity against a naive model', async () => {
  fc.assert(fc.property(fc.array(drawn.map((one) => ({ ...one, container: 2, number: one.number < 2 || one.number === 0x10000000 ? one.number + 20 : one.number })), { maxLength: 9 }), (states) => {
    const kept = [...new Map(states.map((one) => [one.number, one])).values()]
    const payload = find(run(kept.map(stateInstance)).after, 'state', 2)?.payload ?? ''
    const token = /<activity token="([^"]*)"\/>/.exec(payload)?.[1]
    const custom = /<activity><(?:s:)?custom[^>]*>(.*?)<\/(?:s:)?custom><\/activity>/.exec(payload)?.[1]
    assert.deepEqual({ availability: Number(/<availability>(\d+)/.exec(payload)?.[1]), activity: token === undefined ? (custom === undefined ? '' : `custom ${custom}`) : `token ${token}` }, expected(kept))
  }), { numRuns: 1500 })
})

t.test('property: rows that nothing touches stay out, the others do what they do when all run', async () => {
  fc.assert(fc.property(worlds, fc.constantFrom({ state: [2] }, { state: [3], note: [1] }, { device: [2] }, { calendarData: [1, 2] }, { legacyInterop: [100] }), (instances, touched) => {
    const key = (change: unknown): string => JSON.stringify(change)
    const all = new Set(run(instances).changes.map(key))
    for (const change of run(instances, { touched }).changes) assert.ok(all.has(key(change)), key(change))
  }), { numRuns: 200 })
})
