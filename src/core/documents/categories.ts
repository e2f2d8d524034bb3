import { secondsLeft, writePublishTime, type Instant } from '../base/instant.ts'
import type { CategoryInstance } from '../model/publication.ts'
import { writeUserUri, type UserKey } from '../sip/uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { writeAttribute } from '../xml/write.ts'

const wrap = (publisher: UserKey, content: string): string =>
  `<categories xmlns="${namespaces.categories}"${writeAttribute('uri', writeUserUri(publisher))}>${content}</categories>`

const close = (start: string, payload: string): string => (payload === '' ? `${start}/>` : `${start}>${payload}</category>`)

/** One instance with every attribute that has a value, as self subscribers and publishers read it (2.2.2.1). */
const writeFull = (instance: CategoryInstance, now: Instant): string =>
  close(
    `<category${writeAttribute('name', instance.category)} instance="${instance.instance}" publishTime="${writePublishTime(instance.publishTime)}"` +
      ` container="${instance.container}" version="${instance.instanceVersion}" expireType="${instance.expireType}"` +
      writeAttribute('endpointId', instance.endpointId) +
      writeAttribute('expires', instance.expiresAt === undefined ? undefined : secondsLeft(instance.expiresAt, now)),
    instance.payload,
  )

/** One instance as category subscribers read it: no container, version, expiry or endpoint (3.2.5.3). */
const writeSeen = (instance: CategoryInstance): string =>
  close(
    `<category${writeAttribute('name', instance.category)} instance="${instance.instance}" publishTime="${writePublishTime(instance.publishTime)}"`,
    instance.payload,
  )

/** A category in a container without any instance left; self subscribers learn by it that it was cleared (4.2.2). */
export interface ClearedCategory {
  readonly category: string
  readonly container: number
}

/** The categories document of publish answers and self subscriptions (2.2.2.1, self form). */
export const writeSelfCategories = (publisher: UserKey, instances: readonly CategoryInstance[], cleared: readonly ClearedCategory[], now: Instant): string =>
  wrap(
    publisher,
    instances.map((instance) => writeFull(instance, now)).join('') +
      cleared.map(({ category, container }) => `<category${writeAttribute('name', category)} container="${container}"/>`).join(''),
  )

/** What one category shows in one container: its instances, or the empty value of a blocked or unpublished one (1.3.1.3.4). */
export const writeSeenCategory = (category: string, instances: readonly CategoryInstance[]): string =>
  instances.length === 0 ? `<category${writeAttribute('name', category)}/>` : instances.map(writeSeen).join('')

/** The categories document of a category subscription, put together from `writeSeenCategory` pieces. */
export const writeSeenCategories = (publisher: UserKey, pieces: readonly string[]): string => wrap(publisher, pieces.join(''))
