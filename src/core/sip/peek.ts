/** Far enough for the headers that clients and proxies put in front. */
const PEEK_BYTES = 4096

const latin1 = new TextDecoder('latin1')

/**
 * Guesses from the beginning of a message whether it is a request inside a dialog (To carries a tag), without reading it: for those who decide whether it is
 * worth reading. Wrong about a To that stands far behind or is folded; nothing may follow from it but a preference.
 */
export const looksInDialog = (bytes: Uint8Array): boolean => /^(?:to|t)[ \t]*:[^\r\n]*;[ \t]*tag=/im.test(latin1.decode(bytes.subarray(0, PEEK_BYTES)).split(/\r?\n\r?\n/, 1)[0] ?? '')
