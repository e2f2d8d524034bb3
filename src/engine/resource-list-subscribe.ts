import { failure } from '../core/base/failure.ts'
import { presenceCategories } from '../core/notifications/presence.ts'
import type { Dialog } from '../core/model/dialog.ts'
import type { DialogList, ListEntry, ResourceList, WatchedEntry } from '../core/model/resource-list.ts'
import { readResourceLists } from '../core/requests/resource-lists.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { renewDialog } from '../core/subscriptions/dialog.ts'
import { readIntent } from '../core/subscriptions/lifetime.ts'
import { negotiatePresence } from '../core/subscriptions/presence-format.ts'
import { checkListBody, checkResourceListSubscribe, maySubscribe, planEntries, watchedUsers } from '../core/subscriptions/resource-list.ts'
import { loadDialogList, putDialogList } from '../store/dialog-lists.ts'
import { deleteDialogs, refreshDialog } from '../store/dialogs.ts'
import { loadUserLimits } from '../store/limits.ts'
import { findServedList } from '../store/resource-lists.ts'
import { poolSession } from '../store/session.ts'
import { deleteResources, loadResources, putResources, type Resource } from '../store/subscriptions.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { answerWithEventList } from './event-list-answer.ts'
import { expectRegistered, lockOwnDialog } from './in-dialog.ts'
import { prepareListRefusals } from './list-refusals.ts'
import { openListDialog } from './open-list-dialog.ts'
import { Refused } from './refused.ts'
import { watchEntries } from './watch-entries.ts'

/** A list as a SUBSCRIBE asks for it: who is on it, not yet who can be watched. */
type Asked = Omit<DialogList, 'entries'> & { readonly entries: readonly ListEntry[] }

/** The list that the request carries; its URI is that to which the request goes, whatever that is (RFC 4662 5.2). */
const readList = ({ request }: Call, uri: UserKey): Asked => {
  const list = readResourceLists(request.body)
  if (!list.ok) throw new Refused(list.failure)
  return { uri, revision: undefined, ...list.value }
}

const carriesList = ({ request: { body, contentType } }: Call): boolean => body.length > 0 && contentType === mediaTypes.resourceLists

const expectBody = ({ request }: Call, mayBringList: boolean): void => {
  const refused = checkListBody(request, mayBringList)
  if (refused !== undefined) throw new Refused(refused)
}

/** A stored list, for those who may subscribe to it (RFC 4662 4.4). */
const askFor = ({ request, network }: Call, { uri, name, revision, entries, ...list }: ResourceList): Asked => {
  if (!maySubscribe(list, request.fromUser, network)) throw new Refused(failure('listNotGranted'))
  return { uri, name, revision, entries }
}

export const resourcesOf = (users: readonly UserKey[]): readonly Resource[] => users.map((publisher) => ({ publisher, categories: presenceCategories }))

const planOrRefuse = (entries: readonly ListEntry[], refusals: ReadonlyMap<UserKey, string>, most: number): readonly WatchedEntry[] => {
  const planned = planEntries(entries, refusals, most)
  if ('name' in planned) throw new Refused(planned)
  return planned
}

/** Create and poll. The dialog is stored first and the states are read afterwards, so that no change falls between. */
const create = async (deps: EngineDeps, call: Call, stored: ResourceList | undefined): Promise<Answer> => {
  const { request, network, now } = call
  expectBody(call, stored === undefined)
  const asked = stored === undefined ? readList(call, request.toUser) : askFor(call, stored)
  const { dialog, decided: { list } } = await openListDialog(deps, call, {
    kind: 'list', onePerEndpoint: false, format: 'pidf', negotiated: negotiatePresence(request, 'pidf', network), plan: await prepareListRefusals(deps, call, asked.entries),
    decide: (refusals, { maxResourcesPerDialog = deps.limits.maxResourcesPerDialog }) => {
      const entries = planOrRefuse(asked.entries, refusals, maxResourcesPerDialog)
      return { list: { ...asked, entries }, resources: resourcesOf(watchedUsers(entries)) }
    },
    store: (tx, opened, decided) => { void putDialogList(tx, opened, decided.list) },
  })
  // A poll leaves nothing behind.
  const begun = await watchEntries(deps, call, dialog, list, dialog.expiresAt > now ? watchedUsers(list.entries) : [])
  return { ...await answerWithEventList(deps, call, dialog, begun.list), touched: begun.touched }
}

/** What a refresh asks for: the list that it brings, or that of the dialog, which for a stored list is what is stored now. */
const findAsked = async (deps: EngineDeps, call: Call, own: DialogList): Promise<Asked> => {
  expectBody(call, own.revision === undefined)
  if (own.revision === undefined) return carriesList(call) ? readList(call, own.uri) : own
  const stored = await findServedList(poolSession(deps.store.pool), own.uri)
  if (stored === undefined) throw new Refused(failure('userNotFound'))
  return askFor(call, stored)
}

/** Refresh: with a body the list is replaced, without one it stays (RFC 5367 4.2); either way all of it is told (RFC 4662 5.2), and who could not be watched before may be now. */
const refresh = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { request, network, now } = call
  const session = poolSession(deps.store.pool)
  const known = await loadDialogList(session, { subscriber: request.fromUser, localTag: request.toTag ?? '' })
  if (known === undefined) throw new Refused(failure('dialogUnknown'))
  const asked = await findAsked(deps, call, known)
  const refusals = await (await prepareListRefusals(deps, call, asked.entries))(session)
  const looked = new Set(asked.entries.map(({ user }) => user))
  const refreshed = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    await expectRegistered(tx, deps, own, call)
    const [resources, current, stored, { maxResourcesPerDialog = deps.limits.maxResourcesPerDialog }] = await Promise.all([loadResources(tx, own), loadDialogList(tx, own), asked.revision === undefined ? undefined : findServedList(tx, asked.uri), loadUserLimits(tx, own.subscriber)])
    if (stored?.revision !== asked.revision) return undefined
    // A list that stays is the one that stands behind the lock; whoever came onto it meanwhile was looked at by those who put it there.
    const stays = asked.revision === undefined && !carriesList(call)
    const base: Asked = stays && current !== undefined ? current : asked
    const since = stays ? (current?.entries ?? []).flatMap(({ user, refused }) => (looked.has(user) || refused === undefined ? [] : [[user, refused] as const])) : []
    const entries = planOrRefuse(base.entries, new Map([...refusals, ...since]), maxResourcesPerDialog)
    const renewed = renewDialog(request, own, pathOf(call), [], deps.limits.subscriptionExpires, deps.chance.fraction(), now, negotiatePresence(request, 'pidf', network))
    if (!renewed.ok) throw new Refused(renewed.failure)
    const [before, after] = [new Set(resources.map(({ publisher }) => publisher)), new Set(watchedUsers(entries))]
    const planned: DialogList = { uri: base.uri, name: base.name, revision: base.revision, entries }
    void refreshDialog(tx, renewed.value)
    void putResources(tx, own, network, resourcesOf([...after].filter((user) => !before.has(user) || own.network !== network)), now, 'pidf')
    void deleteResources(tx, own, [...before].filter((user) => !after.has(user)), now)
    void putDialogList(tx, own, planned)
    return { dialog: renewed.value, list: planned, added: [...after].filter((user) => !before.has(user)) }
  })
  // The operator has changed the list since it was read.
  if (refreshed === undefined) return refresh(deps, call)
  const { dialog, list, added } = refreshed
  const begun = await watchEntries(deps, call, dialog, list, added)
  return { ...await answerWithEventList(deps, call, dialog, begun.list), touched: begun.touched }
}

/** Cancel: the dialog ends with all that it watches, and its last NOTIFY is as full as every one that answers a SUBSCRIBE (RFC 4662 5.2). */
const cancel = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const { dialog, list } = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const own = await lockOwnDialog(tx, settle, deps, call)
    const last = await loadDialogList(tx, own)
    await deleteDialogs(tx, [own], call.now)
    const ended: Dialog = { ...own, cseq: own.cseq + 1, expiresAt: call.now }
    return { dialog: ended, list: last ?? { uri: call.request.toUser, name: undefined, revision: undefined, entries: [] } }
  })
  return answerWithEventList(deps, call, dialog, list)
}

/** Processes a SUBSCRIBE to a list of resources (RFC 4662, RFC 5367), outside of a dialog to the stored one that is given or the one that it carries, or inside of a dialog of such a list. */
export const handleResourceListSubscribe = async (deps: EngineDeps, call: Call, stored?: ResourceList): Promise<Answer> => {
  const intent = readIntent(call.request)
  if (intent === 'cancel') return cancel(deps, call)
  const refused = checkResourceListSubscribe(call.request)
  if (refused !== undefined) throw new Refused(refused)
  return intent === 'refresh' ? refresh(deps, call) : create(deps, call, stored)
}

/** Lists have been switched off since the dialog began: it ends. */
export const refuseResourceList = async (deps: EngineDeps, call: Call): Promise<Answer> => {
  const ended = await cancel(deps, call)
  if (readIntent(call.request) === 'cancel') return ended
  throw new Refused(failure('dialogUnknown'))
}
