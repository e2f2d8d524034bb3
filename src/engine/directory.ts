import { mergeResults } from '../core/directory/merge.ts'
import { DirectoryError, type DirectoryResults, type DirectorySearch, type DirectorySource } from '../core/model/directory-search.ts'

/** Everything that users are looked for in. Rejects with a DirectoryError. */
export interface Directory {
  readonly search: DirectorySource['search']
  /** The most that one search gives, whatever the client asks for. */
  readonly maxResults: number
}

export interface DirectoryOptions {
  /** Where users are looked for; what an earlier one says of a person goes before what later ones say. */
  readonly sources: readonly DirectorySource[]
  readonly maxResults: number
  /** Searches at a time; others wait for their turn. */
  readonly atATime: number
  /** Hears of each source that did not answer. */
  readonly onFailed: (error: DirectoryError) => void
}

/** So many searches wait for each that is under way; beyond them the directory is busy. */
const WAITING_FOR_EACH = 8

/** Runs work a few at a time, in order; what finds too many waiting is refused. */
const createTurns = (atATime: number): (<T>(work: () => Promise<T>) => Promise<T>) => {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= atATime) {
      if (waiting.length >= atATime * WAITING_FOR_EACH) throw new DirectoryError('busy', `${running} searches under way, ${waiting.length} waiting`)
      // Whoever ends hands its turn over.
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

const errorOf = (reason: unknown): DirectoryError =>
  reason instanceof DirectoryError ? reason : new DirectoryError('failed', reason instanceof Error ? reason.message : String(reason), { cause: reason })

/** What is said where no source answered: what passes by itself before what somebody has to see to. */
const worst = ['busy', 'failed', 'forbidden'] as const

/**
 * Searches several sources as one (3.1.5.2). Where some of them answer, those who do not are passed over and leave more to be found; the search fails only when all
 * of them do.
 */
export const createDirectory = ({ sources, maxResults, atATime, onFailed }: DirectoryOptions): Directory => {
  const take = createTurns(atATime)
  const searchAll = async (search: DirectorySearch): Promise<DirectoryResults> => {
    const settled = await Promise.allSettled(sources.map((source) => source.search(search)))
    const results = settled.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const errors = settled.flatMap((outcome) => (outcome.status === 'rejected' ? [errorOf(outcome.reason)] : []))
    for (const error of errors) onFailed(error)
    if (results.length === 0) throw worst.map((why) => errors.find((error) => error.why === why)).find((error) => error !== undefined) ?? new DirectoryError('failed', 'there is no directory')
    return mergeResults(errors.length === 0 ? results : [...results, { people: [], more: true }], search.limit)
  }
  return { maxResults, search: (search) => take(() => searchAll(search)) }
}
