import { DirectoryError } from '../core/model/directory-search.ts'
import type { Metrics } from '../observe/metrics.ts'
import { claimFeed, holdFeed, releaseFeed, settleFeed, type FeedReport, type FeedState } from '../store/directory-feed.ts'
import { poolSession } from '../store/session.ts'
import { beginFeedRound, type FeedRound, type FeedRoundDeps } from './feed-round.ts'

export interface DirectoryFeedDeps extends FeedRoundDeps {
  /** Names this engine among those that share the feed. */
  readonly holder: string
  /** Time between the beginnings of two runs, and of two that read everything, in milliseconds. */
  readonly everyMs: number
  readonly fullEveryMs: number
  readonly metrics: Pick<Metrics, 'fed' | 'feedEnded'>
}

/** Keeps the users in step with an outside directory. */
export interface DirectoryFeed {
  /** A piece of the run that is due, if this engine is the one to do it. */
  readonly run: () => Promise<void>
  /** Gives up what is under way; whoever comes next begins anew. */
  readonly stop: () => Promise<void>
}

/** The name under which its state is kept; there is one outside directory. */
export const FEED = 'ldap'

/** An engine that gives no sign of life for this long has lost the run; longer than any page takes. */
const HELD_MS = 60_000
/** How many pages, or how long, one piece takes at most. */
const PAGES = 20
const RUN_MS = 1_000
/** How long a directory that failed is left alone, unless the period is shorter. */
const RETRY_MS = 30_000

interface UnderWay {
  readonly state: FeedState
  readonly startedAt: number
  readonly full: boolean
  readonly round: FeedRound
}

/**
 * A run reads what has changed since the last one, or everything: the first time, every `fullEveryMs`, when somebody asks for it, when the operator has it read in another way, and
 * always where the directory does not say when entries changed. It goes on piece by piece at one engine, because the directory remembers the place of a reader by its connection. When that engine dies,
 * or the directory does, the run begins anew; users who are as they must be cost it no more than the reading.
 */
export const createDirectoryFeed = (deps: DirectoryFeedDeps): DirectoryFeed => {
  const { now, holder, everyMs, fullEveryMs, log, metrics } = deps
  const session = poolSession(deps.store.pool)
  let current: UnderWay | undefined
  let failing = false
  let stopped = false

  const begin = async (): Promise<UnderWay | undefined> => {
    const startedAt = now()
    const state = await claimFeed(session, FEED, holder, startedAt, startedAt + HELD_MS)
    if (state === undefined) return undefined
    const full = state.readUntil === undefined || state.readHow !== deps.source.how || state.fullDueAt <= startedAt
    return { state, startedAt, full, round: beginFeedRound(deps, full ? undefined : state.readUntil) }
  }

  // What has been read is certain only up to when the run began, whatever the clock of the directory says.
  const readUntil = ({ state, startedAt, round }: UnderWay): number | undefined => {
    const latest = round.latest()
    return latest === undefined ? undefined : latest === -Infinity ? state.readUntil : Math.max(state.readUntil ?? 0, Math.min(latest, startedAt))
  }

  const note = (error: string | undefined, counts: FeedRound['counts']): void => {
    metrics.fed(counts)
    metrics.feedEnded(error === undefined ? now() : undefined)
    // Each state is said once, however often it is met again.
    if (error !== undefined && !failing) log.error({ error }, 'reading users from the directory failed; they stay as they are known')
    if (error === undefined && failing) log.warn({ ...counts }, 'users are read from the directory again')
    failing = error !== undefined
    if (counts.created + counts.changed + counts.removed > 0) log.info({ ...counts }, 'users taken over from the directory')
  }

  const settle = async (run: UnderWay, failure: DirectoryError | undefined): Promise<void> => {
    const { state, startedAt, full, round } = run
    const error = failure?.message ?? round.kept()
    const report: FeedReport = { startedAt, finishedAt: now(), kind: full ? 'full' : 'changes', ...round.counts, ...(error === undefined ? {} : { error }) }
    await settleFeed(session, FEED, holder, {
      before: state, report,
      dueAt: failure === undefined ? startedAt + everyMs : now() + Math.min(everyMs, RETRY_MS),
      fullDueAt: failure === undefined && full ? startedAt + fullEveryMs : state.fullDueAt,
      readUntil: failure === undefined ? readUntil(run) : state.readUntil,
      readHow: failure === undefined ? deps.source.how : state.readHow,
    })
    note(error, round.counts)
  }

  const goOn = async (run: UnderWay): Promise<void> => {
    const began = now()
    for (let page = 0; page < PAGES && now() - began < RUN_MS && !stopped; page += 1) {
      if (!await run.round.step()) continue
      current = undefined
      await settle(run, undefined)
      return
    }
  }

  return {
    run: async () => {
      if (current !== undefined && !await holdFeed(session, FEED, holder, now() + HELD_MS)) {
        // This engine was away for too long, and another one reads.
        await current.round.abandon()
        current = undefined
      }
      current ??= await begin()
      const run = current
      if (run === undefined) return
      try {
        await goOn(run)
      } catch (error) {
        current = undefined
        await run.round.abandon()
        if (error instanceof DirectoryError) return settle(run, error)
        await releaseFeed(session, FEED, holder).catch(() => undefined)
        throw error
      }
    },
    stop: async () => {
      stopped = true
      const run = current
      current = undefined
      if (run === undefined) return
      await run.round.abandon()
      await releaseFeed(session, FEED, holder).catch(() => undefined)
    },
  }
}
