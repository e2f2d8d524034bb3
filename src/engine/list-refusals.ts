import type { ListEntry } from '../core/model/resource-list.ts'
import { refusalOf } from '../core/subscriptions/resource-list.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Session } from '../store/session.ts'
import type { Asking, EngineDeps } from './deps.ts'
import { findAccess, findUnwatchable } from './watchable.ts'

/** Says in a session who on a list cannot be watched, and why (RFC 4662 5.5). The domains are asked for beforehand: that may need a connection of its own. */
export const prepareListRefusals = async (deps: Pick<EngineDeps, 'domains' | 'limits' | 'features'>, asking: Asking, entries: readonly ListEntry[]): Promise<(session: Session) => Promise<ReadonlyMap<UserKey, string>>> => {
  const users = entries.map(({ user }) => user)
  const kinds = new Map(await Promise.all(users.map(async (user) => [user, await deps.domains.kindOf(user)] as const)))
  return async (session) => new Map([...await findUnwatchable(session, users, asking, deps.limits, findAccess(session, users, asking, deps.features))].map(([user, unwatchable]) =>
    [user, refusalOf(unwatchable, kinds.get(user) ?? 'enterprise')]))
}
