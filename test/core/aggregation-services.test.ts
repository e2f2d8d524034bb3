import t from 'tap'
import { readDevicePayload } from '../../src/core/categories/device-payload.ts'
import { remember } from '../../src/core/categories/remember.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import { DELIMITER, deskId, device, deviceInstance, END, find, laptopId, machine, MS, run, shown, summary, withInstances } from './aggregation-kit.ts'
import { endpoint, instance, now } from './support.ts'

const URI = 'sip:anna@nordwind.example'
const ago = (seconds: number): number => now - seconds * 1000
const desk = (capabilities: string, at = ago(20)): CategoryInstance => deviceInstance(deskId, 9, at, [URI, capabilities])
const laptop = (capabilities: string, at = ago(10)): CategoryInstance => deviceInstance(laptopId, 4, at, [URI, capabilities])
const onDesk = (availability: number, over: Parameters<typeof machine>[1] = {}): CategoryInstance => machine(availability, over)
const onLaptop = (availability: number, over: Parameters<typeof machine>[1] = {}): CategoryInstance => machine(availability, { number: 0x30000002, endpointId: laptopId, ...over })
const text = (render: boolean, capture: boolean, publish = false): string => `<text render="${render}" capture="${capture}" publish="${publish}"/>`
const calendar = (version: number | undefined, publish = true): string => `<calendar render="false" capture="false" publish="${publish}"${version === undefined ? '' : ` version="${version}"`}/>`

const capabilitiesIn = (payload: string): string => /<capabilities>(.*?)<\/capabilities>/.exec(payload)?.[1] ?? ''

t.test('3.8.5.2.2: the winning capability', async (t) => {
  const both = text(true, true)
  const rows: readonly (readonly [name: string, instances: readonly CategoryInstance[], winner: string, availability: number | undefined])[] = [
    ['the only one', [desk(both), onDesk(5000)], deskId, 5000], ['the more active endpoint', [desk(both), laptop(both), onDesk(3500), onLaptop(5000)], deskId, 3500], ['whichever was published first', [desk(both, ago(5)), laptop(both), onDesk(3500), onLaptop(5000)], deskId, 3500],
    ['4.3.2.1: of two as active the one whose machineState is newer', [desk(both), laptop(both), onDesk(3500, { at: ago(3) }), onLaptop(3500, { at: ago(4) })], deskId, 3500], ['the time of the device does not matter', [desk(both), laptop(both), onDesk(3500, { at: ago(30) }), onLaptop(3500, { at: ago(4) })], laptopId, 3500], ['of two at once the first device', [desk(both), laptop(both), onDesk(3500), onLaptop(3500)], deskId, 3500],
    ['what neither renders nor captures gives way to the less active', [desk(text(false, false)), laptop(both), onDesk(3500), onLaptop(15500)], laptopId, 15500], ['rendering is something', [desk(text(true, false)), laptop(both), onDesk(3500), onLaptop(15500)], deskId, 3500], ['capturing is something', [desk(text(false, true)), laptop(both), onDesk(3500), onLaptop(15500)], deskId, 3500], ['the words of the rule: the more active wins with less', [desk(both), laptop(text(false, false)), onDesk(5000), onLaptop(3500)], laptopId, 3500],
    ['publish: the higher version', [desk(calendar(1)), laptop(calendar(2)), onDesk(3500), onLaptop(15500)], laptopId, 15500], ['the higher version stays', [desk(calendar(2)), laptop(calendar(1)), onDesk(15500), onLaptop(3500)], deskId, 15500], ['of equal versions the device that was published first', [desk(calendar(2)), laptop(calendar(2)), onDesk(15500), onLaptop(3500)], deskId, 15500], ['which may be the other one', [desk(calendar(2), ago(5)), laptop(calendar(2)), onDesk(15500), onLaptop(3500)], laptopId, 3500], ['no version is 0', [desk(calendar(undefined)), laptop(calendar(1)), onDesk(3500), onLaptop(15500)], laptopId, 15500], ['and not more than 0', [desk(calendar(0)), laptop(calendar(undefined)), onDesk(3500), onLaptop(3500)], deskId, 3500],
    ['publish after useless: goes by version', [desk(calendar(0, false)), laptop(calendar(0)), onDesk(15500), onLaptop(3500)], deskId, 15500], ['the other way round: replaced', [desk(calendar(9)), laptop(calendar(0, false)), onDesk(3500), onLaptop(15500)], laptopId, 15500], ['no publish is publish="false"', [desk('<text render="true"/>'), laptop('<text render="true"/>'), onDesk(5000), onLaptop(3500)], laptopId, 3500],
    ['an endpoint without a machineState', [desk(both)], deskId, undefined], ['is the least active', [desk(both), laptop(both), onLaptop(18000)], laptopId, 18000], ['also when it comes later', [desk(both), laptop(both), onDesk(18000)], deskId, 18000], ['a machineState that no endpoint bounds is none', [desk(both), laptop(both), onDesk(3500, { expireType: 'static' }), onLaptop(5000)], laptopId, 5000], ['letters of ids do not matter', [desk(both), onDesk(5000, { endpointId: deskId.toLowerCase() })], deskId, 5000],
    ['of several machineStates the most active', [desk(both), onDesk(5000), onDesk(3500, { number: 77 })], deskId, 3500], ['a device that no endpoint bounds says whose it is', [instance({ category: 'device', container: 2, expireType: 'static', payload: device(laptopId, [URI, both]) }), onLaptop(5000)], laptopId, 5000], ['a device elsewhere', [desk(both), { ...laptop(both), container: 3 }, onDesk(5000), onLaptop(3500)], deskId, 5000], ['several in one device', [deviceInstance(deskId, 9, now, [URI, text(false, false)], [URI, both]), onDesk(3500)], deskId, 3500],
  ]
  for (const [name, instances, winner, availability] of rows) {
    const written = capabilitiesIn(shown(run(instances).after, 'services', 2))
    t.equal(written.replace(/.*(preferredEndpointId=)/, '$1'), `preferredEndpointId="${winner.toLowerCase()}"${availability === undefined ? '' : ` deviceAvailability="${availability}"`}/>`, name)
    t.equal(written.split('<').length, 2, `${name}: one`)
  }
})

t.test('3.8.5.2.2: what is written for the user, and for subscribers', async (t) => {
  const by = `preferredEndpointId="${deskId.toLowerCase()}" deviceAvailability="3500"`
  const rows: readonly (readonly [name: string, capability: string, self: string, subscribers: string])[] = [
    ['renders and captures', text(true, false), `<text render="true" capture="false" publish="false" ${by}/>`, '<text render="true" capture="false" deviceAvailability="3500"/>'], ['publishes', calendar(7), `<calendar render="false" capture="false" publish="true" version="7" ${by}/>`, ''], ['publishes and renders', text(true, true, true), `<text render="true" capture="true" publish="true" ${by}/>`, ''],
    ['a version is for the user', '<text render="1" capture="0" publish="0" version=" +07 "/>', `<text render="true" capture="false" publish="false" version="7" ${by}/>`, '<text render="true" capture="false" deviceAvailability="3500"/>'], ['only render', '<voice render="true"/>', `<voice render="true" ${by}/>`, '<voice render="true" deviceAvailability="3500"/>'], ['only capture', '<voice capture="false"/>', `<voice capture="false" ${by}/>`, '<voice capture="false" deviceAvailability="3500"/>'],
    ['only publish="false"', '<ucs publish="false"/>', `<ucs publish="false" ${by}/>`, ''], ['says nothing', '<ucs version="3" preferred="true"/>', '', ''], ['2.2.2.7.3 SHOULD: another type', '<hologram render="true" capture="maybe" version="many"><x/></hologram>', `<hologram render="true" capture="false" ${by}/>`, '<hologram render="true" capture="false" deviceAvailability="3500"/>'], ['7.1: an extension', `${DELIMITER}<later render="true"/>${END}<extension xmlns="urn:x"><y/></extension>`, `<later render="true" ${by}/>`, '<later render="true" deviceAvailability="3500"/>'],
    ['a prefix', `<d:text xmlns:d="${MS}/device" render="true"/>`, `<text render="true" ${by}/>`, '<text render="true" deviceAvailability="3500"/>'], ['what the client must not say', '<text render="true" deviceAvailability="18000" preferredEndpointId="x"/>', `<text render="true" ${by}/>`, '<text render="true" deviceAvailability="3500"/>'],
  ]
  for (const [name, capability, self, subscribers] of rows) {
    const { after } = run([desk(capability), onDesk(3500)])
    const service = (content: string): string => `<service uri="${URI}"><capabilities>${content}</capabilities></service>`
    t.equal(shown(after, 'services', 2), `<services xmlns="${MS}/service">${service(self)}</services>`, `${name}: the user`)
    for (const container of [100, 200, 300, 400]) t.equal(shown(after, 'services', container), `<services xmlns="${MS}/service">${subscribers === '' ? '' : service(subscribers)}</services>`, `${name}: ${container}`)
  }
})

t.test('3.8.5.2.2: URIs and types, each once, as they are first seen from the oldest device on', async (t) => {
  const of = (instances: readonly CategoryInstance[]): readonly (readonly [string | undefined, readonly string[]])[] =>
    [...shown(run(instances).after, 'services', 2).matchAll(/<service uri="([^"]*)"><capabilities>(.*?)<\/capabilities>/g)].map(([, uri, inside = '']) => [uri, [...inside.matchAll(/<(\w+)/g)].map(([, type = '']) => type)] as const)
  const first = deviceInstance(deskId, 9, ago(20), [URI, '<voice render="true"/><text render="true"/>'], ['tel:1', '<remoteCallControl publish="true"/>'], ['sip:none@nordwind.example', ''])
  const second = deviceInstance(laptopId, 4, ago(10), ['a&amp;b', '<calendar publish="true"/>'], ['', '<ucs publish="true"/>'], [URI, '<video render="true"/><text render="true"/>'], ['tel:1', ''])
  const expected = [[URI, ['voice', 'text', 'video']], ['tel:1', ['remoteCallControl']], ['sip:none@nordwind.example', []], ['a&amp;b', ['calendar']]]
  t.same(of([first, second]), expected)
  t.same(of([second, first]), expected, 'in whatever order they are read')
  t.same(of([{ ...first, publishTime: ago(5) }, second]).map(([uri]) => uri), ['a&amp;b', URI, 'tel:1', 'sip:none@nordwind.example'])
  t.same(of([{ ...first, publishTime: ago(10) }, second]).map(([uri]) => uri), ['a&amp;b', URI, 'tel:1', 'sip:none@nordwind.example'], 'at once: the lower number first')
})

t.test('3.8.5.2.2, 3.2.5.5.1: services live as long as the user has an endpoint', async (t) => {
  const instances = [desk(text(true, true)), onDesk(3500)]
  const { after, changes } = run(instances, { touched: { device: [2] } })
  t.same(summary(changes), [2, 100, 200, 300, 400].map((container) => `put services ${container}/0 v1 user`))
  t.same(run(after, { touched: { state: [2], device: [2] } }).changes.filter((change) => change.kind === 'putInstance' && change.instance.category === 'services'), [], 'nothing is published again')
  const idle = run(withInstances(after, onDesk(5000)), { touched: { state: [2] } })
  t.match(find(idle.after, 'services', 400), { instanceVersion: 2, payload: /deviceAvailability="5000"/ }, '3.2.5.6: a machineState is reason enough')
  const gone = after.filter(({ category }) => category !== 'device')
  t.same(summary(run(gone, { touched: { device: [2] } }).changes), [2, 100, 200, 300, 400].map((container) => `delete services ${container}/0`))
  const fixed = instance({ category: 'device', container: 2, expireType: 'static', payload: device(deskId, [URI, text(true, true)]) })
  t.same(run([fixed], { touched: { device: [2] }, endpoints: [] }).changes, [])
  t.same(run([fixed], { touched: { device: [2] }, endpoints: [endpoint({ expiresAt: now })] }).changes, [], 'an endpoint past its time is none')
  t.equal(run([fixed], { touched: { device: [2] }, endpoints: [endpoint({ expiresAt: now + 1 })] }).changes.length, 5)
  t.equal(run([fixed, onDesk(3500)], { touched: { device: [2] }, endpoints: [] }).changes.length, 5, 'who has a machineState is there, registered or not')
})

t.test('2.2.2.7.2, 7.4: a device as an object', async (t) => {
  t.same(readDevicePayload(device(deskId, [URI, '<text render="true" version="4294967295"/>'])), { endpointId: deskId, services: [{ uri: URI, capabilities: [{ type: 'text', render: true, capture: undefined, publish: undefined, version: 4294967295 }] }] })
  for (const payload of ['', '<device/>', device(deskId, [URI, '<text render="maybe"/>']), device('', [URI, '']).replace(' endpointId=""', ''), '<devices/>']) t.equal(readDevicePayload(payload), undefined, payload)
})

t.test('what is read is remembered, within bounds', async (t) => {
  const read: string[] = []
  const length = remember((text: string) => read.push(text) && text.length, 1000)
  for (const text of ['a', 'bb', 'a', 'bb']) t.equal(length(text), text.length)
  t.same(read, ['a', 'bb'], 'read once')
  for (const text of ['c'.repeat(300), 'a', 'bb']) length(text)
  t.same(read.slice(3), ['a', 'bb'], 'the oldest went')
  t.equal(length('d'.repeat(5000)), 5000)
  length('d'.repeat(5000))
  t.equal(read.filter((text) => text.startsWith('d')).length, 2, 'what is larger than all bounds is not kept')
  for (const text of ['f', 'g', 'f', 'g']) length(text)
  t.same(read.filter((text) => /[fg]/.test(text)), ['f', 'g'], 'there is room again')
  const nothing = remember((text: string) => { read.push(text); return undefined }, 1000)
  for (const text of ['e', 'e']) t.equal(nothing(text), undefined)
  t.equal(read.filter((text) => text === 'e').length, 1, 'that there is nothing is remembered as well')
})
