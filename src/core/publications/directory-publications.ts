import type { Failure } from '../base/failure.ts'
import type { CategoryRegistry } from '../categories/registry.ts'
import { writeContactCard } from '../documents/contact-card.ts'
import { writeUserProperties } from '../documents/user-properties.ts'
import { directoryText, type DirectoryEntry } from '../model/directory.ts'
import { instanceKeyText, type CategoryInstance, type InstanceKey } from '../model/publication.ts'
import { toTelUri } from '../sip/tel-uri.ts'
import { namespaces } from '../xml/namespaces.ts'
import { isPublished, refuseServerPublication, type ServerPublication } from './server-publish.ts'

/** One row of the table of 3.2.6.2: what the server publishes from the directory, and where. */
export interface DirectoryPlanRow {
  readonly category: string
  readonly containers: readonly number[]
  readonly write: (entry: DirectoryEntry) => string
}

/** The instance of all of them (3.2.6.2). */
export const DIRECTORY_INSTANCE = 0

/** Offline for those who are blocked, whatever the user does (3.2.6.2). */
const BLOCKED_AVAILABILITY = 18500

const writeCard = ({ displayName, email }: DirectoryEntry): string => writeContactCard({ displayName: directoryText(displayName), email: directoryText(email) })

const writeProperties = ({ phone, fax, street, city, state, country, postalCode, url, voiceMail }: DirectoryEntry): string => {
  const code = directoryText(country)?.toUpperCase()
  return writeUserProperties({
    line: toTelUri(directoryText(phone) ?? ''), fax: directoryText(fax), street: directoryText(street), city: directoryText(city), state: directoryText(state),
    // 2.2.2.7.4 wants the code of two letters; the name of a country is none.
    countryCode: code !== undefined && /^[A-Z]{2}$/.test(code) ? code : undefined,
    postalCode: directoryText(postalCode), url: directoryText(url), voiceMail: directoryText(voiceMail),
  })
}

/** The table of 3.2.6.2. All of it is static, and a card is the same for everybody: name and address, also for those who are blocked. */
export const directoryPlan: readonly DirectoryPlanRow[] = [
  { category: 'contactCard', containers: [0, 100, 200, 300, 400, 32000], write: writeCard },
  { category: 'legacyInterop', containers: [32000], write: () => `<legacyInterop xmlns="${namespaces.categories}" availability="${BLOCKED_AVAILABILITY}"/>` },
  { category: 'userProperties', containers: [1], write: writeProperties },
]

/** The categories of the table; decisions need all instances of them. */
export const directoryCategories: readonly string[] = directoryPlan.map(({ category }) => category)

/** Where the server publishes from the directory; what is there is its own, whoever wrote it last. */
export const directoryPlaces: readonly InstanceKey[] = directoryPlan.flatMap(({ category, containers }) => containers.map((container) => ({ category, container, instance: DIRECTORY_INSTANCE })))

/** Everything that the server publishes for a user from the directory (3.2.6.2). What the user no longer has is not in it any more. */
export const directoryPublications = (entry: DirectoryEntry): readonly ServerPublication[] =>
  directoryPlan.flatMap(({ category, containers, write }) => {
    const payload = write(entry)
    return containers.map((container) => ({ category, container, instance: DIRECTORY_INSTANCE, payload, expiresAt: undefined }))
  })

/** What the server has to publish, and what it cannot because of what the operator has set for the category. */
export interface DirectoryDifference {
  readonly publications: readonly ServerPublication[]
  readonly refused: readonly Failure[]
}

/**
 * Compares what the server publishes for a user with what is there (3.2.6.2). A category that the operator has taken away is passed over, and one that
 * the operator's bounds or schema do not let through keeps none of the others back.
 */
export const compareDirectory = (entry: DirectoryEntry, instances: readonly CategoryInstance[], registry: CategoryRegistry): DirectoryDifference => {
  // One that is past its time is not static, and so not what the server publishes anyway.
  const stored = new Map(instances.map((instance) => [instanceKeyText(instance), instance]))
  const missing = directoryPublications(entry).filter((publication) => !isPublished(publication, stored.get(instanceKeyText(publication))))
  const judged = missing.map((publication) => ({ publication, refused: refuseServerPublication(publication, registry) }))
  return {
    publications: judged.flatMap(({ publication, refused }) => (refused === undefined ? [publication] : [])),
    refused: judged.flatMap(({ refused }) => (refused === undefined || refused.name === 'categoryNotRegistered' ? [] : [refused])),
  }
}
