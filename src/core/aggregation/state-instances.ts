import type { Instant } from '../base/instant.ts'
import { readStatePayload, type StatePayload } from '../categories/state-payload.ts'
import type { CategoryInstance } from '../model/publication.ts'

/** A state instance together with what it says. */
export interface StateInstance {
  readonly instance: CategoryInstance
  readonly state: StatePayload
  /** Its age: startTime, or when it was published where the client names none (3.8.5.1.2.2). */
  readonly since: Instant
}

/** The instances whose payload is a state; what is anything else takes no part. */
export const readStates = (instances: readonly CategoryInstance[]): readonly StateInstance[] =>
  instances.flatMap((instance) => {
    const state = readStatePayload(instance.payload)
    return state === undefined ? [] : [{ instance, state, since: state.startTime ?? instance.publishTime }]
  })

/** Any order that does not hang on how instances were read; one container holds an instance number of a category once. */
export const byKey = (a: CategoryInstance, b: CategoryInstance): number => a.instance - b.instance || (a.category < b.category ? -1 : 1)

/** The newest first. */
export const byAge = (a: StateInstance, b: StateInstance): number => b.since - a.since || byKey(a.instance, b.instance)
