import { closeSync, openSync, readFileSync, realpathSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

const take = (path: string): boolean => {
  try {
    const file = openSync(path, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Directories that this very process holds: in a container every process is number 1, so that a number alone proves nothing. */
const held = new Set<string>()

/**
 * Takes the lock file of a data directory and returns its release. Two processes on one embedded database would lose rows
 * without a word, so the second one is refused; the lock of a process that no longer lives is taken over.
 */
export const lockDirectory = (directory: string): (() => void) => {
  // One directory has many spellings.
  const path = join(realpathSync(directory), 'lock')
  if (held.has(path)) throw new Error(`the data directory ${directory} is already open in this process`)
  if (!take(path)) {
    const text = readFileSync(path, 'utf8')
    const owner = Number(text)
    const inUse = (by: string): Error => new Error(`the data directory ${directory} is in use by process ${by}; stop it, or set PRESENTIA_DATA_DIR or PRESENTIA_DATABASE_URL`)
    if (owner !== process.pid && Number.isInteger(owner) && owner > 0 && isAlive(owner)) throw inUse(text)
    // Moved aside rather than removed: of several processes that find the same stale lock one moves it, and whoever moves a fresh one by
    // mistake sees so and gives it back.
    const aside = `${path}.${process.pid}`
    renameSync(path, aside)
    const moved = readFileSync(aside, 'utf8')
    if (moved !== text) {
      renameSync(aside, path)
      throw inUse(moved)
    }
    rmSync(aside)
    if (!take(path)) throw inUse(readFileSync(path, 'utf8'))
  }
  held.add(path)
  return () => {
    held.delete(path)
    rmSync(path, { force: true })
  }
}
