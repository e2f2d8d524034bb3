import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'

const root = resolve(import.meta.dirname, '..')
const source = join(root, 'src')

/** Rooms from the ground up; a file may import from its own room and from lower floors only. */
const floors: readonly (readonly string[])[] = [
  ['core/base', 'config'],
  ['core/xml', 'core/sip', 'core/admission', 'observe'],
  ['core/model'],
  ['core/categories', 'core/ldap', 'core/requests', 'core/resolution'],
  ['core/aggregation', 'core/documents'],
  ['core/notifications'],
  ['core/publications', 'core/containers', 'core/contacts', 'core/registrations', 'core/subscriptions', 'core/subscribers', 'core/delegates', 'core/directory', 'core/access-lists'],
  ['store'],
  ['engine', 'delivery', 'ldap', 'timers', 'contact-store'],
  ['http'],
  ['main'],
  ['cli'],
]

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => file.replaceAll('\\', '/'))

const roomOf = (file: string): string => {
  const rooms = floors.flat().filter((room) => file === `${room}.ts` || file.startsWith(`${room}/`))
  return rooms.sort((a, b) => b.length - a.length)[0] ?? ''
}

const floorOf = (file: string): number => floors.findIndex((rooms) => rooms.includes(roomOf(file)))

const read = (file: string): string => readFileSync(join(source, file), 'utf8')

const importsOf = (file: string): readonly string[] =>
  [...read(file).matchAll(/^(?:import|export)\s[^'"]*?from\s+'([^']+)'/gm), ...read(file).matchAll(/\bimport\('([^']+)'\)/g)].flatMap(([, from]) => (from === undefined ? [] : [from]))

const local = (file: string): readonly string[] =>
  importsOf(file).filter((from) => from.startsWith('.')).map((from) => relative(source, resolve(dirname(join(source, file)), from)).replaceAll('\\', '/'))

t.test('every file lives in a room of a floor', async (t) => {
  for (const file of files) t.ok(floorOf(file) >= 0, file)
})

t.test('imports only go down or stay in the room', async (t) => {
  for (const file of files) {
    for (const other of local(file)) {
      t.ok(roomOf(other) === roomOf(file) || floorOf(other) < floorOf(file), `${file} may not import ${other}`)
    }
  }
})

t.test('no file imports itself through others', async (t) => {
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      t.fail(`cycle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`)
      return
    }
    if (done.has(file)) return
    for (const other of local(file)) walk(other, [...path, file])
    done.add(file)
  }
  for (const file of files) walk(file, [])
  t.equal(done.size, files.length)
})

t.test('the core is pure: no clock, chance, process, console, timers or I/O', async (t) => {
  const forbidden = /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\brandomUUID\b|\brandomBytes\b|\bprocess\.|\bconsole\.|\bset(Timeout|Interval|Immediate)\b|\bfetch\(|\bperformance\./
  const libraries = new Set(['saxes', 'node:crypto'])
  for (const file of files.filter((file) => file.startsWith('core/'))) {
    const found = forbidden.exec(read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''))
    t.equal(found, null, `${file}: ${found?.[0] ?? ''}`)
    // Payloads are judged by ajv, on the objects that fast-xml-parser makes of what came through the strict door.
    const more = file.startsWith('core/categories/') ? ['ajv', 'fast-xml-parser'] : []
    for (const from of importsOf(file)) t.ok(from.startsWith('.') || libraries.has(from) || more.includes(from), `${file} imports ${from}`)
    if (importsOf(file).includes('node:crypto')) t.match(read(file), /import \{ createHash \} from 'node:crypto'/, `${file} may only hash`)
  }
})

t.test('one door each: XML is read in core/xml/parse.ts, SIP in core/sip/message.ts, SQL stands in store', async (t) => {
  for (const file of files) {
    if (file !== 'core/xml/parse.ts' && file !== 'core/categories/payload-object.ts') t.notOk(importsOf(file).some((from) => from === 'saxes' || from === 'fast-xml-parser'), `${file} reads XML by itself`)
    // The benchmark and check tools look into the database by themselves.
    if (!/^(store|cli)\//.test(file)) t.notMatch(read(file), /\b(INSERT INTO|DELETE FROM|SELECT .+ FROM|UPDATE \w+ SET)\b/, `${file} holds SQL`)
    if (!/^(store|main\.ts|cli)/.test(file)) t.notMatch(read(file), /from 'pg'(?<!import type [^\n]*)/, `${file} imports pg`)
  }
})

t.test('files have one purpose: at most 300 lines, and no way around the type checker', async (t) => {
  for (const file of files) {
    t.ok(read(file).split('\n').length <= 301, `${file} is too long`)
    t.notMatch(read(file), /: any\b|\bas any\b|@ts-ignore|@ts-expect-error|\w!\.|\w!;|\w!\)/, `${file} silences the compiler`)
  }
})

t.test('nothing points at folders that a clone does not have', async (t) => {
  const top = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|mjs|md|cfg|sh|yml|json|sql)$/.test(file) && !/^(node_modules|dist|\.tap|\.git|\.presentia)\b/.test(file) && file !== 'package-lock.json' && !file.startsWith('test/architecture'))
  for (const file of top) t.notMatch(readFileSync(join(root, file), 'utf8'), /\.\.\/shared|\/work\/(main|shared)/, file)
})

t.test('no two statements have one name: a connection that knows the one would refuse the other', async (t) => {
  const names = files.flatMap((file) => [...read(file).matchAll(/\bstatement\('([^']+)'/g)].map(([, name]) => name))
  t.ok(names.length > 100)
  t.same(names.filter((name, at) => names.indexOf(name) !== at), [])
})
