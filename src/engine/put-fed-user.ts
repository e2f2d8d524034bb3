import { compareFed } from '../core/ldap/compare-feed.ts'
import type { FedPerson } from '../core/model/directory-feed.ts'
import { lockFedUser, putFedUser } from '../store/fed-users.ts'
import { transact } from '../store/session.ts'
import { createUser, lockPublisher } from '../store/users.ts'
import { directoryRules, publishDirectory, publishedNothing, type DirectoryPublished } from './directory-publish.ts'
import type { PutUserDeps } from './put-user.ts'

/** What came of it for one user. */
export interface FedUserPut extends DirectoryPublished {
  readonly what: 'created' | 'changed' | 'same'
}

/**
 * Creates a user whom an outside directory names, or changes what the directory has the say in (`mapped`), in one transaction with what the server publishes of it
 * (3.2.6.2). What an operator has set beside that stays.
 */
export const putFedUserTerms = async (deps: PutUserDeps, person: FedPerson, mapped: ReadonlySet<string>): Promise<FedUserPut> => {
  const { user } = person
  const [template, rules] = [await deps.template.current(), await directoryRules(deps)]
  return transact(deps.store.pool, async (tx) => {
    const now = deps.now()
    // The publisher before the user's row, as whoever else changes users. Compared again behind the locks: the operator may have been here meanwhile.
    const [, created, stored] = await Promise.all([lockPublisher(tx, user), createUser(tx, user, person.displayName, template, now), lockFedUser(tx, user)])
    const terms = compareFed(person, stored, mapped)
    if (terms === undefined) return { what: 'same', ...publishedNothing }
    const [, published] = await Promise.all([
      putFedUser(tx, user, terms.displayName, terms.properties, now),
      rules === undefined || stored?.elsewhere === true ? publishedNothing : publishDirectory(tx, user, rules, 'directory', now),
    ])
    return { what: created.length > 0 ? 'created' : 'changed', ...published }
  })
}
