import { failure } from '../core/base/failure.ts'
import type { CategoryRegistry } from '../core/categories/registry.ts'
import type { Rejection } from '../core/documents/rlmi.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { readBatchSubscribe, type BatchAction } from '../core/requests/batch-subscribe.ts'
import { accepts, mediaTypes } from '../core/sip/media-types.ts'
import { renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { applyPlan, checkSingle, isBatch, planResources, type ResourcePlan } from '../core/subscriptions/resources.ts'
import { deleteDialogs, loadDialog, refreshDialog } from '../store/dialogs.ts'
import { loadUserLimits } from '../store/limits.ts'
import { poolSession, transact, type Session } from '../store/session.ts'
import { deleteResources, loadResources, putResources } from '../store/subscriptions.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { answerWithViews, type Watched } from './category-answer.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { openListDialog } from './open-list-dialog.ts'
import { Refused } from './refused.ts'
import { cancelDialog, expectRegistered, lockOwnDialog } from './in-dialog.ts'
import { recordContexts, rejectionsOf } from './record-contexts.ts'
import { expectGranted, findUnwatchable, noAccessLists } from './watchable.ts'

const NOTHING: Watched = new Map()

const readActions = ({ request }: Call, batch: boolean): readonly BatchAction[] => {
  if (request.body.length > 0 && request.contentType !== mediaTypes.batchSubscribe) {
    throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.batchSubscribe]] })
  }
  const actions = readBatchSubscribe(request.body)
  if (!actions.ok) throw new Refused(actions.failure)
  if (batch) {
    if (request.fromUser !== request.toUser) throw new Refused(failure('fromIsNotTo'))
  } else {
    const refused = checkSingle(request, actions.value)
    if (refused !== undefined) throw new Refused(refused)
  }
  return actions.value
}

// The registry is handed in: asking for it may need a connection of its own, which there is none of inside a transaction on the embedded database.
const plan = async (deps: EngineDeps, registry: CategoryRegistry, call: Call, actions: readonly BatchAction[], batch: boolean, session: Session): Promise<ResourcePlan> => {
  const named = [...new Set(actions.flatMap(({ resources }) => resources.map(({ user }) => user)))]
  const unwatchable = await findUnwatchable(session, named, call, deps.limits, noAccessLists)
  // A single SUBSCRIBE has no rejection list to say it in (3.4.5.3).
  const refused = batch ? undefined : unwatchable.get(call.request.toUser)
  if (refused !== undefined) throw new Refused(failure(refused.failure))
  return planResources(actions, unwatchable, registry)
}

/** Enters the subscriber where it asks for that, and answers. Those who take no more are not watched either (3.6.5.3). */
const answerRecorded = async (deps: EngineDeps, call: Call, actions: readonly BatchAction[], dialog: Dialog, watched: Watched, rejections: readonly Rejection[]): Promise<Answer> => {
  // A poll leaves nothing behind (3.4.5.1.3).
  const recorded = dialog.expiresAt > call.now ? await recordContexts(deps, call, actions, new Set(watched.keys())) : undefined
  const [refused] = recorded?.refused.values() ?? []
  if (recorded === undefined || refused === undefined) return { ...await answerWithViews(deps, call, dialog, watched, rejections), touched: recorded?.touched ?? [] }
  if (dialog.kind === 'single') {
    // A refresh that is refused leaves its subscription alive (RFC 6665 4.1.2.2).
    if (call.request.toTag === undefined) await transact(deps.store.pool, (tx) => deleteDialogs(tx, [{ ...dialog, watcherEvent: 'rejected' }], deps.now()))
    throw new Refused(refused)
  }
  await transact(deps.store.pool, async (tx) => { void deleteResources(tx, dialog, [...recorded.refused.keys()], deps.now()) })
  const left = new Map([...watched].filter(([publisher]) => !recorded.refused.has(publisher)))
  return { ...await answerWithViews(deps, call, dialog, left, [...rejections, ...rejectionsOf(recorded)]), touched: recorded.touched }
}

/**
 * Create and poll (3.4.5.1.3). The dialog is stored and committed first and the data read afterwards: a publish that the data does
 * not show was committed after the dialog, so that its fan-out finds the dialog. Nothing falls between.
 */
const create = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const batch = isBatch(call.request)
  const actions = readActions(call, batch)
  const registry = await deps.categories.registry()
  const { dialog, decided: { watched, rejections }, endings } = await openListDialog(deps, call, {
    // Each endpoint has one batch dialog (3.4.5.1.3); single ones, to the publishers of other deployments, may be many.
    kind: batch ? 'batch' : 'single', onePerEndpoint: batch, format: 'categories',
    plan: (tx) => plan(deps, registry, call, actions, batch, tx),
    decide: (planned, ownLimits) => {
      const found = applyPlan(NOTHING, planned, { ...deps.limits, ...ownLimits })
      if ('name' in found) throw new Refused(found)
      return { watched: found, rejections: planned.rejections, resources: [...found].map(([publisher, categories]) => ({ publisher, categories })) }
    },
  })
  const answer = await answerRecorded(deps, call, actions, dialog, watched, rejections)
  return { ...answer, notify: [...answer.notify, ...endings] }
}

/**
 * Refresh (3.4.5.1.3): a body adds or removes and gets the data of what it adds; without one the dialog only lives on, and the answer shows
 * all it watches (RFC 6665 4.2.1.2), which heals whatever a lost BENOTIFY left stale.
 */
const refresh = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, network, now } = call
  const session = poolSession(deps.store.pool)
  // In a dialog its kind counts, not Require: clients refresh single ones with the option tags of a batch.
  const batch = (await loadDialog(session, { subscriber: request.fromUser, localTag: request.toTag ?? '' }))?.kind !== 'single'
  const actions = request.body.length === 0 ? [] : readActions(call, batch)
  const planned = request.body.length === 0 ? undefined : await plan(deps, await deps.categories.registry(), call, actions, batch, session)
  const { dialog, shown } = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    await expectRegistered(tx, deps, own, call)
    const [resources, ownLimits] = await Promise.all([loadResources(tx, own), loadUserLimits(tx, own.subscriber)])
    const before = new Map(resources.map(({ publisher, categories }) => [publisher, categories] as const))
    if (planned === undefined) await expectGranted(tx, [...before.keys()], network)
    const after = planned === undefined ? before : applyPlan(before, planned, { ...deps.limits, ...ownLimits })
    if ('name' in after) throw new Refused(after)
    const renewed = renewDialog(request, own, pathOf(call), [], deps.limits.subscriptionExpires, deps.chance.fraction(), now)
    if (!renewed.ok) throw new Refused(renewed.failure)
    void refreshDialog(tx, renewed.value)
    void putResources(tx, own, network, [...after].filter(([publisher, categories]) => before.get(publisher) !== categories || own.network !== network).map(([publisher, categories]) => ({ publisher, categories })), now)
    void deleteResources(tx, own, [...before.keys()].filter((publisher) => !after.has(publisher)), now)
    return { dialog: renewed.value, shown: planned?.subscribe ?? after }
  })
  return answerRecorded(deps, call, actions, dialog, shown, planned?.rejections ?? [])
}

/** Processes a category SUBSCRIBE, batched or single, persistent or polling (3.4.5.1). */
export const handleCategorySubscribe = (deps: EngineDeps, call: Call): Promise<Answer> => {
  if (!accepts(call.request.accept, mediaTypes.categories)) throw new Refused(failure('notAcceptable', `Accept must admit ${mediaTypes.categories}`))
  const intent = readIntent(call.request)
  return intent === 'cancel' ? cancelDialog(deps, call) : intent === 'refresh' ? refresh(deps, call) : create(deps, call)
}
