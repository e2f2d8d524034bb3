import t, { type Test } from 'tap'
import { buildProxyApp } from '../../src/http/proxy/app.ts'
import { createLog } from '../../src/observe/log.ts'
import { calm } from '../support/calm.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { batchBody, listBody, membersBody, notes, publishBody, resourceListsBody, roamingBody } from '../support/bodies.ts'
import { hearReply } from '../support/heard.ts'
import { openWorld, people } from '../support/world.ts'

/*
 * Each kind of request against each kind of bad input: the status that the specification names, and not a row changed. The good form of each
 * request is tried as well, or the matrix would prove nothing.
 */

const world = await openWorld(t)
const { anna, boris } = people
const SECRET = 'secret-of-kam1-0123'

interface Kind {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly namespace: string
  readonly root: string
  /** What a request from Anna gets that is not to herself; undefined where it may be to anybody. */
  readonly fromTo: number | undefined
  /** What an unknown user gets. */
  readonly unknownUser: number
  /** What a body whose Content-Type is not known gets. */
  readonly otherType: number
  /** Bad bodies that this kind answers otherwise, or takes. */
  readonly otherwise?: Readonly<Record<string, number | 'taken'>>
}

const subscribe = { Supported: 'ms-benotify, ms-piggyback-first-notify', 'Proxy-Require': 'ms-benotify' }

const kinds: Readonly<Record<string, Kind>> = {
  publish: {
    method: 'SERVICE', headers: { 'Content-Type': 'application/msrtc-category-publish+xml' }, body: publishBody(anna, notes('new', [0])),
    namespace: 'http://schemas.microsoft.com/2006/09/sip/rich-presence', root: 'publish', fromTo: 403, unknownUser: 404, otherType: 415,
  },
  setContainerMembers: {
    method: 'SERVICE', headers: { 'Content-Type': 'application/msrtc-setcontainermembers+xml' }, body: membersBody([{ id: 300, version: 0, members: ['everyone'] }]),
    namespace: 'http://schemas.microsoft.com/2006/09/sip/container-management', root: 'setContainerMembers', fromTo: 403, unknownUser: 404, otherType: 415,
  },
  // Written without prefixes, as the bad bodies below are made.
  directorySearch: {
    method: 'SERVICE', headers: { 'Content-Type': 'application/SOAP+xml' }, namespace: 'http://schemas.xmlsoap.org/soap/envelope/', root: 'Envelope', fromTo: 403, unknownUser: 403, otherType: 415,
    body: '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><directorySearch xmlns="http://schemas.microsoft.com/winrtc/2002/11/sip"><filter href="#a"/><maxResults>5</maxResults></directorySearch>' +
      '<Array xmlns="http://schemas.microsoft.com/winrtc/2002/11/sip" id="a"><row attrib="telephoneNumber" value="300"/></Array></Body></Envelope>',
  },
  setPresence: {
    method: 'SERVICE', headers: { 'Content-Type': 'application/SOAP+xml' },
    body: `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><setPresence xmlns="http://schemas.microsoft.com/winrtc/2002/11/sip"><presentity uri="sip:${anna}"><availability aggregate="300"/><activity aggregate="400"/></presentity></setPresence></Body></Envelope>`,
    namespace: 'http://schemas.xmlsoap.org/soap/envelope/', root: 'Envelope', fromTo: 403, unknownUser: 404, otherType: 415,
  },
  'self SUBSCRIBE': {
    method: 'SUBSCRIBE', headers: { ...subscribe, Event: 'vnd-microsoft-roaming-self', Accept: 'application/vnd-microsoft-roaming-self+xml', 'Content-Type': 'application/vnd-microsoft-roaming-self+xml' }, body: roamingBody(['categories']),
    namespace: 'http://schemas.microsoft.com/2006/09/sip/roaming-self', root: 'roamingList', fromTo: 400, unknownUser: 404, otherType: 415,
  },
  'batch SUBSCRIBE': {
    method: 'SUBSCRIBE', headers: { ...subscribe, Event: 'presence', Require: 'adhoclist, categoryList', 'Content-Type': 'application/msrtc-adrl-categorylist+xml' }, body: batchBody([{ name: 'subscribe', publishers: [boris], categories: ['note'] }]),
    namespace: 'http://schemas.microsoft.com/2006/01/sip/batch-subscribe', root: 'batchSub', fromTo: 403, unknownUser: 401, otherType: 415,
  },
  'list SUBSCRIBE': {
    method: 'SUBSCRIBE', headers: { ...subscribe, Supported: `${subscribe.Supported}, eventlist`, Event: 'presence', Require: 'adhoclist', 'Content-Type': 'application/adrl+xml' }, body: listBody('create', [boris]),
    namespace: 'urn:ietf:params:xml:ns:adrl', root: 'adhoclist', fromTo: 403, unknownUser: 401, otherType: 415,
  },
  // An empty document is one, and documents of phones are small.
  PUBLISH: {
    method: 'PUBLISH', headers: { Event: 'presence', 'Content-Type': 'application/pidf+xml' }, body: `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:${anna}"><tuple id="t"><status><basic>open</basic></status></tuple></presence>`,
    namespace: 'urn:ietf:params:xml:ns:pidf', root: 'presence', fromTo: 403, unknownUser: 404, otherType: 415, otherwise: { 'nothing inside': 'taken', 'deep nesting': 413, 'a thousand attributes': 413 },
  },
  // A list may be sent to any address of ours.
  'resource list SUBSCRIBE': {
    method: 'SUBSCRIBE', headers: { ...subscribe, Supported: 'eventlist', Event: 'presence', Require: 'recipient-list-subscribe', 'Content-Type': 'application/resource-lists+xml' }, body: resourceListsBody([boris]).replace(/^.*\r\n/, ''),
    namespace: 'urn:ietf:params:xml:ns:resource-lists', root: 'resource-lists', fromTo: undefined, unknownUser: 401, otherType: 415,
  },
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const join = (head: string, body: Uint8Array): Uint8Array => {
  const [top = ''] = head.split('\r\n\r\n')
  return Buffer.concat([Buffer.from(`${top.replace(/Content-Length: \d+/, `Content-Length: ${body.length}`)}\r\n\r\n`), body])
}

/** Bad bodies by name, made from a good one. */
const bodies = (kind: Kind): Readonly<Record<string, readonly [Uint8Array, number]>> => {
  const { body, namespace, root } = kind
  const inner = body.slice(body.indexOf('>') + 1, body.lastIndexOf('<'))
  return {
    'no body': [bytesOf(''), 400],
    'not XML': [bytesOf('presence'), 400],
    'cut short': [bytesOf(body.slice(0, -3)), 400],
    'two roots': [bytesOf(body + body), 400],
    'wrong namespace': [bytesOf(body.replace(namespace, `${namespace}x`)), 400],
    'no namespace': [bytesOf(body.replace(`xmlns="${namespace}"`, '')), 400],
    'wrong root': [bytesOf(`<other xmlns="${namespace}">${inner}</other>`), 400],
    'nothing inside': [bytesOf(`<${root} xmlns="${namespace}"/>`), 400],
    'undeclared prefix': [bytesOf(body.replace('</', '<x:y/></')), 400],
    DOCTYPE: [bytesOf(`<!DOCTYPE ${root} [<!ENTITY a "b">]>${body}`), 400],
    'external entity': [bytesOf(`<!DOCTYPE x SYSTEM "file:///etc/passwd">${body}`), 400],
    'entity without declaration': [bytesOf(body.replace(/="sip:[^"]*"|="300"|"categories"/, '="&a;"')), 400],
    'XML 1.1': [bytesOf(`<?xml version="1.1"?>${body}`), 400],
    'UTF-16 said': [bytesOf(`<?xml version="1.0" encoding="UTF-16"?>${body}`), 400],
    'UTF-16': [Buffer.from(`\ufeff${body}`, 'utf16le'), 400],
    'bad UTF-8': [Buffer.concat([Buffer.from(body.slice(0, -20)), Buffer.from([0xc3, 0x28]), Buffer.from(body.slice(-20))]), 400],
    'a control character': [bytesOf(body.replace('</', '\u0001</')), 400],
    'deep nesting': [bytesOf(`<${root} xmlns="${namespace}">${'<a>'.repeat(20_000)}${'</a>'.repeat(20_000)}</${root}>`), 400],
    'a thousand attributes': [bytesOf(body.replace(`<${root} `, `<${root} ${Array.from({ length: 1000 }, (_, at) => `a${at}=""`).join(' ')} `)), 400],
    '1 MB': [bytesOf(body.replace('</', `${' '.repeat(1024 * 1024)}</`)), 413],
    '550 KB': [bytesOf(body.replace('</', `${' '.repeat(550 * 1024)}</`)), 413],
  }
}

type Edit = (text: string, kind: Kind) => string

/** Bad heads by name: how the text of the request is changed, and the status. */
const heads: Readonly<Record<string, readonly [Edit, number | ((kind: Kind) => number | undefined)]>> = {
  'From is not To': [(text) => text.replace(/^To: .*$/m, `To: <sip:${boris}>`), ({ fromTo }) => fromTo],
  'unknown user': [(text) => text.replaceAll(anna, 'nobody@nordwind.example'), ({ unknownUser }) => unknownUser],
  'unknown method': [(text, { method }) => text.replaceAll(method, 'MESSAGE'), 405],
  'method in lower case': [(text, { method }) => text.replaceAll(method, method.toLowerCase()), 405],
  'another method in CSeq': [(text, { method }) => text.replace(`CSeq: 1 ${method}`, 'CSeq: 1 MESSAGE'), 400],
  'unknown content type': [(text) => text.replace(/Content-Type: .*/, 'Content-Type: application/unheard-of+xml'), ({ otherType }) => otherType],
  'no From': [(text) => text.replace(/^From: .*\r\n/m, ''), 400],
  'two From': [(text) => text.replace(/^(From: .*\r\n)/m, '$1$1'), 400],
  'no To': [(text) => text.replace(/^To: .*\r\n/m, ''), 400],
  'no Call-ID': [(text) => text.replace(/^Call-ID: .*\r\n/m, ''), 400],
  'no CSeq': [(text) => text.replace(/^CSeq: .*\r\n/m, ''), 400],
  'no From tag': [(text) => text.replace(/;tag=[^;\r]+/, ''), 400],
  'CSeq too large': [(text) => text.replace('CSeq: 1', 'CSeq: 4294967296'), 400],
  'CSeq negative': [(text) => text.replace('CSeq: 1', 'CSeq: -1'), 400],
  'Expires not a number': [(text) => text.replace('Max-Forwards', 'Expires: soon\r\nMax-Forwards'), 400],
  'Expires too large': [(text) => text.replace('Max-Forwards', 'Expires: 4294967296\r\nMax-Forwards'), 400],
  'Content-Length too large': [(text) => text.replace(/Content-Length: \d+/, 'Content-Length: 99999'), 400],
  'Content-Length not a number': [(text) => text.replace(/Content-Length: \d+/, 'Content-Length: many'), 400],
  'two Content-Length': [(text) => text.replace(/(Content-Length: \d+)/, '$1\r\nContent-Length: 1'), 400],
  'epid of 17 characters': [(text) => text.replace(/epid=\w+/, 'epid=0123456789abcdef0'), 400],
  'SIP/3.0': [(text) => text.replace(' SIP/2.0', ' SIP/3.0'), 505],
  'no request line': [(text) => text.slice(text.indexOf('\r\n') + 2), 400],
  'a carriage return inside a header': [(text) => text.replace(/^Call-ID: /m, 'Call-ID: a\rX: b'), 400],
  'a null character in a header': [(text) => text.replace(/^Call-ID: /m, 'Call-ID: a\u0000'), 400],
  'line breaks in the user part': [(text) => text.replace(/From: <sip:anna@/, 'From: <sip:an%0d%0aX:%20yna@'), 400],
  'angle brackets in the user part': [(text) => text.replace(/From: <sip:anna@/, 'From: <sip:an%3c%3ena@'), 400],
  'From not a SIP URI': [(text) => text.replace(/From: <sip:/, 'From: <tel:'), 400],
  'a bracket that does not close': [(text) => text.replace(/^(From: <[^>]*)>/m, '$1'), 400],
  'a line that is no header': [(text) => text.replace('Max-Forwards: 70', 'just words'), 400],
  'many headers': [(text) => text.replace('Max-Forwards: 70', 'X: 1\r\n'.repeat(300).trimEnd()), 400],
  'headers of 100 KB': [(text) => text.replace('Max-Forwards: 70', `X: ${'x'.repeat(100_000)}`), 413],
  'no empty line': [(text) => text.split('\r\n\r\n')[0] ?? '', 400],
}

/** Both users registered, something published, one dialog of each kind, so that there is something to be damaged. */
const begin = async (): Promise<void> => {
  const [client, watcher] = [world.client(anna), world.client(boris)]
  await client.registers()
  await watcher.registers()
  await client.publishes(notes('old', [200]))
  await client.setsMembers([{ id: 200, version: 0, members: ['everyone'] }])
  await watcher.subscribesSelf()
  await watcher.subscribes([anna], ['note'])
}

const tryAll = async (t: Test, kind: Kind, inputs: readonly (readonly [string, Uint8Array, number])[]): Promise<void> => {
  const before = await world.dump()
  for (const [name, bytes, status] of inputs) {
    const answer = hearReply((await world.sip(bytes)).reply)
    t.equal(answer.status, status, `${name}: ${status}`, { diagnostics: answer.headers.find(([header]) => header.startsWith('ms-diagnostics'))?.[1] })
    t.ok(answer.headers.some(([header]) => header.startsWith('ms-diagnostics')), `${name}: says why`)
    for (const [header, value] of answer.headers) t.notMatch(header + value, /[\r\n\u0000]/, name)
  }
  t.strictSame(await world.dump(), before, 'nothing has changed')
  t.strictSame([world.proxies.kam1.taken, world.proxies.kam2.taken], [[], []], 'nobody has heard anything')
  const good = world.client(anna).text(kind.method, { headers: kind.headers, body: kind.body })
  t.equal((await world.sip(good)).reply.status, 200, 'the good form')
}

for (const [name, kind] of Object.entries(kinds)) {
  t.test(`${name} with bad bodies`, async (t) => {
    await begin()
    const text = world.client(anna).text(kind.method, { headers: kind.headers, body: kind.body })
    await tryAll(t, kind, Object.entries(bodies(kind)).flatMap(([what, [body, status]]) => {
      const expected = kind.otherwise?.[what] ?? status
      return expected === 'taken' ? [] : [[what, join(text, body), expected] as const]
    }))
  })

  t.test(`${name} with bad headers`, async (t) => {
    await begin()
    const text = world.client(anna).text(kind.method, { headers: kind.headers, body: kind.body })
    await tryAll(t, kind, Object.entries(heads).flatMap(([what, [edit, status]]) => {
      const expected = typeof status === 'number' ? status : status(kind)
      if (expected === undefined) return []
      const edited = edit(text, kind)
      t.not(edited, text, `${what}: is another request`)
      return [[what, bytesOf(/Content-Length/.test(what) ? edited : edited.replace(/Content-Length: \d+/, `Content-Length: ${Buffer.byteLength(edited.split('\r\n\r\n')[1] ?? '')}`)), expected] as const]
    }))
  })
}

t.test('SUBSCRIBE with bad events and states', async (t) => {
  await begin()
  const before = await world.dump()
  for (const name of ['self SUBSCRIBE', 'batch SUBSCRIBE', 'list SUBSCRIBE'] as const) {
    const kind = kinds[name]
    if (kind === undefined) throw new Error(name)
    for (const [what, headers, toTag, status] of [
      ['unknown event', { Event: 'message-summary' }, undefined, 489], ['no event', { Event: '' }, undefined, 489], ['a long event', { Event: 'x'.repeat(5000) }, undefined, 489],
      ['unknown dialog', {}, 'nowhere', 481], ['a tag with a quote', {}, "'; DROP TABLE dialog; --", 481], ['too short', { Expires: '1' }, undefined, 423], ['nothing acceptable', { Accept: 'text/html' }, undefined, 406],
    ] as const) t.equal((await world.client(anna).sends('SUBSCRIBE', { headers: { ...kind.headers, ...headers }, toTag, body: kind.body })).status, status, `${name}: ${what}`)
  }
  t.strictSame(await world.dump(), before)
})

t.test('the other calls of the contract with bad input', async (t) => {
  await begin()
  const app = buildProxyApp({
    engine: world.engine, entry: world.entry, wake: () => undefined, notify: async () => undefined, trace: () => 'trace', isReady: async () => true, admission: calm, log: createLog('silent'), proxies: new Map([['kam1', { kind: 'kamailio', secret: SECRET }]]),
    metrics: createMetrics(),
  })
  const client = world.client(anna)
  const register = client.text('REGISTER', { headers: { Expires: '0' } })
  const row = (await world.store.pool.query<{ call_id: string; local_tag: string; remote_tag: string }>('SELECT call_id, local_tag, remote_tag FROM dialog LIMIT 1')).rows[0]
  const failed = `callid=${row?.call_id}&ltag=${row?.local_tag}&rtag=${row?.remote_tag}`
  const before = await world.dump()
  const call = async (url: string, payload: string | Uint8Array, status: number, name: string): Promise<void> => {
    const response = await app.inject({ method: 'POST', url, payload: Buffer.from(payload), headers: { authorization: `Basic ${Buffer.from(`kam1:${SECRET}`).toString('base64')}`, 'content-type': 'message/sip' } })
    t.equal(response.statusCode, status, name)
    if (status >= 400) t.match(response.headers['content-type'], 'application/problem+json', name)
  }
  for (const [name, [edit]] of Object.entries(heads)) {
    if (['From is not To', 'unknown user', 'unknown content type', 'method in lower case', 'Expires too large', 'Expires not a number'].includes(name)) continue
    const kind = { ...Object.values(kinds)[0], method: 'REGISTER' } as Kind
    await call('/v1/registration?flow=f', edit(register, kind), 400, `REGISTER with ${name}`)
  }
  await call('/v1/registration?flow=f', register.replace('Expires: 0', 'Expires: -1'), 400, 'REGISTER with a negative Expires')
  await call('/v1/registration?flow=f', client.text('REGISTER', { contact: undefined }), 400, 'REGISTER without Contact')
  await call('/v1/registration?flow=f', client.text('REGISTER', { contact: '<sip:anna@x' }), 400, 'REGISTER with a broken Contact')
  await call('/v1/registration?flow=f', register.replaceAll(anna, 'nobody@nordwind.example'), 200, 'REGISTER of an unknown user is ignored')
  await call('/v1/registration?flow=f%0d%0aX', register, 400, 'a line break in flow')
  await call('/v1/registration?flow=f', '', 400, 'no REGISTER at all')
  for (const [query, status] of [
    ['', 400], [`aor=sip:${anna}`, 400], ['aor=nobody&contact=x', 400], ['aor=sip:an%0d%0ana@nordwind.example&contact=x', 400], [`aor=${anna}&contact=${"';--"}`, 200], [`aor=${anna}&contact=%00`, 400], ['aor=nobody@nordwind.example&contact=x', 200],
    [`aor=${anna}&aor=${anna}&contact=x`, 400],
  ] as const) await call(`/v1/registration/expired?${query}`, '', status, `expired with ${query}`)
  for (const [query, status] of [
    ['', 400], [`code=481&to=${boris}`, 400], [`code=99&to=${boris}&${failed}`, 400], [`code=1e3&to=${boris}&${failed}`, 400], [`code=481&to=nobody&${failed}`, 400], [`code=481&to=${anna}&${failed}`, 200],
    [`code=481&to=${boris}&${failed}x`, 200], [`code=481&to=${boris}&callid=%00&ltag=x&rtag=x`, 400], [`code=408&code=481&to=${boris}&${failed}`, 400],
  ] as const) await call(`/v1/notify-failed?${query}`, '', status, `notify-failed with ${query}`)
  t.strictSame(await world.dump(), before, 'nothing has changed')
})
