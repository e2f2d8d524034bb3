import { failure } from '../core/base/failure.ts'
import type { AggregationPlan } from '../core/aggregation/plan.ts'
import type { Instant } from '../core/base/instant.ts'
import type { ContainerTemplate } from '../core/containers/template.ts'
import { isEventState, type Endpoint } from '../core/model/endpoint.ts'
import { noTouch, isTouched } from '../core/model/touch.ts'
import { decideDeregistration } from '../core/publications/expire.ts'
import { readRegistration, type Registration } from '../core/registrations/register.ts'
import { gruuOpaque, type EndpointId } from '../core/sip/endpoint-id.ts'
import { parseSipMessage } from '../core/sip/message.ts'
import { readSipRequest, type SipRequest } from '../core/sip/request.ts'
import { readUserKey, writeUserUri, type UserKey } from '../core/sip/uri.ts'
import { shortenEndpoints } from '../store/endpoints.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact, type Transaction } from '../store/session.ts'
import { createUser } from '../store/users.ts'
import type { EngineDeps } from './deps.ts'
import { directoryRules, publishDirectory, type DirectoryRules } from './directory-publish.ts'
import { allowEvents } from './packages.ts'
import { Refused } from './refused.ts'

/** What the proxy learns of a registration, for its 200 (presence-state and GRUU, MS-SIPREGE). */
export interface RegistrationAnswer {
  readonly action: 'added' | 'refreshed' | 'removed' | 'ignored'
  readonly instance?: string
  readonly gruu?: string
  /** The event packages that are served, for Allow-Events. */
  readonly allowEvents?: string
  /** Whose changes are to be told. */
  readonly touched: readonly UserKey[]
}

const IGNORED: RegistrationAnswer = { action: 'ignored', touched: [] }

/** Endpoints leave: their publications and dialogs go with them (3.2.5.5, 3.2.5.5.1). True when someone must be told. */
const leave = async (tx: Transaction, plan: AggregationPlan, user: UserKey, leaving: (endpoints: readonly Endpoint[]) => readonly EndpointId[], trace: string, now: Instant): Promise<boolean> => {
  const state = await loadUnderLock(tx, user, { endpoints: true, instances: 'all' })
  if (state === undefined) return false
  const outcome = decideDeregistration(plan, state, leaving(state.endpoints), now)
  await applyOutcome(tx, user, outcome, trace, now)
  return isTouched(outcome.touch)
}

const displayNameOf = (request: SipRequest, user: UserKey): string => (request.to.displayName || request.from.displayName || user.slice(0, user.lastIndexOf('@'))).slice(0, 256)

/** What a user starts with whom its first registration creates. */
interface NewUser {
  readonly template: ContainerTemplate
  readonly rules: DirectoryRules | undefined
}

const store = (deps: EngineDeps, user: UserKey, request: SipRequest, registration: Registration, make: NewUser | undefined, trace: string, now: Instant): Promise<RegistrationAnswer> =>
  transact(deps.store.pool, async (tx) => {
    const [created, state] = await Promise.all([
      // A new user must exist before it can be locked; the insert of one that exists does nothing.
      make === undefined ? [] : createUser(tx, user, displayNameOf(request, user), make.template, now),
      loadUnderLock(tx, user, { endpoints: true }),
    ])
    if (state === undefined) return IGNORED
    const published = created.length > 0 && make?.rules !== undefined && (await publishDirectory(tx, user, make.rules, trace, now)).touched
    // Proxies tell by themselves: what one of them could not tell at once may come after what another one was asked later.
    const later = new Set(state.endpoints.filter(({ callId, cseq, expiresAt }) => callId === request.callId && cseq > request.cseq && expiresAt > now).map(({ endpointId }) => endpointId))
    const changes = registration.present.filter(({ endpointId }) => !later.has(endpointId)).map((endpoint) => ({ kind: 'putEndpoint', endpoint }) as const)
    await applyOutcome(tx, user, { changes, touch: noTouch }, trace, now)
    const gone = (registration.all ? state.endpoints.filter((endpoint) => !isEventState(endpoint)).map(({ endpointId }) => endpointId) : registration.leaving).filter((endpointId) => !later.has(endpointId))
    const left = gone.length > 0 && await leave(tx, deps.plan, user, () => gone, trace, now)
    const [first] = registration.present
    const touched = published || left ? [user] : []
    if (first === undefined) return { action: 'removed', touched }
    const known = state.endpoints.some(({ endpointId, expiresAt }) => endpointId === first.endpointId && expiresAt > now)
    return { action: known ? 'refreshed' : 'added', instance: first.instanceId, gruu: `${writeUserUri(user)};opaque=user:epid:${gruuOpaque(first.endpointId)};gruu`, allowEvents: allowEvents(deps.features), touched }
  })

/** Takes in a REGISTER that the proxy's registrar accepted. Users whom this server does not know are ignored. */
export const handleRegister = async (deps: EngineDeps, bytes: Uint8Array, source: { readonly proxy: string; readonly flow: string; readonly granted: number | undefined }, trace: string): Promise<RegistrationAnswer> => {
  const message = parseSipMessage(bytes)
  if (!message.ok) throw new Refused(message.failure)
  const request = readSipRequest(message.value)
  if (!request.ok) throw new Refused(request.failure)
  if (request.value.method !== 'REGISTER') throw new Refused(failure('methodUnknown', request.value.method))
  const now = deps.now()
  const registration = readRegistration(request.value, source, now)
  if (!registration.ok) throw new Refused(registration.failure)
  // The address of record is To; From may be a third party that registers it (RFC 3261 10.2).
  const user = request.value.toUser
  const mayCreate = deps.createUsersOnRegister && registration.value.present.length > 0 && user.includes('@') && (await deps.domains.kindOf(user)) === 'enterprise'
  return store(deps, user, request.value, registration.value, mayCreate ? { template: await deps.template.current(), rules: await directoryRules(deps) } : undefined, trace, now)
}

/** A binding that the registrar lost by itself. */
export interface LostBinding {
  /** Only its connection was lost: the client may come back with the same instance, and then loses nothing. */
  readonly connectionLost: boolean
  readonly aor: string
  readonly contact: string
  readonly callId: string | undefined
}

/**
 * Takes in the loss of a binding. Only the binding that the endpoint is known by counts: a client that has come back under another Contact
 * has not left.
 */
export const handleLostBinding = async (deps: EngineDeps, lost: LostBinding, trace: string): Promise<readonly UserKey[]> => {
  const user = readUserKey(lost.aor)
  if (!user.ok) throw new Refused(user.failure)
  const isLost = (endpoint: Endpoint): boolean => !isEventState(endpoint) && endpoint.contact === lost.contact && (lost.callId === undefined || endpoint.callId === lost.callId)
  const now = deps.now()
  const lostIds = (endpoints: readonly Endpoint[]): readonly EndpointId[] => endpoints.filter(isLost).map(({ endpointId }) => endpointId)
  const told = await transact(deps.store.pool, async (tx) => {
    if (!lost.connectionLost || deps.lostConnectionGraceMs === 0) return leave(tx, deps.plan, user.value, lostIds, trace, now)
    const state = await loadUnderLock(tx, user.value, { endpoints: true })
    // The timer for expired endpoints ends it unless it registers again before.
    if (state !== undefined) void shortenEndpoints(tx, user.value, lostIds(state.endpoints), now + deps.lostConnectionGraceMs)
    return false
  })
  return told ? [user.value] : []
}

/** Ends the registrations of a user that had run out at a time without a word from the proxy. */
export const endExpiredEndpoints = async (deps: EngineDeps, user: UserKey, at: Instant, trace: string): Promise<readonly UserKey[]> => {
  const told = await transact(deps.store.pool, (tx) => leave(tx, deps.plan, user, (endpoints) => endpoints.filter(({ expiresAt }) => expiresAt <= at).map(({ endpointId }) => endpointId), trace, deps.now()))
  return told ? [user] : []
}
