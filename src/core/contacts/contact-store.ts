import type { ContactDelta } from '../model/contact.ts'
import type { ContactMove, StoredContacts, UcsMode } from '../model/contact-store.ts'
import { failure, type Failure } from '../base/failure.ts'
import type { Instant } from '../base/instant.ts'
import { applyContactChanges } from './apply-changes.ts'

/** What can happen to the place of a list: it is asked to move, it is taken up, it has arrived, it has not; its operator wants none of it, or has it back. */
export const moveEvents = ['asked', 'taken', 'arrived', 'failed', 'withdrawn', 'returned'] as const
export type MoveEvent = (typeof moveEvents)[number]

/** From mode to mode (MS-PRES 1.3.5, 3.10.4, 10); what is not in here does not happen. */
export const moveTransitions: Readonly<Record<UcsMode, Partial<Record<MoveEvent, UcsMode>>>> = {
  disabled: { asked: 'allowed' },
  allowed: { taken: 'migrating', withdrawn: 'disabled' },
  migrating: { arrived: 'migrated', failed: 'allowed', withdrawn: 'disabled' },
  migrated: { returned: 'disabled' },
}

/** How long one attempt may take before another engine begins it anew, in milliseconds: longer than the store may keep an engine waiting. */
export const MOVE_LEASE_MS = 120_000

const FIRST_PAUSE_MS = 2_000
const LONGEST_PAUSE_MS = 3_600_000

/** How long to wait after so many failed attempts. */
export const pauseAfter = (attempts: number): number => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20))

/** What the operator says of a user, or of everybody. */
export const isPermitted = ({ permitted }: ContactMove, byDefault: boolean): boolean => permitted ?? byDefault

/** The move after an event; undefined where that cannot happen now. A reason is kept until the list has arrived, or is asked to move anew. */
export const decideMove = (move: ContactMove, event: MoveEvent, now: Instant, reason?: string): ContactMove | undefined => {
  const mode = moveTransitions[move.mode][event]
  if (mode === undefined) return undefined
  const next = { ...move, mode, changedAt: now }
  switch (event) {
    case 'asked':
      return { ...next, attempts: 0, reason: undefined, dueAt: now }
    case 'taken':
      // Whatever the clocks of the engines say, a later move has a higher number.
      return { ...next, epoch: Math.max(now, move.epoch + 1), dueAt: now + MOVE_LEASE_MS }
    case 'arrived':
      return { ...next, attempts: 0, reason: undefined, dueAt: undefined }
    case 'failed':
      return { ...next, attempts: move.attempts + 1, reason, dueAt: now + pauseAfter(move.attempts + 1) }
    case 'withdrawn':
    case 'returned':
      return { ...next, attempts: 0, reason, dueAt: undefined }
  }
}

/** What becomes of changes of a list that is kept elsewhere: they are refused, or carried on to the store. */
export const migratedWrites = ['refuse', 'proxy'] as const
export type MigratedWrites = (typeof migratedWrites)[number]

/** How long a client may be told to wait with a change while the list is on its way. */
const RETRY_SECONDS = '30'

/** Why a contact list may not be changed here now, if it may not (MS-PRES 3.10.4). */
export const refuseContactWrite = (mode: UcsMode, writes: MigratedWrites): Failure | undefined => {
  if (mode === 'migrating') return { ...failure('contactsMoving'), headers: [['Retry-After', RETRY_SECONDS]] }
  return mode === 'migrated' && writes === 'refuse' ? failure('contactsElsewhere') : undefined
}

/** A store takes a list only if it is newer than what it has. */
export const isNewerList = (list: StoredContacts, held: StoredContacts | undefined): boolean =>
  held === undefined || list.epoch > held.epoch || (list.epoch === held.epoch && list.deltaNum > held.deltaNum)

/** What a store holds after changes: those whose numbers it has passed are left aside. Numbers may skip: what came from the store itself has moved them here. */
export const applyToStored = (held: StoredContacts, deltas: readonly ContactDelta[]): StoredContacts => {
  const open = deltas.filter(({ deltaNum }) => deltaNum > held.deltaNum)
  const last = open.at(-1)
  if (last === undefined) return held
  const { groups, contacts } = applyContactChanges(held, open.map(({ change }) => change)).list
  return { epoch: held.epoch, deltaNum: last.deltaNum, groups, contacts }
}
