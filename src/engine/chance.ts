import { randomFillSync } from 'node:crypto'
import type { Chance } from './deps.ts'

/** Random bytes fetched at once: asking the system for a few at a time costs more than everything else about them. */
const POOL_BYTES = 8_192

/** Unguessable random text of `bytes` bytes, as hexadecimal digits. */
export const createRandomHex = (): ((bytes: number) => string) => {
  const pool = Buffer.alloc(POOL_BYTES)
  let used = POOL_BYTES
  return (bytes) => {
    if (used + bytes > POOL_BYTES) {
      randomFillSync(pool)
      used = 0
    }
    const text = pool.toString('hex', used, used + bytes)
    // Nobody who reads the memory later learns what was given out.
    pool.fill(0, used, used + bytes)
    used += bytes
    return text
  }
}

/** Chance as it is in earnest. */
export const createChance = (hex: (bytes: number) => string): Chance => ({ tag: () => hex(8), boundary: () => hex(16), fraction: () => Math.random() })
