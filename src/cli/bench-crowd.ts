import { expectOk, type Link } from './bench-link.ts'
import type { Stage } from './bench-stage.ts'
import { inParallel } from './bench-statistics.ts'
import * as wire from './demo-messages.ts'

/** Watchers share connections beyond this many, as they would behind an edge proxy. */
const CONNECTIONS = 100
const SET_UP_WIDTH = 16

export const publisherName = (at: number): string => `p${at}`
export const watcherName = (at: number): string => `w${at}`

export const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)

/** Registers publishers p0 … who show container 200 to all users of their enterprise and publish `first`. */
export const bringPublishers = async (stage: Stage, count: number, first: (user: string) => string): Promise<void> => {
  const link = await stage.open()
  await inParallel(range(0, count), 8, async (at) => {
    await expectOk('register', link.send(wire.register(publisherName(at))))
    await expectOk('member', link.send(wire.setMember(publisherName(at), 200, 0, 'type="sameEnterprise"')))
    await expectOk('publish', link.send(first(publisherName(at))))
  })
}

/** A publish of a user in place of the one before. */
export type Publish = (link: Link, user: string, turn: number) => Promise<void>

/** Keeps the versions of what users publish; of one that has not published here yet version 1 is stored. */
export const createPublish = (message: (user: string, version: number, turn: number) => string): Publish => {
  const versions = new Map<string, number>()
  return async (link, user, turn) => {
    const version = versions.get(user) ?? 1
    await expectOk('publish', link.send(message(user, version, turn)))
    versions.set(user, version + 1)
  }
}

/** The usual load: a note. */
export const publishNotes = (): Publish => createPublish((user, version, turn) => wire.publishNote(user, 200, version, `note ${turn}`))

/** Users who watch, one after the other on their connections. */
export interface Crowd {
  /** Registers watchers until there are `count` of them; `join` is what each of the new ones does then. */
  readonly grow: (count: number, join: (link: Link, watcher: string) => Promise<unknown>) => Promise<void>
  readonly linkOf: (watcher: number) => Link
}

export const createCrowd = (stage: Stage): Crowd => {
  const links: Link[] = []
  let size = 0
  const linkOf = (watcher: number): Link => {
    const link = links[watcher % CONNECTIONS]
    if (link === undefined) throw new Error(`there is no watcher ${watcher}`)
    return link
  }
  return {
    linkOf,
    grow: async (count, join) => {
      while (links.length < Math.min(count, CONNECTIONS)) links.push(await stage.open())
      const from = size
      size = Math.max(size, count)
      await inParallel(range(from, count), SET_UP_WIDTH, async (at) => {
        await expectOk('register', linkOf(at).send(wire.register(watcherName(at))))
        await join(linkOf(at), watcherName(at))
      })
    },
  }
}
