/** Chance that a number repeats: the same seed gives the same choices. */
export interface Seeded {
  /** From 0 up to 1. */
  readonly fraction: () => number
  /** A whole number from 0 up to `end`, which is left out. */
  readonly below: (end: number) => number
  readonly pick: <T>(list: readonly [T, ...T[]] | readonly T[]) => T
}

/** Mulberry32: small, fast, and even enough for choosing what to do next. */
export const createSeeded = (seed: number): Seeded => {
  let state = seed >>> 0
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (end: number): number => Math.floor(fraction() * end)
  return {
    fraction, below,
    pick: (list) => {
      const index = below(list.length)
      const picked = list[index]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
  }
}
