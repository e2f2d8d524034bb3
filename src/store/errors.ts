const UNAVAILABLE_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', '57P01', '57P02', '57P03', '53300', '57014'])

/** True when an error means that the database cannot serve now (gone, starting, overloaded), not that the statement is wrong. */
export const isDatabaseUnavailable = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return UNAVAILABLE_CODES.has(code) || code.startsWith('08') || /timeout exceeded when trying to connect|Connection terminated|is not queryable|connection timeout|Cannot use a pool after/i.test(error.message)
}

/** True when a transaction gave up waiting for a lock, as it was told to. */
export const isLockTimeout = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '55P03'

/** True when a row with the same unique key was there already. */
export const isDuplicate = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === '23505'
