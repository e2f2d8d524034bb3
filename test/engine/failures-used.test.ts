import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { failure, failureEntry, failures, type FailureName } from '../../src/core/base/failure.ts'
import { writeRefusal } from '../../src/core/sip/reply.ts'

const source = resolve(import.meta.dirname, '../../src')
const names = Object.keys(failures) as FailureName[]
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.endsWith('failure.ts')).map((file) => ({ file, text: readFileSync(join(source, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '') }))

t.test('each refusal of the catalogue is used', async (t) => {
  for (const name of names) t.ok(files.some(({ text }) => text.includes(`'${name}'`)), name)
})

t.test('no other refusal is used', async (t) => {
  for (const { file, text } of files) {
    for (const [, name = ''] of text.matchAll(/\bfailure\('(\w+)'/g)) t.ok(name in failures, `${file}: ${name}`)
  }
})

t.test('no status and no diagnostics code is invented elsewhere', async (t) => {
  for (const { file, text } of files) {
    // The 200 of an answer and the 204 of RFC 5839, and HTTP's own statuses in the HTTP room.
    if (!/^(http|cli)\b/.test(file)) t.notMatch(text, /\bstatus: (?!20[04]\b)\d{3}\b/, file)
    t.notMatch(text, /ms-diagnostics(-public)?: /, file)
    if (file !== join('core', 'sip', 'reply.ts')) t.notMatch(text, /'ms-diagnostics/, file)
  }
})

t.test('entries are sound: a final error status, a sentence, a section, one meaning a code', async (t) => {
  const reasons = new Map<number, string>()
  for (const name of names) {
    const { status, reason, section, sentence, diagnostics } = failureEntry(name)
    t.ok(status >= 400 && status < 700, name)
    t.match(reason, /^[A-Z][A-Za-z ]+$/, name)
    t.ok(section.length > 0, name)
    t.match(sentence, /^[A-Z].*\.$/, name)
    if (diagnostics === undefined) continue
    t.equal(reasons.get(diagnostics.id) ?? diagnostics.reason, diagnostics.reason, `${diagnostics.id} of ${name}`)
    reasons.set(diagnostics.id, diagnostics.reason)
  }
})

t.test('every refusal becomes an answer that says why and is safe on the wire', async (t) => {
  for (const name of names) {
    const reply = writeRefusal(failure(name, 'a "quoted"\r\nInjected: yes \\ ü'), 'tag', { server: 'a"b', requestId: 'id\r\n' })
    const [header, value = ''] = reply.headers.find(([candidate]) => candidate.startsWith('ms-diagnostics')) ?? []
    t.ok(header, name)
    t.match(value, /^\d{4};reason="[^"\\]+"(;source="[^"\\]*")?;detail="[^"\\]*";request="[^"\\]*"$/, name)
    t.notMatch(value, /[^\x20-\x7e]/, name)
    t.equal(header === 'ms-diagnostics-public', !value.includes(';source='), `${name}: what may cross federation names no server`)
  }
})
