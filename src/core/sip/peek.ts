/** Far enough for the headers that clients and proxies put in front. */
const PEEK_BYTES = 4096

const latin1 = new TextDecoder('latin1')

/**
 * Guesses from the beginning of a message whether it goes on with something that is there, without reading it: a request inside a dialog (To carries a tag), or a
 * PUBLISH with the tag of an earlier one. For those who decide whether it is worth reading. Wrong about headers that stand far behind or are folded; nothing may
 * follow from it but a preference.
 */
export const looksRepeated = (bytes: Uint8Array): boolean => /^(?:(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag=|sip-if-match[ \t]*:)/im.test(latin1.decode(bytes.subarray(0, PEEK_BYTES)).split(/\r?\n\r?\n/, 1)[0] ?? '')
