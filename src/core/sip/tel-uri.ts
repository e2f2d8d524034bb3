/** RFC 3966: a number that is valid anywhere, or one with the context that it needs; further parameters as they are. */
const TEL_URI = /^tel:(?:\+[0-9.()-]+|[0-9A-Fa-f*#.()-]+(?=(?:;[^;]*)*;phone-context=))(?:;[A-Za-z0-9-]+(?:=[^;\s"<>]+)?)*$/i

/** As people write it: digits and what separates them, perhaps an extension. */
const NUMBER = /^(\+?)([0-9 ().\/-]*[0-9][0-9 ().\/-]*?)(?:[ ,;]*(?:ext\.?|extension|x|#)[ =:]*([0-9]{1,15}))?$/i

/** Longer than any number, and short enough for an expression that may go back and forth. */
const MAX_NUMBER = 64

/**
 * A telephone number of the directory as a tel URI (RFC 3966), without what only people read; undefined for what is no number. A number that is not
 * international is dialled as it stands, in the context that clients of this family know (2.2.2.7.5).
 */
export const toTelUri = (text: string): string | undefined => {
  if (TEL_URI.test(text)) return text
  const [, plus, number, extension] = (text.length > MAX_NUMBER ? undefined : NUMBER.exec(text.replace(/^tel:/i, '').trim())) ?? []
  if (plus === undefined || number === undefined) return undefined
  // The (0) of +49 (0)40 is dialled only by those who leave the country code out.
  const digits = (plus === '' ? number : number.replace(/\(0\)/, '')).replace(/[^0-9]/g, '')
  if (digits === '') return undefined
  return `tel:${plus}${digits}${extension === undefined ? '' : `;ext=${extension}`}${plus === '' ? ';phone-context=dialstring' : ''}`
}
