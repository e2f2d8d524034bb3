/** How busy an engine is at one moment, or, as bounds, how busy it may be. */
export interface Load {
  /** Requests of proxies being worked on. */
  readonly inFlight: number
  /** How long the request that has waited longest for its turn at the database does so already. */
  readonly databaseWaitMs: number
  /** By how much the event loop is late. */
  readonly eventLoopDelayMs: number
}

export type Measure = keyof Load

/**
 * Work by how soon it is refused. Requests that open something new go first. What renews or ends a dialog costs less than its repetition after
 * the dialog has run out. Events of a proxy (registrations, lost connections, failed notifications) go last: they carry state, and the proxy repeats them in order until
 * they are taken.
 */
export type WorkKind = 'request' | 'inDialog' | 'event'

/** How many times its bound each measure may reach before work of a kind is refused. */
const headroom: Readonly<Record<WorkKind, number>> = { request: 1, inDialog: 1.5, event: 3 }

const details: Readonly<Record<Measure, (value: number) => string>> = {
  inFlight: (value) => `${value} requests in flight`,
  databaseWaitMs: (value) => `${Math.round(value)} ms of waiting for the database`,
  eventLoopDelayMs: (value) => `the event loop is ${Math.round(value)} ms late`,
}

const measures: readonly Measure[] = ['inFlight', 'databaseWaitMs', 'eventLoopDelayMs']

/** Each measure as a part of its bound: at 1 new requests are refused. */
export const measureLoad = (load: Load, bounds: Load): readonly { readonly measure: Measure; readonly ratio: number }[] =>
  measures.map((measure) => ({ measure, ratio: load[measure] / bounds[measure] }))

/** Why work of this kind is not taken on under this load (RFC 3261 21.5.4); undefined when it is. */
export const findOverload = (load: Load, bounds: Load, kind: WorkKind): string | undefined => {
  for (const measure of measures) if (load[measure] >= bounds[measure] * headroom[kind]) return details[measure](load[measure])
  return undefined
}
