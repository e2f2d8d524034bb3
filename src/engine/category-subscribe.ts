import { failure } from '../core/base/failure.ts'
import { isPrivate, type CategoryRegistry } from '../core/categories/registry.ts'
import { writeBatch } from '../core/documents/batch.ts'
import type { Rejection } from '../core/documents/rlmi.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { viewOf, writeSeenState } from '../core/notifications/category.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { readBatchSubscribe, type BatchAction } from '../core/requests/batch-subscribe.ts'
import { accepts, mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { openDialog, renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { applyPlan, checkSingle, isBatch, planResources, type ResourcePlan } from '../core/subscriptions/resources.ts'
import { deleteDialogs, insertDialog, loadDialogs, refreshDialog } from '../store/dialogs.ts'
import { defer } from '../store/deferred.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import { isDuplicate } from '../store/errors.ts'
import { loadStates } from '../store/publisher.ts'
import { poolSession, transact, type Session, type Transaction } from '../store/session.ts'
import { deleteResources, loadResources, putResources } from '../store/subscriptions.ts'
import { lockPublisher } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps, type Relay } from './deps.ts'
import { Refused } from './refused.ts'
import { cancelDialog, lockOwnDialog } from './in-dialog.ts'
import { relayOutgoing } from './outgoing-subscribe.ts'
import { replaceDialogs } from './replace-dialogs.ts'
import { answerWithData } from './subscribe-answer.ts'
import { findWatchable } from './watchable.ts'

type Watched = ReadonlyMap<UserKey, readonly string[]>

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
const plan = async (registry: CategoryRegistry, call: Call, actions: readonly BatchAction[], batch: boolean, session: Session): Promise<ResourcePlan> => {
  const named = [...new Set(actions.flatMap(({ resources }) => resources.map(({ user }) => user)))]
  const { existing, refused } = await findWatchable(session, named, call.network)
  // A single SUBSCRIBE has no rejection list to say it in (3.4.5.3).
  if (!batch && !existing.has(call.request.toUser)) throw new Refused(failure('userNotFound'))
  if (!batch && refused.has(call.request.toUser)) throw new Refused(failure('incomingNotGranted'))
  return planResources(actions, existing, registry, refused)
}

/**
 * Reads the latest state of the publishers and writes what the subscriber sees of each, in a statement after the dialog was stored. What does not
 * fit into one message is owed to the dialog and told right after it.
 */
const answerWithViews = async (deps: EngineDeps, call: Call, dialog: Dialog, watched: Watched, rejections: readonly Rejection[]): Promise<Answer> => {
  const states = await loadStates(poolSession(deps.store.pool), [...watched.keys()], [...new Set([...watched.values()].flat())], deps.now())
  const watcher = { user: call.request.fromUser, network: call.network }
  const hidden = isPrivate(await deps.categories.registry())
  const documents: string[] = []
  const left: UserKey[] = []
  let bytes = 0
  for (const [publisher, categories] of watched) {
    const document = writeSeenState(viewOf(states(publisher), hidden), watcher, categories)
    const size = Buffer.byteLength(document)
    // A poll has no dialog in which the rest could be told.
    if (documents.length > 0 && bytes + size > deps.limits.maxAnswerBytes && dialog.expiresAt > call.now) {
      left.push(publisher)
      continue
    }
    documents.push(document)
    bytes += size
  }
  if (left.length > 0) {
    await transact(deps.store.pool, async (tx) => {
      void defer(tx, left.map((publisher) => ({ subscriber: dialog.subscriber, localTag: dialog.localTag, publisher, attempts: 0, dueAt: call.now })), 'did not fit into the answer')
    })
  }
  return answerWithData(call.request, dialog, writeBatch(call.request.fromUser, rejections, documents, deps.chance.boundary()), call.now)
}

interface Opened {
  readonly dialog: Dialog
  readonly watched: Watched
  readonly rejections: readonly Rejection[]
  readonly endings: Answer['notify']
}

const open = async (deps: EngineDeps, call: Call, actions: readonly BatchAction[]): Promise<Opened> => {
  const { request, arrival, network, now } = call
  const poll = readIntent(request) === 'poll'
  const registry = await deps.categories.registry()
  return transact(deps.store.pool, async (tx) => {
    // The subscriber's lock comes first: of several SUBSCRIBEs of one endpoint each sees the dialog of the one before. Subscribers of other
    // domains have nothing to lock; the unique identity of dialogs guards theirs.
    const [, planned, endpoints, dialogs] = await Promise.all([lockPublisher(tx, request.fromUser), plan(registry, call, actions, isBatch(request), tx), loadEndpoints(tx, request.fromUser), loadDialogs(tx, request.fromUser)])
    const endpoint = findEndpoint(request, endpoints.filter(({ expiresAt }) => expiresAt > now))
    // Only our own users register here; subscribers of other domains have no endpoint to show (3.4.5.1.3, 3.4.5.3).
    if (network === 'sameEnterprise' && endpoint === undefined && !poll) throw new Refused(failure('endpointNotRegistered'))
    const watched = applyPlan(NOTHING, planned, deps.limits)
    if ('name' in watched) throw new Refused(watched)
    const { rejections } = planned
    const same = dialogs.filter((dialog) => dialog.callId === request.callId && dialog.remoteTag === request.fromTag)
    const again = same.find((dialog) => dialog.kind !== 'self' && dialog.remoteCseq === request.cseq && dialog.expiresAt > now)
    if (again !== undefined) return { dialog: again, watched, rejections, endings: [] }
    const opened = openDialog(request, {
      kind: isBatch(request) ? 'batch' : 'single', localTag: deps.chance.tag(), endpointId: endpoint?.endpointId, path: pathOf(call), scope: [], since: 0, limits: deps.limits.subscriptionExpires, chance: deps.chance.fraction(),
    }, now)
    if (!opened.ok) throw new Refused(opened.failure)
    if (poll) return { dialog: opened.value, watched, rejections, endings: [] }
    // Each endpoint has one batch dialog (3.4.5.1.3); single ones, to the publishers of other deployments, may be many.
    const older = isBatch(request) && endpoint !== undefined ? dialogs.filter((dialog) => dialog.kind === 'batch' && dialog.endpointId === endpoint.endpointId && !same.includes(dialog)) : []
    const endings = await replaceDialogs(tx, older, arrival.proxy, now)
    await deleteDialogs(tx, same)
    void insertDialog(tx, opened.value)
    void putResources(tx, opened.value, network, [...watched].map(([publisher, categories]) => ({ publisher, categories })))
    return { dialog: opened.value, watched, rejections, endings }
  })
}

/**
 * Create and poll (3.4.5.1.3). The dialog is stored and committed first and the data read afterwards: a publish that the data does
 * not show was committed after the dialog, so that its fan-out finds the dialog. Nothing falls between.
 */
const create = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const actions = readActions(call, isBatch(call.request))
  // A SUBSCRIBE that loses against the very same one finds its dialog at the second try.
  const { dialog, watched, rejections, endings } = await open(deps, call, actions).catch((error: unknown) => {
    if (isDuplicate(error)) return open(deps, call, actions)
    throw error
  })
  const answer = await answerWithViews(deps, call, dialog, watched, rejections)
  return { ...answer, notify: [...answer.notify, ...endings] }
}

/** An endpoint that is no longer registered cannot go on watching (3.4.5.3). */
const expectRegistered = async (tx: Transaction, { subscriber, endpointId }: Dialog, { now }: Call): Promise<void> => {
  if (endpointId === undefined) return
  const endpoints = await loadEndpoints(tx, subscriber)
  if (!endpoints.some((endpoint) => endpoint.endpointId === endpointId && endpoint.expiresAt > now)) throw new Refused(failure('endpointNotRegistered'))
}

/** A refresh shows all that is watched: to a subscriber from outside only while it may watch it (3.4.5.3). */
const expectGranted = async (tx: Transaction, watched: Watched, { network }: Call): Promise<void> => {
  if (network === 'sameEnterprise') return
  const { refused } = await findWatchable(tx, [...watched.keys()], network)
  const [first] = refused
  if (first !== undefined) throw new Refused(failure('incomingNotGranted', first))
}

/**
 * Refresh (3.4.5.1.3): a body adds or removes and gets the data of what it adds; without one the dialog only lives on, and the answer shows
 * all it watches (RFC 6665 4.2.1.2), which heals whatever a lost BENOTIFY left stale.
 */
const refresh = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, network, now } = call
  const session = poolSession(deps.store.pool)
  // In a dialog its kind counts, not Require: clients refresh single ones with the option tags of a batch.
  const batch = (await loadDialogs(session, request.fromUser)).find(({ localTag }) => localTag === request.toTag)?.kind !== 'single'
  const planned = request.body.length === 0 ? undefined : await plan(await deps.categories.registry(), call, readActions(call, batch), batch, session)
  const { dialog, shown } = await transact(deps.store.pool, async (tx) => {
    const own = await lockOwnDialog(tx, call)
    await expectRegistered(tx, own, call)
    const before = new Map((await loadResources(tx, own)).map(({ publisher, categories }) => [publisher, categories] as const))
    if (planned === undefined) await expectGranted(tx, before, call)
    const after = planned === undefined ? before : applyPlan(before, planned, deps.limits)
    if ('name' in after) throw new Refused(after)
    const renewed = renewDialog(request, own, pathOf(call), [], deps.limits.subscriptionExpires, deps.chance.fraction(), now)
    if (!renewed.ok) throw new Refused(renewed.failure)
    void refreshDialog(tx, renewed.value)
    void putResources(tx, own, network, [...after].filter(([publisher, categories]) => before.get(publisher) !== categories || own.network !== network).map(([publisher, categories]) => ({ publisher, categories })))
    void deleteResources(tx, own, [...before.keys()].filter((publisher) => !after.has(publisher)))
    return { dialog: renewed.value, shown: planned?.subscribe ?? after }
  })
  return answerWithViews(deps, call, dialog, shown, planned?.rejections ?? [])
}

/** Processes a category SUBSCRIBE, batched or single, persistent or polling (3.4.5.1). */
export const handleCategorySubscribe = async (deps: EngineDeps, call: Call): Promise<Answer | Relay> => {
  const relayed = await relayOutgoing(deps, call)
  if (relayed !== undefined) return relayed
  if (!accepts(call.request.accept, mediaTypes.categories)) throw new Refused(failure('notAcceptable', `Accept must admit ${mediaTypes.categories}`))
  const intent = readIntent(call.request)
  return intent === 'cancel' ? cancelDialog(deps, call) : intent === 'refresh' ? refresh(deps, call) : create(deps, call)
}
