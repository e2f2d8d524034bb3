import { readStates } from '../aggregation/state-instances.ts'
import { KEPT_PIDF, KEPT_PIDF_CONTAINER } from '../categories/registry.ts'
import type { PhoneSeen } from '../documents/phone-parts.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { readKeptPidf } from '../requests/pidf.ts'
import { STATES } from './devices.ts'

/** A phone before it is known who looks at it. */
export interface Phone extends PhoneSeen {
  /** The least available that it says its user is, by any of its states (see isInKeeping). */
  readonly machine: number | undefined
}

/** The phones of a publisher that have published in their own words (RFC 3903), the newest first; the number of the instance stays theirs. `instances` must be alive. */
export const findPhones = (instances: readonly CategoryInstance[]): readonly Phone[] => {
  const kept = instances.filter(({ category, container }) => category === KEPT_PIDF && container === KEPT_PIDF_CONTAINER)
  if (kept.length === 0) return []
  const said = new Map<string, number>()
  for (const { instance: { endpointId }, state: { availability = 0 } } of readStates(instances.filter(({ category, container }) => category === 'state' && container === STATES))) {
    if (endpointId !== undefined) said.set(endpointId, Math.max(said.get(endpointId) ?? 0, availability))
  }
  return kept.sort((a, b) => b.publishTime - a.publishTime || b.instance - a.instance).flatMap(({ instance, endpointId = '', payload }) => {
    const document = readKeptPidf(payload)
    return document === undefined ? [] : [{ key: `p${instance.toString(16)}`, document, machine: said.get(endpointId) }]
  })
}
