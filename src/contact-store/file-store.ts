import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { applyToStored, isNewerList } from '../core/contacts/contact-store.ts'
import type { ContactStore, StoredContacts } from '../core/model/contact-store.ts'
import type { UserKey } from '../core/sip/uri.ts'
import { readList, writeList } from './document.ts'

/** File systems take 255 bytes; names that would be longer are told by their hash alone. */
const MAX_NAME = 200

const fileOf = (user: UserKey): string => {
  const name = encodeURIComponent(user)
  return `${name.length > MAX_NAME ? createHash('sha256').update(user).digest('hex') : name}.json`
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

const syncDirectory = async (directory: string): Promise<void> => {
  const held = await open(directory, 'r')
  try {
    await held.sync()
  } finally {
    await held.close()
  }
}

/**
 * Contact lists as files of a directory, a JSON document each. Written under another name and then renamed, so that whoever reads, and whoever dies, sees the old list or
 * the new one. `fresh` names a file as no other is named. Throws when the directory cannot be made.
 */
export const createFileStore = (directory: string, fresh: () => string): ContactStore => {
  mkdirSync(directory, { recursive: true })
  const pathOf = (user: UserKey): string => join(directory, fileOf(user))
  const read = async (user: UserKey): Promise<StoredContacts | undefined> => {
    try {
      return readList(await readFile(pathOf(user), 'utf8'))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
  const write = async (user: UserKey, list: StoredContacts): Promise<void> => {
    const half = join(directory, `.${fresh()}.half`)
    try {
      const file = await open(half, 'wx', 0o600)
      try {
        await file.writeFile(`${JSON.stringify(writeList(user, list), undefined, 2)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(half, pathOf(user))
      // Only then does the new name outlast a failure of power, and only then may the engine forget what it handed over.
      await syncDirectory(directory)
    } catch (error) {
      await rm(half, { force: true })
      throw error
    }
  }
  return {
    readList: read,
    putList: async (user, list) => {
      if (isNewerList(list, await read(user))) await write(user, list)
    },
    applyChanges: async (user, epoch, deltas) => {
      const held = await read(user)
      if (held?.epoch !== epoch) throw new Error('the store holds no list of this move')
      const next = applyToStored(held, deltas)
      if (next !== held) await write(user, next)
    },
    close: () => undefined,
  }
}
