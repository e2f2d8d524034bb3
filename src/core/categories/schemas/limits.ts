/** What the schema of an operator may cost to compile and to judge by. */
const MAX_VALUES = 5_000
const MAX_DEPTH = 32
const MAX_TEXT = 64 * 1024
const MAX_PATTERN = 1024

/** One group of a pattern while it is read. */
interface Group {
  repeats: boolean
  alternates: boolean
  /** What each alternative begins with; undefined where that is not a plain letter or digit. */
  readonly begins: (string | undefined)[]
  atStart: boolean
}

const newGroup = (): Group => ({ repeats: false, alternates: false, begins: [], atStart: true })

const repetition = /(?:[*+]|\{[0-9]+(,?)([0-9]*)\})\??/y

/** The end of a character class that starts at `at`. */
const classEnd = (pattern: string, at: number): number => {
  let end = at + 1
  while (end < pattern.length && pattern[end] !== ']') end += pattern[end] === '\\' ? 2 : 1
  return end
}

/**
 * Whether a pattern repeats what itself repeats, or alternatives that may begin alike: such patterns can take time exponential in the
 * length of the text. A rule of thumb that also refuses some harmless patterns.
 */
const isSlow = (pattern: string): boolean => {
  const outer = newGroup()
  const open: Group[] = [outer]
  let closed: Group | undefined
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at] ?? ''
    const group = open.at(-1) ?? outer
    repetition.lastIndex = at
    const repeated = repetition.exec(pattern)
    if (repeated !== null) {
      const [whole, comma, most] = repeated
      if (whole.startsWith('{') ? comma === ',' && most === '' : true) {
        if (closed !== undefined && (closed.repeats || (closed.alternates && (closed.begins.includes(undefined) || new Set(closed.begins).size < closed.begins.length)))) return true
        group.repeats = true
      }
      at += whole.length - 1
      closed = undefined
      continue
    }
    if (character === '|') {
      group.alternates = true
      group.atStart = true
      closed = undefined
      continue
    }
    if (character === ')') {
      closed = open.length > 1 ? open.pop() : undefined
      if (closed?.repeats === true) (open.at(-1) ?? outer).repeats = true
      continue
    }
    if (group.atStart) group.begins.push(/^[A-Za-z0-9]$/.test(character) ? character : undefined)
    group.atStart = false
    closed = undefined
    if (character === '(') {
      open.push(newGroup())
      const flags = /^\?(?:[:=!]|<[=!]|<[A-Za-z0-9_]+>)/.exec(pattern.slice(at + 1, at + 64))
      at += flags?.[0].length ?? 0
    } else if (character === '[') at = classEnd(pattern, at)
    else if (character === '\\') at += 1
  }
  return false
}

const isPattern = (keyword: string, value: unknown): value is string => keyword === 'pattern' && typeof value === 'string'

const patternFault = (pattern: string): string | undefined => {
  if (pattern.length > MAX_PATTERN) return `a pattern longer than ${MAX_PATTERN} characters`
  return isSlow(pattern) ? `the pattern ${pattern.slice(0, 60)} repeats a repetition, or alternatives that may begin alike` : undefined
}

const keywordFault = (keyword: string, value: unknown): string | undefined => {
  if (keyword === '$ref' && typeof value === 'string' && !value.startsWith('#')) return `$ref to ${value.slice(0, 60)}: only references inside the schema are followed`
  if (keyword === '$schema' && (typeof value !== 'string' || !/^https?:\/\/json-schema\.org\/draft-07\/schema#?$/.test(value))) return 'only draft-07 of JSON Schema is understood'
  if (keyword === '$async' && value === true) return '$async is not possible here'
  if (isPattern(keyword, value)) return patternFault(value)
  if (keyword === 'patternProperties' && typeof value === 'object' && value !== null) return Object.keys(value).map(patternFault).find((fault) => fault !== undefined)
  return undefined
}

/** Why a schema is not one that this server would work with, or undefined: too much of it, references elsewhere, slow patterns. */
export const schemaFault = (schema: unknown): string | undefined => {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: schema, depth: 1 }]
  let values = 0
  let text = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next
    values += 1
    if (values > MAX_VALUES) return `more than ${MAX_VALUES} values`
    if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH}`
    if (typeof value === 'string') text += value.length
    if (typeof value === 'object' && value !== null) {
      for (const [keyword, inside] of Object.entries(value)) {
        text += keyword.length
        const fault = keywordFault(keyword, inside)
        if (fault !== undefined) return fault
        waiting.push({ value: inside, depth: depth + 1 })
      }
    }
    if (text > MAX_TEXT) return `more than ${MAX_TEXT} characters`
  }
  return undefined
}
