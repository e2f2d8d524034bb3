import type { Instant } from '../base/instant.ts'
import type { Change } from '../model/change.ts'
import type { CategoryInstance, ExpireType, InstanceKey } from '../model/publication.ts'

/** An instance that the server computed: all but version and time. */
export interface Computed extends InstanceKey {
  readonly expireType: ExpireType
  readonly payload: string
}

const isAt = (a: InstanceKey, b: InstanceKey): boolean => a.instance === b.instance && a.container === b.container && a.category === b.category

const isSame = (stored: CategoryInstance | undefined, { expireType, payload }: Computed): boolean =>
  stored !== undefined && stored.payload === payload && stored.expireType === expireType && stored.expiresAt === undefined && stored.endpointId === undefined

/**
 * What to write so that of the instances of one row of the plan exactly the computed ones are stored. `stored` are all that are there under
 * the row's keys. Nothing is published when nothing differs (3.8.5.1.1); when anything does, all of the row is, with one version and one
 * publishTime (4.3.1).
 */
export const settle = (stored: readonly CategoryInstance[], computed: readonly Computed[], at: Instant): readonly Change[] => {
  const kept = computed.map((wanted) => stored.find((instance) => isAt(instance, wanted)))
  const gone: readonly Change[] = stored.filter((instance) => !kept.includes(instance)).map((key) => ({ kind: 'deleteInstance', key }))
  if (computed.every((wanted, index) => isSame(kept[index], wanted))) return gone
  const instanceVersion = 1 + Math.max(0, ...kept.map((instance) => instance?.instanceVersion ?? 0))
  return [
    ...computed.map((wanted) => ({ kind: 'putInstance', instance: { ...wanted, instanceVersion, expiresAt: undefined, endpointId: undefined, publishTime: at } }) as const),
    ...gone,
  ]
}
