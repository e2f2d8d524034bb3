import { failure, failureEntry, type Failure, type FailureName } from '../../core/base/failure.ts'
import { Refused } from '../../engine/refused.ts'
import type { Log } from '../../observe/log.ts'
import type { Metrics } from '../../observe/metrics.ts'
import { createSeldom } from '../../observe/seldom.ts'
import { isDatabaseUnavailable, isLockTimeout } from '../../store/errors.ts'
import { refuseForNow } from './admission.ts'

/** What becomes of refusals behind the answer: they are counted and logged. */
export interface Refusals {
  readonly note: (refused: Failure, about: object) => void
  /** The refusal that an error means to whoever asked, noted; a fault of the engine itself is told in full only to the log. */
  readonly of: (error: unknown, about: object) => Failure
}

/** Refusals that come in masses and from one cause; the log has one line a second of each. */
const inMasses: ReadonlySet<FailureName> = new Set<FailureName>(['overloaded', 'unavailable', 'rateExceeded'])

export const createRefusals = (log: Log, metrics: Metrics, now: () => number, fraction: () => number): Refusals => {
  const seldom = createSeldom(now)
  const note = ({ name, detail }: Failure, about: object): void => {
    const { status } = failureEntry(name)
    metrics.refused(name)
    if (status === 409) metrics.conflict('version')
    if (inMasses.has(name)) seldom(name, (count) => log.warn({ ...about, refused: name, detail, status, count }, 'refused'))
    else log.info({ ...about, refused: name, detail, status }, 'refused')
  }
  return {
    note,
    of: (error, about) => {
      const away = !(error instanceof Refused) && isDatabaseUnavailable(error)
      const refused = error instanceof Refused ? error.failure : isLockTimeout(error) ? refuseForNow('overloaded', fraction()) : away ? refuseForNow('unavailable', fraction()) : failure('internal')
      if (refused.name === 'internal') log.error({ ...about, err: error }, 'request failed')
      note(refused, away ? { ...about, err: error } : about)
      return refused
    },
  }
}
