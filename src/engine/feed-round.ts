import type { Instant } from '../core/base/instant.ts'
import { compareFed, mayRemove } from '../core/ldap/compare-feed.ts'
import type { FedPerson, FeedSource } from '../core/model/directory-feed.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Log } from '../observe/log.ts'
import { countFedUsers, loadFedPage, loadFedUsers } from '../store/fed-users.ts'
import { poolSession } from '../store/session.ts'
import { putFedUserTerms } from './put-fed-user.ts'
import type { PutUserDeps } from './put-user.ts'
import { removeUser } from './remove-user.ts'

/** What reading an outside directory needs of the engine. */
export interface FeedRoundDeps extends PutUserDeps {
  readonly source: FeedSource
  /** What becomes of users who are in the directory no longer. */
  readonly gone: 'keep' | 'remove'
  /** At most this part of those whom the directory ever named is removed at once, in percent. */
  readonly goneMaxPercent: number
  readonly wake: (publishers: readonly UserKey[]) => void
  readonly log: Log
}

/** What a round has done so far. */
export interface FeedCounts {
  read: number
  passedOver: number
  created: number
  changed: number
  gone: number
  removed: number
}

/** A round through the directory, page by page; nobody else reads it meanwhile. */
export interface FeedRound {
  readonly counts: FeedCounts
  /** Does the next piece; true when it was the last. Rejects with a DirectoryError when the directory fails. */
  readonly step: () => Promise<boolean>
  /** When the latest of the entries read had changed; undefined when the directory did not say so everywhere, -Infinity when there were none. */
  readonly latest: () => Instant | undefined
  /** Why users who are gone were kept although they were to be removed. */
  readonly kept: () => string | undefined
  readonly abandon: () => Promise<void>
}

/** Stored users looked through at a time for those who are gone. */
const LOOKED_THROUGH = 1_000

/** Users who seem to be gone, asked for by name at a time. */
const ASKED_FOR = 50

/** Takes one page over: those of whom nothing differs cost no more than one look at all of them together. */
const takeOver = async (deps: FeedRoundDeps, people: readonly FedPerson[], counts: FeedCounts): Promise<void> => {
  const { source: { properties }, log, wake } = deps
  const stored = await loadFedUsers(poolSession(deps.store.pool), people.map(({ user }) => user))
  const touched: UserKey[] = []
  const refused: { readonly user: UserKey; readonly name: string; readonly detail: string | undefined }[] = []
  for (const person of people) {
    if (compareFed(person, stored.get(person.user), properties) === undefined) continue
    const put = await putFedUserTerms(deps, person, properties)
    if (put.what !== 'same') counts[put.what] += 1
    if (put.touched) touched.push(person.user)
    refused.push(...put.refused.map(({ name, detail }) => ({ user: person.user, name, detail })))
  }
  wake(touched)
  const [first] = refused
  if (first !== undefined) log.warn({ count: refused.length, user: first.user, failure: first.name, detail: first.detail }, 'server publications refused')
}

/** Everybody whom the directory once named and who has not been seen in it now. */
async function* findUnseen(deps: FeedRoundDeps, seen: ReadonlySet<UserKey>): AsyncGenerator<readonly UserKey[], void, undefined> {
  const session = poolSession(deps.store.pool)
  for (let after = '', size = LOOKED_THROUGH; size === LOOKED_THROUGH;) {
    const users = await loadFedPage(session, after, LOOKED_THROUGH)
    size = users.length
    after = users.at(-1) ?? after
    yield users.filter((user) => !seen.has(user))
  }
}

/** Begins a round; `since` undefined reads everything, and so finds those who are gone. */
export const beginFeedRound = (deps: FeedRoundDeps, since: Instant | undefined): FeedRound => {
  const { source, gone, goneMaxPercent, log, wake } = deps
  const counts: FeedCounts = { read: 0, passedOver: 0, created: 0, changed: 0, gone: 0, removed: 0 }
  const pages = source.readPages(since)
  const seen = new Set<UserKey>()
  let latest: Instant | undefined = -Infinity
  let kept: string | undefined

  async function* remove(missing: readonly UserKey[]): AsyncGenerator<void, void, undefined> {
    const fed = await countFedUsers(poolSession(deps.store.pool))
    if (!mayRemove(missing.length, fed, goneMaxPercent)) {
      kept = `${missing.length} of ${fed} users are gone from the directory, more than ${goneMaxPercent} %: none was removed (PRESENTIA_LDAP_GONE_MAX_PERCENT)`
      return
    }
    // Asked by name, because a directory may also lose its place between two pages.
    // A few at a time: each piece must be over before others think that this engine has died.
    for (let at = 0; at < missing.length; at += ASKED_FOR) {
      const asked = missing.slice(at, at + ASKED_FOR)
      const present = await source.findPresent(asked)
      yield
      for (const user of asked.filter((each) => !present.has(each))) {
        if (!await removeUser(deps.store.pool, user, deps.now())) continue
        counts.removed += 1
        log.info({ user }, 'user removed: it is in the directory no longer')
        wake([user])
        yield
      }
    }
  }

  async function* work(): AsyncGenerator<void, void, undefined> {
    for await (const page of pages) {
      // Whom two entries name, the first of them names.
      const people = page.people.filter(({ user }) => !seen.has(user) && seen.add(user))
      counts.read += page.people.length + page.passedOver
      counts.passedOver += page.passedOver + page.people.length - people.length
      latest = latest === undefined || page.latest === undefined ? undefined : Math.max(latest, page.latest)
      await takeOver(deps, people, counts)
      yield
    }
    if (since !== undefined) return
    const missing: UserKey[] = []
    for await (const unseen of findUnseen(deps, seen)) {
      missing.push(...unseen)
      yield
    }
    counts.gone = missing.length
    if (gone === 'remove' && missing.length > 0) yield* remove(missing)
  }

  const steps = work()
  return {
    counts, latest: () => latest, kept: () => kept,
    step: async () => (await steps.next()).done === true,
    abandon: async () => { await steps.return() },
  }
}
