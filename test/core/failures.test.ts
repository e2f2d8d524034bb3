import t from 'tap'
import { failure, failureEntry, failures, type FailureName } from '../../src/core/base/failure.ts'
import { readIsoInstant, secondsLeft, writePublishTime } from '../../src/core/base/instant.ts'
import { ok, refuse } from '../../src/core/base/result.ts'
import { now } from './support.ts'

const names = Object.keys(failures) as FailureName[]

t.test('the catalogue is sane', async (t) => {
  for (const name of names) {
    const { status, reason, diagnostics, section, sentence } = failureEntry(name)
    t.ok(Number.isInteger(status) && status >= 400 && status <= 699, `${name}: ${status} is a final refusal`)
    t.match(reason, /^[A-Z][A-Za-z ]+$/, `${name}: reason phrase`)
    t.match(section, /^(\d+(\.\d+)+(, )?)+$|^RFC \d{4} \d+(\.\d+)+$|^MS-[A-Z]+( \d+(\.\d+)*)?$/, `${name}: section`)
    t.match(sentence, /^[A-Z].*\.$/, `${name}: a whole sentence for the operator`)
    if (diagnostics !== undefined) t.ok(diagnostics.id >= 0 && diagnostics.id < 5000 && !/["\\\r\n]/.test(diagnostics.reason), `${name}: ms-diagnostics ${diagnostics.id}`)
  }
  const reasons = new Map<number, string>()
  for (const name of names) {
    const { diagnostics } = failureEntry(name)
    if (diagnostics === undefined) continue
    const text = `${diagnostics.reason} ${diagnostics.public === true}`
    t.equal(reasons.get(diagnostics.id) ?? text, text, `${diagnostics.id} means one thing`)
    reasons.set(diagnostics.id, text)
  }
})

t.test('statuses that MS-PRES demands', async (t) => {
  const demanded: Readonly<Partial<Record<FailureName, readonly [status: number, diagnostics?: number]>>> = {
    bodyMissing: [400], bodyNotXml: [400, 4001], bodyNotValid: [400, 4001], publisherMismatch: [400], expiryMissing: [400], expiryForbidden: [400], duplicatePublication: [400], duplicateContainer: [400], selfToAnother: [400], singleNotOneResource: [400],
    endpointNotRegistered: [401], fromIsNotTo: [403], categoryReadOnly: [403, 2003], categoryNotRegistered: [403], subscribesTooMuch: [403, 2012], dialogsExceeded: [413, 2012], userNotFound: [404, 4005], publicationConflict: [409, 2044], containersConflict: [409], publicationTooLarge: [413, 2010], categoryQuotaExceeded: [413, 2010],
    containerMembersExceeded: [413, 2006], inputTooLarge: [413, 4008], dialogUnknown: [481, 2014], publishingEndpointNotRegistered: [488], intervalTooBrief: [423], eventUnknown: [489], versionNotSupported: [505], unavailable: [503], epidTooLong: [400, 4012],
  }
  for (const [name, [status, code]] of Object.entries(demanded)) {
    const entry = failureEntry(name as FailureName)
    t.equal(entry.status, status, name)
    if (code !== undefined) t.equal(entry.diagnostics?.id, code, `${name}: ms-diagnostics`)
  }
  t.same([failureEntry('dialogUnknown').diagnostics?.public, failureEntry('publicationConflict').diagnostics?.public], [true, undefined], 'public codes may cross federation, others may not')
})

t.test('results and instants', async (t) => {
  t.same([ok(1), refuse(failure('internal')), failure('internal', 'x')], [{ ok: true, value: 1 }, { ok: false, failure: { name: 'internal' } }, { name: 'internal', detail: 'x' }])
  t.equal(writePublishTime(now), '2031-03-04T09:30:15.250', '2.2.2.1: UTC, milliseconds, no zone letter')
  t.same([1, 999, 1000, 1001, 0, -1, -5000].map((left) => secondsLeft(now + left, now)), [1, 1, 1, 2, 0, 0, 0])
  t.same(['2031-03-04T09:30:15.250', '2031-03-04T09:30:15.250Z', '2031-03-04T10:30:15.25+01:00'].map(readIsoInstant), [now, now, now])
  t.same(['', '2031-03-04', '09:30', '2031-03-04 09:30:00', '2031-03-04T25:00:00', '2031-03-04T09:30:60', 'Tue, 04 Mar 2031', '20310304T093015Z', '2031-03-04T09:30:15+99:00'].map(readIsoInstant), Array(9).fill(undefined))
})
