import type { NotifyInstruction } from '../core/model/dialog.ts'
import { backoffMs } from './backoff.ts'
import type { Delivered, DeliveryResult, ProxyClient } from './proxy-client.ts'

/** What came of handing instructions to one proxy, in their order; `trouble` says why some were not taken. */
export interface HandOver {
  readonly results: readonly DeliveryResult[]
  readonly trouble?: string
}

/** All configured proxies, each behind a circuit breaker. */
export interface Proxies {
  /** Never throws: an unknown, down or resting proxy takes nothing. */
  readonly handOver: (proxy: string, instructions: readonly NotifyInstruction[]) => Promise<HandOver>
  readonly close: () => void
}

interface Breaker {
  failures: number
  openUntil: number
}

/** Puts the clients together. After a failure a proxy rests for a growing while, so that it holds nobody up who has other proxies. */
export const createProxies = (clients: ReadonlyMap<string, ProxyClient>, now: () => number, fraction: () => number, onTrouble: (proxy: string, error: unknown) => void): Proxies => {
  const breakers = new Map<string, Breaker>()
  return {
    handOver: async (proxy, instructions) => {
      const untaken = (trouble: string): HandOver => ({ results: instructions.map(() => 'unreached'), trouble })
      const client = clients.get(proxy)
      if (client === undefined) return untaken(`no proxy "${proxy}" is configured`)
      const breaker = breakers.get(proxy) ?? { failures: 0, openUntil: 0 }
      breakers.set(proxy, breaker)
      if (breaker.openUntil > now()) return untaken(`proxy "${proxy}" rests after ${breaker.failures} failures`)
      const { results, error }: Delivered = await client.deliver(instructions).catch((thrown: unknown) => ({ results: instructions.map(() => 'unreached' as const), error: thrown }))
      if (error === undefined) {
        breaker.failures = 0
        return { results }
      }
      breaker.failures += 1
      breaker.openUntil = now() + backoffMs(Math.min(breaker.failures - 1, 4), fraction())
      onTrouble(proxy, error)
      return { results, trouble: error instanceof Error ? error.message : String(error) }
    },
    close: () => { for (const client of clients.values()) client.close() },
  }
}
