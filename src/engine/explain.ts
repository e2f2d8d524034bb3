import type { AccessDecision } from '../core/access-lists/effective.ts'
import { failure, type Failure, type FailureName } from '../core/base/failure.ts'
import { ok, refuse, type Result } from '../core/base/result.ts'
import { findCategory, isPrivate, type CategoryRule } from '../core/categories/registry.ts'
import { networkOfKind, type SourceNetwork } from '../core/model/network.ts'
import { allGranted, grants, type Rights } from '../core/model/rights.ts'
import { tellsResources } from '../core/model/dialog.ts'
import { publishedContainers } from '../core/model/diff.ts'
import { weighInstances, type CategoryInstance } from '../core/model/publication.ts'
import type { SeenState } from '../core/model/publisher.ts'
import { viewOf, writeSeenState } from '../core/notifications/category.ts'
import { presenceViewOf, type PresenceBody } from '../core/notifications/presence.ts'
import { presenceNotice } from '../core/notifications/watched-presence.ts'
import { explainResolution, type ResolutionTrail } from '../core/resolution/explain.ts'
import { mediaTypes } from '../core/sip/media-types.ts'
import type { UserKey } from '../core/sip/uri.ts'
import type { PresenceChoice } from '../core/subscriptions/presence-format.ts'
import { loadAccess } from '../store/access-lists.ts'
import { loadPresenceTerms } from '../store/presence-beside.ts'
import { loadStates } from '../store/publisher.ts'
import { loadRights } from '../store/rights.ts'
import { poolSession } from '../store/session.ts'
import { findExistingUsers } from '../store/users.ts'
import { findWatching, type Watching } from '../store/watching.ts'
import type { EngineDeps } from './deps.ts'

/** What looking through a watcher's eyes needs of the engine. */
export type ExplainDeps = Pick<EngineDeps, 'store' | 'domains' | 'categories' | 'limits' | 'now' | 'features'>

/** Whose view of whom; without categories those that the watcher's dialogs watch, else all that are published. */
export interface Question {
  readonly publisher: UserKey
  readonly subscriber: UserKey
  readonly categories: readonly string[]
  /** Instead of the network that a dialog came from, or that the domain table says. */
  readonly network: SourceNetwork | undefined
}

/** The source network that counts, and who said so; without a value the watcher's domain is blocked. */
export interface NetworkSource {
  readonly value: SourceNetwork | undefined
  readonly from: 'question' | 'dialog' | 'domain'
}

/** How one category is resolved, and what is seen of it. */
export interface ExplainedCategory extends ResolutionTrail {
  readonly category: string
  readonly registered: boolean
  /** Never given to others, whatever the containers say (1.3.1.2). */
  readonly private: boolean
  readonly instances: readonly CategoryInstance[]
  readonly bytes: number
  readonly rule: CategoryRule | undefined
}

/** Whether the subscriber may subscribe at all (3.4.5.3); `refused` is what its SUBSCRIBE would get. */
export interface Access {
  readonly refused: FailureName | undefined
  readonly publisherRights: Rights
  /** Where the subscriber is a user of this server as well. */
  readonly subscriberRights: Rights | undefined
  /** What the publisher's access list decides of a reader of presence documents; undefined where it says nothing. */
  readonly accessList: AccessDecision | undefined
}

/** The whole trail. */
export interface Explained {
  readonly access: Access
  readonly network: NetworkSource
  readonly categories: readonly ExplainedCategory[]
  readonly dialogs: readonly Watching[]
  readonly used: { readonly members: number; readonly bytes: number }
}

interface Gathered {
  readonly state: SeenState
  readonly dialogs: readonly Watching[]
  readonly network: NetworkSource
  readonly categories: readonly string[]
  readonly hidden: (category: string) => boolean
}

const gather = async (deps: ExplainDeps, question: Question): Promise<Gathered | Failure> => {
  const { publisher, subscriber } = question
  const session = poolSession(deps.store.pool)
  const now = deps.now()
  const [existing, states, dialogs, kind, registry] = await Promise.all([
    findExistingUsers(session, [publisher]), loadStates(session, [publisher], 'all', now), findWatching(session, subscriber, publisher, now), deps.domains.kindOf(subscriber), deps.categories.registry(),
  ])
  if (!existing.has(publisher)) return failure('userNotFound', publisher)
  const state = states(publisher)
  const hidden = isPrivate(registry)
  const live = dialogs.at(-1)?.dialog
  const network: NetworkSource = question.network !== undefined ? { value: question.network, from: 'question' }
    : live !== undefined ? { value: live.network, from: 'dialog' } : { value: networkOfKind(kind), from: 'domain' }
  // Watchers in other formats see no categories as such.
  const watched = [...new Set(dialogs.filter(({ dialog }) => dialog.kind !== 'msrtc' && dialog.kind !== 'pidf' && !tellsResources(dialog.kind)).flatMap(({ categories }) => categories))]
  const published = [...new Set(state.instances.map(({ category }) => category))].filter((category) => !hidden(category)).sort()
  return { state, dialogs, network, hidden, categories: question.categories.length > 0 ? question.categories : watched.length > 0 ? watched : published }
}

const explainAccess = async (deps: ExplainDeps, { publisher, subscriber }: Question, { value }: NetworkSource): Promise<Access> => {
  const session = poolSession(deps.store.pool)
  const [rights, decided] = await Promise.all([loadRights(session, [publisher, subscriber]), deps.features.accessLists ? loadAccess(session, [publisher], subscriber) : undefined])
  const publisherRights = rights.get(publisher)?.effective ?? allGranted
  const refused = value === undefined ? 'domainBlocked' : grants(publisherRights, 'incoming', value) ? undefined : 'incomingNotGranted'
  return { refused, publisherRights, subscriberRights: rights.get(subscriber)?.effective, accessList: decided?.get(publisher) }
}

const isFailure = (gathered: Gathered | Failure): gathered is Failure => 'name' in gathered

const NOTHING: ReadonlySet<number> = new Set()

/** "What does this watcher see of this publisher, and why?" (3.2.5.3): answered by the functions that decide it. */
export const explain = async (deps: ExplainDeps, question: Question): Promise<Result<Explained>> => {
  const [gathered, registry] = await Promise.all([gather(deps, question), deps.categories.registry()])
  if (isFailure(gathered)) return refuse(gathered)
  const { state, dialogs, network, hidden } = gathered
  const access = await explainAccess(deps, question, network)
  const published = publishedContainers(state.instances)
  // For these it does not matter which category: who may not subscribe sees nothing, as view-as says.
  const shut = network.value === undefined ? 'the domain of the subscriber is blocked' : access.refused === undefined ? undefined : `the publisher may not be watched from network ${network.value}`
  const categories = gathered.categories.map((category): ExplainedCategory => {
    const withheld = shut ?? (hidden(category) ? 'the category is private' : undefined)
    // Of a blocked domain nobody gets as far as this; its rules are shown as those of a federated one.
    const trail = explainResolution(state.containers, { user: question.subscriber, network: network.value ?? 'federated' }, published.get(category) ?? NOTHING, withheld)
    const own = state.instances.filter((instance) => instance.category === category)
    const rule = findCategory(registry, category)
    return {
      ...trail, category, registered: rule !== undefined, private: hidden(category), rule,
      instances: own.filter(({ container }) => container === trail.container).sort((a, b) => a.instance - b.instance), bytes: own.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0),
    }
  })
  return ok({ access, network, categories, dialogs, used: { members: state.containers.reduce((sum, { members }) => sum + members.length, 0), bytes: weighInstances(state.instances) } })
}

/** The formats in which a subscriber may be told; `categories` is enhanced presence. */
export const viewFormats = ['categories', 'pidf', 'msrtc'] as const satisfies readonly PresenceChoice[]

/** Exactly the document that the subscriber would receive now (2.2.2.4.3; in the formats of other clients 3.7.5.4, 3.7.5.5). */
export const viewAs = async (deps: ExplainDeps & Pick<EngineDeps, 'presenceTerms'>, question: Question, format: PresenceChoice): Promise<Result<PresenceBody>> => {
  const gathered = await gather(deps, question)
  if (isFailure(gathered)) return refuse(gathered)
  const { state, network, hidden } = gathered
  if (network.value === undefined) return refuse(failure('domainBlocked', question.subscriber))
  const { refused, accessList } = await explainAccess(deps, question, network)
  if (refused !== undefined) return refuse(failure(refused, question.subscriber))
  const watcher = { user: question.subscriber, network: network.value }
  if (format !== 'categories') {
    const own = (await loadPresenceTerms(poolSession(deps.store.pool), [question.publisher], await deps.presenceTerms()))(question.publisher)
    const { body, terminated } = presenceNotice(presenceViewOf(state, own), { ...watcher, format }, accessList?.letter ?? 'A', own)
    if (terminated !== undefined) return refuse(failure('accessDenied', question.subscriber))
    // Who waits for the publisher's word is sent nothing yet.
    return ok(body ?? { type: format === 'msrtc' ? mediaTypes.msrtcPresence : mediaTypes.pidf, text: '' })
  }
  // A SUBSCRIBE that names private categories gets the others (3.4.5.1.3); what became private later is shown empty to those who watch it.
  const categories = question.categories.length > 0 ? gathered.categories.filter((category) => !hidden(category)) : gathered.categories
  return ok({ type: mediaTypes.categories, text: writeSeenState(viewOf(state, hidden), watcher, categories) })
}
