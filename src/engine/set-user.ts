import type { OwnRights } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { UserProperties } from '../store/database.ts'
import { transact } from '../store/session.ts'
import { lockPublisher, putUser } from '../store/users.ts'
import type { EngineDeps } from './deps.ts'
import { directoryRegistry, publishDirectory, type DirectoryPublished } from './directory-publish.ts'

/** What setting a user needs of the engine. */
export type SetUserDeps = Pick<EngineDeps, 'store' | 'categories' | 'template' | 'now' | 'serverPublications'>

/** What an operator says about a user. */
export interface UserData {
  readonly displayName: string
  readonly properties: UserProperties
  readonly rights?: OwnRights | undefined
}

/** Creates or replaces a user, and publishes what the directory says of it in the same transaction (3.2.6.2). */
export const setUser = async (deps: SetUserDeps, user: UserKey, { displayName, properties, rights }: UserData, trace: string): Promise<DirectoryPublished & { readonly created: boolean }> => {
  const template = await deps.template.current()
  const registry = await directoryRegistry(deps)
  return transact(deps.store.pool, async (tx) => {
    const now = deps.now()
    const [, created, published] = await Promise.all([
      // The publisher before the user's row: the order of those who delete a user.
      lockPublisher(tx, user),
      putUser(tx, user, displayName, properties, template, now, rights),
      registry === undefined ? undefined : publishDirectory(tx, user, registry, trace, now),
    ])
    return { touched: false, refused: [], ...published, created }
  })
}
