import { failure } from '../core/base/failure.ts'
import { ok, refuse, type Result } from '../core/base/result.ts'
import { toContainerActions, type MembershipChange } from '../core/containers/operator-change.ts'
import { decideSetContainerMembers } from '../core/containers/set-container-members.ts'
import type { Container, ContainerMember } from '../core/model/container.ts'
import { readSetContainerMembers } from '../core/requests/set-container-members.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { findAnswered, putAnswered } from '../store/answered.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { poolSession, transact } from '../store/session.ts'
import { loadContainers } from '../store/containers.ts'
import type { Answer, Call, EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'

const answer = (toTag: string, touched: Answer['touched']): Answer => ({ reply: { status: 200, reason: 'OK', toTag, headers: [], body: '' }, notify: [], touched })

/** What changing memberships needs of the engine. */
export type MembershipDeps = Pick<EngineDeps, 'store' | 'now' | 'memberDomains'> & { readonly limits: Pick<EngineDeps['limits'], 'maxContainerMembers'> }

/** Before any transaction, since a name service may take its time. */
const checkDomains = async (deps: MembershipDeps, added: readonly ContainerMember[]): Promise<void> => {
  const missing = await deps.memberDomains.findMissing(added.filter(({ type }) => type === 'domain').map(({ value }) => value))
  if (missing !== undefined) throw new Refused(failure('memberDomainUnknown', missing))
}

/** Carries out a setContainerMembers request (3.5.5) under the publisher's lock. */
export const handleSetContainerMembers = async (deps: EngineDeps, { request, arrival, now }: Call): Promise<Answer> => {
  const body = readSetContainerMembers(request.body)
  if (!body.ok) throw new Refused(body.failure)
  await checkDomains(deps, body.value.flatMap(({ actions }) => actions.flatMap(({ remove, member }) => (remove ? [] : [member]))))
  const publisher = request.fromUser
  const key = { publisher, callId: request.callId, cseq: request.cseq, fromTag: request.fromTag }
  return transact(deps.store.pool, async (tx) => {
    const [state, before] = await Promise.all([loadUnderLock(tx, publisher, { containers: true }), findAnswered(tx, key)])
    if (state === undefined) throw new Refused(failure('publisherNotFound'))
    if (before !== undefined) return answer(before, [])
    const decided = decideSetContainerMembers(body.value, state, deps.limits.maxContainerMembers)
    if (!decided.ok) throw new Refused(decided.failure)
    const toTag = deps.chance.tag()
    await applyOutcome(tx, publisher, decided.value, arrival.trace, now)
    void putAnswered(tx, key, toTag, now)
    return answer(toTag, [publisher])
  })
}

/** Changes memberships for a user, as its operator does: the same decision, versions and notifications. The containers as they are afterwards. */
export const setMembersForUser = async (deps: MembershipDeps, publisher: UserKey, changes: readonly MembershipChange[], trace: string): Promise<Result<readonly Container[]>> => {
  try {
    await checkDomains(deps, changes.flatMap(({ add }) => add))
    await transact(deps.store.pool, async (tx) => {
      const state = await loadUnderLock(tx, publisher, { containers: true })
      if (state === undefined) throw new Refused(failure('publisherNotFound'))
      const decided = decideSetContainerMembers(toContainerActions(changes, state.containers), state, deps.limits.maxContainerMembers)
      if (!decided.ok) throw new Refused(decided.failure)
      await applyOutcome(tx, publisher, decided.value, trace, deps.now())
    })
  } catch (error) {
    if (error instanceof Refused) return refuse(error.failure)
    throw error
  }
  return ok((await loadContainers(poolSession(deps.store.pool), [publisher])).get(publisher) ?? [])
}
