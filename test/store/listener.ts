import { viewOf, writeSeenState } from '../../src/core/notifications/category.ts'
import { writeSelfState } from '../../src/core/notifications/self.ts'
import type { Answer } from '../../src/engine/deps.ts'
import { loadDialogs } from '../../src/store/dialogs.ts'
import { loadStates } from '../../src/store/publisher.ts'
import { poolSession } from '../../src/store/session.ts'
import { loadResources } from '../../src/store/subscriptions.ts'
import type { Store } from '../../src/store/connect.ts'
import type { HandedOver } from './engine-kit.ts'
import { readSeen } from './sip-texts.ts'

/** A client's side of one dialog: the answers that it read. */
export interface Listener {
  readonly user: string
  readonly callId: string
  readonly answers: { readonly cseq: number; readonly body: string }[]
  toTag: string | undefined
}

export const createListener = (user: string, callId: string): Listener => ({ user, callId, answers: [], toTag: undefined })

/** Takes in an answer to a SUBSCRIBE. */
export const listen = (listener: Listener, { reply }: Answer): void => {
  if (reply.status !== 200) return
  const cseq = Number(reply.headers.find(([name]) => name === 'ms-piggyback-cseq')?.[1])
  listener.toTag = reply.toTag
  listener.answers.push({ cseq, body: reply.body })
}

/** A self document also names containers that were cleared; a full one does not. */
const withoutCleared = (text: string): string => text.replace(/<category name="[^"]+" container="\d+"\/>/g, '')

/** What the client has in front of it after everything it heard, newest CSeq last: "publisher category" to its content. */
export const lastHeard = (listener: Listener, notifications: readonly HandedOver[]): ReadonlyMap<string, string> => {
  const view = new Map<string, string>()
  for (const { body } of [...listener.answers, ...notifications].sort((a, b) => a.cseq - b.cseq)) {
    for (const [publisher, seen] of readSeen(body)) for (const [category, content] of seen) view.set(`${publisher} ${category}`, withoutCleared(content))
  }
  return new Map([...view].filter(([, content]) => content !== ''))
}

/** What the stored state shows in a living dialog; undefined when the dialog is gone. */
export const storedFor = async (store: Store, { user, callId, toTag }: Listener, now: number): Promise<ReadonlyMap<string, string> | undefined> => {
  const session = poolSession(store.pool)
  const dialog = (await loadDialogs(session, user)).find((candidate) => candidate.callId === callId && candidate.localTag === toTag)
  if (dialog === undefined) return undefined
  const watched = dialog.kind === 'self' ? [{ publisher: user, categories: [] }] : await loadResources(session, dialog)
  const states = await loadStates(session, watched.map(({ publisher }) => publisher), 'all', now)
  const view = new Map<string, string>()
  for (const { publisher, categories } of watched) {
    const text = dialog.kind === 'self' ? writeSelfState(states(publisher), dialog.scope, now) : writeSeenState(viewOf(states(publisher), () => false), { user, network: dialog.network }, categories)
    for (const [, seen] of readSeen(text)) for (const [category, content] of seen) view.set(`${publisher} ${category}`, content)
  }
  return view
}

/** The first place where the order in a dialog is broken; undefined when each CSeq is above the one before. */
export const brokenOrder = (notifications: readonly HandedOver[]): string | undefined => {
  for (const [at, { cseq }] of notifications.entries()) {
    const before = notifications[at - 1]?.cseq
    if (before !== undefined && cseq <= before) return `CSeq ${cseq} after ${before}`
  }
  return undefined
}
