import type { Instant } from '../core/base/instant.ts'
import { isTouched } from '../core/model/touch.ts'
import { decideCleanup } from '../core/publications/expire.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { forgetAnswered } from '../store/answered.ts'
import { expireDialogs, lockDialogs } from '../store/dialogs.ts'
import { findUsersWithExpiredEndpoints } from '../store/endpoints.ts'
import { findPublishersWithExpiredInstances } from '../store/instances.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { findToldDialogs, forgetPastWatchers, giveUpWaiting } from '../store/watchers.ts'
import type { EngineDeps } from './deps.ts'
import { endExpiredEndpoints } from './registration.ts'

/** How many users one round of a timer deals with at most; the next round goes on. */
const BATCH = 200

/** Longer than any SIP retransmission lives (RFC 3261 17.1.2.2: 64 * T1 = 32 s). */
const ANSWERED_LIFE_MS = 64_000

/** The publication cleanup timer (3.2.6.1); returns the publishers whose changes are to be told. Any node may run it. */
export const cleanUpPublications = async (deps: EngineDeps): Promise<readonly UserKey[]> => {
  const now = deps.now()
  const touched: UserKey[] = []
  for (const publisher of await findPublishersWithExpiredInstances(poolSession(deps.store.pool), now, BATCH)) {
    const told = await transact(deps.store.pool, async (tx) => {
      const state = await loadUnderLock(tx, publisher, { instances: 'all', endpoints: true })
      if (state === undefined) return false
      const outcome = decideCleanup(deps.plan, state, now)
      await applyOutcome(tx, publisher, outcome, 'cleanup', now)
      return isTouched(outcome.touch)
    })
    if (told) touched.push(publisher)
  }
  return touched
}

/** Ends registrations whose end the proxy never told (3.2.5.5). `spare` is asked first: it may lengthen those that the proxy knows better. */
export const cleanUpEndpoints = async (deps: EngineDeps, spare: (users: readonly UserKey[], now: Instant) => Promise<void> = async () => undefined): Promise<readonly UserKey[]> => {
  const now = deps.now()
  const touched: UserKey[] = []
  const seen = new Set<UserKey>()
  // On and on while whole batches are found: thousands may leave at once, with a proxy or a network.
  for (let users: readonly UserKey[] = Array.from({ length: BATCH }, () => ''); users.length === BATCH;) {
    users = (await findUsersWithExpiredEndpoints(poolSession(deps.store.pool), now, BATCH)).filter((user) => !seen.has(user))
    if (users.length > 0) await spare(users, now)
    for (const user of users) {
      seen.add(user)
      touched.push(...await endExpiredEndpoints(deps, user, now, 'expiry'))
    }
  }
  return touched
}

/** Forgets the answers of requests that can no longer be repeated. */
export const cleanUpAnswered = async (deps: EngineDeps): Promise<void> => {
  await forgetAnswered(poolSession(deps.store.pool), deps.now() - ANSWERED_LIFE_MS)
}

/** Nobody is told any more who watches, since that was switched off: dialogs that were there before end, as they could be neither refreshed nor cancelled. */
const endTelling = async ({ store }: Pick<EngineDeps, 'store'>, now: Instant): Promise<void> => {
  for (let found = BATCH; found === BATCH;) {
    const told = await findToldDialogs(poolSession(store.pool), now, BATCH)
    found = told.length
    if (found > 0) await transact(store.pool, async (tx) => { void expireDialogs(tx, await lockDialogs(tx, told, now), now, 'noresource') })
  }
}

/** Gives up watchers who have waited long enough for a word, and forgets those whose end has been told. Where nobody is told who watches, nobody needs to wait. */
export const cleanUpWatchers = async ({ store, now, limits, features }: Pick<EngineDeps, 'store' | 'now' | 'limits' | 'features'>): Promise<void> => {
  const at = now()
  await giveUpWaiting(poolSession(store.pool), at - (features.watcherInfo ? limits.watcherWait * 1000 : 0), at)
  await forgetPastWatchers(poolSession(store.pool), at)
  if (!features.watcherInfo) await endTelling({ store }, at)
}
