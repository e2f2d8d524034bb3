import { ProblemError } from '../problem.ts'

const DEFAULT_LIMIT = 100

export interface PageRequest {
  readonly limit: number
  readonly after: string | undefined
}

/** Reads limit and cursor; a cursor that we did not write is 400. */
export const readPage = (query: { readonly limit?: string; readonly cursor?: string }): PageRequest => {
  const limit = query.limit === undefined ? DEFAULT_LIMIT : Number(query.limit)
  if (query.cursor === undefined) return { limit, after: undefined }
  const after = Buffer.from(query.cursor, 'base64url').toString('utf8')
  if (Buffer.from(after).toString('base64url') !== query.cursor || after === '' || after.includes('\u0000')) throw new ProblemError(400, 'cursor is not one of this list')
  return { limit, after }
}

/** The same for lists in the order of two keys, neither of which holds a line break. */
export const readPairPage = (query: { readonly limit?: string; readonly cursor?: string }): { readonly limit: number; readonly after: readonly [string, string] | undefined } => {
  const { limit, after } = readPage(query)
  if (after === undefined) return { limit, after }
  const [first, second, more] = after.split('\n')
  if (first === undefined || second === undefined || more !== undefined) throw new ProblemError(400, 'cursor is not one of this list')
  return { limit, after: [first, second] }
}

/** The key by which `readPairPage` goes on. */
export const pairKey = (first: string, second: string): string => `${first}\n${second}`

/** Makes a page of one entry more than was asked for: the surplus entry only tells that there is a next page. */
export const writePage = <T>(entries: readonly T[], limit: number, keyOf: (entry: T) => string): { items: T[]; next?: string } => {
  const items = entries.slice(0, limit)
  const last = items.at(-1)
  return entries.length > limit && last !== undefined ? { items, next: Buffer.from(keyOf(last)).toString('base64url') } : { items }
}
