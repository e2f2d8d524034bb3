import { failure, type Failure } from '../core/base/failure.ts'
import { networkOfKind } from '../core/model/network.ts'
import { parseSipMessage } from '../core/sip/message.ts'
import { writeRefusal } from '../core/sip/reply.ts'
import { readToTag } from '../core/sip/to-tag.ts'
import { readSipRequest } from '../core/sip/request.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Answer, Arrival, Call, EngineDeps, Relay } from './deps.ts'
import { allowEvents, findPackage } from './packages.ts'
import { Refused } from './refused.ts'
import { handleEventState } from './event-state.ts'
import { handleService } from './service.ts'

type Handler = (deps: EngineDeps, call: Call) => Promise<Answer | Relay>

const handleSubscribe: Handler = (deps, call) => {
  const handle = findPackage(deps.features, call.request.event ?? '')
  if (handle === undefined) throw new Refused({ ...failure('eventUnknown', call.request.event), headers: [['Allow-Events', allowEvents(deps.features)]] })
  return handle(deps, call)
}

/** Method to handler; SIP methods are case-sensitive. */
const methods: ReadonlyMap<string, Handler> = new Map<string, Handler>([['SERVICE', handleService], ['SUBSCRIBE', handleSubscribe], ['PUBLISH', handleEventState]])

/** The methods that the operator has not switched off. */
const offered = ({ features }: EngineDeps): readonly string[] => [...methods.keys()].filter((method) => method !== 'PUBLISH' || features.publish)

/** Settings of the entry itself. */
export interface EntryOptions {
  /** Names this server in ms-diagnostics. */
  readonly server: string
  /** Refuse what no proxy has authenticated. */
  readonly requireAuthenticatedUser: boolean
}

/** Before anything that costs: a client that runs away shall cost little. Not 503, which could make a client leave the server (design decision 16 is the same case). */
const countRequest = ({ rates, now }: EngineDeps, user: UserKey): void => {
  const pause = rates.count(user, now())
  if (pause > 0) throw new Refused({ ...failure('rateExceeded'), headers: [['Retry-After', String(pause)]] })
}

const readCall = async (deps: EngineDeps, bytes: Uint8Array, arrival: Arrival, options: EntryOptions): Promise<Call> => {
  if (arrival.user !== undefined) countRequest(deps, arrival.user)
  const message = parseSipMessage(bytes)
  if (!message.ok) throw new Refused(message.failure)
  const parsed = readSipRequest(message.value)
  if (!parsed.ok) throw new Refused(parsed.failure)
  const request = parsed.value
  if (arrival.user === undefined) countRequest(deps, request.fromUser)
  if (arrival.user === undefined && options.requireAuthenticatedUser) throw new Refused(failure('authenticationMissing'))
  if (arrival.user !== undefined && arrival.user !== request.fromUser) throw new Refused(failure('fromIsNotUser'))
  const network = networkOfKind(await deps.domains.kindOf(request.fromUser))
  if (network === undefined) throw new Refused(failure('domainBlocked'))
  return { request, arrival, network: arrival.network ?? network, now: deps.now() }
}

const refuseWith = (refused: Failure, deps: EngineDeps, bytes: Uint8Array, arrival: Arrival, options: EntryOptions): Answer =>
  ({ reply: writeRefusal(refused, readToTag(bytes) ?? deps.chance.tag(), { server: options.server, requestId: arrival.trace }), notify: [], touched: [] })

/** What comes of a request: an answer, with the refusal behind it if it is one, or the word to relay it. */
export type Handled = (Answer & { readonly refused?: Failure }) | Relay

/**
 * The engine's entry: one raw SIP request in, one answer out. Every refusal becomes an answer of the catalogue; only faults of the engine
 * itself are thrown.
 */
export const handleSip = async (deps: EngineDeps, bytes: Uint8Array, arrival: Arrival, options: EntryOptions): Promise<Handled> => {
  try {
    const call = await readCall(deps, bytes, arrival, options)
    const handler = methods.get(call.request.method)
    if (handler === undefined || !offered(deps).includes(call.request.method)) throw new Refused({ ...failure('methodUnknown', call.request.method), headers: [['Allow', offered(deps).join(', ')]] })
    return await handler(deps, call)
  } catch (error) {
    if (error instanceof Refused) return { ...refuseWith(error.failure, deps, bytes, arrival, options), refused: error.failure }
    throw error
  }
}
