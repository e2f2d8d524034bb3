/** What a client of a check knows, held against what is stored. Pure: both sides are handed in. */

import { containerPlace, instanceLine, memberLine, readContents, seenBy } from './watcher-model.ts'

/** A user as `GET /admin/v1/users/{uri}/presence` shows it. */
export interface StoredUser {
  readonly endpoints: readonly { readonly epid?: string; readonly contact: string; readonly proxy: string }[]
  readonly containers: readonly { readonly id: number; readonly version: number; readonly members: readonly { readonly type: string; readonly value?: string }[] }[]
  readonly publications: readonly { readonly category: string; readonly container: number; readonly instance: number; readonly version: number; readonly expireType: string; readonly xml: string }[]
}

/** Everything that a self subscriber knows of a user when it is up to date. */
export const ownPlaces = ({ containers, publications }: StoredUser): ReadonlyMap<string, string> => new Map([
  ...[...Map.groupBy(publications, ({ category }) => category)].map(([category, list]): [string, string] =>
    [category, list.map((instance) => instanceLine(seenBy.self.map((name) => instance[name]), instance.xml)).sort().join('\n')]),
  ...containers.map(({ id, members }): [string, string] => [containerPlace(id), members.map(({ type, value }) => memberLine(type, value)).sort().join('\n')]),
])

/** The places of a publisher in the document that `view-as` renders. */
export const seenPlaces = (document: string): ReadonlyMap<string, string> => readContents('', document, '')[0]?.places ?? new Map()

/** An instance or a membership as the record of publications compares it. */
export const storedAt = ({ containers, publications }: StoredUser) => (place: string): { readonly version: number; readonly text: string } | undefined => {
  const publication = publications.find(({ category, container, instance }) => place === `${category} ${container} ${instance}`)
  if (publication !== undefined) return { version: publication.version, text: publication.xml }
  // At version 0 nobody has done anything to its membership yet.
  const container = containers.find(({ id, version }) => place === containerPlace(id) && version > 0)
  return container === undefined ? undefined : { version: container.version, text: '' }
}
