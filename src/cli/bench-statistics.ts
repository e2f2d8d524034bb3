/** One line of a benchmark's table. */
export type Row = Readonly<Record<string, string | number>>

/** Rounded to so many digits behind the point. */
export const rounded = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits

/** The value below which `part` (0 to 1) of the sorted values lie, to two digits. */
export const percentile = (sorted: readonly number[], part: number): number => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0, 2)

export const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)

export const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** `part` of `whole` in percent, `-` where there is nothing to compare with. */
export const percent = (part: number, whole: number | undefined): string => (whole === undefined || whole === 0 ? '-' : `${Math.round(part / whole * 100)} %`)

/** How long some work took, in milliseconds. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Deals with all items, `width` of them at a time. */
export const inParallel = async <T>(items: readonly T[], width: number, work: (item: T) => Promise<unknown>): Promise<void> => {
  const rest = items.values()
  await Promise.all(Array.from({ length: width }, async () => { for (const item of rest) await work(item) }))
}
