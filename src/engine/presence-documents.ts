import { presenceCategories, presenceViewOf, writePresenceState, type PresenceBody, type PresenceWatcher } from '../core/notifications/presence.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadStates } from '../store/publisher.ts'
import { poolSession } from '../store/session.ts'
import { loadLinked } from '../store/users.ts'
import type { EngineDeps } from './deps.ts'

/** Reads the latest state of some publishers; the answer writes what a watcher sees of one of them, in its format (3.7.5.4, 3.7.5.5). Must be asked behind the commit of what it is to watch. */
export const loadPresenceDocuments = async (deps: EngineDeps, publishers: readonly UserKey[], watcher: PresenceWatcher): Promise<(publisher: UserKey) => PresenceBody> => {
  const session = poolSession(deps.store.pool)
  const [states, linked, terms] = await Promise.all([loadStates(session, publishers, presenceCategories, deps.now()), loadLinked(session, publishers), deps.presenceTerms()])
  return (publisher) => {
    const own = { ...terms, linked: linked.get(publisher) }
    return writePresenceState(presenceViewOf(states(publisher), own), watcher, own)
  }
}
