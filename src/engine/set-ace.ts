import { failure } from '../core/base/failure.ts'
import { ok, refuse, type Result } from '../core/base/result.ts'
import { decideReplaceAccess, decideSetAce, type AccessTerms } from '../core/access-lists/change-access.ts'
import type { Ace, AccessList } from '../core/model/access-list.ts'
import { networkOfKind } from '../core/model/network.ts'
import { readSetAce } from '../core/requests/set-ace.ts'
import type { SoapRequest } from '../core/requests/soap.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { loadAccessList } from '../store/access-lists.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { changeOwn } from './change-own.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** What changing access lists needs of the engine. */
export type AccessDeps = Pick<EngineDeps, 'store' | 'now' | 'domains'> & { readonly limits: Pick<EngineDeps['limits'], 'maxAccessEntries' | 'maxContainerMembers'> }

/** Before any transaction: the domain table may have to be read. Users of blocked domains get no further than their domain, whatever container they are in. */
const termsOf = async ({ domains, limits }: AccessDeps): Promise<AccessTerms> => {
  const kindOf = await domains.kinds()
  return { maxAccessEntries: limits.maxAccessEntries, maxContainerMembers: limits.maxContainerMembers, networkOf: (user) => networkOfKind(kindOf(user)) ?? 'federated' }
}

const NEEDS = { containers: true, access: true } as const

/** Carries out a setACE request on the sender's access list (MS-SIP 3.7, 4.10), inside a dialog or outside of any. */
export const handleSetAce = async (deps: EngineDeps, call: Call, soap: SoapRequest): Promise<Answer> => {
  const request = readSetAce(soap)
  if (!request.ok) throw new Refused(request.failure)
  const terms = await termsOf(deps)
  return changeOwn(deps, call, { needs: NEEDS, decide: (state) => decideSetAce(request.value, state, terms) })
}

/** Replaces a user's access list as a whole, as its operator wishes; where the operator names the number that it has seen, only if it is still that one. The list afterwards. */
export const replaceAccessForUser = async (deps: AccessDeps, user: UserKey, entries: readonly Ace[], deltaNum: number | undefined, trace: string): Promise<Result<AccessList>> => {
  const terms = await termsOf(deps)
  const refused = await transact(deps.store.pool, async (tx) => {
    const state = await loadUnderLock(tx, user, NEEDS)
    if (state === undefined) return refuse(failure('publisherNotFound'))
    const decided = decideReplaceAccess(entries, deltaNum, state, terms)
    if (decided.ok) await applyOutcome(tx, user, decided.value, trace, deps.now())
    return decided.ok ? undefined : decided
  })
  return refused ?? ok(await loadAccessList(poolSession(deps.store.pool), user))
}
