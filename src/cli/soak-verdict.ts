/** Whether something that was measured again and again has levelled off. Pure. */

/** One measured thing over time: [seconds, value] each. */
export interface Series {
  readonly name: string
  readonly samples: readonly (readonly [seconds: number, value: number])[]
  /** It may grow by this much without being suspected, however small it is. */
  readonly floor: number
}

export interface Levelled {
  readonly name: string
  readonly first: number
  readonly last: number
  /** By how much it grew from the first to the last sample, by its typical slope. */
  readonly growth: number
  readonly allowed: number
  readonly level: boolean
}

/** Growth over the measured time up to this part of the typical value is none. */
const PART = 0.1

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] ?? 0 : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

/**
 * Levelled off means: the median of the slopes between all pairs of samples (Theil and Sen; a few outliers do not move it), carried over the whole time that was
 * measured, is at most a tenth of the median value, or the floor where that is more. Falling is always level. Too few samples are not.
 */
export const judge = ({ name, samples, floor }: Series): Levelled => {
  const slopes = samples.flatMap(([from, before], at) => samples.slice(at + 1).map(([to, after]) => (after - before) / (to - from)))
  const [[start, first] = [0, 0]] = samples
  const [end, last] = samples.at(-1) ?? [0, 0]
  const growth = slopes.length === 0 ? 0 : median(slopes) * (end - start)
  const allowed = Math.max(floor, PART * median(samples.map(([, value]) => value)))
  return { name, first, last, growth, allowed, level: samples.length >= 5 && growth <= allowed }
}
