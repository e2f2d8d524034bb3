import { failure, type FailureName } from '../core/base/failure.ts'
import type { Instant } from '../core/base/instant.ts'
import type { Dialog, DialogKind, SelfScope } from '../core/model/dialog.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { accepts } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { openDialog, renewDialog } from '../core/subscriptions/dialog.ts'
import { checkInDialog, readIntent } from '../core/subscriptions/lifetime.ts'
import { deleteDialogs, insertDialog, loadDialog, loadDialogs, refreshDialog } from '../store/dialogs.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import { loadUnderLock, lockForContacts } from '../store/publisher.ts'
import { poolSession, transact, type Session, type Transaction } from '../store/session.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { findExistingUsers } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { cancelDialog, lockOwnDialog } from './in-dialog.ts'
import { Refused } from './refused.ts'
import { replaceDialogs } from './replace-dialogs.ts'
import { answerWithData } from './subscribe-answer.ts'

/** A package by which a user watches something of its own. */
export interface OwnPackage {
  readonly kind: DialogKind
  readonly mediaType: string
  /** What is answered to whoever asks for that of another user (3.3.5.3 unless it says so). */
  readonly toAnother?: FailureName
  /** Seconds that a subscription without a wish lives, where its package says so. */
  readonly defaultExpires?: number
  /** What of it the request asks for; a refresh without a body keeps that. */
  readonly readScope: (call: Call) => readonly SelfScope[]
  /** What the request itself does before anything is read, under the publisher's lock; true when that has made a change, which the answer shows. Refuses by throwing. */
  readonly begin?: (tx: Transaction, call: Call) => Promise<boolean>
  /** What a new dialog leaves to be done. */
  readonly opened?: (tx: Transaction, dialog: Dialog, now: Instant) => Promise<unknown>
  /** Reads all that is shown; inside a transaction behind the publisher's lock. The document is written from it for a scope, and for the number under which it is sent. */
  readonly load: (session: Session, user: UserKey, now: Instant) => Promise<(scope: readonly SelfScope[], cseq: number) => string>
}

/** How long its subscriptions live; what a document gives as the default is granted whole. */
const lifeOf = ({ limits: { subscriptionExpires }, chance }: EngineDeps, { defaultExpires }: OwnPackage) =>
  (defaultExpires === undefined ? { limits: subscriptionExpires, chance: chance.fraction() } : { limits: { ...subscriptionExpires, default: Math.min(defaultExpires, subscriptionExpires.max) }, chance: 1 })

/**
 * Create and poll (3.3.5.1). The publisher's lock makes it exact: a change that is not in the answer comes after the lock, finds the
 * dialog stored, and is told in it. Who has no user services to rely on (survivable mode, MS-SIPREGE 3.1.1.5.1) is answered as by a poll.
 */
const create = (deps: EngineDeps, call: Call, own: OwnPackage): Promise<Answer> => {
  const { request, arrival, now } = call
  const scope = own.readScope(call)
  const answer = (dialog: Dialog, write: Awaited<ReturnType<OwnPackage['load']>>): Answer => answerWithData(request, dialog, { type: own.mediaType, text: write(dialog.scope, dialog.cseq) }, now)
  return transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const locked = loadUnderLock(tx, request.fromUser, { endpoints: true })
    const begun = own.begin?.(tx, call)
    const loaded = begun === undefined ? own.load(tx, request.fromUser, now) : begun.then(() => own.load(tx, request.fromUser, now))
    const [state, dialogs, write, changed] = await Promise.all([locked, loadDialogs(tx, request.fromUser), loaded, begun])
    if (state === undefined) throw new Refused(failure('userNotFound'))
    const endpoint = findEndpoint(request, state.endpoints.filter(({ expiresAt }) => expiresAt > now))
    const poll = readIntent(request) === 'poll' || arrival.survivable
    if (endpoint === undefined && !poll) throw new Refused(failure('endpointNotRegistered'))
    const same = dialogs.filter((dialog) => dialog.callId === request.callId && dialog.remoteTag === request.fromTag)
    const again = same.find((dialog) => dialog.kind === own.kind && dialog.remoteCseq === request.cseq && dialog.expiresAt > now)
    if (again !== undefined) return answer(again, write)
    const opened = openDialog(poll ? { ...request, expires: 0 } : request, {
      kind: own.kind, localTag: deps.chance.tag(), endpointId: endpoint?.endpointId, path: pathOf(call), scope, since: state.revision + (changed === true ? 1 : 0), ...lifeOf(deps, own), sender: deps.sender.id(),
    }, now)
    if (!opened.ok) throw new Refused(opened.failure)
    if (poll) return { ...answer(opened.value, write), touched: changed === true ? [request.fromUser] : [] }
    // One dialog per endpoint: the newest one stays, older ones are ended by a last notification (3.3.5.1).
    const endings = await replaceDialogs(tx, dialogs.filter((dialog) => dialog.kind === own.kind && dialog.endpointId === endpoint?.endpointId && !same.includes(dialog)), arrival.proxy, deps.sender, settle, now)
    await deleteDialogs(tx, same, now)
    void insertDialog(tx, opened.value)
    void own.opened?.(tx, opened.value, now)
    const answered = answer(opened.value, write)
    return { ...answered, notify: [...answered.notify, ...endings], touched: changed === true ? [request.fromUser] : [] }
  })
}

/** What a refresh does by itself: of a living dialog, and before that is locked, because publishers are locked before dialogs. */
const beginRefresh = (deps: EngineDeps, call: Call, begin: NonNullable<OwnPackage['begin']>): Promise<boolean> =>
  transact(deps.store.pool, async (tx) => {
    const { request, now } = call
    const [known, dialog] = await Promise.all([lockForContacts(tx, request.fromUser), loadDialog(tx, { subscriber: request.fromUser, localTag: request.toTag ?? '' })])
    const refused = known ? checkInDialog(request, dialog, now) : failure('userNotFound')
    if (refused !== undefined) throw new Refused(refused)
    return begin(tx, call)
  })

/**
 * Refresh (3.3.5.1): a body replaces the scope, without one it stays; the answer carries all data of the scope either way. The data is read
 * behind the numbering and without the publisher's lock: what changes later is told in the dialog anyway, and a dialog that waits
 * for its proxy must not hold up its user's publications.
 */
const refresh = async (deps: EngineDeps, call: Call, own: OwnPackage): Promise<Answer> => {
  const { request, now } = call
  const { begin } = own
  const scope = request.body.length > 0 ? own.readScope(call) : undefined
  const changed = begin !== undefined && await beginRefresh(deps, call, begin)
  const renewed = await transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    const [dialog, endpoints] = await Promise.all([lockOwnDialog(tx, settle, deps, call), loadEndpoints(tx, request.fromUser)])
    if (!endpoints.some(({ endpointId, expiresAt }) => endpointId === dialog.endpointId && expiresAt > now)) throw new Refused(failure('endpointNotRegistered'))
    const { limits, chance } = lifeOf(deps, own)
    const next = renewDialog(request, dialog, pathOf(call), scope ?? dialog.scope, limits, chance, now)
    if (!next.ok) throw new Refused(next.failure)
    void refreshDialog(tx, next.value)
    return next.value
  })
  const write = await own.load(poolSession(deps.store.pool), request.fromUser, deps.now())
  return { ...answerWithData(request, renewed, { type: own.mediaType, text: write(renewed.scope, renewed.cseq) }, now), touched: changed ? [request.fromUser] : [] }
}

/** Whoever asks for something of its own asks itself (3.3.5.3): 400 where To is another user, 404 where it is none. */
export const expectOwn = async (deps: EngineDeps, { request }: Call, toAnother: FailureName = 'selfToAnother'): Promise<void> => {
  if (request.fromUser === request.toUser) return
  const known = await findExistingUsers(poolSession(deps.store.pool), [request.toUser])
  throw new Refused(failure(known.has(request.toUser) ? toAnother : 'userNotFound'))
}

/** 406 when Accept does not admit what the answer carries. */
export const expectAccept = ({ request }: Call, mediaType: string): void => {
  if (!accepts(request.accept, mediaType)) throw new Refused(failure('notAcceptable', `Accept must admit ${mediaType}`))
}

/** Processes a SUBSCRIBE to a package of the subscriber's own. */
export const subscribeOwn = async (deps: EngineDeps, call: Call, own: OwnPackage): Promise<Answer> => {
  await expectOwn(deps, call, own.toAnother)
  expectAccept(call, own.mediaType)
  const intent = readIntent(call.request)
  return intent === 'cancel' ? cancelDialog(deps, call) : intent === 'refresh' ? refresh(deps, call, own) : create(deps, call, own)
}
