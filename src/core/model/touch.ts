import type { UserKey } from '../sip/uri.ts'
import type { ContactDelta } from './contact.ts'
import type { ContainerMember } from './container.ts'

/**
 * What a committed change touched at one publisher: all that fan-out needs besides the latest state to know who must
 * hear what. Written as one row in the publish transaction; several are merged before they are told (coalescing).
 */
export interface Touch {
  /** Category to the containers whose set of instances changed in any way (3.2.5.3). */
  readonly categories: Readonly<Record<string, readonly number[]>>
  /** Category to the containers that published it before, where that changed: watchers may have moved (1.3.1.3.9). */
  readonly publishedBefore: Readonly<Record<string, readonly number[]>>
  /** Container to its members before, where membership changed: watchers may have moved (3.5.5.4). */
  readonly membersBefore: Readonly<Record<string, readonly ContainerMember[]>>
  /** What presence documents show of single devices changed, and not only its age (MS-SIP 2.2.1). */
  readonly devices?: true
  /** The subscriber list changed, or was acknowledged: self subscribers hear it as a whole (3.6.5.2). */
  readonly subscribers?: true
  /** The delegate list changed: self subscribers hear it as a whole (3.9.5.3). */
  readonly delegates?: true
  /** Changes of the contact list: each is told, in order (MS-SIP 2.2.4.1). */
  readonly contacts?: readonly ContactDelta[]
  /** The place of the contact list changed: its subscribers hear the list as a whole, with the new mode (MS-PRES 3.10). */
  readonly contactMode?: true
  /** The access list changed: its subscribers hear it as a whole. */
  readonly accessList?: true
  /** Somebody waits for the publisher's word: subscribers of presence.wpending hear of all who do. */
  readonly pendingWatchers?: true
  /** Readers of presence documents whose access changed: they hear what they see now, or the end. */
  readonly regarded?: readonly UserKey[]
}

/** What a record says about a key, and nothing that it inherits: category names are the clients' choice, `constructor` among them. */
export const ownEntry = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined => (Object.hasOwn(record, key) ? record[key] : undefined)

export const noTouch: Touch = { categories: {}, publishedBefore: {}, membersBefore: {} }

export const isTouched = (touch: Touch): boolean =>
  Object.keys(touch.categories).length > 0 || Object.keys(touch.membersBefore).length > 0 || touch.subscribers === true || touch.delegates === true || (touch.contacts?.length ?? 0) > 0 || touch.contactMode === true || touch.accessList === true || touch.pendingWatchers === true || (touch.regarded?.length ?? 0) > 0

/** Merges touches in the order in which they were committed: what changed is united, what was before is the oldest. */
export const mergeTouches = (touches: readonly Touch[]): Touch => {
  const categories = new Map<string, Set<number>>()
  let publishedBefore: Record<string, readonly number[]> = {}
  let membersBefore: Record<string, readonly ContainerMember[]> = {}
  for (const touch of touches) {
    for (const [category, containers] of Object.entries(touch.categories)) {
      const known = categories.get(category) ?? new Set()
      for (const container of containers) known.add(container)
      categories.set(category, known)
    }
    publishedBefore = { ...touch.publishedBefore, ...publishedBefore }
    membersBefore = { ...touch.membersBefore, ...membersBefore }
  }
  const contacts = touches.flatMap((touch) => touch.contacts ?? [])
  const regarded = new Set(touches.flatMap((touch) => touch.regarded ?? []))
  return {
    categories: Object.fromEntries([...categories].map(([category, containers]) => [category, [...containers].sort((a, b) => a - b)])),
    publishedBefore,
    membersBefore,
    ...(touches.some(({ devices }) => devices === true) ? { devices: true } : {}),
    ...(touches.some(({ subscribers }) => subscribers === true) ? { subscribers: true } : {}),
    ...(touches.some(({ delegates }) => delegates === true) ? { delegates: true } : {}),
    ...(contacts.length > 0 ? { contacts } : {}),
    ...(touches.some(({ contactMode }) => contactMode === true) ? { contactMode: true } : {}),
    ...(touches.some(({ accessList }) => accessList === true) ? { accessList: true } : {}),
    ...(touches.some(({ pendingWatchers }) => pendingWatchers === true) ? { pendingWatchers: true } : {}),
    ...(regarded.size > 0 ? { regarded: [...regarded] } : {}),
  }
}
