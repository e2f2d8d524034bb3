const FIRST_MS = 500
const LONGEST_MS = 15_000

/** How long to wait before the attempt after `attempts` failed ones: doubling, at most a quarter of a minute, spread by `chance` (0 to 1) over the upper half. */
export const backoffMs = (attempts: number, chance: number): number => {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts, 16))
  return Math.round(full * (0.5 + chance / 2))
}
