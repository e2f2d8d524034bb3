import type { DirectoryResults, FoundPerson } from '../model/directory-search.ts'
import { foldText } from './fold.ts'

/** Whoever is found in several directories is one person: the first has the word, later ones say what it does not know. */
const complete = (known: FoundPerson, more: FoundPerson): FoundPerson =>
  ({ ...more, ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== '')), user: known.user, displayName: known.displayName || more.displayName })

/**
 * What several directories found, each person once, by name, at most `limit`. Directories write addresses in large and small letters as they like: the same but for those is
 * the same person.
 */
export const mergeResults = (results: readonly DirectoryResults[], limit: number): DirectoryResults => {
  const people = new Map<string, FoundPerson>()
  for (const person of results.flatMap(({ people: found }) => found)) {
    const key = person.user.toLowerCase()
    const known = people.get(key)
    people.set(key, known === undefined ? person : complete(known, person))
  }
  const named = [...people.values()].map((person) => ({ person, key: `${foldText(person.displayName)}\u0000${person.user}` })).sort((a, b) => (a.key < b.key ? -1 : 1))
  return { people: named.slice(0, limit).map(({ person }) => person), more: named.length > limit || results.some(({ more }) => more) }
}
