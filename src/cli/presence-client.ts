import { eventPackages, mediaTypes } from '../core/sip/media-types.ts'
import { batchBody, selfBody } from './request-bodies.ts'
import { createSipClient, tagOf, token, type Identity, type SipClient } from './sip-client.ts'
import type { WireMessage } from './sip-wire.ts'
import { createWatching, readContents, type Content, type Watching } from './watcher-model.ts'

/** A subscription dialog from its client's side. */
export interface ClientDialog {
  readonly kind: 'self' | 'batch'
  readonly callId: string
  readonly fromTag: string
  /** The server's tag, known with the first answer. */
  toTag: string | undefined
  cseq: number
  target: string | undefined
  readonly watching: Watching
  state: 'opening' | 'live' | 'ended'
  /** Something may have been missed: the connection broke, or nobody knows what came of a request. A refresh shows everything. */
  stale: boolean
  /** Whom it watches, as far as the client knows. */
  watched: ReadonlySet<string>
  /** When the client renews it, in milliseconds of the clock. */
  renewAt: number
  /** What was sent and heard, newest last, for those who look into a fault. */
  readonly trail: string[]
}

/** What a client wants to watch; it opens and adds what is missing whenever it looks after itself. */
export interface Wishes {
  self: boolean
  /** Undefined for no category subscription. */
  batch: Set<string> | undefined
}

export interface PresenceClient {
  readonly identity: Identity
  readonly wishes: Wishes
  readonly sip: SipClient
  readonly dialogs: () => readonly ClientDialog[]
  /** It is signed in, has all the dialogs that it wants, and no reason to doubt them. */
  readonly isInOrder: () => boolean
  /** Its registrations, newest last. */
  readonly trail: readonly string[]
  /**
   * Does what real clients do to be in order again: connects, registers, refreshes dialogs that may have missed something, opens those that it wants and has not. True
   * when there was nothing to do.
   */
  readonly repair: (port: number) => Promise<boolean>
  /** Registers anew although nothing has happened. */
  readonly register: () => Promise<boolean>
  /** Leaves: the registration is removed, and everything with it. */
  readonly signOut: () => Promise<void>
  readonly refresh: (dialog: ClientDialog) => Promise<void>
  /** Adds publishers to the category dialog or takes some off; what is wished for changes too. */
  readonly change: (dialog: ClientDialog, action: 'subscribe' | 'unsubscribe', publishers: readonly string[]) => Promise<void>
  readonly cancel: (dialog: ClientDialog) => Promise<void>
  /** The connection is gone without a word. */
  readonly lose: () => void
}

export interface PresenceClientTerms {
  readonly categories: readonly string[]
  /** BENOTIFY, or NOTIFY that the client answers. */
  readonly benotify: boolean
  /** Seconds asked for; without them the server decides. */
  readonly subscriptionExpires?: number
  readonly registrationExpires: number
  /** When to register anew, in milliseconds. */
  readonly registrationRenewMs: number
  readonly onAnswer: (method: string, status: number | undefined) => void
  readonly onNotification: () => void
  readonly onFault: (text: string) => void
  /** The server knows nothing of this endpoint any more: what it published is gone. */
  readonly onStartOver: () => void
}

/** Dialogs are renewed when this part of their life is over. */
const RENEW = 0.5

/** So many steps of each dialog are kept. */
const TRAIL = 40

const EVENTS = { self: eventPackages.roamingSelf, batch: eventPackages.presence } as const

const tellOf = (contents: readonly Content[]): string => contents.map(({ publisher, places }) => `${publisher} ${[...places.keys()].join()}`).join('; ')

export const createPresenceClient = (identity: Identity, terms: PresenceClientTerms): PresenceClient => {
  const { user } = identity
  const dialogs = new Map<string, ClientDialog>()
  const wishes: Wishes = { self: true, batch: undefined }
  const registrationCallId = token()
  let registered = false
  let registeredUntil = 0
  let registerCseq = 0

  const endAll = (): void => { for (const dialog of dialogs.values()) dialog.state = 'ended' }
  const live = (kind: ClientDialog['kind']): ClientDialog | undefined => [...dialogs.values()].find((dialog) => dialog.kind === kind && dialog.state === 'live')

  const trail: string[] = []
  const note = (list: string[], text: string): void => {
    list.push(`${new Date().toISOString().slice(14, 23)} ${text}`)
    if (list.length > TRAIL) list.shift()
  }
  const fault = ({ kind, callId }: ClientDialog, text: string | undefined): void => {
    if (text !== undefined) terms.onFault(`${kind} dialog ${callId} of ${user} (${identity.epid}): ${text}`)
  }
  const read = (dialog: ClientDialog, { header, body }: WireMessage): readonly Content[] => {
    try {
      return readContents(header('Content-Type'), body, user)
    } catch (error) {
      fault(dialog, String(error))
      return []
    }
  }
  const onNotification = (message: WireMessage): number => {
    const dialog = dialogs.get(message.header('Call-ID'))
    if (dialog === undefined || dialog.state === 'ended') return 481
    terms.onNotification()
    const contents = read(dialog, message)
    note(dialog.trail, `heard ${message.header('CSeq')} ${message.header('subscription-state')}: ${tellOf(contents)}`)
    fault(dialog, dialog.watching.notified(Number.parseInt(message.header('CSeq')), contents))
    if (message.header('subscription-state').startsWith('terminated')) dialog.state = 'ended'
    return 200
  }
  const onBroken = (): void => {
    note(trail, 'connection lost')
    registered = false
    for (const dialog of dialogs.values()) {
      dialog.stale = true
      note(dialog.trail, 'connection lost')
    }
  }
  const sip = createSipClient(identity, { onNotification, onBroken })

  const ask: SipClient['request'] = async (method, parts) => {
    const answer = await sip.request(method, parts)
    terms.onAnswer(method, answer?.status)
    return answer
  }

  const headersOf = (kind: ClientDialog['kind'], body: string, expires: number | undefined): readonly string[] => [
    `Event: ${EVENTS[kind]}`, `Accept: ${kind === 'self' ? mediaTypes.roamingSelf : `${mediaTypes.categories}, ${mediaTypes.rlmi}, ${mediaTypes.multipartRelated}`}`,
    'Supported: ms-piggyback-first-notify', ...(terms.benotify ? ['Supported: ms-benotify', 'Proxy-Require: ms-benotify'] : []),
    ...(kind === 'self' ? [] : ['Supported: eventlist', 'Require: adhoclist, categoryList']), ...(expires === undefined ? [] : [`Expires: ${expires}`]),
    ...(body === '' ? [] : [`Content-Type: ${kind === 'self' ? mediaTypes.roamingSelf : mediaTypes.batchSubscribe}`]),
  ]

  /** One SUBSCRIBE; `shows` says what a successful answer does to what is watched. */
  const subscribe = async (dialog: ClientDialog, body: string, shows: 'everything' | 'some', expires = terms.subscriptionExpires): Promise<boolean> => {
    const floor = dialog.watching.asked()
    dialog.cseq += 1
    const { callId, fromTag, cseq, toTag, target } = dialog
    const answer = await ask('SUBSCRIBE', { callId, fromTag, cseq, headers: headersOf(dialog.kind, body, expires), body, ...(toTag === undefined ? {} : { toTag }), ...(target === undefined ? {} : { uri: target }) })
    note(dialog.trail, `sent SUBSCRIBE ${cseq}${expires === 0 ? ' (cancel)' : body === '' ? '' : ` ${shows}`}, answered ${answer?.status ?? 'nothing'} ${answer?.header('ms-piggyback-cseq') ?? ''}`)
    if (answer?.status !== 200) {
      // Whoever could not open a dialog tries another one; in a dialog that lives the request is made again, unless it is gone.
      if (dialog.state === 'opening' || answer?.status === 481) dialog.state = 'ended'
      dialog.stale = true
      if (answer?.status === 401) registered = false
      return false
    }
    if (dialog.state === 'opening') dialog.state = 'live'
    dialog.toTag = tagOf(answer.header('To'))
    dialog.target = /<([^>]+)>/.exec(answer.header('Contact'))?.[1] ?? target
    dialog.renewAt = Date.now() + Number(answer.header('Expires')) * 1000 * RENEW
    if (expires === 0) return true
    const contents = read(dialog, answer)
    fault(dialog, dialog.watching.answered(floor, Number(answer.header('ms-piggyback-cseq')), contents, shows === 'everything'))
    if (shows === 'everything') {
      dialog.watched = new Set(contents.map(({ publisher }) => publisher))
      dialog.stale = false
    }
    return true
  }

  const open = async (kind: ClientDialog['kind']): Promise<void> => {
    const dialog: ClientDialog = { kind, callId: token(), fromTag: token(), toTag: undefined, cseq: 0, target: undefined, watching: createWatching(), state: 'opening', stale: false, watched: new Set(), renewAt: 0, trail: [] }
    dialogs.set(dialog.callId, dialog)
    await subscribe(dialog, kind === 'self' ? selfBody() : batchBody('subscribe', [...wishes.batch ?? []], terms.categories), 'everything')
  }

  const refresh = async (dialog: ClientDialog): Promise<void> => { await subscribe(dialog, dialog.kind === 'self' ? selfBody() : '', 'everything') }

  const change = async (dialog: ClientDialog, action: 'subscribe' | 'unsubscribe', publishers: readonly string[]): Promise<void> => {
    if (!await subscribe(dialog, batchBody(action, publishers, terms.categories), 'some')) return
    if (action === 'unsubscribe') for (const publisher of publishers) dialog.watching.forget(publisher)
    dialog.watched = action === 'subscribe' ? new Set([...dialog.watched, ...publishers]) : new Set([...dialog.watched].filter((publisher) => !publishers.includes(publisher)))
  }

  const register = async (expires = terms.registrationExpires): Promise<boolean> => {
    registerCseq += 1
    const answer = await ask('REGISTER', {
      uri: `sip:${user.split('@')[1] ?? ''}`, callId: registrationCallId, cseq: registerCseq, headers: ['Supported: gruu-10, adhoclist, msrtc-event-categories', 'Event: registration', 'ms-keep-alive: UAC;hop-hop=yes', `Expires: ${expires}`],
    })
    registered = answer?.status === 200 && expires > 0
    note(trail, `sent REGISTER${expires === 0 ? ' to leave' : ''}, answered ${answer?.status ?? 'nothing'} ${answer?.header('presence-state') ?? ''}`)
    registeredUntil = Date.now() + terms.registrationRenewMs
    // The server had lost it, or never had it: its dialogs and what it published are gone.
    if (registered && answer?.header('presence-state').includes('added') === true) {
      endAll()
      terms.onStartOver()
    }
    return registered
  }

  const isStale = ({ state, stale, renewAt }: ClientDialog): boolean => state === 'live' && (stale || renewAt < Date.now())
  const isSignedIn = (): boolean => sip.isConnected() && registered && registeredUntil > Date.now()

  /** What is to be done once it is signed in. */
  const findWork = (): readonly (() => Promise<unknown>)[] => {
    const stale = [...dialogs.values()].filter(isStale)
    const batch = live('batch')
    const missing = batch === undefined ? [] : [...wishes.batch ?? []].filter((publisher) => !batch.watched.has(publisher))
    return [
      ...stale.map((dialog) => () => refresh(dialog)),
      ...(wishes.self && live('self') === undefined ? [() => open('self')] : []),
      ...(wishes.batch !== undefined && batch === undefined ? [() => open('batch')] : []),
      ...(batch !== undefined && missing.length > 0 && !stale.includes(batch) ? [() => change(batch, 'subscribe', missing)] : []),
    ]
  }
  const isInOrder = (): boolean => isSignedIn() && findWork().length === 0

  const repair = async (port: number): Promise<boolean> => {
    if (isInOrder()) return true
    if (!sip.isConnected() && !await sip.connect(port)) return false
    // There is no use in a connection over which nothing is answered.
    if (!isSignedIn() && !await register()) lose()
    else {
      for (const [callId, { state }] of dialogs) if (state === 'ended') dialogs.delete(callId)
      await Promise.all(findWork().map((work) => work()))
    }
    return false
  }

  const lose = (): void => {
    sip.disconnect()
    onBroken()
  }

  return {
    identity, wishes, sip, dialogs: () => [...dialogs.values()], isInOrder, repair, trail, register: () => register(), refresh, change, lose,
    signOut: async () => {
      await register(0)
      endAll()
      terms.onStartOver()
    },
    cancel: async (dialog) => {
      await subscribe(dialog, '', 'some', 0)
      dialog.state = 'ended'
    },
  }
}
