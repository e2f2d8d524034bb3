import type { FedPerson } from '../model/directory-feed.ts'

/** What is stored of a user, as far as a directory may have a say in it. */
export interface StoredPerson {
  readonly displayName: string
  readonly properties: Readonly<Record<string, string>>
  /** It was found in the directory before. */
  readonly fed: boolean
}

/** A user as it must be stored. */
export type FedTerms = Pick<StoredPerson, 'displayName' | 'properties'>

const isSame = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean => {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/**
 * What a user must be like once the directory has been read; undefined when it is so already. The directory has the say in the name and the properties that are mapped,
 * also where it says nothing; all others are the operator's.
 */
export const compareFed = ({ displayName, properties }: FedPerson, stored: StoredPerson | undefined, mapped: ReadonlySet<string>): FedTerms | undefined => {
  const own = Object.entries(stored?.properties ?? {}).filter(([name]) => !mapped.has(name))
  const merged = { ...Object.fromEntries(own), ...Object.fromEntries(Object.entries(properties).filter(([name]) => mapped.has(name))) }
  if (stored?.fed === true && stored.displayName === displayName && isSame(stored.properties, merged)) return undefined
  return { displayName, properties: merged }
}

/** May so many users who are gone from the directory be removed at once? One always may; more than a part of all whom it ever named look like a fault of the directory. */
export const mayRemove = (gone: number, fed: number, maxPercent: number): boolean => gone <= Math.max(1, Math.floor(fed * maxPercent / 100))
