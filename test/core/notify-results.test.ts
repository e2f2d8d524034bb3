import t from 'tap'
import { NUMBERS_AHEAD } from '../../src/core/subscriptions/dialog.ts'
import { countFailure, findRule, judgeFailure, notifyRules, transportOf, type FailureHistory, type Transport } from '../../src/core/subscriptions/notify-results.ts'
import { now } from './support.ts'

const transports: readonly (readonly [flow: string, transport: Transport])[] = [
  ['udp/192.0.2.1/5060/192.0.2.9/5060/0', 'udp'], ['UDP:anything', 'udp'], ['tcp/192.0.2.1/4100/192.0.2.9/5060/7', 'connection'], ['tls/192.0.2.1/4100/192.0.2.9/5061/7', 'connection'], ['ws/192.0.2.1/4100/192.0.2.9/80/7', 'connection'],
  ['wss/192.0.2.1/4100/192.0.2.9/443/7', 'connection'], ['udplite', 'connection'], ['a token of some other proxy', 'connection'], ['', 'connection'],
]

/** What is expected of each answer over both transports: verdicts after the first, second… failure in a row, pauses in seconds. */
const expected: Readonly<Record<string, readonly [udp: string, connection: string]>> = {
  ...Object.fromEntries([404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604].map((code) => [code, ['end', 'end']])),
  408: ['5 giveUp', '5 10 20 giveUp'],
  430: ['5 10 20 giveUp', '5 10 20 giveUp'],
  ...Object.fromEntries([486, 491].map((code) => [code, ['5 10 giveUp', '5 10 giveUp']])),
  503: ['30 60 60 60 giveUp', '30 60 60 60 giveUp'],
  ...Object.fromEntries([300, 301, 302, 305, 380, 399, 400, 401, 402, 403, 406, 407, 409, 412, 413, 415, 420, 421, 423, 429, 436, 487, 488, 493, 494, 499, 505, 513, 600, 603, 606, 607, 699].map((code) => [code, ['keep keep giveUp', 'keep keep giveUp']])),
  ...Object.fromEntries([500, 502, 504, 506, 580, 599].map((code) => [code, ['5 10 giveUp', '5 10 giveUp']])),
}

t.test('the transport is what the token begins with', async (t) => {
  for (const [flow, transport] of transports) t.equal(transportOf(flow), transport, flow)
})

t.test('each row of the table, over each transport', async (t) => {
  for (const [code, [udp, connection]] of Object.entries(expected)) {
    for (const [flow, transport] of transports) {
      const verdicts: string[] = []
      for (let failures = 1; !['end', 'giveUp'].includes(verdicts.at(-1) ?? ''); failures += 1) {
        const verdict = judgeFailure(Number(code), transportOf(flow), failures, undefined)
        verdicts.push(verdict.do === 'retry' ? String(verdict.afterMs / 1000) : verdict.do)
      }
      t.equal(verdicts.join(' '), transport === 'udp' ? udp : connection, `${code} over ${flow}`)
    }
  }
  for (const { codes } of notifyRules) for (const code of codes) t.ok(code in expected, `${code} is tested`)
})

t.test('the table is whole: one row for each code and transport, a class for what is not named', async (t) => {
  for (let code = 300; code < 700; code += 1) {
    for (const transport of ['udp', 'connection'] as const) {
      t.equal(notifyRules.filter(({ codes, over }) => codes.includes(code) && (over ?? transport) === transport).length <= 1, true, `${code} over ${transport} stands in one row`)
      t.ok(findRule(code, transport), `${code} over ${transport} has a row`)
    }
  }
  for (const code of [0, 200, 299, 700]) t.strictSame(judgeFailure(code, 'udp', 9, 1), { do: 'keep' }, `${code} is no failure`)
  for (const { limit, then, afterMs } of notifyRules) t.ok(limit >= 1 && (then === 'retry') === (afterMs > 0))
})

t.test('Retry-After is waited for, within reason, and never shortens', async (t) => {
  for (const [code, failures, retryAfter, verdict] of [
    [503, 1, 120, { do: 'retry', afterMs: 120_000 }], [503, 1, 5, { do: 'retry', afterMs: 30_000 }], [503, 2, 9_999_999_999, { do: 'retry', afterMs: 3_600_000 }], [503, 1, 0, { do: 'retry', afterMs: 30_000 }], [503, 5, 120, { do: 'giveUp' }],
    [413, 1, 60, { do: 'retry', afterMs: 60_000 }], [603, 2, 60, { do: 'retry', afterMs: 60_000 }], [400, 1, 0, { do: 'keep' }], [480, 1, 60, { do: 'end' }], [500, 3, 60, { do: 'giveUp' }],
  ] as const) t.strictSame(judgeFailure(code, 'connection', failures, retryAfter), verdict, `${code}, failure ${failures}, Retry-After ${retryAfter}`)
})

const never: FailureHistory = { failures: 0, failedAt: 0, stalledAt: 0, failedCseq: 0 }

/** Counts after each of the failures: seconds from the start, and the number that failed. */
const counts = (...failed: readonly (readonly [at: number, cseq: number | undefined])[]): readonly number[] => {
  let history = never
  return failed.map(([at, cseq]) => {
    history = countFailure(history, cseq, now + at * 1000)
    return history.failures
  })
}

t.test('failures in a row', async (t) => {
  t.strictSame(counts([0, 2], [10, 3], [20, 4]), [1, 2, 3], 'one after the other')
  t.strictSame(counts([0, 2], [3, 3], [9.999, 5], [10, 4], [12, 6]), [1, 1, 1, 2, 2], 'what fails together counts once, whatever the order of the news')
  t.strictSame(counts([0, 2], [6, 3], [12, 4], [18, 5], [24, 6]), [1, 1, 2, 2, 3], 'a stall is measured from its beginning: steady failures do not make it one for ever')
  t.strictSame(counts([0, 2], [30, 3], [60, 5], [90, 6]), [1, 2, 1, 2], 'a number between them was taken, which begins the count anew')
  t.strictSame(counts([0, 2], [9, 4], [19, 5]), [1, 1, 2], 'within a stall numbers say nothing yet')
  t.strictSame(counts([0, 2], [30, 3 + NUMBERS_AHEAD], [60, 4 + 2 * NUMBERS_AHEAD], [90, 4 + 3 * NUMBERS_AHEAD]), [1, 2, 3, 1], 'numbers skipped on purpose were not taken; a jump in between is')
  t.strictSame(counts([0, undefined], [30, undefined], [60, 7], [90, 8]), [1, 2, 3, 4], 'a proxy that names no number: time alone')
  t.strictSame(counts([0, 9], [30, 4], [60, 10]), [1, 2, 3], 'late news of an earlier number')
  t.strictSame(counts([0, 2], [599.999, 3], [1199.999, 4]), [1, 2, 1], 'ten minutes later it is forgiven')
  t.strictSame(countFailure({ failures: 2, failedAt: now, stalledAt: now - 5_000, failedCseq: 7 }, 6, now + 1_000), { failures: 2, failedAt: now + 1_000, stalledAt: now - 5_000, failedCseq: 7 })
})
