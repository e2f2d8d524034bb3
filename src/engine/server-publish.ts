import { failure, type Failure } from '../core/base/failure.ts'
import { ok, refuse, type Result } from '../core/base/result.ts'
import type { InstanceKey } from '../core/model/publication.ts'
import { isTouched } from '../core/model/touch.ts'
import { decideServerPublish, decideServerRemove, type ServerPublication } from '../core/publications/server-publish.ts'
import { categoriesToRead } from '../core/publications/with-aggregates.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { applyOutcome, loadUnderLock } from '../store/publisher.ts'
import { transact } from '../store/session.ts'
import type { EngineDeps } from './deps.ts'

/** What publishing for a user needs of the engine. */
export type ServerPublishDeps = Pick<EngineDeps, 'store' | 'categories' | 'plan' | 'now'>

/** Publishes for a user, as the server or its operator does (3.2.6.2, 3.2.5.7); true when something changed and must be told. */
export const publishForUser = async (deps: ServerPublishDeps, publisher: UserKey, publications: readonly ServerPublication[], trace: string): Promise<Result<boolean>> => {
  const registry = await deps.categories.registry()
  const now = deps.now()
  return transact(deps.store.pool, async (tx): Promise<Result<boolean>> => {
    const state = await loadUnderLock(tx, publisher, { instances: categoriesToRead(deps.plan, publications.map(({ category }) => category)), endpoints: true })
    if (state === undefined) return refuse(failure('publisherNotFound'))
    const decided = decideServerPublish(publications, state, registry, deps.plan, now)
    if (!decided.ok) return decided
    await applyOutcome(tx, publisher, decided.value, trace, now)
    return ok(isTouched(decided.value.touch))
  })
}

/** Deletes an instance as the operator; undefined when it is not there. */
export const removeForUser = (deps: ServerPublishDeps, publisher: UserKey, key: InstanceKey, trace: string): Promise<Failure | boolean> =>
  transact(deps.store.pool, async (tx) => {
    const state = await loadUnderLock(tx, publisher, { instances: categoriesToRead(deps.plan, [key.category]), endpoints: true })
    if (state === undefined) return failure('publisherNotFound')
    const now = deps.now()
    const outcome = decideServerRemove([key], state, deps.plan, now)
    await applyOutcome(tx, publisher, outcome, trace, now)
    return isTouched(outcome.touch)
  })
