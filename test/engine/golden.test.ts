import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { defaultPlan } from '../../src/core/aggregation/plan.ts'
import { builtInRegistry } from '../../src/core/categories/registry.ts'
import { permitAll } from '../../src/engine/steer-contact-store.ts'
import type { Client } from '../support/client.ts'
import { FakeContactStore, movesContacts } from '../support/contact-store.ts'
import { cutParts, type Heard } from '../support/heard.ts'
import { compareXml, fillIn, matchText, type Bindings } from '../support/infoset.ts'
import { hasStructure, noteDocuments, type Documents } from '../support/structure.ts'
import { openWorld, people } from '../support/world.ts'

/*
 * Plays the exchanges in golden/*.txt: each file is a dialogue of blocks, a block starts with a line `--- who does what`.
 *   --- anna registers EPID            --- anna sends (raw request; {bound} names are filled in)
 *   --- answer (status line, headers, body)         --- anna hears (a notification)        --- anna hears nothing
 *   --- pause SECONDS                  --- server publishes (3.2.6.2; it does from here on)
 *   --- operator sets WHO (what is known of the user as JSON)
 *   --- there is a contact store (at the start of a file)
 *   --- debts are paid (by the timers, as everything else that they do)
 *   --- operator lets contact lists move              --- contact lists are moved (by the timer of MS-PRES 3.10)
 *   --- server computes (what the plan of the specification says; at the start of a file)
 * A user with several endpoints is anna, anna/laptop and so on.
 * In what is expected, {name} stands for any word, the same everywhere in the file. Header lines must be exactly these, in any order;
 * XML is compared as infoset. The answer's To tag is written as the header To-Tag.
 */

const world = await openWorld(t)
const documents: Documents = new Map()
const folder = join(import.meta.dirname, 'golden')

interface Block {
  readonly command: string
  readonly text: string
  readonly line: number
}

const readBlocks = (text: string): readonly Block[] => {
  const blocks: { command: string; text: string; line: number }[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('--- ')) blocks.push({ command: line.slice(4).trim(), text: '', line: at + 1 })
    else if (blocks.length > 0) {
      const last = blocks.at(-1)
      if (last !== undefined) last.text += `${line}\n`
    } else if (line !== '' && !line.startsWith('#')) throw new Error(`line ${at + 1} stands before the first block`)
  }
  return blocks
}

const split = (text: string): { readonly head: readonly string[]; readonly body: string } => {
  const end = text.indexOf('\n\n')
  const head = (end < 0 ? text : text.slice(0, end)).split('\n').filter((line) => line !== '')
  return { head, body: end < 0 ? '' : text.slice(end + 2).trimEnd() }
}

const toRequest = (text: string): string => {
  const { head, body } = split(text)
  return `${[...head, `Content-Length: ${Buffer.byteLength(body)}`].join('\r\n')}\r\n\r\n${body}`
}

const matchBody = (contentType: string, expected: string, actual: string, bindings: Bindings): string | undefined => {
  if (!contentType.startsWith('multipart/')) return expected === '' || actual === '' ? (expected === actual ? undefined : `expected body:\n${expected}\ngot:\n${actual}`) : compareXml(expected, actual, bindings)
  const wanted = expected.split(/^--\S+\n?/m).slice(1, -1).map((part) => split(part))
  const parts = cutParts(contentType, actual)
  if (wanted.length !== parts.length) return `expected ${wanted.length} parts, got ${parts.length}`
  for (const [at, { head, body }] of wanted.entries()) {
    const part = parts[at]
    if (part === undefined || head.length !== part.headers.length || head.some((line, place) => matchText(line, part.headers[place] ?? '', bindings) !== undefined)) return `part ${at + 1}: expected ${head.join(' | ')}, got ${part?.headers.join(' | ') ?? 'none'}`
    const wrong = compareXml(body, part.text, bindings)
    if (wrong !== undefined) return `part ${at + 1}: ${wrong}`
  }
  return undefined
}

const check = (t: Test, name: string, text: string, start: string, heard: Heard, bindings: Bindings): void => {
  const { head: [first = '', ...lines], body } = split(text)
  t.equal(matchText(first, start, bindings), undefined, `${name}: ${first}`)
  const actual = heard.headers.map(([header, value]) => `${header}: ${value}`)
  if (heard.status > 0) actual.push(`To-Tag: ${heard.toTag}`)
  for (const line of lines) {
    const at = actual.findIndex((candidate) => candidate.split(':', 1)[0] === line.split(':', 1)[0] && matchText(line, candidate, new Map(bindings)) === undefined)
    t.ok(at >= 0, `${name}: ${line}`, { heard: actual })
    if (at >= 0) matchText(line, actual.splice(at, 1)[0] ?? '', bindings)
  }
  t.strictSame(actual.filter((line) => !/^(ms-diagnostics(-public)?): /.test(line)), [], `${name}: no other headers`)
  t.equal(matchBody(heard.header('Content-Type') ?? '', body, heard.body, bindings), undefined, `${name}: body`)
  noteDocuments(documents, heard.header('Content-Type') ?? '', heard.body)
}

const play = async (t: Test, blocks: readonly Block[]): Promise<void> => {
  const bindings: Bindings = new Map()
  const clients = new Map<string, Client>()
  const contactStore = new FakeContactStore()
  const clientOf = (name: string, epid?: string): Client => {
    const client = clients.get(name) ?? world.client(people[name.split('/', 1)[0] as keyof typeof people], epid)
    clients.set(name, client)
    return client
  }
  let answer: Heard | undefined
  for (const { command, text, line } of blocks) {
    const name = `line ${line}`
    const [who = '', verb = '', what] = command.split(' ')
    if (verb === 'registers') {
      const client = clientOf(who, what)
      const uuid = /uuid:([0-9A-Fa-f-]+)/.exec(text)?.[1]
      t.match(await client.registers(uuid === undefined ? {} : { contact: `${client.contact};+sip.instance="<urn:uuid:${uuid}>"` }), { action: 'added' }, name)
    } else if (verb === 'sends') {
      answer = await clientOf(who).sendsRaw(toRequest(fillIn(text, bindings)))
    } else if (command === 'answer') {
      if (answer === undefined) throw new Error(`${name}: there was no request`)
      check(t, name, text, `SIP/2.0 ${answer.status} ${answer.status === 200 ? 'OK' : answer.status === 204 ? 'No Notification' : ''}`.trim(), answer, bindings)
    } else if (verb === 'hears') {
      const [heard, ...more] = clientOf(who).hears()
      t.strictSame(more.map(({ says }) => says), [], `${name}: one notification at most`)
      if (what === 'nothing') t.equal(heard, undefined, name)
      else if (heard === undefined) t.fail(`${name}: nothing was heard`)
      else check(t, name, text, `${heard.method} ${heard.ruri} SIP/2.0`, heard, bindings)
    } else if (command === 'there is a contact store') {
      world.restart({ features: { ...world.engine.features, contactStore: true } })
    } else if (command === 'operator lets contact lists move') {
      await permitAll(world, true, world.now)
    } else if (command === 'contact lists are moved') {
      // What is told on the way may be told together with the end.
      const moved: string[] = []
      t.strictSame(await movesContacts(world, contactStore, { wake: (users) => moved.push(...users) }), [], name)
      world.delivery.wake(moved)
      await world.delivery.idle()
    } else if (command === 'server publishes') {
      world.restart({ serverPublications: true })
    } else if (who === 'operator' && verb === 'sets') {
      await world.sets(people[what as keyof typeof people], JSON.parse(text) as { readonly displayName: string })
    } else if (command === 'debts are paid') await world.timers()
    else if (who === 'pause') world.advance(Number(verb))
    else if (command === 'server computes') await world.reset({ plan: defaultPlan, categories: { registry: async () => builtInRegistry, forget: () => undefined } })
    else throw new Error(`${name}: "${command}" is not known`)
  }
}

for (const file of readdirSync(folder).sort()) {
  t.test(`golden exchange ${file.replace('.txt', '')}`, async (t) => play(t, readBlocks(readFileSync(join(folder, file), 'utf8'))))
}

t.test('a reader that shares nothing with ours finds the structures that are published', async (t) => {
  for (const [structure, texts] of documents) await hasStructure(t, structure, texts)
  t.ok(documents.has('rlmi'))
})

t.test('the runner sees a difference in each place where one can be', async (t) => {
  const bindings: Bindings = new Map([['tag', 'abc']])
  t.equal(matchText('x;tag={tag}', 'x;tag=abc', bindings), undefined)
  t.ok(matchText('x;tag={tag}', 'x;tag=abd', bindings))
  t.ok(matchText('{a} {a}', 'x y', new Map()))
  t.equal(compareXml('<a x="1" y="2"> <b/> </a>', '<a y="2" x="1"><b></b></a>'), undefined)
  t.equal(compareXml('<p:a xmlns:p="u"><p:b/></p:a>', '<a xmlns="u"><b/></a>'), undefined)
  for (const [one, other] of [['<a/>', '<a xmlns="u"/>'], ['<a x="1"/>', '<a/>'], ['<a/>', '<a x="1"/>'], ['<a x="1"/>', '<a x="2"/>'], ['<a><b/></a>', '<a/>'], ['<a/>', '<a><b/></a>'], ['<a>x</a>', '<a>y</a>'], ['<a>x </a>', '<a>x</a>'], ['<a><b/><c/></a>', '<a><c/><b/></a>']] as const) t.ok(compareXml(one, other), `${one} ${other}`)
  t.ok(matchBody('text/xml', '', '<a/>', new Map()))
  t.ok(matchBody('text/xml', '<a/>', '', new Map()))
})
