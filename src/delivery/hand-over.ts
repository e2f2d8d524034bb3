import type { ToldEntry } from '../core/documents/event-list.ts'
import { tellsResources, type Dialog, type NotifyInstruction } from '../core/model/dialog.ts'
import type { SourceNetwork } from '../core/model/network.ts'
import type { DialogList } from '../core/model/resource-list.ts'
import { writeInstruction, type Notice } from '../core/notifications/instruction.ts'
import { instanceOfNotice, noticeIn } from '../core/notifications/listed-notice.ts'
import { fitEntries, tellEntry, writeListNotice } from '../core/notifications/list-notice.ts'
import type { PresenceTerms } from '../core/notifications/presence.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { Log } from '../observe/log.ts'
import { loadDialogLists } from '../store/dialog-lists.ts'
import { deleteDialogs, type DialogRef } from '../store/dialogs.ts'
import { findLivingEndpoints } from '../store/endpoints.ts'
import type { KnownPublishers } from '../store/known-publishers.ts'
import { takeNumbers } from '../store/numbering.ts'
import type { Sender } from '../store/sender.ts'
import type { Transaction } from '../store/session.ts'
import { backoffMs } from './backoff.ts'
import type { Patience, Proxies } from './proxies.ts'
import type { DeliveryResult } from './proxy-client.ts'
import type { Slots } from './slots.ts'

/** A notice for one dialog about one publisher, with the change that it tells and what came of earlier attempts. */
export interface Due extends DialogRef {
  readonly publisher: UserKey
  readonly notice: Notice
  /** The network for which the notice is written; undefined for what is the subscriber's own. */
  readonly network?: SourceNetwork
  /** Of a dialog on a list the whole of it (RFC 4662 4.5), in place of a notice; it is about the URI of the list. */
  readonly whole?: readonly ToldEntry[]
  readonly attempts: number
  /** When it was first tried; undefined for what has not been. */
  readonly since?: number
  readonly trace: string
}

/** What a hand-over came to, for metrics. */
export interface HandOverCount {
  readonly sent: number
  readonly gone: number
  readonly deferred: number
}

export interface HandOverDeps {
  readonly proxies: Proxies
  readonly sender: Sender
  readonly known: KnownPublishers
  /** How publishers are seen by others; asked for before a transaction begins. */
  readonly terms: () => Promise<PresenceTerms>
  /** Contact lists may be kept in a store elsewhere, and say so. */
  readonly contactStore: boolean
  readonly now: () => number
  readonly fraction: () => number
  /** Bytes of one notification of a list; what does not fit in comes in the next one. */
  readonly maxListBytes: number
  /** How long a dialog whose connection is gone waits for the next one of its endpoint, in milliseconds. */
  readonly flowWaitMs: number
  /** Least time between two changes that an ordinary phone is told of a user, in milliseconds (RFC 3856 6.10); 0 tells each at once, but to those who ask for fewer. */
  readonly gapMs: number
  /** How patiently a proxy is waited for inside of a transaction: with the one connection of the embedded database everybody waits along. */
  readonly patience: Patience
  /** Bounds the hand-overs, each with a connection of its own, that are under way at the same time. */
  readonly slots: Slots
  /** Resolves after a time, or when it is told that nobody waits any more. */
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<undefined>
  readonly log: Log
}

/** What came of one notice. */
export interface Sent<D extends Due> {
  readonly due: D
  readonly dialog: Dialog
  readonly result: DeliveryResult
  readonly trouble: string | undefined
  /** The list, by its URI, in whose notification it was. When that was lost its version is missing to the client, which takes the whole list without asking for it (RFC 4662 5.6). */
  readonly list?: UserKey
}

/** Notices that are numbered and handed over in one transaction at most: bounds what is in memory, how long the event loop is busy with one publisher's watchers, and how long dialogs stay locked. */
export const PORTION = 1_000

export const refText = ({ subscriber, localTag }: DialogRef): string => `${subscriber}\n${localTag}`

/** A dialog and the publisher that something is about. */
export const edgeText = (about: DialogRef & { readonly publisher: UserKey }): string => `${about.publisher}\n${refText(about)}`

/** The dialogs of what is due, each once. */
export const distinct = (dues: readonly Due[]): readonly DialogRef[] => [...new Map(dues.map((due) => [refText(due), due])).values()]

export const portionsOf = <T>(items: readonly T[]): readonly (readonly T[])[] => Array.from({ length: Math.ceil(items.length / PORTION) }, (_, at) => items.slice(at * PORTION, (at + 1) * PORTION))

interface Addressed<D extends Due> {
  /** One, but for lists of ordinary phones. */
  readonly dues: readonly D[]
  readonly dialog: Dialog
  readonly instruction: NotifyInstruction
}

const isMisplaced = ({ network }: Due, dialog: Dialog): boolean => network !== undefined && network !== dialog.network

/** How many of these a list tells by a document of its own. */
const countStates = (dues: readonly Due[]): number => dues.filter(({ notice }) => instanceOfNotice(notice) !== undefined).length

/** All that is due to a dialog on a list of an ordinary phone, in one notification: the whole list, or what has changed of it and fits in. Of who is not on the list any more nothing is told. */
const addressList = <D extends Due>(dialog: Dialog, list: DialogList, dues: readonly D[], maxBytes: number, now: number): Addressed<D> => {
  const instructionFor = (entries: readonly ToldEntry[], fullState: boolean): NotifyInstruction => writeInstruction(dialog, { body: writeListNotice(dialog, list, entries, fullState) }, now)
  const whole = dues.find((due) => due.whole !== undefined)?.whole
  if (whole !== undefined) return { dues, dialog, instruction: instructionFor(whole, true) }
  const entryOf = new Map(list.entries.map((entry) => [entry.user, entry]))
  const { told, left } = fitEntries(dues.flatMap(({ publisher, notice }) => {
    const entry = entryOf.get(publisher)
    return entry === undefined ? [] : [tellEntry(entry, notice)]
  }), maxBytes)
  return { dues: dues.filter(({ publisher }) => !left.has(publisher)), dialog, instruction: instructionFor(told.filter(({ user }) => !left.has(user)), false) }
}

/** Numbers and addresses notices, grouped by the proxy that carries the dialog; those of ended dialogs fall away. */
const address = <D extends Due>(dialogs: readonly Dialog[], byDialog: ReadonlyMap<string, readonly D[]>, lists: ReadonlyMap<string, DialogList>, maxListBytes: number, now: number): ReadonlyMap<string, readonly Addressed<D>[]> => {
  const perProxy = new Map<string, Addressed<D>[]>()
  const add = (addressed: Addressed<D>): void => {
    const list = perProxy.get(addressed.dialog.proxy)
    if (list === undefined) perProxy.set(addressed.dialog.proxy, [addressed])
    else list.push(addressed)
  }
  for (const dialog of dialogs) {
    const dues = (byDialog.get(refText(dialog)) ?? []).filter((due) => !isMisplaced(due, dialog))
    const list = dialog.kind === 'list' ? lists.get(refText(dialog)) : undefined
    if (list !== undefined) {
      if (dues.length > 0) add(addressList(dialog, list, dues, maxListBytes, now))
      continue
    }
    for (const [at, due] of dues.entries()) {
      // The row holds the last of the reserved numbers.
      const numbered = { ...dialog, cseq: dialog.cseq - (dues.length - 1 - at), rlmiVersion: dialog.rlmiVersion - countStates(dues.slice(at + 1)) }
      add({ dues: [due], dialog: numbered, instruction: writeInstruction(numbered, noticeIn(numbered, due.publisher, due.notice), now) })
    }
  }
  return perProxy
}

/**
 * Sends notices, as one sender, in dialogs that the transaction has locked and said to use: takes their numbers and hands them to the proxies. The locks last until
 * the transaction ends, so that order per dialog holds across nodes and a crash repeats instead of losing. Those of ended dialogs are missing from the answer.
 */
export const send = async <D extends Due>(tx: Transaction, deps: HandOverDeps, dues: readonly D[], patience: Patience, sender: string): Promise<readonly Sent<D>[]> => {
  const byDialog = new Map<string, D[]>()
  for (const due of dues) {
    const list = byDialog.get(refText(due))
    if (list === undefined) byDialog.set(refText(due), [due])
    else list.push(due)
  }
  const sent: Sent<D>[] = []
  const verbose = deps.log.isLevelEnabled('debug')
  const refs = [...byDialog.values()].flatMap((list) => list.slice(-1).map(({ subscriber, localTag, trace }) => ({ subscriber, localTag, trace, count: list.length, lists: countStates(list) })))
  const dialogs = await takeNumbers(tx, refs, sender, deps.now())
  // Who has come to another network since the notice was written must see what is shown there.
  for (const dialog of dialogs) for (const due of byDialog.get(refText(dialog)) ?? []) if (isMisplaced(due, dialog)) sent.push({ due, dialog, result: 'unreached', trouble: 'its network has changed' })
  const listed = dialogs.filter(({ kind }) => kind === 'list')
  const lists = new Map<string, DialogList>(listed.length === 0 ? [] : (await loadDialogLists(tx, listed)).map((list) => [refText(list), list]))
  await Promise.all([...address(dialogs, byDialog, lists, deps.maxListBytes, deps.now())].map(async ([proxy, addressed]) => {
    const { results, trouble } = await deps.proxies.handOver(proxy, addressed.map(({ instruction }) => instruction), patience)
    for (const [at, { dues: told, dialog }] of addressed.entries()) {
      const result = results[at] ?? 'unreached'
      const list = lists.get(refText(dialog))
      for (const due of told) {
        sent.push({ due, dialog, result, trouble, ...(list === undefined ? {} : { list: list.uri }) })
        if (verbose) deps.log.debug({ trace: due.trace, publisher: due.publisher, subscriber: due.subscriber, localTag: due.localTag, cseq: dialog.cseq, proxy, result }, 'notified')
      }
    }
  }))
  // What did not fit into the notification of its list is told in the next one.
  const done = new Set(listed.length === 0 ? [] : sent.map(({ due }) => due))
  for (const dialog of listed) for (const due of byDialog.get(refText(dialog)) ?? []) if (!done.has(due)) sent.push({ due, dialog, result: 'unreached', trouble: 'it did not fit into the notification' })
  return sent
}

/** How often something is tried that the proxy refuses to send; then the dialog ends, and its client subscribes anew. */
const FAILED_ATTEMPTS = 12

/** What could not be sent, and is to be tried again at a time. */
export interface Later<D extends Due> {
  readonly due: D
  readonly attempts: number
  readonly since: number
  readonly dueAt: number
  readonly reason: string
}

/** What a hand-over leaves to be done. */
export interface Sorted<D extends Due> {
  readonly done: readonly D[]
  readonly later: readonly Later<D>[]
}

/**
 * What to do about what was not sent. What a proxy did not take is its own trouble, and waits for it. A connection that is gone: a registered endpoint is expected back on
 * a new one, which its next REGISTER tells us, and its dialogs wait for that a while; all others end, and so do dialogs that cannot be told again and again.
 */
export const sortOut = async <D extends Due>(tx: Transaction, deps: HandOverDeps, sent: readonly Sent<D>[]): Promise<Sorted<D>> => {
  const now = deps.now()
  const endpointsGone = sent.flatMap(({ result, dialog: { subscriber, endpointId } }) => (result === 'gone' && endpointId !== undefined ? [{ user: subscriber, endpointId }] : []))
  const living = endpointsGone.length === 0 ? new Set<string>() : await findLivingEndpoints(tx, endpointsGone, now)
  const done: D[] = []
  const later: Later<D>[] = []
  for (const { due, dialog, result, trouble } of sent) {
    const since = due.since ?? now
    const again = { due, attempts: due.attempts + 1, since, dueAt: now + backoffMs(due.attempts, deps.fraction()) }
    if (result === 'sent') done.push(due)
    else if (result === 'unreached') later.push({ ...again, attempts: due.attempts, dueAt: now, reason: trouble ?? 'the proxy did not take it' })
    else if (result === 'failed' && due.attempts < FAILED_ATTEMPTS) later.push({ ...again, reason: 'the proxy could not send it' })
    else if (result === 'gone' && now - since < deps.flowWaitMs && living.has(`${dialog.subscriber} ${dialog.endpointId}`)) later.push({ ...again, reason: 'the connection is gone' })
  }
  return { done, later }
}

/** Ends the dialogs of whatever is neither done nor tried again, and those that were told their end, which in a list is only that of one resource; counts. */
export const endLost = async <D extends Due>(tx: Transaction, deps: Pick<HandOverDeps, 'now'>, sent: readonly Sent<D>[], { done, later }: Sorted<D>): Promise<HandOverCount> => {
  const settled = new Set<D>([...done, ...later.map(({ due }) => due)])
  const lost = sent.filter(({ due }) => !settled.has(due)).map(({ due }) => due)
  const told = new Set(done)
  const ended = sent.filter(({ due, dialog }) => told.has(due) && due.notice.terminated !== undefined && !tellsResources(dialog.kind)).map(({ due }) => due)
  await deleteDialogs(tx, distinct([...lost, ...ended]), deps.now())
  // What a list was told together is one notification.
  const listed = sent.flatMap(({ due, dialog }) => (dialog.kind === 'list' && told.has(due) ? [due] : []))
  return { sent: done.length - listed.length + distinct(listed).length, gone: lost.length, deferred: later.length }
}
