import type { Instant } from '../base/instant.ts'

/** How the life of a category instance is bounded (2.2.2.1). */
export const expireTypes = ['static', 'endpoint', 'user', 'time'] as const
export type ExpireType = (typeof expireTypes)[number]

/** What tells one instance of a publisher from another (1.3.1.1). */
export interface InstanceKey {
  readonly category: string
  readonly container: number
  readonly instance: number
}

/** A stored category instance (ContainerCategoryEntry's instance, 3.2.1). */
export interface CategoryInstance extends InstanceKey {
  readonly instanceVersion: number
  readonly expireType: ExpireType
  /** Only for expireType `time`. */
  readonly expiresAt: Instant | undefined
  /** The publishing endpoint as the client writes it; only for expireType `endpoint`. */
  readonly endpointId: string | undefined
  readonly publishTime: Instant
  /** One XML element, verbatim and self-contained, or empty. */
  readonly payload: string
}

export const instanceKeyText = (key: InstanceKey): string => `${key.category}\n${key.container}\n${key.instance}`

/** What an instance costs besides its data: its attributes in documents, its row. */
const INSTANCE_BYTES = 256

/** What instances weigh against the limit of a publisher, in bytes. The database computes the same sum over all of them. */
export const weighInstances = (instances: readonly CategoryInstance[]): number =>
  instances.reduce((sum, { payload }) => sum + Buffer.byteLength(payload) + INSTANCE_BYTES, 0)

/** A time-bounded instance is never visible at or past its time, whatever the cleanup timer does (3.2.6.1). */
export const isAlive = (instance: CategoryInstance, now: Instant): boolean => instance.expiresAt === undefined || instance.expiresAt > now
