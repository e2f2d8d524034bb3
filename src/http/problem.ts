import { failureEntry, type Failure } from '../core/base/failure.ts'

/** An error answer of the HTTP interfaces (RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  /** Faults of single fields, where there are several. */
  readonly errors?: readonly { readonly at: string; readonly message: string }[]
}

export const problemType = 'application/problem+json'

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 409: 'Conflict', 413: 'Payload Too Large', 415: 'Unsupported Media Type', 500: 'Internal Server Error', 503: 'Service Unavailable',
}

/** Thrown by admin handlers; the error handler of the app turns it into a problem document. */
export class ProblemError extends Error {
  readonly status: number
  constructor(status: number, detail: string) {
    super(detail)
    this.status = status
  }
}

export const writeProblem = (status: number, detail?: string, errors?: Problem['errors']): Problem => ({
  type: 'about:blank', title: titles[status] ?? 'Error', status, ...(detail === undefined ? {} : { detail }), ...(errors === undefined ? {} : { errors }),
})

/** A refusal of the core as operators read it: its status, unless it means something else in HTTP, its sentence and the place. */
export const problemOf = ({ name, detail }: Failure, status: number = failureEntry(name).status): ProblemError => {
  const { sentence } = failureEntry(name)
  return new ProblemError(status, detail === undefined ? sentence : `${sentence} ${detail}`)
}
