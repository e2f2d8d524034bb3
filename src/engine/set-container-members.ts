import { followContainers } from '../core/access-lists/change-access.ts'
import { failure } from '../core/base/failure.ts'
import { ok, refuse, type Result } from '../core/base/result.ts'
import { toContainerActions, type MembershipChange } from '../core/containers/operator-change.ts'
import { decideSetContainerMembers } from '../core/containers/set-container-members.ts'
import type { Container, ContainerMember } from '../core/model/container.ts'
import type { Outcome } from '../core/model/outcome.ts'
import type { PublisherState } from '../core/model/publisher.ts'
import { readSetContainerMembers, type ContainerActions } from '../core/requests/set-container-members.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { applyOutcome, loadUnderLock, type Needs } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { loadContainers } from '../store/containers.ts'
import { changeOwn } from './change-own.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

/** What changing memberships needs of the engine. */
export type MembershipDeps = Pick<EngineDeps, 'store' | 'now' | 'memberDomains' | 'features'> & { readonly limits: Pick<EngineDeps['limits'], 'maxContainerMembers'> }

/** Before any transaction, since a name service may take its time. */
const checkDomains = async (deps: MembershipDeps, added: readonly ContainerMember[]): Promise<void> => {
  const missing = await deps.memberDomains.findMissing(added.filter(({ type }) => type === 'domain').map(({ value }) => value))
  if (missing !== undefined) throw new Refused(failure('memberDomainUnknown', missing))
}

const needsOf = ({ features }: Pick<EngineDeps, 'features'>): Needs => ({ containers: true, ...(features.accessLists ? { access: true } : {}) })

/** The access list follows, where there is any (see core/access-lists/container-mapping.ts). */
const decide = ({ limits, features }: Pick<MembershipDeps, 'limits' | 'features'>, actions: readonly ContainerActions[], state: PublisherState): Result<Outcome> => {
  const decided = decideSetContainerMembers(actions, state, limits.maxContainerMembers)
  return decided.ok && features.accessLists ? ok(followContainers(state, decided.value)) : decided
}

/** Carries out a setContainerMembers request (3.5.5) under the publisher's lock. */
export const handleSetContainerMembers = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const body = readSetContainerMembers(call.request.body)
  if (!body.ok) throw new Refused(body.failure)
  await checkDomains(deps, body.value.flatMap(({ actions }) => actions.flatMap(({ remove, member }) => (remove ? [] : [member]))))
  return changeOwn(deps, call, { needs: needsOf(deps), decide: (state) => decide(deps, body.value, state) })
}

/** Changes memberships for a user, as its operator does: the same decision, versions and notifications. The containers as they are afterwards. */
export const setMembersForUser = async (deps: MembershipDeps, publisher: UserKey, changes: readonly MembershipChange[], trace: string): Promise<Result<readonly Container[]>> => {
  try {
    await checkDomains(deps, changes.flatMap(({ add }) => add))
    await transact(deps.store.pool, async (tx) => {
      const state = await loadUnderLock(tx, publisher, needsOf(deps))
      if (state === undefined) throw new Refused(failure('publisherNotFound'))
      const decided = decide(deps, toContainerActions(changes, state.containers), state)
      if (!decided.ok) throw new Refused(decided.failure)
      await applyOutcome(tx, publisher, decided.value, trace, deps.now())
    })
  } catch (error) {
    if (error instanceof Refused) return refuse(error.failure)
    throw error
  }
  return ok((await loadContainers(poolSession(deps.store.pool), [publisher])).get(publisher) ?? [])
}
