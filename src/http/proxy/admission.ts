import { findOverload, measureLoad, type Load, type WorkKind } from '../../core/admission/load.ts'
import { retryAfter } from '../../core/admission/retry-after.ts'
import { failure, type Failure } from '../../core/base/failure.ts'
import { Refused } from '../../engine/refused.ts'

/** Decides at the door what is worked on now, before anything is read or asked for. */
export interface Admission {
  /** Does the work and counts it as in flight meanwhile; throws Refused when it is not taken on. `kindOf` is asked only under load. */
  readonly admit: <T>(kindOf: () => WorkKind, work: () => Promise<T>) => Promise<T>
  /** Why new requests are refused now, for those who ask for readiness; undefined when they are taken. */
  readonly trouble: () => string | undefined
  /** Each measure of load as a part of its bound. */
  readonly measures: () => ReturnType<typeof measureLoad>
}

export interface AdmissionSources {
  readonly bounds: Load
  readonly databaseWaitMs: () => number
  readonly eventLoopDelayMs: () => number
  readonly isDatabaseAway: () => boolean
  readonly fraction: () => number
}

/** A refusal that asks to come again, each time at another moment: a fleet that is refused together must not come back together. */
export const refuseForNow = (name: 'overloaded' | 'unavailable', fraction: number, detail?: string): Failure => ({ ...failure(name, detail), headers: [retryAfter(fraction, 5, 15)] })

export const createAdmission = ({ bounds, databaseWaitMs, eventLoopDelayMs, isDatabaseAway, fraction }: AdmissionSources): Admission => {
  let inFlight = 0
  const load = (): Load => ({ inFlight, databaseWaitMs: databaseWaitMs(), eventLoopDelayMs: eventLoopDelayMs() })
  const check = (kindOf: () => WorkKind): void => {
    if (isDatabaseAway()) throw new Refused(refuseForNow('unavailable', fraction()))
    const now = load()
    if (findOverload(now, bounds, 'request') === undefined) return
    const overload = findOverload(now, bounds, kindOf())
    if (overload !== undefined) throw new Refused(refuseForNow('overloaded', fraction(), overload))
  }
  return {
    admit: async (kindOf, work) => {
      check(kindOf)
      inFlight += 1
      try {
        return await work()
      } finally {
        inFlight -= 1
      }
    },
    trouble: () => (isDatabaseAway() ? 'the database is away' : findOverload(load(), bounds, 'request')),
    measures: () => measureLoad(load(), bounds),
  }
}
