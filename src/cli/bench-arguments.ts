import { parseArgs } from 'node:util'

/** The benchmark was called with something it does not know; the message says what it knows. */
export class ArgumentError extends Error {}

/** Values of `--name value` by name, and what stood there without a name. */
export interface Arguments {
  readonly numbers: (name: string, usual: readonly number[]) => readonly number[]
  readonly number: (name: string, usual: number) => number
  readonly choices: <T extends string>(name: string, known: readonly T[], usual: readonly T[]) => readonly T[]
  readonly plain: readonly string[]
}

const readNumber = (name: string, text: string): number => {
  const value = Number(text)
  if (text === '' || !Number.isFinite(value) || value < 0) throw new ArgumentError(`--${name}: "${text}" is not a number`)
  return value
}

/** Reads `--name value` and `--name=value`; lists are separated by commas. Refuses names that are not in `names`. */
export const readArguments = (args: readonly string[], names: readonly string[]): Arguments => {
  const parse = () => parseArgs({ args: [...args], allowPositionals: true, options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])) })
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse()
  } catch (error) {
    throw new ArgumentError(`${error instanceof Error ? error.message : String(error)}; known: ${names.map((name) => `--${name}`).join(' ')}`)
  }
  const list = (name: string): readonly string[] | undefined => {
    const text = parsed.values[name]
    return typeof text === 'string' ? text.split(',') : undefined
  }
  const numbers = (name: string, usual: readonly number[]): readonly number[] => list(name)?.map((text) => readNumber(name, text)) ?? usual
  return {
    numbers,
    number: (name, usual) => numbers(name, [usual])[0] ?? usual,
    choices: (name, known, usual) => list(name)?.map((text) => {
      const found = known.find((choice) => choice === text)
      if (found === undefined) throw new ArgumentError(`--${name}: "${text}" is none of ${known.join(', ')}`)
      return found
    }) ?? usual,
    plain: parsed.positionals,
  }
}
