import { ownDialogKinds, type Dialog, type DialogKind, type EndReason, type SelfScope } from '../core/model/dialog.ts'
import type { SourceNetwork } from '../core/model/network.ts'
import type { WatcherEvent } from '../core/model/watcher.ts'
import type { EndpointId } from '../core/sip/endpoint-id.ts'
import type { SipRequest } from '../core/sip/request.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { endEdges } from './end-edges.ts'
import { DIALOG_WAIT_MS, limitLockWait, statement, type Session, type Statement, type Transaction } from './session.ts'

/** What identifies a dialog row. */
export interface DialogRef {
  readonly subscriber: UserKey
  readonly localTag: string
}

/** A row of dialog. */
export interface DialogRow {
  readonly subscriber: string
  readonly local_tag: string
  readonly remote_tag: string
  readonly call_id: string
  readonly kind: DialogKind
  readonly event: string
  readonly endpoint_id: string | null
  readonly network: SourceNetwork
  readonly network_named: boolean
  readonly local_text: string
  readonly remote_text: string
  readonly target: string
  readonly routes: readonly string[]
  readonly proxy: string
  readonly flow: string
  readonly contact: string
  readonly benotify: boolean
  readonly cseq: number
  readonly remote_cseq: number
  readonly notified_at: number
  readonly scope: readonly SelfScope[]
  readonly since: number
  readonly created_at: number
  readonly expires_at: number
  readonly end_reason: EndReason | null
  readonly extend_ms: number
  readonly ucs: boolean
  readonly sender: string
  readonly rlmi_version: number
}

export const readDialog = (row: DialogRow): Dialog => ({
  subscriber: row.subscriber, localTag: row.local_tag, remoteTag: row.remote_tag, callId: row.call_id, kind: row.kind, event: row.event,
  endpointId: row.endpoint_id ?? undefined, network: row.network, networkNamed: row.network_named, localText: row.local_text, remoteText: row.remote_text, target: row.target,
  routes: row.routes, proxy: row.proxy, flow: row.flow, contact: row.contact, benotify: row.benotify, cseq: row.cseq,
  remoteCseq: row.remote_cseq, notifiedAt: row.notified_at, scope: row.scope, since: row.since, createdAt: row.created_at, expiresAt: row.expires_at, extendMs: row.extend_ms, sender: row.sender, rlmiVersion: row.rlmi_version, ucs: row.ucs,
})

const rowsOf = async (session: Session, sql: Statement, values: readonly unknown[]): Promise<readonly Dialog[]> => (await session.send<DialogRow>(sql, values)).map(readDialog)

const INSERT = statement('dialog-insert', `
  INSERT INTO dialog (subscriber, local_tag, remote_tag, call_id, kind, event, endpoint_id, network, local_text, remote_text, target, routes, proxy, flow,
    contact, benotify, cseq, remote_cseq, notified_at, scope, since, created_at, expires_at, network_named, extend_ms, sender, rlmi_version, ucs)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)`)

export const insertDialog = (tx: Transaction, d: Dialog): Promise<unknown> =>
  tx.send(INSERT, [
    d.subscriber, d.localTag, d.remoteTag, d.callId, d.kind, d.event, d.endpointId ?? null, d.network, d.localText, d.remoteText, d.target, [...d.routes], d.proxy,
    d.flow, d.contact, d.benotify, d.cseq, d.remoteCseq, d.notifiedAt, [...d.scope], d.since, d.createdAt, d.expiresAt, d.networkNamed, d.extendMs, d.sender, d.rlmiVersion, d.ucs,
  ])

const OF_SUBSCRIBER = statement('dialogs-of', 'SELECT * FROM dialog WHERE subscriber = $1')

/** All dialogs of a subscriber, expired ones included. */
export const loadDialogs = (session: Session, subscriber: UserKey): Promise<readonly Dialog[]> => rowsOf(session, OF_SUBSCRIBER, [subscriber])

const ONE = statement('dialog-get', 'SELECT * FROM dialog WHERE subscriber = $1 AND local_tag = $2')

/** One dialog, expired or not; a subscriber may have very many. */
export const loadDialog = async (session: Session, { subscriber, localTag }: DialogRef): Promise<Dialog | undefined> => (await rowsOf(session, ONE, [subscriber, localTag]))[0]

const OF_REQUEST = statement('dialogs-of-request', 'SELECT * FROM dialog WHERE subscriber = $1 AND call_id = $2 AND remote_tag = $3')
const OF_KIND = statement('dialogs-of-kind', 'SELECT * FROM dialog WHERE subscriber = $1 AND kind = $4 AND NOT (call_id = $2 AND remote_tag = $3)')

/** What a SUBSCRIBE may meet: the dialog of the very same request. */
export const loadDialogsOfRequest = (session: Session, { fromUser, callId, fromTag }: SipRequest): Promise<readonly Dialog[]> => rowsOf(session, OF_REQUEST, [fromUser, callId, fromTag])

/** What a SUBSCRIBE to a list may replace: all other dialogs of its subscriber of that kind. */
export const loadOthersOfKind = (session: Session, { fromUser, callId, fromTag }: SipRequest, kind: DialogKind): Promise<readonly Dialog[]> => rowsOf(session, OF_KIND, [fromUser, callId, fromTag, kind])

const LOCK = statement('dialog-lock', 'SELECT * FROM dialog WHERE subscriber = $1 AND local_tag = $2 FOR UPDATE')

/** Locks one dialog: nobody else numbers a notification in it until the transaction ends. Does not wait for it long (see isLockTimeout). */
export const lockDialog = async (tx: Transaction, { subscriber, localTag }: DialogRef): Promise<Dialog | undefined> => {
  void limitLockWait(tx, DIALOG_WAIT_MS)
  return (await rowsOf(tx, LOCK, [subscriber, localTag]))[0]
}

// Sent before the dialog is written: its row still says where it was.
const MOVE_DEBTS = statement('dialog-move-debts', `
  UPDATE deferred SET proxy = $3, due_at = least(due_at, $5) FROM dialog
  WHERE deferred.subscriber = $1 AND deferred.local_tag = $2 AND dialog.subscriber = $1 AND dialog.local_tag = $2 AND (dialog.proxy <> $3 OR dialog.flow <> $4)`)
const REFRESH = statement('dialog-refresh', `
  UPDATE dialog SET cseq = $3, remote_cseq = $4, scope = $5, target = $6, routes = $7, proxy = $8, flow = $9, contact = $10, benotify = $11, expires_at = $12, network = $13, notified_at = $14, network_named = $15, extend_ms = $16, sender = $17, rlmi_version = $18, ucs = $19, event = $20, end_reason = NULL, failures = 0
  WHERE subscriber = $1 AND local_tag = $2`)

/** Writes what an in-dialog SUBSCRIBE may change; the dialog must be locked. When it has come over another connection, what the dialog is owed is due there at once. */
export const refreshDialog = (tx: Transaction, d: Dialog): Promise<unknown> => {
  void tx.send(MOVE_DEBTS, [d.subscriber, d.localTag, d.proxy, d.flow, d.notifiedAt])
  return tx.send(REFRESH, [d.subscriber, d.localTag, d.cseq, d.remoteCseq, [...d.scope], d.target, [...d.routes], d.proxy, d.flow, d.contact, d.benotify, d.expiresAt, d.network, d.notifiedAt, d.networkNamed, d.extendMs, d.sender, d.rlmiVersion, d.ucs, d.event])
}

/** The kinds by which a user watches what is its own, as SQL writes a list. */
export const OWN_KINDS = ownDialogKinds.map((kind) => `'${kind}'`).join(', ')

const LIVING_SELF = statement('dialogs-self', `SELECT * FROM dialog WHERE subscriber = ANY($1::text[]) AND kind IN (${OWN_KINDS}) AND expires_at > $2`)

/** The living dialogs by which publishers watch what is their own: self subscriptions, contact lists, access lists, pending watchers and watcher information. */
export const loadSelfDialogs = (session: Session, publishers: readonly UserKey[], now: number): Promise<readonly Dialog[]> => rowsOf(session, LIVING_SELF, [[...publishers], now])

const LOCK_AND_READ = statement('dialogs-lock-and-read', `
  SELECT * FROM dialog WHERE (subscriber, local_tag) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND expires_at > $3 ORDER BY subscriber, local_tag FOR UPDATE`)

/** Locks the living ones among these dialogs, in key order like everyone, and reads them. */
export const lockDialogs = (tx: Transaction, refs: readonly DialogRef[], now: number): Promise<readonly Dialog[]> =>
  rowsOf(tx, LOCK_AND_READ, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag), now])

const PROXIES = statement('dialogs-proxies', 'SELECT subscriber, local_tag, proxy FROM dialog WHERE (subscriber, local_tag) IN (SELECT * FROM unnest($1::text[], $2::text[]))')

/** The proxies that carry these dialogs, by subscriber and local tag, a line each. */
export const findProxies = async (session: Session, refs: readonly DialogRef[]): Promise<ReadonlyMap<string, string>> =>
  new Map((await session.send<{ subscriber: string; local_tag: string; proxy: string }>(PROXIES, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)])).map((row) => [`${row.subscriber}\n${row.local_tag}`, row.proxy]))

const DELETE = statement('dialogs-delete', `
  DELETE FROM dialog USING unnest($1::text[], $2::text[]) AS gone (subscriber, local_tag)
  WHERE dialog.subscriber = gone.subscriber AND dialog.local_tag = gone.local_tag`)
const DELETE_RESOURCES = statement('dialogs-delete-resources', `
  DELETE FROM dialog_resource USING unnest($1::text[], $2::text[]) AS gone (subscriber, local_tag)
  WHERE dialog_resource.subscriber = gone.subscriber AND dialog_resource.local_tag = gone.local_tag
  RETURNING dialog_resource.subscriber, dialog_resource.local_tag, dialog_resource.publisher`)
const DELETE_LISTS = statement('dialogs-delete-lists', `
  DELETE FROM dialog_list USING unnest($1::text[], $2::text[]) AS gone (subscriber, local_tag)
  WHERE dialog_list.subscriber = gone.subscriber AND dialog_list.local_tag = gone.local_tag`)
const DELETE_DEFERRED = statement('dialogs-delete-deferred', `
  DELETE FROM deferred USING unnest($1::text[], $2::text[]) AS gone (subscriber, local_tag)
  WHERE deferred.subscriber = gone.subscriber AND deferred.local_tag = gone.local_tag`)

/** A dialog that ends, and by what event its publishers lose their watcher: its time is over, or it was cancelled, unless it says something else. */
export interface EndingDialog extends DialogRef {
  readonly watcherEvent?: WatcherEvent
}

/** Ends dialogs with everything that hangs on them, on both sides; publishers that want to know are told. */
export const deleteDialogs = async (tx: Transaction, refs: readonly EndingDialog[], now: number): Promise<void> => {
  if (refs.length === 0) return
  const keys = [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag)] as const
  void tx.send(DELETE, keys)
  void tx.send(DELETE_DEFERRED, keys)
  void tx.send(DELETE_LISTS, keys)
  const edges = await tx.send<{ subscriber: string; local_tag: string; publisher: string }>(DELETE_RESOURCES, keys)
  if (edges.length === 0) return
  const eventOf = new Map(refs.map(({ subscriber, localTag, watcherEvent = 'timeout' }) => [`${subscriber}\n${localTag}`, watcherEvent]))
  void endEdges(tx, edges.map(({ publisher, subscriber, local_tag: localTag }) => ({ publisher, subscriber, localTag, event: eventOf.get(`${subscriber}\n${localTag}`) ?? 'timeout' })), now)
}

const EXPIRE = statement('dialogs-expire', `
  UPDATE dialog SET expires_at = $3, end_reason = $4 FROM unnest($1::text[], $2::text[]) AS ended (subscriber, local_tag)
  WHERE dialog.subscriber = ended.subscriber AND dialog.local_tag = ended.local_tag`)

/** Ends dialogs at a time; the timer for expired ones then tells them so and why, through whichever proxy carries them. */
export const expireDialogs = (tx: Transaction, refs: readonly DialogRef[], at: number, reason: EndReason): Promise<unknown> =>
  tx.send(EXPIRE, [refs.map(({ subscriber }) => subscriber), refs.map(({ localTag }) => localTag), at, reason])

// Locked in key order, as everywhere.
const OF_ENDPOINTS = statement('dialogs-of-endpoints', 'SELECT subscriber, local_tag FROM dialog WHERE subscriber = $1 AND endpoint_id = ANY($2::text[]) ORDER BY subscriber, local_tag FOR UPDATE')

/** The dialogs of endpoints that leave. */
export const findEndpointDialogs = async (tx: Transaction, user: UserKey, ids: readonly EndpointId[]): Promise<readonly DialogRef[]> =>
  (await tx.send<{ subscriber: string; local_tag: string }>(OF_ENDPOINTS, [user, [...ids]])).map((row) => ({ subscriber: row.subscriber, localTag: row.local_tag }))
