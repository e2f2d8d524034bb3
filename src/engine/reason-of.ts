/** Longer reasons help nobody. */
const MAX_REASON = 500

/** What went wrong, as it is kept and shown to the operator. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error).slice(0, MAX_REASON)
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}`.replaceAll('\u0000', '').slice(0, MAX_REASON)
}
