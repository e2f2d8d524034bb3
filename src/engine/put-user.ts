import type { LinkedIdentities } from '../core/documents/presence-seen.ts'
import { directoryPlaces } from '../core/publications/directory-publications.ts'
import type { OwnRights } from '../core/model/rights.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { deferLinkedReaders } from '../store/deferred.ts'
import { expireDialogs, lockDialogs } from '../store/dialogs.ts'
import { deletePublisher, findWatchersOf, hasDataHere } from '../store/home-pool.ts'
import { transact, type Transaction } from '../store/session.ts'
import { loadLinked, lockPublisher, putUser, type OwnTerms, type PresenceUser } from '../store/users.ts'
import type { EngineDeps } from './deps.ts'
import { directoryRules, publishDirectory, publishedNothing, type DirectoryPublished, type DirectoryRules } from './directory-publish.ts'

/** What setting a user needs of the engine. */
export type PutUserDeps = Pick<EngineDeps, 'store' | 'categories' | 'plan' | 'template' | 'now' | 'serverPublications'>

/** What an operator says about a user. */
export interface UserTerms extends Pick<PresenceUser, 'displayName' | 'properties'>, OwnTerms {
  readonly rights?: OwnRights | undefined
}

/** The user has data here, which moving it to another pool would lose. */
export class UserHasData extends Error {}

/** What came of it; `ended` are dialogs that must be told so. */
export interface UserPut extends DirectoryPublished {
  readonly created: boolean
  readonly ended: number
}

/**
 * The user is no publisher here any more. Who watches it must ask elsewhere: its dialogs end, so that the client opens them anew and learns
 * of the other pool (3.4.5.1.3.1).
 */
const leaveToPool = async (tx: Transaction, user: UserKey, rules: DirectoryRules | undefined, now: number): Promise<number> => {
  const served = await lockPublisher(tx, user) !== undefined
  // What the server publishes is the other pool's to publish. Where it publishes nothing, the same places are the user's own.
  if (served && await hasDataHere(tx, user, rules === undefined ? [] : directoryPlaces)) throw new UserHasData()
  const dialogs = await lockDialogs(tx, await findWatchersOf(tx, user), now)
  if (dialogs.length > 0) void expireDialogs(tx, dialogs, now, 'deactivated')
  if (served) void deletePublisher(tx, user)
  return dialogs.length
}

const isSame = (a: LinkedIdentities | undefined, b: LinkedIdentities | undefined): boolean =>
  JSON.stringify([a?.primary, a?.secondary, a?.cid]) === JSON.stringify([b?.primary, b?.secondary, b?.cid])

/**
 * Creates or replaces a user, in one transaction with what follows from it. One that is served here is published as the directory has it now (3.2.6.2);
 * one with a home pool is served there and no publisher here: throws UserHasData when it cannot leave.
 */
export const putUserTerms = async (deps: PutUserDeps, user: UserKey, { displayName, properties, rights, ...terms }: UserTerms, trace: string): Promise<UserPut> => {
  const [template, rules] = [await deps.template.current(), await directoryRules(deps)]
  return transact(deps.store.pool, async (tx) => {
    const now = deps.now()
    // The publisher before the user's row: the order of those who delete a user. A registration that creates it at the same time is through behind the row, or finds it taken.
    const [, linked, created, published, ended] = await Promise.all([
      lockPublisher(tx, user),
      loadLinked(tx, [user]),
      putUser(tx, user, displayName, properties, template, now, rights, terms),
      terms.homePool !== undefined || rules === undefined ? publishedNothing : publishDirectory(tx, user, rules, trace, now),
      terms.homePool === undefined ? 0 : leaveToPool(tx, user, rules, now),
    ])
    // Nothing is published with it, so no change tells it. What is told is read anew, and due at once; of one that has left there is nothing to tell.
    if (!isSame(linked.get(user), terms.linked)) void deferLinkedReaders(tx, user, now, 'linked identities changed')
    return { ...published, created, ended }
  })
}
