import fc from 'fast-check'
import t from 'tap'
import { readCheckArguments } from '../../src/cli/check-arguments.ts'
import { readDocument, readFault } from '../../src/cli/check-versions-history.ts'
import { ownPlaces, seenPlaces, storedAt, type StoredUser } from '../../src/cli/check-verdict.ts'
import { checkPublished, type Attempt } from '../../src/cli/publish-record.ts'
import { createSeeded } from '../../src/cli/seeded.ts'
import { cutMessages } from '../../src/cli/sip-wire.ts'
import { judge } from '../../src/cli/soak-verdict.ts'
import { compareViews, createWatching, readContents, type Content } from '../../src/cli/watcher-model.ts'
import { writeBatch } from '../../src/core/documents/batch.ts'
import { writeWrongDelta } from '../../src/core/documents/fault.ts'
import { noDelegates } from '../../src/core/model/delegate.ts'
import type { CategoryInstance } from '../../src/core/model/publication.ts'
import type { SeenState } from '../../src/core/model/publisher.ts'
import { viewOf, writeSeenState } from '../../src/core/notifications/category.ts'
import { writeSelfChange, writeSelfState } from '../../src/core/notifications/self.ts'

// What the checks conclude is only worth something when they would notice: each rule is shown both ways.

const anna = 'anna@nordwind.example'
const boris = 'boris@nordwind.example'
const NOW = Date.UTC(2031, 2, 4, 9, 30, 15, 250)

const instance = (over: Partial<CategoryInstance>): CategoryInstance =>
  ({ category: 'note', container: 200, instance: 0, instanceVersion: 1, expireType: 'static', expiresAt: undefined, endpointId: undefined, publishTime: NOW, payload: '<note>a &lt; b</note>', ...over })

const state = (instances: readonly CategoryInstance[], members: SeenState['containers'] = [{ id: 200, membersVersion: 3, members: [{ type: 'sameEnterprise', value: '' }] }, { id: 300, membersVersion: 0, members: [] }]): SeenState =>
  ({ publisher: anna, instances, containers: members, endpoints: [], subscribers: [], delegates: noDelegates })

const seen = (places: Readonly<Record<string, string>>, publisher = anna): Content => ({ publisher, places: new Map(Object.entries(places)) })
const look = (watching: ReturnType<typeof createWatching>, publisher = anna): Readonly<Record<string, string>> => Object.fromEntries(watching.view(publisher))

t.test('documents are read as the engine writes them', async (t) => {
  const instances = [instance({}), instance({ instance: 7, payload: '' }), instance({ category: 'state', container: 2, payload: '<state xmlns="urn:x"><availability>3500</availability></state>' })]
  const document = writeSeenState(viewOf(state(instances), () => false), { user: boris, network: 'sameEnterprise' }, ['note', 'state'])
  const batch = writeBatch(boris, [{ user: 'x@nordwind.example', state: 'terminated' }], [document, writeSeenState(viewOf(state([]), () => false), { user: boris, network: 'sameEnterprise' }, ['note'])], 'b0')
  const contents = readContents(batch.type, batch.text, boris)
  const note = '0 2031-03-04T09:30:15.250 <note>a &lt; b</note>\n7 2031-03-04T09:30:15.250 '
  t.same(contents.map(({ publisher, places }) => [publisher, [...places]]), [[anna, [['note', note], ['state', '']]], [anna, [['note', '']]]])
  t.same([...seenPlaces(document)], [['note', note], ['state', '']], 'the answer of view-as alike')
  t.same(readContents('', '', boris), [], 'an empty body shows nothing')
  t.throws(() => readContents('application/x', '<categories', boris))
})

t.test('what a self subscriber knows agrees with what the admin interface shows, and with nothing else', async (t) => {
  const instances = [instance({}), instance({ category: 'state', container: 2, instance: 5, expireType: 'time', expiresAt: NOW + 9_000, instanceVersion: 4, payload: '<s/>' })]
  const stored: StoredUser = {
    endpoints: [],
    containers: [{ id: 300, version: 0, members: [] }, { id: 200, version: 3, members: [{ type: 'sameEnterprise' }] }, { id: 0, version: 0, members: [{ type: 'everyone' }] }],
    publications: instances.map(({ category, container, instance: number, instanceVersion: version, expireType, payload: xml }) => ({ category, container, instance: number, version, expireType, xml })),
  }
  const watching = createWatching()
  watching.answered(0, 1, readContents('application/x', writeSelfState(state(instances), ['categories', 'containers'], NOW), anna), true)
  t.same(compareViews(watching.view(anna), ownPlaces(stored)), [])
  watching.notified(2, readContents('application/x', writeSelfChange(state([instance({ instanceVersion: 2 })]), { categories: { note: [200], state: [2] }, membersBefore: {}, publishedBefore: {} }, ['categories'], NOW + 5_000) ?? '', anna))
  const [note, cleared, ...more] = compareViews(watching.view(anna), ownPlaces(stored))
  t.match(note, /^note: heard \[200 0 2 static .*stored \[200 0 1 static/)
  t.match(cleared, /^state: heard \[\], stored \[2 5 4 time/)
  t.same(more, [])
  t.same([storedAt(stored)('state 2 5'), storedAt(stored)('container 200'), storedAt(stored)('state 2 6'), storedAt(stored)('container 300')], [{ version: 4, text: '<s/>' }, { version: 3, text: '' }, undefined, undefined])
})

t.test('numbers in a dialog rise', async (t) => {
  const watching = createWatching()
  t.equal(watching.answered(watching.asked(), 1, [seen({ note: 'a' })], true), undefined)
  t.equal(watching.notified(2, []), undefined)
  t.equal(watching.notified(7, []), undefined, 'numbers may be skipped')
  t.equal(watching.notified(7, []), 'number 7 came twice')
  t.equal(watching.notified(5, []), 'number 5 came after 7')
  const floor = watching.asked()
  t.equal(watching.notified(9, []), undefined)
  t.equal(watching.answered(floor, 8, [], false), undefined, 'a notification may overtake the answer')
  t.equal(watching.answered(floor, 9, [], false), 'number 9 of an answer came twice')
  t.equal(watching.answered(watching.asked(), 6, [], false), 'number 6 of an answer came after 9', 'but what was asked for later is numbered above')
})

t.test('a watcher keeps the latest of each category', async (t) => {
  const watching = createWatching()
  watching.answered(0, 1, [seen({ note: 'a', state: 'b' }), seen({ note: 'x' }, boris)], true)
  watching.notified(2, [seen({ note: 'a2' })])
  t.same(look(watching), { note: 'a2', state: 'b' }, 'what is not named stays')
  watching.answered(0, 4, [seen({ state: 'b4' }, boris)], false)
  watching.notified(5, [seen({ note: 'a5' })])
  watching.answered(2, 3, [seen({ note: 'a3', state: 'b3' })], true)
  t.same(look(watching), { note: 'a5', state: 'b3' }, 'what is older than what is known changes nothing')
  t.same(look(watching, boris), { state: 'b4' }, 'a complete answer forgets what it does not name, unless that is newer')
  watching.forget(boris)
  t.same(watching.publishers(), [anna])
  t.same(compareViews(new Map([['note', 'a'], ['state', '']]), new Map([['note', 'b'], ['routing', 'c']])), ['note: heard [a], stored [b]', 'routing: heard [], stored [c]'])
})

t.test('whatever the order on the way, the highest number decides', async (t) => {
  fc.assert(fc.property(fc.uniqueArray(fc.record({ number: fc.integer({ min: 1, max: 50 }), place: fc.constantFrom('note', 'state') }), { selector: ({ number }) => number, minLength: 1 }), (messages) => {
    const watching = createWatching()
    for (const { number, place } of messages) watching.notified(number, [seen({ [place]: String(number) })])
    const expected = [...Map.groupBy(messages, ({ place }) => place)].map(([place, list]) => [place, String(Math.max(...list.map(({ number }) => number)))])
    return JSON.stringify([...watching.view(anna)].sort()) === JSON.stringify(expected.sort())
  }))
  t.pass()
})

t.test('publications that were acknowledged are stored, and nothing that nobody sent', async (t) => {
  const attempt = (version: number, text: string, outcome: Attempt['outcome']): Attempt => ({ place: 'note 200 0', version, text, outcome })
  const check = (attempts: readonly Attempt[], version: number | undefined, text = ''): readonly string[] => checkPublished(attempts, () => (version === undefined ? undefined : { version, text: `<x>${text}</x>` }))
  const sent = [attempt(1, '#1#', 'acknowledged'), attempt(2, '#2#', 'refused'), attempt(2, '#3#', 'acknowledged'), attempt(3, '#4#', 'unknown')]
  t.same(check(sent, 2, '#3#'), [])
  t.same(check(sent, 3, '#4#'), [], 'nobody knows what came of the last one')
  t.match(check(sent, 2, '#2#'), [/version 2 is stored with data that nobody sent as that/], 'it was refused')
  t.match(check(sent, 1, '#1#'), [/version 2 was acknowledged, version 1 is stored/])
  t.match(check(sent, undefined), [/version 2 was acknowledged, nothing is stored/])
  t.match(check([...sent, attempt(2, '#5#', 'acknowledged')], 3, '#4#'), [/version 2 was acknowledged 2 times/])
})

t.test('what swings levels off, what grows does not', async (t) => {
  const series = (value: (at: number) => number, floor = 0) => judge({ name: 'x', floor, samples: Array.from({ length: 20 }, (_, at) => [100 + 5 * at, value(at)] as const) })
  t.equal(series((at) => 1_000 + 400 * (at % 4)).level, true)
  t.equal(series((at) => 1_000 - 20 * at).level, true)
  t.equal(series((at) => (at === 7 ? 90_000 : 1_000)).level, true, 'an outlier is none')
  t.match(series((at) => 1_000 + 10 * at), { level: false, growth: 190, allowed: 109.5 })
  t.equal(series((at) => 1_000 + 10 * at, 200).level, true, 'below the floor it does not matter')
  t.equal(series((at) => 1_000 + 10 * at + 100 * (at % 3)).level, false)
  t.equal(judge({ name: 'x', floor: 10, samples: [[0, 1], [5, 1]] }).level, false, 'two samples say nothing')
})

t.test('arguments', async (t) => {
  const numbers = { seconds: { usual: 60, min: 5, max: 100 } }
  t.same(readCheckArguments([], numbers, ['logs']), { numbers: { seconds: 60 }, texts: {} })
  t.same(readCheckArguments(['--seconds', '7', '--logs', 'x'], numbers, ['logs']), { numbers: { seconds: 7 }, texts: { logs: 'x' } })
  for (const args of [['--seconds', '4'], ['--seconds', '7.5'], ['--seconds', 'many'], ['--seconds'], ['--minutes', '3'], ['7']]) t.match(readCheckArguments(args, numbers, []), /options: --seconds N \(5 to 100, else 60\)/, args.join(' '))
})

t.test('small parts', async (t) => {
  const [one, again, other] = [createSeeded(7), createSeeded(7), createSeeded(8)].map(({ below }) => Array.from({ length: 1_000 }, () => below(10)))
  t.same(one, again)
  t.notSame(one, other)
  t.equal(new Set(one).size, 10)
  const text = 'BENOTIFY sip:a SIP/2.0\r\nVia: 1\r\nvia: 2\r\nCSeq: 4 BENOTIFY\r\nContent-Length: 3\r\n\r\nä.'
  const { messages, rest } = cutMessages(Buffer.from(`\r\n\r\n${text}SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\nNOTIFY `))
  t.match(messages, [{ method: 'BENOTIFY', status: 0, body: 'ä.' }, { method: '', status: 200, body: '' }])
  t.same(messages[0]?.all('VIA'), ['1', '2'])
  t.equal(rest.toString(), 'NOTIFY ')
  t.same(readFault(writeWrongDelta([{ index: 2, version: 1, curVersion: 4, data: '<a/>' }])), [{ index: 2, version: 1, curVersion: 4, data: '<a/>' }])
  t.equal(readDocument('<x/>'), undefined)
})
