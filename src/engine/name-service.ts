import { Resolver } from 'node:dns/promises'

const resolver = new Resolver({ timeout: 2_000, tries: 2 })

/** What the name service says when there is no such name, or no such record; anything else says nothing about the name. */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA'])

const absentIs = (error: unknown): readonly string[] => {
  if (error instanceof Error && 'code' in error && ABSENT.has(String(error.code))) return []
  throw error
}

/** Whether a domain has an address (3.5.5.2). Rejects when the name service cannot say. */
export const hasAddress = async (domain: string): Promise<boolean> => {
  const [four, six] = await Promise.all([resolver.resolve4(domain).catch(absentIs), resolver.resolve6(domain).catch(absentIs)])
  return four.length + six.length > 0
}
