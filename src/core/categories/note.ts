import { childrenOf, firstText, readPayload, wordsOf } from './read-payload.ts'

/** The personal note among the note payloads of one container, in the order of their instances (2.2.2.7); of out-of-office notes none. Never throws. */
export const readPersonalNote = (payloads: readonly string[]): string | undefined =>
  firstText(payloads.flatMap((payload) => childrenOf(readPayload('note', payload), 'body')).filter((body) => (wordsOf(body, '@type') ?? 'personal') === 'personal'))
