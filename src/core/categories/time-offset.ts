import { childrenOf, firstText, readPayload, wordsOf } from './read-payload.ts'

/** More than a day from UTC is nowhere. */
const MAX_MINUTES = 24 * 60

/**
 * How many minutes the clock of a user is ahead of UTC, by the state that the server has computed of all its endpoints; RPID counts to the east, timeZoneBias the other way
 * (RFC 4480 3.13, 2.2.2.7.1). Undefined where it says nothing. Never throws.
 */
export const readTimeOffset = (payload: string): number | undefined => {
  const state = readPayload('state', payload)
  if (wordsOf(state, '@type')?.replace(/^.*:/, '') !== 'aggregateState') return undefined
  const text = firstText(childrenOf(state, 'timeZoneBias')) ?? ''
  return /^-?\d{1,4}$/.test(text) && Math.abs(Number(text)) <= MAX_MINUTES ? 0 - Number(text) : undefined
}
