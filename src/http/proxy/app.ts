import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { failure, failureEntry } from '../../core/base/failure.ts'
import type { NotifyInstruction } from '../../core/model/dialog.ts'
import { sourceNetworks, type SourceNetwork } from '../../core/model/network.ts'
import { looksRepeated } from '../../core/sip/peek.ts'
import { writeRefusal } from '../../core/sip/reply.ts'
import { readToTag } from '../../core/sip/to-tag.ts'
import { readUserKey } from '../../core/sip/uri.ts'
import type { EngineDeps } from '../../engine/deps.ts'
import { handleSip, type EntryOptions } from '../../engine/engine.ts'
import { handleFailedNotify } from '../../engine/notify-failed.ts'
import { Refused } from '../../engine/refused.ts'
import { handleLostBinding, handleRegister } from '../../engine/registration.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import { addHealth, type Readiness } from '../health.ts'
import { problemType, writeProblem } from '../problem.ts'
import { readBasic, sameSecret } from '../credentials.ts'
import type { Admission } from './admission.ts'
import { encoders, leavesNotifications, relayAnswer } from './encode.ts'
import { createRefusals, type Refusals } from './refusals.ts'

export interface ProxyAppDeps {
  readonly engine: EngineDeps
  readonly entry: EntryOptions
  readonly proxies: ReadonlyMap<string, { readonly kind: keyof typeof encoders; readonly secret: string }>
  /** Sends notifications that belong behind an answer, for proxies that leave that to the engine. Never rejects. */
  readonly notify: (proxy: string, instructions: readonly NotifyInstruction[]) => Promise<void>
  /** Tells changes, once the answer that made them is on its way. */
  readonly wake: (publishers: readonly string[]) => void
  readonly trace: () => string
  readonly isReady: () => Promise<Readiness>
  readonly admission: Admission
  readonly log: Log
  readonly metrics: Metrics
}

/** Room for the largest SIP message and a little HTTP around it. */
const BODY_LIMIT = 1024 * 1024

const event = (): 'event' => 'event'

type Query = Readonly<Record<string, string | undefined>>

const EMPTY = new Uint8Array()

const bodyOf = (request: FastifyRequest): Uint8Array => (request.body instanceof Uint8Array ? request.body : EMPTY)

/** A query parameter, or undefined; one that is given twice or holds control characters is refused. */
const optional = (query: Query, name: string): string | undefined => {
  const value: unknown = query[name]
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || /[\u0000-\u001f\u007f]/.test(value)) throw new Refused(failure('malformedRequest', `query parameter ${name} is not usable`))
  return value
}

const required = (query: Query, name: string): string => {
  const value = optional(query, name)
  if (value === undefined) throw new Refused(failure('malformedRequest', `query parameter ${name} is missing`))
  return value
}

const readNetwork = (text: string | undefined): SourceNetwork | undefined => sourceNetworks.find((network) => network === text)

/** The number that a value begins with, as in headers whose number may be followed by more; undefined when it is none of up to 10 digits. */
const readLeadingNumber = (text: string | undefined): number | undefined => {
  const [, digits] = /^(\d{1,10})(?!\d)/.exec(text ?? '') ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** A value that goes into headers or back to the proxy. */
const readToken = (query: Query, name: string): string => {
  const value = required(query, name)
  if (value.length > 512 || /[<>"]/.test(value)) throw new Refused(failure('malformedRequest', `query parameter ${name} is not usable`))
  return value
}

const addRoutes = (app: FastifyInstance, deps: ProxyAppDeps, refusals: Refusals): void => {
  const { admission } = deps
  const proxyOf = new WeakMap<FastifyRequest, string>()

  app.addHook('onRequest', async (request, reply) => {
    const given = readBasic(request.headers.authorization)
    const known = given === undefined ? undefined : deps.proxies.get(given.id)
    // An unknown id costs the same comparison as a known one.
    const same = sameSecret(given?.secret ?? '', known?.secret ?? '\u0000')
    if (given === undefined || known === undefined || !same) {
      await reply.code(401).header('www-authenticate', 'Basic realm="presentia"').type(problemType).send(writeProblem(401, 'the proxy id or its secret is wrong'))
      return
    }
    proxyOf.set(request, given.id)
  })

  const afterSent = (reply: FastifyReply, touched: readonly string[]): void => {
    if (touched.length > 0) reply.raw.once('close', () => deps.wake(touched))
  }

  app.post('/sip', async (request, reply) => {
    const started = performance.now()
    const trace = deps.trace()
    const proxy = proxyOf.get(request) ?? ''
    const query = request.query as Query
    const tid = readToken(query, 'tid')
    const kind = deps.proxies.get(proxy)?.kind ?? 'plain'
    const encode = encoders[kind]
    reply.type('application/json')
    try {
      const given = optional(query, 'user')
      const user = given === undefined ? undefined : readUserKey(given)
      if (user?.ok === false) throw new Refused(user.failure)
      const arrival = { proxy, flow: readToken(query, 'flow'), contact: readToken(query, 'contact'), user: user?.value, network: readNetwork(optional(query, 'net')), survivable: optional(query, 'survivable') === '1', trace }
      const bytes = bodyOf(request)
      const answer = await admission.admit(() => (looksRepeated(bytes) ? 'inDialog' : 'request'), () => handleSip(deps.engine, bytes, arrival, deps.entry))
      if ('relay' in answer) {
        deps.metrics.request('relayed', performance.now() - started)
        deps.log.debug({ trace, proxy }, 'relayed')
        return relayAnswer
      }
      deps.metrics.request(answer.reply.status, performance.now() - started)
      if (answer.refused !== undefined) refusals.note(answer.refused, { trace, proxy })
      else deps.log.debug({ trace, proxy, status: answer.reply.status }, 'answered')
      if (answer.eventState !== undefined) deps.metrics.eventState(answer.eventState)
      if (leavesNotifications[kind] && answer.notify.length > 0) reply.raw.once('close', () => { void deps.notify(proxy, answer.notify) })
      afterSent(reply, answer.touched)
      return encode(tid, answer.reply, answer.notify)
    } catch (error) {
      const answer = writeRefusal(refusals.of(error, { trace, proxy }), readToTag(bodyOf(request)) ?? deps.engine.chance.tag(), { server: deps.entry.server, requestId: trace })
      deps.metrics.request(answer.status, performance.now() - started)
      return encode(tid, answer, [])
    }
  })

  app.post('/registration', async (request, reply) => {
    const trace = deps.trace()
    const query = request.query as Query
    const expires = Number(optional(query, 'expires') ?? Number.NaN)
    const granted = Number.isInteger(expires) && expires > 0 && expires <= 0xffffffff ? expires : undefined
    const { touched, ...answer } = await admission.admit(event, () => handleRegister(deps.engine, bodyOf(request), { proxy: proxyOf.get(request) ?? '', flow: readToken(query, 'flow'), granted }, trace))
    deps.metrics.registration(answer.action)
    deps.log.debug({ trace, ...answer }, 'registration')
    afterSent(reply, touched)
    return answer
  })

  app.post('/registration/expired', async (request, reply) => {
    const trace = deps.trace()
    const query = request.query as Query
    const touched = await admission.admit(event, () => handleLostBinding(deps.engine, { connectionLost: optional(query, 'why') === 'connection-lost', aor: required(query, 'aor'), contact: required(query, 'contact'), callId: optional(query, 'callid') }, trace))
    deps.metrics.registration(optional(query, 'why') === 'connection-lost' ? 'lost' : 'expired')
    afterSent(reply, touched)
    return {}
  })

  app.post('/notify-failed', async (request) => {
    const query = request.query as Query
    const subscriber = readUserKey(required(query, 'to'))
    if (!subscriber.ok) throw new Refused(subscriber.failure)
    const code = Number(required(query, 'code'))
    if (!Number.isInteger(code) || code < 300 || code > 699) throw new Refused(failure('malformedRequest', 'query parameter code is not a SIP status'))
    // The seconds lead a Retry-After, what follows are remarks (RFC 3261 20.33).
    const done = await admission.admit(event, () => handleFailedNotify(deps.engine, {
      code, subscriber: subscriber.value, callId: required(query, 'callid'), localTag: required(query, 'ltag'), remoteTag: required(query, 'rtag'),
      cseq: readLeadingNumber(optional(query, 'cseq')), retryAfter: readLeadingNumber(optional(query, 'retryafter')),
    }))
    deps.metrics.failedNotify(code)
    deps.log.debug({ code, subscriber: subscriber.value, callId: query['callid'], done }, 'NOTIFY failed')
    return { done }
  })
}

/** The HTTP interface for proxies (contract version 1). */
export const buildProxyApp = (deps: ProxyAppDeps): FastifyInstance => {
  const app = Fastify({ logger: false, bodyLimit: BODY_LIMIT, requestTimeout: 30_000, routerOptions: { caseSensitive: true }, return503OnClosing: true })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  const refusals = createRefusals(deps.log, deps.metrics, deps.engine.now, deps.engine.chance.fraction)
  app.setErrorHandler(async (error, _request, reply) => {
    const answer = (status: number, detail?: string) => reply.code(status).type(problemType).send(writeProblem(status, detail))
    // The HTTP library's own.
    if (error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500) return answer(error.statusCode, error.message)
    const { name, detail, headers = [] } = refusals.of(error, {})
    for (const [header, value] of headers) void reply.header(header, value)
    // A proxy forgets an event that is answered by 4xx and repeats one that is answered by 5xx.
    if (name === 'overloaded' || name === 'unavailable') return answer(503, failureEntry(name).sentence)
    return name === 'internal' ? answer(500) : answer(400, `${name}: ${detail ?? ''}`)
  })
  addHealth(app, deps.isReady)
  // The credentials are asked for by a hook of these routes, not by their path: a path can be written in many ways.
  app.register(async (scoped) => addRoutes(scoped, deps, refusals), { prefix: '/v1' })
  return app
}
