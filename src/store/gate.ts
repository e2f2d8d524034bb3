/** Stands before the database: while it is away, nobody waits for it. */
export interface Gate {
  readonly isOpen: () => boolean
  /** Something has failed as it does when the database is away: asks it. Cheap; one question at a time. */
  readonly suspect: (error: unknown) => void
  /** Asks no more. */
  readonly stop: () => void
}

export interface GateOptions {
  /** Resolves when the database takes writes; rejects when it does not. Has an end of its own. */
  readonly ask: () => Promise<void>
  /** Pause between an answer and the next question. */
  readonly everyMs: number
  /** After so long without an answer to the first question the gate closes; it still waits for the answer. */
  readonly patienceMs: number
  /** Called when the gate has closed, with the reason, and when it has opened again, with how long it was closed. */
  readonly onClosed: (reason: unknown) => void
  readonly onOpened: (afterMs: number) => void
}

/**
 * One failure does not close the gate: a single connection may break, a single statement take too long. It makes the gate ask, and what the
 * database answers, or does not answer, decides. Its timer runs only from then until the database is known to be there.
 */
export const createGate = ({ ask, everyMs, patienceMs, onClosed, onOpened }: GateOptions): Gate => {
  let state: 'open' | 'asking' | 'closed' | 'stopped' = 'open'
  let closedAt = 0
  let answeredAt = -Infinity
  let timer: NodeJS.Timeout | undefined
  const close = (reason: unknown): void => {
    if (state !== 'asking') return
    state = 'closed'
    closedAt = performance.now()
    onClosed(reason)
  }
  const open = (): void => {
    const wasClosed = state === 'closed'
    if (state !== 'stopped') state = 'open'
    if (wasClosed) onOpened(performance.now() - closedAt)
  }
  const question = (): void => {
    const impatient = setTimeout(() => close(new Error('no answer')), patienceMs)
    ask().finally(() => {
      clearTimeout(impatient)
      answeredAt = performance.now()
    }).then(open, (reason: unknown) => {
      close(reason)
      if (state === 'closed') timer = setTimeout(question, everyMs)
    })
  }
  return {
    isOpen: () => state !== 'closed',
    suspect: () => {
      if (state !== 'open') return
      state = 'asking'
      // A server that is there and fails often is not asked often.
      const pause = answeredAt + everyMs - performance.now()
      if (pause > 0) timer = setTimeout(question, pause)
      else question()
    },
    stop: () => {
      state = 'stopped'
      clearTimeout(timer)
    },
  }
}
