import type { AccessLetter } from '../core/model/access-list.ts'
import type { Notice } from '../core/notifications/instruction.ts'
import { presenceReads, presenceViewOf, type PresenceTerms, type PresenceView, type PresenceWatcher } from '../core/notifications/presence.ts'
import { presenceNotice } from '../core/notifications/watched-presence.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadPresenceTerms } from '../store/presence-beside.ts'
import { loadStates } from '../store/publisher.ts'
import { poolSession } from '../store/session.ts'
import type { EngineDeps } from './deps.ts'

type DocumentDeps = Pick<EngineDeps, 'store' | 'now' | 'presenceTerms'>

/** A publisher as presence watchers see it now, with the terms to write its documents by. */
export interface PresenceNow {
  readonly view: PresenceView
  readonly terms: PresenceTerms
}

/** Publishers as presence watchers see them now (3.7.5.4, 3.7.5.5). */
export const loadPresence = async (deps: DocumentDeps, publishers: readonly UserKey[]): Promise<(publisher: UserKey) => PresenceNow> => {
  const session = poolSession(deps.store.pool)
  const shared = await deps.presenceTerms()
  const [states, termsOf] = await Promise.all([loadStates(session, publishers, presenceReads, deps.now()), loadPresenceTerms(session, publishers, shared)])
  return (publisher) => {
    const terms = termsOf(publisher)
    return { terms, view: presenceViewOf(states(publisher), terms) }
  }
}

/**
 * Reads the latest state of some publishers; the answer writes what a watcher is told of one of them, in its format (3.7.5.4, 3.7.5.5) and by what that one's access list decides.
 * Must be asked behind the commit of what it is to watch.
 */
export const loadPresenceNotices = async (deps: DocumentDeps, publishers: readonly UserKey[], watcher: PresenceWatcher): Promise<(publisher: UserKey, access: AccessLetter) => Notice> => {
  const presenceOf = await loadPresence(deps, publishers)
  return (publisher, access) => {
    const { view, terms } = presenceOf(publisher)
    return presenceNotice(view, watcher, access, terms)
  }
}
