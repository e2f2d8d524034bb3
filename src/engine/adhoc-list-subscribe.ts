import { failure } from '../core/base/failure.ts'
import { rejectionOf } from '../core/subscribers/record-subscriber.ts'
import type { InstanceState } from '../core/documents/rlmi.ts'
import type { Dialog } from '../core/model/dialog.ts'
import { presenceCategories } from '../core/notifications/presence.ts'
import { readAdhocList, type AdhocList } from '../core/requests/adhoc-list.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { checkListSubscribe, instanceOf, planList, type ListPlan } from '../core/subscriptions/adhoc-list.ts'
import { renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { negotiatePresence } from '../core/subscriptions/presence-format.ts'
import { refreshDialog } from '../store/dialogs.ts'
import { loadUserLimits } from '../store/limits.ts'
import { poolSession, transact, type Session } from '../store/session.ts'
import { deleteResources, loadResources, putResources, type Resource } from '../store/subscriptions.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { answerWithList } from './adhoc-list-answer.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { cancelDialog, expectRegistered, lockOwnDialog } from './in-dialog.ts'
import { openListDialog } from './open-list-dialog.ts'
import { recordWatcher } from './record-contexts.ts'
import { Refused } from './refused.ts'
import { regardResources } from './regard-resources.ts'
import { expectGranted, findAccess, findUnwatchable } from './watchable.ts'

const readList = ({ request }: Call): AdhocList => {
  if (request.body.length > 0 && request.contentType !== mediaTypes.adhocList) throw new Refused({ ...failure('mediaTypeUnknown', request.contentType), headers: [['Accept', mediaTypes.adhocList]] })
  const list = readAdhocList(request.body)
  if (!list.ok) throw new Refused(list.failure)
  if (list.value.action !== 'create' && request.toTag === undefined) throw new Refused(failure('listActionMisplaced', list.value.action))
  if (request.fromUser !== request.toUser) throw new Refused(failure('fromIsNotTo'))
  return list.value
}

/** Says in a session who of those to be watched cannot be, and how the list tells it. The domains are asked for beforehand: that may need a connection of its own. */
const prepareRefusals = async (deps: EngineDeps, call: Call, { action, users }: AdhocList): Promise<(session: Session) => Promise<ReadonlyMap<UserKey, InstanceState>>> => {
  if (action === 'delete') return async () => new Map()
  const kinds = new Map(await Promise.all(users.map(async (user) => [user, await deps.domains.kindOf(user)] as const)))
  return async (session) => new Map([...await findUnwatchable(session, users, call, deps.limits, findAccess(session, users, call, deps.features))].map(([user, unwatchable]) => [user, instanceOf(unwatchable, kinds.get(user) ?? 'enterprise')]))
}

const resourcesOf = (users: readonly UserKey[]): readonly Resource[] => users.map((publisher) => ({ publisher, categories: presenceCategories }))

const orRefuse = (planned: ReturnType<typeof planList>): ListPlan => {
  if ('name' in planned) throw new Refused(planned)
  return planned
}

/** Enters the watcher with those that it has begun to watch, and answers. Those who take no more are not watched either (3.7.5.3). */
const answerRecorded = async (deps: EngineDeps, call: Call, dialog: Dialog, { listed, fullState }: ListPlan): Promise<Answer> => {
  const active = [...listed].flatMap(([user, { state }]) => (state === 'active' ? [user] : []))
  // A poll leaves nothing behind, and a refresh begins nothing.
  const { touched, refused } = await recordWatcher(deps, call, dialog.expiresAt > call.now && call.request.body.length > 0 ? active : [])
  if (refused.size > 0) await transact(deps.store.pool, async (tx) => { void deleteResources(tx, dialog, [...refused.keys()], deps.now()) })
  const shown = new Map([...listed].map(([user, instance]) => {
    const full = refused.get(user)
    return [user, full === undefined ? instance : instanceOf({ failure: full.name, rejection: rejectionOf(user, full) }, 'enterprise')] as const
  }))
  // What a refresh shows was written to the edges before.
  const begun = dialog.expiresAt > call.now && call.request.body.length > 0 ? active.filter((user) => !refused.has(user)) : []
  const regarded = await regardResources(deps, call, dialog, begun)
  const access = begun.length > 0 ? regarded.access : await findAccess(poolSession(deps.store.pool), active, call, deps.features)
  return { ...await answerWithList(deps, call, dialog, shown, access, fullState), touched: [...touched, ...regarded.touched] }
}

/** Create and poll. As for category batches the dialog is stored first and the data read afterwards, so that no change falls between. */
const create = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, network } = call
  const list = readList(call)
  const findRefusals = await prepareRefusals(deps, call, list)
  const { dialog, decided, endings } = await openListDialog(deps, call, {
    kind: 'adrl', onePerEndpoint: true, format: 'msrtc', negotiated: negotiatePresence(request, 'msrtc', network), plan: findRefusals,
    decide: (refused, { maxResourcesPerDialog = deps.limits.maxResourcesPerDialog }) => {
      const planned = orRefuse(planList([], list, refused, maxResourcesPerDialog))
      return { planned, resources: resourcesOf(planned.watched) }
    },
  })
  const answer = await answerRecorded(deps, call, dialog, decided.planned)
  return { ...answer, notify: [...answer.notify, ...endings] }
}

/**
 * In the dialog: with a body the list is changed, and the answer tells of what that names; without one it lives on, and the answer tells of all (RFC 6665 4.2.1.2),
 * which heals whatever a lost BENOTIFY left stale.
 */
const change = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, network, now } = call
  const list = request.body.length === 0 ? undefined : readList(call)
  const refused = list === undefined ? new Map<UserKey, InstanceState>() : await (await prepareRefusals(deps, call, list))(poolSession(deps.store.pool))
  const { dialog, planned } = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    await expectRegistered(tx, deps, own, call)
    const [resources, { maxResourcesPerDialog = deps.limits.maxResourcesPerDialog }] = await Promise.all([loadResources(tx, own), loadUserLimits(tx, own.subscriber)])
    const before = new Set(resources.map(({ publisher }) => publisher))
    if (list === undefined) await expectGranted(tx, [...before], network)
    const found = orRefuse(planList([...before], list, refused, maxResourcesPerDialog))
    const renewed = renewDialog(request, own, pathOf(call), [], deps.limits.subscriptionExpires, deps.chance.fraction(), now, negotiatePresence(request, 'msrtc', network))
    if (!renewed.ok) throw new Refused(renewed.failure)
    const after = new Set(found.watched)
    void refreshDialog(tx, renewed.value)
    void putResources(tx, own, network, resourcesOf(found.watched.filter((user) => !before.has(user) || own.network !== network)), now, 'msrtc')
    void deleteResources(tx, own, [...before].filter((user) => !after.has(user)), now)
    return { dialog: renewed.value, planned: found }
  })
  return answerRecorded(deps, call, dialog, planned)
}

/** Processes a SUBSCRIBE to a list of presentities of a client before enhanced presence (MS-SIP 3.3): create, poll, add, delete, refresh, end. */
export const handleListSubscribe = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const intent = readIntent(call.request)
  if (intent === 'cancel') return cancelDialog(deps, call, negotiatePresence(call.request, 'msrtc', call.network))
  const refused = checkListSubscribe(call.request)
  if (refused !== undefined) throw new Refused(refused)
  return intent === 'refresh' ? change(deps, call) : create(deps, call)
}

/** Lists have been switched off since the dialog began: it ends, and its client subscribes one by one. */
export const refuseList = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const ended = await cancelDialog(deps, call, negotiatePresence(call.request, 'msrtc', call.network))
  if (readIntent(call.request) === 'cancel') return ended
  throw new Refused(failure('dialogUnknown'))
}
