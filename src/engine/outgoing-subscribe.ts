import { failure } from '../core/base/failure.ts'
import { networkOfKind, type DomainKind } from '../core/model/network.ts'
import { grants } from '../core/model/rights.ts'
import type { SipRequest } from '../core/sip/request.ts'
import { parseSipUri, userKey } from '../core/sip/uri.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { asksForList } from '../core/subscriptions/adhoc-list.ts'
import { isBatch } from '../core/subscriptions/resources.ts'
import { loadDialog } from '../store/dialogs.ts'
import { loadRights } from '../store/rights.ts'
import { poolSession } from '../store/session.ts'
import type { Call, EngineDeps, Relay } from './deps.ts'
import { Refused } from './refused.ts'

/**
 * The kind of the domain to which a proxy would carry it, where that is not To's: outside of a dialog the Request-URI decides (RFC 3261 16.5), and
 * must not lead where To may not. In a dialog it is an address that the other side gave.
 */
const kindOfTarget = async ({ domains }: EngineDeps, { requestUri, toTag }: SipRequest): Promise<DomainKind | undefined> => {
  if (toTag !== undefined) return undefined
  const uri = parseSipUri(requestUri)
  if (!uri.ok) throw new Refused(uri.failure)
  const kind = await domains.kindOf(userKey(uri.value))
  return kind === 'enterprise' ? undefined : kind
}

/**
 * A category SUBSCRIBE of one of our users to a user of another deployment: the proxy relays it if the user has the right, and it is refused
 * otherwise (3.4.5.3). Undefined when it is for this server. What To and its body ask for is judged there.
 */
export const relayOutgoing = async (deps: EngineDeps, { request, network }: Call): Promise<Relay | undefined> => {
  const { fromUser, toUser, toTag } = request
  // Lists of either kind are for this server alone; in a dialog its kind counts, not Require: clients refresh single ones with the option tags of a batch.
  if (network !== 'sameEnterprise' || (toTag === undefined && (isBatch(request) || (deps.features.adhocLists && asksForList(request))))) return undefined
  const kind = await deps.domains.kindOf(toUser)
  if (kind === 'enterprise') return undefined
  const session = poolSession(deps.store.pool)
  const rights = await loadRights(session, [fromUser, toUser])
  const own = rights.get(fromUser)
  // A user of a domain that another node has just made ours is here already.
  if (own === undefined || rights.has(toUser)) return undefined
  if (toTag !== undefined && await loadDialog(session, { subscriber: fromUser, localTag: toTag }) !== undefined) return undefined
  for (const one of new Set([kind, await kindOfTarget(deps, request) ?? kind])) {
    const destination = networkOfKind(one)
    if (destination === undefined) throw new Refused(failure('destinationBlocked'))
    // Ending what was begun needs no right.
    if (readIntent(request) !== 'cancel' && !grants(own.effective, 'outgoing', destination)) throw new Refused(failure('outgoingNotGranted'))
  }
  return { relay: true }
}
