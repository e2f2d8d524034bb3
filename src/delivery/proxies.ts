import type { NotifyInstruction } from '../core/model/dialog.ts'
import { backoffMs } from './backoff.ts'
import type { DeliveryResult, ProxyClient } from './proxy-client.ts'

/** What came of handing instructions to one proxy; `unreachable` says why nothing was taken. */
export type HandOver = { readonly results: readonly DeliveryResult[] } | { readonly unreachable: string }

/** All configured proxies, each behind a circuit breaker. */
export interface Proxies {
  /** Never throws: an unknown, down or resting proxy is `unreachable`. */
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
      const client = clients.get(proxy)
      if (client === undefined) return { unreachable: `no proxy "${proxy}" is configured` }
      const breaker = breakers.get(proxy) ?? { failures: 0, openUntil: 0 }
      breakers.set(proxy, breaker)
      if (breaker.openUntil > now()) return { unreachable: `proxy "${proxy}" rests after ${breaker.failures} failures` }
      try {
        const results = await client.deliver(instructions)
        breaker.failures = 0
        return { results }
      } catch (error) {
        breaker.failures += 1
        breaker.openUntil = now() + backoffMs(Math.min(breaker.failures - 1, 4), fraction())
        onTrouble(proxy, error)
        return { unreachable: error instanceof Error ? error.message : String(error) }
      }
    },
    close: () => { for (const client of clients.values()) client.close() },
  }
}
