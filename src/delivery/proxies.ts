import type { NotifyInstruction } from '../core/model/dialog.ts'
import { backoffMs } from './backoff.ts'
import type { Delivered, DeliveryResult, ProxyClient } from './proxy-client.ts'

/** What came of handing instructions to one proxy, in their order; `trouble` says why some were not taken. */
export interface HandOver {
  readonly results: readonly DeliveryResult[]
  readonly trouble?: string
}

/**
 * How long a sender waits for a proxy: whoever has other proxies to serve only briefly, and not at all for one that is known to be slow; whoever pays what this very proxy
 * is owed as long as the proxy may take.
 */
export type Patience = 'brief' | 'patient'

/** All configured proxies, each behind a circuit breaker. */
export interface Proxies {
  readonly ids: readonly string[]
  /** False while a proxy rests after failures, or has not answered yet what somebody gave up waiting for. */
  readonly isReady: (proxy: string) => boolean
  /** False for a proxy that is not ready, or that has been slow: whoever has others to serve does not wait for it. */
  readonly isBrisk: (proxy: string) => boolean
  /** True while somebody waits patiently for this proxy, and has heard nothing of it for a while. */
  readonly isStalled: (proxy: string) => boolean
  /** True while somebody waits patiently for a proxy that takes its time: dialogs of that proxy are locked then. */
  readonly isPaying: () => boolean
  /** Never throws: an unknown, down, resting or slow proxy takes nothing. */
  readonly handOver: (proxy: string, instructions: readonly NotifyInstruction[], patience: Patience) => Promise<HandOver>
  readonly close: () => void
}

interface Lane {
  failures: number
  openUntil: number
  /** Calls that nobody waits for any more. Nothing overtakes them: order per dialog. */
  abandoned: number
  slow: boolean
  /** Patient calls under way, each with the time when something was last heard of it. */
  readonly patient: Set<{ lastHeard: number }>
}

/** The longest that a proxy may keep whoever has others to serve waiting between two batches. */
export const BRIEF_MS = 400

/** Puts the clients together. After a failure a proxy rests for a growing while, so that it holds nobody up who has other proxies. */
export const createProxies = (clients: ReadonlyMap<string, ProxyClient>, now: () => number, fraction: () => number, onTrouble: (proxy: string, error: unknown) => void, briefMs: number = BRIEF_MS): Proxies => {
  const lanes = new Map<string, Lane>([...clients.keys()].map((id) => [id, { failures: 0, openUntil: 0, abandoned: 0, slow: false, patient: new Set() }]))
  const isReady = (lane: Lane): boolean => lane.openUntil <= now() && lane.abandoned === 0
  const isStalled = ({ patient }: Lane): boolean => [...patient].some(({ lastHeard }) => performance.now() - lastHeard > briefMs)
  const failed = (proxy: string, lane: Lane, error: unknown): string => {
    lane.failures += 1
    lane.openUntil = now() + backoffMs(Math.min(lane.failures - 1, 4), fraction())
    onTrouble(proxy, error)
    return error instanceof Error ? error.message : String(error)
  }

  const deliver = async (proxy: string, lane: Lane, client: ProxyClient, instructions: readonly NotifyInstruction[], patience: Patience): Promise<HandOver> => {
    const results = instructions.map((): DeliveryResult => 'unreached')
    const call = { lastHeard: performance.now() }
    if (patience === 'patient') lane.patient.add(call)
    let longest = 0
    let giveUp: (() => void) | undefined
    const timer = patience === 'brief' ? setTimeout(() => giveUp?.(), briefMs) : undefined
    const answer = client.deliver(instructions, (place, result) => {
      results[place] = result
      const heard = performance.now()
      longest = Math.max(longest, heard - call.lastHeard)
      call.lastHeard = heard
      timer?.refresh()
    }).catch((error: unknown): Delivered => ({ results: [...results], error }))
    const impatient = new Promise<undefined>((resolve) => { giveUp = () => resolve(undefined) })
    const delivered = timer === undefined ? await answer : await Promise.race([answer, impatient])
    clearTimeout(timer)
    lane.patient.delete(call)
    if (delivered !== undefined) {
      if (delivered.error !== undefined) return { results: delivered.results, trouble: failed(proxy, lane, delivered.error) }
      lane.failures = 0
      lane.slow = longest > briefMs
      return { results: delivered.results }
    }
    lane.slow = true
    lane.abandoned += 1
    void answer.then(({ error }) => {
      lane.abandoned -= 1
      if (error !== undefined) failed(proxy, lane, error)
    })
    return { results: [...results], trouble: `the proxy takes longer than ${briefMs} ms` }
  }

  return {
    ids: [...clients.keys()],
    isReady: (proxy) => {
      const lane = lanes.get(proxy)
      return lane !== undefined && isReady(lane)
    },
    isBrisk: (proxy) => {
      const lane = lanes.get(proxy)
      return lane !== undefined && isReady(lane) && !lane.slow && !isStalled(lane)
    },
    isStalled: (proxy) => {
      const lane = lanes.get(proxy)
      return lane !== undefined && isStalled(lane)
    },
    isPaying: () => [...lanes.values()].some(isStalled),
    handOver: async (proxy, instructions, patience) => {
      const untaken = (trouble: string): HandOver => ({ results: instructions.map(() => 'unreached'), trouble })
      const client = clients.get(proxy)
      const lane = lanes.get(proxy)
      if (client === undefined || lane === undefined) return untaken(`no proxy "${proxy}" is configured`)
      if (lane.openUntil > now()) return untaken(`proxy "${proxy}" rests after ${lane.failures} failures`)
      if (lane.abandoned > 0 || (lane.slow && patience === 'brief')) return untaken(`proxy "${proxy}" is slow`)
      return deliver(proxy, lane, client, instructions, patience)
    },
    close: () => { for (const client of clients.values()) client.close() },
  }
}
