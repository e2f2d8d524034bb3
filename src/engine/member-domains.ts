import type { Instant } from '../core/base/instant.ts'

/** Whether the domain of a container member resolves to an address (3.5.5.2). */
export interface MemberDomains {
  /** The first of these that certainly does not exist; undefined when there is none, or nobody can say in time. */
  readonly findMissing: (domains: readonly string[]) => Promise<string | undefined>
}

/** Looks a name up: whether it has an address. Rejects when the name service cannot say. */
export type LookUp = (domain: string) => Promise<boolean>

/** A request waits no longer than this for the name service, which goes on and is remembered for the next one. */
const BUDGET_MS = 250
const REMEMBERED_MS = 300_000
const MAX_REMEMBERED = 10_000
/** Names asked for at a time, by all requests together: one request can name thousands. Nobody can say in time of those beyond. */
const MAX_UNDER_WAY = 100

/** Domains are not looked up; every name that is well-formed will do. */
export const anyDomain: MemberDomains = { findMissing: async () => undefined }

/**
 * Asks the name service, outside of any transaction and with a small budget: only what certainly has no address is refused, a slow or failing
 * name service lets pass.
 */
export const createMemberDomains = (lookUp: LookUp, now: () => Instant, later: (ms: number) => Promise<void>): MemberDomains => {
  const known = new Map<string, { readonly answer: Promise<boolean>; readonly at: Instant }>()
  let underWay = 0
  const ask = (domain: string): Promise<boolean> => {
    const remembered = known.get(domain)
    if (remembered !== undefined && now() - remembered.at < REMEMBERED_MS) return remembered.answer
    // A name service that fails says nothing about the name, and is asked again next time.
    if (underWay >= MAX_UNDER_WAY) return Promise.resolve(true)
    underWay += 1
    const answer = lookUp(domain).catch(() => {
      known.delete(domain)
      return true
    }).finally(() => { underWay -= 1 })
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(domain, { answer, at: now() })
    return answer
  }
  return {
    findMissing: async (domains) => {
      if (domains.length === 0) return undefined
      const missing: string[] = []
      const asked = Promise.all([...new Set(domains)].map(async (domain) => { if (!await ask(domain)) missing.push(domain) }))
      await Promise.race([asked, later(BUDGET_MS)])
      return domains.find((domain) => missing.includes(domain))
    },
  }
}
