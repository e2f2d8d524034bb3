import type { Failure } from '../core/base/failure.ts'

/** Carries a refusal out of a transaction, so that the transaction rolls back; the engine's entry turns it into an answer. */
export class Refused extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(failure.name)
    this.failure = failure
  }
}
