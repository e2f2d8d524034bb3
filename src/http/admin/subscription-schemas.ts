import { Type, type Static } from 'typebox'
import { dialogKinds, type Dialog } from '../../core/model/dialog.ts'
import { sourceNetworks } from '../../core/model/network.ts'
import { writeUserUri, type UserKey } from '../../core/sip/uri.ts'
import type { OwedAbout } from '../../store/dialog-list.ts'
import type { DialogRef } from '../../store/dialogs.ts'
import type { Resource } from '../../store/subscriptions.ts'
import type { Owed, Watching } from '../../store/watching.ts'
import { readKey, UserParams } from './user-key.ts'

export const Time = Type.String({ format: 'date-time' })
const Network = Type.Enum([...sourceNetworks])
export const LocalTag = Type.String({ description: 'Our tag; with the subscriber it names the dialog.' })
const LastNotification = Type.Object({ cseq: Type.Integer(), at: Time })
const OWED = 'The latest state of this publisher could not be told yet.'
const OwedView = Type.Object({ attempts: Type.Integer(), reason: Type.String(), dueAt: Time }, { description: OWED })

export const Kind = Type.Enum([...dialogKinds], { description: 'self: what is the user\'s own. batch, single: categories of others. contacts: the contact list. msrtc, pidf: presence in another format. adrl: a list of others in the format msrtc. list: one of an ordinary phone, in the format pidf.' })

/** A user in a query. */
export const Uri = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 512, description }))

export const ProxyName = Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000]+$', description: 'Only dialogs that this proxy carries.' }))

/** Path parameters of one dialog, and the dialog that they name; 400 when the subscriber is no user. */
export const One = Type.Object({ subscriber: UserParams.properties.uri, localTag: Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\u0000]+$' }) })

export const readRef = ({ subscriber, localTag }: Static<typeof One>): DialogRef => ({ subscriber: readKey(subscriber), localTag })

const common = {
  subscriber: Type.String(), localTag: LocalTag, remoteTag: Type.String(), callId: Type.String(), kind: Kind, event: Type.String(),
  endpointId: Type.Optional(Type.String({ description: 'The registered endpoint; absent for subscribers from outside.' })), network: Network,
  proxy: Type.String(), flow: Type.String({ description: 'The proxy\'s token for the connection.' }), target: Type.String({ description: 'Where notifications go.' }), method: Type.String({ description: 'NOTIFY or BENOTIFY.' }),
  remoteCseq: Type.Integer({ description: 'Number of the last SUBSCRIBE.' }), lastNotification: LastNotification, createdAt: Time, expiresAt: Time,
  extendsBy: Type.Optional(Type.Integer({ description: 'Seconds by which every notification extends the life; absent where it counts down.' })),
  scope: Type.Optional(Type.Array(Type.String(), { description: 'Of a self subscription: what it shows.' })),
}

/** A dialog in a list. */
export const SubscriptionEntry = Type.Object({
  ...common, watched: Type.Integer({ description: 'Publishers that it watches.' }), owed: Type.Integer({ description: 'Publishers whose latest state it could not be told yet.' }),
}, { $id: 'SubscriptionEntry' })

/** A dialog with all that it watches and is owed. */
export const SubscriptionView = Type.Object({
  ...common, watches: Type.Array(Type.Object({ publisher: Type.String(), categories: Type.Array(Type.String()) })),
  owed: Type.Array(Type.Object({ publisher: Type.String(), ...OwedView.properties }, { description: OWED })),
}, { $id: 'Subscription' })

/** Who watches a publisher, through which dialog. */
export const Watcher = Type.Object({
  subscriber: Type.String(), localTag: LocalTag, callId: Type.String(), kind: Kind, network: Network, categories: Type.Array(Type.String()), proxy: Type.String(),
  lastNotification: LastNotification, createdAt: Time, expiresAt: Time, owed: Type.Optional(OwedView),
}, { $id: 'Watcher' })

/** An instant as the admin API writes it. */
export const time = (at: number): string => new Date(at).toISOString()

const writeOwed = ({ attempts, reason, dueAt }: Owed): Static<typeof OwedView> => ({ attempts, reason, dueAt: time(dueAt) })

const writeCommon = (dialog: Dialog) => ({
  subscriber: writeUserUri(dialog.subscriber), localTag: dialog.localTag, remoteTag: dialog.remoteTag, callId: dialog.callId, kind: dialog.kind, event: dialog.event,
  ...(dialog.endpointId === undefined ? {} : { endpointId: dialog.endpointId }), network: dialog.network, proxy: dialog.proxy, flow: dialog.flow, target: dialog.target, method: dialog.benotify ? 'BENOTIFY' : 'NOTIFY',
  remoteCseq: dialog.remoteCseq, lastNotification: { cseq: dialog.cseq, at: time(dialog.notifiedAt) }, createdAt: time(dialog.createdAt), expiresAt: time(dialog.expiresAt),
  ...(dialog.extendMs === 0 ? {} : { extendsBy: Math.round(dialog.extendMs / 1000) }), ...(dialog.kind === 'self' ? { scope: [...dialog.scope] } : {}),
})

export const writeEntry = (dialog: Dialog, counts: { readonly watched: number; readonly owed: number }): Static<typeof SubscriptionEntry> => ({ ...writeCommon(dialog), watched: counts.watched, owed: counts.owed })

export const writeSubscription = (dialog: Dialog, watches: readonly Resource[], owed: readonly OwedAbout[]): Static<typeof SubscriptionView> => ({
  ...writeCommon(dialog), watches: watches.map(({ publisher, categories }) => ({ publisher: writeUserUri(publisher), categories: [...categories] })),
  owed: owed.map((debt) => ({ publisher: writeUserUri(debt.publisher), ...writeOwed(debt) })),
})

export const writeWatcher = ({ dialog, categories, owed }: Watching): Static<typeof Watcher> => ({
  subscriber: writeUserUri(dialog.subscriber), localTag: dialog.localTag, callId: dialog.callId, kind: dialog.kind, network: dialog.network, categories: [...categories], proxy: dialog.proxy,
  lastNotification: { cseq: dialog.cseq, at: time(dialog.notifiedAt) }, createdAt: time(dialog.createdAt), expiresAt: time(dialog.expiresAt), ...(owed === undefined ? {} : { owed: writeOwed(owed) }),
})

/** The key of a dialog in a map. */
export const refText = ({ subscriber, localTag }: { readonly subscriber: UserKey; readonly localTag: string }): string => `${subscriber}\n${localTag}`
