import { parseArgs } from 'node:util'

/** Whole numbers that a check may be given as `--name N`, with what they usually are and may be. */
export type NumberOptions = Readonly<Record<string, { readonly usual: number; readonly min: number; readonly max: number }>>

/** Reads the arguments of a check; a sentence when they cannot be read. Texts are undefined when they are not given. */
export const readCheckArguments = <N extends NumberOptions, T extends string>(args: readonly string[], numbers: N, texts: readonly T[]): { readonly numbers: { readonly [K in keyof N]: number }; readonly texts: { readonly [K in T]?: string } } | string => {
  const names = [...Object.keys(numbers), ...texts]
  const usage = `options: ${[...Object.entries(numbers).map(([name, { usual, min, max }]) => `--${name} N (${min} to ${max}, else ${usual})`), ...texts.map((name) => `--${name} TEXT`)].join(', ')}`
  let values: Readonly<Record<string, string | boolean | undefined>>
  try {
    values = parseArgs({ args: [...args], options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])), allowPositionals: false, strict: true }).values
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n${usage}`
  }
  const read: Record<string, number> = {}
  for (const [name, { usual, min, max }] of Object.entries(numbers)) {
    const text = values[name]
    const number = text === undefined ? usual : Number(text)
    if (!Number.isInteger(number) || number < min || number > max) return `--${name} is not a whole number from ${min} to ${max}\n${usage}`
    read[name] = number
  }
  return { numbers: read as { readonly [K in keyof N]: number }, texts: Object.fromEntries(texts.flatMap((name) => (typeof values[name] === 'string' ? [[name, values[name]]] : []))) as { readonly [K in T]?: string } }
}
