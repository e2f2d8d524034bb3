import type { Pool } from 'pg'
import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { deleteChanges, loadPending, loadRevisions, takeChanges, type PendingChange } from '../store/changes.ts'
import { loadCurrentState, type CurrentState, type Revisions } from '../store/current-state.ts'
import { findProxies, loadSelfDialogs } from '../store/dialogs.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { loadSubscriptions } from '../store/subscriptions.ts'
import { edgeText, PORTION, portionsOf, refText, type Due, type HandOverCount, type HandOverDeps } from './hand-over.ts'
import { noticesOf, type Telling } from './notices.ts'
import { owe, sendAll, sendInTransaction, type Renewal } from './send-dues.ts'

export interface Told extends HandOverCount {
  readonly changes: readonly PendingChange[]
  /** Publishers of these who have watchers, and those who have many. */
  readonly watched: readonly UserKey[]
  readonly crowded: readonly UserKey[]
  /** Subscriptions to them whose view had not changed. */
  readonly suppressed: number
}

/** All that is to be told of some publishers. */
interface Prepared {
  readonly changes: readonly PendingChange[]
  readonly tellings: readonly Telling[]
  readonly current: CurrentState
  readonly dues: readonly Due[]
}

const prepare = async (tx: Transaction, deps: HandOverDeps, publishers: readonly UserKey[], terms: PresenceTerms): Promise<Prepared> => {
  const now = deps.now()
  // One round trip. The revisions come last: a change that is read has moved them before.
  const [changes, edges, selfDialogs, revisions] = await Promise.all([loadPending(tx, publishers), loadSubscriptions(tx, publishers), loadSelfDialogs(tx, publishers, now), loadRevisions(tx, publishers)])
  const edgesOf = Map.groupBy(edges, ({ publisher }) => publisher)
  const selvesOf = Map.groupBy(selfDialogs, ({ subscriber }) => subscriber)
  const tellings = [...Map.groupBy(changes, ({ publisher }) => publisher)]
    .map(([publisher, pending]): Telling => ({ publisher, pending, edges: edgesOf.get(publisher) ?? [], selves: selvesOf.get(publisher) ?? [] }))
    .filter((telling) => telling.edges.length > 0 || telling.selves.length > 0)
    // Those with many watchers last: they take the longest.
    .sort((a, b) => a.edges.length - b.edges.length)
  const wanted: Revisions = new Map(tellings.map(({ publisher }) => [publisher, revisions.get(publisher)]))
  const current = await loadCurrentState(tx, deps.known, wanted, now)
  const dues: Due[] = []
  for (const telling of tellings) dues.push(...await noticesOf(tx, telling, current, terms, deps.contactStore, now))
  return { changes, tellings, current, dues }
}

/**
 * What is due, written from a state that is read behind the dialogs' locks: whoever held a dialog before may have sent a newer state than was read before the
 * lock. The dialogs stay the same; what is due no longer falls away.
 */
const renewalOf = (deps: HandOverDeps, { tellings, current }: Prepared, terms: PresenceTerms): Renewal => async (tx, held, revisions) => {
  const moved: Revisions = new Map([...revisions].filter(([publisher, revision]) => revision !== undefined && (current.revisions.get(publisher) ?? 0) < revision))
  if (moved.size === 0) return held
  const fresh = await loadCurrentState(tx, deps.known, moved, deps.now())
  const due = new Set(held.map(edgeText))
  const again: Due[] = []
  for (const telling of tellings) if (moved.has(telling.publisher)) again.push(...(await noticesOf(tx, telling, fresh, terms, deps.contactStore, deps.now())).filter((one) => due.has(edgeText(one))))
  return [...held.filter(({ publisher }) => !moved.has(publisher)), ...again]
}

const resultOf = ({ changes, tellings, dues }: Prepared, count: HandOverCount): Told => ({
  ...count, changes, watched: tellings.map(({ publisher }) => publisher), crowded: tellings.filter(({ edges }) => edges.length > PORTION).map(({ publisher }) => publisher), suppressed: tellings.reduce((sum, { edges }) => sum + edges.length, 0) - dues.filter(({ network }) => network !== undefined).length,
})

const NOTHING: HandOverCount = { sent: 0, gone: 0, deferred: 0 }

const sumOf = (counts: readonly HandOverCount[]): HandOverCount =>
  counts.reduce((sum, { sent, gone, deferred }) => ({ sent: sum.sent + sent, gone: sum.gone + gone, deferred: sum.deferred + deferred }), NOTHING)

/** With one proxy, or one connection to the database, and watchers enough for one portion, everything is one transaction. Otherwise it comes back prepared. */
const tellTogether = (pool: Pool, deps: HandOverDeps, publishers: readonly UserKey[], terms: PresenceTerms): Promise<Told | Prepared> =>
  sendInTransaction(pool, deps, async (tx, sendHere) => {
    const prepared = await prepare(tx, deps, publishers, terms)
    if (prepared.dues.length > PORTION) return prepared
    const count = prepared.dues.length === 0 ? NOTHING : await sendHere(prepared.dues, renewalOf(deps, prepared, terms))
    void deleteChanges(tx, prepared.changes)
    return resultOf(prepared, count)
  })

/** How often telling looks whether a proxy still takes what it is handed. */
const LOOK_MS = 100

/** Sends one portion at one proxy; undefined when the proxy has stalled: it goes on by itself, and whether it arrived will not be known here. */
const sendPortion = async (pool: Pool, deps: HandOverDeps, proxy: string, portion: readonly Due[], renewal: Renewal): Promise<HandOverCount | undefined> => {
  let waits = true
  const sending = deps.slots(async () => (waits ? sendAll(pool, deps, portion, renewal) : NOTHING))
  const patience = new AbortController()
  try {
    for (;;) {
      const count = await Promise.race([sending, deps.pause(LOOK_MS, patience.signal)])
      if (count !== undefined) return count
      if (deps.proxies.isStalled(proxy)) break
    }
  } finally {
    patience.abort()
  }
  waits = false
  sending.catch((error: unknown) => { deps.log.error({ err: error, proxy }, 'telling the dialogs of a slow proxy failed') })
  return undefined
}

/**
 * With several proxies the dialogs of each are told apart, and those of one with many watchers portion by portion, each in a transaction of its own: what is slow, or much,
 * holds up its own dialogs and nothing else, and no transaction lasts long.
 */
const tellApart = async (pool: Pool, deps: HandOverDeps, prepared: Prepared, terms: PresenceTerms): Promise<Told> => {
  const proxyOf = prepared.dues.length === 0 ? new Map<string, string>() : await findProxies(poolSession(pool), prepared.dues)
  const renewal = renewalOf(deps, prepared, terms)
  const counts = await Promise.all([...Map.groupBy(prepared.dues, (due) => proxyOf.get(refText(due)))].map(async ([proxy, dues]): Promise<HandOverCount> => {
    // Dialogs that have ended meanwhile.
    if (proxy === undefined) return NOTHING
    const done: HandOverCount[] = []
    for (const [at, portion] of portionsOf(dues).entries()) {
      // Other engines shall not begin with it as well.
      if (at > 0) await takeChanges(poolSession(pool), prepared.changes, deps.now())
      const brisk = deps.patience === 'brief' || deps.proxies.isBrisk(proxy)
      const count = brisk ? await sendPortion(pool, deps, proxy, portion, renewal) : undefined
      done.push(count ?? await owe(pool, deps, portion, brisk ? 'its proxy does not answer' : 'its proxy is slow or down'))
    }
    return sumOf(done)
  }))
  if (prepared.changes.length > 0) await deleteChanges(poolSession(pool), prepared.changes)
  return resultOf(prepared, sumOf(counts))
}

/**
 * Tells the pending changes of some publishers to everyone whose view changed (design 2.2): takes all pending changes of a publisher together, loads the latest
 * state, renders one body per distinct view, hands over, forgets the changes. What cannot be sent now is owed. Two nodes that tell the same at the same time only say
 * it twice.
 */
export const tellChanges = async (pool: Pool, deps: HandOverDeps, publishers: readonly UserKey[]): Promise<Told> => {
  const terms = await deps.terms()
  const apart = deps.proxies.ids.length > 1 && deps.patience === 'patient'
  const done = apart ? await transact(pool, (tx) => prepare(tx, deps, publishers, terms)) : await tellTogether(pool, deps, publishers, terms)
  return 'sent' in done ? done : tellApart(pool, deps, done, terms)
}
