import type { RegistrationAnswer } from '../../src/engine/registration.ts'
import { hearReply, type Heard } from './heard.ts'
import type { World } from './world.ts'
import {
  batchBody, delegatesBody, listBody, membersBody, provisioningBody, publishBody, roamingBody, soapBody, subscribersBody,
  type BatchActionText, type ContainerText, type DelegateText, type PublicationText, type ResourceText, type SoapFields,
} from './bodies.ts'

/** How a request differs from what a usual client would send; `undefined` values leave a header out. */
export interface RequestOptions {
  readonly to?: string
  readonly toTag?: string | undefined
  readonly callId?: string
  readonly cseq?: number
  readonly fromTag?: string
  readonly contact?: string | undefined
  readonly epid?: string | undefined
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string
  readonly flow?: string
  readonly user?: string
  readonly network?: 'sameEnterprise' | 'federated' | 'publicCloud' | undefined
  /** What a From header says beside the address. */
  readonly displayName?: string
  /** The proxy says that the client is in survivable mode. */
  readonly survivable?: boolean
}

const PIGGYBACK = { Supported: 'ms-benotify, ms-piggyback-first-notify, eventlist', 'Proxy-Require': 'ms-benotify' }

/** Headers of a client that knows neither BENOTIFY nor piggyback. */
export const PLAIN = { Supported: 'eventlist', 'Proxy-Require': undefined }

const SELF = { Event: 'vnd-microsoft-roaming-self', Accept: 'application/vnd-microsoft-roaming-self+xml', 'Content-Type': 'application/vnd-microsoft-roaming-self+xml', ...PIGGYBACK }

const CATEGORIES = { Event: 'presence', Accept: 'application/msrtc-event-categories+xml, application/rlmi+xml, multipart/related', 'Content-Type': 'application/msrtc-adrl-categorylist+xml', ...PIGGYBACK }

const CONTACTS = { Event: 'vnd-microsoft-roaming-contacts', Accept: 'application/vnd-microsoft-roaming-contacts+xml', ...PIGGYBACK }

const PROVISIONING = {
  Event: 'vnd-microsoft-provisioning-v2', Accept: 'application/vnd-microsoft-roaming-provisioning-v2+xml', 'Content-Type': 'application/vnd-microsoft-roaming-provisioning-v2+xml', Expires: '0', ...PIGGYBACK,
}

/** Option tags of a client whose dialogs shall live on with every notification (MS-SIP 3.6). */
export const AUTOEXTEND = { Supported: 'ms-benotify, ms-piggyback-first-notify, com.microsoft.autoextend' }

const LIST = { Event: 'presence', Accept: 'application/rlmi+xml, text/xml+msrtc.pidf, multipart/related', 'Content-Type': 'application/adrl+xml', Require: 'adhoclist', ...PIGGYBACK }

const BATCH = { ...CATEGORIES, Require: 'adhoclist, categoryList' }

/** A dialog from the client's side. */
export class Subscription {
  readonly answer: Heard
  private readonly client: Client
  private readonly base: RequestOptions
  readonly callId: string
  readonly fromTag: string
  cseq: number

  constructor(client: Client, base: RequestOptions, answer: Heard, callId: string, fromTag: string, cseq: number) {
    this.client = client
    this.base = base
    this.answer = answer
    this.callId = callId
    this.fromTag = fromTag
    this.cseq = cseq
  }

  get toTag(): string {
    return this.answer.toTag
  }

  /** An in-dialog SUBSCRIBE; without a body it has no Content-Type. */
  sends(options: RequestOptions = {}): Promise<Heard> {
    this.cseq = options.cseq ?? this.cseq + 1
    const headers = { ...this.base.headers, ...((options.body ?? '') === '' ? { 'Content-Type': undefined } : {}), ...options.headers }
    return this.client.sends('SUBSCRIBE', { ...this.base, body: '', toTag: this.toTag, callId: this.callId, fromTag: this.fromTag, cseq: this.cseq, ...options, headers })
  }

  refreshes(options: RequestOptions = {}): Promise<Heard> {
    return this.sends(options)
  }

  cancels(options: RequestOptions = {}): Promise<Heard> {
    return this.sends({ ...options, headers: { Expires: '0', ...options.headers } })
  }
}

/** A client endpoint: one user, one epid, one connection. */
export class Client {
  readonly user: string
  readonly epid: string
  flow: string
  contact: string
  registerCallId: string
  proxy: 'kam1' | 'kam2'
  private readonly world: World
  private registerCseq = 0

  constructor(world: World, user: string, epid: string, proxy: 'kam1' | 'kam2') {
    this.world = world
    this.user = user
    this.epid = epid
    this.proxy = proxy
    this.flow = `flow-${user}-${epid}`
    this.contact = `<sip:${user.split('@', 1)[0]}@192.0.2.10:4100;transport=tcp;ms-opaque=${epid}>`
    this.registerCallId = `register-${user}-${epid}`
  }

  /** Raw text of a request as this client writes it. */
  text(method: string, options: RequestOptions = {}): string {
    const { to = this.user, toTag, callId = `call-${this.world.next()}`, cseq = 1, fromTag = `from-${this.epid}`, headers = {}, body = '', displayName } = options
    const contact = 'contact' in options ? options.contact : this.contact
    const epid = 'epid' in options ? options.epid : this.epid
    const lines = [
      `${method} sip:${to} SIP/2.0`,
      'Via: SIP/2.0/TCP 192.0.2.10:4100;branch=z9hG4bK776',
      'Max-Forwards: 70',
      `From: ${displayName === undefined ? '' : `"${displayName}" `}<sip:${this.user}>;tag=${fromTag}${epid === undefined ? '' : `;epid=${epid}`}`,
      `To: <sip:${to}>${toTag === undefined ? '' : `;tag=${toTag}`}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} ${method}`,
      ...(contact === undefined ? [] : [`Contact: ${contact}`]),
      ...Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    return `${lines.join('\r\n')}\r\n\r\n${body}`
  }

  /** Sends a request over this client's connection and reads the answer. */
  async sends(method: string, options: RequestOptions = {}): Promise<Heard> {
    return this.sendsRaw(this.text(method, options), options)
  }

  async sendsRaw(bytes: string | Uint8Array, { flow = this.flow, user, network, survivable = false }: RequestOptions = {}): Promise<Heard> {
    return hearReply((await this.world.sip(bytes, { proxy: this.proxy, flow, user, network, survivable })).reply)
  }

  publishes(publications: readonly PublicationText[], options: RequestOptions = {}): Promise<Heard> {
    return this.sends('SERVICE', { body: publishBody(this.user, publications), ...options, headers: { 'Content-Type': 'application/msrtc-category-publish+xml', ...options.headers } })
  }

  setsMembers(containers: readonly ContainerText[], options: RequestOptions = {}): Promise<Heard> {
    return this.sends('SERVICE', { body: membersBody(containers), ...options, headers: { 'Content-Type': 'application/msrtc-setcontainermembers+xml', ...options.headers } })
  }

  /** Acknowledges somebody on the subscriber list. */
  setsSubscribers(user: string, options: RequestOptions = {}): Promise<Heard> {
    return this.sends('SERVICE', { body: subscribersBody(user), ...options, headers: { 'Content-Type': 'application/msrtc-presence-setsubscriber+xml', ...options.headers } })
  }

  setsDelegates(version: number, delegate: DelegateText, options: RequestOptions = {}): Promise<Heard> {
    return this.sends('SERVICE', { body: delegatesBody(version, delegate), ...options, headers: { 'Content-Type': 'application/msrtc-setDelegate+xml', ...options.headers } })
  }

  /** A SOAP request, outside of any dialog unless the options say otherwise. */
  asksSoap(action: string, fields: SoapFields, options: RequestOptions = {}): Promise<Heard> {
    return this.sends('SERVICE', { body: soapBody(action, fields), ...options, headers: { 'Content-Type': 'application/SOAP+xml', ...options.headers } })
  }

  /** Opens a subscription of any kind. */
  async opens(base: RequestOptions): Promise<Subscription> {
    const callId = base.callId ?? `call-${this.world.next()}`
    const fromTag = base.fromTag ?? `from-${this.world.next()}`
    const cseq = base.cseq ?? 1
    return new Subscription(this, base, await this.sends('SUBSCRIBE', { ...base, callId, fromTag, cseq }), callId, fromTag, cseq)
  }

  /** Opens (or, with Expires 0, polls) a self subscription. */
  subscribesSelf(scope: readonly string[] = ['categories', 'containers', 'subscribers', 'delegates'], options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ body: roamingBody(scope), ...options, headers: { ...SELF, ...options.headers } })
  }

  /** Opens (or polls) a batch category subscription. */
  subscribes(publishers: readonly ResourceText[], categories: readonly string[], options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ body: batchBody([{ name: 'subscribe', publishers, categories }]), ...options, headers: { ...BATCH, ...options.headers } })
  }

  /** Opens (or polls) a subscription to a list of presentities, as a client before enhanced presence. */
  subscribesList(users: readonly string[], options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ body: listBody('create', users), ...options, headers: { ...LIST, ...options.headers } })
  }

  /** Opens (or polls) a single category subscription, whose To is the publisher. */
  subscribesOne(publisher: string, categories: readonly string[], options: RequestOptions & { readonly actions?: readonly BatchActionText[] } = {}): Promise<Subscription> {
    return this.opens({ to: publisher, body: batchBody(options.actions ?? [{ name: 'subscribe', publishers: [publisher], categories }]), ...options, headers: { ...CATEGORIES, ...options.headers } })
  }

  /** Opens (or polls) a subscription to the contact list. */
  subscribesContacts(options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ ...options, headers: { ...CONTACTS, ...options.headers } })
  }

  /** Opens (or polls) a subscription to the access list. */
  subscribesAcl(options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ ...options, headers: { Event: 'vnd-microsoft-roaming-ACL', Accept: 'application/vnd-microsoft-roaming-acls+xml', ...PIGGYBACK, ...options.headers } })
  }

  /** Opens (or polls) a subscription to those who wait for the user's word. */
  subscribesPending(options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ ...options, headers: { Event: 'presence.wpending', Accept: 'text/xml+msrtc.wpending', ...PIGGYBACK, ...options.headers } })
  }

  /** Opens (or polls) a subscription to who watches the user, as an ordinary phone does. */
  subscribesWatchers(options: RequestOptions = {}): Promise<Subscription> {
    return this.opens({ ...options, headers: { Event: 'presence.winfo', Accept: 'application/watcherinfo+xml', ...options.headers } })
  }

  /** Opens (or polls) a subscription to the presence document of a publisher: MSRTC with the option tags of its clients, PIDF with none. */
  watches(publisher: string, format: 'msrtc' | 'pidf', options: RequestOptions = {}): Promise<Subscription> {
    const headers = format === 'msrtc' ? { Accept: 'text/xml+msrtc.pidf', ...PIGGYBACK } : { Accept: 'application/pidf+xml' }
    return this.opens({ to: publisher, ...options, headers: { Event: 'presence', ...headers, ...options.headers } })
  }

  /** Asks for provisioning groups, once. */
  async asksProvisioning(groups: readonly string[], options: RequestOptions = {}): Promise<Heard> {
    return (await this.opens({ body: provisioningBody(groups), ...options, headers: { ...PROVISIONING, ...options.headers } })).answer
  }

  /** A REGISTER that the proxy's registrar has accepted. */
  registers(options: RequestOptions & { readonly granted?: number } = {}): Promise<RegistrationAnswer> {
    this.registerCseq += 1
    const text = this.text('REGISTER', { callId: this.registerCallId, cseq: this.registerCseq, ...options, headers: { Event: 'registration', Expires: '600', ...options.headers } })
    return this.world.register(text, { proxy: this.proxy, flow: options.flow ?? this.flow, granted: options.granted })
  }

  deregisters(options: RequestOptions = {}): Promise<RegistrationAnswer> {
    return this.registers({ ...options, headers: { Expires: '0', ...options.headers } })
  }

  /** The registrar lost the binding by itself: expiry, or the connection broke. */
  losesBinding(lost: { readonly contact?: string; readonly callId?: string; readonly connectionLost?: boolean } = {}): Promise<void> {
    return this.world.loseBinding({ connectionLost: lost.connectionLost ?? false, aor: `sip:${this.user}`, contact: lost.contact ?? this.contact.slice(1, -1), callId: lost.callId })
  }

  /** What has arrived since the last look. */
  hears(): readonly Heard[] {
    return this.world.heardOn(this.flow)
  }

  /** What has arrived, as lines. */
  learns(): readonly (readonly string[])[] {
    return this.hears().map(({ says }) => says)
  }
}
