import { failure } from '../base/failure.ts'
import { ok, refuse, type Result } from '../base/result.ts'
import { writeWrongDelta } from '../documents/fault.ts'
import { aceKeyText, letterOf, newAccessList, type Ace, type AccessState } from '../model/access-list.ts'
import type { Change } from '../model/change.ts'
import { BLOCKED_CONTAINER, memberKey, type Container } from '../model/container.ts'
import { containersAfter, type Outcome } from '../model/outcome.ts'
import type { PublisherState } from '../model/publisher.ts'
import { noTouch } from '../model/touch.ts'
import type { SetAce } from '../requests/set-ace.ts'
import { mediaTypes } from '../sip/media-types.ts'
import { decideAccess, effectiveEntries, inOrder } from './effective.ts'
import { settleContainers, type NetworkOf } from './settle-containers.ts'

/** What decisions on access lists know besides the publisher. */
export interface AccessTerms {
  readonly maxAccessEntries: number
  readonly maxContainerMembers: number
  readonly networkOf: NetworkOf
}

const NOBODY: AccessState = { list: newAccessList, watchers: [] }

const countMembers = (containers: readonly Container[]): number => containers.reduce((sum, { members }) => sum + members.length, 0)

/** Those of whom something else is decided from now on: what to write and to tell. Whether somebody waits concerns presence.wpending, too. */
const regard = (state: PublisherState, entries: readonly Ace[], containers: readonly Container[]): Outcome => {
  const { watchers } = state.access ?? NOBODY
  const moved = watchers.flatMap(({ user, access }) => {
    const { letter } = decideAccess(entries, containers, state.publisher, user)
    return letter === access ? [] : [{ user, from: access, access: letter }]
  })
  if (moved.length === 0) return { changes: [], touch: noTouch }
  const waits = moved.some(({ from, access }) => from === 'P' || access === 'P')
  return {
    changes: [{ kind: 'regardWatchers', watchers: moved.map(({ user, access }) => ({ user, access })) }],
    touch: { ...noTouch, regarded: [...new Set(moved.map(({ user }) => user))], ...(waits ? { pendingWatchers: true } : {}) },
  }
}

/** The changes and the touch of a list that reads like this from now on. */
const settle = (state: PublisherState, entries: readonly Ace[], containers: readonly Container[]): Outcome => {
  const { list } = state.access ?? NOBODY
  const { changes, touch } = regard(state, entries, containers)
  return { changes: [{ kind: 'putAccessList', list: { deltaNum: list.deltaNum + 1, entries } }, ...changes], touch: { ...touch, accessList: true } }
}

/** A list in place of another one, with what follows for the containers. */
const replace = (state: PublisherState, before: readonly Ace[], after: readonly Ace[], { maxContainerMembers, networkOf }: AccessTerms): Result<Outcome> => {
  const put = settleContainers(state.containers, before, after, state.publisher, networkOf)
  const containers = containersAfter(state.containers, put)
  const total = countMembers(containers)
  if (total > maxContainerMembers && total > countMembers(state.containers)) return refuse(failure('containerMembersExceeded', `at most ${maxContainerMembers} members`))
  const membersBefore = Object.fromEntries(put.map(({ id }) => [id, state.containers.find((container) => container.id === id)?.members ?? []]))
  const settled = settle(state, after, containers)
  return ok({ changes: [...put, ...settled.changes], touch: { ...settled.touch, membersBefore } })
}

const tooMany = (entries: readonly Ace[], { maxAccessEntries }: AccessTerms): boolean => entries.length > maxAccessEntries

/** No document says how a wrong number is refused; it is told as everywhere in this family (MS-PRES 2.2.2.2.3). */
const checkNumber = (asked: number | undefined, current: number): Result<undefined> => {
  if (asked === undefined || asked === current) return ok(undefined)
  const text = writeWrongDelta([{ index: 1, version: asked, curVersion: current, data: '' }])
  return refuse({ name: 'accessConflict', detail: `deltaNum ${asked}, current ${current}`, body: { type: mediaTypes.fault, text } })
}

/**
 * Decides a setACE request (MS-SIP 3.7): one entry is put under version check. One that says what is there already is a change like any other, since clients count with every request
 * that they send. `state` must hold all containers and the access part.
 */
export const decideSetAce = ({ deltaNum, ace }: SetAce, state: PublisherState, terms: AccessTerms): Result<Outcome> => {
  const { list } = state.access ?? NOBODY
  const current = checkNumber(deltaNum, list.deltaNum)
  if (!current.ok) return current
  const before = effectiveEntries(list.entries, state.containers)
  const others = before.filter((held) => aceKeyText(held) !== aceKeyText(ace))
  const after = [...others, ace]
  // Only a request that causes the limit to be exceeded fails.
  if (others.length === before.length && tooMany(after, terms)) return refuse(failure('accessEntriesExceeded', `at most ${terms.maxAccessEntries} entries`))
  return replace(state, before, inOrder(after), terms)
}

/** Decides what an operator hands in: the whole list, checked against the number that it has seen if it names one. Who is not on it any more is as if nothing had ever been said. */
export const decideReplaceAccess = (entries: readonly Ace[], deltaNum: number | undefined, state: PublisherState, terms: AccessTerms): Result<Outcome> => {
  const { list } = state.access ?? NOBODY
  const current = checkNumber(deltaNum, list.deltaNum)
  if (!current.ok) return current
  const before = effectiveEntries(list.entries, state.containers)
  const after = inOrder(entries)
  if (tooMany(after, terms)) return refuse(failure('accessEntriesExceeded', `at most ${terms.maxAccessEntries} entries`))
  return replace(state, before, after, terms)
}

/** Entries that wait for the owner's word, and whose user or domain it has put into a container: they are let in. */
const letIn = (entries: readonly Ace[], changes: readonly Change[]): readonly Ace[] => {
  const added = new Set(changes.flatMap((change) => (change.kind === 'putContainer' && change.id !== BLOCKED_CONTAINER ? change.added.map(memberKey) : [])))
  return entries.map((ace) => (letterOf(ace.rights) === 'P' && added.has(`${ace.type === 'USER' ? 'user' : 'domain'} ${ace.mask}`) ? { ...ace, rights: 'AA' } : ace))
}

const isSame = (a: readonly Ace[], b: readonly Ace[]): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * Has the access list follow a change of the containers (see container-mapping.ts): what is blocked there from now on is blocked in the list, and the other way round. The outcome is
 * the given one where nothing of that changes. `state` is that before the change.
 */
export const followContainers = (state: PublisherState, outcome: Outcome): Outcome => {
  const { list } = state.access ?? NOBODY
  const containers = containersAfter(state.containers, outcome.changes)
  const before = effectiveEntries(list.entries, state.containers)
  const after = effectiveEntries(letIn(list.entries, outcome.changes), containers)
  // Where the list reads as before, a membership elsewhere may still say something new of a watcher.
  const { changes, touch } = isSame(before, after) ? regard(state, after, containers) : settle(state, after, containers)
  return changes.length === 0 ? outcome : { ...outcome, changes: [...outcome.changes, ...changes], touch: { ...touch, ...outcome.touch } }
}
