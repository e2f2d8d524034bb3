import { decideLease, type Held, type RegisteredEndpoint } from '../core/registrations/lease.ts'
import { loadEndpointsOfProxy, putLeases } from '../store/leases.ts'
import { poolSession, transact } from '../store/session.ts'
import { forgetRound, loadRound, moveRound, takeUpRound, type UserRound } from '../store/user-rounds.ts'
import type { EngineDeps } from './deps.ts'

/** Asks the registrar of one proxy: an answer for each endpoint, or undefined where the proxy does not offer that. Rejects when it says nothing that can be read. */
export type AskRegistrar = (endpoints: readonly RegisteredEndpoint[]) => Promise<readonly Held[] | undefined>

/** What comparing with registrars needs of the engine. */
export interface ReconcileDeps extends Pick<EngineDeps, 'store' | 'now'> {
  /** How long an endpoint that its registrar does not hold may take to come back, in milliseconds. */
  readonly graceMs: number
}

/** What came of comparing endpoints with a registrar. */
export interface Compared {
  /** Whether it answered; `notOffered` where the proxy does not know this question, `notAsked` when there was nothing to ask about. Without an answer nothing is changed. */
  readonly said: 'answer' | 'notOffered' | 'nothing' | 'notAsked'
  /** Why it said nothing. */
  readonly error?: unknown
  /** Endpoints that it does not hold; they have begun to run out. */
  readonly vanished: number
  /** Endpoints that it holds for longer than we knew. */
  readonly renewed: number
}

/** Endpoints asked about together: an answer occupies a worker of the proxy for some milliseconds. */
const PAGE = 100

const comparePage = async (deps: ReconcileDeps, ask: AskRegistrar, endpoints: readonly RegisteredEndpoint[]): Promise<Compared> => {
  const none = { vanished: 0, renewed: 0 }
  if (endpoints.length === 0) return { said: 'notAsked', ...none }
  let held: readonly Held[] | undefined
  try {
    held = await ask(endpoints)
  } catch (error) {
    return { said: 'nothing', error, ...none }
  }
  if (held === undefined) return { said: 'notOffered', ...none }
  const now = deps.now()
  const leases = endpoints.flatMap((endpoint, at) => {
    const until = decideLease(endpoint, held[at] ?? 'unclear', now, deps.graceMs)
    return until === undefined ? [] : [{ endpoint, until }]
  })
  if (leases.length === 0) return { said: 'answer', ...none }
  // Whoever registered, or was lost, since the page was read has moved its expiry, and is left alone.
  const { shorter, longer } = await transact(deps.store.pool, (tx) => putLeases(tx, leases))
  return { said: 'answer', vanished: shorter, renewed: longer }
}

/** Two questions after one another; the later one to be asked says how things stand. */
const both = (one: Compared, other: Compared): Compared =>
  ({ ...(other.said === 'notAsked' ? one : other), vanished: one.vanished + other.vanished, renewed: one.renewed + other.renewed })

const START: Compared = { said: 'notAsked', vanished: 0, renewed: 0 }

/** Asks about these endpoints of one proxy and takes over what it says. */
export const compareEndpoints = async (deps: ReconcileDeps, ask: AskRegistrar, endpoints: readonly RegisteredEndpoint[]): Promise<Compared> => {
  let compared = START
  for (let at = 0; at < endpoints.length && compared.said !== 'nothing' && compared.said !== 'notOffered'; at += PAGE) compared = both(compared, await comparePage(deps, ask, endpoints.slice(at, at + PAGE)))
  return compared
}

const roundOf = (proxy: string): string => `registrar of ${proxy}`

/** How many pages, or how long, one run takes at most; the next run goes on. That keeps a round over very many endpoints from being felt. */
const PAGES = 20
const RUN_MS = 1_000

/**
 * Compares the endpoints that count as registered at a proxy with what its registrar holds, a piece of the round: what was lost while nobody could tell us begins to run
 * out, and leaves by the timer for expired endpoints unless it registers again; what stayed is kept, also where we missed its refreshes. A proxy that does not answer changes
 * nothing, and the round stays where it is. Any node may run it; what they share is how far the round has come. `completed` when it came to its end in this run.
 */
export const reconcile = async (deps: ReconcileDeps, proxy: string, ask: AskRegistrar, everyMs: number): Promise<Compared & { readonly completed: boolean }> => {
  const session = poolSession(deps.store.pool)
  const started = deps.now()
  let compared = START
  let round = await takeUpRound(session, roundOf(proxy), everyMs, started)
  for (let page = 0; round?.position !== undefined && page < PAGES && deps.now() - started < RUN_MS; page += 1) {
    const [user = '', endpointId = ''] = round.position.split('\n')
    const endpoints = await loadEndpointsOfProxy(session, proxy, [user, endpointId], PAGE)
    compared = both(compared, await comparePage(deps, ask, endpoints))
    if (compared.said === 'nothing') break
    const last = endpoints.at(-1)
    const position = compared.said === 'notOffered' || last === undefined || endpoints.length < PAGE ? undefined : `${last.user}\n${last.endpointId}`
    // Another node was at the same page, and goes on from there.
    if (!await moveRound(session, roundOf(proxy), round, position)) break
    round = { ...round, position }
    if (position === undefined) return { ...compared, completed: compared.said !== 'notOffered' }
  }
  return { ...compared, completed: false }
}

/** The latest round for a proxy, or undefined when a first one is still to come. */
export const loadReconciliation = (deps: Pick<ReconcileDeps, 'store'>, proxy: string): Promise<UserRound | undefined> => loadRound(poolSession(deps.store.pool), roundOf(proxy))

/** The next round for a proxy is due at once. */
export const forgetReconciliation = async (deps: Pick<ReconcileDeps, 'store'>, proxy: string): Promise<void> => {
  await forgetRound(poolSession(deps.store.pool), roundOf(proxy))
}
