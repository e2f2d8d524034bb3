import { aceKeyText, aceTypes, DEFAULT_RIGHTS, isBlocking, letterOf, type Ace, type AceKey, type AccessLetter, type AccessRights } from '../model/access-list.ts'
import { BLOCKED_CONTAINER, memberKey, type Container } from '../model/container.ts'
import { suffixes } from '../resolution/membership.ts'
import { domainOf, type UserKey } from '../sip/uri.ts'
import { BLOCKED_RIGHTS, membersOf } from './container-mapping.ts'

/** What is needed of containers here. */
export type Membership = Pick<Container, 'id' | 'members'>

const memberTexts = (containers: readonly Membership[], wanted: (id: number) => boolean): ReadonlySet<string> =>
  new Set(containers.filter(({ id }) => wanted(id)).flatMap(({ members }) => members.map(memberKey)))

/** Everybody whom a key means is in there; of ALL each kind of member must be. */
const holds = (members: ReadonlySet<string>, key: AceKey): boolean => membersOf(key).every((member) => members.has(memberKey(member)))

/**
 * What an entry says while whom it is about is blocked, or is not. The container is right: who was put into it by enhanced presence is blocked as known clients write it,
 * who was taken out is allowed.
 */
const settleRights = (stored: AccessRights | undefined, blocked: boolean): AccessRights => {
  const says = stored !== undefined && isBlocking({ rights: stored })
  if (blocked) return stored !== undefined && says ? stored : BLOCKED_RIGHTS
  return stored === undefined || says ? DEFAULT_RIGHTS : stored
}

/** ALL, then domains, then users, each by name. */
export const inOrder = (entries: readonly Ace[]): readonly Ace[] => aceTypes.flatMap((type) => entries.filter((ace) => ace.type === type).sort((a, b) => (a.mask < b.mask ? -1 : 1)))

/**
 * The access list as it is seen: what is stored, put right by container 32000, which decides who is blocked for all clients of the user. ALL is always there.
 */
export const effectiveEntries = (stored: readonly Ace[], containers: readonly Membership[]): readonly Ace[] => {
  const blocked = memberTexts(containers, (id) => id === BLOCKED_CONTAINER)
  const members = containers.find(({ id }) => id === BLOCKED_CONTAINER)?.members ?? []
  const keys = new Map<string, AceKey>([{ type: 'ALL', mask: '' } as const, ...stored, ...members.flatMap(({ type, value }): readonly AceKey[] =>
    (type === 'user' ? [{ type: 'USER', mask: value }] : type === 'domain' ? [{ type: 'DOMAIN', mask: value }] : []))].map((key) => [aceKeyText(key), key]))
  const known = new Map(stored.map((ace) => [aceKeyText(ace), ace.rights]))
  return inOrder([...keys].map(([text, { type, mask }]) => ({ type, mask, rights: settleRights(known.get(text), holds(blocked, { type, mask })) })))
}

/** The word that decides of one watcher, and the entry that says it; without one nothing is said, or a membership says that it is allowed. */
export interface AccessDecision {
  readonly letter: AccessLetter
  readonly ace: Ace | undefined
}

const ALLOWED: AccessDecision = { letter: 'A', ace: undefined }

/**
 * Decides of a watcher (MS-SIP 2.2.3): its own entry, then those of its domain, the longest first, then ALL. A membership of the user or the domain in a container other than 32000 allows
 * as an entry would, so that both kinds of clients of the publisher see the same. Of oneself nothing is decided.
 */
export const decideAccess = (stored: readonly Ace[], containers: readonly Membership[], publisher: UserKey, watcher: UserKey): AccessDecision => {
  if (watcher === publisher) return ALLOWED
  const blocked = memberTexts(containers, (id) => id === BLOCKED_CONTAINER)
  const elsewhere = memberTexts(containers, (id) => id !== BLOCKED_CONTAINER)
  const known = new Map(stored.map((ace) => [aceKeyText(ace), ace.rights]))
  const keys: readonly AceKey[] = [{ type: 'USER', mask: watcher }, ...suffixes(domainOf(watcher)).map((mask) => ({ type: 'DOMAIN', mask }) as const), { type: 'ALL', mask: '' }]
  for (const key of keys) {
    const rights = known.get(aceKeyText(key))
    const shut = holds(blocked, key)
    if (rights !== undefined || shut) {
      const ace = { ...key, rights: settleRights(rights, shut) }
      return { letter: letterOf(ace.rights), ace }
    }
    if (key.type !== 'ALL' && holds(elsewhere, key)) return ALLOWED
  }
  return ALLOWED
}
