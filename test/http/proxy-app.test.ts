import type { InjectOptions } from 'fastify'
import t from 'tap'
import { createDomainDirectory } from '../../src/engine/domain-directory.ts'
import { createRateGuard } from '../../src/engine/rate-guard.ts'
import { createAdmission } from '../../src/http/proxy/admission.ts'
import { buildProxyApp, type ProxyAppDeps } from '../../src/http/proxy/app.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { connectStore } from '../../src/store/connect.ts'
import { poolSession } from '../../src/store/session.ts'
import { notes, publishBody } from '../support/bodies.ts'
import { calm } from '../support/calm.ts'
import { PLAIN } from '../support/client.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

const SECRET = 'secret-of-kam1-0123'
const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

const build = (changes: Partial<ProxyAppDeps> = {}) => {
  const lines: string[] = []
  const woken: string[] = []
  const sent: { readonly proxy: string; readonly instructions: readonly unknown[] }[] = []
  let traces = 0
  const log = createLog('debug', { write: (line: string) => { lines.push(line) } })
  const app = buildProxyApp({
    engine: world.engine, entry: world.entry, wake: (publishers) => { woken.push(...publishers) }, notify: async (proxy, instructions) => { sent.push({ proxy, instructions }) }, trace: () => `request-${(traces += 1)}`, isReady: async () => true, admission: calm, log,
    proxies: new Map([['kam1', { kind: 'kamailio', secret: SECRET }], ['other', { kind: 'plain', secret: 'secret-of-other-4567' }], ['osips1', { kind: 'opensips', secret: 'secret-of-osips1-89' }]]),
    metrics: createMetrics(), ...changes,
  })
  const call = async (url: string, payload: string | Buffer = '', options: Partial<InjectOptions> = {}) => {
    const { headers, ...more } = options
    return app.inject({ method: 'POST', url, payload, ...more, headers: { authorization: basic('kam1', SECRET), 'content-type': 'message/sip', ...headers } })
  }
  return { app, call, lines, woken, sent }
}

const SIP = '/v1/sip?tid=11%3A22&flow=tcp%3A7%3B%26x%3D1&contact=sip%3Akam1.test%3Btransport%3Dtcp'
const publish = (user: string = anna, callId = 'call'): string => world.client(user).text('SERVICE', { callId, headers: { 'Content-Type': 'application/msrtc-category-publish+xml' }, body: publishBody(user, notes('x', [0])) })

t.test('contract version 1: the answer for Kamailio is a JSON-RPC call with a fixed beginning', async (t) => {
  const { call, woken } = build()
  const response = await call(SIP, publish())
  t.equal(response.statusCode, 200)
  t.match(response.headers['content-type'], 'application/json')
  t.ok(response.body.startsWith('{"reply":{"jsonrpc":"2.0","id":1,"method":"tm.reply","params":[200,"OK","11:22","tag'), response.body.slice(0, 120))
  const answer = response.json<{ reply: { params: unknown[] }; notify: unknown[] }>()
  t.strictSame(Object.keys(answer), ['reply', 'notify'])
  t.strictSame(Object.keys(answer.reply), ['jsonrpc', 'id', 'method', 'params'])
  t.equal(answer.reply.params.length, 6)
  t.equal(answer.reply.params[4], 'Content-Type: application/vnd-microsoft-roaming-self+xml\r\n')
  t.match(answer.reply.params[5], /^<roamingData /)
  t.strictSame(answer.notify, [])
  t.strictSame(woken, [anna], 'told once the answer is out')
})

t.test('nothing of a request can leave its place in the layout', async (t) => {
  const { call } = build()
  const evil = '","x"],"method":"core.kill","params":["'
  const response = await call(`/v1/sip?tid=${encodeURIComponent(evil.replaceAll('"', "'"))}&flow=f&contact=c`, publish().replace('Content-Type: application/msrtc', `X: ${evil}\r\nContent-Type: ${evil}application/msrtc`))
  t.match(response.body, /^\{"reply":\{"jsonrpc":"2\.0","id":1,"method":"tm\.reply","params":\[415,/)
  t.equal(response.json<{ reply: { method: string } }>().reply.method, 'tm.reply')
  for (const name of ['tid', 'flow', 'contact']) {
    for (const bad of ['a%0d%0ab', 'a%0ab', '%00', 'a%3Cb', 'a%22b', '', 'x'.repeat(513)]) {
      const url = `/v1/sip?${['tid', 'flow', 'contact'].map((key) => `${key}=${key === name ? bad : 'fine'}`).join('&')}`
      const refused = await call(url, publish(anna, `evil-${name}`))
      t.ok(refused.statusCode === 400 || refused.json<{ reply: { params: unknown[] } }>().reply.params[0] === 400, `${name}=${bad.slice(0, 10)}`)
    }
  }
  t.equal(await world.count("answered WHERE call_id LIKE 'evil%'"), 0)
})

t.test('any other proxy gets plain data', async (t) => {
  const { call } = build()
  const response = await call(SIP, publish(), { headers: { authorization: basic('other', 'secret-of-other-4567') } })
  const { reply, notify } = response.json<{ reply: Record<string, unknown>; notify: unknown[] }>()
  t.strictSame(Object.keys(reply), ['tid', 'code', 'reason', 'toTag', 'headers', 'body'])
  t.match(reply, { tid: '11:22', code: 200, reason: 'OK', headers: 'Content-Type: application/vnd-microsoft-roaming-self+xml\r\n' })
  t.strictSame(notify, [])
})

t.test('OpenSIPS gets the parameters of its t_reply, and leaves notifications to the engine', async (t) => {
  const { call, sent } = build()
  const headers = { authorization: basic('osips1', 'secret-of-osips1-89') }
  const replyTo = async (tid: string, text: string): Promise<Record<string, unknown>> => {
    const answer = (await call(SIP.replace('11%3A22', tid), text, { headers })).json<{ reply: Record<string, unknown> }>()
    t.strictSame(Object.keys(answer), ['reply'])
    return answer.reply
  }
  // tm, "$T_id": label and index in hexadecimal, the lowest digit first.
  const published = await replyTo('2a1.f3', publish(anna, 'osips-1'))
  t.match(published, { code: 200, reason: 'OK', trans_id: '63:418', to_tag: /^tag/, new_headers: 'Content-Type: application/vnd-microsoft-roaming-self+xml\r\n', body: /^<roamingData / })
  t.match(await replyTo('12:34', publish(anna, 'osips-2')), { trans_id: '12:34' }, 'one that is decimal already stays')
  const refused = await replyTo('1.2', world.client(anna).text('SERVICE', { callId: 'osips-3', headers: { 'Content-Type': 'text/plain' }, body: 'x' }))
  t.match(refused, { code: 415, trans_id: '2:1' })
  t.notOk('body' in refused, 'what is empty is left out')
  t.strictSame(sent, [])
  await world.client(anna).registers()
  const watching = await replyTo('1.2', world.client(anna).text('SUBSCRIBE', { callId: 'osips-4', to: boris, headers: { Event: 'presence', Accept: 'application/pidf+xml', Expires: '600' } }))
  t.match(watching, { code: 200 })
  t.match(sent, [{ proxy: 'osips1', instructions: [{ m: 'NOTIFY', flow: 'tcp:7;&x=1' }] }], 'handed over once the answer is out')
})

t.test('contract version 1: what is not for this server is left to the proxy, in the same words for every kind', async (t) => {
  const { call, woken, lines } = build()
  await world.client(anna).registers()
  const before = await world.dump()
  const text = world.client(anna).text('SUBSCRIBE', { to: people.clara, headers: { Event: 'presence' } })
  for (const [id, secret] of [['kam1', SECRET], ['other', 'secret-of-other-4567'], ['osips1', 'secret-of-osips1-89']] as const) {
    const response = await call(SIP, text, { headers: { authorization: basic(id, secret) } })
    t.equal(response.statusCode, 200)
    t.match(response.headers['content-type'], 'application/json')
    t.equal(response.body, '{"relay":true}', 'proxies compare it as text')
  }
  t.strictSame([await world.dump(), woken], [before, []], 'nothing is carried out')
  t.match(lines.join(), 'relayed')
})

t.test('instructions of the requesting dialog go out with the answer; the flow comes back as it was given', async (t) => {
  const { call } = build()
  const client = world.client(anna)
  await client.registers()
  const text = client.text('SUBSCRIBE', { headers: { Event: 'vnd-microsoft-roaming-self', 'Content-Type': 'application/vnd-microsoft-roaming-self+xml', ...PLAIN }, body: '<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><roaming type="categories"/></roamingList>' })
  const { notify } = (await call(SIP, text)).json<{ notify: Record<string, string>[] }>()
  t.strictSame(notify.map((instruction) => Object.keys(instruction)), [['m', 'ruri', 'flow', 'h', 'b']])
  t.equal(notify[0]?.['m'], 'NOTIFY')
  t.equal(notify[0]?.['flow'], 'tcp:7;&x=1')
  t.match(notify[0]?.['h'], '\r\nContact: <sip:kam1.test;transport=tcp>\r\n')
  t.notMatch(notify[0]?.['h'], /^(Via|Max-Forwards|Content-Length)/im)
})

t.test('credentials: every route wants them, whatever way its path is written', async (t) => {
  const { call, lines } = build()
  const before = await world.dump()
  for (const path of ['/v1/sip', '/v1/registration', '/v1/registration/expired', '/v1/notify-failed', '/%761/sip', '/v%31/sip', '/v1/%73ip']) {
    const statuses = new Set<number>()
    for (const authorization of ['', 'Basic', 'Basic !!!', basic('kam1', 'wrong'), basic('kam1', ''), basic('', SECRET), basic('nobody', SECRET), basic('other', SECRET), `Bearer ${SECRET}`]) {
      const response = await call(`${path}?tid=1&flow=f&contact=sip:k&to=${anna}&aor=${anna}&code=481&callid=c&ltag=l&rtag=r`, publish(), { headers: { authorization } })
      statuses.add(response.statusCode)
      if (response.statusCode === 401) {
        t.match(response.headers['www-authenticate'], /^Basic realm=/)
        t.match(response.headers['content-type'], 'application/problem+json')
      }
    }
    t.ok([...statuses].every((status) => status === 401 || status === 404), `${path}: ${[...statuses].join()}`)
  }
  t.strictSame(await world.dump(), before)
  t.notMatch(lines.join(), /wrong|secret-of/)
})

t.test('the authenticated user must be From, and may be required', async (t) => {
  const open = build()
  const statusOf = async (url: string, { call } = open, user: string = anna): Promise<unknown> => (await call(url, publish(user))).json<{ reply: { params: unknown[] } }>().reply.params[0]
  t.equal(await statusOf(`${SIP}&user=${encodeURIComponent('sip:anna@nordwind.example')}`), 200)
  t.equal(await statusOf(`${SIP}&user=anna@NORDWIND.example`), 200)
  t.equal(await statusOf(`${SIP}&user=boris@nordwind.example`), 403)
  t.equal(await statusOf(`${SIP}&user=Anna@nordwind.example`), 403)
  t.equal(await statusOf(`${SIP}&user=nonsense`), 400)
  const strict = build({ entry: { server: 'x', requireAuthenticatedUser: true } })
  t.equal(await statusOf(SIP, strict), 403)
  t.equal(await statusOf(`${SIP}&user=${anna}`, strict), 200)
})

t.test('registrations: added, refreshed, removed, ignored; broken ones are 400', async (t) => {
  const { call } = build()
  const client = world.client(anna)
  const text = (expires: string, user = client): string => user.text('REGISTER', { callId: 'r', headers: { Expires: expires } })
  const first = await call('/v1/registration?flow=f1&expires=300', text('600'))
  t.match(first.json(), { action: 'added', instance: /^[0-9a-f-]{36}$/, gruu: /^sip:anna@nordwind\.example;opaque=user:epid:/ })
  t.notOk('touched' in first.json<object>(), 'what is ours stays ours')
  t.match((await call('/v1/registration?flow=f2', text('600'))).json(), { action: 'refreshed' })
  t.equal((await world.store.pool.query<{ flow: string }>('SELECT flow FROM endpoint')).rows[0]?.flow, 'f2')
  t.match((await call('/v1/registration?flow=f2', text('600', world.client('x@nordwind.example')))).json(), { action: 'ignored' })
  const contact = encodeURIComponent(client.contact.slice(1, -1))
  t.strictSame((await call(`/v1/registration/expired?why=expired&aor=sip:${anna}&contact=${contact}`)).json(), {})
  t.equal(await world.count('endpoint'), 0)
  await call('/v1/registration?flow=f1', text('600'))
  t.match((await call('/v1/registration?flow=f2', text('0'))).json(), { action: 'removed' })
  for (const [url, payload] of [['/v1/registration?flow=f', 'nonsense'], ['/v1/registration?flow=f', publish()], ['/v1/registration', text('600')], ['/v1/registration/expired?aor=x', ''], ['/v1/registration/expired?aor=x&contact=y', '']] as const) {
    const response = await call(url, payload)
    t.equal(response.statusCode, 400, url)
    t.match(response.headers['content-type'], 'application/problem+json')
    t.match(response.json(), { status: 400, title: 'Bad Request' })
  }
})

t.test('notify-failed tells what was done', async (t) => {
  const { call } = build()
  const client = world.client(boris)
  await client.registers()
  const dialog = await client.subscribes([anna], ['note'])
  const url = (code: string): string => `/v1/notify-failed?code=${code}&to=sip:${boris}&callid=${dialog.callId}&cseq=2&ltag=${dialog.toTag}&rtag=${dialog.fromTag}`
  t.strictSame((await call(url('408'))).json(), { done: 'retried' })
  for (const [retryAfter, pause] of [['', 30], ['x', 30], ['-5', 30], ['12345678901', 30], ['60 (back at 5) ;duration=9', 60]] as const) {
    await world.store.pool.query('DELETE FROM deferred')
    t.strictSame((await call(`${url('503')}&retryafter=${encodeURIComponent(retryAfter)}`)).json(), { done: 'retried' })
    t.strictSame((await world.store.pool.query('SELECT due_at FROM deferred')).rows, [{ due_at: world.now + pause * 1000 }], `Retry-After: ${retryAfter}`)
  }
  t.strictSame((await call(url('415'))).json(), { done: 'kept' })
  t.strictSame((await call(url('481'))).json(), { done: 'ended' })
  t.strictSame((await call(url('481'))).json(), { done: 'unknown' })
  for (const code of ['', 'abc', '200', '700', '4.5']) t.equal((await call(url(code))).statusCode, 400, code)
})

t.test('a database that does not answer: SIP 503 with Retry-After, HTTP 503 elsewhere, still live', async (t) => {
  const store = await connectStore({ url: 'postgres://engine:pass-of-database@127.0.0.1:1/presentia', onError: () => undefined })
  t.teardown(() => store.close())
  const { call, app, lines } = build({
    engine: { ...world.engine, store, domains: createDomainDirectory(poolSession(store.pool), () => world.now, 'federated') },
  })
  const response = await call(SIP, publish())
  t.equal(response.statusCode, 200, 'it is an answer of the contract')
  const { params } = response.json<{ reply: { params: unknown[] } }>().reply
  t.equal(params[0], 503)
  t.match(params[4], /^Retry-After: \d+\r\n/)
  const registration = await call('/v1/registration?flow=f', world.client(anna).text('REGISTER', { headers: { Expires: '60' } }))
  t.equal(registration.statusCode, 503)
  t.match(registration.headers['content-type'], 'application/problem+json')
  t.match(registration.headers['retry-after'], /^\d+$/)
  t.equal((await app.inject('/health/live')).statusCode, 200)
  t.ok(lines.length > 0)
  t.notMatch(lines.join() + response.body + registration.body, 'pass-of-database')
})

/** An app whose load a test sets, with bounds of 10 requests, 100 ms and 100 ms; the spread of Retry-After is at its end. */
const underLoad = (changes: Partial<ProxyAppDeps> = {}) => {
  const load = { databaseWaitMs: 0, eventLoopDelayMs: 0, away: false }
  const admission = createAdmission({
    bounds: { inFlight: 10, databaseWaitMs: 100, eventLoopDelayMs: 100 }, fraction: () => 1,
    databaseWaitMs: () => load.databaseWaitMs, eventLoopDelayMs: () => load.eventLoopDelayMs, isDatabaseAway: () => load.away,
  })
  return { load, admission, ...build({ admission, isReady: async () => { const why = admission.trouble(); return why === undefined ? true : { why } }, ...changes }) }
}

const paramsOf = (response: { json: <T>() => T }): readonly unknown[] => response.json<{ reply: { params: unknown[] } }>().reply.params

t.test('overload: new requests are refused first, then refreshes, events of the proxy last; nothing is changed, and it is over when the load is', async (t) => {
  const { load, app, call, lines } = underLoad()
  const client = world.client(boris)
  await client.registers()
  const before = await world.dump()
  const refresh = (callId: string): string => client.text('SUBSCRIBE', { callId, headers: { Event: 'presence' } }).replace(/^To: .*$/m, '$&;tag=of-a-dialog')
  const register = world.client(anna).text('REGISTER', { headers: { Expires: '60' } })
  const statuses = async (at: number): Promise<readonly unknown[]> => [
    paramsOf(await call(SIP, publish(anna, `at ${at}`)))[0], paramsOf(await call(SIP, refresh(`at ${at}`)))[0],
    (await call('/v1/registration?flow=f', register)).statusCode, (await call(`/v1/registration/expired?why=expired&aor=sip:${anna}&contact=sip:x@y`)).statusCode,
  ]
  for (const measure of ['databaseWaitMs', 'eventLoopDelayMs'] as const) {
    load[measure] = 300
    t.strictSame(await statuses(300), [503, 503, 503, 503], measure)
    t.strictSame(await world.dump(), before, 'a refusal changes nothing')
    load[measure] = 0
  }
  load.databaseWaitMs = 120
  const response = await call(SIP, publish())
  t.equal(response.statusCode, 200, 'it is an answer of the contract')
  const [status, reason, tid, , headers, body] = paramsOf(response)
  t.strictSame([status, reason, tid, body], [503, 'Service Unavailable', '11:22', ''])
  t.match(headers, /^Retry-After: 15\r\nms-diagnostics: 4000;reason="The server has more to do than it can; try again later\.";source="presentia\.test";detail="120 ms of waiting for the database";request="request-\d+"\r\n$/)
  const ready = await app.inject('/health/ready')
  t.equal(ready.statusCode, 503)
  t.strictSame(ready.json(), { status: 'not ready', why: '120 ms of waiting for the database' })
  t.equal((await app.inject('/health/live')).statusCode, 200)
  t.strictSame(await world.dump(), before)
  t.strictSame((await statuses(120)).slice(0, 2), [503, 481], 'a refresh still goes through: here to a dialog that there is not')
  load.databaseWaitMs = 200
  const event = await call('/v1/registration?flow=f', register)
  t.equal(event.statusCode, 200)
  t.strictSame((await statuses(200)).slice(0, 2), [503, 503])
  load.databaseWaitMs = 0
  t.strictSame((await statuses(0)).slice(0, 2), [200, 481])
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  t.equal(lines.filter((line) => line.includes('"overloaded"')).length, 1, 'one line a second')
  t.equal((await call(SIP, '')).statusCode, 200)
  load.databaseWaitMs = 300
  const late = await call('/v1/registration?flow=f', register)
  t.strictSame([late.statusCode, late.headers['retry-after']], [503, '15'])
  t.match(late.json(), { status: 503, detail: /more to do than it can/ })
})

t.test('overload: requests in flight are bounded, and each one that ends makes room', async (t) => {
  let answer = (): void => undefined
  const held = new Promise<void>((resolve) => { answer = resolve })
  const { registry } = world.engine.categories
  const { call, admission } = underLoad({ engine: { ...world.engine, categories: { registry: async () => { await held; return registry() }, forget: () => undefined } } })
  const waiting = Array.from({ length: 10 }, (_, at) => call(SIP, publish(anna, `held ${at}`)))
  // In flight once their handlers have begun, which is when the door is closed.
  while (admission.trouble() === undefined) await new Promise((resolve) => setImmediate(resolve))
  const refused = await call(SIP, publish(anna, 'one too many'))
  t.equal(paramsOf(refused)[0], 503)
  t.match(refused.body, '10 requests in flight')
  answer()
  const statuses = (await Promise.all(waiting)).map((response) => paramsOf(response)[0])
  t.equal(statuses.length, 10)
  t.notOk(statuses.includes(503))
  t.equal(admission.trouble(), undefined)
  t.strictSame(admission.measures()[0], { measure: 'inFlight', ratio: 0 })
})

t.test('a database that is away: refused at once and without being asked, then taken again', async (t) => {
  const metrics = createMetrics()
  const { load, app, call } = underLoad({ metrics })
  const before = await world.dump()
  load.away = true
  const [status, , , , headers] = paramsOf(await call(SIP, publish()))
  t.equal(status, 503)
  t.match(headers, /^Retry-After: 15\r\nms-diagnostics: 4000;reason="The database does not answer; try again later\."/)
  t.equal((await call('/v1/registration?flow=f', world.client(anna).text('REGISTER', { headers: { Expires: '60' } }))).statusCode, 503)
  t.strictSame((await app.inject('/health/ready')).json(), { status: 'not ready', why: 'the database is away' })
  t.strictSame(await world.dump(), before)
  load.away = false
  t.equal(paramsOf(await call(SIP, publish()))[0], 200)
  t.match(await metrics.text(), /^presentia_refusals_total\{name="unavailable"\} 2$/m)
})

t.test('one user who sends too much is told to pause; others are not', async (t) => {
  const metrics = createMetrics()
  const { call, lines } = build({ metrics, engine: { ...world.engine, rates: createRateGuard({ perSecond: 2, burst: 4 }) } })
  const send = async (user: string, callId: string, url = SIP): Promise<readonly unknown[]> => paramsOf(await call(url, publish(user, callId)))
  for (let at = 0; at < 4; at += 1) t.equal((await send(anna, 'the same request', `${SIP}&user=${anna}`))[0], 200, 'a repetition counts too')
  const before = await world.dump()
  const [status, reason, , , headers] = await send(anna, 'too much')
  t.strictSame([status, reason], [500, 'Server Internal Error'])
  t.match(headers, /^Retry-After: 2\r\nms-diagnostics: 4000;reason="The user sends more requests than one user may; its clients shall pause\."/)
  t.equal((await send(anna, 'too much', `${SIP}&user=${anna}`))[0], 500, 'however it is known who it is')
  t.equal((await call(SIP, 'nonsense')).statusCode, 200)
  t.strictSame(await world.dump(), before)
  t.equal((await send(boris, 'another'))[0], 200)
  world.advance(1)
  t.strictSame([(await send(anna, 'later 1'))[0], (await send(anna, 'later 2'))[0], (await send(anna, 'later 3'))[0]], [409, 409, 500], 'two a second, judged as always')
  t.equal(lines.filter((line) => line.includes('"rateExceeded"')).length, 2, 'one line a second')
  const text = await metrics.text()
  t.match(text, /^presentia_refusals_total\{name="rateExceeded"\} 3$/m)
  t.match(text, /^presentia_conflicts_total\{kind="version"\} 2$/m)
})

t.test('a fault of the engine itself: 500 with the request id under which the log has it, and no detail', async (t) => {
  const { call, lines } = build({ engine: { ...world.engine, categories: { registry: () => Promise.reject(new TypeError('broken inside')), forget: () => undefined } } })
  const response = await call(SIP, publish())
  const { params } = response.json<{ reply: { params: string[] } }>().reply
  t.equal(params[0], 500)
  const id = /request="([^"]+)"/.exec(params[4] ?? '')?.[1] ?? 'none'
  t.match(lines.find((line) => line.includes('broken inside')), id)
  t.notMatch(response.body, 'broken inside')
  t.equal(await world.count('category_instance'), 0)
  const refused = await build().call(SIP, publish().replace('uri="sip:anna', 'uri="sip:boris'))
  t.match(refused.body, /request=\\"request-1\\"/, 'refusals carry it too')
})

t.test('health, unknown paths and methods, sizes', async (t) => {
  const { app, call } = build()
  t.strictSame((await app.inject('/health/ready')).json(), { status: 'ready' })
  t.equal((await call('/v1/nothing')).statusCode, 404)
  t.equal((await call(SIP, '', { method: 'GET' })).statusCode, 404)
  t.equal((await call(SIP, Buffer.alloc(2 * 1024 * 1024, 'x'))).statusCode, 413)
  t.equal((await call(SIP, Buffer.alloc(700 * 1024, 'x'))).json<{ reply: { params: unknown[] } }>().reply.params[0], 413, 'what HTTP lets through, SIP refuses')
  t.equal((await call(SIP)).json<{ reply: { params: unknown[] } }>().reply.params[0], 400)
  t.equal((await call('/v1/sip', publish())).statusCode, 400)
})
