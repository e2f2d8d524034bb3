import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { settings } from '../src/config/config.ts'
import { failureEntry, failures, type FailureName } from '../src/core/base/failure.ts'
import { createMetrics } from '../src/observe/metrics.ts'
import { customRow, doNotDisturb, machineRows, stateRows, type StateRow } from '../src/core/publications/pidf-table.ts'
import { presenceTable, rpidActivities } from '../src/core/documents/presence-tables.ts'
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

t.test('the README shows what becomes of what phones publish, and what phones see of others, as the tables of the code have it', async (t) => {
  const row = ({ input, kind, availability, manual, activity, why }: StateRow): string => {
    const type = kind === 'outOfOffice' ? 'calendarState' : kind
    const shown = activity === undefined ? '' : `${activity.token}, ${activity.min}–${activity.max ?? ''}${activity.only === undefined ? '' : ' (300 only)'}`
    return `| ${input} | ${type}${manual ? ', manual' : ''} | ${availability?.[2] ?? ''} | ${availability?.[3] ?? ''} | ${shown} | ${why} |`
  }
  const from = [...machineRows, ...stateRows, customRow]
  t.ok(from.includes(doNotDisturb))
  t.same(rows.filter((line) => / \| (machine|user|phone|calendar|presenting)State[ ,]/.test(line)), from.map(row))
  const back = presenceTable.map((line) => {
    const activities = rpidActivities(line, line.token).map((activity) => (typeof activity === 'string' ? activity : `other: ${activity.other}`)).join(', ')
    return `| ${line.from}–${line.to === Infinity ? '' : line.to}${line.token === undefined ? '' : `, ${line.token}`} | ${line.pidf.basic} | ${activities} | ${line.rpid.idle ? 'idle' : ''} |`
  })
  t.same(rows.filter((line) => / \| (open|closed) \| /.test(line)), back)
})

t.test('every npm command of the README exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
  for (const [, name] of readme.matchAll(/npm run ([a-z:]+)/g)) t.ok(name !== undefined && scripts[name] !== undefined, name ?? '')
})
