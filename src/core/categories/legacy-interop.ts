import { readPayload, wordsOf } from './read-payload.ts'
import { REMEMBERED_CHARACTERS, remember } from './remember.ts'

/** What a legacyInterop instance says (2.2.2.7.6); the token is the activity, where there is one. */
export interface LegacyInterop {
  readonly availability: number
  readonly token: string | undefined
}

/** Reads a legacyInterop payload; undefined when it is none, or says no availability (7.7). Never throws. */
export const readLegacyInterop: (payload: string) => LegacyInterop | undefined = remember((payload) => {
  const root = readPayload('legacyInterop', payload)
  const availability = wordsOf(root, '@availability')
  // The schema has seen to it that it is a number.
  return availability === undefined ? undefined : { availability: Number(availability), token: wordsOf(root, '@token') }
}, REMEMBERED_CHARACTERS)
