import type { UserKey } from '../core/sip/uri.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { loadRunOut } from '../store/leases.ts'
import { poolSession } from '../store/session.ts'
import { compareEndpoints, forgetReconciliation, reconcile, type AskRegistrar, type Compared, type ReconcileDeps } from './reconcile.ts'

export interface ReconciliationDeps extends ReconcileDeps {
  /** The registrars of all proxies, by the proxy's id. */
  readonly registrars: ReadonlyMap<string, AskRegistrar>
  /** Shortest time between the starts of two rounds for a proxy, in milliseconds. */
  readonly everyMs: number
  readonly log: Log
  readonly metrics: Pick<Metrics, 'reconciled'>
}

/** Keeps what counts as registered in step with the registrars of the proxies. */
export interface Reconciliation {
  /** A piece of the round of each proxy; the first run begins new ones, since nobody knows what this engine has missed. */
  readonly run: () => Promise<void>
  /** Before endpoints end because their time has run out: those that their registrar holds live on. */
  readonly spare: (users: readonly UserKey[], now: number) => Promise<void>
}

/** How long a proxy that said nothing is not asked again. */
const REST_MS = 5_000

export const createReconciliation = (deps: ReconciliationDeps): Reconciliation => {
  const { registrars, everyMs, log, metrics, now } = deps
  const before = new Map<string, Compared['said']>()
  const restsUntil = new Map<string, number>()
  let begun = false
  const rests = (proxy: string): boolean => (restsUntil.get(proxy) ?? 0) > now()
  // Each state is said once, however often it is met again.
  const note = (proxy: string, { said, error, vanished, renewed }: Compared, completed: boolean): void => {
    if (said === 'nothing') restsUntil.set(proxy, now() + REST_MS)
    if (said !== 'notAsked' && said !== (before.get(proxy) ?? 'answer')) {
      if (said === 'nothing') log.warn({ proxy, err: error }, 'the registrar of a proxy does not answer; its endpoints stay as they are known')
      else if (said === 'notOffered') log.warn({ proxy }, 'a proxy does not offer to compare registrations; its endpoints stay until it says that they are gone, or until they expire')
      else log.info({ proxy }, 'the registrar of a proxy answers')
    }
    if (said !== 'notAsked') before.set(proxy, said)
    metrics.reconciled(proxy, { vanished, renewed }, completed ? now() : undefined)
    if (vanished > 0 || renewed > 0) log.info({ proxy, vanished, renewed }, 'compared with the registrar')
  }
  return {
    run: async () => {
      if (!begun) for (const proxy of registrars.keys()) await forgetReconciliation(deps, proxy)
      begun = true
      const runs = await Promise.allSettled([...registrars].filter(([proxy]) => !rests(proxy)).map(async ([proxy, ask]) => {
        const { completed, ...compared } = await reconcile(deps, proxy, ask, everyMs)
        note(proxy, compared, completed)
      }))
      for (const run of runs) if (run.status === 'rejected') throw run.reason
    },
    spare: async (users, at) => {
      const perProxy = Map.groupBy(await loadRunOut(poolSession(deps.store.pool), users, at), ({ proxy }) => proxy)
      await Promise.all([...perProxy].map(async ([proxy, endpoints]) => {
        const ask = registrars.get(proxy)
        if (ask === undefined || rests(proxy) || before.get(proxy) === 'notOffered') return
        note(proxy, await compareEndpoints(deps, ask, endpoints), false)
      }))
    },
  }
}
