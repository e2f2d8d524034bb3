import t from 'tap'
import fc from 'fast-check'
import { findOverload, measureLoad, type Load, type WorkKind } from '../../src/core/admission/load.ts'
import { retryAfter } from '../../src/core/admission/retry-after.ts'
import { refillMs, takeToken, type Bucket } from '../../src/core/admission/token-bucket.ts'
import { looksRepeated } from '../../src/core/sip/peek.ts'
import { createRateGuard } from '../../src/engine/rate-guard.ts'
import { watchEventLoop } from '../../src/observe/event-loop.ts'

const bounds: Load = { inFlight: 100, databaseWaitMs: 1_000, eventLoopDelayMs: 500 }
const calm: Load = { inFlight: 0, databaseWaitMs: 0, eventLoopDelayMs: 0 }

t.test('overload: what is refused at which load, and why', async (t) => {
  // Each measure as a part of its bound, and who still gets in: requests, refreshes, events.
  const table: readonly (readonly [ratio: number, request: boolean, inDialog: boolean, event: boolean])[] = [
    [0, true, true, true], [0.99, true, true, true], [1, false, true, true], [1.49, false, true, true], [1.5, false, false, true], [2.99, false, false, true], [3, false, false, false], [50, false, false, false],
  ]
  const says = { inFlight: /^\d+ requests in flight$/, databaseWaitMs: /^\d+ ms of waiting for the database$/, eventLoopDelayMs: /^the event loop is \d+ ms late$/ }
  for (const measure of ['inFlight', 'databaseWaitMs', 'eventLoopDelayMs'] as const) {
    for (const [ratio, ...taken] of table) {
      const load = { ...calm, [measure]: bounds[measure] * ratio }
      for (const [at, kind] of (['request', 'inDialog', 'event'] satisfies WorkKind[]).entries()) {
        const why = findOverload(load, bounds, kind)
        t.equal(why === undefined, taken[at], `${measure} at ${ratio}: ${kind}`)
        if (why !== undefined) t.match(why, says[measure])
      }
      t.equal(measureLoad(load, bounds).find((entry) => entry.measure === measure)?.ratio, ratio)
    }
  }
})

t.test('Retry-After is spread evenly over its seconds', async (t) => {
  t.strictSame([0, 0.24, 0.25, 0.5, 0.99, 1].map((fraction) => retryAfter(fraction, 5, 8)), ['5', '5', '6', '7', '8', '8'].map((seconds) => ['Retry-After', seconds]))
})

t.test('token bucket: a burst, then the sustained rate', async (t) => {
  const limits = { perSecond: 10, burst: 3 }
  let bucket: Bucket | undefined
  const taken = (now: number): boolean => {
    const result = takeToken(bucket, limits, now)
    bucket = result.bucket
    return result.taken
  }
  const table: readonly (readonly [now: number, expected: readonly boolean[]])[] = [
    [0, [true, true, true, false, false]], [99, [false]], [100, [true, false]], [350, [true, true, false]], [10_000, [true, true, true, false]],
    // The clock is set back: nothing is given, and it goes on from there.
    [5_000, [false]], [5_100, [true, false]],
  ]
  for (const [now, expected] of table) t.strictSame(expected.map(() => taken(now)), expected, `at ${now}`)
  t.equal(refillMs({ tokens: 0.5, at: 1_000 }, limits, 1_050), 200)
  t.equal(refillMs({ tokens: 2, at: 1_000 }, limits, 9_000), 0)
})

t.test('token bucket: in any stretch of time no more than burst and rate, and never fewer than the rate for whoever asks on', async (t) => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), (pauses, perSecond, burst) => {
    let bucket: Bucket | undefined
    let now = 0
    const times: number[] = []
    for (const pause of pauses) {
      now += pause
      const result = takeToken(bucket, { perSecond, burst }, now)
      bucket = result.bucket
      if (result.taken) times.push(now)
    }
    for (const [at, from] of times.entries()) {
      for (const [index, to] of times.entries()) if (index >= at && index - at + 1 > burst + ((to - from) / 1000) * perSecond + 1e-6) return false
    }
    return times.length >= Math.min(pauses.length, burst)
  }))
  t.pass('held')
})

t.test('rate guard: pauses by user; idle users are forgotten, and never more are remembered than allowed', async (t) => {
  const guard = createRateGuard({ perSecond: 2, burst: 4 }, 10)
  t.strictSame(Array.from({ length: 6 }, () => guard.count('anna@x.example', 0)), [0, 0, 0, 0, 2, 2], 'after the pause the user may do everything again')
  t.equal(guard.count('boris@x.example', 0), 0)
  for (let at = 0; at < 50; at += 1) guard.count(`stranger-${at}@x.example`, 0)
  t.equal(guard.size(), 10)
  for (let at = 0; at < 20; at += 1) guard.count('anna@x.example', 10_000 + at * 500)
  t.equal(guard.size(), 1, 'whoever has been idle is as good as new')
  const slow = createRateGuard({ perSecond: 1, burst: 100_000 })
  for (let at = 0; at < 100_000; at += 1) slow.count('anna@x.example', 0)
  t.equal(slow.count('anna@x.example', 0), 60, 'no client is asked to wait for hours')
  const off = createRateGuard({ perSecond: 0, burst: 1 })
  t.strictSame([off.count('anna@x.example', 0), off.count('anna@x.example', 0), off.size()], [0, 0, 0])
})

t.test('a look at a message tells whether it seems to be inside a dialog, or to go on with a publication', async (t) => {
  const message = (to: string, before = ''): Uint8Array => new TextEncoder().encode(`SUBSCRIBE sip:x@y SIP/2.0\r\n${before}Via: SIP/2.0/TCP z;branch=1\r\nFrom: <sip:a@y>;tag=mine\r\n${to}\r\nCall-ID: 1\r\n\r\nTo: <sip:x@y>;tag=in-the-body`)
  for (const inside of ['To: <sip:x@y>;tag=1', 't: <sip:x@y>;tag=1', 'TO : "X" <sip:x@y>;epid=2;TAG=1', 'To:<sip:x@y> ; tag=1', 'SIP-If-Match: abc']) t.ok(looksRepeated(message(inside)), inside)
  for (const outside of ['To: <sip:x@y>', 't: <sip:x@y>;epid=2', 'X-To: <sip:x@y>;tag=1', 'Subject: To: ;tag=1', 'X-SIP-If-Match: abc']) t.notOk(looksRepeated(message(outside)), outside)
  t.notOk(looksRepeated(message('To: <sip:x@y>;tag=1', `X: ${'x'.repeat(5_000)}\r\n`)), 'what stands far behind is not looked for')
  t.notOk(looksRepeated(new Uint8Array()))
  t.notOk(looksRepeated(Uint8Array.from({ length: 9_000 }, (_, at) => at % 256)))
})

t.test('event loop: what is usual for a second counts, one long turn does not', async (t) => {
  const watch = watchEventLoop()
  t.teardown(watch.stop)
  const turn = async (ms: number): Promise<void> => {
    const end = performance.now() + ms
    while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve))
  }
  await turn(700)
  t.ok(watch.delayMs() < 300, 'one long turn')
  // Each window ends behind a long turn, so that a few turns are enough for two of them.
  for (let turns = 0; turns < 6; turns += 1) await turn(400)
  t.ok(watch.delayMs() > 300, `long turns, one after the other: ${watch.delayMs()}`)
})
