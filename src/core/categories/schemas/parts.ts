/** A JSON Schema (draft-07) over the shape of readPayloadObject. */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

type Schemas = Readonly<Record<string, JsonSchema>>

/** Where the schema of the document admits elements that it does not name. */
type Open =
  /** Nowhere. */
  | 'closed'
  /** Behind a `delimiter` element (7.1), which is how MS-PRES extends its documents. */
  | 'delimited'
  /** Anywhere. */
  | 'any'

interface ElementParts {
  readonly attributes?: Schemas
  /** Child elements, made with `one` or `many`. */
  readonly children?: Schemas
  /** Names that must be there; attributes with their `@`. */
  readonly required?: readonly string[]
  readonly open: Open
  /** Further keywords. */
  readonly also?: JsonSchema
  /** True where examples have stray text between elements. */
  readonly strayText?: boolean
}

/** A text; what fails is told as "must be" and the description. */
const simple = (pattern: string, description: string): JsonSchema => ({ type: 'string', pattern: `^(?:${pattern})$`, description })

/** Digits of a whole number from 0 to `max`. */
const upTo = (max: string): string => {
  const shorter = max.length > 1 ? [`[0-9]{1,${max.length - 1}}`] : []
  const sameLength = [...max].flatMap((digit, at) => {
    const rest = max.length - at - 1
    const below = Number(digit) - 1
    return below < (at === 0 ? 1 : 0) ? [] : [`${max.slice(0, at)}[${at === 0 ? 1 : 0}-${below}]${rest === 0 ? '' : `[0-9]{${rest}}`}`]
  })
  return `0*(?:${[...shorter, ...sameLength, max].join('|')})`
}

const unsigned = (max: string): JsonSchema => simple(`\\+?${upTo(max)}|-0+`, `a number from 0 to ${max}`)
const signed = (min: string, max: string): JsonSchema => simple(`\\+?${upTo(max)}|-${upTo(min)}`, `a number from -${min} to ${max}`)

export const unsignedInt = unsigned('4294967295')
export const unsignedLong = unsigned('18446744073709551615')
export const short = signed('32768', '32767')
export const int = signed('2147483648', '2147483647')
export const long = signed('9223372036854775808', '9223372036854775807')
/** 7.2: the highest availability of an activity. */
export const unbounded = simple(`\\+?${upTo('4294967295')}|-0+|unbounded`, 'a number from 0 to 4294967295 or "unbounded"')
export const boolean = simple('true|false|1|0', 'true or false')
export const decimal = simple('[+-]?(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)', 'a decimal number')
export const dateTime = simple(
  '-?[0-9]{4,6}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?|24:00:00(?:\\.0+)?)(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?',
  'a date and time such as 2031-03-04T09:30:00Z',
)
export const duration = simple(
  '-?P(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:\\.[0-9]+)?S)?)?',
  'a duration such as PT15M',
)
// Bounded white space: what stands in a repeated group does not itself repeat without end.
const SIX_BITS = '[A-Za-z0-9+/]\\s{0,64}'
export const base64 = simple(`(?:(?:${SIX_BITS}){4})*(?:(?:${SIX_BITS}){2}=\\s{0,64}=|(?:${SIX_BITS}){3}=)?`, 'base64')
export const text: JsonSchema = { type: 'string' }

/** One of some words, or any number of them. */
export const word = (words: readonly string[]): JsonSchema => simple(words.join('|'), `one of ${words.join(', ')}`)
export const words = (allowed: readonly string[]): JsonSchema =>
  simple(`(?:(?:${allowed.join('|')})?(?:\\s|$))*`, `a list of ${allowed.join(', ')}`)

const NO_TEXT: JsonSchema = { type: 'string', maxLength: 0, description: 'free of text, only elements may stand inside' }

const attributeNames = (attributes: Schemas): Schemas => Object.fromEntries(Object.entries(attributes).map(([name, schema]) => [`@${name}`, schema]))

/** An element with text inside and no elements; any further attribute is welcome. */
export const leaf = (value: JsonSchema, attributes: Schemas = {}, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  ...(required.length === 0 ? {} : { required }),
  properties: { '#text': value, ...attributeNames(attributes) },
  patternProperties: { '^@': true },
  additionalProperties: false,
})

/** Whatever it is. */
export const anything: JsonSchema = { type: 'object' }

const EXTENSIONS = ['delimiter', 'end', 'extension'] as const

/**
 * An element that holds elements. Any attribute is welcome, as anyAttribute has it; the order of elements is not judged. Elements that
 * stand behind a delimiter in section 7 may come without one, as the examples do; unnamed ones need it.
 */
export const element = (parts: ElementParts): JsonSchema => {
  const children = { ...parts.children, ...(parts.open === 'delimited' ? Object.fromEntries(EXTENSIONS.map((name) => [name, many(anything)])) : {}) }
  const closed = { patternProperties: { '^[@#]': true }, additionalProperties: false }
  return {
    type: 'object',
    ...(parts.required === undefined ? {} : { required: parts.required }),
    properties: { ...(parts.strayText === true ? {} : { '#text': NO_TEXT }), ...attributeNames(parts.attributes ?? {}), ...children },
    ...(parts.open === 'closed' ? closed : {}),
    ...(parts.open === 'delimited' ? { if: delimited, else: { properties: Object.fromEntries(Object.keys(children).map((name) => [name, true])), ...closed } } : {}),
    ...parts.also,
  }
}

/** True of an element that makes use of the extension point of section 7.1. */
export const delimited: JsonSchema = { anyOf: [{ required: ['delimiter'] }, { required: ['end'] }] }

/** A child element that may be there at most once. */
export const one = (schema: JsonSchema): JsonSchema => ({ type: 'array', maxItems: 1, items: schema })

/** A child element that may repeat. */
export const many = (schema: JsonSchema): JsonSchema => ({ type: 'array', items: schema })

/** The whole payload: one root element of this name. */
export const payload = (root: string, schema: JsonSchema, definitions?: Schemas): JsonSchema => ({
  type: 'object',
  required: [root],
  properties: { [root]: schema },
  ...(definitions === undefined ? {} : { definitions }),
})

/** Attributes of most root elements of section 7. */
export const versions: Schemas = { majorVersion: unsignedInt, minorVersion: unsignedInt }

/** LCIDType of 7.2 and 7.3: text with a language and the time of its last change. */
export const localized = leaf(text, { LCID: unsignedInt, updated: dateTime })
