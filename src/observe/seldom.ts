/** Says something at most once in a while by each name, with how often it happened since it was said last. */
export type Seldom = (name: string, say: (count: number) => void) => void

const EVERY_MS = 1_000

/** For what may happen a thousand times a second; `now` in milliseconds. */
export const createSeldom = (now: () => number): Seldom => {
  const seen = new Map<string, { saidAt: number; count: number }>()
  return (name, say) => {
    const entry = seen.get(name) ?? { saidAt: -Infinity, count: 0 }
    seen.set(name, entry)
    entry.count += 1
    if (now() - entry.saidAt < EVERY_MS) return
    const { count } = entry
    entry.saidAt = now()
    entry.count = 0
    say(count)
  }
}
