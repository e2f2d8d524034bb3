import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { settings } from '../src/config/config.ts'
import { failureEntry, failures, type FailureName } from '../src/core/base/failure.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { notifyRules } from '../src/core/subscriptions/notify-results.ts'

const root = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const rows = readme.split('\n').filter((line) => line.startsWith('| '))

t.test('the README lists every setting with its default and meaning, and no other', async (t) => {
  const expected = settings.map(({ env, default: value, description }) => `| \`${env}\` | ${value === undefined ? '' : `\`${typeof value === 'object' ? JSON.stringify(value) : String(value)}\``} | ${description} |`)
  t.same(rows.filter((row) => row.startsWith('| `PRESENTIA_')), expected)
})

t.test('the README lists every refusal with status, code and section, and no other', async (t) => {
  const expected = (Object.keys(failures) as FailureName[]).map((name) => {
    const { status, diagnostics, section, sentence } = failureEntry(name)
    return `| ${name} | ${status} | ${diagnostics === undefined ? '4000' : `${diagnostics.id}${diagnostics.public === true ? ' public' : ''}`} | ${section} | ${sentence} |`
  })
  t.same(rows.filter((row) => /^\| [a-zA-Z]+ \| [45]\d\d \|/.test(row)), expected)
})

t.test('the README lists every metric of ours with its meaning and what to do, and no other', async (t) => {
  const metrics = createMetrics()
  metrics.watch({ stock: () => Promise.reject(new Error('nobody is asked')), load: () => [], isDatabaseAway: () => false, conflictStorms: () => 0 })
  const ours = [...(await metrics.text()).matchAll(/^# HELP (presentia_(?!process_|nodejs_)\w+) (.+)$/gm)].map(([, name, help]) => `| \`${name}\` | ${help} |`)
  t.ok(ours.length > 15)
  const told = rows.filter((row) => row.startsWith('| `presentia_'))
  t.strictSame(told.map((row) => row.split('|').slice(0, 3).join('|') + '|').sort(), ours.sort())
  for (const row of told) t.match(row, /\| [A-Z0-9`][^|]+\. \|$/, row)
})

t.test('the README lists every answer to NOTIFY with what comes of it, and no other', async (t) => {
  const expected = notifyRules.map(({ codes, over, then, afterMs, limit, why }) => {
    const code = codes.map((each) => (each % 100 === 0 ? `${each}, other ${each / 100}xx` : String(each))).join(', ')
    const what = then === 'end' ? 'ends at once' : then === 'keep' ? 'stays; nothing is owed' : `is owed the latest state, after ${afterMs / 1000} s`
    return `| ${code} | ${over === undefined ? 'any' : over === 'udp' ? 'UDP' : 'TCP, TLS, WS'} | ${what} | ${then === 'end' ? '' : limit} | ${why} |`
  })
  t.same(rows.filter((row) => /^\| [3-6]\d\d[, ]/.test(row)), expected)
})

t.test('every npm command of the README exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
  for (const [, name] of readme.matchAll(/npm run ([a-z:]+)/g)) t.ok(name !== undefined && scripts[name] !== undefined, name ?? '')
})
