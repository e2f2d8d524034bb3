import { applyToStored, isNewerList } from '../../src/core/contacts/contact-store.ts'
import type { ContactDelta } from '../../src/core/model/contact.ts'
import type { ContactStore, StoredContacts } from '../../src/core/model/contact-store.ts'
import { moveContactLists, type MoveDeps, type MoveFailure } from '../../src/engine/move-contacts.ts'
import type { World } from './world.ts'

/** How old a copy may be in stories. */
export const REFRESH_MS = 60_000

/** A store in memory, which can be away, take long, and be changed by others. */
export class FakeContactStore implements ContactStore {
  readonly lists = new Map<string, StoredContacts>()
  /** Every request that it was sent, whatever came of it. */
  readonly asked: string[] = []
  away: string | undefined
  /** Called before a list is taken; a story holds it back with that. */
  beforePut: () => Promise<void> = async () => undefined

  private note(what: string): void {
    this.asked.push(what)
    if (this.away !== undefined) throw new Error(this.away)
  }

  async putList(user: string, list: StoredContacts): Promise<void> {
    await this.beforePut()
    this.note(`put ${list.deltaNum}`)
    if (isNewerList(list, this.lists.get(user))) this.lists.set(user, list)
  }

  async readList(user: string): Promise<StoredContacts | undefined> {
    this.note('read')
    return this.lists.get(user)
  }

  async applyChanges(user: string, epoch: number, deltas: readonly ContactDelta[]): Promise<void> {
    this.note(`apply ${deltas.map(({ deltaNum }) => deltaNum).join(' ')}`)
    const held = this.lists.get(user)
    if (held?.epoch !== epoch) throw new Error('no list of this move')
    this.lists.set(user, applyToStored(held, deltas))
  }

  close(): void {}
}

/** One run of the timer that moves contact lists, and all that is told of it. */
export const movesContacts = async (world: World, contacts: ContactStore, changes: Partial<MoveDeps> = {}): Promise<readonly MoveFailure[]> => {
  const failures = await moveContactLists({
    store: world.store, now: () => world.now, contacts, refreshMs: REFRESH_MS, wake: (users) => { if (!world.hushed) world.delivery.wake(users) }, endExpired: () => world.delivery.endExpired(), ...changes,
  })
  await world.delivery.idle()
  // As its timer does: a dialog in which something was just being told has been passed over.
  if (changes.endExpired === undefined) await world.delivery.endExpired()
  return failures
}
