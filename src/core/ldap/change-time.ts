import type { Instant } from '../base/instant.ts'
import type { LdapKind } from './attribute-map.ts'
import type { LdapFilter } from './filter.ts'
import type { LdapEntry } from './read-person.ts'

/** Where each kind of server says when an entry changed, and by how much a later look must overlap. */
const CHANGE_TIME = {
  // The time is that of the beginning of a change, which may become visible a little later.
  generic: { attribute: 'modifyTimestamp', overlapMs: 5_000 },
  // Each domain controller has a time of its own for a change: when it came there.
  activeDirectory: { attribute: 'whenChanged', overlapMs: 600_000 },
} as const

/** The attribute that says when an entry changed; it must be asked for by name. */
export const changeTimeAttribute = (kind: LdapKind): string => CHANGE_TIME[kind].attribute

const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:[.,]\d+)?Z$/

/** When an entry changed (RFC 4517 3.3.13), to the second; undefined when it does not say so. */
export const readChangeTime = (entry: LdapEntry, kind: LdapKind): Instant | undefined => {
  const [, ...parts] = GENERALIZED_TIME.exec(entry.get(CHANGE_TIME[kind].attribute.toLowerCase())?.[0] ?? '') ?? []
  const [year, month, day, hour, minute, second] = parts.map(Number)
  if (year === undefined || month === undefined) return undefined
  return Date.UTC(year, month - 1, day, hour, minute, second)
}

/** Those who may have changed since what was read last had changed. */
export const changedSince = (since: Instant, kind: LdapKind): LdapFilter => {
  const { attribute, overlapMs } = CHANGE_TIME[kind]
  const [date = ''] = new Date(since - overlapMs).toISOString().replace(/[-:T]/g, '').split('.')
  return { atLeast: attribute, value: `${date}.0Z` }
}
