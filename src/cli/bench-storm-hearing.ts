import { setTimeout as sleep } from 'node:timers/promises'
import type { Listen } from './bench-link.ts'

/** What becomes of the notes of one publisher, which are numbered, at its watchers. Times are those of `performance.now()`. */
export interface Track {
  /** A note with this number, higher than all before, goes out; `at` is when it was due. */
  readonly publishing: (turn: number, at: number) => void
  /** It was refused: nobody can hear it. */
  readonly withdraw: (turn: number) => void
  readonly hear: (watcher: string, turn: number) => void
  readonly notifications: () => number
  /** Milliseconds from each note to each watcher's hearing of it or a later one. */
  readonly delays: () => readonly number[]
  /** Milliseconds from each note to the last watcher's hearing of it or a later one; only of notes that all have heard. */
  readonly completions: () => readonly number[]
  /** Watchers who have not heard the last note. */
  readonly missing: () => number
}

interface Change {
  readonly at: number
  heard: number
  completed: number | undefined
}

export const createTrack = (watchers: number): Track => {
  const changes = new Map<number, Change>()
  const latest = new Map<string, number>()
  const delays: number[] = []
  let notifications = 0
  return {
    publishing: (turn, at) => { changes.set(turn, { at, heard: 0, completed: undefined }) },
    withdraw: (turn) => { changes.delete(turn) },
    hear: (watcher, turn) => {
      notifications += 1
      const now = performance.now()
      for (let each = (latest.get(watcher) ?? -1) + 1; each <= turn; each += 1) {
        const change = changes.get(each)
        if (change === undefined) continue
        delays.push(now - change.at)
        change.heard += 1
        if (change.heard === watchers) change.completed = now
      }
      latest.set(watcher, Math.max(turn, latest.get(watcher) ?? -1))
    },
    notifications: () => notifications,
    delays: () => delays,
    completions: () => [...changes.values()].flatMap(({ at, completed }) => (completed === undefined ? [] : [completed - at])),
    missing: () => watchers - ([...changes.values()].at(-1)?.heard ?? watchers),
  }
}

/** Sorts what watchers hear by publisher. */
export interface Hearing {
  readonly listen: Listen
  /** Follows a user's notes from now on, in place of what was followed of it before. */
  readonly follow: (publisher: string, watchers: number) => Track
}

const WATCHER = /^To: *<sip:([^@]+)@/im
// A document names its publisher before what it published; one message may hold several documents.
const PUBLISHER_OR_NOTE = /uri="sip:([^@"]+)@|>note (\d+)</g

/** What a numbered note says. */
export const noteText = (turn: number): string => `note ${turn}`

export const createHearing = (): Hearing => {
  const tracks = new Map<string, Track>()
  return {
    follow: (publisher, watchers) => {
      const track = createTrack(watchers)
      tracks.set(publisher, track)
      return track
    },
    listen: (head, body) => {
      const watcher = WATCHER.exec(head)?.[1] ?? ''
      let publisher = ''
      for (const [, name, turn] of body.toString('latin1').matchAll(PUBLISHER_OR_NOTE)) {
        if (name !== undefined) publisher = name
        else tracks.get(publisher)?.hear(watcher, Number(turn))
      }
    },
  }
}

const LOOK_MS = 10

/** Waits until a condition holds, so many milliseconds at most. */
export const waitFor = async (holds: () => boolean | Promise<boolean>, atMostMs: number): Promise<void> => {
  for (const until = performance.now() + atMostMs; performance.now() < until && !await holds();) await sleep(LOOK_MS)
}
