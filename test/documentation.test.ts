import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { settings } from '../src/config/config.ts'
import { failureEntry, failures, type FailureName } from '../src/core/base/failure.ts'

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

t.test('every npm command of the README exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> }
  for (const [, name] of readme.matchAll(/npm run ([a-z:]+)/g)) t.ok(name !== undefined && scripts[name] !== undefined, name ?? '')
})
