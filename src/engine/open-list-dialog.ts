import { failure } from '../core/base/failure.ts'
import type { Dialog, DialogKind } from '../core/model/dialog.ts'
import { findEndpoint } from '../core/registrations/register.ts'
import { openDialog } from '../core/subscriptions/dialog.ts'
import { readIntent, type Negotiated } from '../core/subscriptions/lifetime.ts'
import { deleteDialogs, insertDialog, loadDialogsOfRequest, loadOthersOfKind } from '../store/dialogs.ts'
import { loadEndpoints } from '../store/endpoints.ts'
import { isDuplicate } from '../store/errors.ts'
import { loadUserLimits, type UserLimits } from '../store/limits.ts'
import type { Transaction } from '../store/session.ts'
import { putResources, type Resource, type WatchFormat } from '../store/subscriptions.ts'
import { transactBeforeSending } from '../store/transact-numbering.ts'
import { lockPublisher } from '../store/users.ts'
import { pathOf, type Answer, type Call, type EngineDeps } from './deps.ts'
import { Refused } from './refused.ts'
import { mayWatchUnregistered } from './watchable.ts'
import { replaceDialogs } from './replace-dialogs.ts'

/** How one form of SUBSCRIBE opens a dialog on several publishers. */
export interface Opening<P, D extends { readonly resources: readonly Resource[] }> {
  readonly kind: DialogKind
  /** A newer dialog of this kind ends the older one of its endpoint. */
  readonly onePerEndpoint: boolean
  readonly format: WatchFormat
  /** Without it what the option tags say. */
  readonly negotiated?: Negotiated
  /** Reads what the decision needs. */
  readonly plan: (tx: Transaction) => Promise<P>
  /** What the dialog watches; refuses by throwing. */
  readonly decide: (planned: P, ownLimits: UserLimits) => D
  /** Writes what is kept of it besides. */
  readonly store?: (tx: Transaction, dialog: Dialog, decided: D) => void
}

export interface OpenedList<D> {
  readonly dialog: Dialog
  readonly decided: D
  /** Last notifications of the dialogs that this one replaces. */
  readonly endings: Answer['notify']
}

const open = <P, D extends { readonly resources: readonly Resource[] }>(deps: EngineDeps, call: Call, opening: Opening<P, D>): Promise<OpenedList<D>> => {
  const { request, arrival, network, now } = call
  const { kind, onePerEndpoint, format, negotiated } = opening
  const poll = readIntent(request) === 'poll'
  return transactBeforeSending(deps.store.pool, deps.sender, async (tx, settle) => {
    // The subscriber's lock comes first: of several SUBSCRIBEs of one endpoint each sees the dialog of the one before. Subscribers of other
    // domains have nothing to lock; the unique identity of dialogs guards theirs.
    const [, planned, ownLimits, endpoints, same, others] = await Promise.all([
      lockPublisher(tx, request.fromUser), opening.plan(tx), loadUserLimits(tx, request.fromUser), loadEndpoints(tx, request.fromUser),
      loadDialogsOfRequest(tx, request), onePerEndpoint || kind === 'list' ? loadOthersOfKind(tx, request, kind) : [],
    ])
    const endpoint = findEndpoint(request, endpoints.filter(({ expiresAt }) => expiresAt > now), kind === 'list' ? arrival : undefined)
    // Only our own users register here; subscribers of other domains have no endpoint to show (3.4.5.1.3, 3.4.5.3).
    if (network === 'sameEnterprise' && endpoint === undefined && !poll && !(kind === 'list' && mayWatchUnregistered(deps, call))) throw new Refused(failure('endpointNotRegistered'))
    const decided = opening.decide(planned, ownLimits)
    const again = same.find((dialog) => dialog.kind === kind && dialog.remoteCseq === request.cseq && dialog.expiresAt > now)
    if (again !== undefined) return { dialog: again, decided, endings: [] }
    const opened = openDialog(request, {
      kind, localTag: deps.chance.tag(), endpointId: endpoint?.endpointId, path: pathOf(call), scope: [], since: 0, limits: deps.limits.subscriptionExpires, chance: deps.chance.fraction(), sender: deps.sender.id(),
      ...(negotiated === undefined ? {} : { negotiated }),
    }, now)
    if (!opened.ok) throw new Refused(opened.failure)
    if (poll) return { dialog: opened.value, decided, endings: [] }
    // Whom a list does not watch counts no dialog (see findWatchedTooOften), and each list is kept whole.
    if (kind === 'list' && others.filter(({ expiresAt }) => expiresAt > now).length >= deps.limits.maxDialogsPerPair) throw new Refused(failure('dialogsExceeded', `at most ${deps.limits.maxDialogsPerPair} lists`))
    const older = endpoint === undefined || !onePerEndpoint ? [] : others.filter(({ endpointId }) => endpointId === endpoint.endpointId)
    const endings = await replaceDialogs(tx, older, arrival.proxy, deps.sender, settle, now)
    await deleteDialogs(tx, same.map((dialog) => ({ ...dialog, watcherEvent: 'deactivated' })), now)
    void insertDialog(tx, opened.value)
    void putResources(tx, opened.value, network, decided.resources, now, format)
    opening.store?.(tx, opened.value, decided)
    return { dialog: opened.value, decided, endings }
  })
}

/** Opens and stores the dialog of a SUBSCRIBE without To tag, with what it watches; for a poll one that is over and not stored, for the very same request again the one of the first time. */
export const openListDialog = <P, D extends { readonly resources: readonly Resource[] }>(deps: EngineDeps, call: Call, opening: Opening<P, D>): Promise<OpenedList<D>> =>
  // A SUBSCRIBE that loses against the very same one finds its dialog at the second try.
  open(deps, call, opening).catch((error: unknown) => {
    if (isDuplicate(error)) return open(deps, call, opening)
    throw error
  })
