import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { createFileStore } from '../../src/contact-store/file-store.ts'
import { createHttpStore, type HttpStoreOptions } from '../../src/contact-store/http-store.ts'
import type { Contact, ContactDelta } from '../../src/core/model/contact.ts'
import type { ContactStore, StoredContacts } from '../../src/core/model/contact-store.ts'
import { start } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'
import { createDataDirectory } from '../support/database.ts'

/** The stores elsewhere: each keeps the promises of the port, over real files and a real HTTP server. */

const anna = 'anna@nordwind.example'
const boris = 'boris@nordwind.example'
const AWKWARD = 'Zoë "Ö" \\ & <x/>\n🎈'
const KEY = 'key-of-the-store-7'

const contact = (user: string, more: Partial<Contact> = {}): Contact => ({ user, displayName: '', groups: [1], subscribed: true, externalUri: '', extension: '', ...more })
const group = { id: 1, name: '~', externalUri: '' }
const list = (epoch: number, deltaNum: number, ...contacts: readonly Contact[]): StoredContacts => ({ epoch, deltaNum, groups: [group], contacts })
const delta = (deltaNum: number, change: ContactDelta['change']): ContactDelta => ({ prevDeltaNum: deltaNum - 1, deltaNum, change })

interface JsonChange { readonly deltaNum: number; readonly kind: string; readonly group?: object; readonly contact?: { readonly uri: string }; readonly id?: number; readonly uri?: string }
interface JsonList { epoch: number; deltaNum: number; groups: { id: number }[]; contacts: { uri: string }[] }

/** A service as others would write it, from nothing but the documents; `trouble` is what it does instead of answering. */
class Service {
  readonly lists = new Map<string, JsonList>()
  readonly asked: string[] = []
  trouble: ((response: ServerResponse) => void)[] = []

  private change(held: JsonList, changes: readonly JsonChange[]): void {
    for (const { deltaNum, kind, group: put, contact: person, id, uri } of changes) {
      if (deltaNum <= held.deltaNum) continue
      held.deltaNum = deltaNum
      if (kind.endsWith('Group')) held.groups = held.groups.filter((one) => one.id !== (id ?? (put as { id: number }).id)).concat(put === undefined ? [] : [put as { id: number }])
      else held.contacts = held.contacts.filter((one) => one.uri !== (uri ?? person?.uri)).concat(person === undefined ? [] : [person])
    }
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    this.asked.push(`${request.method} ${request.url}`)
    const trouble = this.trouble.shift()
    if (trouble !== undefined) return trouble(response)
    const end = (status: number, body?: object): void => { response.writeHead(status, { 'content-type': 'application/json' }).end(body === undefined ? undefined : JSON.stringify(body)) }
    if (request.headers.authorization !== `Bearer ${KEY}`) return end(401)
    const [, , user = '', more] = (request.url ?? '').split('/')
    const held = this.lists.get(decodeURIComponent(user))
    if (request.method === 'GET') return held === undefined ? end(404) : end(200, held)
    const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as JsonList & { changes: readonly JsonChange[] }
    if (more === 'changes') {
      if (held?.epoch !== body.epoch) return end(409)
      this.change(held, body.changes)
    } else if (held === undefined || body.epoch > held.epoch || (body.epoch === held.epoch && body.deltaNum > held.deltaNum)) {
      this.lists.set(decodeURIComponent(user), { epoch: body.epoch, deltaNum: body.deltaNum, groups: body.groups, contacts: body.contacts })
    }
    return end(204)
  }
}

const openService = async (t: Test, options: Partial<HttpStoreOptions> = {}) => {
  const service = new Service()
  const server = createServer((request, response) => { void service.answer(request, response) })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const pauses: number[] = []
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/lists/`
  const store = createHttpStore({ url, key: KEY, timeoutMs: 2_000, pause: async (milliseconds) => { pauses.push(milliseconds) }, ...options })
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(async () => {
    store.close()
    await stop()
  })
  return { service, store, pauses, url, stop }
}

let names = 0
const fresh = (): string => String(names += 1)

const kinds: Readonly<Record<string, (t: Test) => Promise<ContactStore>>> = {
  file: async (t) => createFileStore(join(t.testdir(), 'deep', 'er'), fresh),
  http: async (t) => (await openService(t)).store,
}

for (const [kind, open] of Object.entries(kinds)) {
  t.test(`${kind}: takes lists and changes once, the newest move wins`, async (t) => {
    const store = await open(t)
    t.equal(await store.readList(anna), undefined)
    const full: StoredContacts = {
      epoch: 10, deltaNum: 5, groups: [group, { id: 2, name: AWKWARD, externalUri: AWKWARD }],
      contacts: [contact(boris, { displayName: AWKWARD, groups: [1, 2], subscribed: false, externalUri: 'x', extension: '<a>ü</a>' }), contact('+4940555@nordwind.example')],
    }
    await store.putList(anna, full)
    t.strictSame(await store.readList(anna), full)
    t.equal(await store.readList(boris), undefined, 'each user has a list of its own')
    await store.putList(anna, list(10, 5))
    await store.putList(anna, list(9, 99))
    await store.putList(anna, list(10, 4))
    t.strictSame(await store.readList(anna), full, 'the same number again, an earlier move, an earlier number')
    await store.putList(anna, list(10, 6, contact(boris)))
    await store.putList(anna, list(11, 2, contact(boris)))
    t.strictSame(await store.readList(anna), list(11, 2, contact(boris)), 'a later number, a later move')

    const changes = [delta(3, { kind: 'addedGroup', group: { id: 3, name: 'Werft', externalUri: '' } }), delta(4, { kind: 'addedContact', contact: contact('c@x.example', { groups: [3] }) })]
    await store.applyChanges(anna, 11, changes)
    await store.applyChanges(anna, 11, [...changes, delta(7, { kind: 'modifiedContact', contact: contact(boris, { displayName: 'B' }) })])
    await store.applyChanges(anna, 11, [delta(8, { kind: 'modifiedGroup', group: { id: 3, name: 'Hafen', externalUri: '' } })])
    const after = await store.readList(anna)
    t.strictSame([after?.deltaNum, after?.groups, [...after?.contacts ?? []].sort((a, b) => (a.user < b.user ? -1 : 1))], [8, [group, { id: 3, name: 'Hafen', externalUri: '' }], [contact(boris, { displayName: 'B' }), contact('c@x.example', { groups: [3] })]])
    await store.applyChanges(anna, 11, changes)
    await store.applyChanges(anna, 11, [delta(9, { kind: 'deletedContact', user: 'c@x.example' }), delta(10, { kind: 'deletedGroup', id: 3 })])
    t.strictSame(await store.readList(anna), list(11, 10, contact(boris, { displayName: 'B' })), 'what it has passed is left aside')
    await t.rejects(store.applyChanges(anna, 10, [delta(11, { kind: 'deletedContact', user: boris })]), /409|no list of this move/, 'changes of an earlier move')
    await t.rejects(store.applyChanges(boris, 10, []), /409|no list of this move/, 'of a list that is not there')
  })
}

t.test('file: one JSON document a user, whole at every moment, readable by nobody else', async (t) => {
  const directory = t.testdir()
  const store = createFileStore(directory, fresh)
  await store.putList(anna, list(1, 1, contact(boris)))
  const long = `${'ü'.repeat(200)}@nordwind.example`
  for (const user of [`..@nordwind.example`, `a/b@nordwind.example`, long]) {
    await store.putList(user, list(1, 1))
    t.strictSame(await store.readList(user), list(1, 1), user)
  }
  const files = readdirSync(directory).sort()
  t.match(files, ['..%40nordwind.example.json', /^[0-9a-f]{64}\.json$/, 'a%2Fb%40nordwind.example.json', 'anna%40nordwind.example.json'])
  t.strictSame(JSON.parse(readFileSync(join(directory, 'anna%40nordwind.example.json'), 'utf8')), {
    user: `sip:${anna}`, epoch: 1, deltaNum: 1, groups: [{ id: 1, name: '~', externalUri: '' }],
    contacts: [{ uri: `sip:${boris}`, displayName: '', groups: [1], subscribed: true, externalUri: '', extension: '' }],
  })
  t.equal(statSync(join(directory, 'anna%40nordwind.example.json')).mode & 0o777, 0o600)
  writeFileSync(join(directory, '.99.half'), 'what an engine that died left behind')
  t.strictSame(await store.readList(anna), list(1, 1, contact(boris)))
})

t.test('file: what others write is read with what it leaves out; what cannot be read or written says why', async (t) => {
  const directory = t.testdir()
  const store = createFileStore(directory, fresh)
  const write = (document: unknown): void => writeFileSync(join(directory, 'anna%40nordwind.example.json'), typeof document === 'string' ? document : JSON.stringify(document))
  write({ epoch: 1, deltaNum: 2, groups: [{ id: 1, name: '~' }], contacts: [{ uri: boris }], more: 'passed over' })
  t.strictSame(await store.readList(anna), { ...list(1, 2), contacts: [contact(boris, { groups: [] })] })
  for (const [document, says] of [
    ['{', /not JSON/], [[], /no contact list/], [{ epoch: 1, deltaNum: 1, groups: [] }, /no contact list:.*contacts/], [{ epoch: 1, deltaNum: 1, groups: [], contacts: [{ uri: 7 }] }, /\/contacts\/0\/uri must be string/],
    [{ epoch: 1, deltaNum: 1, groups: [], contacts: [{ uri: 'nobody' }] }, /"nobody", which is no SIP URI/],
  ] as const) {
    write(document)
    await t.rejects(store.readList(anna), says)
    await t.rejects(store.putList(anna, list(9, 9)), says, 'nor is it overwritten')
  }
  mkdirSync(join(directory, 'boris%40nordwind.example.json', 'in the way'), { recursive: true })
  await t.rejects(store.putList(boris, list(1, 1)), /EISDIR/)
  t.strictSame(readdirSync(directory).filter((file) => file.endsWith('.half')), [], 'nothing half is left')
  writeFileSync(join(directory, 'file'), '')
  t.throws(() => createFileStore(join(directory, 'file'), fresh), /EEXIST/)
})

t.test('http: passing trouble is tried again after growing pauses, other refusals are not', async (t) => {
  const { service, store, pauses } = await openService(t, { timeoutMs: 250 })
  const status = (code: number) => (response: ServerResponse): void => { response.writeHead(code).end() }
  const cut = (response: ServerResponse): void => { response.destroy() }
  const silent = (): void => undefined
  const half = (response: ServerResponse): void => { response.writeHead(200, { 'content-length': '100' }).write('{') }
  for (const [name, trouble, asked, says] of [
    ['overloaded once', [status(503)], 2, undefined], ['too many requests, then a fault', [status(429), status(500)], 3, undefined], ['cut off', [cut], 2, undefined], ['silent', [silent], 2, undefined], ['half an answer', [half], 2, undefined],
    ['down for long', [status(502), cut, status(503)], 3, /answers 503 to PUT/], ['refused', [status(403)], 1, /answers 403 to PUT/], ['gone', [status(404)], 1, /answers 404 to PUT/],
    ['sent elsewhere', [1, 2, 3].map(() => (response: ServerResponse): void => { response.writeHead(302, { location: '/other' }).end() }), 3, /does not answer/],
  ] as const) {
    service.asked.length = 0
    pauses.length = 0
    service.trouble = [...trouble]
    const put = store.putList(anna, list(1, names += 1))
    if (says === undefined) await t.resolves(put, name)
    else await t.rejects(put, says, name)
    t.strictSame([service.asked.length, pauses], [asked, [200, 600].slice(0, asked - 1)], name)
  }
  t.equal((await store.readList(anna))?.epoch, 1)
  t.strictSame(service.asked.at(-1), 'GET /lists/anna%40nordwind.example')
})

t.test('http: nobody there, a wrong key, an answer that is none or too much, the end', async (t) => {
  const { service, store, url, stop } = await openService(t)
  await t.rejects(createHttpStore({ url, key: undefined, timeoutMs: 500, pause: async () => undefined }).readList(anna), /answers 401 to GET/)
  service.trouble = [(response) => { response.writeHead(200).end('{"epoch":') }]
  await t.rejects(store.readList(anna), /not JSON/)
  service.trouble = [(response) => { response.writeHead(200).end(Buffer.alloc(16 * 1024 * 1024 + 1, 32)) }]
  await t.rejects(store.readList(anna), /more than 16777216 bytes/)
  await stop()
  await t.rejects(store.readList(anna), { message: 'the store does not answer' })
  store.close()
  await t.rejects(store.putList(anna, list(1, 1)), { message: 'the store does not answer' })
})

t.test('a running engine moves lists to the store that its configuration names', async (t) => {
  const { service, url } = await openService(t)
  const config = readConfig({
    PRESENTIA_DATA_DIR: await createDataDirectory(t), PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_LOG_LEVEL: 'silent',
    PRESENTIA_CONTACT_STORE: 'true', PRESENTIA_CONTACT_STORE_KIND: 'http', PRESENTIA_CONTACT_STORE_URL: url, PRESENTIA_CONTACT_STORE_KEY: KEY,
  })
  const engine = await start(config, createLog(config.logLevel))
  const ask = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> =>
    (await fetch(`${engine.adminAddress}/admin/v1${path}`, { method, headers: { authorization: `Bearer ${engine.adminKey}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })).json() as Promise<Record<string, unknown>>
  await ask('PUT', '/domains/nordwind.example', { kind: 'enterprise' })
  await ask('PUT', `/users/${anna}`, { displayName: 'Anna' })
  await ask('PUT', `/users/${anna}/contact-store`, { allowed: true })
  t.match(await ask('POST', `/users/${anna}/contact-store/start`), { mode: 'allowed' })
  // The timer comes by itself within a second or so; the limit of the test is that of the waiting.
  while ((await ask('GET', `/users/${anna}/contact-store`))['mode'] !== 'migrated') await sleep(50)
  t.match(service.lists.get(anna), { deltaNum: 1, groups: [{ id: 1, name: '~' }], contacts: [] })
  await engine.stop()
})
