/** The database cannot be reached, found out without asking it in vain for each request. */
export class DatabaseAwayError extends Error {
  constructor(cause: unknown) {
    super(`the database cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** A standby that was the primary, or will be (25006 read_only_sql_transaction); PostgreSQL shutting down, down or starting; the server's database gone or closed. */
const GONE_CODES = new Set(['25006', '57P01', '57P02', '57P03', '57P04', '57P05', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'])

/** Too many connections, a statement that took too long: the server is there and has too much to do. */
const BUSY_CODES = new Set(['53300', '57014'])

const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '')

/** True when an error means that this connection is of no use any more: it is broken, or leads to a server that takes no writes. */
export const isConnectionLost = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  // 08: connection exceptions of every kind.
  return GONE_CODES.has(code) || code.startsWith('08') || /Connection terminated|is not queryable|connection timeout/i.test(error.message)
}

/** True when an error comes from a server that answers, only not this one now. */
export const isDatabaseBusy = (error: unknown): boolean => error instanceof Error && (BUSY_CODES.has(codeOf(error)) || /timeout exceeded when trying to connect/.test(error.message))

/** True when an error means that the database cannot serve now (gone, starting, overloaded), not that the statement is wrong. */
export const isDatabaseUnavailable = (error: unknown): boolean =>
  error instanceof DatabaseAwayError || isConnectionLost(error) || isDatabaseBusy(error) || (error instanceof Error && /Cannot use a pool after/.test(error.message))

/** True when a transaction gave up waiting for a lock, as it was told to. */
export const isLockTimeout = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'

/** True when a row with the same unique key was there already. */
export const isDuplicate = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '23505'
