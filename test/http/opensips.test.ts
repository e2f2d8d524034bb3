import { createSocket, type RemoteInfo } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/config.ts'
import type { NotifyInstruction } from '../../src/core/model/dialog.ts'
import type { RegisteredEndpoint } from '../../src/core/registrations/lease.ts'
import { createClient, createRegistrar } from '../../src/delivery/clients.ts'
import type { ProxyClient } from '../../src/delivery/proxy-client.ts'
import { createMiDatagram } from '../../src/delivery/mi-datagram.ts'
import { createOpensipsClient } from '../../src/delivery/opensips.ts'
import type { RefusedNotify } from '../../src/delivery/refused-notify.ts'
import { createSendBehind } from '../../src/delivery/send-behind.ts'
import { start } from '../../src/main.ts'
import { createLog } from '../../src/observe/log.ts'

/**
 * The second proxy, as far as its documentation carries: OpenSIPS 3.4 itself never took part. Shapes are those of the modules' documentation and sources; where each
 * comes from stands beside it.
 */

interface Command {
  readonly jsonrpc: string
  readonly id: number
  readonly method: string
  readonly params?: Readonly<Record<string, string>>
}

/** Text that is sent as it is, an HTTP status, or nothing at all. */
type Raw = { readonly text: string } | { readonly status: number } | 'silence'
type Spoken = { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string; readonly data?: string } }
type Reply = Spoken | Raw
type Behaviour = (command: Command) => Reply

// tm, "t_uac_dlg": Status, and what the peer said as Message; RURI and Next-hop come with answers that make a dialog.
const final = (status: string, headers = ''): Spoken => ({ result: { Status: status, Message: `Via: SIP/2.0/UDP 192.0.2.1\r\n${headers}Content-Length: 0\r\n\r\n` } })
// A time-out has no message of a peer (tm, the answer made up by its timer).
const TIMEOUT: Spoken = { result: { Status: '408 Request Timeout' } }
// core, "version".
const VERSION: Spoken = { result: { Server: 'OpenSIPS (3.4.4 (x86_64/linux))' } }

const encode = (command: Command, reply: Spoken): string => JSON.stringify({ jsonrpc: '2.0', ...reply, id: command.id })

const readBody = async (request: IncomingMessage): Promise<string> => {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

interface Fake {
  readonly url: string
  readonly heard: Command[]
  readonly headers: IncomingMessage['headers'][]
  readonly close: () => void
  /** Answers a command that was left unanswered. */
  readonly later: (command: Command | undefined, reply: Reply) => void
}

/** mi_http: one command a request, no authentication of its own, 500 when a command gave nothing. */
const overHttp = async (t: Test, behaviour: Behaviour): Promise<Fake> => {
  const heard: Command[] = []
  const headers: IncomingMessage['headers'][] = []
  const server = createServer((request, response) => {
    headers.push(request.headers)
    void readBody(request).then((text) => {
      const command = JSON.parse(text) as Command
      heard.push(command)
      const reply = command.method === 'version' ? VERSION : behaviour(command)
      if (reply === 'silence') return
      if ('status' in reply) response.writeHead(reply.status, { 'content-type': 'application/json' }).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end('text' in reply ? reply.text : encode(command, reply))
    })
  })
  await new Promise<void>((listening) => { server.listen(0, '127.0.0.1', listening) })
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mi`, heard, headers, close, later: () => undefined }
}

/** mi_datagram on UDP: commands one after the other, answers whenever there is one. */
const overUdp = async (t: Test, behaviour: Behaviour): Promise<Fake> => {
  const heard: Command[] = []
  const socket = createSocket('udp4')
  let from: RemoteInfo | undefined
  const later = (command: Command | undefined, reply: Reply): void => {
    if (command === undefined || from === undefined) throw new Error('nothing was heard')
    if (reply !== 'silence' && !('status' in reply)) socket.send('text' in reply ? reply.text : encode(command, reply), from.port, from.address)
  }
  socket.on('message', (bytes, remote) => {
    from = remote
    const command = JSON.parse(bytes.toString('utf8')) as Command
    heard.push(command)
    later(command, command.method === 'version' ? VERSION : behaviour(command))
  })
  await new Promise<void>((listening) => { socket.bind(0, '127.0.0.1', listening) })
  let open = true
  const close = (): void => {
    if (open) socket.close()
    open = false
  }
  t.teardown(close)
  return { url: `udp://127.0.0.1:${socket.address().port}`, heard, headers: [], close, later }
}

const SECRET = 'a-secret-of-16-chars'

interface Connected extends ProxyClient {
  readonly refused: RefusedNotify[]
  /** Resolves with the next failed NOTIFY that is told. */
  readonly nextRefused: () => Promise<RefusedNotify>
}

const connect = (t: Test, url: string, timeoutMs = 2_000): Connected => {
  const refused: RefusedNotify[] = []
  const waiting: ((notify: RefusedNotify) => void)[] = []
  const client = createClient('osips1', { kind: 'opensips', secret: SECRET, notifyUrl: url }, {
    timeoutMs, refused: (notify) => {
      refused.push(notify)
      waiting.shift()?.(notify)
    },
  })
  t.teardown(client.close)
  return { ...client, refused, nextRefused: () => new Promise((told) => { waiting.push(told) }) }
}

const notify = (number: number, changes: Partial<NotifyInstruction> = {}): NotifyInstruction => ({
  m: 'NOTIFY', ruri: 'sip:anna@192.0.2.11:5070', flow: 'tcp/192.0.2.11/40123/127.0.0.1/5060/0',
  h: `From: "Paul" <sip:paul@nordwind.example>;tag=ours\r\nTo: <sip:anna@nordwind.example>;tag=hers;epid=01ab\r\nCall-ID: call-${number}\r\nCSeq: ${number} NOTIFY\r\nEvent: presence\r\nContent-Type: text/plain\r\n`, b: 'seen', ...changes,
})
const benotify = (number: number): NotifyInstruction => {
  const { h, ...rest } = notify(number)
  return { ...rest, m: 'BENOTIFY', h: h.replace(' NOTIFY', ' BENOTIFY') }
}

const callIdOf = ({ params }: Command): string => /^Call-ID: (.*)\r$/m.exec(params?.['headers'] ?? '')?.[1] ?? ''
const notifications = ({ heard }: Fake): readonly Command[] => heard.filter(({ method }) => method === 't_uac_dlg')

t.test('an instruction becomes the named parameters of t_uac_dlg', async (t) => {
  const fake = await overHttp(t, () => final('200 OK'))
  const client = connect(t, fake.url)
  const { results } = await client.deliver([
    notify(1), notify(2, { flow: 'UDP/2001:db8::7/5060/[2001:db8::1]/5062', b: '' }), notify(3, { h: `${notify(3).h}Subject: "a\\r\\nEvil: 1\\\\n \\"\r\n` }),
    notify(4, { flow: 'opaque:7' }), notify(5, { flow: 'tcp/a b/1/c/2' }), notify(6, { b: 'x'.repeat(70_000) }),
  ])
  t.strictSame(results, ['sent', 'sent', 'sent', 'failed', 'failed', 'failed'], 'flows that no OpenSIPS named, and what does not fit, are not sent at all')
  const [first, second, third] = notifications(fake)
  // tm, "t_uac_dlg": method, ruri, headers, and the optional next_hop, socket, body; named only.
  t.strictSame(first, { jsonrpc: '2.0', id: 1, method: 't_uac_dlg', params: { method: 'NOTIFY', ruri: 'sip:anna@192.0.2.11:5070', headers: notify(1).h, next_hop: 'sip:192.0.2.11:40123;transport=tcp', socket: 'tcp:127.0.0.1:5060', body: 'seen' } })
  t.match(second?.params, { next_hop: 'sip:[2001:db8::7]:5060;transport=udp', socket: 'udp:[2001:db8::1]:5062' })
  t.notOk('body' in (second?.params ?? {}), 'an empty body is no parameter')
  t.match(third?.params?.['headers'], 'Subject: "arnEvil: 1n \\"\r\n', 'what OpenSIPS would make a line break of is none')
  const basic = `Basic ${Buffer.from(`osips1:${SECRET}`).toString('base64')}`
  t.strictSame(fake.headers.map(({ authorization }) => authorization), [basic, basic, basic], 'for a guard in front: mi_http itself asks for no credentials')
  t.strictSame(client.refused, [])
})

for (const [name, open] of [['HTTP', overHttp], ['datagrams', overUdp]] as const) {
  t.test(`${name}: what answers mean`, async (t) => {
    for (const [reply, result, code] of [
      [final('200 OK'), 'sent', undefined], [final('202 Accepted'), 'sent', undefined], [final('481 Subscription does not exist'), 'sent', 481], [final('503 Busy', 'Retry-After: 30 (later)\r\n'), 'sent', 503], [TIMEOUT, 'sent', 408],
      // tm without anybody to tell the answer to (init_mi_result_string).
      [{ result: 'Accepted' }, 'sent', undefined],
      // tm, refusals of the command: error objects with codes like those of SIP.
      [{ error: { code: 404, message: 'Local socket not found' } }, 'gone', undefined], [{ error: { code: 477, message: 'Send failed (477/MI/UAC)' } }, 'gone', undefined], [{ error: { code: 478, message: 'Unresolvable destination (478/MI/UAC)' } }, 'gone', undefined],
      [{ error: { code: 400, message: 'Invalid ruri' } }, 'failed', undefined], [{ error: { code: 400, message: 'Bad headers' } }, 'failed', undefined], [{ error: { code: 500, message: 'MI/UAC failed' } }, 'failed', undefined],
      // mi/mi.c: a command that came to nothing, e.g. for want of memory.
      [{ error: { code: -32_000, message: 'Server error', data: 'Command handler returned null' } }, 'failed', undefined],
    ] as const) {
      const fake = await open(t, () => reply)
      const client = connect(t, fake.url)
      const told = code === undefined ? undefined : client.nextRefused()
      const { results, error } = await client.deliver([notify(7)])
      t.strictSame([results, error], [[result], undefined], JSON.stringify(reply))
      if (told !== undefined) t.strictSame(await told, { code, subscriber: 'anna@nordwind.example', callId: 'call-7', localTag: 'ours', remoteTag: 'hers', cseq: 7, retryAfter: code === 503 ? 30 : undefined })
      t.equal(client.refused.length, code === undefined ? 0 : 1)
      client.close()
      fake.close()
    }
  })

  t.test(`${name}: an OpenSIPS that cannot, or speaks in riddles, has taken nothing`, async (t) => {
    for (const [reply, why] of [
      // JSON-RPC's own refusals, with what mi/mi.c adds as data.
      [{ error: { code: -32_601, message: 'Method not found' } }, /t_uac_dlg: -32601/], [{ error: { code: -32_602, message: 'Invalid params', data: 'No matching parameters' } }, /-32602/],
    ] as const) {
      const fake = await open(t, () => reply)
      const { results, error } = await connect(t, fake.url).deliver([notify(1), notify(2)])
      t.strictSame(results, ['unreached', 'unreached'])
      t.match((error as Error).message, why)
    }
  })

  t.test(`${name}: a batch in which some cannot be sent`, async (t) => {
    const fake = await open(t, (command) => (callIdOf(command) === 'call-2' ? { error: { code: 400, message: 'Invalid ruri' } } : callIdOf(command) === 'call-3' ? { error: { code: 404, message: 'Local socket not found' } } : final('200 OK')))
    const heard: string[] = []
    const { results } = await connect(t, fake.url).deliver([1, 2, 3, 4].map((number) => notify(number)), (place, result) => { heard.push(`${place} ${result}`) })
    t.strictSame(results, ['sent', 'failed', 'gone', 'sent'])
    t.strictSame(heard, ['0 sent', '1 failed', '2 gone', '3 sent'])
    t.strictSame(notifications(fake).map(callIdOf), ['call-1', 'call-2', 'call-3', 'call-4'], 'in order')
  })

  t.test(`${name}: nobody listens`, async (t) => {
    const fake = await open(t, () => final('200 OK'))
    fake.close()
    const client = connect(t, fake.url)
    const { results, error } = await client.deliver([notify(1)])
    t.strictSame(results, ['unreached'])
    t.match((error as Error).message, /ECONNREFUSED/)
  })
}

t.test('HTTP: refused, broken or missing answers; what was taken before stays taken', async (t) => {
  for (const [reply, why] of [[{ status: 500 }, /HTTP 500/], [{ status: 401 }, /HTTP 401/], [{ status: 405 }, /HTTP 405/], [{ text: '<html><body>Unable to parse URL!</body></html>' }, /no JSON/], [{ text: '{"jsonrpc":"2.0","id":2}' }, /no JSON-RPC/], [{ text: '[]' }, /no JSON-RPC/], [{ text: '{"jsonrpc":"2.0","result":{},"id":99}' }, /another command/], ['silence', /did not answer within 50 ms/]] as const) {
    const fake = await overHttp(t, (command) => (callIdOf(command) === 'call-2' ? reply : final('200 OK')))
    const { results, error } = await connect(t, fake.url, 50).deliver([notify(1), notify(2), notify(3)])
    t.strictSame(results, ['sent', 'unreached', 'unreached'])
    t.match((error as Error).message, why)
    t.equal(notifications(fake).length, 2, 'nothing overtakes it')
  }
})

t.test('datagrams: sent when OpenSIPS has taken it, whenever the peer answers', async (t) => {
  const fake = await overUdp(t, () => 'silence')
  const client = connect(t, fake.url)
  const many = Array.from({ length: 70 }, (_, at) => (at === 1 ? benotify(at) : notify(at)))
  const { results } = await client.deliver(many)
  t.ok(results.every((result) => result === 'sent'))
  t.strictSame(fake.heard.map(({ method }) => method).flatMap((method, at) => (method === 'version' ? [at] : [])), [32, 65, 72], 'asked after each 32 whether they were taken')
  t.equal(new Set(fake.heard.map(({ id }) => id)).size, 73)
  t.strictSame(client.refused, [])
  const told = client.nextRefused()
  const [first, second, third] = notifications(fake)
  fake.later(second, TIMEOUT)
  fake.later(first, final('200 OK'))
  fake.later(third, final('481 Gone'))
  fake.later(third, final('481 Gone'))
  t.match(await told, { code: 481, callId: 'call-2', cseq: 2 })
  await client.deliver([])
  t.strictSame((await client.deliver([notify(99)])).results, ['sent'])
  t.equal(client.refused.length, 1, 'the time-out of a BENOTIFY is no news, and an answer is heard once')
})

t.test('datagrams: no more at once than the socket of OpenSIPS holds', async (t) => {
  const fake = await overUdp(t, () => 'silence')
  const sizes = [40_000, 20_000, 5_000, 60_000, 100]
  const { results } = await connect(t, fake.url).deliver(sizes.map((size, at) => notify(at, { b: 'x'.repeat(size) })))
  t.strictSame(results, ['sent', 'sent', 'sent', 'sent', 'sent'])
  t.strictSame(fake.heard.map(({ method, params }) => params?.['body']?.length ?? method), [40_000, 20_000, 'version', 5_000, 'version', 60_000, 100, 'version'])
})

t.test('datagrams: what was taken and is never answered counts as not answered', async (t) => {
  const fake = await overUdp(t, () => 'silence')
  const refused: RefusedNotify[] = []
  const client = createOpensipsClient(createMiDatagram({ url: fake.url, timeoutMs: 2_000, longestMs: 30, now: () => performance.now() }), (failed) => { refused.push(failed) })
  t.teardown(client.close)
  t.strictSame((await client.deliver([notify(1), benotify(2), notify(3)])).results, ['sent', 'sent', 'sent'])
  for (let tries = 0; tries < 400 && refused.length < 2; tries += 1) await pause(5)
  t.strictSame(refused.map(({ code, callId }) => `${code} ${callId}`), ['408 call-1', '408 call-3'])
  fake.later(notifications(fake)[0], final('481 Late'))
  await client.deliver([benotify(4)])
  t.equal(refused.length, 2, 'not twice')
  fake.close()
  t.strictSame((await client.deliver([notify(5)])).results, ['unreached'])
  await pause(60)
  t.equal(refused.length, 2, 'what was never taken is sent again, and has not failed')
})

t.test('what belongs behind an answer and cannot be sent counts as failed', async (t) => {
  const refused: RefusedNotify[] = []
  const asked: unknown[] = []
  const send = createSendBehind({ handOver: async (...args) => { asked.push(args); return { results: ['sent', 'gone', 'unreached', 'failed'] } } }, (failed) => { refused.push(failed) })
  await send('osips1', [1, 2, 3, 4].map((number) => notify(number)))
  t.match(asked, [['osips1', { length: 4 }, 'brief']])
  t.strictSame(refused.map(({ code, callId, cseq }) => [code, callId, cseq]), [[430, 'call-2', 2], [500, 'call-3', 3], [500, 'call-4', 4]])
  await send('osips1', [notify(1), notify(2, { h: 'From: nobody\r\n' })])
  t.equal(refused.length, 3, 'headers that are not ours name no dialog')
})

t.test('datagrams: silence, plain words, and an OpenSIPS that is back', async (t) => {
  let mode: 'silent' | 'words' | 'well' = 'silent'
  const socket = createSocket('udp4')
  socket.on('message', (bytes, { port, address }) => {
    const command = JSON.parse(bytes.toString('utf8')) as Command
    // mi_datagram 1.2: errors of the engine come in plain text.
    if (mode === 'words' && command.method === 'version') socket.send('500 Internal Server Error\n', port, address)
    if (mode === 'well' && command.method === 'version') socket.send(encode(command, VERSION), port, address)
  })
  await new Promise<void>((listening) => { socket.bind(0, '127.0.0.1', listening) })
  t.teardown(() => { socket.close() })
  const client = connect(t, `udp://127.0.0.1:${socket.address().port}`, 50)
  t.match(await client.deliver([notify(1)]), { results: ['unreached'], error: { message: 'OpenSIPS did not answer within 50 ms' } })
  mode = 'words'
  t.match(await client.deliver([notify(2)]), { results: ['unreached'], error: { message: /no JSON: 500 Internal/ } })
  mode = 'well'
  t.match(await client.deliver([notify(3)]), { results: ['sent'] })
  client.close()
  t.match(await client.deliver([notify(4)]), { results: ['unreached'] }, 'not after the end')
})

const endpoint = (user: string, changes: Partial<RegisteredEndpoint> = {}): RegisteredEndpoint =>
  ({ user: `${user}@nordwind.example`, endpointId: '11111111-2222-3333-4444-555555555555', contact: `sip:${user}@192.0.2.11:5070`, callId: `register-${user}`, ...changes }) as RegisteredEndpoint

// usrloc, "ul_show_contact": AOR and Contacts; Expires is a number of seconds, "permanent", "deleted" or "expired".
const contact = (user: string, changes: object = {}): object => ({
  Contact: `sip:${user}@192.0.2.11:5070`, ContactID: '3617797876606839897', Expires: 3521, Q: '', Callid: `register-${user}`, Cseq: 4, 'User-agent': 'phone', State: 'CS_NEW', Flags: 0, Cflags: '', Socket: 'tcp:127.0.0.1:5060', Methods: 7999, ...changes,
})

t.test('ul_show_contact says what the registrar holds', async (t) => {
  const held: Readonly<Record<string, readonly object[]>> = {
    anna: [contact('anna')], bert: [contact('bert', { Contact: 'sip:bert@192.0.2.12', Callid: 'other', SIP_instance: '"<urn:uuid:11111111-2222-3333-4444-555555555555>"', Expires: 60 })],
    carla: [contact('carla', { Contact: 'sip:carla@192.0.2.99' })], dora: [contact('dora', { Expires: 'deleted' })], emil: [contact('emil', { Expires: 'expired' })], fritz: [contact('fritz', { Expires: 'permanent' })],
    hanna: [contact('hanna', { Contact: 'sip:x@192.0.2.99', Callid: 'other' })],
  }
  for (const open of [overHttp, overUdp]) {
    const fake = await open(t, ({ params }) => {
      const aor = params?.['aor'] ?? ''
      const contacts = held[aor.split('@', 1)[0] ?? '']
      return contacts === undefined ? { error: { code: 404, message: 'AOR not found' } } : { result: { AOR: aor, Contacts: contacts } }
    })
    const registrar = createRegistrar('osips1', { kind: 'opensips', secret: SECRET, notifyUrl: fake.url }, { timeoutMs: 2_000 })
    t.teardown(registrar.close)
    const asked = ['anna', 'bert', 'carla', 'dora', 'emil', 'fritz', 'gerd', 'hanna']
    t.strictSame(await registrar.ask([...asked.map((user) => endpoint(user)), endpoint('anna', { contact: 'sip:anna@192.0.2.77', callId: 'second' })]), [3521, 60, 'unclear', 0, 0, 86_400, 0, 0, 0])
    t.strictSame(fake.heard.map(({ method, params }) => [method, params]), asked.map((user) => ['ul_show_contact', { table_name: 'location', aor: `${user}@nordwind.example` }]), 'each user once')
  }
})

t.test('a registrar that says something else says nothing', async (t) => {
  for (const [reply, why] of [
    [{ error: { code: 404, message: 'Table not found' } }, /Table not found/], [{ error: { code: 400, message: 'Domain missing in AOR' } }, /Domain missing/], [{ result: 'OK' }, /no contacts/], [{ result: { Contacts: [5] } }, /a contact that is none/], [{ status: 500 }, /HTTP 500/],
  ] as const) {
    const fake = await overHttp(t, () => reply)
    const registrar = createRegistrar('osips1', { kind: 'opensips', secret: SECRET, notifyUrl: 'udp://127.0.0.1:9', registeredUrl: fake.url }, { timeoutMs: 2_000 })
    t.teardown(registrar.close)
    await t.rejects(registrar.ask([endpoint('anna')]), { message: why })
  }
  const without = await overHttp(t, () => ({ error: { code: -32_601, message: 'Method not found' } }))
  const registrar = createRegistrar('osips1', { kind: 'opensips', secret: SECRET, notifyUrl: without.url }, { timeoutMs: 2_000 })
  t.teardown(registrar.close)
  t.equal(await registrar.ask([endpoint('anna')]), undefined, 'without usrloc there is no comparison')
})

t.test('an engine with an OpenSIPS: a first NOTIFY behind the answer, and what its answer does to the dialog', async (t) => {
  const commands: ((command: Command) => void)[] = []
  const fake = await overUdp(t, (command) => {
    if (command.method === 't_uac_dlg') commands.shift()?.(command)
    return 'silence'
  })
  const nextNotify = (): Promise<Command> => new Promise((heard) => { commands.push(heard) })
  const config = readConfig({
    PRESENTIA_DATA_DIR: t.testdir(), PRESENTIA_PROXY_LISTEN: '127.0.0.1:0', PRESENTIA_ADMIN_LISTEN: '127.0.0.1:0', PRESENTIA_LOG_LEVEL: 'silent', PRESENTIA_RECONCILE_MS: '0', PRESENTIA_CREATE_USERS_ON_REGISTER: 'true',
    PRESENTIA_PROXIES: JSON.stringify({ osips1: { kind: 'opensips', secret: SECRET, notifyUrl: fake.url } }),
  })
  const engine = await start(config, createLog(config.logLevel))
  t.teardown(engine.stop)
  const post = async (base: string, path: string, headers: Readonly<Record<string, string>>, body: string, method = 'POST'): Promise<string> => (await fetch(`${base}${path}`, { method, headers, body })).text()
  await post(engine.adminAddress, '/admin/v1/domains/nordwind.example', { authorization: `Bearer ${engine.adminKey}`, 'content-type': 'application/json' }, '{"kind":"enterprise"}', 'PUT')
  const proxy = { authorization: `Basic ${Buffer.from(`osips1:${SECRET}`).toString('base64')}`, 'content-type': 'message/sip' }
  const flow = encodeURIComponent('tcp/192.0.2.11/40123/127.0.0.1/5060')
  const request = (method: string, to: string, lines: readonly string[]): string =>
    [`${method} sip:${to} SIP/2.0`, 'Via: SIP/2.0/TCP 192.0.2.11;branch=z9hG4bK1', 'Max-Forwards: 70', 'From: <sip:anna@nordwind.example>;tag=hers', `To: <sip:${to}>`, `CSeq: 1 ${method}`, 'Contact: <sip:anna@192.0.2.11:5070>', ...lines, 'Content-Length: 0', '', ''].join('\r\n')
  for (const user of ['paul', 'anna']) await post(engine.proxyAddress, `/v1/registration?change=1&flow=${flow}`, proxy, request('REGISTER', `${user}@nordwind.example`, [`Call-ID: register-${user}`, 'Expires: 600']).replace('<sip:anna@nordwind', `<sip:${user}@nordwind`))
  const first = nextNotify()
  const answer = JSON.parse(await post(engine.proxyAddress, `/v1/sip?tid=2a1.f3&flow=${flow}&contact=${encodeURIComponent('sip:127.0.0.1:5060;transport=tcp')}`, proxy,
    request('SUBSCRIBE', 'paul@nordwind.example', ['Call-ID: watch', 'Event: presence', 'Accept: application/pidf+xml', 'Expires: 600']))) as { reply: Record<string, unknown> }
  t.match(answer, { reply: { code: 200, trans_id: '63:418' } })
  const command = await first
  t.match(command.params, { method: 'NOTIFY', ruri: 'sip:anna@192.0.2.11:5070', next_hop: 'sip:192.0.2.11:40123;transport=tcp', socket: 'tcp:127.0.0.1:5060', headers: /^Call-ID: watch\r$/m })
  const dialogs = async (): Promise<number> => (await engine.query("SELECT 1 FROM dialog WHERE call_id = 'watch'")).length
  t.equal(await dialogs(), 1)
  fake.later(command, final('481 Subscription does not exist'))
  for (let tries = 0; tries < 400 && await dialogs() > 0; tries += 1) await pause(5)
  t.equal(await dialogs(), 0, 'the subscription is gone, as after POST /v1/notify-failed')
})

t.test('the configuration of OpenSIPS names only what there is', async (t) => {
  const folder = join(resolve(import.meta.dirname, '..', '..'), 'opensips')
  const [routes, whole, readme] = ['presentia-routes.cfg', 'opensips.cfg', 'README.md'].map((name) => readFileSync(join(folder, name), 'utf8')) as [string, string, string]
  const code = `${routes}\n${whole}`.split('\n').filter((line) => !/^\s*#/.test(line)).join('\n')
  const all = (pattern: RegExp, text = code): readonly string[] => [...new Set([...text.matchAll(pattern)].map(([, name]) => name ?? ''))].sort()
  const routesThere = all(/^route\[(\w+)\]/gm)
  const called = [...all(/\broute\((\w+)\)/g), ...all(/\b(?:async|launch)\(.*\), (\w+)\);/g)]
  t.ok(called.length >= 10)
  for (const name of called) t.ok(routesThere.includes(name), `route ${name}`)
  for (const name of routesThere) t.ok(called.includes(name) || readme.includes(`route(${name})`), `${name} is used`)
  t.same(all(/t_on_failure\("(\w+)"\)/g).filter((name) => !code.includes(`failure_route[${name}]`)), [])
  const settings = all(/\$env\((\w+)\)/g)
  t.strictSame(settings, all(/^ *\| `(PRESENTIA_\w+)` \|/gm, readme), 'the README lists the settings, and no other')
  const loaded = all(/^loadmodule "(\w+)\.so"/gm)
  for (const module of all(/^modparam\("(\w+)",/gm)) t.ok(loaded.includes(module), `modparam of ${module}`)
  for (const [text, module] of [['rest_post(', 'rest_client'], ['$env(', 'cfgutils'], ['$T_fr_timeout', 'tm'], ['cache_fetch(', 'cachedb_local'], ['\nevent_route[', 'event_route'], ['mf_process_maxfwd_header(', 'maxfwd'], ['has_totag(', 'sipmsgops'], ['loose_route(', 'rr'], ['sl_reply_error(', 'sl'], ['send_reply(', 'signaling'], ['$json(', 'json'], ['mi("', 'mi_script'], ['cache_store(', 'cachedb_local'], ['save("', 'registrar'], ['t_newtran(', 'tm']] as const) t.ok(!code.includes(text) || loaded.includes(module), module)
  // Every brace and quote has its other half; there is no parser here that could say more.
  let depth = 0
  for (const line of code.split('\n')) {
    const bare = line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '').replace(/#.*$/, '')
    if (/["']/.test(bare)) t.fail(`quotes: ${line}`)
    for (const character of bare) depth += character === '{' ? 1 : character === '}' ? -1 : 0
    if (depth === 0 && /\broute\b.*[{]$/.test(line)) t.fail(`braces: ${line}`)
  }
  t.equal(depth, 0)
})
