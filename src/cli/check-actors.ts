import { setTimeout as sleep } from 'node:timers/promises'
import { mediaTypes } from '../core/sip/media-types.ts'
import { readFault } from './check-versions-history.ts'
import { createPresenceClient, type PresenceClient, type PresenceClientTerms } from './presence-client.ts'
import type { Attempt } from './publish-record.ts'
import { machineStatePayload, memberBody, notePayload, publishBody, type PublicationText } from './request-bodies.ts'
import type { Seeded } from './seeded.ts'

/** A client that publishes and watches at random, and what it believes to be stored. */
export interface Actor {
  readonly client: PresenceClient
  /** Place to version, from the answers that it got; often behind, as other endpoints of the user publish too. */
  readonly versions: Map<string, number>
  /** Its number among all, which keeps its own instances apart from those of others. */
  readonly number: number
  /** What all clients of this user published, where nothing is ever deleted. */
  readonly attempts: Attempt[]
}

export interface Stage {
  readonly seeded: Seeded
  /** All users. */
  readonly users: readonly string[]
  readonly onAnswer: (method: string, status: number | undefined) => void
  /** How long a client stays away that vanishes: longer than the server waits for it. */
  readonly awayMs: number
  /** Which proxy to connect to next; a client may come back through another one. */
  readonly port: () => number
}

/** What the clients of a run tell. */
export interface ActorReport {
  readonly count: (what: string) => void
  readonly heard: () => void
  readonly violate: (text: string) => void
}

/** What watchers subscribe to. */
export const CATEGORIES = ['note', 'routing', 'state']

let count = 0

const placeOf = ({ category, container, instance }: Pick<PublicationText, 'category' | 'container' | 'instance'>): string => `${category} ${container} ${instance}`

/** A text that nobody else publishes. */
const nextText = (): string => `#${count += 1}#`

const propertyPayload = (text: string): string => `<propertyList xmlns="urn:presentia:check"><property name="id" type="text"><value>${text}</value></property></propertyList>`

const send = async (stage: Stage, { client }: Actor, type: string, body: string): Promise<{ readonly status: number; readonly stale: ReturnType<typeof readFault> }> => {
  const answer = await client.sip.request('SERVICE', { headers: [`Content-Type: ${type}`], body })
  stage.onAnswer('SERVICE', answer?.status)
  return { status: answer?.status ?? 0, stale: answer?.status === 409 ? readFault(answer.body) : undefined }
}

/** What came of a request: refused for certain, carried out, or nobody knows. */
const outcomeOf = (status: number): Attempt['outcome'] => (status === 200 ? 'acknowledged' : status >= 400 && status < 500 ? 'refused' : 'unknown')

const takeVersions = ({ versions }: Actor, places: readonly string[], { status, stale = [] }: Awaited<ReturnType<typeof send>>): void => {
  for (const [at, place] of places.entries()) {
    const current = stale.find(({ index }) => index === at + 1)?.curVersion
    if (current !== undefined) versions.set(place, current)
    else if (status === 200) versions.set(place, (versions.get(place) ?? 0) + 1)
  }
}

/** Publishes one to several instances, all or nothing; `kept` are those that are never deleted, whose history is recorded. */
const publish = async (stage: Stage, actor: Actor, publications: readonly (Omit<PublicationText, 'version'> & { readonly text?: string })[]): Promise<void> => {
  const places = publications.map(placeOf)
  const whole = publications.map((publication, at) => ({ ...publication, version: actor.versions.get(places[at] ?? '') ?? 0 }))
  const attempts = whole.flatMap(({ text, version }, at): Attempt[] => (text === undefined ? [] : [{ place: places[at] ?? '', version: version + 1, text, outcome: 'unknown' }]))
  actor.attempts.push(...attempts)
  const answer = await send(stage, actor, mediaTypes.publish, publishBody(actor.client.identity.user, whole))
  for (const attempt of attempts) attempt.outcome = outcomeOf(answer.status)
  takeVersions(actor, places, answer)
  for (const [at, { payload }] of whole.entries()) if (payload === undefined && answer.status === 200) actor.versions.delete(places[at] ?? '')
}

const kept = (category: string, container: number, instance: number): Omit<PublicationText, 'version'> & { readonly text: string } => {
  const text = nextText()
  return { category, container, instance, expireType: 'static', payload: category === 'note' ? notePayload(text) : propertyPayload(text), text }
}

/** The state of this endpoint, from which the server computes that of the user. */
const publishState = (stage: Stage, actor: Actor): Promise<void> => {
  const availability = stage.seeded.pick([3500, 5000, 15500])
  return publish(stage, actor, [2, 3].map((container) => ({ category: 'state', container, instance: 0x30000000 + actor.number, expireType: 'endpoint', payload: machineStatePayload(availability) })))
}

const changeMembers = async (stage: Stage, actor: Actor): Promise<void> => {
  const { seeded, users } = stage
  const container = seeded.pick([300, 400, 32_000])
  const place = `container ${container}`
  const version = actor.versions.get(place) ?? 0
  const attempt: Attempt = { place, version: version + 1, text: '', outcome: 'unknown' }
  actor.attempts.push(attempt)
  const member = `type="user" value="${seeded.pick(users.filter((user) => user !== actor.client.identity.user))}"`
  const answer = await send(stage, actor, mediaTypes.setContainerMembers, memberBody(container, version, seeded.fraction() < 0.6 ? 'add' : 'remove', member))
  attempt.outcome = outcomeOf(answer.status)
  takeVersions(actor, [place], answer)
}

/** Publishers that a client may watch besides those that it watches. */
const someOf = ({ seeded, users }: Stage, number: number): readonly string[] => Array.from({ length: number }, () => seeded.pick(users))

const changeWatched = async (stage: Stage, { client }: Actor): Promise<void> => {
  const batch = client.dialogs().find(({ kind, state }) => kind === 'batch' && state === 'live')
  const { seeded } = stage
  if (batch === undefined || batch.stale) return
  const watched = [...batch.watched]
  if (watched.length > 2 && seeded.fraction() < 0.5) {
    const gone = seeded.pick(watched)
    client.wishes.batch?.delete(gone)
    await client.change(batch, 'unsubscribe', [gone])
  } else {
    const more = someOf(stage, 2)
    for (const publisher of more) client.wishes.batch?.add(publisher)
    await client.change(batch, 'subscribe', [...new Set(more)])
  }
}

const anyDialog = (stage: Stage, { client }: Actor): ReturnType<PresenceClient['dialogs']>[number] | undefined => {
  const living = client.dialogs().filter(({ state }) => state === 'live')
  return living.length === 0 ? undefined : stage.seeded.pick(living)
}

/** What clients do, each with its weight. */
const DEEDS: readonly (readonly [weight: number, name: string, act: (stage: Stage, actor: Actor) => Promise<unknown>])[] = [
  [30, 'publish', (stage, actor) => publish(stage, actor, [kept('note', stage.seeded.pick([200, 300, 400]), actor.number)])],
  [8, 'publish several', (stage, actor) => publish(stage, actor, [kept('note', 200, actor.number), kept('note', 300, actor.number), kept('routing', 200, actor.number)])],
  [12, 'publish shared', (stage, actor) => publish(stage, actor, [kept('routing', stage.seeded.pick([0, 200]), 999)])],
  [8, 'publish state', publishState],
  [5, 'publish for a time', (stage, actor) => publish(stage, actor, [{ category: 'note', container: 400, instance: 100 + actor.number, expireType: 'time', expires: 2 + stage.seeded.below(8), payload: notePayload(nextText()) }])],
  [5, 'publish or delete', (stage, actor) => publish(stage, actor, [{ category: 'routing', container: 300, instance: 100 + actor.number, expireType: 'static', payload: stage.seeded.fraction() < 0.5 ? propertyPayload(nextText()) : undefined }])],
  [8, 'members', changeMembers],
  [6, 'watch others', changeWatched],
  [5, 'refresh', async (stage, actor) => {
    const dialog = anyDialog(stage, actor)
    if (dialog !== undefined) await actor.client.refresh(dialog)
  }],
  [3, 'cancel', async (stage, actor) => {
    const dialog = anyDialog(stage, actor)
    if (dialog !== undefined) await actor.client.cancel(dialog)
  }],
  [3, 'register', (_stage, { client }) => client.register()],
  [1, 'sign out', (_stage, { client }) => client.signOut()],
  [3, 'lose connection', async (_stage, { client }) => { client.lose() }],
  [1, 'stay away', async ({ awayMs }, { client }) => {
    client.lose()
    await sleep(awayMs)
  }],
]

const WEIGHT = DEEDS.reduce((sum, [weight]) => sum + weight, 0)

/** What an actor does next; its name is for the count. */
const nextDeed = ({ seeded }: Stage): readonly [name: string, act: (stage: Stage, actor: Actor) => Promise<unknown>] => {
  let dice = seeded.below(WEIGHT)
  const [, name, act] = DEEDS.find(([weight]) => (dice -= weight) < 0) ?? DEEDS[0] ?? [0, '', async () => undefined]
  return [name, act]
}

/** Over UDP nobody notices that the proxy has lost everything, except by registering often. */
const UDP_RENEW_MS = 4_000

/** So many clients, spread over the users; every sixth over UDP, every fourth told by NOTIFY instead of BENOTIFY. */
export const createActors = (stage: Stage, clients: number, report: ActorReport, life: Partial<PresenceClientTerms> = {}): readonly Actor[] => {
  const attempts = new Map<string, Attempt[]>(stage.users.map((user) => [user, []]))
  return Array.from({ length: clients }, (_, number): Actor => {
    const user = stage.users[number % stage.users.length] ?? ''
    const versions = new Map<string, number>()
    // UDP has no connection that breaks; what is lost on the way must be found out by answers, so that it goes with NOTIFY.
    const transport = number % 6 === 5 ? 'udp' : 'tcp'
    const client = createPresenceClient({ user, epid: `e${number}`, transport }, {
      categories: CATEGORIES, benotify: transport === 'tcp' && number % 4 !== 3, registrationExpires: 600, registrationRenewMs: transport === 'udp' ? UDP_RENEW_MS : 300_000, ...life, onAnswer: stage.onAnswer, onNotification: () => report.heard(),
      onFault: report.violate,
      onStartOver: () => {
        report.count('started over')
        for (const place of versions.keys()) if (place.startsWith('state ')) versions.delete(place)
      },
    })
    client.wishes.batch = new Set(Array.from({ length: 4 }, () => stage.seeded.pick(stage.users)))
    return { client, versions, number, attempts: attempts.get(user) ?? [] }
  })
}

/** What the clients are up to: doing things, only keeping themselves in order, or nothing any more. */
export type Phase = 'load' | 'quiet' | 'over'

/** One client's life: it looks after itself, and under load does something else now and then. `pauseMs` is the longest time between two deeds. */
export const beActor = async (stage: Stage, actor: Actor, pauseMs: number, report: ActorReport, phase: () => Phase): Promise<void> => {
  for (;;) {
    const isWhole = await actor.client.repair(stage.port())
    if (phase() === 'over') return
    if (phase() === 'quiet' || !isWhole) {
      await sleep(50 + stage.seeded.below(300))
      continue
    }
    const [name, act] = nextDeed(stage)
    report.count(`did ${name}`)
    await act(stage, actor)
    await sleep(stage.seeded.below(pauseMs))
  }
}
