import { failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { isEventState, type Endpoint } from '../model/endpoint.ts'
import { endpointIdOfEpid, endpointIdOfOpaque, readInstanceId, type EndpointId } from '../sip/endpoint-id.ts'
import { readSeconds, type NameAddress } from '../sip/header-values.ts'
import type { SipRequest } from '../sip/request.ts'
import { parseSipUri } from '../sip/uri.ts'

/** Where a registration came in and what the registrar granted. */
export interface RegistrationSource {
  readonly proxy: string
  readonly flow: string
  /** Seconds that the registrar granted, when the proxy says so. */
  readonly granted: number | undefined
}

/** What one accepted REGISTER means: endpoints that (still) are here and ids that leave; `all` for Contact: *. */
export interface Registration {
  readonly present: readonly Endpoint[]
  readonly leaving: readonly EndpointId[]
  readonly all: boolean
}

const DEFAULT_EXPIRES = 3600

/** How much longer than the registrar we wait, in milliseconds: it ends a binding first and says so; ours is the safety net for events that never came. */
export const EXPIRY_MARGIN_MS = 30_000

interface Identity {
  readonly endpointId: EndpointId
  readonly instanceId: string
}

/**
 * Which endpoint a Contact is: its +sip.instance, else the epid of From (MS-SIPREGE), else the GRUU in the Contact. A phone that
 * has none of them is known by its Contact URI, derived the same way.
 */
const identify = (request: SipRequest, contact: NameAddress): Identity => {
  const written = readInstanceId(contact.params.get('+sip.instance') ?? '')
  if (written !== undefined) return { endpointId: written.toLowerCase(), instanceId: written }
  const id = request.epid !== undefined ? endpointIdOfEpid(request.epid) : endpointIdOfOpaque(contact.uri.params.get('opaque') ?? '') ?? endpointIdOfEpid(contact.uriText)
  return { endpointId: id, instanceId: id }
}

/** Reads an accepted REGISTER into endpoints; 400 when it names no Contact. */
export const readRegistration = (request: SipRequest, source: RegistrationSource, now: Instant): Result<Registration> => {
  if (request.contactStar) return ok({ present: [], leaving: [], all: true })
  if (request.contacts.length === 0) return refuse(failure('contactMissing', 'REGISTER without Contact'))
  const present = new Map<EndpointId, Endpoint>()
  const leaving = new Set<EndpointId>()
  for (const contact of request.contacts) {
    const { endpointId, instanceId } = identify(request, contact)
    const asked = readSeconds(contact.params.get('expires') ?? '') ?? request.expires ?? DEFAULT_EXPIRES
    if (asked === 0) {
      leaving.add(endpointId)
      continue
    }
    present.set(endpointId, {
      endpointId, instanceId, epid: request.epid, proxy: source.proxy, flow: source.flow, contact: contact.uriText, callId: request.callId, cseq: request.cseq,
      registeredAt: now, expiresAt: now + (source.granted ?? asked) * 1000 + EXPIRY_MARGIN_MS,
    })
  }
  // A client that moves to a new Contact removes the old one in the same request; it has not left.
  return ok({ present: [...present.values()], leaving: [...leaving].filter((id) => !present.has(id)), all: false })
}

/** The only one of its kind; of several nobody knows which is meant. */
const only = (endpoints: readonly Endpoint[]): Endpoint | undefined => (endpoints.length === 1 ? endpoints[0] : undefined)

const addressOf = (uriText: string): string | undefined => {
  const uri = parseSipUri(uriText)
  return uri.ok ? `${uri.value.user ?? ''}@${uri.value.host}` : undefined
}

/**
 * The endpoint of a phone that has neither epid nor instance id: many write another port, transport or parameter into the Contact of a SUBSCRIBE than into that of their REGISTER,
 * or leave the instance id out. It is the one that registered over the very connection, else the one at the same user and host.
 */
const findPhone = ({ contacts: [contact] }: SipRequest, endpoints: readonly Endpoint[], path: Pick<Endpoint, 'proxy' | 'flow'> | undefined): Endpoint | undefined => {
  const here = path === undefined || path.flow === '' ? undefined : only(endpoints.filter(({ proxy, flow }) => proxy === path.proxy && flow === path.flow))
  const address = contact === undefined ? undefined : addressOf(contact.uriText)
  return here ?? (address === undefined ? undefined : only(endpoints.filter((endpoint) => addressOf(endpoint.contact) === address)))
}

/**
 * Which endpoint sent a request that is not a REGISTER: by epid, by +sip.instance, by the GRUU it contacts from, by its Contact; one that does not say who it is, by where it comes
 * from, if that is known.
 */
export const findEndpoint = (request: SipRequest, known: readonly Endpoint[], path?: Pick<Endpoint, 'proxy' | 'flow'>): Endpoint | undefined => {
  const [contact] = request.contacts
  const endpoints = known.filter((endpoint) => !isEventState(endpoint))
  const byId = (id: EndpointId | undefined): Endpoint | undefined => (id === undefined ? undefined : endpoints.find(({ endpointId }) => endpointId === id))
  const instance = readInstanceId(contact?.params.get('+sip.instance') ?? '')
  return (
    (request.epid === undefined ? undefined : endpoints.find(({ epid }) => epid === request.epid) ?? byId(endpointIdOfEpid(request.epid))) ??
    byId(instance?.toLowerCase()) ??
    byId(endpointIdOfOpaque(contact?.uri.params.get('opaque') ?? '')) ??
    // RFC 5627: the GRUU that the registrar itself gave a phone names its instance
    byId(readInstanceId(contact?.uri.params.get('gr') ?? '')?.toLowerCase()) ??
    (contact === undefined ? undefined : endpoints.find((endpoint) => endpoint.contact === contact.uriText)) ??
    (request.epid === undefined && path !== undefined ? findPhone(request, endpoints, path) : undefined)
  )
}
