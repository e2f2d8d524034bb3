import { presenceViewOf, type PresenceTerms, type PresenceView } from '../core/notifications/presence.ts'
import { fitEntries, tellEntries } from '../core/notifications/list-notice.ts'
import { presenceNotice } from '../core/notifications/watched-presence.ts'
import type { DialogList } from '../core/model/resource-list.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { CurrentState } from '../store/current-state.ts'
import type { Debt, Owing } from '../store/deferred.ts'
import { loadDialogLists } from '../store/dialog-lists.ts'
import { loadPresenceTerms } from '../store/presence-beside.ts'
import type { Transaction } from '../store/session.ts'
import { loadEdgesOfDialogs, type Edge } from '../store/subscriptions.ts'
import { refText, type Due, type HandOverDeps } from './hand-over.ts'

/** A dialog on a list that is owed the whole of it: the debt is about the URI of the list. */
export interface WholeList {
  readonly debt: Debt
  readonly list: DialogList
  readonly edges: readonly Edge[]
}

/** The lists that are to be told as a whole; hardly ever any. */
export const loadWholeLists = async (tx: Transaction, debts: readonly Debt[]): Promise<readonly WholeList[]> => {
  const lists = new Map((await loadDialogLists(tx, debts)).map((list) => [refText(list), list]))
  const wanted = debts.flatMap((debt) => {
    const list = lists.get(refText(debt))
    return list?.uri === debt.publisher ? [{ debt, list }] : []
  })
  if (wanted.length === 0) return []
  const edges = Map.groupBy(await loadEdgesOfDialogs(tx, wanted.map(({ debt }) => debt)), refText)
  return wanted.map((whole) => ({ ...whole, edges: edges.get(refText(whole.debt)) ?? [] }))
}

/** What becomes of such lists. */
export interface WrittenLists {
  readonly dues: ReadonlyMap<Debt, Due & Debt>
  /** What does not fit into a notification; to be owed to its dialog, which is told right after, and not as by those who hold the dialog: a debt that stands already is being paid by this very notification. */
  readonly left: readonly Owing[]
}

/** Writes such lists from the latest states, each publisher looked at once. */
export const writeWholeLists = async (tx: Transaction, deps: Pick<HandOverDeps, 'maxListBytes' | 'now'>, wholes: readonly WholeList[], current: CurrentState, terms: PresenceTerms): Promise<WrittenLists> => {
  if (wholes.length === 0) return { dues: new Map(), left: [] }
  const termsOf = await loadPresenceTerms(tx, [...new Set(wholes.flatMap(({ edges }) => edges.map(({ publisher }) => publisher)))], terms)
  const views = new Map<UserKey, PresenceView>()
  const viewFor = (user: UserKey): PresenceView => {
    const view = views.get(user) ?? presenceViewOf(current.of(user), termsOf(user))
    views.set(user, view)
    return view
  }
  const owed: Owing[] = []
  const dues = new Map(wholes.map(({ debt, list, edges }) => {
    const edgeOf = new Map<UserKey, Edge>(edges.map((edge) => [edge.publisher, edge]))
    const { told, left } = fitEntries(tellEntries(list.entries, (user) => {
      const edge = edgeOf.get(user)
      return edge === undefined ? undefined : presenceNotice(viewFor(user), { user: edge.subscriber, network: edge.network, format: 'pidf' }, edge.access, termsOf(user))
    }), deps.maxListBytes)
    owed.push(...[...left].map((publisher) => ({ subscriber: debt.subscriber, localTag: debt.localTag, publisher, attempts: 0, dueAt: deps.now() })))
    return [debt, { ...debt, notice: { body: undefined }, whole: told }] as const
  }))
  return { dues, left: owed }
}
