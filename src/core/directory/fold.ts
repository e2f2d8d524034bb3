/** Folded texts are cut after so many characters; a longer one is found by its beginning. */
const MAX_LENGTH = 128

/** Letters that do not come apart into one of a to z and an accent; all in small form. */
const LETTERS: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ł: 'l', ı: 'i', ħ: 'h', ς: 'σ' }

const cut = (text: string): string => [...text].slice(0, MAX_LENGTH).join('')

/**
 * A text as it is compared in searches: small letters without accents, one blank where there were several. The same is done to what is looked for and to
 * what is found, so that it need not suit every language, only be the same for all who write a name.
 */
export const foldText = (text: string): string =>
  cut(text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/[ßæœøđðþłıħς]/g, (letter) => LETTERS[letter] ?? letter).replace(/[\s\u0000-\u001f]+/g, ' ').trim())

/** A SIP address or a mail address, with or without its scheme. */
export const foldAddress = (text: string): string => foldText(text.trim().replace(/^(sips?|smtp|mailto):/i, ''))

/** A telephone number: its digits, and the + in front; however it is grouped. */
export const foldPhone = (text: string): string => cut(text.trim().replace(/^tel:/i, '').replace(/(?!^\+)[^0-9]/g, ''))
