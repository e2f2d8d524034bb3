import type { AggregationPlan } from '../core/aggregation/plan.ts'
import type { Failure } from '../core/base/failure.ts'
import type { CategoryRegistry } from '../core/categories/registry.ts'
import { isTouched } from '../core/model/touch.ts'
import { compareDirectory, directoryCategories, DIRECTORY_INSTANCE } from '../core/publications/directory-publications.ts'
import { decideServerPublish } from '../core/publications/server-publish.ts'
import { categoriesToRead } from '../core/publications/with-aggregates.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadDirectoryEntry, loadDirectoryPage } from '../store/directory.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { poolSession, transact, type Transaction } from '../store/session.ts'
import { forgetRound, moveRound, takeUpRound } from '../store/user-rounds.ts'
import type { EngineDeps } from './deps.ts'

/** What publishing from the directory needs of the engine. */
export type DirectoryPublishDeps = Pick<EngineDeps, 'store' | 'categories' | 'plan' | 'now' | 'serverPublications'>

/** What came of it for one user: whether it must be told, and what the operator's own settings did not let through. */
export interface DirectoryPublished {
  readonly touched: boolean
  readonly refused: readonly Failure[]
}

/** Of users of whom nothing is published here. */
export const publishedNothing: DirectoryPublished = { touched: false, refused: [] }

/** By which rules the server publishes from the directory. */
export interface DirectoryRules {
  readonly registry: CategoryRegistry
  /** What it computes from publications, its own among them. */
  readonly plan: AggregationPlan
}

/** The rules to publish by, where the server publishes at all. To be asked for before a transaction: the embedded database has no second connection inside one. */
export const directoryRules = async ({ categories, plan, serverPublications }: Pick<DirectoryPublishDeps, 'categories' | 'plan' | 'serverPublications'>): Promise<DirectoryRules | undefined> =>
  serverPublications ? { registry: await categories.registry(), plan } : undefined

/** Publishes what the directory says of a user now, as this transaction sees it (3.2.6.2); users that are not served here are passed over. */
export const publishDirectory = async (tx: Transaction, user: UserKey, { registry, plan }: DirectoryRules, trace: string, now: number): Promise<DirectoryPublished> => {
  // Read behind the lock: of two that change the user at the same time, the later one publishes what is there in the end.
  const [state, entry] = await Promise.all([loadUnderLock(tx, user, { instances: categoriesToRead(plan, directoryCategories), endpoints: true }), loadDirectoryEntry(tx, user)])
  if (state === undefined || entry === undefined) return publishedNothing
  const { publications, refused } = compareDirectory(entry, state.instances, registry)
  const decided = decideServerPublish(publications, state, registry, plan, now)
  if (!decided.ok) return { touched: false, refused: [...refused, decided.failure] }
  await applyOutcome(tx, user, decided.value, trace, now)
  return { touched: isTouched(decided.value.touch), refused }
}

const ROUND = 'server publications'

/** Users looked at together, and how many such pages, or how long, one run of the timer takes at most; the next run goes on. */
const PAGE = 250
const PAGES = 20
const RUN_MS = 1_000

/** What one run of the timer did. */
export interface DirectoryRun {
  readonly touched: readonly UserKey[]
  readonly refused: readonly { readonly user: UserKey; readonly failure: Failure }[]
}

/**
 * The server publication timer (3.2.6.2), a piece of its round. Changes of users are published with the change itself; the timer puts right what else came in between:
 * users from before, instances that clients have overwritten or operators deleted, categories that are back. Each round looks at every user, because nothing
 * cheaper finds all of those, but it only looks: a page is one statement that reads along two primary keys and neither locks nor writes. Only users of whom something
 * differs are locked, and compared again. Any node may run it; all that they share is the one row that says how far the round has come.
 */
export const publishDirectories = async (deps: DirectoryPublishDeps, everyMs: number): Promise<DirectoryRun> => {
  const touched: UserKey[] = []
  const refused: { user: UserKey; failure: Failure }[] = []
  const rules = await directoryRules(deps)
  const session = poolSession(deps.store.pool)
  const started = deps.now()
  let round = rules === undefined ? undefined : await takeUpRound(session, ROUND, everyMs, started)
  for (let page = 0; rules !== undefined && round?.position !== undefined && page < PAGES && deps.now() - started < RUN_MS; page += 1) {
    const users = await loadDirectoryPage(session, round.position, PAGE, directoryCategories, DIRECTORY_INSTANCE)
    for (const { user, entry, instances } of users) {
      const found = compareDirectory(entry, instances, rules.registry)
      refused.push(...found.refused.map((failure) => ({ user, failure })))
      if (found.publications.length === 0) continue
      if ((await transact(deps.store.pool, (tx) => publishDirectory(tx, user, rules, 'directory', deps.now()))).touched) touched.push(user)
    }
    const position = users.length < PAGE ? undefined : users.at(-1)?.user
    // Another node was at the same page, and goes on from there.
    if (!await moveRound(session, ROUND, round, position)) break
    round = { ...round, position }
  }
  return { touched, refused }
}

/** Where the server publishes nothing: should it be switched on again, everybody is looked at right away. */
export const forgetDirectoryRound = async (deps: Pick<DirectoryPublishDeps, 'store'>): Promise<void> => {
  await forgetRound(poolSession(deps.store.pool), ROUND)
}
