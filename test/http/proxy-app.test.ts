import type { InjectOptions } from 'fastify'
import t from 'tap'
import { createDomainDirectory } from '../../src/engine/domain-directory.ts'
import { buildProxyApp, type ProxyAppDeps } from '../../src/http/proxy/app.ts'
import { createLog } from '../../src/observe/log.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { connectStore } from '../../src/store/connect.ts'
import { poolSession } from '../../src/store/session.ts'
import { notes, publishBody } from '../support/bodies.ts'
import { PLAIN } from '../support/client.ts'
import { openWorld, people } from '../support/world.ts'

const world = await openWorld(t)
const { anna, boris } = people

const SECRET = 'secret-of-kam1-0123'
const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

const build = (changes: Partial<ProxyAppDeps> = {}) => {
  const lines: string[] = []
  const woken: string[] = []
  let traces = 0
  const log = createLog('debug', { write: (line: string) => { lines.push(line) } })
  const app = buildProxyApp({
    engine: world.engine, entry: world.entry, wake: (publishers) => { woken.push(...publishers) }, trace: () => `request-${(traces += 1)}`, isReady: async () => true, log,
    proxies: new Map([['kam1', { kind: 'kamailio', secret: SECRET }], ['other', { kind: 'plain', secret: 'secret-of-other-4567' }]]),
    metrics: createMetrics({ pendingChanges: async () => 0, deferredNotifications: async () => 0 }), ...changes,
  })
  const call = async (url: string, payload: string | Buffer = '', options: Partial<InjectOptions> = {}) => {
    const { headers, ...more } = options
    return app.inject({ method: 'POST', url, payload, ...more, headers: { authorization: basic('kam1', SECRET), 'content-type': 'message/sip', ...headers } })
  }
  return { app, call, lines, woken }
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

t.test('contract version 1: what is not for this server is left to the proxy, in the same words for every kind', async (t) => {
  const { call, woken, lines } = build()
  await world.client(anna).registers()
  const before = await world.dump()
  const text = world.client(anna).text('SUBSCRIBE', { to: people.clara, headers: { Event: 'presence' } })
  for (const [id, secret] of [['kam1', SECRET], ['other', 'secret-of-other-4567']] as const) {
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
  t.strictSame((await call(url('481'))).json(), { done: 'ended' })
  t.strictSame((await call(url('481'))).json(), { done: 'unknown' })
  for (const code of ['', 'abc', '200', '700', '4.5']) t.equal((await call(url(code))).statusCode, 400, code)
})

t.test('a database that does not answer: SIP 503 with Retry-After, HTTP 503 elsewhere, not ready', async (t) => {
  const store = await connectStore({ url: 'postgres://engine:pass-of-database@127.0.0.1:1/presentia', onError: () => undefined })
  t.teardown(() => store.close())
  const { call, app, lines } = build({
    engine: { ...world.engine, store, domains: createDomainDirectory(poolSession(store.pool), () => world.now, 'federated') },
    isReady: () => store.pool.query('SELECT 1').then(() => true, () => false),
  })
  const response = await call(SIP, publish())
  t.equal(response.statusCode, 200, 'it is an answer of the contract')
  const { params } = response.json<{ reply: { params: unknown[] } }>().reply
  t.equal(params[0], 503)
  t.match(params[4], /^Retry-After: \d+\r\n/)
  const registration = await call('/v1/registration?flow=f', world.client(anna).text('REGISTER', { headers: { Expires: '60' } }))
  t.equal(registration.statusCode, 503)
  t.match(registration.headers['content-type'], 'application/problem+json')
  t.equal((await app.inject('/health/ready')).statusCode, 503)
  t.equal((await app.inject('/health/live')).statusCode, 200)
  t.ok(lines.length > 0)
  t.notMatch(lines.join() + response.body + registration.body, 'pass-of-database')
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
