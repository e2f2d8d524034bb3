import { setTimeout as sleep } from 'node:timers/promises'
import { inTime, type Link } from './bench-link.ts'
import type { Track } from './bench-storm-hearing.ts'

/** Statuses of refusals, counted. */
export interface Refusals {
  readonly count: (status: number) => void
  /** As a table shows them: `503: 12`, or `0`. */
  readonly text: () => string
}

export const createRefusals = (): Refusals => {
  const counts = new Map<number, number>()
  return {
    count: (status) => { counts.set(status, (counts.get(status) ?? 0) + 1) },
    text: () => [...counts].map(([status, count]) => `${status}: ${count}`).join(', ') || '0',
  }
}

/** A user who publishes numbered notes, one after the other. */
export interface Teller {
  /** The next note, which was due at `due`; a note that is late has waited since then. */
  readonly tell: (due: number) => Promise<void>
  /** Counts what it tells on another track from now on. */
  readonly follow: (track: Track) => void
  /** Milliseconds that publishes took since this was asked last. */
  readonly takeAnswered: () => readonly number[]
}

export interface TellerOptions {
  readonly link: Link
  readonly track: Track
  readonly refusals: Refusals
  /** What is sent; version 1 is stored when it begins. */
  readonly message: (version: number, turn: number) => string
}

export const createTeller = ({ link, track: first, refusals, message }: TellerOptions): Teller => {
  let track = first
  let [version, turn] = [1, 0]
  const answered: number[] = []
  return {
    tell: async (due) => {
      const [now, own] = [turn, track]
      turn += 1
      own.publishing(now, due)
      const { status } = await inTime('publish', link.send(message(version, now)))
      if (status === 200) {
        version += 1
        answered.push(performance.now() - due)
      } else {
        own.withdraw(now)
        refusals.count(status)
      }
    },
    follow: (next) => { track = next },
    takeAnswered: () => answered.splice(0),
  }
}

/** Does something every so many milliseconds while `goes` says so of its number; what comes late catches up. `due` is the time at which each was due. */
export const steadily = async (everyMs: number, goes: (turn: number) => boolean, work: (due: number) => Promise<void>): Promise<void> => {
  let due = performance.now()
  for (let turn = 0; goes(turn); turn += 1) {
    await work(due)
    due += everyMs
    await sleep(Math.max(0, due - performance.now()))
  }
}
